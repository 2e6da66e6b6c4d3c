"""Numbers that say how good predictions of labels are.

Truth is y (n,), label numbers 1..K; predictions are p (n, K), the labels' probabilities in their
order. The predicted label is the most probable one, the lower of two that tie. Every metric is
written once, for R weighted samples, so that an estimate and its bootstrap share their code:
weights (n, R) say how often each image counts in each sample. A task (``birads_lib.task``) says
how many labels there are and whether their order counts.

Degenerate cases, the same for estimates and for resamples:

- A label that is never predicted has precision 0; one predicted but absent from the truth has
  recall 0 and F1 0. A label that neither occurs nor is predicted has none of the three (NaN) and
  is left out of macro means. This is scikit-learn's ``zero_division=0`` with default labels.
- The one-vs-rest AUC of a label that is absent, or that is the only one, is NaN and is left out
  of the mean AUC. Ties in the score count half.
- MCC is 0 where truth or prediction has a single label, as in scikit-learn; quadratic kappa is
  NaN only where both have the same single label.
"""

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.task import BIRADS, Task

_SHARES = (
    *("accuracy", "adjacent_accuracy", "true_class_high"),
    *("sensitivity", "specificity", "ppv", "false_positive_rate", "miss_rate"),
)
PER_CLASS = {"precision": "Precision", "recall": "Recall", "f1": "F1", "auc": "One-vs-rest AUC"}


class PredictionError(UserError, ValueError):
    """Truth and predictions that no metric can be computed from; the message lists why."""


def headline_names(task: Task = BIRADS) -> dict[str, str]:
    """Return name -> title of the metrics of a whole sample; of an unordered task those without
    distances, of a task without ``act_from`` those without the AUC of what calls for action.
    """
    names = {
        "accuracy": "Accuracy",
        "macro_precision": "Macro precision",
        "macro_recall": "Macro recall",
        "macro_f1": "Macro F1",
        "mean_auc": "Mean AUC",
        "mcc": "MCC",
    }
    if task.ordinal:
        names["qwk"] = "Quadratic kappa"
        names["ordinal_mae"] = "Mean absolute error (grades)"
        names["adjacent_accuracy"] = "Adjacent accuracy"
    if task.act_from is not None:
        names[_action_auc(task)] = f"AUC, {task.at_least(task.act_from)}"
    return names


def _action_auc(task: Task) -> str:
    return "auc_" + "_or_".join(task.labels[task.act_from - 1 :])  # such as auc_4_or_5


def checked(y: object, p: object) -> tuple[np.ndarray, np.ndarray]:
    """Return y (n,) int and p (n, K) float64, or raise ``PredictionError`` with all problems."""
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if y.ndim != 1 or p.ndim != 2 or len(y) != len(p) or not len(y):
        raise PredictionError(
            "expected n >= 1 labels (n,) and as many rows of probabilities (n, K), "
            f"got shapes {y.shape} and {p.shape}"
        )
    problems = []
    outside = ~np.isin(y, np.arange(1, p.shape[1] + 1))
    if outside.any():
        values = ", ".join(repr(value) for value in pd.unique(y[outside])[:5].tolist())
        problems.append(f"{outside.sum()} labels are not in 1..{p.shape[1]}: {values}")
    invalid = ~np.isfinite(p).all(1) | (p < 0).any(1)
    if invalid.any():
        problems.append(f"{_rows(invalid)}: a probability is NaN, infinite or negative")
    unequal = ~invalid & (np.abs(p.sum(1) - 1) > 1e-4)
    if unequal.any():
        problems.append(f"{_rows(unequal)}: probabilities don't sum to 1 (softmax them first?)")
    if problems:
        raise PredictionError("The predictions can't be scored: " + "; ".join(problems))
    return y.astype(int), p


def check_width(p: np.ndarray, task: Task) -> None:
    """Raise ``PredictionError`` unless p holds a probability for each label of the task."""
    if p.shape[1] != len(task.labels):
        raise PredictionError(
            f"expected {len(task.labels)} probabilities a row, one for each label of the task "
            f"{task.name!r}, got shapes ({len(p)},) and {p.shape}"
        )


def _rows(wrong: np.ndarray) -> str:
    return f"{wrong.sum()} of {wrong.size} rows, the first is row {wrong.argmax()}"


