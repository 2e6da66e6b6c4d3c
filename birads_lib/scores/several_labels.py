"""Metrics for labels of which an image may have several at once.

y is (n, K) bool, p (n, K) the probability of each label, 0..1; a label is named from a threshold
up. Metrics of a label are called f1_<label>, precision_<label>, recall_<label> and auc_<label>.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_lib.scores.bootstrap import Drawn, Resampling
from birads_lib.scores.metrics import ratio, weighted_auc

THRESHOLD = 0.5  # from which a label is named


def measure(
    y: np.ndarray,
    p: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray,
    threshold: float = THRESHOLD,
) -> dict[str, np.ndarray]:
    """Return the metrics of R weighted samples, weights (n, R), each (R,).

    Precision is NaN where a label is never named, recall and F1 where no image has it.
    """
    is_called = p >= threshold
    values = {}
    for k, label in enumerate(labels):
        actual = y[:, k].astype(float) @ weights
        called = is_called[:, k].astype(float) @ weights
        hits = (y[:, k] & is_called[:, k]).astype(float) @ weights
        values[f"f1_{label}"] = np.where(
            actual > 0, ratio(2 * hits, actual + called, np.nan), np.nan
        )
        values[f"precision_{label}"] = ratio(hits, called, np.nan)
        values[f"recall_{label}"] = ratio(hits, actual, np.nan)
        values[f"auc_{label}"] = weighted_auc(p[:, k], y[:, k], weights)
    return values


def intervals(
    y: np.ndarray,
    p: np.ndarray,
    labels: Sequence[str],
    resampling: Resampling,
    pair: tuple[str, str] | None = None,
    threshold: float = THRESHOLD,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used], patients drawn.

    Args:
        pair: two labels; ``f1_<first>_minus_<second>`` is the difference of their F1, in the same
            resamples.
    """

    def of(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = measure(y, p, labels, weights, threshold)
        if pair:
            first, second = pair
            values[f"f1_{first}_minus_{second}"] = values[f"f1_{first}"] - values[f"f1_{second}"]
        return values

    return Drawn.of(of, len(y), resampling).intervals()
