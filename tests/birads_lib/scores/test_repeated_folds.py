"""Tests over folds against SciPy, by hand, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from birads_lib.errors import UserError
from birads_lib.scores import repeated_folds, two_classes


def rows(seed: int, folds: int = 5, seeds: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 12
    tables = []
    for fold in range(folds):
        for repeat in range(seeds):
            y = np.arange(n) % 2 + 1
            p = 1 / (1 + np.exp(-(2 * y - 3 + rng.normal(size=n))))
            table = pd.DataFrame({"y_true": y, "p1": 1 - p, "p2": p})
            tables.append(table.assign(fold=fold, seed=repeat))
    return pd.concat(tables, ignore_index=True)


def test_a_metric_of_each_fold_is_of_its_rows_alone():
    tables = {"a": rows(0), "b": rows(1)}
    values = repeated_folds.of_folds(tables, two_classes.measure, "accuracy")
    assert values.shape == (10, 2)
    one = tables["b"].query("fold == 3 and seed == 1")
    expected = ((one["p2"] > 0.5) == (one["y_true"] == 2)).mean()
    assert values.loc[(3, 1), "b"] == pytest.approx(expected)


def test_models_of_other_folds_are_not_compared():
    with pytest.raises(UserError, match="b: other folds or seeds than a; train them again"):
        repeated_folds.of_folds(
            {"a": rows(0), "b": rows(1, folds=4)}, two_classes.measure, "accuracy"
        )


def test_pairwise_wilcoxon_is_scipys_with_its_floor():
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 3)), columns=["a", "b", "c"])
    values["a"] += 10  # above b and c in each fold
    table = repeated_folds.pairwise_wilcoxon(values)
    assert table[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    expected = [
        stats.wilcoxon(values[a], values[b]).pvalue
        for a, b in zip(table["a"], table["b"], strict=True)
    ]
    np.testing.assert_allclose(table["p_value"], expected)
    assert table["floor"].tolist() == [2 / 2**5] * 3
    assert table["p_value"].min() == 2 / 2**5  # so five folds can't reach 0.05
    np.testing.assert_allclose(table["holm"], multipletests(expected, method="holm")[1])


def test_a_fold_without_the_metric_is_left_out():
    values = pd.DataFrame({"a": [1.0, 2, np.nan, 4], "b": [0.0, 1.5, 1, 1]})
    row = repeated_folds.pairwise_wilcoxon(values).loc[0]
    assert row["folds"] == 3
    assert row["floor"] == 2 / 2**3
    assert row["estimate"] == pytest.approx((1 + 0.5 + 3) / 3)


def test_without_correction_the_t_is_the_textbooks():
    differences = np.random.default_rng(0).normal(0.3, 1, 15)
    ours = repeated_folds.corrected_t(differences, 0)
    theirs = stats.ttest_1samp(differences, 0)
    low, high = theirs.confidence_interval(0.95)
    assert ours["p_value"] == pytest.approx(theirs.pvalue)
    assert [ours["low"], ours["high"]] == pytest.approx([low, high])


def test_the_correction_is_nadeaus_and_bengios():
    differences = np.array([0.02, 0.05, -0.01, 0.03, 0.04, 0.01])
    ours = repeated_folds.corrected_t(differences, 1 / 4)
    t = 0.14 / 6 / np.sqrt((1 / 6 + 1 / 4) * differences.var(ddof=1))
    assert ours["p_value"] == pytest.approx(2 * stats.t.sf(t, 5))
    assert ours["estimate"] == pytest.approx(0.14 / 6)


def test_more_repeats_of_folds_do_not_narrow_the_interval_without_end():
    rng = np.random.default_rng(0)
    widths = []
    for repeats in (1, 100):
        values = rng.normal(0.1, 1, 5 * repeats)
        values = (values - values.mean()) / values.std(ddof=1)
        result = repeated_folds.corrected_t(values, 1 / 4)
        widths.append((result["high"] - result["low"]) / 2 / stats.t.isf(0.025, 5 * repeats - 1))
    assert widths == pytest.approx([np.sqrt(1 / 5 + 1 / 4), np.sqrt(1 / 500 + 1 / 4)])


def test_the_corrected_t_alarms_less_often_where_models_are_equal():
    """Folds that share what their training met: the usual t finds differences that aren't there."""
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.5, (400, 1))  # of all folds of one experiment
    folds = shared + rng.normal(0, 1, (400, 15))
    usual = [repeated_folds.corrected_t(row, 0)["p_value"] < 0.05 for row in folds]
    corrected = [repeated_folds.corrected_t(row, 1 / 4)["p_value"] < 0.05 for row in folds]
    assert np.mean(usual) > 0.2
    assert np.mean(corrected) < 0.07


@pytest.mark.parametrize(("values", "p"), [([0.0, 0, 0], 1), ([0.1, 0.1, 0.1], np.nan)])
def test_folds_that_all_say_the_same_have_no_interval(values, p):
    result = repeated_folds.corrected_t(values, 1 / 4)
    assert np.isnan([result["low"], result["high"]]).all()
    np.testing.assert_equal(result["p_value"], p)


def test_one_fold_is_too_few():
    with pytest.raises(UserError, match="1 folds have a difference; a test over folds needs two"):
        repeated_folds.corrected_t([0.1, np.nan], 1 / 4)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.025, "equivalent"),
        (0.01, 0.02, "equivalent"),  # though above 0
        (-0.03, 0.01, "undecided"),
        (-0.2, 0.3, "undecided"),
        (0.04, 0.09, "different"),
        (-0.09, -0.031, "different"),
        (np.nan, np.nan, "undecided"),
    ],
)
def test_equivalence_is_an_interval_within_the_margin(low, high, verdict):
    assert repeated_folds.equivalence(low, high, 0.03) == verdict


def test_equivalence_is_two_one_sided_tests():
    from statsmodels.stats.weightstats import DescrStatsW

    rng = np.random.default_rng(0)
    for shift in np.linspace(0, 0.06, 25):
        values = rng.normal(shift, 0.05, 40)
        interval = repeated_folds.corrected_t(values, 0)
        verdict = repeated_folds.equivalence(interval["low"], interval["high"], 0.03)
        p = DescrStatsW(values).ttost_mean(-0.03, 0.03)[0]
        assert (verdict == "equivalent") == (p < 0.025)
