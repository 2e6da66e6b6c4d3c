"""Would acting on the model do more good than harm? Net benefit and decision curves.

Truth is y (n,), predictions are p (n, K), as in ``bootstrap``.
A decision is to act (recall, biopsy) on every image whose probability of label ``lowest`` or more
is at least a threshold t. Someone who acts at t finds t / (1 - t) times as much harm in a needless
action as good in a needed one; net benefit is the good less the harm, in needed actions per image
(Vickers and Elkin 2006). The defaults are to act on all images and to act on none, which is 0.
Which decisions a task has, ``Task.decisions`` says.

Degenerate cases, the same for estimates and for resamples:

- A sample where no image, or every image, is of ``lowest`` or more has no curve for that decision:
  all of it is NaN.
- Resamples of a sample that has a curve may lack either kind. As drawn, their net benefit is a
  count and stays defined; at another prevalence it needs both kinds, and they are left out.
- A threshold of 1 has infinite odds and is refused.
"""

import numpy as np
import pandas as pd

from birads_lib.scores.bootstrap import (
    Resampling,
    estimates,
    patient_bootstrap,
    percentiles,
    with_bounds,
)
from birads_lib.scores.metrics import PredictionError, checked, ratio

THRESHOLDS = np.arange(1, 100) / 100
RANGE = (0.2, 0.8)  # of thresholds, where the paper says that its model is of use


def probability_of_at_least(p: np.ndarray, lowest: int) -> np.ndarray:
    """Return the probability (n,) that the label is ``lowest`` or more."""
    # Sums that reach a threshold on paper may miss it in their last bits.
    return p[:, lowest - 1 :].sum(1).round(12)


def net_benefit(
    positive: np.ndarray,
    score: np.ndarray,
    thresholds: np.ndarray = THRESHOLDS,
    weights: np.ndarray | None = None,
    prevalence: float | None = None,
) -> np.ndarray:
    """Return the net benefit of R weighted samples at T thresholds, (T, R), at most 1.

    True positives per image less false positives per image times t / (1 - t) (Vickers and Elkin
    2006, eq. 1). At another prevalence the rates of true and of false positives stay, and the
    shares they are taken of change (Vickers and Elkin 2006, for case-control data).

    Args:
        positive: (n,) bool, who needs the action.
        score: (n,); acted on where it is at least the threshold.
        thresholds: (T,), each in 0 <= t < 1.
        weights: (n, R), how often each image counts in each sample; None: once, R = 1.
        prevalence: share of positives, 0..1 both excluded; None: as in each sample.

    Raises:
        PredictionError: unusable truth, scores, thresholds or prevalence.
    """
    positive, score, thresholds = _checked(positive, score, thresholds, prevalence)
    acted = score >= thresholds[:, None]  # (T, n)
    return _benefit(positive, acted, thresholds, weights, prevalence)


def treat_all(
    positive: np.ndarray,
    thresholds: np.ndarray = THRESHOLDS,
    weights: np.ndarray | None = None,
    prevalence: float | None = None,
) -> np.ndarray:
    """Return the net benefit (T, R) of acting on every image; arguments as in ``net_benefit``."""
    positive, _, thresholds = _checked(positive, np.ones(len(positive)), thresholds, prevalence)
    acted = np.ones((1, len(positive)), dtype=bool)
    return _benefit(positive, acted, thresholds, weights, prevalence)


def gain(net: np.ndarray, of_all: np.ndarray) -> np.ndarray:
    """Return net benefit over that of the better default; more than 0: the model is of use."""
    # What is 0 on paper may not be in its last bits.
    return (net - np.maximum(of_all, 0)).round(12)


