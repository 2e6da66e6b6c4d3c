"""Metrics of two classes against scikit-learn, their bound and the binormal model by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score, roc_curve

from birads_lib.scores import two_classes
from birads_lib.scores.bootstrap import Resampling, intervals

PRINTED = {"accuracy": 0.869, "auc": 0.998, "weighted_f1": 0.869}


def drawn(n: int, seed: int, signal: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 3, n)
    p = 1 / (1 + np.exp(-(signal * (2 * y - 3) + rng.normal(size=n))))
    return y, np.stack([1 - p, p], axis=1)


def test_metrics_are_scikit_learns_for_estimates_and_for_weighted_samples():
    y, p = drawn(60, seed=0)
    weights = np.stack([np.ones(60), np.random.default_rng(1).integers(0, 4, 60)], axis=1)
    values = two_classes.measure(y, p, weights.astype(float))
    called = p.argmax(axis=1) + 1
    for r, weight in enumerate(weights.T):
        given_ = {"sample_weight": weight}
        f1 = f1_score(y, called, average="weighted", **given_)
        assert values["accuracy"][r] == pytest.approx(accuracy_score(y, called, **given_))
        assert values["weighted_f1"][r] == pytest.approx(f1)
        assert values["auc"][r] == pytest.approx(roc_auc_score(y == 2, p[:, 1], **given_))
        negative, positive = weight[y == 1], weight[y == 2]
        alarms = (negative * (called[y == 1] == 2)).sum() / negative.sum()
        assert values["false_positive_rate"][r] == pytest.approx(alarms)
        missed = (positive * (called[y == 2] == 1)).sum() / positive.sum()
        assert values["miss_rate"][r] == pytest.approx(missed)


def test_without_a_positive_image_what_needs_one_is_nan():
    y, p = np.ones(4, int), np.tile([0.8, 0.2], (4, 1))
    values = {k: v[0] for k, v in two_classes.measure(y, p, np.ones((4, 1))).items()}
    assert np.isnan([values["auc"], values["miss_rate"]]).all()
    assert values["weighted_f1"] == values["accuracy"] == 1
    assert values["false_positive_rate"] == 0


def test_patients_are_drawn_with_this_measure():
    y, p = drawn(40, seed=2)
    table = intervals(y, p, Resampling(np.arange(40) // 2, 50), two_classes.measure)
    assert table["metric"].tolist() == [*two_classes.NAMES, *two_classes.ERRORS]
    assert (table["low"] <= table["estimate"]).all()


def test_errors_that_never_happen_have_wilsons_interval():
    y = np.repeat([1, 2], [16, 8])
    table = intervals(y, np.eye(2)[y - 1], Resampling(np.arange(24) // 2, 50), two_classes.measure)
    table = table.set_index("metric")
    for name, patients in {"false_positive_rate": 8, "miss_rate": 4}.items():
        expected = binomtest(0, patients).proportion_ci(0.95, "wilson")
        np.testing.assert_allclose(table.loc[name, ["low", "high"]].astype(float), expected)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 3))
def test_no_curve_with_an_operating_point_has_a_larger_auc(seed, signal):
    y, p = drawn(25, seed, signal)
    if len({*y}) < 2:
        return
    score = p[:, 1].round(1)  # with ties
    false_positives, hits, _ = roc_curve(y == 2, score, drop_intermediate=False)
    limits = two_classes.largest_auc(false_positives, 1 - hits)
    assert (roc_auc_score(y == 2, score) <= limits + 1e-12).all()


def test_the_bound_is_reached():
    y = np.repeat([1, 1, 2, 2], [2, 8, 3, 7])  # 2 of 10 negatives above 3 of 10 positives
    score = np.repeat([0.9, 0.1, 0.5, 1.0], [2, 8, 3, 7])
    assert roc_auc_score(y == 2, score) == pytest.approx(two_classes.largest_auc(0.2, 0.3))


@pytest.mark.parametrize("accuracy", [0.6, 0.869, 0.95])
def test_the_binormal_relation_is_that_of_two_normal_samples(accuracy):
    grid = norm.ppf((np.arange(2000) + 0.5) / 2000)
    apart = 2 * norm.ppf(accuracy)
    score = np.concatenate([grid, grid + apart])
    positive = np.arange(4000) >= 2000
    assert ((score > apart / 2) == positive).mean() == pytest.approx(accuracy, abs=1e-3)
    auc = roc_auc_score(positive, score)
    assert two_classes.binormal_auc(accuracy) == pytest.approx(auc, abs=1e-3)
    assert two_classes.binormal_accuracy(auc) == pytest.approx(accuracy, abs=2e-3)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_errors_needed_have_the_accuracy_and_just_allow_the_auc(share):
    points = two_classes.errors_needed(0.869, 0.998, share)
    assert len(points) == 2
    for f, m in points:
        assert (1 - share) * f + share * m == pytest.approx(1 - 0.869)
        assert two_classes.largest_auc(f, m) == pytest.approx(0.998)
    f = sum(f for f, _ in points) / 2
    between = (1 - 0.869 - (1 - share) * f) / share
    assert two_classes.largest_auc(f, between) < 0.998


def test_a_low_auc_needs_no_particular_errors():
    assert two_classes.errors_needed(0.9, 0.95) == []


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0, 0.9), st.floats(0, 0.9))
def test_weighted_f1_of_rates_is_scikit_learns(share, f, m):
    counts = np.array([(1 - share) * (1 - f), (1 - share) * f, share * m, share * (1 - m)])
    expected = f1_score([1, 1, 2, 2], [1, 2, 1, 2], average="weighted", sample_weight=counts)
    assert two_classes.weighted_f1(share, f, m) == pytest.approx(expected)


def test_shares_that_allow_printed_numbers_are_those_of_real_tables():
    """A table of 1,000 answers whose numbers are printed is found possible at its own share."""
    for positives, alarms, missed in ((300, 60, 5), (500, 30, 40), (800, 2, 100)):
        y = np.repeat([1, 2], [1000 - positives, positives])
        called = y.copy()
        called[:alarms], called[len(y) - missed :] = 2, 1
        f, m = alarms / (1000 - positives), missed / positives
        printed = {
            "accuracy": round(accuracy_score(y, called), 3),
            "weighted_f1": round(f1_score(y, called, average="weighted"), 3),
            "auc": round(1 - f * m - 0.001, 3),
        }
        row = two_classes.shares_allowing(printed, [positives / 1000]).loc[0]
        assert row["possible"]
        assert row["largest_auc"] >= printed["auc"] - 0.0005


def test_equal_classes_do_not_allow_the_printed_numbers_in_one_table():
    table = two_classes.shares_allowing(PRINTED, [0.5, 0.9]).set_index("positives")
    assert not table.loc[0.5, "possible"]
    rng = np.random.default_rng(0)  # nor do errors drawn at random, as many as there may be
    f = rng.uniform(0, 0.3, 200_000)
    m = 2 * (1 - rng.uniform(0.8685, 0.8695, 200_000)) - f
    f, m = f[m >= 0], m[m >= 0]
    prints = np.abs(two_classes.weighted_f1(0.5, f, m) - 0.869) <= 0.0005
    assert prints.any()
    assert two_classes.largest_auc(f, m)[prints].max() < 0.9975


def test_an_impossible_pair_allows_no_auc():
    row = two_classes.shares_allowing({"accuracy": 0.9, "weighted_f1": 0.3, "auc": 0.5}, [0.5])
    assert not row.loc[0, "possible"]
    assert np.isnan(row.loc[0, "largest_auc"])
