"""Numbers that say how good graded predictions are.

Truth is y (n,), grades 1..5; predictions are p (n, 5), the probabilities of grades 1..5 in order.
The predicted grade is the most probable one, the lower of two that tie. Every metric is written
once, for a stack of weighted samples, so that an estimate and its bootstrap share their code.

Degenerate cases, the same for estimates and for resamples:

- A grade that is never predicted has precision 0; one predicted but absent from the truth has
  recall 0 and F1 0. A grade that neither occurs nor is predicted has none of the three (NaN) and
  is left out of macro means. This is scikit-learn's ``zero_division=0`` with default labels.
- The one-vs-rest AUC of a grade that is absent, or that is the only one, is NaN and is left out
  of the mean AUC. Ties in the score count half.
- MCC is 0 where truth or prediction has a single grade, as in scikit-learn; quadratic kappa is
  NaN only where both have the same single grade.
"""

import numpy as np
import pandas as pd

from birads_lib.cases import GRADES
from birads_lib.errors import UserError

HEADLINE = {
    "accuracy": "Accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "mean_auc": "Mean AUC",
    "mcc": "MCC",
    "qwk": "Quadratic kappa",
    "ordinal_mae": "Mean absolute error (grades)",
    "adjacent_accuracy": "Adjacent accuracy",
    "auc_4_or_5": "AUC, BI-RADS ≥ 4",
}
PER_CLASS = {"precision": "Precision", "recall": "Recall", "f1": "F1", "auc": "One-vs-rest AUC"}

_K = len(GRADES)
_DISTANCE = np.abs(np.subtract.outer(GRADES, GRADES)).astype(float)  # (5, 5), |true - predicted|


class PredictionError(UserError, ValueError):
    """Truth and predictions that no metric can be computed from; the message lists why."""


def checked(y: object, p: object) -> tuple[np.ndarray, np.ndarray]:
    """Return y (n,) int and p (n, 5) float64, or raise ``PredictionError`` with all problems."""
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if y.ndim != 1 or p.ndim != 2 or p.shape[1] != _K or len(y) != len(p) or not len(y):
        raise PredictionError(
            f"expected n >= 1 grades (n,) and as many rows of probabilities (n, {_K}), "
            f"got shapes {y.shape} and {p.shape}"
        )
    problems = []
    outside = ~np.isin(y, GRADES)
    if outside.any():
        found = ", ".join(repr(value) for value in pd.unique(y[outside])[:5].tolist())
        problems.append(f"{outside.sum()} grades are not in 1..5: {found}")
    invalid = ~np.isfinite(p).all(1) | (p < 0).any(1)
    if invalid.any():
        problems.append(f"{_rows(invalid)}: a probability is NaN, infinite or negative")
    unequal = ~invalid & (np.abs(p.sum(1) - 1) > 1e-4)
    if unequal.any():
        problems.append(f"{_rows(unequal)}: probabilities don't sum to 1 (softmax them first?)")
    if problems:
        raise PredictionError("The predictions can't be scored: " + "; ".join(problems))
    return y.astype(int), p


def _rows(wrong: np.ndarray) -> str:
    return f"{wrong.sum()} of {wrong.size} rows, the first is row {wrong.argmax()}"


def confusion_matrix(y: np.ndarray, p: np.ndarray, *, normalised: bool = False) -> np.ndarray:
    """Return the confusion matrix (5, 5): rows are true grades, columns predicted ones.

    Normalised, each row holds the shares of one true grade, NaN where that grade is absent.
    """
    y, p = checked(y, p)
    counts = _confusion(y, p, np.ones((len(y), 1)))[0].astype(int)
    return ratio(counts, counts.sum(1, keepdims=True), np.nan) if normalised else counts


