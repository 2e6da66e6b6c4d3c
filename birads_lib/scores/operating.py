"""One operating point: a threshold on a score, or a reader who says yes or no.

Label 2 is the positive one. A reader's answers are one point of a ROC plane, a network's scores a
whole curve: they are compared at one sensitivity, or at a threshold that was chosen beforehand.
"""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from birads_lib.scores.bootstrap import Measure
from birads_lib.scores.metrics import ratio, weighted_auc

DIGITS = 2  # that rates are printed with
RATES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "Positive predictive value",
    "accuracy": "Accuracy",
}


def rates(positive: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return ``RATES`` of R weighted samples, each (R,); NaN where nobody is there to be called.

    Args:
        positive: (n,) bool, who has the disease.
        called: (n,) bool, who is called positive.
        weights: (n, R).
    """
    hits, alarms = (positive & called) @ weights, (~positive & called) @ weights
    sick, all_weights = positive @ weights, weights.sum(axis=0)
    passed = all_weights - sick - alarms
    return {
        "sensitivity": ratio(hits, sick, np.nan),
        "specificity": ratio(passed, all_weights - sick, np.nan),
        "ppv": ratio(hits, hits + alarms, np.nan),
        "accuracy": (hits + passed) / all_weights,
    }


def youden_threshold(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold with the largest sensitivity + specificity (Youden 1950).

    Of several the highest; a score at or above it is called positive.
    """
    alarms, hits, thresholds = roc_curve(positive, score, drop_intermediate=False)
    return float(thresholds[1:][(hits - alarms)[1:].argmax()])


def chosen_on_validation(table: pd.DataFrame) -> pd.Series:
    """Return by how much the ensemble is above its thresholds, mean over seeds, by image_id.

    Each model (fold and seed) has its own threshold, from its own validation part alone; its test
    rows are held against that, and the ensemble says yes where the mean of the differences is
    at least 0. ``table`` has the predictions of one arm, all parts.
    """
    margins = []
    for _, rows in table.groupby(["fold", "seed"]):
        validation, tested = (rows[rows["part"] == part] for part in ("validation", "test"))
        threshold = youden_threshold(
            (validation["y_true"] == 2).to_numpy(), validation["p2"].to_numpy()
        )
        margins.append(tested.set_index("image_id")["p2"] - threshold)
    return pd.concat(margins).groupby(level=0).mean()


def specificity_at(
    positive: np.ndarray, score: np.ndarray, sensitivity: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the specificity (R,) at the highest threshold that is at least so sensitive (R,).

    The highest of all is above all scores: nobody is called positive there.
    """
    _, place = np.unique(-score, return_inverse=True)  # from the highest score down
    order = np.argsort(place, kind="stable")
    last = np.flatnonzero(np.diff(place[order], append=place.max() + 1))  # of those that tie
    cumulated = [
        np.insert(np.cumsum(weights[order] * in_class[order, None], axis=0)[last], 0, 0, axis=0)
        for in_class in (positive, ~positive)
    ]
    hits, alarms = (ratio(part, part[-1], np.nan) for part in cumulated)  # (thresholds, R)
    enough = hits >= sensitivity - 1e-12
    first = enough.argmax(axis=0)
    return np.where(enough.any(axis=0), 1 - alarms[first, np.arange(len(first))], np.nan)


def against_reader(called: np.ndarray, reader: np.ndarray) -> Measure:
    """Return a measure, for ``bootstrap.intervals``, of a network beside a reader of the same rows.

    It has ``RATES`` and the AUC of the network, those of the reader with ``reader_`` before them,
    the network's specificity at the reader's sensitivity, and the gains, network minus reader. The
    reader's AUC is that of the ROC curve through the one point, (sensitivity + specificity) / 2.

    Args:
        called: (n,) bool, what the network says at its threshold.
        reader: (n,) bool, what the reader says.
    """
    return partial(_both, called, reader)


def _both(called, reader, y, p, weights) -> dict[str, np.ndarray]:
    positive, score = y == 2, p[:, 1].round(12)
    network, human = (rates(positive, calls, weights) for calls in (called, reader))
    network["auc"] = weighted_auc(score, positive, weights)
    human["auc"] = (human["sensitivity"] + human["specificity"]) / 2
    specificity = specificity_at(positive, score, human["sensitivity"], weights)
    gains = {
        f"{name}_gain": network[name] - human[name]
        for name in ("sensitivity", "ppv", "accuracy", "auc")
    }
    return {
        **network, **{f"reader_{name}": values for name, values in human.items()},
        "specificity_at_reader": specificity,
        "specificity_gain": specificity - human["specificity"], **gains,
    }  # fmt: skip


def ppv_at(prevalence: np.ndarray, sensitivity: float, specificity: float) -> np.ndarray:
    """Return the positive predictive value at a prevalence (0..1), by Bayes' theorem.

    Sensitivity and specificity are taken to stay, which they don't where other cases are seen.
    """
    hits, alarms = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return hits / (hits + alarms)


def mcnemar(positive: np.ndarray, called: np.ndarray, reader: np.ndarray) -> pd.DataFrame:
    """Return McNemar's exact test (1947) of who is right more often, for all, sick and healthy.

    Columns: rows, only_network (right where the reader is wrong), only_reader, p_value. Every row
    is taken as independent, which two views of one lesion are not.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test  # slow to import

    right = np.stack([called == positive, reader == positive])  # (2, n)
    groups = {"all": np.ones_like(positive), "malignant": positive, "benign": ~positive}
    rows = {}
    for name, of_group in groups.items():
        network, human = right[:, of_group]
        only_network, only_reader = int((network & ~human).sum()), int((human & ~network).sum())
        counts = [
            [int((network & human).sum()), only_network],
            [only_reader, int((~network & ~human).sum())],
        ]
        rows[name] = {
            "rows": int(of_group.sum()), "only_network": only_network, "only_reader": only_reader,
            "p_value": float(test(counts, exact=True).pvalue),
        }  # fmt: skip
    return pd.DataFrame(rows).T


def tables_allowing(printed: Mapping[str, float], sizes: Iterable[int]) -> pd.DataFrame:
    """Return every table of answers that prints as sensitivity, specificity and PPV.

    Args:
        printed: these three, rounded to ``DIGITS`` digits.
        sizes: of the test part, to try, with every number of positives from 1 up.

    Returns:
        [n, positives, hits, alarms, prevalence, accuracy]: a row per table.
    """
    half = 0.5 / 10**DIGITS + 1e-9
    rows = []
    for n in sizes:
        positives = np.arange(1, n)[:, None, None]
        hits, alarms = np.arange(n + 1)[None, :, None], np.arange(n + 1)[None, None, :]
        negatives, calls = n - positives, np.maximum(hits + alarms, 1)
        fits = (hits <= positives) & (alarms <= negatives)
        fits = fits & (np.abs(hits / positives - printed["sensitivity"]) <= half)
        fits = fits & (np.abs(1 - alarms / negatives - printed["specificity"]) <= half)
        fits = fits & (np.abs(hits / calls - printed["ppv"]) <= half)
        for p, h, a in np.argwhere(fits):
            rows.append((n, p + 1, h, a, (p + 1) / n, (h + n - p - 1 - a) / n))
    columns = ["n", "positives", "hits", "alarms", "prevalence", "accuracy"]
    return pd.DataFrame(rows, columns=columns)
