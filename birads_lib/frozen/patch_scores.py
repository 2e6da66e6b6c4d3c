"""Scores of an image from its map of patches: striking cells, and whether it hits a finding."""

import numpy as np
import pandas as pd
from scipy.special import logit

KINDS = ("none", "benign", "malignant")  # what a cell may be, in the order of probabilities
SMALLEST = 1e-4  # of a probability, before its log odds are taken


def summaries(maps: np.ndarray, tops: tuple[int, ...] = (1, 3, 10)) -> np.ndarray:
    """Return the log odds of each image's most striking cells, (n, len(tops) * kinds).

    For malignant mass, benign mass and any mass: the mean over the 1, 3, 10 highest cells.
    """
    scores = np.stack([maps[..., 2], maps[..., 1], 1 - maps[..., 0]], axis=-1)
    rows = scores.reshape(len(maps), -1, scores.shape[-1])  # (n, cells, scores)
    ranked = -np.sort(-np.nan_to_num(rows, nan=-np.inf), axis=1)  # what is no breast comes last
    ranked = logit(np.clip(ranked, SMALLEST, 1 - SMALLEST))
    breast_cells = np.isfinite(rows).sum(axis=1)[:, :1]  # (n, 1)
    columns = []
    for top in tops:
        counted = (np.arange(ranked.shape[1]) < np.minimum(top, breast_cells))[..., None]
        columns.append((ranked * counted).sum(axis=1) / counted.sum(axis=1))
    return np.concatenate(columns, axis=1)


def pointing(maps: np.ndarray, shares: list[np.ndarray]) -> pd.DataFrame:
    """Return, for each image with a box, whether the highest malignant cell touches one.

    Columns: ``row`` (the image's place), ``hit`` (0 or 1), ``chance`` (the share of the breast's
    cells that touch a box).
    """
    rows = []
    for row, (p, share) in enumerate(zip(maps[..., 2], shares, strict=True)):
        if share.any():
            touched, breast = share > 0, np.isfinite(p)
            hit = touched.ravel()[np.nanargmax(p)]
            rows.append({"row": row, "hit": int(hit), "chance": touched[breast].mean()})
    return pd.DataFrame(rows, columns=["row", "hit", "chance"])