def headline(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return the metrics named in ``HEADLINE``.

    Shares, F1 and AUC lie in 0..1, MCC and quadratic kappa in -1..1; the mean absolute error is
    in grades, 0..4, and is the only one for which less is better.
    """
    y, p = checked(y, p)
    values = every_metric(y, p, np.ones((len(y), 1)))
    return {name: float(values[name][0]) for name in HEADLINE}


def per_class(y: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    """Return precision, recall, F1, one-vs-rest AUC (0..1) and support (images) by grade."""
    y, p = checked(y, p)
    values = every_metric(y, p, np.ones((len(y), 1)))
    table = {name: [float(values[f"{name}_{g}"][0]) for g in GRADES] for name in PER_CLASS}
    support = [int((y == grade).sum()) for grade in GRADES]
    return pd.DataFrame(table | {"support": support}, index=pd.Index(GRADES, name="birads"))


def every_metric(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return all metrics of R weighted samples at once, each (R,).

    Args:
        y: (n,) checked grades.
        p: (n, 5) checked probabilities.
        weights: (n, R), how often each image counts in each sample.

    Returns:
        The metrics of ``HEADLINE`` in order, then ``precision_1`` .. ``auc_5``.
    """
    counted, by_grade = _count_metrics(_confusion(y, p, weights))
    by_grade["auc"] = np.stack(
        [weighted_auc(p[:, grade - 1], y == grade, weights) for grade in GRADES], axis=-1
    )
    counted["mean_auc"] = _mean_defined(by_grade["auc"])
    # Sums that are equal on paper differ in their last bits; rounding keeps them tied.
    counted["auc_4_or_5"] = weighted_auc(p[:, 3:].sum(1).round(12), y >= 4, weights)
    single = {f"{name}_{g}": by_grade[name][:, g - 1] for name in PER_CLASS for g in GRADES}
    return {name: counted[name] for name in HEADLINE} | single


def weighted_auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUC of R weighted samples (R,), exactly, ties counting half; NaN if one-sided.

    The AUC is the share of (positive, negative) pairs in the right order (Hanley and McNeil 1982).
    Negatives are sorted once for all samples; what lies below a score is a cumulative weight.

    Args:
        score: (n,), higher for the positive class.
        positive: (n,) bool.
        weights: (n, R).
    """
    negative = np.flatnonzero(~positive)
    negative = negative[np.argsort(score[negative], kind="stable")]
    below = np.zeros((len(negative) + 1, weights.shape[1]))  # weight of the k lowest negatives
    np.cumsum(weights[negative], axis=0, out=below[1:])
    first = np.searchsorted(score[negative], score[positive], side="left")
    last = np.searchsorted(score[negative], score[positive], side="right")
    own = weights[positive]  # (positives, R)
    won = np.einsum("ir,ir->r", own, below[first] + below[last]) / 2
    return ratio(won, own.sum(0) * below[-1], np.nan)


def _confusion(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return R confusion matrices (R, 5, 5): images one-hot over the 25 cells, times weights."""
    cell = (y - 1) * _K + p.argmax(1)  # (n,)
    return (weights.T @ np.eye(_K * _K)[cell]).reshape(-1, _K, _K)


def _count_metrics(confusion: np.ndarray) -> tuple[dict, dict]:
    """Return metrics of whole samples, each (R,), and of single grades, each (R, 5)."""
    total = confusion.sum((1, 2))
    hit = np.diagonal(confusion, axis1=1, axis2=2)  # (R, 5)
    actual, called = confusion.sum(2), confusion.sum(1)  # (R, 5)
    grades = {
        "precision": ratio(hit, called, 0),
        "recall": ratio(hit, actual, 0),
        "f1": ratio(2 * hit, actual + called, 0),
    }
    grades = {name: np.where(actual + called > 0, v, np.nan) for name, v in grades.items()}
    whole = {
        "accuracy": hit.sum(1) / total,
        "mcc": _mcc(total, hit, actual, called),
        "qwk": _quadratic_kappa(confusion, total, actual, called),
        "ordinal_mae": (confusion * _DISTANCE).sum((1, 2)) / total,
        "adjacent_accuracy": (confusion * (_DISTANCE <= 1)).sum((1, 2)) / total,
    }
    return whole | {f"macro_{name}": _mean_defined(v) for name, v in grades.items()}, grades


def _mcc(total, hit, actual, called) -> np.ndarray:
    """Multiclass Matthews correlation (Gorodkin 2004, the R_K statistic)."""
    covariance = total * hit.sum(1) - (actual * called).sum(1)
    spread = (total**2 - (actual**2).sum(1)) * (total**2 - (called**2).sum(1))
    return ratio(covariance, np.sqrt(spread), 0)


def _quadratic_kappa(confusion, total, actual, called) -> np.ndarray:
    """Weighted kappa with squared distance between grades as disagreement (Cohen 1968)."""
    seen = (confusion * _DISTANCE**2).sum((1, 2))
    by_chance = ((actual @ _DISTANCE**2) * called).sum(1) / total
    return 1 - ratio(seen, by_chance, np.nan)


def ratio(above: np.ndarray, below: np.ndarray, empty: float) -> np.ndarray:
    """Divide; ``empty`` where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    return np.divide(above, below, out=np.full(shape, float(empty)), where=below > 0)


def _mean_defined(values: np.ndarray) -> np.ndarray:
    """Mean over grades (R, 5) -> (R,) of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(1), defined.sum(1), np.nan)
