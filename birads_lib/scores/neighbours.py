"""Neighbours, silhouettes and two-dimensional maps of the penultimate layer's embeddings.

Embeddings e (n, d) are the values of the layer before the softmax; distance is Euclidean. A fold
(and seed) is a model of its own, with a space of its own: neighbours and silhouettes are found
among the test images of one model, and only their scores are averaged over models.

Each image counts once a model: copies of it, as under ``oversample_first``, lie at distance 0 and
would be each other's nearest. Images that tie in distance are taken by lot, not in table order.

Degenerate cases:

- Where a model has fewer than k other test images (of other patients), all of them are the
  neighbours; an image without any has no score (NaN), and is left out of means.
- A test part with one label only, or with every image of its own label, has no silhouettes; the
  only image of a label has silhouette 0 (Rousseeuw 1987).
- An image whose patient is unknown has no score that needs the patient; nor has one where any
  other image's patient is unknown, which could be the same.
- Fewer than ``FEWEST`` images are not drawn: their coordinates are NaN.
"""

from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits
from tqdm import TqdmWarning

from birads_lib.errors import UserError
from birads_lib.predictions import MODEL, out_of_fold
from birads_lib.scores.bootstrap import Resampling, mean_intervals, p_values, resampled_means
from birads_lib.scores.comparisons import holm
from birads_lib.scores.metrics import ratio
from birads_lib.task import BIRADS, Task

FEWEST = 5  # images of a picture
SCORES = {  # of neighbours; each has a chance level, `<name>_chance`
    "neighbours_grade": "Same category",
    "neighbours_grade_other_patients": "Same category, among images of other patients",
    "neighbours_patient": "Same patient",
}


