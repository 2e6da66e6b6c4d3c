"""Accuracy and Cohen's kappa of predicted breast density, beside the agreement of readers.

Density belongs to the patient, so what counts is one answer for each: ``of_patients``. Tables are
test rows of predictions, one for each way to train ("arm").
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import cluster_ids, probabilities, probability_columns
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.comparisons import aligned, paired_differences
from birads_lib.scores.metrics import every_metric, ratio
from birads_lib.task import DENSITY, Task

ARMS = {  # ways to train an image encoder, by name: the title
    "clip": "CLIP",
    "weighted": "weighted CLIP",
    "label_aware": "label-aware targets",
    "prompts": "prompt cross-entropy",
    "softmax": "softmax, no text",
}
READERS_KAPPA = (0.73, 0.72, 0.74)  # of 21 radiologists, and its interval: Redondo et al. 2012
MARGIN = 0.03  # of accuracy: what differs by less is taken for equivalent
AUCS = tuple(f"auc_{number}" for number in DENSITY.numbers)


def in_a_sentence(arm: str) -> str:
    """Return the name of a way to train within a sentence."""
    return ARMS[arm].replace(", no text", " without a text")


def of_patients(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each patient, fold and seed, with the mean probabilities of the images.

    An image whose patient is unknown is a patient of its own, with the image's name. Raises
    UserError where a patient has images of different densities: the answer would be to another
    question.
    """
    rows = rows.assign(patient_id=cluster_ids(rows))
    labels = rows.groupby("patient_id")["y_true"].nunique()
    if (labels > 1).any():
        raise UserError(f"patient {labels.idxmax()!r} has images of different densities")
    keys = ["variant", "protocol", "fold", "seed", "patient_id"]
    means = rows.groupby(keys)[[*probability_columns(rows), "y_true"]].mean().reset_index()
    facts = {"y_true": means["y_true"].astype(int), "image_id": means["patient_id"]}
    return means.assign(**facts, copy=0, part="test")[list(rows.columns)]


def most_frequent(rows: pd.DataFrame) -> float:
    """Return the accuracy of always answering the density that is most frequent in some rows."""
    return float(rows["y_true"].value_counts(normalize=True).max())


def over_most_frequent(
    tables: Mapping[str, pd.DataFrame], resamples: int = 2000, seed: int = 0
) -> tuple[float, pd.DataFrame]:
    """Return the accuracy of ``most_frequent``, and the ``differences`` in accuracy from it."""
    rows = next(iter(tables.values()))
    label = rows["y_true"].mode().iloc[0]
    answer = {name: float(k == label) for k, name in enumerate(probability_columns(rows), 1)}
    with_constant = {**tables, "": rows.assign(**answer)}
    return most_frequent(rows), differences(with_constant, "", ["accuracy"], resamples, seed)


def agreement(
    y: np.ndarray, p: np.ndarray, weights: np.ndarray, task: Task = DENSITY
) -> dict[str, np.ndarray]:
    """Return every metric, and ``kappa``, of R weighted samples: a measure for ``bootstrap``.

    Cohen's kappa (1960) without weights: the agreement beyond that of the same shares at random.
    """
    one_hot, total = np.eye(len(task.labels)), weights.sum(0)
    called, true = (  # (K, R) each
        one_hot[labels].T @ weights / total for labels in (p.argmax(1), y - 1)
    )
    values = every_metric(y, p, weights, task)
    chance = (called * true).sum(0)
    return values | {"kappa": ratio(values["accuracy"] - chance, 1 - chance, np.nan)}


def by_arm(
    tables: Mapping[str, pd.DataFrame], names: Sequence[str], resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return [arm, metric, estimate, low, high] of some metrics, over patients and seeds."""
    return _joined(
        (name, intervals(_truth(t), probabilities(t), Resampling.of(t, resamples, seed), agreement))
        for name, t in tables.items()
    ).query("metric in @names")


def differences(
    tables: Mapping[str, pd.DataFrame],
    reference: str,
    names: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return [arm, metric, estimate, low, high] of each arm minus the reference, paired."""
    same = aligned(tables, reference)
    first = same[reference]
    compare = partial(
        paired_differences, _truth(first), p_b=probabilities(first),
        resampling=Resampling.of(first, resamples, seed), measure=agreement,
    )  # fmt: skip
    return _joined(
        (name, compare(p_a=probabilities(t))) for name, t in same.items() if name != reference
    ).query("metric in @names")


def _truth(table: pd.DataFrame) -> np.ndarray:
    return table["y_true"].to_numpy()


def _joined(tables: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    columns = ["arm", "metric", "estimate", "low", "high"]
    return pd.concat([t.assign(arm=name)[columns] for name, t in tables], ignore_index=True)
