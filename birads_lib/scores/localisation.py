"""The Pointing Game over pairs of an image and a kind of lesion in it, and its denominators.

A pair is hit by a way of pointing if the point lies in a box of its kind, grown by a *dilation*
on every side, and the map's value there reaches a *gate*. The same hits give three scores:

- of images: hits per image that has a pair, which may pass 1 where images have several;
- of pairs: hits per pair;
- macro: the mean over kinds of hits per pair of the kind.

Source of the game: Zhang et al. 2018, doi 10.1007/s11263-017-1059-x; of box, dilation, gate and the
first denominator: Mellado et al. 2025, doi 10.3389/fonc.2025.1601929.

Tables of points have a row for each pair and way: way, image_id, patient_id, kind, distance, value.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from birads_lib.scores.bootstrap import Resampling, percentiles, wilson
from birads_lib.scores.metrics import ratio

OF_IMAGES, OF_PAIRS, MACRO = "of images", "of pairs", "macro"
DENOMINATORS = (OF_IMAGES, OF_PAIRS, MACRO)
PAIR = ["image_id", "patient_id", "kind"]


def distance(x: float, y: float, boxes: np.ndarray) -> float:
    """Return by how much the nearest of some boxes (m, 4) must grow to hold a pixel.

    That is 0 within a box, and infinite for no point (NaN) and without a box. ``x`` and ``y`` are
    the pixel's number; the boxes' corners x0, y0, x1, y1 count from the first pixel's outer edge.
    """
    if np.isnan(x) or not len(boxes):
        return np.inf
    x0, y0, x1, y1 = np.asarray(boxes, float).T
    dx = np.maximum(x0 - (x + 0.5), (x + 0.5) - x1)
    dy = np.maximum(y0 - (y + 0.5), (y + 0.5) - y1)
    return float(np.clip(np.maximum(dx, dy), 0, None).min())


def within(breast: np.ndarray, boxes: np.ndarray, dilation: float) -> float:
    """Return the share of pixels of the breast (H, W) bool that would hit, 0..1."""
    y, x = np.nonzero(breast)
    x0, y0, x1, y1 = np.asarray(boxes, float).T[..., None]  # (4, m, 1)
    inside = (
        (x + 0.5 >= x0 - dilation) & (x + 0.5 <= x1 + dilation)
        & (y + 0.5 >= y0 - dilation) & (y + 0.5 <= y1 + dilation)
    )  # fmt: skip
    return float(inside.any(axis=0).mean())


def hits(points: pd.DataFrame, dilation: float, gates: Mapping[str, float]) -> pd.DataFrame:
    """Return whether each way hits each pair, a row per pair and a column per way, 0 or 1.

    Args:
        points: see the module.
        dilation: pixels.
        gates: way -> least value; a way that isn't named has none.
    """
    gate = points["way"].map(gates).fillna(-np.inf)
    hit = (points["distance"] <= dilation) & (points["value"] >= gate)
    table = points.assign(hit=hit.astype(float))
    by_way = table.pivot(index=PAIR, columns="way", values="hit")
    return by_way[[*dict.fromkeys(points["way"])]].reset_index()


def shares(hit: np.ndarray, pairs: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the three scores of R weighted samples of n pairs, each (R,).

    Args:
        hit: (n,) 0 or 1.
        pairs: n rows with image_id and kind.
        weights: (n, R); all pairs of an image have the same.
    """
    of_image = 1 / pairs.groupby("image_id")["kind"].transform("size").to_numpy(float)
    hit_weight = hit @ weights
    kinds = [(pairs["kind"] == kind).to_numpy(float) for kind in sorted(set(pairs["kind"]))]
    by_kind = np.stack([ratio((hit * k) @ weights, k @ weights, np.nan) for k in kinds])
    is_defined = ~np.isnan(by_kind)
    macro = ratio(np.where(is_defined, by_kind, 0).sum(axis=0), is_defined.sum(axis=0), np.nan)
    return {
        OF_IMAGES: ratio(hit_weight, of_image @ weights, np.nan),
        OF_PAIRS: ratio(hit_weight, weights.sum(axis=0), np.nan),
        MACRO: macro,
    }


def scores(hit: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Return [way, denominator, estimate, low, high] of ``hits``, patients drawn.

    Shares of pairs that are all hit, or none, have Wilson's interval over patients; the other two
    scores then have none.
    """
    ways = [name for name in hit if name not in PAIR]
    rows = []
    for way in ways:
        estimate, drawn = _resampled(hit, lambda w, way=way: _of(hit, way, w), resamples, seed)
        rows += [{"way": way, **row} for row in _bounds(estimate, drawn, hit, exact=True)]
    return pd.DataFrame(rows)


def differences(
    hit: pd.DataFrame, pairs: list[tuple[str, str]], resamples: int, seed: int
) -> pd.DataFrame:
    """Return [first, second, denominator, estimate, low, high] of the first minus the second."""
    rows = []
    for first, second in pairs:

        def of(weights: np.ndarray, first=first, second=second) -> pd.DataFrame:
            return _of(hit, first, weights) - _of(hit, second, weights)

        estimate, drawn = _resampled(hit, of, resamples, seed)
        pair = {"first": first, "second": second}
        rows += [pair | row for row in _bounds(estimate, drawn, hit, exact=False)]
    return pd.DataFrame(rows)


def _of(hit: pd.DataFrame, way: str, weights: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(shares(hit[way].to_numpy(float), hit, weights))


def _resampled(
    hit: pd.DataFrame, of: Callable[[np.ndarray], pd.DataFrame], resamples: int, seed: int
) -> tuple[pd.Series, pd.DataFrame]:
    resampling = Resampling(hit["patient_id"], resamples, seed)
    drawn = pd.concat(map(of, resampling.weights(len(hit))), ignore_index=True)
    return of(np.ones((len(hit), 1))).iloc[0], drawn


def _bounds(
    estimate: pd.Series, drawn: pd.DataFrame, hit: pd.DataFrame, exact: bool
) -> list[dict[str, object]]:
    low, high = percentiles(drawn)
    rows, patients = [], hit["patient_id"].nunique()
    for name, value, lower, upper in zip(DENOMINATORS, estimate, low, high, strict=True):
        if lower == upper:  # no interval has no width
            is_share = exact and name == OF_PAIRS
            lower, upper = wilson(value, patients) if is_share else (np.nan, np.nan)
        rows.append({"denominator": name, "estimate": value, "low": lower, "high": upper})
    return rows


def chance_above(gate: float, masks: int, windows: int) -> float:
    """Return the chance that the largest of several null correlations passes a gate, 0..1.

    Each is of ``masks`` independent pairs, and has a standard error of 1 / sqrt(masks - 1), which
    is normal for many; the windows are taken to be independent.
    """
    return float(1 - norm.cdf(gate * np.sqrt(masks - 1)) ** windows)
