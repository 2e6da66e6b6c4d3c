"""How sure the numbers are: intervals from a bootstrap over patients.

Images of one patient resemble each other, so patients are drawn, not images: a resample takes as
many patients as there are, with replacement, and all images of each as often as it was drawn
(the cluster bootstrap; Field and Welsh 2007). Resamples are weights per image, never copies.

A grade that a resample lacks has no AUC there: that resample's mean AUC leaves it out, and the
grade's own interval uses the resamples where it is defined; ``resamples_used`` counts them.
Intervals describe the sampling of patients for the models as trained, not their retraining.
"""

import numpy as np
import pandas as pd

from birads_lib.metrics import PredictionError, checked, every_metric

_CELLS = 1 << 21  # images x resamples held at once: 16 MB an array, whatever n is


def patient_bootstrap(
    y: np.ndarray,
    p: np.ndarray,
    patients: object,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return every metric of every resample: one row per resample, one column per metric.

    Args:
        y: (n,) true grades 1..5.
        p: (n, 5) probabilities.
        patients: (n,) whose image each row is; the order of rows doesn't matter.
        n_resamples: how many resamples.
        seed: of the draw.

    Raises:
        PredictionError: unusable predictions, unknown patients, or fewer than two patients.
    """
    y, p = checked(y, p)
    codes, n_patients = _patient_codes(patients, len(y))
    if n_resamples < 1:
        raise PredictionError(f"n_resamples must be at least 1, got {n_resamples}")
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // len(y))
    parts = []
    for start in range(0, n_resamples, step):
        counts = _counts(rng, min(step, n_resamples - start), n_patients)  # (patients, R)
        parts.append(every_metric(y, p, counts[codes]))
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def intervals(
    y: np.ndarray,
    p: np.ndarray,
    patients: object,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used], one row per metric.

    Bounds are percentiles of ``patient_bootstrap`` (Efron and Tibshirani 1993, chapter 13), NaN
    where a metric is defined in no resample. The estimate is the metric of the sample itself.
    """
    resamples = patient_bootstrap(y, p, patients, n_resamples, seed)
    y, p = checked(y, p)
    estimates = every_metric(y, p, np.ones((len(y), 1)))
    tails = [(1 - level) / 2, (1 + level) / 2]
    bounds = resamples.quantile(tails).to_numpy()  # (2, metrics), NaN left out
    return pd.DataFrame(
        {
            "metric": resamples.columns,
            "estimate": [float(estimates[name][0]) for name in resamples],
            "low": bounds[0],
            "high": bounds[1],
            "resamples_used": resamples.notna().sum().to_numpy(),
        }
    )


def _patient_codes(patients: object, n: int) -> tuple[np.ndarray, int]:
    """Number the patients 0.. in the order of their names."""
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
