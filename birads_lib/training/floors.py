"""Floors: what can be predicted without training a network, for the same rows as a run of one.

- majority: the most frequent label among the distinct images of the training part;
- density and view: multinomial logistic regression on what the table of images says of each;
- logistic regression on frozen features: what the study's backbone makes of each image before any
  training, averaged over the image; standardised, reduced to principal components, and fitted with
  all labels weighted alike, as the network trains on balanced images.

Each is fitted on the distinct images of the training part of each of the run's models (fold and
seed). Nothing is chosen: all that is set stands here, and validation parts are left aside.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from birads_lib.errors import UserError
from birads_lib.networks.hybrid import build_trunk
from birads_lib.predictions import MODEL, out_of_fold
from birads_lib.scores.floors import FLOORS
from birads_lib.scores.leakage import distinct_training, most_frequent
from birads_lib.task import BIRADS, Task
from birads_lib.training.cache import CHUNK, trunk_features
from birads_lib.training.settings import Settings

FACTS = ("density", "view", "laterality")  # columns of the table of images
COMPONENTS = 100  # principal components of features, or as many as there are
STEPS = 1000  # most of the solver; scikit-learn's 100 may be too few to converge


def frozen_features(
    images: np.ndarray,
    settings: Settings,
    cache: str | Path,
    progress: Callable[[str], None] = print,
) -> np.ndarray:
    """Return features of images by the untrained backbone, (n, channels) float32.

    Its maps, those of all taps, are averaged over the image. They are those that training cached
    for its first stage, or are made now; random weights follow the seed.

    Args:
        images: (n, size, size) uint8; may be a memmap.
        settings: of the run.
        cache: folder of trunk features, as of ``Trainer``.
        progress: called with a line per view that is made.
    """
    keras.utils.set_random_seed(settings.seed)
    if not settings.trunk_cache:  # then no augmented view is cached, and none is needed
        settings = settings.model_copy(update={"augment": False})
    files = trunk_features(images, build_trunk(settings), settings, cache, progress)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(images), CHUNK)]
    pooled = [
        np.concatenate([maps[chunk, 0].mean(axis=(1, 2), dtype="float32") for chunk in chunks])
        for maps in files  # (n, views, h, w, channels) each; view 0 is the image itself
    ]
    return np.concatenate(pooled, axis=1)


def known_facts(cases: pd.DataFrame, task: Task = BIRADS) -> list[str]:
    """Return those of ``FACTS`` that are known of any image and aren't the label."""
    return [
        name for name in FACTS if name != task.name and name in cases and cases[name].notna().any()
    ]


def of_run(
    table: pd.DataFrame, cases: pd.DataFrame, features: np.ndarray, task: Task = BIRADS
) -> pd.DataFrame:
    """Return the test rows of a run as each floor predicts them, the floor's name as variant.

    Without any of ``known_facts``, there is no floor of density and view.

    Args:
        table: predictions of the run, all parts.
        cases: the table of images.
        features: (n, channels) of its images, as ``frozen_features`` returns them.
        task: what is told apart.

    Raises:
        UserError: an image is not among the cases, or a fold lacks training rows.
    """
    facts = cases[known_facts(cases, task)].astype(object).fillna("unknown").to_numpy()
    tests = out_of_fold(table)
    predicted = {"majority": np.eye(len(task.labels))[most_frequent(table) - 1]}
    if facts.shape[1]:
        predicted["density_and_view"] = _predicted(_of_facts, facts, table, cases, task)
    predicted["logistic_regression"] = by_regression(table, cases, features, task)
    rows = []
    for name in [name for name in FLOORS if name in predicted]:
        of_floor = tests.assign(variant=name)
        of_floor[task.probabilities] = predicted[name]
        rows.append(of_floor)
    return pd.concat(rows, ignore_index=True)


def by_regression(
    table: pd.DataFrame, cases: pd.DataFrame, features: np.ndarray, task: Task = BIRADS
) -> np.ndarray:
    """Return the probabilities (m, K) of the m test rows by regression on frozen features.

    Arguments and errors are those of ``of_run``; of the table, its probabilities aren't needed.
    """
    return _predicted(_of_features, features, table, cases, task)


def _of_facts(_: np.ndarray) -> Pipeline:
    """Return the model of facts: an unknown one is a value of its own."""
    return make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=STEPS))


def _of_features(seen: np.ndarray) -> Pipeline:
    """Return the model of features; those seen say how many components there can be."""
    return make_pipeline(
        StandardScaler(),
        PCA(min(COMPONENTS, *seen.shape), svd_solver="full"),
        LogisticRegression(class_weight="balanced", max_iter=STEPS),
    )


def _predicted(make, inputs: np.ndarray, table, cases, task: Task) -> np.ndarray:
    """Return probabilities (rows, K) of the test rows, by a model for each fold and seed."""
    tests, training = out_of_fold(table), distinct_training(table)
    place = pd.Index(cases["image_id"])
    p = np.zeros((len(tests), len(task.labels)))
    training = dict(list(training.groupby(MODEL)))
    for model, rows in tests.groupby(MODEL):
        of_model = training[model]
        train_x, test_x = (inputs[_found(place, part["image_id"])] for part in (of_model, rows))
        labels = of_model["y_true"].to_numpy()
        if len(np.unique(labels)) == 1:  # which scikit-learn refuses to fit
            p[rows.index, labels[0] - 1] = 1
            continue
        fitted = make(train_x).fit(train_x, labels)
        p[np.ix_(rows.index, fitted.classes_ - 1)] = fitted.predict_proba(test_x)
    return p


def _found(place: pd.Index, image_ids: pd.Series) -> np.ndarray:
    """Return the row of the table of images for each image."""
    rows = place.get_indexer(image_ids)
    if (rows < 0).any():
        foreign = image_ids[rows < 0]
        raise UserError(
            f"{foreign.nunique()} predicted images are not in cases.parquet, such as "
            f"{foreign.iloc[0]}: run 03_training of this study again"
        )
    return rows