def to_shares(y: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return weights (n, R) that give the labels these shares (K,) in each sample.

    What a sample lacks can't be weighted: the shares of its other labels keep their proportions.
    """
    shares = np.asarray(shares, dtype=float)[:, None]
    numbers = np.arange(1, len(shares) + 1)
    label_weights = (y == numbers[:, None]).astype(float) @ weights  # (K, R)
    return weights * ratio(shares, label_weights, 0)[y - 1]


def shares_at(shares: np.ndarray, lowest: int, prevalence: float) -> np.ndarray:
    """Return shares (K,) of which those of ``lowest`` or more sum to ``prevalence``.

    Labels of ``lowest`` or more, and those below it, keep their proportions.
    """
    changed = np.zeros(len(shares))
    acted = np.arange(1, len(shares) + 1) >= lowest
    for group, total in ((acted, prevalence), (~acted, 1 - prevalence)):
        if shares[group].sum() > 0:
            changed[group] = total * shares[group] / shares[group].sum()
    return changed


def curve(
    y: np.ndarray,
    p: np.ndarray,
    lowest: int,
    resampling: Resampling,
    *,
    shares: np.ndarray | None = None,
    prevalence: float | None = None,
) -> pd.DataFrame:
    """Return the decision curve at ``THRESHOLDS``, with intervals for each threshold by itself.

    Args:
        lowest: the number of the lowest label acted on, 2..K.
        shares: (K,) of the labels to weight each sample to; None: as drawn.
        prevalence: of ``lowest`` or more; None: as in each sample.

    Returns:
        [decision, threshold, net_benefit, low, high, treat_all, gain, gain_low, gain_high].
    """
    y, p = checked(y, p)
    target = {"shares": shares, "prevalence": prevalence}
    net, of_all = (values[:, 0] for values in _net(y, p, lowest, np.ones((len(y), 1)), **target))
    resamples = [_net(y, p, lowest, weights, **target) for weights in resampling.weights(len(y))]
    resampled = np.concatenate(resamples, axis=2)  # (model and all, T, R)
    table = pd.DataFrame({"decision": lowest, "threshold": THRESHOLDS, "net_benefit": net})
    table["low"], table["high"] = percentiles(resampled[0].T)
    table["treat_all"], table["gain"] = of_all, gain(net, of_all)
    table["gain_low"], table["gain_high"] = percentiles(gain(*resampled).T)
    return table


def usefulness(y: np.ndarray, p: np.ndarray, lowest: int, resampling: Resampling) -> pd.DataFrame:
    """Return [metric, estimate, low, high] of what the decision curve of ``lowest`` says.

    ``share_useful_<lowest>`` is the share of thresholds within ``RANGE`` where the model does
    better than both defaults; ``net_benefit_<lowest>_at_0.5`` and ``gain_<lowest>_at_0.5`` are
    the curve's values at even odds.
    """
    within = (RANGE[0] <= THRESHOLDS) & (RANGE[1] >= THRESHOLDS)
    half = int(np.flatnonzero(THRESHOLDS == 0.5)[0])

    def measure(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        net, of_all = _net(y, p, lowest, weights)  # (T, R)
        gained = gain(net, of_all)
        useful = (gained[within] > 0).mean(0)
        return {
            f"share_useful_{lowest}": np.where(np.isnan(gained[0]), np.nan, useful),
            f"net_benefit_{lowest}_at_0.5": net[half],
            f"gain_{lowest}_at_0.5": gained[half],
        }

    # Not ``intervals``: a share of thresholds is none of patients, and may always be the same.
    table = with_bounds(estimates(y, p, measure), patient_bootstrap(y, p, resampling, measure))
    return table[["metric", "estimate", "low", "high"]]


def _checked(positive, score, thresholds, prevalence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, scores (n,) and thresholds (T,), or raise with all that is wrong."""
    positive, score = np.asarray(positive), np.asarray(score, dtype=float)
    thresholds = np.atleast_1d(np.asarray(thresholds, dtype=float))
    problems = []
    if positive.ndim != 1 or positive.shape != score.shape or not len(positive):
        problems.append(f"truth {positive.shape} and scores {score.shape} must be of one length")
    if positive.dtype != bool:
        problems.append(f"truth must be bool, got {positive.dtype}")
    if not np.isfinite(score).all():
        problems.append("a score is NaN or infinite")
    if not ((thresholds >= 0) & (thresholds < 1)).all():
        problems.append("thresholds must be at least 0 and less than 1, where odds are infinite")
    if prevalence is not None and not 0 < prevalence < 1:
        problems.append(f"prevalence must lie between 0 and 1, got {prevalence}")
    if problems:
        raise PredictionError("No net benefit can be computed: " + "; ".join(problems))
    return positive, score, thresholds


def _benefit(positive, acted, thresholds, weights, prevalence) -> np.ndarray:
    """Return the net benefit (T, R) of acting on some images, (T, n) or (1, n)."""
    weights = np.ones((len(positive), 1)) if weights is None else weights
    needed = (acted & positive).astype(float) @ weights  # (T or 1, R)
    needless = (acted & ~positive).astype(float) @ weights
    total = weights.sum(0)  # (R,)
    benefit = cost = 1 / total  # what one needed and one needless action add per image
    if prevalence is not None:
        needing = positive @ weights
        benefit = ratio(prevalence, needing, np.nan)
        cost = ratio(1 - prevalence, total - needing, np.nan)
    odds = thresholds / (1 - thresholds)  # (T,)
    return needed * benefit - odds[:, None] * needless * cost


def _net(y, p, lowest, weights, shares=None, prevalence=None) -> tuple[np.ndarray, np.ndarray]:
    """Return net benefit of the model and of acting on all, (T, R) each; NaN without both kinds."""
    positive = y >= lowest
    if positive.all() or not positive.any():
        nothing = np.full((len(THRESHOLDS), weights.shape[1]), np.nan)
        return nothing, nothing
    if shares is not None:
        weights = to_shares(y, weights, shares)
    score = probability_of_at_least(p, lowest)
    return (
        net_benefit(positive, score, THRESHOLDS, weights, prevalence),
        treat_all(positive, THRESHOLDS, weights, prevalence),
    )
