"""How sure the numbers are: intervals from a bootstrap over patients.

Images of one patient resemble each other, so patients are drawn, not images: a resample takes as
many patients as there are, with replacement, and all images of each as often as it was drawn
(the cluster bootstrap; Field and Welsh 2007). Resamples are weights per image, never copies.

A label that a resample lacks has no AUC there: that resample's mean AUC leaves it out, and the
label's own interval uses the resamples where it is defined; ``resamples_used`` counts them.
Intervals describe the sampling of patients for the models as trained, not their retraining.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from birads_lib.scores.metrics import PredictionError, checked, every_metric, ratio

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
_CELLS = 1 << 21  # images x resamples held at once: 16 MB an array, whatever n is


@dataclass(frozen=True, eq=False)
class Resampling:
    """How patients are drawn anew. The same values give the same draws, whatever is measured.

    Attributes:
        clusters: (n,) whose image each row is, such as of ``predictions.cluster_ids``; the order
            of rows doesn't matter.
        resamples: how many.
        seed: of the draw.
        level: of the intervals, 0..1.

    Raises:
        PredictionError: fewer than one resample.
    """

    clusters: object
    resamples: int = 2000
    seed: int | Sequence[int] = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise PredictionError(f"resamples must be at least 1, got {self.resamples}")

    def weights(self, n: int) -> Iterator[np.ndarray]:
        """Yield how often each of n images counts in some resamples, (n, R) at a time.

        Raises:
            PredictionError: patients of another number of images, unknown ones, or fewer than two.
        """
        codes, patients = cluster_codes(self.clusters, n)
        rng = np.random.default_rng(self.seed)
        step = max(1, _CELLS // n)
        for start in range(0, self.resamples, step):
            yield _counts(rng, min(step, self.resamples - start), patients)[codes]

    def bounds(self, values: object) -> np.ndarray:
        """Return the ``percentiles`` (2, m) of resampled values (R, m) at this level."""
        return percentiles(values, self.level)


def patient_bootstrap(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return every metric of every resample: one row per resample, one column per metric.

    Args:
        y: (n,) true label numbers 1..K.
        p: (n, K) probabilities.
        resampling: of the n images.
        measure: what is measured, such as ``metrics.every_metric``, or ``functools.partial`` of
            it for another task: from y, p and the weights (n, R) of R samples to {name: (R,)}.

    Raises:
        PredictionError: unusable predictions, unknown patients, or fewer than two patients.
    """
    y, p = checked(y, p)
    weights = resampling.weights(len(y))
    return pd.concat([pd.DataFrame(measure(y, p, w)) for w in weights], ignore_index=True)


def intervals(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used], one row per metric.

    Bounds are percentiles of ``patient_bootstrap``, NaN where a metric is defined in no resample.
    The estimate is the metric of the sample itself. Arguments and errors are those of
    ``patient_bootstrap``.
    """
    resamples = patient_bootstrap(y, p, resampling, measure)
    return with_bounds(estimates(y, p, measure), resamples, resampling.level)


def mean_intervals(values: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Return [metric, estimate, low, high, n] of the mean of each column, over patients.

    NaN values are left out, ``n`` counts the others. A resample that has none of a column says
    nothing of it; a mean of nothing is NaN, and so are the bounds where fewer than two patients
    have a value: one patient says nothing of others.

    Args:
        values: (n images, metrics).
        resampling: of the n images.
    """
    array, known = values.fillna(0).to_numpy(float), values.notna().to_numpy(float)  # (n, m)
    codes = pd.factorize(pd.Series(resampling.clusters).astype(str))[0]
    enough = [len(np.unique(codes[column > 0])) > 1 for column in known.T]
    means = np.full((1, len(values.columns)), np.nan)
    if any(enough):
        weights = resampling.weights(len(values))
        means = np.concatenate([ratio(w.T @ array, w.T @ known, np.nan) for w in weights])  # (R, m)
    low, high = np.where(enough, resampling.bounds(means), np.nan)
    mean = ratio(array.sum(0), known.sum(0), np.nan)
    counted = known.sum(0).astype(int)
    columns = {"metric": values.columns, "estimate": mean, "low": low, "high": high, "n": counted}
    return pd.DataFrame(columns)


def estimates(y: np.ndarray, p: np.ndarray, measure: Measure = every_metric) -> pd.Series:
    """Return every metric of the sample itself."""
    y, p = checked(y, p)
    values = measure(y, p, np.ones((len(y), 1)))
    return pd.Series({name: float(value[0]) for name, value in values.items()})


def percentiles(values: object, level: float = 0.95) -> np.ndarray:
    """Return the lower and upper percentile (2, m) of resampled values (R, m), leaving out NaN.

    Both are NaN where all values are (Efron and Tibshirani 1993, chapter 13).
    """
    return pd.DataFrame(values).quantile([(1 - level) / 2, (1 + level) / 2]).to_numpy()


def with_bounds(estimates: pd.Series, resamples: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used]: percentiles of a column of resamples.

    NaN is left out; ``resamples_used`` counts the others.
    """
    low, high = percentiles(resamples, level)
    return pd.DataFrame(
        {
            "metric": resamples.columns,
            "estimate": estimates[resamples.columns].to_numpy(),
            "low": low,
            "high": high,
            "resamples_used": resamples.notna().sum().to_numpy(),
        }
    )


def cluster_codes(patients: object, n: int) -> tuple[np.ndarray, int]:
    """Return the number (n,) of each image's patient, 0.. in the order of names, and how many."""
    patients = pd.Series(patients).reset_index(drop=True)
    if len(patients) != n:
        raise PredictionError(f"got {n} predictions and {len(patients)} patients")
    if patients.isna().any():
        raise PredictionError(
            f"the patient of {patients.isna().sum()} of {n} images is unknown; "
            "an interval over patients needs to know whose every image is"
        )
    codes, names = pd.factorize(patients.astype(str), sort=True)
    if len(names) < 2:
        raise PredictionError(f"all {n} images are of one patient; an interval needs at least two")
    return codes, len(names)


def _counts(rng: np.random.Generator, resamples: int, patients: int) -> np.ndarray:
    """Return how often each patient was drawn, (patients, resamples)."""
    drawn = rng.integers(patients, size=(resamples, patients))
    drawn += patients * np.arange(resamples)[:, None]  # a bin per resample and patient
    counts = np.bincount(drawn.ravel(), minlength=resamples * patients)
    return np.ascontiguousarray(counts.reshape(resamples, patients).T, dtype=float)
