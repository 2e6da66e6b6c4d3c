"""Maps of CorRELAX, from the values of windows kept in a file; no network is needed.

A *way* of pointing is the answers' map ("answers"), the best window alone ("windows"), or a map
of correlations: of the features' similarity with the answer for a label ("by_label"), or with the
similarity of all answers ("by_answers"), which knows no label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from birads_lib.errors import DatasetError
from birads_lib.explain.relevance import Grid, Relevance, peak
from birads_lib.files import written_whole
from birads_lib.predictions import cluster_ids

_OF_WINDOWS = ("answers", "similarity", "agreement", "masked_answers")


def spread_over_patients(cases: pd.DataFrame, most: int, seed: int = 0) -> pd.DataFrame:
    """Return at most so many rows at random, one of each patient before a second of any.

    An image whose patient isn't known counts as a patient of its own.
    """
    rows = cases.sample(frac=1, random_state=seed)
    rank = rows.groupby(cluster_ids(rows)).cumcount()
    return rows.iloc[np.argsort(rank.to_numpy(), kind="stable")[:most]]


def write(found: Mapping[str, Relevance], path: str | Path) -> None:
    """Write the ``Relevance`` of several images of one size, by their names."""
    first = next(iter(found.values())).grid
    arrays = {
        "names": np.array([*found]),
        "grid": np.array([*first.shape, first.window, first.stride]),
        "which": np.stack([relevance.which for relevance in found.values()]),
    }
    for name in _OF_WINDOWS:
        parts = [getattr(relevance, name) for relevance in found.values()]
        arrays[name] = np.concatenate(parts).astype(np.float32)
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read(path: str | Path) -> dict[str, Relevance]:
    """Read the file that ``write`` wrote; raise DatasetError where it can't be read."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise DatasetError([f"can't be read ({error}); run 42_correlax again"], str(path)) from None
    height, width, window, stride = arrays["grid"].tolist()
    grid, which = Grid((height, width), window, stride), arrays["which"]
    ends = np.cumsum(which.sum(axis=(1, 2)))[:-1]
    parts = zip(*(np.split(arrays[name], ends) for name in _OF_WINDOWS), strict=True)
    rows = zip(arrays["names"].tolist(), which, parts, strict=True)
    return {name: Relevance(grid, of_image, *part) for name, of_image, part in rows}


def maps(found: Relevance) -> dict[str, np.ndarray]:
    """Return the fused maps (rows, columns, K) of answers and by_label; of by_answers, K is 1."""
    values = {
        "answers": found.answers,
        "by_label": found.by_label,
        "by_answers": found.by_answers[:, None],
    }
    return {
        way: found.grid.fused(found.grid.spread(of_windows, found.which))
        for way, of_windows in values.items()
    }


def points(found: Relevance, breast: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Return the point of each way for each label but the first, "none".

    Columns: way, kind, x, y (pixels of the image; NaN where a map is constant), value (the map's
    there). The best window points at its centre.

    Args:
        breast: (H, W) bool, where to look.
        labels: K.
    """
    rows, by_way = [], maps(found)
    for k, kind in enumerate(labels[1:], start=1):
        for way, planes in by_way.items():
            plane = planes[..., min(k, planes.shape[-1] - 1)]
            x, y, value = peak(found.grid.enlarged(plane), breast)
            rows.append((way, kind, x, y, value))
        best = found.answers[:, k].argmax()
        x, y = found.grid.centres[found.which][best].astype(float)
        rows.append(("windows", kind, x, y, float(found.answers[best, k])))
    return pd.DataFrame(rows, columns=["way", "kind", "x", "y", "value"])


def fewer_masks(found: Relevance, masks: int) -> Relevance:
    """Return the same with the first masks only."""
    return replace(
        found,
        similarity=found.similarity[:, :masks],
        agreement=found.agreement[:, :masks],
        masked_answers=found.masked_answers[:, :masks],
    )


def shuffled(found: Relevance, rng: np.random.Generator) -> Relevance:
    """Return the same with the answers of one mask beside the features of another.

    All windows are shuffled alike, so that neighbours stay as alike as they are. What correlates
    then does so by chance.
    """
    order = rng.permutation(found.similarity.shape[1])
    return replace(
        found, agreement=found.agreement[:, order], masked_answers=found.masked_answers[:, order]
    )


def largest(found: Relevance, breast: np.ndarray, labels: Sequence[str]) -> float:
    """Return the largest value in the breast of the maps of ``by_label``, "none" left out."""
    rows = points(found, breast, labels)
    return float(rows.loc[rows["way"] == "by_label", "value"].max())


def agreement(
    found: Mapping[str, Relevance], reference: str, settings: Sequence[str], labels: Sequence[str],
    kinds: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Return the rank correlation of windows between the reference and other settings, by image.

    Args:
        found: "<setting>/<image>" -> what is known of the image's windows.
        reference: the setting that others are held against.
        settings: the others.
        labels: K.
        kinds: labels to compare answers and correlations of.

    Returns:
        [setting, image, way, kind, correlation]: Spearman's, over the windows; left out where a
        setting has no part in a way, whose values then are the same.
    """
    rows = []
    for name, varied in found.items():
        setting, image = name.split("/")
        if setting not in settings:
            continue
        base = found[f"{reference}/{image}"]
        pairs = [("by_answers", "", base.by_answers, varied.by_answers)]
        for way in ("answers", "by_label"):
            pairs += [
                (way, kind, *(getattr(x, way)[:, labels.index(kind)] for x in (base, varied)))
                for kind in kinds
            ]
        for way, kind, a, b in pairs:
            if not np.array_equal(a, b) and np.ptp(a) > 0 and np.ptp(b) > 0:
                rows.append((setting, image, way, kind, spearmanr(a, b).statistic))
    columns = ["setting", "image", "way", "kind", "correlation"]
    return pd.DataFrame(rows, columns=columns)
