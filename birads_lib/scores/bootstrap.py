"""How sure the numbers are: intervals from a bootstrap over patients.

Images of one patient resemble each other, so patients are drawn, not images: a resample takes as
many patients as there are, with replacement, and all images of each as often as it was drawn
(the cluster bootstrap; Field and Welsh 2007). Resamples are weights per image, never copies.
Intervals describe the sampling of patients for the models as trained, not their retraining.

Everywhere in ``scores``, truth is y (n,), label numbers 1..K; predictions are p (n, K), the
labels' probabilities in their order; a ``Resampling`` is of the same n images. Tables of intervals
hold metric, estimate (of the sample itself), low and high: percentiles over resamples (Efron and
Tibshirani 1993, chapter 13), NaN where a metric is defined in none. A label that a resample lacks
has no AUC there: that resample's mean AUC leaves it out, and the label's own interval uses the
resamples where it is defined; ``resamples_used`` counts them. Unusable predictions or patients
raise ``PredictionError``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from birads_lib.scores.metrics import PredictionError, checked, every_metric, ratio

LEVEL = 0.95  # of intervals
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
_CELLS = 1 << 21  # images x resamples held at once: 16 MB an array, whatever n is


@dataclass(frozen=True, eq=False)
class Resampling:
    """How patients are drawn anew. The same values give the same draws, whatever is measured.

    Attributes:
        clusters: (n,) whose image each row is, such as of ``predictions.cluster_ids``; the order
            of rows doesn't matter.
        resamples: how many, at least 1.
        seed: of the draw.
    """

    clusters: object
    resamples: int = 2000
    seed: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise PredictionError(f"resamples must be at least 1, got {self.resamples}")

    def weights(self, n: int) -> Iterator[np.ndarray]:
        """Yield how often each of n images counts in some resamples, (n, R) at a time."""
        codes, patients = cluster_codes(self.clusters, n)
        rng = np.random.default_rng(self.seed)
        step = max(1, _CELLS // n)
        for start in range(0, self.resamples, step):
            size = (min(step, self.resamples - start), patients)
            drawn = rng.integers(patients, size=size)
            drawn += patients * np.arange(len(drawn))[:, None]  # a bin per resample and patient
            counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(size)
            yield np.ascontiguousarray(counts.T, dtype=float)[codes]


def patient_bootstrap(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return every metric of every resample: one row per resample, one column per metric.

    ``measure`` makes {name: (R,)} of y, p and the weights (n, R) of R samples, such as
    ``metrics.every_metric``, or ``functools.partial`` of it for another task.
    """
    y, p = checked(y, p)
    weights = resampling.weights(len(y))
    return pd.concat([pd.DataFrame(measure(y, p, w)) for w in weights], ignore_index=True)


def intervals(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used] of ``patient_bootstrap``."""
    resamples = patient_bootstrap(y, p, resampling, measure)
    return with_bounds(estimates(y, p, measure), resamples)


def mean_intervals(values: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Return [metric, estimate, low, high, n] of the mean of each column, over patients.

    NaN values (n images, metrics) are left out, ``n`` counts the others. A resample that has none
    of a column says nothing of it; a mean of nothing is NaN, and so are the bounds where fewer
    than two patients have a value: one patient says nothing of others.
    """
    array, known = values.fillna(0).to_numpy(float), values.notna().to_numpy(float)  # (n, m)
    patients = pd.Series(resampling.clusters).astype(str).to_numpy()
    enough = values.notna().groupby(patients).any().sum().to_numpy() > 1  # (m,)
    means = np.full((1, len(values.columns)), np.nan)
    if enough.any():
        weights = resampling.weights(len(values))
        means = np.concatenate([ratio(w.T @ array, w.T @ known, np.nan) for w in weights])  # (R, m)
    low, high = np.where(enough, percentiles(means), np.nan)
    mean = ratio(array.sum(0), known.sum(0), np.nan)
    counted = known.sum(0).astype(int)
    columns = {"metric": values.columns, "estimate": mean, "low": low, "high": high, "n": counted}
    return pd.DataFrame(columns)


def estimates(y: np.ndarray, p: np.ndarray, measure: Measure = every_metric) -> pd.Series:
    """Return every metric of the sample itself."""
    y, p = checked(y, p)
    values = measure(y, p, np.ones((len(y), 1)))
    return pd.Series({name: float(value[0]) for name, value in values.items()})


def percentiles(values: object) -> np.ndarray:
    """Return low and high (2, m) of resampled values (R, m), leaving out NaN."""
    return pd.DataFrame(values).quantile([(1 - LEVEL) / 2, (1 + LEVEL) / 2]).to_numpy()


def with_bounds(estimates: pd.Series, resamples: pd.DataFrame) -> pd.DataFrame:
    """Return the table of ``intervals`` from estimates and resamples, a column per metric."""
    low, high = percentiles(resamples)
    used = resamples.notna().sum().to_numpy()
    columns = {"metric": resamples.columns, "estimate": estimates[resamples.columns].to_numpy()}
    return pd.DataFrame(columns | {"low": low, "high": high, "resamples_used": used})


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
