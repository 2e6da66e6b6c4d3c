"""One synthetic mammogram, from a seed and the number of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from birads_lib.checked import Checked
from birads_lib.phantoms import anatomy, lesions, lexicon
from birads_lib.task import DENSITY

PREVALENCE = (0.20, 0.36, 0.13, 0.16, 0.15)  # categories 1..5
LATERALITIES = ("L", "R")
VIEWS = ("CC", "MLO")
_GOLDEN = (5**0.5 - 1) / 2
_STREAMS = ("cohort", "patient", "grade", "breast", "texture", "finding", "view", "density")


def _sum_to_1(shares: tuple[float, ...], count: int, word: str) -> tuple[float, ...]:
    if len(shares) != count or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"is {shares}, expected {word} shares that sum to 1")
    return shares


class Options(Checked):
    """Options for drawing phantoms."""

    size: int = Field(256, ge=64, le=4096)  # side in pixels; findings scale with it, noise doesn't
    disagreement: float = Field(0.08, ge=0, le=1)  # how often a breast is read one category off
    prevalence: Annotated[
        tuple[float, ...], Field(strict=False),
        AfterValidator(partial(_sum_to_1, count=5, word="five")), "five shares that sum to 1",
    ] = PREVALENCE  # fmt: skip
    modality: Literal["mixed", *anatomy.MODALITY_SHARES] = "mixed"  # mixed: one per patient
    density_shares: Annotated[
        tuple[float, ...], Field(strict=False),
        AfterValidator(partial(_sum_to_1, count=4, word="four")), "four shares that sum to 1",
    ] = tuple(anatomy.DENSITY_SHARES.values())  # fmt: skip
    density_disagreement: float = Field(0.0, ge=0, le=1)  # how often a patient is read one off
    gamma: float = Field(1.0, ge=0.2, le=5)  # of all grey levels, as another machine shows them
    noise: float = Field(1.0, ge=0, le=10)  # times that of the modality


class _View(Options):
    seed: int = Field(ge=0)
    patient: int = Field(ge=0)
    laterality: Literal[*LATERALITIES]
    view: Literal[*VIEWS] = VIEWS[0]


@dataclass(frozen=True)
class Finding:
    """A lesion with its lexicon terms, the category it implies (2..5) and its true extent."""

    kind: str
    descriptors: str
    category: int
    mask: np.ndarray  # bool (size, size)


@dataclass(frozen=True)
class Truth:
    """The truth about a breast: ``birads`` and ``density`` are the reader's.

    ``birads_true`` follows from the lexicon; ``density_true`` is the density that was drawn.
    """

    birads: int
    birads_true: int
    density: str
    modality: str
    density_true: str


@dataclass(frozen=True)
class Phantom(Truth):
    """One view with its truth."""

    image: np.ndarray  # uint8 (size, size)
    findings: list[Finding]


def render(seed: int, patient: int, laterality: str, view: str, **options: object) -> Phantom:
    """Make one view of one patient, from these arguments alone.

    But for its findings an image doesn't depend on the category: other shares in ``prevalence``
    give the same breast, exposure and noise.

    Args:
        seed, patient: whole numbers from 0; the same two give the same patient.
        laterality: "L" or "R"; the chest wall is at the left edge of a left breast.
        view: "CC" or "MLO".
        options: as ``Options`` has them.

    Raises:
        UserError: lists every argument that is out of range.
    """
    place = {"seed": seed, "patient": patient, "laterality": laterality, "view": view}
    asked = _View.of(place | options)
    stream = partial(_rng, seed, patient)
    side, position = LATERALITIES.index(laterality), VIEWS.index(view)
    of_breast, of_view = stream("breast", side), stream("view", side, position)
    traits, truth = _truth(asked, of_breast)
    textures = [stream("texture"), stream("texture", 1 + side), of_view]
    body, thickness = anatomy.tissue(traits, view, textures, asked.size)
    step = 1 if laterality == "L" else -1  # a right breast is drawn as a left one, and mirrored
    findings = []
    for number, sign in enumerate(lexicon.choose_signs(truth.birads_true, of_breast)):
        tilt = stream("finding", side, number, 1 + position).normal(0, 0.5)
        mask = _insert(body, sign, traits, view, stream("finding", side, number), tilt)
        mask = (mask & (thickness > 0))[:, ::step].copy()
        findings.append(Finding(sign.kind, sign.descriptors, sign.category, mask))
    image = anatomy.expose(body, thickness, traits, of_view, asked.noise)[:, ::step].copy()
    return Phantom(**vars(truth), image=image, findings=findings)


def describe(seed: int, patient: int, laterality: str, **options: object) -> Truth:
    """Return the truth that ``render`` gives a breast, without drawing it; arguments as there."""
    request = _View.of({"seed": seed, "patient": patient, "laterality": laterality} | options)
    return _truth(request, _rng(seed, patient, "breast", LATERALITIES.index(laterality)))[1]


def _truth(asked: _View, of_breast: np.random.Generator) -> tuple[anatomy.Patient, Truth]:
    """Return the patient, and what is known of the breast: the first two draws ``of_breast``."""
    traits = _patient(asked)
    grade = true_grade(asked.seed, asked.patient, asked.laterality, asked.prevalence)
    read_as = lexicon.read_grade(grade, asked.disagreement, of_breast)
    density = read_density(asked.seed, asked.patient, traits.density, asked.density_disagreement)
    return traits, Truth(read_as, grade, density, traits.modality, traits.density)


def _patient(asked: Options) -> anatomy.Patient:
    drawn = _rng(asked.seed, asked.patient, "patient")
    traits = anatomy.describe_patient(drawn, asked.modality, asked.density_shares)
    return replace(traits, gamma=traits.gamma * asked.gamma)


def read_density(seed: int, patient: int, true: str, disagreement: float, reader: int = 0) -> str:
    """Return the density that a reader gives a patient: one off with chance ``disagreement``.

    All images of the patient have it. Readers err independently; the data set has that of
    ``reader`` 0. At A and D the only step there is leads inwards.
    """
    rng, labels = _rng(seed, patient, "density", reader), DENSITY.labels
    number = labels.index(true) + 1
    return labels[lexicon.read_grade(number, disagreement, rng, DENSITY.numbers) - 1]


def true_grade(seed: int, patient: int, laterality: str, prevalence: Sequence[float]) -> int:
    """Return the category of one breast by the lexicon.

    Patients follow a low-discrepancy (golden ratio) sequence, so that a small cohort also comes
    near ``prevalence``; the other breast lies 0.2 to 0.8 of a turn away, so that each breast alone
    follows ``prevalence`` and both are rarely suspicious.
    """
    position = _rng(seed, 0, "cohort").random() + _GOLDEN * patient
    first, shift = _rng(seed, patient, "grade").random(2)
    if (laterality == "R") == (first < 0.5):
        position += 0.2 + 0.6 * shift
    edges = np.cumsum(prevalence)[:-1]
    return 1 + int(np.searchsorted(edges, position % 1, side="right"))


def _rng(seed: int, patient: int, stream: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, patient, _STREAMS.index(stream) + 1, *more])


def _insert(
    body: np.ndarray,
    sign: lexicon.Sign,
    traits: anatomy.Patient,
    view: str,
    rng: np.random.Generator,
    tilt: float,
) -> np.ndarray:
    """Add a finding to ``body`` in place; return its mask, bool (size, size).

    Its place in the breast (depth, side, height) comes from its ``rng``, which both views share;
    both show it at the same share of the way from the chest wall to the skin. ``tilt``, in
    radians, is the view's.
    """
    size, nipple = len(body), anatomy.NIPPLE[view]
    depth, lateral, lift, angle = rng.uniform([0.35, -1, -1, 0], [0.72, 1, 1, 2 * np.pi])
    offset = 0.5 * lateral if view == "CC" else 0.35 * lateral - 0.35 * lift
    y = nipple + offset * traits.half_height
    x = depth * float(anatomy.outline(traits, view, np.array([y]))[0])
    to_nipple = np.arctan2(nipple - y, traits.depth - x)
    directed = "segmental" in sign.descriptors or "diffuse" in sign.descriptors
    rotation = to_nipple if directed else angle + tilt
    field, extent = lesions.draw(sign.kind, sign.descriptors, rng, rotation, size / 256)
    return _paste(body, field, extent, round(x * size), round(y * size))


def _paste(body: np.ndarray, field: np.ndarray, extent: np.ndarray, x: int, y: int) -> np.ndarray:
    """Add a patch centred on (x, y), cut at the image's border; return its mask."""
    half, size = len(field) // 2, len(body)
    mask = np.zeros(body.shape, bool)
    top, bottom = max(y - half, 0), min(y + half + 1, size)
    left, right = max(x - half, 0), min(x + half + 1, size)
    part = (slice(top - y + half, bottom - y + half), slice(left - x + half, right - x + half))
    body[top:bottom, left:right] += field[part]
    mask[top:bottom, left:right] = extent[part]
    return mask
