"""How sure the numbers are: intervals from a bootstrap over patients, and tests of differences.

Images of one patient resemble each other, so patients are drawn, not images: a resample takes as
many patients as there are, with replacement, and all images of each as often as it was drawn
(the cluster bootstrap; Field and Welsh 2007). Resamples are weights per image, never copies.

A grade that a resample lacks has no AUC there: that resample's mean AUC leaves it out, and the
grade's own interval uses the resamples where it is defined; ``resamples_used`` counts them.
Intervals describe the sampling of patients for the models as trained, not their retraining.

Two models are compared on the same images (``aligned``), image by image, in the same resamples
(``paired_differences``) or by the variance of their AUCs (``delong``); what graded other images, by
``differences`` of independent resamples; many models by their ranks within each patient
(``friedman``). A difference that can't be computed is NaN, as
its metrics are; where nothing differs, a p-value is 1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from birads_lib.errors import UserError
from birads_lib.predictions import KEY
from birads_lib.scores.metrics import PredictionError, checked, every_metric, ratio

Sample = tuple[np.ndarray, np.ndarray, object]  # y, p and patients, as ``patient_bootstrap`` has
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
_CELLS = 1 << 21  # images x resamples held at once: 16 MB an array, whatever n is


def patient_bootstrap(
    y: np.ndarray,
    p: np.ndarray,
    patients: object,
    n_resamples: int = 2000,
    seed: int | Sequence[int] = 0,
    measure: Measure = every_metric,
) -> pd.DataFrame:
    """Return every metric of every resample: one row per resample, one column per metric.

    Args:
        y: (n,) true grades 1..5.
        p: (n, 5) probabilities.
        patients: (n,) whose image each row is; the order of rows doesn't matter.
        n_resamples: how many resamples.
        seed: of the draw.
        measure: what is measured, such as ``metrics.every_metric``: from y, p and the weights
            (n, R) of R samples to {name: (R,)}.

    Raises:
        PredictionError: unusable predictions, unknown patients, or fewer than two patients.
    """
    y, p = checked(y, p)
    weights = resampled_weights(patients, len(y), n_resamples, seed)
    return pd.concat([pd.DataFrame(measure(y, p, w)) for w in weights], ignore_index=True)


def resampled_weights(
    patients: object, n: int, n_resamples: int, seed: int | Sequence[int]
) -> Iterator[np.ndarray]:
    """Yield how often each of n images counts in some resamples of patients, (n, R) at a time.

    The same patients, number and seed give the same draws, whatever is measured in them.
    Raises PredictionError for unknown patients, fewer than two, or no resample.
    """
    codes, n_patients = _patient_codes(patients, n)
    if n_resamples < 1:
        raise PredictionError(f"n_resamples must be at least 1, got {n_resamples}")
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // n)
    for start in range(0, n_resamples, step):
        yield _counts(rng, min(step, n_resamples - start), n_patients)[codes]


def intervals(
    y: np.ndarray,
    p: np.ndarray,
    patients: object,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    measure: Measure = every_metric,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used], one row per metric.

    Bounds are percentiles of ``patient_bootstrap`` (Efron and Tibshirani 1993, chapter 13), NaN
    where a metric is defined in no resample. The estimate is the metric of the sample itself.
    """
    resamples = patient_bootstrap(y, p, patients, n_resamples, seed, measure)
    return with_bounds(_estimates(y, p, measure), resamples, level)