def unique_test(table: pd.DataFrame, embeddings: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the test rows with one row per image and model, and their embeddings (n, d) float64.

    ``table`` are predictions of one run, all parts; ``embeddings`` (rows, d) are of the same rows.

    Raises:
        UserError: rows don't match, an embedding is not finite, or no row is of the test part.
    """
    e = np.asarray(embeddings)
    if e.ndim != 2 or len(e) != len(table):
        raise UserError(
            f"embeddings.npy holds {e.shape} numbers for {len(table)} rows of predictions.parquet; "
            "they are written together: run 03_training of this run again"
        )
    position = np.arange(len(table))
    rows = out_of_fold(table.assign(_row=position)).drop_duplicates([*MODEL, "image_id"])
    e = e[rows["_row"]].astype(float)
    if not len(rows):
        raise UserError("predictions.parquet holds no test rows: run 03_training of this run again")
    if not np.isfinite(e).all():
        raise UserError(f"the embeddings of {(~np.isfinite(e).all(1)).sum()} test images are NaN")
    return rows.drop(columns="_row").reset_index(drop=True), e


def scores(rows: pd.DataFrame, e: np.ndarray, k: int = 5, seed: int = 0) -> pd.DataFrame:
    """Return the scores of each image, a row each, in the order of ``rows``.

    Columns: each of ``SCORES``, the share (0..1) of the image's k nearest that are so; with
    ``_chance``, what it would be for neighbours drawn at random, the mean over all permutations of
    the images among their places; ``silhouette_grade``, -1..1 (Rousseeuw 1987). ``rows`` and ``e``
    are of ``unique_test``; lots for ties are drawn by ``seed``.
    """
    if k < 1:
        raise UserError(f"k is {k}; an image needs at least one neighbour")
    of_models = []
    rng = np.random.default_rng(seed)
    for _, of_model in rows.reset_index(drop=True).groupby(MODEL):
        shuffled = rng.permutation(of_model.index)
        of_models.append(_scores_of_model(rows.iloc[shuffled], e[shuffled], k).set_index(shuffled))
    return pd.concat(of_models).sort_index()


def _scores_of_model(rows: pd.DataFrame, e: np.ndarray, k: int) -> pd.DataFrame:
    y, codes = rows["y_true"].to_numpy(), pd.factorize(rows["patient_id"])[0]  # (n,), -1: unknown
    has_patients = bool((codes >= 0).all())
    most_images = int(np.bincount(codes).max()) if has_patients else 1
    order = _nearest(e, k + most_images - 1)  # (n, neighbours), nearest first
    any_image = np.ones(order.shape, dtype=bool)
    other_patient = codes[order] != codes[:, None]
    same_label = y[order] == y[:, None]
    shares = {
        "neighbours_grade": _share(same_label, any_image, k),
        "neighbours_grade_other_patients": _share(same_label, other_patient, k),
        "neighbours_patient": _share(~other_patient, any_image, k),
    }
    values = pd.DataFrame(shares | _chances(y, codes))
    if not has_patients:
        values.loc[:, values.columns.str.contains("patient")] = np.nan
    distinct = len(np.unique(y))
    silhouettes = silhouette_samples(e, y) if 2 <= distinct < len(y) else np.nan
    return values.assign(silhouette_grade=silhouettes)


def _nearest(e: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of each image's nearest others, (n, at most count)."""
    count = min(count, len(e) - 1)
    if count < 1:
        return np.empty((len(e), 0), dtype=int)
    return NearestNeighbors(n_neighbors=count).fit(e).kneighbors(return_distance=False)


def _share(hit: np.ndarray, allowed: np.ndarray, k: int) -> np.ndarray:
    """Return the share of hits among the first k allowed neighbours of each image, (n,)."""
    chosen = allowed & (allowed.cumsum(1) <= k)
    return ratio((hit & chosen).sum(1), chosen.sum(1), np.nan)


def _chances(y: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the share of hits among all allowed others of each image, each (n,)."""
    label, patient = pd.Series(y), pd.Series(codes)
    same_label, same_patient, same_both = (  # (n,), how many images each
        label.groupby(keys).transform("size").to_numpy()
        for keys in (label, patient, [label, patient])
    )
    return {
        "neighbours_grade_chance": ratio(same_label - 1, len(y) - 1, np.nan),
        "neighbours_grade_other_patients_chance": ratio(
            same_label - same_both, len(y) - same_patient, np.nan
        ),
        "neighbours_patient_chance": ratio(same_patient - 1, len(y) - 1, np.nan),
    }


def intervals(
    of_images: pd.DataFrame, rows: pd.DataFrame, resampling: Resampling, task: Task = BIRADS
) -> pd.DataFrame:
    """Return ``mean_intervals`` of the ``scores`` of images and of what follows from them.

    These are ``<name>_over_chance``, the mean difference from chance, and ``silhouette_1`` ..
    ``silhouette_K``, the mean silhouette of one label. A resample of ``rows`` says how often each
    image is asked; whom it has for neighbours stays.
    """
    values = of_images.copy()
    for name in SCORES:
        values[f"{name}_over_chance"] = values[name] - values[f"{name}_chance"]
    for label in task.numbers:
        labelled = rows["y_true"].to_numpy() == label
        values[f"silhouette_{label}"] = values["silhouette_grade"].where(labelled)
    return mean_intervals(values, resampling, list(SCORES))


def above_chance(of_images: pd.DataFrame, resampling: Resampling) -> pd.Series:
    """Return the p-value of each score's mean difference from chance, adjusted for all of them."""
    differences = {name: of_images[name] - of_images[f"{name}_chance"] for name in SCORES}
    drawn = resampled_means(pd.DataFrame(differences), resampling)
    return pd.Series(holm(p_values(drawn.round(12))), list(SCORES))


def of_fold(rows: pd.DataFrame, fold: int) -> np.ndarray:
    """Return the positions of one fold's images, those of its first seed; raises UserError."""
    folds = sorted(rows["fold"].unique().tolist())
    if fold not in folds:
        raise UserError(f"fold is {fold}; this run has the folds {', '.join(map(str, folds))}")
    chosen = rows["fold"] == fold
    return np.flatnonzero(chosen & (rows["seed"] == rows.loc[chosen, "seed"].min()))


def tsne(e: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return places (n, 2) of embeddings (n, d) by t-SNE (van der Maaten and Hinton 2008).

    The perplexity, about the neighbours that an image keeps near, is 30, at most a third of all.
    """
    if len(e) < FEWEST:
        return np.full((len(e), 2), np.nan)
    perplexity = min(30, (len(e) - 1) / 3)
    with threadpool_limits(1):  # threads that wait for each other take ten times as long
        picture = TSNE(perplexity=perplexity, init=_start(e), random_state=seed)
        return picture.fit_transform(e)


def umap(e: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return places (n, 2) of embeddings (n, d) by UMAP (McInnes, Healy and Melville 2018)."""
    if len(e) < FEWEST:
        return np.full((len(e), 2), np.nan)
    # Neighbours from here spare UMAP the compilation of its own search, half of its time.
    neighbours = min(15, len(e) - 1)
    distances, nearest = NearestNeighbors(n_neighbors=neighbours).fit(e).kneighbors(e)
    options = {"n_neighbors": neighbours, "precomputed_knn": (nearest, distances)}
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # that new points can't be placed: there are none
        simplefilter("ignore", TqdmWarning)  # that Jupyter can't draw its progress bar
        # Slow to import: it loads TensorFlow, where installed, for a form that isn't used here.
        from umap import UMAP

        picture = UMAP(init=_start(e), random_state=seed, n_jobs=1, **options)
        return picture.fit_transform(e)


def _start(e: np.ndarray) -> str:
    """Return the initial places: principal components, where there are two."""
    return "pca" if np.linalg.matrix_rank(e - e.mean(0)) >= 2 else "random"
