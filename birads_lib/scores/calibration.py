"""Do predicted probabilities agree with observed frequencies?

Scores are written once, for a stack of weighted samples, so that an estimate and its bootstrap
over patients share their code. For every score less is better. Arguments are those of
``bootstrap``.

Degenerate cases, the same for estimates and for resamples:

- An absent label is scored like any other: its observed frequency is 0.
- Scores that tie share a bin, so there may be fewer than ``BINS``; bins are those of the sample in
  every resample. Where all images of a bin, or none, are of the label, the bin has Wilson's
  interval over its patients; a bin of one patient has none (NaN).
- A probability of 0 is raised to the precision of a float before a logarithm is taken, as in
  scikit-learn's log loss.

A binned error is never negative and rises with noise: few images give a calibrated model an error
above 0, and resamples an error above the sample's. ``error_if_calibrated`` says by how much.
"""

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.scores import bootstrap, comparisons
from birads_lib.scores.bootstrap import Resampling
from birads_lib.scores.metrics import check_width, checked, ratio
from birads_lib.task import BIRADS, Task

SCORES = {
    "classwise_ece": "Calibration error, binned",
    "smooth_ece": "Calibration error, smooth",
    "brier": "Brier score (0 to 2)",
    "rps": "Ranked prob. score (0 to 1)",
    "log_loss": "Log loss (nats)",
}
BINS = 10  # of equal mass, per label
HIGH, LOW = 0.8, 0.5  # what the paper calls a high, and here a low, probability
SMALLEST = np.finfo(float).eps  # of a probability, before a logarithm is taken
_COLUMNS = ["metric", "estimate", "low", "high"]
_OF_DIFFERENCES = [*_COLUMNS, "p_value"]


def every_score(
    y: np.ndarray, p: np.ndarray, weights: np.ndarray, task: Task = BIRADS
) -> dict[str, np.ndarray]:
    """Return the scores of R weighted samples (n, R) at once, each (R,); ``smooth_ece`` aside.

    - ``ece_1`` .. ``ece_K``: calibration error of a label against the rest, the mean gap between
      predicted and observed frequency over bins of equal mass, weighted by their images, 0..1;
      ``classwise_ece``: their mean (Kull et al. 2019, eq. 3; equal mass: Nixon et al. 2019, ACE).
    - ``brier``: squared distance of p from the truth, summed over labels, 0..2 (Brier 1950).
    - ``rps``: squared distance of the cumulative probabilities from the truth's, divided by
      K - 1, 0..1 (Epstein 1969; Murphy 1971); of ordered labels only.
    - ``log_loss``: minus the natural logarithm of the true label's probability, 0 and more.
    - ``true_class_high``: share of images whose true label got ``HIGH`` or more.
    - ``low_confidence_gap_2``, of BI-RADS only: observed minus predicted frequency of 2 among
      images with a p2 below ``LOW``, -1..1; NaN where there are none. Above 0 is under-confident.
    """
    check_width(p, task)
    total = weights.sum(0)  # (R,)
    truth = np.eye(p.shape[1])[y - 1]  # (n, K)
    p_true = of_truth(y, p)
    by_image = {"brier": ((p - truth) ** 2).sum(1)}
    if task.ordinal:
        by_image["rps"] = ((p - truth).cumsum(1)[:, :-1] ** 2).sum(1) / (p.shape[1] - 1)
    by_image["log_loss"] = -np.log(np.maximum(p_true, SMALLEST))
    by_image["true_class_high"] = (p_true >= HIGH).astype(float)
    scores = _binned_errors(p, (gap[:, None] * weights for gap in (truth - p).T), total)
    scores |= {name: values @ weights / total for name, values in by_image.items()}
    if task == BIRADS:
        low = (p[:, 1] < LOW).astype(float)
        gap = ((truth - p)[:, 1] * low) @ weights
        scores["low_confidence_gap_2"] = ratio(gap, low @ weights, np.nan)
    return scores


def smooth_ece(y: np.ndarray, p: np.ndarray) -> float:
    """Return the smooth calibration error, 0..1: the mean over labels, each against the rest.

    It smooths with a kernel whose width follows from the data, where ``classwise_ece`` has bins
    (Blasiok and Nakkiran 2023, their package ``relplot``).
    """
    from relplot.metrics import smECE  # slow to import

    y, p = checked(y, p)
    p = p.clip(0, 1)
    return float(np.mean([smECE(p[:, k], (y == k + 1).astype(float)) for k in range(p.shape[1])]))


def intervals(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, task: Task = BIRADS
) -> pd.DataFrame:
    """Return [metric, estimate, low, high], one row per score, ``smooth_ece`` among them.

    ``smooth_ece`` has no bounds (NaN), as its kernel can't be resampled at once. What was fitted
    on validation rows is taken as it is.
    """
    table = bootstrap.intervals(y, p, resampling, partial(every_score, task=task))
    return _with_smooth(table[_COLUMNS], smooth_ece(y, p))