def mean_intervals(
    values: pd.DataFrame,
    patients: object,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, n] of the mean of each column, over patients.

    NaN values are left out, ``n`` counts the others. A resample that has none of a column says
    nothing of it; a mean of nothing is NaN, and so are the bounds where fewer than two patients
    have a value: one patient says nothing of others.

    Args:
        values: (n images, metrics).
        patients: (n,) whose image each row is.
        n_resamples, seed, level: as in ``intervals``.
    """
    array, known = values.fillna(0).to_numpy(float), values.notna().to_numpy(float)  # (n, m)
    codes = pd.factorize(pd.Series(patients).astype(str))[0]
    enough = [len(np.unique(codes[column > 0])) > 1 for column in known.T]
    means = np.full((1, len(values.columns)), np.nan)
    if any(enough):
        weights = resampled_weights(patients, len(values), n_resamples, seed)
        means = np.concatenate([ratio(w.T @ array, w.T @ known, np.nan) for w in weights])  # (R, m)
    bounds = pd.DataFrame(means).quantile([(1 - level) / 2, (1 + level) / 2]).to_numpy()
    low, high = np.where(enough, bounds, np.nan)
    estimates = ratio(array.sum(0), known.sum(0), np.nan)
    counted = known.sum(0).astype(int)
    named = {"metric": values.columns, "estimate": estimates, "low": low, "high": high}
    return pd.DataFrame(named | {"n": counted})


def paired_differences(
    y: np.ndarray,
    p_a: np.ndarray,
    p_b: np.ndarray,
    patients: object,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    measure: Measure = every_metric,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, p_value, resamples_used] of a minus b, per metric.

    Both models are measured in the same resamples, so that what makes a patient hard for both
    cancels out. The p-value is two-sided, from the share of resamples on either side of 0 (Efron
    and Tibshirani 1993, section 15.4); one is added to both counts, so it is at least
    2 / (resamples + 1) (Davison and Hinkley 1997, section 4.2).

    Args:
        y: (n,) true grades 1..5.
        p_a, p_b: (n, 5) probabilities of the two models for the same images in the same order.
        patients, n_resamples, seed, measure: as in ``patient_bootstrap``.
        level: of the interval, 0..1.

    Raises:
        PredictionError: as ``patient_bootstrap`` does.
    """
    return differences(
        (y, p_a, patients), (y, p_b, patients), True, n_resamples, seed, level, measure
    )


