"""Simulated biopsies: who is sent to one, and what it finds.

A phantom has no cells. Its histology is a Bernoulli draw for each lesion, with a stated chance for
the category that its signs imply in the lexicon; the likelihoods of malignancy that the ACR BI-RADS
Atlas gives to categories (5th edition, 2013) bound them. Both views of a lesion share the draw.

Tables are those of ``images.regions``, cut from phantoms.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.phantoms.lexicon import CATALOGUE
from birads_lib.task import BIRADS, MALIGNANCY

BENIGN, MALIGNANT = MALIGNANCY.labels
_CATEGORY = {(sign.kind, sign.descriptors): sign.category for sign in CATALOGUE}


def lesion_ids(rois: pd.DataFrame) -> pd.Series:
    """Return the id of each region's lesion: patient, side and number, the same for both views."""
    numbers = rois["finding"].astype(str)
    return rois["patient_id"] + "_" + rois["laterality"] + "_f" + numbers


def implied_categories(rois: pd.DataFrame) -> pd.Series:
    """Return the category, 2..5, that each region's lesion implies by the lexicon.

    Raises UserError for a lesion that is not in the catalogue of phantoms.
    """
    signs = zip(rois["kind"], rois["descriptors"], strict=True)
    categories = pd.Series([_CATEGORY.get(sign) for sign in signs], rois.index, dtype="Int64")
    if categories.isna().any():
        foreign = rois.loc[categories.isna(), "roi_id"].iloc[0]
        raise UserError(
            f"the finding of {foreign} is none that phantoms have, so its histology can't be "
            "simulated; a data set with biopsies needs no simulation"
        )
    return categories.astype(int)


def biopsied(rois: pd.DataFrame, of_3: float, seed: int) -> pd.Series:
    """Return whether each lesion is sent to biopsy.

    All that the reader calls BI-RADS 4 or 5 are, none of BI-RADS 1 or 2, and of BI-RADS 3 a share
    ``of_3``: for a patient's wish, say, or a lesion that grew. ``birads`` is the reader's.
    """
    chance = rois["birads"].astype(int).map({3: of_3, 4: 1.0, 5: 1.0}).fillna(0.0)
    return _uniform(lesion_ids(rois), seed, "biopsy") < chance


def histology(rois: pd.DataFrame, malignant: Mapping[int, float], seed: int) -> pd.Series:
    """Return the biopsy's result for each lesion, "benign" or "malignant".

    Args:
        rois: regions of phantoms.
        malignant: category by the lexicon -> the chance of malignancy, 0..1; 0 for those left out.
        seed: of the draws.
    """
    wrong = {k: p for k, p in malignant.items() if k not in BIRADS.numbers or not 0 <= p <= 1}
    if wrong:
        raise UserError(f"malignant: {wrong}; expected chances 0 to 1 of categories 1 to 5")
    chance = implied_categories(rois).map(dict(malignant)).fillna(0.0)
    drawn = _uniform(lesion_ids(rois), seed, "histology") < chance
    return pd.Series(np.where(drawn, MALIGNANT, BENIGN), rois.index)


def _uniform(lesions: pd.Series, seed: int, purpose: str) -> pd.Series:
    """Return a draw from 0..1 for each lesion, whatever other lesions there are."""
    draws = {
        lesion: np.random.default_rng([seed, zlib.crc32(f"{lesion} {purpose}".encode())]).random()
        for lesion in lesions.unique()
    }
    return lesions.map(draws)