def differences(
    y: np.ndarray,
    after: np.ndarray,
    before: np.ndarray,
    resampling: Resampling,
    task: Task = BIRADS,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, p_value] of each score after minus before.

    Both are drawn in the same resamples.

    ``after`` and ``before`` are probabilities (n, K) of the same images in the same order.
    """
    measure = partial(every_score, task=task)
    table = comparisons.paired_differences(y, after, before, resampling, measure)
    return _with_smooth(table[_OF_DIFFERENCES], smooth_ece(y, after) - smooth_ece(y, before))


def error_if_calibrated(
    p: np.ndarray, draws: int = 500, seed: int = 0, images: np.ndarray | None = None
) -> pd.DataFrame:
    """Return [metric, estimate, low, high] of the binned errors that a calibrated model would have.

    Truth is drawn from p itself, ``draws`` times, so that the error left is the noise of so few
    images (consistency resampling, Broecker and Smith 2007); estimates are means over the draws.
    Images are drawn one by one: those of one patient, being alike, would leave somewhat more.
    ``images`` (n,) says which rows are of one image, whose truth is then drawn by one lot for all
    seeds; None: each row is one.
    """
    p = checked(np.ones(len(p), int), p)[1]
    rng = np.random.default_rng(seed)
    cut = p.cumsum(1)[:, :-1, None]  # (n, K - 1, 1)
    codes = np.arange(len(p)) if images is None else pd.factorize(images)[0]
    uniforms = rng.random((codes.max() + 1, 1, draws))[codes]
    drawn = (uniforms >= cut).sum(1)  # (n, draws), places of labels
    gaps = ((drawn == place) - p[:, [place]] for place in range(p.shape[1]))
    table = pd.DataFrame(_binned_errors(p, gaps, len(p)))
    return bootstrap.with_bounds(table.mean(), table)[_COLUMNS]


def reliability(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, task: Task = BIRADS
) -> pd.DataFrame:
    """Return the reliability diagram of each label against the rest, one row per label and bin.

    Columns: one with the task's name (label number), ``images`` (in the bin), ``predicted`` (mean
    probability, 0..1), ``observed`` (share of the bin's images that have the label, 0..1), ``low``
    and ``high`` (of ``observed``; resamples that miss the bin are left out).
    """
    y, p = checked(y, p)
    bins = [_bins(score) for score in p.T]  # (n, bins of the label) each
    label = np.repeat(task.numbers, [cells.shape[1] for cells in bins])  # (bins,)
    cells = np.concatenate(bins, axis=1)  # (n, bins)
    hits = cells * (y[:, None] == label)
    weights = resampling.weights(len(y))
    drawn = [ratio(hits.T @ w, cells.T @ w, np.nan) for w in weights]  # (bins, R) each
    images = cells.sum(0)
    table = pd.DataFrame({task.name: label, "images": images.astype(int)})
    table["predicted"] = (cells * p[:, label - 1]).sum(0) / images
    table["observed"] = hits.sum(0) / images
    table["low"], table["high"] = bootstrap.percentiles(np.concatenate(drawn, axis=1).T)
    patients = [bootstrap.patients_of(images, resampling) for images in cells.T]
    named = table.assign(metric=table.index, estimate=table["observed"])
    named = bootstrap.with_width(named, dict(enumerate(patients)), named["metric"])
    return named[table.columns]


def true_class_spread(y: np.ndarray, p: np.ndarray, task: Task = BIRADS) -> pd.DataFrame:
    """Return images, q1, median, q3 and iqr of the true label's probability (0..1) by label.

    A label without images has 0 of them and NaN.
    """
    y, p = checked(y, p)
    p_true = pd.Series(of_truth(y, p)).groupby(y)
    table = p_true.quantile([0.25, 0.5, 0.75]).unstack().set_axis(["q1", "median", "q3"], axis=1)
    table.insert(0, "images", p_true.size())
    table = table.assign(iqr=table["q3"] - table["q1"])
    table = table.reindex(pd.Index(task.numbers, name=task.name))
    return table.fillna({"images": 0}).astype({"images": int})


def of_truth(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the probability of the true label, (n,)."""
    return p[np.arange(len(y)), y - 1]


def _bins(score: np.ndarray) -> np.ndarray:
    """Return the bin of equal mass of each score (n,), one-hot (n, bins); no bin is empty."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]))
    _, number = np.unique(np.searchsorted(edges, score, side="right"), return_inverse=True)
    return np.eye(number.max() + 1)[number]


def _binned_errors(
    p: np.ndarray, gaps: Iterable[np.ndarray], total: np.ndarray | int
) -> dict[str, np.ndarray]:
    """Return ``classwise_ece`` and ``ece_1`` .. from each label's gaps of truth and p, (n, R)."""
    errors = {
        f"ece_{label}": np.abs(_bins(score).T @ gap).sum(0) / total
        for label, (score, gap) in enumerate(zip(p.T, gaps, strict=True), start=1)
    }
    return {"classwise_ece": np.mean(list(errors.values()), axis=0)} | errors


def _with_smooth(table: pd.DataFrame, value: float) -> pd.DataFrame:
    """Return the table with a row for ``smooth_ece``, which has no bounds."""
    row = {"metric": ["smooth_ece"], "estimate": value, "low": np.nan, "high": np.nan}
    return pd.concat([table, pd.DataFrame(row)], ignore_index=True)
