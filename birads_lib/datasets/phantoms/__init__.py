"""Synthetic mammograms with known truth.

A phantom is a breast without findings (``anatomy``) with lesions laid into it (``lesions``) and a
category that follows from their descriptors (``lexicon``); sources stand in those modules. Nothing
of the patient, the outline, the exposure or the modality depends on the category.
"""

from dataclasses import dataclass

import numpy as np

from . import anatomy, lesions, lexicon

PREVALENCE = (0.20, 0.36, 0.13, 0.16, 0.15)  # categories 1..5
DISAGREEMENT = 0.08
LATERALITIES = ("L", "R")
VIEWS = ("CC", "MLO")
GOLDEN = (5**0.5 - 1) / 2


@dataclass
class Finding:
    """A lesion with its lexicon terms, the category it implies (2..5) and its true extent."""

    kind: str
    descriptors: str
    category: int
    mask: np.ndarray  # bool (size, size)


@dataclass
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
    prevalence: tuple[float, ...] = PREVALENCE,
    modality: str = "mixed",
) -> Phantom:
    """Make one view of one patient, from these arguments alone.

    ``modality`` is "DM", "s2D", "DBT", or "mixed" (one per patient).
    """
    who = anatomy.describe_patient(_rng(seed, patient, 0), modality)
    side = LATERALITIES.index(laterality)
    breast = _rng(seed, patient, 1, side)
    grade = true_grade(seed, patient, laterality, prevalence)
    read = lexicon.read_grade(grade, disagreement, breast)
    own = _rng(seed, patient, 3, side, VIEWS.index(view))
    body, thickness = anatomy.tissue(
        who, view, [_rng(seed, patient, 4), _rng(seed, patient, 5, side), own], size
    )
    findings = []
    for number, sign in enumerate(lexicon.choose_signs(grade, breast)):
        rng = _rng(seed, patient, 6, side, number)
        mask = _insert(body, sign, who, view, rng, own)
        category = lexicon.assess(sign.kind, sign.descriptors)
        findings.append(Finding(sign.kind, sign.descriptors, category, mask & (thickness > 0)))
    image = anatomy.expose(body, thickness, who, own)
    if laterality == "R":
        image = np.ascontiguousarray(image[:, ::-1])
        for finding in findings:
            finding.mask = np.ascontiguousarray(finding.mask[:, ::-1])
    return Phantom(image, findings, read, grade, who.density, who.modality)


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def true_grade(seed: int, patient: int, laterality: str, prevalence: tuple[float, ...]) -> int:
    """Return the category of one breast by the lexicon.

    Patients follow a low-discrepancy sequence, so that a small cohort also comes near
    ``prevalence``; the other breast lies 0.2 to 0.8 of a turn away, so both are rarely suspicious.
    """
    position = _rng(seed).random() + GOLDEN * patient
    first, shift = _rng(seed, patient, 2).random(2)
    if (laterality == "R") == (first < 0.5):
        position += 0.2 + 0.6 * shift
    edges = np.cumsum(prevalence) / np.sum(prevalence)
    return 1 + min(int(np.searchsorted(edges, position % 1, side="right")), 4)


def _insert(
    body: np.ndarray,
    sign: lexicon.Sign,
    who: anatomy.Patient,
    view: str,
    rng: np.random.Generator,
    own: np.random.Generator,
) -> np.ndarray:
    """Add a finding to ``body`` in place; return its mask, bool (size, size).

    Its place in the breast (depth, height, side) is the lesion's own; both views project it at the
    same share of the way from the chest wall to the skin.
    """
    size = len(body)
    depth, across, lift, angle = rng.uniform([0.35, -1, -1, 0], [0.72, 1, 1, 2 * np.pi])
    offset = 0.5 * across if view == "CC" else 0.35 * across - 0.35 * lift
    y = anatomy.centre_height(view) + offset * who.half_height
    x = depth * float(anatomy.outline(who, view, np.array([y]))[0])
    to_nipple = np.arctan2(anatomy.centre_height(view) - y, who.depth - x)
    directed = "segmental" in sign.descriptors or "diffuse" in sign.descriptors
    turn = to_nipple if directed else angle + own.normal(0, 0.5)
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
