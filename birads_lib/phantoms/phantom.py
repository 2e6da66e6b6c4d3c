"""One synthetic mammogram, from a seed and the number of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real

import numpy as np

from birads_lib.errors import UserError
from birads_lib.phantoms import anatomy, lesions, lexicon

PREVALENCE = (0.20, 0.36, 0.13, 0.16, 0.15)  # categories 1..5
DISAGREEMENT = 0.08
LATERALITIES = ("L", "R")
VIEWS = ("CC", "MLO")
_GOLDEN = (5**0.5 - 1) / 2
_STREAMS = ("cohort", "patient", "grade", "breast", "texture", "finding", "view")


@dataclass(frozen=True)
class Finding:
    """A lesion with its lexicon terms, the category it implies (2..5) and its true extent."""

    kind: str
    descriptors: str
    category: int
    mask: np.ndarray  # bool (size, size)


@dataclass(frozen=True)
class Phantom:
    """One view with its truth. ``birads`` is what the reader said, ``birads_true`` the lexicon."""

    image: np.ndarray  # uint8 (size, size)
    findings: list[Finding]
    birads: int
    birads_true: int
    density: str
    modality: str


def render(
    seed: int,
    patient: int,
    laterality: str,
    view: str,
    *,
    size: int = 256,
    disagreement: float = DISAGREEMENT,
    prevalence: Sequence[float] = PREVALENCE,
    modality: str = "mixed",
) -> Phantom:
    """Make one view of one patient, from these arguments alone.

    But for its findings an image doesn't depend on the category: other shares in ``prevalence``
    give the same breast, exposure and noise.

    Args:
        seed, patient: whole numbers from 0; the same two give the same patient.
        laterality: "L" or "R"; the chest wall is at the left edge of a left breast.
        view: "CC" or "MLO".
        size: side in pixels, 64 to 4096; findings scale with it, noise doesn't.
        disagreement: probability that the reader is one category off, 0..1, once per breast.
        prevalence: shares of the true categories 1..5, which sum to 1.
        modality: "DM", "s2D", "DBT", or "mixed" (one per patient).

    Raises:
        UserError: listing every argument that is out of range.
    """
    check(
        seed=seed, patient=patient, laterality=laterality, view=view, size=size,
        disagreement=disagreement, prevalence=prevalence, modality=modality,
    )  # fmt: skip
    stream = partial(_rng, seed, patient)
    side, position = LATERALITIES.index(laterality), VIEWS.index(view)
    of_breast, of_view = stream("breast", side), stream("view", side, position)
    traits = anatomy.describe_patient(stream("patient"), modality)
    grade = true_grade(seed, patient, laterality, prevalence)
    read_as = lexicon.read_grade(grade, disagreement, of_breast)
    textures = [stream("texture"), stream("texture", 1 + side), of_view]
    body, thickness = anatomy.tissue(traits, view, textures, size)
    step = 1 if laterality == "L" else -1  # a right breast is drawn as a left one, and mirrored
    findings = []
    for number, sign in enumerate(lexicon.choose_signs(grade, of_breast)):
        tilt = stream("finding", side, number, 1 + position).normal(0, 0.5)
        mask = _insert(body, sign, traits, view, stream("finding", side, number), tilt)
        mask = (mask & (thickness > 0))[:, ::step].copy()
        findings.append(Finding(sign.kind, sign.descriptors, sign.category, mask))
    image = anatomy.expose(body, thickness, traits, of_view)[:, ::step].copy()
    return Phantom(image, findings, read_as, grade, traits.density, traits.modality)


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
    depth, across, lift, angle = rng.uniform([0.35, -1, -1, 0], [0.72, 1, 1, 2 * np.pi])
    offset = 0.5 * across if view == "CC" else 0.35 * across - 0.35 * lift
    y = nipple + offset * traits.half_height
    x = depth * float(anatomy.outline(traits, view, np.array([y]))[0])
    to_nipple = np.arctan2(nipple - y, traits.depth - x)
    directed = "segmental" in sign.descriptors or "diffuse" in sign.descriptors
    turn = to_nipple if directed else angle + tilt
    field, extent = lesions.draw(sign.kind, sign.descriptors, rng, turn, size / 256)
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


def _is_whole(value: object, lowest: int = 0) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= lowest


def _is_share(value: object) -> bool:
    return isinstance(value, Real) and 0 <= value <= 1


def _are_shares(values: object) -> bool:
    are_five = isinstance(values, Sequence | np.ndarray) and len(values) == 5
    return are_five and all(map(_is_share, values)) and abs(sum(values) - 1) < 1e-6


_MODALITIES = ("mixed", *anatomy.MODALITY_SHARES)
_ALLOWED = {
    "seed": (_is_whole, "a whole number from 0"),
    "patient": (_is_whole, "a whole number from 0"),
    "patients": (partial(_is_whole, lowest=1), "a whole number from 1"),
    "workers": (lambda v: v is None or _is_whole(v, 1), "a whole number from 1, or None"),
    "size": (lambda v: _is_whole(v, 64) and v <= 4096, "a whole number of pixels, 64 to 4096"),
    "disagreement": (_is_share, "a probability from 0 to 1"),
    "prevalence": (_are_shares, "five shares that sum to 1"),
    "modality": (lambda v: v in _MODALITIES, "one of " + ", ".join(_MODALITIES)),
    "laterality": (lambda v: v in LATERALITIES, "L or R"),
    "view": (lambda v: v in VIEWS, "CC or MLO"),
}


def check(**arguments: object) -> None:
    """Raise UserError with every argument that is out of its range."""
    problems = [
        f"{name} must be {_ALLOWED[name][1]}, not {value!r}"
        for name, value in arguments.items()
        if not _ALLOWED[name][0](value)
    ]
    if problems:
        raise UserError("phantoms: " + "; ".join(problems))
