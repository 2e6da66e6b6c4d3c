"""Models compared fold by fold: what folds can say, and how they are often misread.

Folds of one cross-validation share most of their training images, and folds of repeated ones share
test images, too. Tests that take them for independent find differences that aren't there.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from birads_lib.errors import UserError
from birads_lib.predictions import MODEL, probabilities
from birads_lib.scores.bootstrap import LEVEL, Measure, estimates
from birads_lib.scores.comparisons import holm, wilcoxon, wilcoxon_floor


def of_folds(tables: Mapping[str, pd.DataFrame], measure: Measure, metric: str) -> pd.DataFrame:
    """Return one metric of each fold and seed, (folds, models), by (fold, seed).

    Args:
        tables: test rows by model, as ``predictions.out_of_fold`` gives them.
        measure: makes metrics, as ``metrics.every_metric`` does.
        metric: the one to return; NaN in a fold where it is not defined.

    Raises:
        UserError: the models have other folds or seeds than each other.
    """
    columns = {name: _of_model(table, measure, metric) for name, table in tables.items()}
    first = next(iter(columns.values())).index
    mismatched = [name for name, column in columns.items() if not column.index.equals(first)]
    if mismatched:
        raise UserError(
            f"{', '.join(mismatched)}: other folds or seeds than {next(iter(columns))}; train them "
            "again with the same folds and seeds"
        )
    return pd.DataFrame(columns)


def _of_model(table: pd.DataFrame, measure: Measure, metric: str) -> pd.Series:
    values = {
        model: estimates(rows["y_true"].to_numpy(), probabilities(rows), measure)[metric]
        for model, rows in table.groupby(MODEL)
    }
    return pd.Series(values).rename_axis(MODEL)


def tested_per_trained(table: pd.DataFrame) -> float:
    """Return the ratio of test images to training images, over all folds and seeds.

    Images count once a model, copies don't; validation images are in neither part.

    Args:
        table: predictions of one run, all parts.

    Raises:
        UserError: there is one fold only, or there are no training rows.
    """
    if table["fold"].nunique() < 2:
        raise UserError("a test over folds needs at least two; these predictions are of one")
    images = table.drop_duplicates([*MODEL, "part", "image_id"])["part"].value_counts()
    if "train" not in images:
        raise UserError("a test over folds needs the training rows, too: give all predictions")
    return float(images["test"] / images["train"])


def pairwise_wilcoxon(values: pd.DataFrame) -> pd.DataFrame:
    """Return Wilcoxon's signed-rank test of each pair of models over folds.

    Folds with NaN are left out. It takes folds for independent, which they are not; and over n
    folds its two-sided p-value can't be below ``comparisons.wilcoxon_floor(n)``, 2 / 2^n.

    Args:
        values: (folds, models), as of ``of_folds``.

    Returns:
        [a, b, folds, estimate, p_value, holm, floor]: a row a pair; the estimate is the mean
        difference of a minus b, and ``holm`` is adjusted for all pairs.
    """
    rows = []
    for a, b in combinations(values, 2):
        differences = (values[a] - values[b]).dropna()
        facts = {"a": a, "b": b, "folds": len(differences), "estimate": differences.mean()}
        rows.append(
            facts | {"p_value": wilcoxon(differences), "floor": wilcoxon_floor(len(differences))}
        )
    table = pd.DataFrame(rows, columns=["a", "b", "folds", "estimate", "p_value", "floor"])
    table.insert(5, "holm", holm(table["p_value"]))
    return table


def corrected_t(differences: object, test_to_training: float) -> dict[str, float]:
    """Return estimate, low, high and p_value of a mean difference over (repeated) folds.

    The variance of the mean over J folds is taken as (1/J + n_test/n_training) s^2 in place of
    s^2 / J, as training parts overlap (Nadeau and Bengio 2003, doi 10.1023/A:1024068626366;
    for repeated folds Bouckaert and Frank 2004, doi 10.1007/978-3-540-24775-3_3); t has J - 1
    degrees of freedom. Where no fold differs from another the interval is NaN, and the p-value too,
    unless the models are equal, which is 1.

    Args:
        differences: (J,) of one model minus another, per fold; NaN is left out.
        test_to_training: test images for each image in training, of ``tested_per_trained``.

    Raises:
        UserError: fewer than two folds.
    """
    finite = np.asarray(differences, float)
    finite = finite[np.isfinite(finite)].round(12)
    if len(finite) < 2:
        raise UserError(f"{len(finite)} folds have a difference; a test over folds needs two")
    mean, variance = finite.mean(), finite.var(ddof=1)
    if not np.ptp(finite):
        undefined = {"low": np.nan, "high": np.nan, "p_value": np.nan if mean else 1.0}
        return {"estimate": float(mean), **undefined}
    error = np.sqrt((1 / len(finite) + test_to_training) * variance)
    of_t = stats.t(len(finite) - 1)
    half, p = of_t.isf((1 - LEVEL) / 2) * error, 2 * of_t.sf(abs(mean) / error)
    result = {"estimate": mean, "low": mean - half, "high": mean + half, "p_value": p}
    return {name: float(value) for name, value in result.items()}


def equivalence(low: float, high: float, margin: float) -> str:
    """Return the verdict of a difference's interval on equivalence within a margin.

    "equivalent": it lies within -margin..margin; with an interval of 95 % these are two one-sided
    tests at 0.025 each (Schuirmann 1987, doi 10.1007/BF01068419). "different": all of it lies
    beyond. Else "undecided", which is not equivalence: too few patients say so, too.
    """
    if -margin < low and high < margin:
        return "equivalent"
    return "different" if low > margin or high < -margin else "undecided"
