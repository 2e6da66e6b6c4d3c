"""The uncertainty of a published number, from its value and the number of images alone.

A paper that prints a number without an interval has one all the same: another test part of the same
size would have given another. Each bound here is the lowest truth that would still print such a
value with a chance of 2.5 %, and so lies below it, by more where images are few.

- A share of n images (accuracy): Wilson's score interval (Wilson 1927).
- Macro F1: taken for a share of all n images, and the F1 of a label for one of the images of that
  label. By the delta method, with precision equal to recall, the error of an F1 is about 0.7 of
  that; rare labels make up for it in the mean.
- MCC: where predicted labels are as frequent as true ones it is Cohen's kappa (Cohen 1960), the
  accuracy above chance, which has the accuracy's error divided by 1 - chance.
- AUC: the variance of Hanley and McNeil (1982, doi 10.1148/radiology.143.1.7063747), at the bound
  and not at the value, so that an AUC of 1 has an error, too (as Newcombe 2006,
  doi 10.1002/sim.2324). The mean AUC: as if its labels' errors were independent.

Images are taken to be independent; those of one patient are alike, so that real errors are larger.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from birads_lib.scores.bootstrap import LEVEL, wilson


def lower_bound(metric: str, value: float, images: np.ndarray) -> float:
    """Return the low end of the 95 % interval of a published value.

    Args:
        metric: as ``metrics.every_metric`` names it.
        value: as published.
        images: (K,) of each label in the part that it is of; shares of counts needn't be whole.

    Returns:
        At most ``value``; NaN for a metric without a formula.
    """
    total = images.sum()
    name, _, label = metric.rpartition("_")
    count = images[int(label) - 1] if label.isdigit() else total
    if metric in ("accuracy", "macro_f1") or name == "f1":
        return float(wilson(np.array(value), count)[0])
    if metric == "mcc":
        chance = ((images / total) ** 2).sum()
        agreement = wilson(np.array(chance + value * (1 - chance)), total)[0]
        return float((agreement - chance) / (1 - chance))
    if name == "auc" and label.isdigit():
        return auc_bound(value, count, total - count)
    if metric == "mean_auc":
        errors = [value - auc_bound(value, count, total - count) for count in images]
        return value - float(np.linalg.norm(errors)) / len(errors)
    return float("nan")


def auc_bound(auc: float, positives: float, negatives: float) -> float:
    """Return the low end of the 95 % interval of an AUC, 0..1, of so many images."""
    quantile = norm.isf((1 - LEVEL) / 2)

    def beyond(truth: float) -> float:
        return auc - truth - quantile * auc_error(truth, positives, negatives)

    return float(brentq(beyond, 0, auc - 1e-9))  # at an AUC of 1, 1 is a root, too


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """Return the standard error of an AUC by Hanley and McNeil 1982, equation 1."""
    both_above = auc / (2 - auc)  # two positives above one negative
    both_below = 2 * auc**2 / (1 + auc)  # two negatives below one positive
    variance = auc * (1 - auc)
    variance += (positives - 1) * (both_above - auc**2)
    variance += (negatives - 1) * (both_below - auc**2)
    return float(np.sqrt(max(variance, 0) / (positives * negatives)))


def margin(published: float, low: float, estimate: float, high: float) -> float:
    """Return by how much an estimate may lie below a published value, both being uncertain.

    The low end of the interval of their difference is ``published - estimate - margin``: errors of
    independent estimates add in squares, each the end of its own interval (Newcombe 1998,
    doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10).

    Args:
        published: the value, and ``low`` the low end of its interval.
        estimate: ours, and ``high`` the high end of its interval.
        low: see ``published``; NaN where no formula has it: its error is then taken for 0.
        high: see ``estimate``; NaN where there is none: its error is then taken for 0.
    """
    return float(np.hypot(*np.nan_to_num([published - low, max(high - estimate, 0)])))
