"""The lexicon: which findings lead to which assessment category, and why.

The terms and what they lead to follow the ACR BI-RADS Atlas (D'Orsi CJ, Sickles EA, Mendelson EB,
Morris EA, et al. 5th edition, American College of Radiology, 2013), mammography section. Category 4
isn't divided, and a phantom has no history, prior image or ultrasound: each finding is by itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from birads_lib.task import BIRADS


class Sign(NamedTuple):
    """A finding that can be drawn."""

    kind: str
    descriptors: str  # separated by commas
    category: int  # 2..5, which it implies
    share: float  # how often it leads its category


CATALOGUE = (
    Sign("mass", "oval, circumscribed, fat-containing", 2, 0.2),  # lipoma, hamartoma, oil cyst
    Sign("mass", "oval, circumscribed, intramammary lymph node", 2, 0.15),  # typically benign node
    Sign("calcification", "coarse popcorn-like", 2, 0.25),  # involuting fibroadenoma
    Sign("calcification", "rim", 2, 0.15),  # oil cyst or calcified cyst wall
    Sign("calcification", "vascular", 2, 0.15),  # arterial wall
    Sign("calcification", "large rod-like, diffuse", 2, 0.1),  # secretory disease
    Sign("mass", "oval, circumscribed, equal density", 3, 0.45),  # solitary, probably benign
    Sign("mass", "round, circumscribed, equal density", 3, 0.15),  # solitary, probably benign
    Sign("calcification", "round, grouped", 3, 0.25),  # solitary group, probably benign
    Sign("asymmetry", "focal", 3, 0.15),  # solitary, probably benign
    Sign("mass", "irregular, indistinct, equal density", 4, 0.2),  # suspicious shape and margin
    Sign("mass", "oval, microlobulated, equal density", 4, 0.2),  # suspicious margin
    Sign("calcification", "amorphous, grouped", 4, 0.15),  # suspicious morphology
    Sign("calcification", "coarse heterogeneous, grouped", 4, 0.15),  # suspicious morphology
    Sign("calcification", "fine pleomorphic, grouped", 4, 0.15),  # suspicious morphology
    Sign("architectural_distortion", "", 4, 0.15),  # suspicious without a known scar
    Sign("mass", "irregular, spiculated, high density", 5, 0.7),  # classic carcinoma
    Sign("calcification", "fine linear branching, segmental", 5, 0.3),  # casts of ducts: classic
)


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
    signs = [sign for sign in CATALOGUE if sign.category == category]
    shares = np.array([sign.share for sign in signs])
    return signs[rng.choice(len(signs), p=shares / shares.sum())]


def read_grade(
    true: int,
    disagreement: float,
    rng: np.random.Generator,
    numbers: Sequence[int] = BIRADS.numbers,
) -> int:
    """Return the category a reader gives: one step off with probability ``disagreement``.

    At the first and the last of ``numbers`` the only step there is leads inwards.
    """
    moves, up = rng.random(2)
    if moves >= disagreement:
        return true
    step = 1 if up < 0.5 else -1
    return true + step if true + step in numbers else true - step
