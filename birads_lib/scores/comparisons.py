"""Is one model better than another? Tests of differences between models.

Two models are compared on the same images (``aligned``), image by image, in the same resamples
(``paired_differences``) or by the variance of their AUCs (``delong``); models that graded other
images, by ``differences`` of independent resamples; many models by their ranks within each patient
(``friedman``). A difference that can't be computed is NaN, as its metrics are; where nothing
differs, a p-value is 1. Where a difference rests on fewer than two patients, or is the same in all
resamples and not 0, neither its interval nor its p-value can be estimated: they are NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from birads_lib.errors import UserError
from birads_lib.predictions import KEY
from birads_lib.scores.bootstrap import (
    LEVEL,
    Drawn,
    Measure,
    Resampling,
    cluster_codes,
    drawn,
    p_values,
    with_bounds,
)
from birads_lib.scores.metrics import PredictionError, every_metric

Sample = tuple[np.ndarray, np.ndarray, Resampling]  # y (n,), p (n, K) and how to draw the n images


def paired_differences(
    y: np.ndarray,
    p_a: np.ndarray,
    p_b: np.ndarray,
    resampling: Resampling,
    measure: Measure = every_metric,
) -> pd.DataFrame:
    """Return ``differences`` of two models that graded the same images, with rows in one order."""
    return differences((y, p_a, resampling), (y, p_b, resampling), True, measure)


def differences(
    a: Sample, b: Sample, paired: bool, measure: Measure = every_metric
) -> pd.DataFrame:
    """Return [metric, estimate, low, high, p_value, resamples_used] of a minus b, per metric.

    Args:
        a, b: their rows needn't correspond. Number and seed of resamples are a's.
        paired: both are of the same patients, who are drawn for both at once, so that what makes
            a patient hard for both cancels out; so are the seeds of training, where both have the
            same. Otherwise they are taken for independent.
    """
    (y_a, p_a, of_a), (y_b, p_b, of_b) = a, b
    if paired and {*map(str, of_a.clusters)} != {*map(str, of_b.clusters)}:
        raise PredictionError("the two have other patients; they can't be paired")
    # The same seed draws the same patients.
    seed = of_a.seed if paired else [*np.atleast_1d(of_a.seed), 1]
    of_b = replace(of_a, clusters=of_b.clusters, seeds=of_b.seeds, seed=seed)
    return difference(drawn(y_a, p_a, of_a, measure), drawn(y_b, p_b, of_b, measure))


def difference(a: Drawn, b: Drawn) -> pd.DataFrame:
    """Return ``differences`` of two whose resamples belong together, row by row.

    P-values are those of ``bootstrap.p_values``.
    """
    # Differences that are 0 on paper may not be in their last bits.
    resampled = (a.resamples - b.resamples).round(12)
    table = with_bounds(a.estimates - b.estimates, resampled)
    table.insert(4, "p_value", p_values(resampled))
    is_flat = (table["low"] == table["high"]) & (table["estimate"].round(12) != 0)
    patients = np.array([min(a.patients[name], b.patients[name]) for name in table["metric"]])
    table.loc[is_flat | (patients < 2), ["low", "high", "p_value"]] = np.nan
    return table


def aligned(tables: Mapping[str, pd.DataFrame], reference: str) -> dict[str, pd.DataFrame]:
    """Return all tables with their rows in the order of the reference's.

    Tables are rows of one part by name of the run, as ``predictions.out_of_fold`` gives them.

    Raises:
        UserError: the reference is missing or alone, or a run graded other images (or copies) in
            other folds, or holds other true labels; all of them are listed.
    """
    if reference not in tables:
        run_names = ", ".join(tables) or "none"
        raise UserError(f"the reference {reference!r} is not among the runs: {run_names}")
    if len(tables) < 2:
        raise UserError(f"there is nothing to compare with {reference!r}: it is the only run")
    indexed = {name: table.set_index(KEY) for name, table in tables.items()}
    truth = indexed[reference]["y_true"]
    mismatches = {name: _unlike(table, truth) for name, table in indexed.items()}
    problems = [f"{name}: {problem}" for name, problem in mismatches.items() if problem]
    if problems:
        heading = f"Not comparable with {reference!r} image by image:"
        advice = "Train them again on the same images, with the same folds and seed."
        raise UserError("\n".join([heading, *problems, advice]))
    return {name: table.loc[truth.index].reset_index() for name, table in indexed.items()}


def _unlike(table: pd.DataFrame, truth: pd.Series) -> str:
    """Return why the rows of a run are not those of the reference, or nothing."""
    missing, extra = truth.index.difference(table.index), table.index.difference(truth.index)
    if len(missing) or len(extra):
        example = dict(zip(KEY, [*missing, *extra][0], strict=True))
        problem = f"{len(missing)} rows are missing and {len(extra)} are extra (such as {example})"
        images = [set(index.get_level_values("image_id")) for index in (table.index, truth.index)]
        return f"{problem}, of the same images" if images[0] == images[1] else problem
    unequal = (table["y_true"].loc[truth.index] != truth).sum()
    return f"{unequal} rows have a different true category in the two tables" if unequal else ""


def delong(
    positive: np.ndarray, score_a: np.ndarray, score_b: np.ndarray, clusters: object = None
) -> dict[str, float]:
    """Return estimate, standard_error, low, high and p_value of AUC(a) - AUC(b), paired.

    Without ``clusters`` every image is taken as independent (DeLong et al. 1988, in the form of
    Sun and Xu 2014). With them, what images of one patient have in common is counted (Obuchowski
    1997); where each image is a patient, both are the same. Interval and p-value are
    normal approximations.

    Without a positive or a negative image all is NaN. Where only one cluster holds positives, or
    negatives, the standard error is NaN; where it is 0, the p-value is 1 for equal AUCs, and for
    other ones NaN, as are the bounds.

    Args:
        positive: (n,) bool.
        score_a, score_b: (n,), finite, higher for the positive class; ties count half.
        clusters: (n,) whose image each row is.
    """
    positive, score_a, score_b = _checked_scores(positive, score_a, score_b)
    codes = np.arange(len(positive))
    if clusters is not None:
        codes, _ = cluster_codes(clusters, len(positive))
    result = dict.fromkeys(["estimate", "standard_error", "low", "high", "p_value"], np.nan)
    if positive.all() or not positive.any():
        return result
    placements = _placements(positive, score_a) - _placements(positive, score_b)  # (n,)
    estimate = placements[positive].mean()
    error = _clustered_error(positive, placements - estimate, codes)
    half, p_value = stats.norm.isf((1 - LEVEL) / 2) * error, 1.0
    if error:
        p_value = 2 * stats.norm.sf(abs(estimate) / error)
    elif estimate:
        half = p_value = np.nan
    values = [estimate, error, estimate - half, estimate + half, p_value]
    return dict(zip(result, map(float, values), strict=True))


def _checked_scores(positive: object, *scores: object) -> list[np.ndarray]:
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
    for same_class in (positive, ~positive):
        below[same_class] -= stats.rankdata(score[same_class])
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
    for same_class in (positive, ~positive):
        n_clusters = len(np.unique(codes[same_class]))
        if n_clusters < 2:
            return np.nan
        sums.append(np.bincount(codes, deviation * same_class) / same_class.sum())  # (clusters,)
        variance += n_clusters / (n_clusters - 1) * (sums[-1] ** 2).sum()
    clusters = len(np.unique(codes))
    mixed = 2 * clusters / (clusters - 1) * (sums[0] * sums[1]).sum()
    return float(np.sqrt(max(variance + mixed, 0)))


def wilcoxon(differences: object) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 where nothing differs.

    Differences are of pairs, such as folds; NaN and 0 are left out.
    """
    differences = np.asarray(differences, dtype=float).round(12)
    differences = differences[np.isfinite(differences) & (differences != 0)]
    return float(stats.wilcoxon(differences).pvalue) if len(differences) else 1.0


