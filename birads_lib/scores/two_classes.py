"""Accuracy, weighted F1 and AUC of two classes, and what each allows of the others.

Label 2 is the positive class. At an operating point, f is the share of negatives that are called
positive (false positive rate), m that of positives that are missed (1 - sensitivity).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from birads_lib.scores.metrics import every_metric
from birads_lib.scores.printed_numbers import DIGITS
from birads_lib.task import Task

NAMES = {"accuracy": "Accuracy", "auc": "AUC", "weighted_f1": "Weighted F1"}
ERRORS = {"false_positive_rate": "False positive rate", "miss_rate": "Miss rate"}
_TWO = Task("two", "Class", "", ("negative", "positive"), ordinal=False)
_HALF = 0.5 / 10**DIGITS  # of the last printed digit
_STEPS = 2001  # of a grid of error rates


def measure(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of ``NAMES`` and ``ERRORS`` of R weighted samples, each (R,).

    It is a ``bootstrap.Measure``. A rate of a class that a sample lacks is NaN, and so is the AUC.

    Args:
        y: (n,), 1 or 2.
        p: (n, 2), probabilities of both labels.
        weights: (n, R), how often each row counts in each sample.
    """
    metrics = every_metric(y, p, weights, _TWO)
    positive = (y == 2) @ weights  # (R,)
    negative = weights.sum(axis=0) - positive
    f1 = [np.nan_to_num(metrics[f"f1_{label}"]) for label in _TWO.numbers]  # weighs 0 where NaN
    missed = np.where(positive > 0, 1 - metrics["recall_2"], np.nan)
    return {
        "accuracy": metrics["accuracy"],
        "auc": metrics["auc_2"],
        "weighted_f1": (negative * f1[0] + positive * f1[1]) / (negative + positive),
        "false_positive_rate": np.where(negative > 0, 1 - metrics["recall_1"], np.nan),
        "miss_rate": missed,
    }


def largest_auc(false_positive_rate: np.ndarray, miss_rate: np.ndarray) -> np.ndarray:
    """Return the largest AUC of a ROC curve that has an operating point with these errors.

    A ROC curve never falls. Left of the point, over a width of f, it is no higher than the point,
    1 - m; right of it, over 1 - f, no higher than 1. The area is at most
    f (1 - m) + (1 - f) = 1 - f m.
    """
    return 1 - np.asarray(false_positive_rate) * np.asarray(miss_rate)


def binormal_auc(accuracy: np.ndarray) -> np.ndarray:
    """Return the AUC that goes with an accuracy of two equally frequent classes (0.5..1).

    Scores of both classes are normal with one variance, their means d apart. The best threshold
    lies midway, and its accuracy is Phi(d / 2); the AUC is Phi(d / sqrt 2) (Green and Swets 1966).
    """
    return norm.cdf(np.sqrt(2) * norm.ppf(accuracy))


def binormal_accuracy(auc: np.ndarray) -> np.ndarray:
    """Return the accuracy of the best threshold that goes with an AUC: the other way round."""
    return norm.cdf(norm.ppf(auc) / np.sqrt(2))


def errors_needed(accuracy: float, auc: float, positives: float = 0.5) -> list[tuple[float, float]]:
    """Return the two (f, m) nearest to equal errors at which an AUC this large is possible.

    Both have this accuracy, so that (1 - q) f + q m = 1 - accuracy for a share q of ``positives``,
    and f m = 1 - AUC (``largest_auc``): a quadratic equation. Any point between them allows only
    a smaller AUC. Empty where every point with this accuracy allows the AUC.
    """
    q, wrong, product = positives, 1 - accuracy, 1 - auc
    inside = wrong**2 - 4 * (1 - q) * q * product
    if inside < 0:
        return []
    rates = [(wrong + sign * np.sqrt(inside)) / (2 * (1 - q)) for sign in (-1, 1)]
    return [(float(f), float((wrong - (1 - q) * f) / q)) for f in rates]


def weighted_f1(positives: np.ndarray, f: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return the weighted F1 of a share of positives (0..1) and two error rates."""
    missed, alarms = positives * m, (1 - positives) * f
    wrong, hits, passed = missed + alarms, positives - missed, 1 - positives - alarms
    return positives * 2 * hits / (2 * hits + wrong) + (1 - positives) * 2 * passed / (
        2 * passed + wrong
    )


def shares_allowing(printed: Mapping[str, float], shares: Sequence[float]) -> pd.DataFrame:
    """Return a row per share of positives: whether one table of answers has all printed numbers.

    Args:
        printed: accuracy, weighted_f1 and auc, rounded to three digits.
        shares: of positives, to try, above 0 and below 1.

    Returns:
        [positives, possible, false_positive_rate, miss_rate, largest_auc]: the errors that allow
        the largest AUC among those that print as the accuracy and the weighted F1; NaN where no
        errors do. Errors are tried on a grid, and so are the accuracies that print alike.
    """
    rows = [_largest(printed, share) for share in shares]
    table = pd.DataFrame(rows, columns=["positives", *ERRORS, "largest_auc"])
    possible = table["largest_auc"] >= printed["auc"] - _HALF
    table.insert(1, "possible", possible)
    return table


def _largest(printed: Mapping[str, float], share: float) -> tuple[float, float, float, float]:
    accuracy = printed["accuracy"] + np.linspace(-_HALF, _HALF, 21)
    f = np.linspace(0, 1, _STEPS)[:, None]  # (steps, 1)
    m = (1 - accuracy - (1 - share) * f) / share  # (steps, accuracies)
    inside = (m >= 0) & (m <= 1)
    fits = np.abs(weighted_f1(share, f, m) - printed["weighted_f1"]) <= _HALF
    limit = np.where(inside & fits, largest_auc(f, m), np.nan)
    if np.isnan(limit).all():
        return share, np.nan, np.nan, np.nan
    row, column = np.unravel_index(np.nanargmax(limit), limit.shape)
    return share, float(f[row, 0]), float(m[row, column]), float(limit[row, column])