def confusion_matrix(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the confusion matrix (K, K): rows are true labels, columns predicted ones."""
    y, p = checked(y, p)
    return _confusion(y, p, np.ones((len(y), 1)))[0].astype(int)


def headline(y: np.ndarray, p: np.ndarray, task: Task = BIRADS) -> dict[str, float]:
    """Return the metrics named in ``headline_names``.

    Shares, F1 and AUC lie in 0..1, MCC and quadratic kappa in -1..1; the mean absolute error is
    in labels, 0..K - 1, and is the only one for which less is better.
    """
    values = _of_sample(y, p, task)
    return {name: values[name] for name in headline_names(task)}


def per_class(y: np.ndarray, p: np.ndarray, task: Task = BIRADS) -> pd.DataFrame:
    """Return precision, recall, F1, one-vs-rest AUC (0..1) and support (images) by label number."""
    values = _of_sample(y, p, task)
    table = {name: [values[f"{name}_{label}"] for label in task.numbers] for name in PER_CLASS}
    table["support"] = [np.count_nonzero(np.equal(y, label)) for label in task.numbers]
    return pd.DataFrame(table, index=pd.Index(task.numbers, name=task.name))


def _of_sample(y: np.ndarray, p: np.ndarray, task: Task) -> dict[str, float]:
    y, p = checked(y, p)
    values = every_metric(y, p, np.ones((len(y), 1)), task)
    return {name: float(value[0]) for name, value in values.items()}


def every_metric(
    y: np.ndarray, p: np.ndarray, weights: np.ndarray, task: Task = BIRADS
) -> dict[str, np.ndarray]:
    """Return all metrics of R weighted samples of checked predictions at once, each (R,).

    Those of ``headline_names`` come first, in order, then ``precision_1`` .. ``auc_K``.
    """
    check_width(p, task)
    overall, by_label = _count_metrics(_confusion(y, p, weights))
    by_label["auc"] = np.stack(
        [weighted_auc(p[:, label - 1], y == label, weights) for label in task.numbers], axis=-1
    )
    overall["mean_auc"] = _mean_defined(by_label["auc"])
    if task.act_from is not None:
        # Sums that are equal on paper differ in their last bits; rounding keeps them tied.
        score = p[:, task.act_from - 1 :].sum(1).round(12)
        overall[_action_auc(task)] = weighted_auc(score, y >= task.act_from, weights)
    columns = [(name, label) for name in PER_CLASS for label in task.numbers]
    single = {f"{name}_{label}": by_label[name][:, label - 1] for name, label in columns}
    return {name: overall[name] for name in headline_names(task)} | single


def weighted_auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUC of R weighted samples (R,), exactly, ties counting half; NaN if one-sided.

    The AUC is the share of (positive, negative) pairs in the right order (Hanley and McNeil 1982).
    Negatives are sorted once for all samples; what lies below a score is a cumulative weight.
    ``score`` (n,) is higher for the positive class, ``positive`` (n,) bool.
    """
    negative = np.flatnonzero(~positive)
    negative = negative[np.argsort(score[negative], kind="stable")]
    below = np.zeros((len(negative) + 1, weights.shape[1]))  # weight of the k lowest negatives
    np.cumsum(weights[negative], axis=0, out=below[1:])
    first = np.searchsorted(score[negative], score[positive], side="left")
    last = np.searchsorted(score[negative], score[positive], side="right")
    positive_weights = weights[positive]  # (positives, R)
    concordant = np.einsum("ir,ir->r", positive_weights, below[first] + below[last]) / 2
    return ratio(concordant, positive_weights.sum(0) * below[-1], np.nan)


def _confusion(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return R confusion matrices (R, K, K): images one-hot over the K^2 cells, times weights."""
    labels = p.shape[1]
    cell = (y - 1) * labels + p.argmax(1)  # (n,)
    return (weights.T @ np.eye(labels**2)[cell]).reshape(-1, labels, labels)


def _count_metrics(confusion: np.ndarray) -> tuple[dict, dict]:
    """Return metrics of whole samples, each (R,), and of single labels, each (R, K)."""
    total = confusion.sum((1, 2))
    hit = np.diagonal(confusion, axis1=1, axis2=2)  # (R, K)
    actual, called = confusion.sum(2), confusion.sum(1)  # (R, K)
    order = np.arange(confusion.shape[1])
    distance = np.abs(np.subtract.outer(order, order)).astype(float)  # (K, K), |true - predicted|
    labels = {
        "precision": ratio(hit, called, 0),
        "recall": ratio(hit, actual, 0),
        "f1": ratio(2 * hit, actual + called, 0),
    }
    labels = {name: np.where(actual + called > 0, v, np.nan) for name, v in labels.items()}
    # The multiclass Matthews correlation (Gorodkin 2004, the R_K statistic)
    covariance = total * hit.sum(1) - (actual * called).sum(1)
    spread = (total**2 - (actual**2).sum(1)) * (total**2 - (called**2).sum(1))
    # Kappa with the squared distance as disagreement (Cohen 1968)
    disagreement = (confusion * distance**2).sum((1, 2))
    by_chance = ((actual @ distance**2) * called).sum(1) / total
    overall = {
        "accuracy": hit.sum(1) / total,
        "mcc": ratio(covariance, np.sqrt(spread), 0),
        "qwk": 1 - ratio(disagreement, by_chance, np.nan),
        "ordinal_mae": (confusion * distance).sum((1, 2)) / total,
        "adjacent_accuracy": (confusion * (distance <= 1)).sum((1, 2)) / total,
    }
    return overall | {f"macro_{name}": _mean_defined(v) for name, v in labels.items()}, labels


def images_behind(y: np.ndarray, p: np.ndarray) -> dict[str, np.ndarray]:
    """Return the images (n,) bool that metrics rest on which are 0, not undefined, without them.

    ``recall_k`` and ``f1_k`` rest on the images of label k, ``precision_k`` on those called k.
    """
    numbers = range(1, p.shape[1] + 1)
    of_labels = {f"{name}_{k}": y == k for name in ("recall", "f1") for k in numbers}
    return of_labels | {f"precision_{k}": p.argmax(1) + 1 == k for k in numbers}


def is_share(name: str) -> bool:
    """Return whether a metric is a share of images, for which a proportion's interval holds."""
    return name.removeprefix("reader_") in _SHARES or name.startswith(("precision_", "recall_"))


def ratio(above: np.ndarray, below: np.ndarray, empty: float) -> np.ndarray:
    """Divide; ``empty`` where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    return np.divide(above, below, out=np.full(shape, float(empty)), where=below > 0)


def _mean_defined(values: np.ndarray) -> np.ndarray:
    """Mean over labels (R, K) -> (R,) of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(1), defined.sum(1), np.nan)