def wilcoxon_floor(pairs: int) -> float:
    """Return the smallest p-value that ``wilcoxon`` can reach: all of 2^pairs signs alike."""
    return min(1.0, 2 / 2**pairs)


def holm(p: object, further: int = 0) -> np.ndarray:
    """Return p-values adjusted for their number (Holm 1979), NaN left out of the count.

    The chance that any comparison without a difference falls below 0.05 is then at most 0.05: of
    all that a page calls significant, not of each kind. ``further`` are comparisons of the same
    page that are adjusted elsewhere; they count, and are taken for not significant.
    """
    from statsmodels.stats.multitest import multipletests  # slow to import

    adjusted = np.array(p, dtype=float)
    is_defined = ~np.isnan(adjusted)
    if is_defined.any():
        tested = np.concatenate([adjusted[is_defined], np.ones(further)])
        adjusted[is_defined] = multipletests(tested, method="holm")[1][: is_defined.sum()]
    return adjusted


def adjusted(tables: Sequence[pd.DataFrame], further: int = 0) -> list[pd.DataFrame]:
    """Return tables with a column ``holm``: their p_value, adjusted for all tables together."""
    p = pd.concat([table["p_value"] for table in tables])
    parts = np.split(holm(p, further), np.cumsum([len(table) for table in tables])[:-1])
    return [table.assign(holm=part) for table, part in zip(tables, parts, strict=True)]


def enough_resamples(comparisons: int, alpha: float = 0.05) -> int:
    """Return the number of resamples that can give a p-value below alpha after ``holm``.

    The least p-value of ``differences`` is 2 / (resamples + 1), and Holm's first step multiplies
    it with the number of comparisons.
    """
    return round(2 * comparisons / alpha)


def friedman(errors: pd.DataFrame, alpha: float = 0.05) -> dict[str, float]:
    """Return statistic, p_value and critical_difference of runs ranked within each patient.

    Mean ranks that lie further apart than the critical difference differ by Nemenyi's test at
    ``alpha`` (Demsar 2006, section 3.2.2). It takes no account of ties, which make it cautious;
    Friedman's does. Where no run differs from another in any patient, the statistic is 0.
    ``errors`` are (patients, runs), at least two patients and three runs.
    """
    patients, runs = errors.shape
    if runs < 3 or patients < 2:
        raise PredictionError(
            f"Friedman's test needs 3 runs and 2 patients, got {runs} and {patients}"
        )
    if errors.isna().any(axis=None):
        raise PredictionError("a run has no error for some patient")
    quantile = stats.studentized_range.isf(alpha, runs, np.inf) / np.sqrt(2)
    statistic, p_value = 0.0, 1.0
    if (errors.nunique(axis=1) > 1).any():
        statistic, p_value = map(float, stats.friedmanchisquare(*errors.to_numpy().T))
    critical = quantile * np.sqrt(runs * (runs + 1) / (6 * patients))
    return {"statistic": statistic, "p_value": p_value, "critical_difference": critical}
