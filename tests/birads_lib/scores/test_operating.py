"""A network beside a reader: points, curves, and what printed numbers allow."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.operating import (
    against_reader,
    chosen_on_validation,
    mcnemar,
    ppv_at,
    rates,
    specificity_at,
    tables_allowing,
    youden_threshold,
)

N = 200


@pytest.fixture
def answers():
    """Return who is sick, a score with ties, what a network and a reader say."""
    rng = np.random.default_rng(0)
    positive = rng.random(N) < 0.4
    score = np.round(np.clip(0.5 * positive + rng.normal(0.2, 0.4, N), 0, 1), 1)
    return positive, score, score >= 0.5, positive | (rng.random(N) < 0.7)


def test_rates_are_those_of_the_confusion_matrix(answers):
    positive, _, called, _ = answers
    tn, fp, fn, tp = confusion_matrix(positive, called).ravel()
    found = {name: value[0] for name, value in rates(positive, called, np.ones((N, 1))).items()}
    expected = {
        "sensitivity": tp / (tp + fn), "specificity": tn / (tn + fp), "ppv": tp / (tp + fp),
        "accuracy": (tp + tn) / N,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    doubled = rates(positive, called, np.where(np.arange(N) < 50, 2.0, 1.0)[:, None])
    rows = np.concatenate([np.arange(N), np.arange(50)])
    again = rates(positive[rows], called[rows], np.ones((N + 50, 1)))
    assert doubled["ppv"] == pytest.approx(again["ppv"])


@pytest.mark.parametrize("wanted", [0.0, 0.5, 0.9, 1.0])
def test_specificity_at_a_sensitivity_is_read_off_the_curve(answers, wanted):
    positive, score, *_ = answers
    alarms, hits, _ = roc_curve(positive, score, drop_intermediate=False)
    expected = 1 - alarms[hits >= wanted].min()  # at no sensitivity, of an infinite threshold
    found = specificity_at(positive, score, np.array([wanted]), np.ones((N, 1)))
    assert found[0] == pytest.approx(expected)


def test_both_are_measured_in_the_same_resamples(answers):
    positive, score, called, reader = answers
    y, p = 1 + positive.astype(int), np.stack([1 - score, score], axis=1)
    drawn = Resampling(np.arange(N) // 2, 200)
    table = intervals(y, p, drawn, against_reader(called, reader)).set_index("metric")
    assert table.loc["auc", "estimate"] == pytest.approx(roc_auc_score(positive, score))
    assert table.loc["reader_sensitivity", "estimate"] == 1
    assert table.loc["reader_auc", "estimate"] == pytest.approx(
        (1 + table.loc["reader_specificity", "estimate"]) / 2
    )
    gain = table.loc["ppv", "estimate"] - table.loc["reader_ppv", "estimate"]
    assert table.loc["ppv_gain", "estimate"] == pytest.approx(gain)
    assert table.loc["sensitivity_gain", "high"] <= 0  # nobody is more sensitive than always


def test_a_rate_of_exactly_0_or_1_has_wilsons_interval_and_one_patient_none():
    """Twelve patients, two regions each: four are sick, and all answers are the same as theirs."""
    positive, patients = np.repeat([True, False], [8, 16]), np.arange(24) // 2
    y, p = 1 + positive, np.eye(2)[positive.astype(int)]
    measure = against_reader(positive, ~positive)
    table = intervals(y, p, Resampling(patients, 50), measure).set_index("metric")
    patients_behind = {
        "sensitivity": (4, 4), "specificity": (8, 8), "ppv": (4, 4), "accuracy": (12, 12),
        "reader_sensitivity": (0, 4), "reader_specificity": (0, 8), "reader_ppv": (0, 8),
    }  # fmt: skip
    for name, counts in patients_behind.items():
        expected = binomtest(*counts).proportion_ci(0.95, "wilson")
        np.testing.assert_allclose(table.loc[name, ["low", "high"]].astype(float), expected)
    one = positive & (patients == 0)
    score = np.stack([np.linspace(1, 0, 24), np.linspace(0, 1, 24)], axis=1)
    table = intervals(1 + one, score, Resampling(patients, 50), against_reader(one, positive))
    bounds = table.set_index("metric")[["low", "high"]]
    assert bounds.loc[["auc", "sensitivity", "reader_auc", "auc_gain", "ppv"]].isna().all(axis=None)
    assert bounds.loc[["specificity", "reader_ppv"]].notna().all(axis=None)


def test_thresholds_come_from_validation_alone(answers):
    positive, score, *_ = answers
    threshold = youden_threshold(positive, score)
    alarms, hits, thresholds = roc_curve(positive, score, drop_intermediate=False)
    assert threshold == thresholds[(hits - alarms).argmax()]
    rows = pd.DataFrame({
        "image_id": [f"i{n}" for n in range(N)], "fold": 0, "seed": 0,
        "part": np.where(np.arange(N) < 100, "validation", "test"), "y_true": 1 + positive,
        "p2": score,
    })  # fmt: skip
    margins = chosen_on_validation(rows)
    own = youden_threshold(positive[:100], score[:100])
    np.testing.assert_allclose(margins[rows["image_id"][100:]], score[100:] - own)
    other = rows.assign(y_true=np.where(rows["part"] == "test", 3 - rows["y_true"], rows["y_true"]))
    pd.testing.assert_series_equal(chosen_on_validation(other), margins)


def test_mcnemar_is_a_binomial_test_of_what_differs(answers):
    positive, _, called, reader = answers
    table = mcnemar(positive, called, reader)
    one, other = table.loc["all", ["only_network", "only_reader"]].astype(int)
    assert one == ((called == positive) & (reader != positive)).sum()
    assert table.loc["all", "p_value"] == pytest.approx(binomtest(one, one + other).pvalue)
    assert table.loc[["malignant", "benign"], "rows"].sum() == N


def test_predictive_value_by_bayes():
    assert ppv_at(np.array([0.5]), 0.65, 0.83)[0] == pytest.approx(0.65 / (0.65 + 0.17))
    assert ppv_at(np.array([0.005]), 1.0, 0.3)[0] == pytest.approx(0.005 / (0.005 + 0.995 * 0.7))


def test_printed_rates_fix_the_accuracy():
    printed = {"sensitivity": 0.65, "specificity": 0.83, "ppv": 0.79}
    table = tables_allowing(printed, [95])
    assert len(table)
    for row in table.itertuples():  # each by hand
        assert round(row.hits / row.positives, 2) == 0.65
        assert round(1 - row.alarms / (95 - row.positives), 2) == 0.83
        assert round(row.hits / (row.hits + row.alarms), 2) == 0.79
    assert table["accuracy"].min() > 0.705
    assert tables_allowing(printed | {"ppv": 0.10}, [95]).empty