def differences(
    a: Sample,
    b: Sample,
    paired: bool,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    measure: Measure = every_metric,
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, p_value, resamples_used] of a minus b, per metric.

    Args:
        a, b: (y (n,), p (n, 5), patients (n,)) each; their rows needn't correspond.
        paired: both are of the same patients, who are drawn for both at once. Otherwise each is
            resampled by itself, which takes them for independent.
        n_resamples, seed, level, measure: as in ``paired_differences``, and so is the p-value.

    Raises:
        PredictionError: as ``patient_bootstrap`` does, or for other patients that are to be paired.
    """
    if paired and {*map(str, a[2])} != {*map(str, b[2])}:
        raise PredictionError("the two have other patients; they can't be paired")
    # The same seed draws the same patients.
    seeds = [seed, seed if paired else [seed, 1]]
    drawn = [
        patient_bootstrap(*sample, n_resamples, own, measure)
        for sample, own in zip((a, b), seeds, strict=True)
    ]
    # Differences that are 0 on paper may not be in their last bits.
    resamples = (drawn[0] - drawn[1]).round(12)
    estimates = _estimates(*a[:2], measure) - _estimates(*b[:2], measure)
    table = with_bounds(estimates, resamples, level)
    used = table["resamples_used"].to_numpy()
    rarer = np.minimum((resamples <= 0).sum(), (resamples >= 0).sum()).to_numpy()
    p_values = np.where(used > 0, np.minimum(1, 2 * (rarer + 1) / (used + 1)), np.nan)
    table.insert(4, "p_value", p_values)
    return table


def aligned(tables: Mapping[str, pd.DataFrame], reference: str) -> dict[str, pd.DataFrame]:
    """Return all tables with their rows in the order of the reference's.

    Args:
        tables: name of a run -> its rows of one part, as ``predictions.out_of_fold`` gives them.
        reference: the name of one of them.

    Raises:
        UserError: the reference is missing or alone, or a run graded other images (or copies) in
            other folds, or holds other true grades; all of them are listed.
    """
    if reference not in tables:
        there = ", ".join(tables) or "none"
        raise UserError(f"the reference {reference!r} is not among the runs: {there}")
    if len(tables) < 2:
        raise UserError(f"there is nothing to compare with {reference!r}: it is the only run")
    truth = tables[reference].set_index(KEY)["y_true"]
    indexed = {name: table.set_index(KEY) for name, table in tables.items()}
    problems = [
        f"{name}: {what}" for name, table in indexed.items() if (what := _unlike(table, truth))
    ]
    if problems:
        heading = f"Not comparable with {reference!r} image by image:"
        advice = "Train them again on the same images, with the same folds and seed."
        raise UserError("\n".join([heading, *problems, advice]))
    return {name: table.loc[truth.index].reset_index() for name, table in indexed.items()}


def delong(
    positive: np.ndarray,
    score_a: np.ndarray,
    score_b: np.ndarray,
    clusters: object = None,
    level: float = 0.95,
) -> dict[str, float]:
    """Return estimate, standard_error, low, high and p_value of AUC(a) - AUC(b), paired.

    Without ``clusters`` every image is taken as independent (DeLong et al. 1988, in the form of
    Sun and Xu 2014). With them, what images of one patient have in common is counted (Obuchowski
    1997); where each image is a patient, both are the same. Interval and p-value are
    normal approximations.

    Without a positive or a negative image all is NaN. Where only one cluster holds positives, or
    negatives, the standard error is NaN; where it is 0, the p-value is 1 for equal AUCs, else 0.

    Args:
        positive: (n,) bool.
        score_a, score_b: (n,), higher for the positive class; ties count half.
        clusters: (n,) whose image each row is.
        level: of the interval, 0..1.

    Raises:
        PredictionError: lengths differ, a score is NaN or infinite, or clusters are unusable.
    """
    positive, score_a, score_b = _checked_scores(positive, score_a, score_b)
    codes = np.arange(len(positive))
    if clusters is not None:
        codes, _ = _patient_codes(clusters, len(positive))
    if positive.all() or not positive.any():
        return dict.fromkeys(["estimate", "standard_error", "low", "high", "p_value"], np.nan)
    won = _placements(positive, score_a) - _placements(positive, score_b)  # (n,)
    estimate = won[positive].mean()
    error = _clustered_error(positive, won - estimate, codes)
    half = stats.norm.isf((1 - level) / 2) * error
    p_value = 2 * stats.norm.sf(abs(estimate) / error) if error else float(estimate == 0)
    values = [estimate, error, estimate - half, estimate + half, p_value]
    names = ["estimate", "standard_error", "low", "high", "p_value"]
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def wilcoxon(differences: object) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 where nothing differs.

    Args:
        differences: one per pair, such as a fold; NaN and 0 are left out.
    """
    differences = np.asarray(differences, dtype=float).round(12)
    differences = differences[np.isfinite(differences) & (differences != 0)]
    return float(stats.wilcoxon(differences).pvalue) if len(differences) else 1.0


def wilcoxon_floor(pairs: int) -> float:
    """Return the smallest p-value that ``wilcoxon`` can reach: all of 2^pairs signs alike."""
    return min(1.0, 2 / 2**pairs)


def holm(p_values: object) -> np.ndarray:
    """Return p-values adjusted for their number (Holm 1979), NaN left out of the count."""
    from statsmodels.stats.multitest import multipletests  # slow to import

    p_values = np.array(p_values, dtype=float)
    known = ~np.isnan(p_values)
    if known.any():
        p_values[known] = multipletests(p_values[known], method="holm")[1]
    return p_values


def friedman(errors: pd.DataFrame, alpha: float = 0.05) -> dict[str, float]:
    """Return statistic, p_value and critical_difference of runs ranked within each patient.

    Mean ranks that lie further apart than the critical difference differ by Nemenyi's test
    (Demsar 2006, section 3.2.2). It takes no account of ties, which make it cautious; Friedman's
    does. Where no run differs from another in any patient, the statistic is 0.

    Args:
        errors: a row per patient, a column per run.
        alpha: of the critical difference.

    Raises:
        PredictionError: fewer than three runs or two patients, or a value is missing.
    """
    patients, runs = errors.shape
    if runs < 3 or patients < 2:
        raise PredictionError(f"needs 3 runs and 2 patients, got {runs} and {patients}")
    if errors.isna().any(axis=None):
        raise PredictionError("a run has no error for some patient")
    quantile = stats.studentized_range.isf(alpha, runs, np.inf) / np.sqrt(2)
    found = {"statistic": 0.0, "p_value": 1.0}
    if (errors.nunique(axis=1) > 1).any():
        test = stats.friedmanchisquare(*errors.to_numpy().T)
        found = {"statistic": float(test.statistic), "p_value": float(test.pvalue)}
    return found | {"critical_difference": quantile * np.sqrt(runs * (runs + 1) / (6 * patients))}


