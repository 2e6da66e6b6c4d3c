"""From the lexicon's descriptors to an assessment category, as a table of rules.

The terms and what they lead to follow the ACR BI-RADS Atlas (D'Orsi CJ, Sickles EA, Mendelson EB,
Morris EA, et al. 5th edition, American College of Radiology, 2013), mammography section. Category 4
isn't divided, and a phantom has no history, prior image or ultrasound, so a rule reads one finding.
"""

from dataclasses import dataclass

import numpy as np

from birads_lib.task import BIRADS

# (kind, terms that must all be there, category, reason); the first row that matches decides.
RULES = (
    ("mass", ("intramammary lymph node",), 2, "typically benign node"),
    ("mass", ("fat-containing",), 2, "lipoma, hamartoma, oil cyst"),
    ("mass", ("irregular", "spiculated"), 5, "classic carcinoma"),
    ("mass", ("spiculated",), 4, "suspicious margin without the classic shape"),
    ("mass", ("irregular",), 4, "suspicious shape"),
    ("mass", ("indistinct",), 4, "suspicious margin"),
    ("mass", ("microlobulated",), 4, "suspicious margin"),
    ("mass", ("circumscribed",), 3, "solitary solid mass, probably benign"),
    ("calcification", ("coarse popcorn-like",), 2, "involuting fibroadenoma"),
    ("calcification", ("rim",), 2, "oil cyst or calcified cyst wall"),
    ("calcification", ("vascular",), 2, "arterial wall"),
    ("calcification", ("large rod-like",), 2, "secretory disease"),
    ("calcification", ("fine linear branching",), 5, "cast of ducts, classic carcinoma in situ"),
    ("calcification", ("amorphous",), 4, "suspicious morphology"),
    ("calcification", ("coarse heterogeneous",), 4, "suspicious morphology"),
    ("calcification", ("fine pleomorphic",), 4, "suspicious morphology"),
    ("calcification", ("round", "segmental"), 4, "suspicious distribution"),
    ("calcification", ("round", "grouped"), 3, "solitary group, probably benign"),
    ("calcification", ("round",), 2, "scattered round calcifications"),
    ("architectural_distortion", (), 4, "suspicious without a known scar"),
    ("asymmetry", ("focal",), 3, "solitary focal asymmetry, probably benign"),
)


@dataclass(frozen=True)
class Sign:
    """A finding that can be drawn: its words, and how often it leads its category."""

    kind: str
    descriptors: str
    share: float


CATALOGUE = (
    Sign("mass", "oval, circumscribed, fat-containing", 0.2),
    Sign("mass", "oval, circumscribed, intramammary lymph node", 0.15),
    Sign("calcification", "coarse popcorn-like", 0.25),
    Sign("calcification", "rim", 0.15),
    Sign("calcification", "vascular", 0.15),
    Sign("calcification", "large rod-like, diffuse", 0.1),
    Sign("mass", "oval, circumscribed, equal density", 0.45),
    Sign("mass", "round, circumscribed, equal density", 0.15),
    Sign("calcification", "round, grouped", 0.25),
    Sign("asymmetry", "focal", 0.15),
    Sign("mass", "irregular, indistinct, equal density", 0.2),
    Sign("mass", "oval, microlobulated, equal density", 0.2),
    Sign("calcification", "amorphous, grouped", 0.15),
    Sign("calcification", "coarse heterogeneous, grouped", 0.15),
    Sign("calcification", "fine pleomorphic, grouped", 0.15),
    Sign("architectural_distortion", "", 0.15),
    Sign("mass", "irregular, spiculated, high density", 0.7),
    Sign("calcification", "fine linear branching, segmental", 0.3),
)


def assess(kind: str, descriptors: str) -> int:
    """Return the category (2..5) that one finding implies by ``RULES``.

    ``descriptors`` are lexicon terms separated by commas. Raises ValueError where no rule applies.
    """
    terms = {term.strip() for term in descriptors.split(",")}
    for rule_kind, needed, category, _ in RULES:
        if kind == rule_kind and terms.issuperset(needed):
            return category
    raise ValueError(f"no rule of the lexicon covers {kind!r} with descriptors {descriptors!r}")


def choose_signs(grade: int, rng: np.random.Generator) -> list[Sign]:
    """Return the findings of a breast whose true category is ``grade``: the leading one first.

    A quarter of the breasts with a finding also has a benign one, whatever the grade, so that
    neither the number of findings nor the presence of a benign one tells the grade.
    """
    if grade == 1:
        return []
    leading = _draw_sign(grade, rng)
    return [leading, _draw_sign(2, rng)] if rng.random() < 0.25 else [leading]


def _draw_sign(category: int, rng: np.random.Generator) -> Sign:
    signs = [sign for sign in CATALOGUE if assess(sign.kind, sign.descriptors) == category]
    shares = np.array([sign.share for sign in signs])
    return signs[rng.choice(len(signs), p=shares / shares.sum())]


def read_grade(true: int, disagreement: float, rng: np.random.Generator) -> int:
    """Return the category a reader gives: one step off with probability ``disagreement``.

    At 1 and 5 the only step there is leads inwards.
    """
    moves, up = rng.random(2)
    if moves >= disagreement:
        return true
    step = 1 if up < 0.5 else -1
    return true + step if true + step in BIRADS.numbers else true - step
