"""Breasts: what the views of one have in common, and how it differs from the other one.

BI-RADS is assessed for a breast, and readers look for what one side has and the other hasn't. A
breast is a patient's side; an image whose patient or side is unknown is a breast of its own. Where
a patient has several examinations, all views of a side are taken together.
"""

from typing import Literal

import numpy as np
import pandas as pd

OTHER = {"L": "R", "R": "L"}


def joined(
    values: np.ndarray, cases: pd.DataFrame, how: Literal["mean", "max"] = "mean"
) -> np.ndarray:
    """Return for each image the mean or the maximum over the views of its breast, (n, f).

    Args:
        values: (n, f), a row per image.
        cases: the table of images, in the same order.
        how: what is made of several views.
    """
    return pd.DataFrame(values).groupby(_names(cases)).transform(how).to_numpy()


def difference(of_breasts: np.ndarray, cases: pd.DataFrame) -> np.ndarray:
    """Return for each image its breast less the patient's other one, (n, f); 0 without one.

    ``of_breasts`` (n, f) is of ``joined``: all views of a breast have the same values.
    """
    names, sides = _names(cases), cases["laterality"].to_numpy(object)
    row_of = {name: row for row, name in enumerate(names)}
    opposite = [
        row_of.get(f"{patient}|{OTHER.get(side)}", row)
        for row, (patient, side) in enumerate(zip(cases["patient_id"], sides, strict=True))
    ]
    return of_breasts - of_breasts[opposite]


def _names(cases: pd.DataFrame) -> np.ndarray:
    """Return the name of each image's breast, (n,)."""
    is_known = cases[["patient_id", "laterality"]].notna().all(axis=1)
    names = cases["patient_id"].astype(str) + "|" + cases["laterality"].astype(str)
    return np.where(is_known, names, "image " + cases["image_id"].astype(str))