def _estimates(y: np.ndarray, p: np.ndarray, measure: Measure) -> pd.Series:
    """Return every metric of the sample itself."""
    y, p = checked(y, p)
    values = measure(y, p, np.ones((len(y), 1)))
    return pd.Series({name: float(value[0]) for name, value in values.items()})


def with_bounds(estimates: pd.Series, resamples: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return [metric, estimate, low, high, resamples_used]: percentiles of a column of resamples.

    NaN is left out; ``resamples_used`` counts the others. ``level`` lies in 0..1.
    """
    bounds = resamples.quantile([(1 - level) / 2, (1 + level) / 2]).to_numpy()  # (2, metrics)
    return pd.DataFrame(
        {
            "metric": resamples.columns,
            "estimate": estimates[resamples.columns].to_numpy(),
            "low": bounds[0],
            "high": bounds[1],
            "resamples_used": resamples.notna().sum().to_numpy(),
        }
    )


def _unlike(table: pd.DataFrame, truth: pd.Series) -> str:
    """Return why the rows of a run are not those of the reference, or nothing."""
    missing, other = truth.index.difference(table.index), table.index.difference(truth.index)
    if len(missing) or len(other):
        first = dict(zip(KEY, [*missing, *other][0], strict=True))
        what = f"{len(missing)} rows are missing and {len(other)} are others (such as {first})"
        images = [set(index.get_level_values("image_id")) for index in (table.index, truth.index)]
        return f"{what}{', of the same images' if images[0] == images[1] else ''}"
    unequal = (table["y_true"].loc[truth.index] != truth).sum()
    return f"the true grades of {unequal} rows are others" if unequal else ""


def _checked_scores(positive: object, *scores: object) -> list[np.ndarray]:
    """Return truth as bool and scores as float, each (n,), or raise ``PredictionError``."""
    arrays = [np.asarray(positive, dtype=bool), *(np.asarray(s, dtype=float) for s in scores)]
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        raise PredictionError(f"expected truth and scores of one length, got {shapes}")
    if not np.isfinite(arrays[1:]).all():
        raise PredictionError("a score is NaN or infinite")
    return arrays


def _placements(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the share of the other class that each image is rightly apart from, (n,) in 0..1.

    An image's rank among all less its rank within its class counts the other class below it.
    """
    below = stats.rankdata(score)
    for own in (positive, ~positive):
        below[own] -= stats.rankdata(score[own])
    positives = positive.sum()
    share = below / np.where(positive, len(score) - positives, positives)
    return np.where(positive, share, 1 - share)


def _clustered_error(positive: np.ndarray, deviation: np.ndarray, codes: np.ndarray) -> float:
    """Return the standard error of a mean placement from its deviations (n,), by cluster.

    The factors n / (n - 1) make the variances unbiased; the mixed term is of clusters that hold
    both classes. The sum is never negative, as the mixed factor is the smallest.
    """
    variance = 0.0
    sums = []
    for own in (positive, ~positive):
        holding = len(np.unique(codes[own]))
        if holding < 2:
            return np.nan
        sums.append(np.bincount(codes, deviation * own) / own.sum())  # (clusters,)
        variance += holding / (holding - 1) * (sums[-1] ** 2).sum()
    clusters = len(np.unique(codes))
    mixed = 2 * clusters / (clusters - 1) * (sums[0] * sums[1]).sum()
    return float(np.sqrt(max(variance + mixed, 0)))


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
