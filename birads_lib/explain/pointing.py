"""Do heat maps point at findings? The Pointing Game and its references.

Images are (n, size, size) uint8, as the model sees them. A place is x right, y down, in pixels of
that frame. Ways of pointing are name -> places (n, 2); "" is the map's own maximum, NaN where the
map is constant.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import pandas as pd

from birads_lib.task import BIRADS, Task

BLUR = 1 / 28  # of the frame's side, 8 pixels at 224: a bright speck is no brightest place
WITHOUT_MODEL = ("centre", "breast_centre", "brightness")  # of ``reference_points``
Masks = Sequence[np.ndarray | None]  # of n images, bool (size, size); None: not known


def peaks(maps: np.ndarray, size: int) -> np.ndarray:
    """Return the place in the frame where each map (n, h, w) is largest, (n, 2); NaN if constant.

    That is the centre of the largest cell, the first in order of reading where several are. The
    map enlarged to the frame has its maximum there, too, if no other cell is nearly as large.
    """
    flat = np.ptp(maps, axis=(1, 2)) == 0
    cells = np.array(maps.shape[:0:-1])  # w, h
    return np.where(flat[:, None], np.nan, (_largest(maps) + 0.5) * size // cells)


def reference_points(images: np.ndarray, breasts: Masks) -> dict[str, np.ndarray]:
    """Return the points that one would choose ``WITHOUT_MODEL``, (n, 2) each.

    The centre of the frame, the centroid of the breast (of the frame if none is seen), and the
    brightest place after a Gaussian blur of 1/28 of the side.
    """
    size = images.shape[1]
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), BLUR * size) for image in images])
    centroids = [np.argwhere(breast).mean(axis=0)[::-1].round() for breast in breasts]
    places = (np.full((len(images), 2), (size - 1) // 2, float), np.stack(centroids))
    return dict(zip(WITHOUT_MODEL, (*places, _largest(blurred)), strict=True))


def _largest(values: np.ndarray) -> np.ndarray:
    """Return x, y of the largest pixel of each of (n, h, w), (n, 2)."""
    y, x = np.unravel_index(values.reshape(len(values), -1).argmax(axis=1), values.shape[1:])
    return np.stack([x, y], axis=1).astype(float)


def grown(masks: Masks, tolerance: float) -> list[np.ndarray | None]:
    """Return the pixels within ``tolerance`` of each mask, so that a point near it hits, too."""
    return [
        cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= tolerance
        if tolerance > 0 and mask is not None and mask.any()
        else mask
        for mask in masks
    ]


def hits(points: np.ndarray, masks: Masks) -> np.ndarray:
    """Play the Pointing Game (Zhang et al. 2018, doi 10.1007/s11263-017-1059-x).

    Returns:
        (n,) 1 where the point (n, 2) lies in the mask, 0 where not or where it is NaN, and NaN
        where there is no mask.
    """
    hit = np.full(len(masks), np.nan)
    for row, ((x, y), mask) in enumerate(zip(points, masks, strict=True)):
        if mask is not None:
            hit[row] = not np.isnan(x) and mask[int(y), int(x)]
    return hit


def chance(breasts: Masks, masks: Masks) -> np.ndarray:
    """Return the chance that a random pixel of the breast hits, (n,); NaN without a mask."""
    pairs = zip(breasts, masks, strict=True)
    return np.array([np.nan if mask is None else mask[breast].mean() for breast, mask in pairs])


def ceiling(masks: Masks, cells: tuple[int, int]) -> np.ndarray:
    """Return whether any map of (h, w) cells could hit, (n,); NaN where there is no mask.

    The centres of coarse cells are few: a small finding may lie between them.
    """
    cell_maps = np.eye(cells[0] * cells[1]).reshape(-1, *cells)  # a map per cell
    reachable = np.full(len(masks), np.nan)
    for row, mask in enumerate(masks):
        if mask is not None:
            x, y = peaks(cell_maps, len(mask)).astype(int).T
            reachable[row] = mask[y, x].any()
    return reachable


def pointing_game(
    points: Mapping[str, np.ndarray],
    masks: Masks,
    breasts: Masks,
    cells: tuple[int, int],
    tolerance: float = 0,
) -> tuple[pd.DataFrame, str]:
    """Score ways of pointing, ``WITHOUT_MODEL`` among them, and name the best of those.

    Args:
        points: the ways.
        masks: of the findings.
        breasts: of the breasts.
        cells: of the map, (h, w).
        tolerance: a point this near to a finding, in pixels, hits, too.

    Returns:
        A table of n rows, in which ``pointing_game`` is the map's hits, ``pointing_game_<name>``
        those of another way, of ``chance`` and of the ``ceiling``, and
        ``pointing_game_over_best_baseline`` the map's less those of the best of ``WITHOUT_MODEL``;
        and that one's name.
    """
    masks = grown(masks, tolerance)
    table = pd.DataFrame({name: hits(place, masks) for name, place in points.items()})
    best = table[[*WITHOUT_MODEL]].mean().fillna(0).idxmax()
    table["over_best_baseline"] = table[""] - table[best]
    table["chance"] = chance(breasts, masks)
    table["ceiling"] = ceiling(masks, cells)
    return _named(table, "pointing_game"), best


def outside_breast(points: Mapping[str, np.ndarray], breasts: Masks) -> pd.DataFrame:
    """Return the misses of the breast by ways of pointing, 1 or 0; NaN for no point.

    Returns:
        A table of n rows: ``outside``, ``outside_<name>`` and ``outside_chance``, the share of
        the image that isn't breast.
    """
    table = pd.DataFrame({name: 1 - hits(place, breasts) for name, place in points.items()})
    table = table.mask(pd.DataFrame({k: np.isnan(place[:, 0]) for k, place in points.items()}))
    return _named(table.assign(chance=[1 - breast.mean() for breast in breasts]), "outside")


def _named(table: pd.DataFrame, score: str) -> pd.DataFrame:
    """Put the name of a score before that of each way."""
    return table.rename(columns=lambda way: f"{score}_{way}" if way else score)


def shares(table: pd.DataFrame) -> list[str]:
    """Return the columns of scores that are shares of images: hits and misses, not differences."""
    names = ("pointing_game", "outside")
    return [name for name in table if name.startswith(names) and "_over_" not in name]


def choose_images(
    test: pd.DataFrame, located: set[str], per_fold: int, seed: int = 0
) -> pd.DataFrame:
    """Return the test rows to explain: each image once, at most ``per_fold`` of each fold.

    The categories keep their shares (stratified); within one, images with a located finding
    come first, then others at random. An image tested in several folds, as copies are, stays
    with the first.
    """
    rows = test.sort_values(["fold", "copy"], kind="stable").drop_duplicates("image_id")
    rows = rows.sample(frac=1, random_state=seed)
    not_located = ~rows["image_id"].isin(located).to_numpy()
    rows = rows.iloc[np.argsort(not_located, kind="stable")]
    stratum = rows.groupby(["fold", "y_true"])["image_id"]
    order = (stratum.cumcount() + 0.5) / stratum.transform("size")  # 0..1 in each stratum
    chosen = rows.loc[order.sort_values(kind="stable").index].groupby("fold").head(per_fold)
    return chosen.sort_values(["fold", "image_id"]).reset_index(drop=True)


def typical(y: np.ndarray, p: np.ndarray) -> dict[int, int]:
    """Return label -> row of the correctly graded image whose confidence is the (lower) median."""
    return _pick(y, p, p.argmax(axis=1) + 1 == y, lambda order: order[(len(order) - 1) // 2])


def worst(y: np.ndarray, p: np.ndarray) -> dict[int, int]:
    """Return label -> row of the incorrectly graded image that the model was surest about."""
    return _pick(y, p, p.argmax(axis=1) + 1 != y, lambda order: order[-1])


def _pick(y: np.ndarray, p: np.ndarray, allowed: np.ndarray, choose: Callable) -> dict[int, int]:
    order = np.argsort(p.max(axis=1), kind="stable")  # by confidence, rising
    order = order[allowed[order]]
    return {int(label): int(choose(order[y[order] == label])) for label in np.unique(y[order])}


def smallest_finding(masks: Masks, allowed: np.ndarray) -> int | None:
    """Return the row, among those allowed (n,), whose findings are smallest; None if none is known.

    The first of equal ones is taken.
    """
    pixels = {row: masks[row].sum() for row in np.flatnonzero(allowed) if masks[row] is not None}
    return int(min(pixels, key=pixels.get)) if pixels else None


def answers(p: np.ndarray, rows: Mapping[int, int], task: Task = BIRADS) -> pd.DataFrame:
    """Return the probabilities of some images, label -> row of p (n, K), by their true label."""
    return pd.DataFrame(p[list(rows.values())], list(rows), task.probabilities)


def counts(scores: pd.DataFrame, constant: np.ndarray, task: Task = BIRADS) -> pd.DataFrame:
    """Return [metric, estimate]: images scored, constant maps and the least rise of sharpness.

    That rise is from one label to the next, from the second label on, as in the paper's sentence;
    NaN where a label has no map.

    Args:
        scores: of ``mean_intervals``, of what ``by_grade`` made of scores and sharpness.
        constant: (n,) whether a map is the same everywhere.
    """
    rows = scores.set_index("metric")
    sharpness = rows.loc[[f"sharpness_{number}" for number in task.numbers[1:]], "estimate"]
    values = {
        "pointing_game_images": rows.loc["pointing_game", "n"],
        "constant_maps": constant.sum(),
        "sharpness_least_step": sharpness.diff()[1:].min(skipna=False),
    }
    return pd.DataFrame({"metric": values.keys(), "estimate": values.values()})


def by_grade(values: pd.DataFrame, grades: np.ndarray, task: Task = BIRADS) -> pd.DataFrame:
    """Add to each column one per label, ``<column>_<label>``, NaN for images of other labels."""
    parts = [values[grades == k].reindex(values.index).add_suffix(f"_{k}") for k in task.numbers]
    return pd.concat([values, *parts], axis=1)
