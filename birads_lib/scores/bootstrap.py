"""Bootstrap intervals over patients, and over seeds of training.

Images of one patient resemble each other, so patients are drawn, not images: a resample takes as
many patients as there are, with replacement, and all images of each as often as it was drawn
(the cluster bootstrap; Field and Welsh 2007). Resamples are weights per image, never copies.

A run that was trained from several seeds graded every image once with each. Patients and seeds
are crossed: each patient was graded with every seed. So both are drawn, independently, and a row
counts as often as its patient was drawn times as often as its seed was (the pigeonhole bootstrap;
Owen 2007). Metrics are of all rows of all seeds together, for a resample as for the sample. With
one seed, intervals describe the sampling of patients for the models as trained, not their
retraining.

Everywhere in ``scores``, truth is y (n,), label numbers 1..K; predictions are p (n, K), the
labels' probabilities in their order; a ``Resampling`` is of the same n rows. Where a run has one
seed, rows are images (or copies). Tables of intervals hold metric, estimate (of the sample
itself), low and high: percentiles over resamples (Efron and Tibshirani 1993, chapter 13), NaN
where a metric is defined in none. A label that a resample lacks has no AUC there: that resample's
mean AUC leaves it out, and the label's own interval uses the resamples where it is defined;
``resamples_used`` counts them. Unusable predictions or patients raise ``PredictionError``.

No interval has no width. Where all images that a share is of are so, or none, each resample gives
the same, and would give the same of three patients as of three hundred: the share then has Wilson's
interval, over patients. Any other metric that never varies, and all that rests on fewer than two
patients, has NaN for bounds: they are not estimable. A metric rests on one patient if it is
undefined without her; ``Drawn`` counts them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.predictions import cluster_ids
from birads_lib.scores.metrics import (
    PredictionError,
    checked,
    every_metric,
    images_behind,
    is_share,
    ratio,
)
from birads_lib.texts import listing

LEVEL = 0.95  # of intervals
EXACT = "A share of exactly 0 or 1 has Wilson's interval over patients."
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
Weighted = Callable[[np.ndarray], Mapping[str, np.ndarray]]  # {metric: (R,)} of weights (n, R)
_CELLS = 1 << 21  # images x resamples held at once: 16 MB an array, whatever n is


@dataclass(frozen=True, eq=False)
class Resampling:
    """The resampling of patients and seeds: equal values give equal draws, for any measure.

    Attributes:
        clusters: (n,) whose image each row is, such as of ``predictions.cluster_ids``; the order
            of rows doesn't matter.
        resamples: how many, at least 1.
        seed: of the draw.
        seeds: (n,) the seed of training behind each row, 0 or more; None: one for all.
    """

    clusters: object
    resamples: int = 2000
    seed: int | Sequence[int] = 0
    seeds: object = None

    @classmethod
    def of(cls, rows: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> "Resampling":
        """Return the resampling of rows, such as those of ``predictions.out_of_fold``."""
        return cls(cluster_ids(rows), resamples, seed, rows["seed"].to_numpy())

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise PredictionError(f"resamples must be at least 1, got {self.resamples}")

    @property
    def distinct_seeds(self) -> list[int]:
        """The seeds of training, sorted; empty where none is named."""
        return [] if self.seeds is None else np.unique(self.seeds).tolist()

    @property
    def over(self) -> str:
        """The units that intervals are over: "patients", or "patients and 3 seeds"."""
        seeds = len(self.distinct_seeds)
        return f"patients and {seeds} seeds" if seeds > 1 else "patients"

    @property
    def covers(self) -> str:
        """One sentence that says what intervals cover, and what they don't."""
        seeds = self.distinct_seeds
        if len(seeds) < 2:
            return (
                "Intervals cover the sampling of patients, for models trained from one seed; they "
                "don't cover what another seed would change."
            )
        return (
            f"Intervals cover the sampling of patients and of {len(seeds)} training seeds "
            f"({listing(seeds)}): the random start, and who is tested in which fold. So few seeds "
            "show only roughly how much the seed matters, and make the intervals too narrow."
        )

    @property
    def unit(self) -> str:
        """The name of the rows: "images", or "images, each graded with 3 seeds"."""
        seeds = len(self.distinct_seeds)
        return f"images, each graded with {seeds} seeds" if seeds > 1 else "images"

    def weights(self, n: int) -> Iterator[np.ndarray]:
        """Yield the weights of n rows in some resamples, (n, R) at a time."""
        codes, patients = cluster_codes(self.clusters, n)
        rng, seeds = np.random.default_rng(self.seed), self.distinct_seeds
        # The same seeds are drawn alike for two models; other ones independently of these.
        rng_of_seeds = np.random.default_rng([*np.atleast_1d(self.seed), *seeds])
        step = max(1, _CELLS // n)
        for start in range(0, self.resamples, step):
            count = min(step, self.resamples - start)
            weights = _times_drawn(rng, count, patients)[codes]
            if len(seeds) > 1:
                weights *= _times_drawn(rng_of_seeds, count, len(seeds))[self._seed_codes(n)]
            yield weights

    def _seed_codes(self, n: int) -> np.ndarray:
        """Return the number (n,) of each row's seed, 0.. in the order of seeds."""
        codes = np.unique(self.seeds, return_inverse=True)[1]
        if len(codes) != n:
            raise PredictionError(f"got {n} predictions and {len(codes)} seeds")
        return codes


def _times_drawn(rng: np.random.Generator, resamples: int, units: int) -> np.ndarray:
    """Return the number of draws of each unit, (units, R): with replacement, as many as units."""
    drawn = rng.integers(units, size=(resamples, units))
    drawn += units * np.arange(resamples)[:, None]  # a bin per resample and unit
    counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(resamples, units)
    return np.ascontiguousarray(counts.T, dtype=float)


def patient_bootstrap(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return every metric of every resample: one row per resample, one column per metric.

    ``measure`` makes {name: (R,)} of y, p and the weights (n, R) of R samples, such as
    ``metrics.every_metric``, or ``functools.partial`` of it for another task.
    """
    y, p = checked(y, p)
    return _resampled(partial(measure, y, p), len(y), resampling)


def _resampled(metrics: Weighted, n: int, resampling: Resampling) -> pd.DataFrame:
    tables = [pd.DataFrame(metrics(weights)) for weights in resampling.weights(n)]
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Drawn:
    """The metrics of a sample and of its resamples.

    Attributes:
        estimates: of the sample, by metric.
        resamples: (R, metrics).
        patients: how many each metric rests on, by its name: 1 where it is undefined without one
            of them; for a share that never varies, those who have one by themselves; else all.
    """

    estimates: pd.Series
    resamples: pd.DataFrame
    patients: Mapping[str, int]

    @classmethod
    def of(
        cls,
        metrics: Weighted,
        n: int,
        resampling: Resampling,
        behind: Mapping[str, np.ndarray] | None = None,
    ) -> "Drawn":
        """Return the metrics that ``metrics`` makes of weights of n rows.

        ``behind``: the rows (n,) bool that a metric rests on, by its name, where that is known.
        """
        resamples = _resampled(metrics, n, resampling)
        estimates = pd.DataFrame(metrics(np.ones((n, 1)))).iloc[0]
        codes, _ = cluster_codes(resampling.clusters, n)
        patients_by_metric = {
            name: len(np.unique(codes[rows])) for name, rows in (behind or {}).items()
        }
        counted = _patients_behind(metrics, codes, estimates, resamples, patients_by_metric)
        return cls(estimates, resamples, counted)

    def intervals(self) -> pd.DataFrame:
        """Return [metric, estimate, low, high, resamples_used]."""
        table = with_bounds(self.estimates, self.resamples)
        return with_width(table, self.patients, list(filter(is_share, table["metric"])))


def drawn(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> Drawn:
    """Return the metrics of the sample and of ``patient_bootstrap``."""
    y, p = checked(y, p)
    return Drawn.of(partial(measure, y, p), len(y), resampling, images_behind(y, p))


def _patients_behind(
    metrics: Weighted,
    codes: np.ndarray,
    estimates: pd.Series,
    resamples: pd.DataFrame,
    known: Mapping[str, int],
) -> dict[str, int]:
    """Return ``Drawn.patients``; codes (n,) are the patients of the rows, ``known`` stands.

    Patients are taken alone, or left out, only where that can matter, as it takes long for many.
    """
    patients = dict.fromkeys(resamples, int(codes.max()) + 1)
    low, high = percentiles(resamples)
    flat = resamples.columns[low == high]
    if shares := [name for name in flat if is_share(name) and name not in known]:
        patients |= _defined(metrics, codes, alone=True)[shares].sum()
    # What rests on one patient is undefined in the third of the resamples that lack her.
    if resamples.loc[:, estimates.notna()].isna().any(axis=None):
        is_needed = ~_defined(metrics, codes, alone=False).all()
        patients |= dict.fromkeys(is_needed.index[is_needed], 1)
    return patients | known


def _defined(metrics: Weighted, codes: np.ndarray, alone: bool) -> pd.DataFrame:
    """Return whether metrics are defined of each patient alone, or without her, a row each."""
    step, tables = max(1, _CELLS // len(codes)), []
    for part in np.split(np.arange(codes.max() + 1), range(step, codes.max() + 1, step)):
        is_of_patient = codes[:, None] == part  # (n, patients of the part)
        tables.append(pd.DataFrame(metrics((is_of_patient == alone).astype(float))))
    return pd.concat(tables, ignore_index=True).notna()


def intervals(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used] of ``patient_bootstrap``."""
    return drawn(y, p, resampling, measure).intervals()


def mean_intervals(
    values: pd.DataFrame, resampling: Resampling, shares: Collection[str] = ()
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, n] of the mean of each column, over patients.

    NaN values (n images, metrics) are left out, ``n`` counts the others. A resample that has none
    of a column says nothing of it; a mean of nothing is NaN, and so are the bounds where fewer
    than two patients have a value: one patient says nothing of others. ``shares`` names columns
    of values in 0..1 whose mean is a share of images.
    """
    n = values.notna().sum().to_numpy()
    mean = ratio(values.fillna(0).to_numpy(float).sum(0), n, np.nan)
    low, high = percentiles(resampled_means(values, resampling))
    columns = {"metric": values.columns, "estimate": mean, "low": low, "high": high, "n": n}
    patients = {name: patients_of(values[name].notna(), resampling) for name in values}
    return with_width(pd.DataFrame(columns), patients, shares)


def resampled_means(values: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Return the mean of each column in each resample, (R, m); NaN as in ``mean_intervals``."""
    array, is_defined = values.fillna(0).to_numpy(float), values.notna().to_numpy(float)  # (n, m)
    patients = {name: patients_of(values[name].notna(), resampling) for name in values}
    enough = np.array([*patients.values()]) > 1  # (m,)
    if not enough.any():
        return pd.DataFrame(np.nan, [0], values.columns)
    weights = resampling.weights(len(values))
    means = np.concatenate([ratio(w.T @ array, w.T @ is_defined, np.nan) for w in weights])
    return pd.DataFrame(np.where(enough, means, np.nan), columns=values.columns)


def p_values(differences: pd.DataFrame) -> np.ndarray:
    """Return the two-sided p-value (m,) of resampled differences (R, m), NaN left out.

    It is from the share of resamples on either side of 0 (Efron and Tibshirani 1993, section 15.4);
    one is added to both counts, so it is at least 2 / (resamples + 1) (Davison and Hinkley 1997,
    section 4.2). It is NaN where the interval has no width, unless nothing differs.
    """
    used = differences.notna().sum().to_numpy()
    smaller_tail = np.minimum((differences <= 0).sum(), (differences >= 0).sum()).to_numpy()
    low, high = percentiles(differences)
    is_known = (low < high) | ((low == 0) & (high == 0))
    return np.where(is_known, np.minimum(1, 2 * (smaller_tail + 1) / (used + 1)), np.nan)


def patients_of(images: object, resampling: Resampling) -> int:
    """Return the number of patients of some images, (n,) bool."""
    return pd.Series(resampling.clusters).astype(str)[np.asarray(images, bool)].nunique()


def with_width(
    table: pd.DataFrame, patients: Mapping[str, int], shares: Collection[str]
) -> pd.DataFrame:
    """Return a table of intervals in which none has no width, as the module says.

    Args:
        table: with the columns metric, estimate, low and high.
        patients: how many each metric rests on, by its name; what is missing rests on many.
        shares: names of the metrics that are shares of images.
    """
    count = table["metric"].map(patients).fillna(np.inf).to_numpy(float)
    bounds = table[["low", "high"]].to_numpy(float, copy=True).T
    is_flat = bounds[0] == bounds[1]
    exact = is_flat & (count > 1) & table["metric"].isin(shares).to_numpy()
    bounds[:, is_flat | (count < 2)] = np.nan
    bounds[:, exact] = wilson(table["estimate"].to_numpy(float)[exact], count[exact])
    return table.assign(low=bounds[0], high=bounds[1])


def wilson(share: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return low and high (2, m), 0..1, of shares (m,), each of n trials: the score interval.

    Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    from statsmodels.stats.proportion import proportion_confint

    return np.stack(proportion_confint(share * n, n, 1 - LEVEL, "wilson")).round(12)


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
