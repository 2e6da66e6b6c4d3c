"""Metrics against scikit-learn, and the degenerate cases one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from birads_lib.errors import UserError
from birads_lib.scores.metrics import (
    PredictionError,
    confusion_matrix,
    headline,
    headline_names,
    per_class,
    weighted_auc,
)
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY

GRADES = [1, 2, 3, 4, 5]


def sample(seed: int, n: int = 60, grades=GRADES, decimals: int = 1):
    """Truth and coarse probabilities, so that scores tie often."""
    rng = np.random.default_rng(seed)
    y = rng.choice(grades, size=n)
    p = rng.dirichlet(np.ones(5), size=n).round(decimals)
    p[:, 0] += 1 - p.sum(1)  # may go negative after rounding
    p = np.clip(p, 0, None)
    return y, p / p.sum(1, keepdims=True)


def one_hot(grades):
    return np.eye(5)[np.asarray(grades) - 1]


@given(st.integers(0, 10_000), st.integers(10, 80), st.sampled_from([1, 6]))
@settings(max_examples=40, deadline=None)
def test_headline_equals_scikit_learn(seed, n, decimals):
    y, p = sample(seed, n, decimals=decimals)
    called = p.argmax(1) + 1
    average = {"average": "macro", "zero_division": 0}
    auc = [
        sk.roc_auc_score(y == g, p[:, g - 1]) if 0 < (y == g).sum() < n else np.nan for g in GRADES
    ]
    expected = {
        "accuracy": sk.accuracy_score(y, called),
        "macro_precision": sk.precision_score(y, called, **average),
        "macro_recall": sk.recall_score(y, called, **average),
        "macro_f1": sk.f1_score(y, called, **average),
        "mean_auc": np.nanmean(auc),
        "mcc": sk.matthews_corrcoef(y, called),
        "qwk": sk.cohen_kappa_score(y, called, labels=GRADES, weights="quadratic"),
        "ordinal_mae": sk.mean_absolute_error(y, called),
        "adjacent_accuracy": np.mean(np.abs(y - called) <= 1),
        "auc_4_or_5": sk.roc_auc_score(y >= 4, (p[:, 3] + p[:, 4]).round(12)),
    }
    values = headline(y, p)
    assert list(values) == list(headline_names())
    assert values == pytest.approx(expected, abs=1e-12, nan_ok=True)  # no 4 or 5, or nothing else


def test_per_class_equals_scikit_learn():
    y, p = sample(3, 200)
    called = p.argmax(1) + 1
    table = per_class(y, p)
    expected = sk.precision_recall_fscore_support(y, called, labels=GRADES, zero_division=0)
    np.testing.assert_allclose(table[["precision", "recall", "f1", "support"]].T, expected)
    auc = [sk.roc_auc_score(y == g, p[:, g - 1]) for g in GRADES]
    np.testing.assert_allclose(table["auc"], auc, atol=1e-12)


def test_confusion_matrix_equals_scikit_learn():
    y, p = sample(4)
    expected = sk.confusion_matrix(y, p.argmax(1) + 1, labels=GRADES)
    np.testing.assert_array_equal(confusion_matrix(y, p), expected)


def test_absent_grade():
    y, p = sample(5, grades=[1, 2, 4, 5])
    table = per_class(y, p)
    assert np.isnan(table.loc[3, "auc"])
    assert table.loc[3, "support"] == 0
    assert table.loc[3, "recall"] == 0  # it is predicted somewhere
    assert headline(y, p)["mean_auc"] == pytest.approx(table["auc"].mean())


def test_grade_neither_true_nor_predicted_is_left_out():
    y = np.array([1, 2, 4, 5])
    table = per_class(y, one_hot(y))
    assert table.loc[3, ["precision", "recall", "f1"]].isna().all()
    values = headline(y, one_hot(y))
    assert values["macro_f1"] == values["qwk"] == values["mcc"] == 1
    assert values["ordinal_mae"] == 0


def test_never_predicted_grade_has_precision_zero():
    table = per_class([1, 2, 2], one_hot([1, 2, 1]))
    assert table.loc[1, "precision"] == 0.5
    table = per_class([1, 2, 3], one_hot([1, 2, 2]))
    assert table.loc[3, "precision"] == 0
    assert table.loc[3, "f1"] == 0


def test_a_single_grade():
    values = headline([2, 2, 2], one_hot([2, 2, 2]))
    assert values["accuracy"] == 1
    assert values["mcc"] == 0
    assert np.isnan(values["qwk"])
    assert np.isnan(values["mean_auc"])
    assert np.isnan(values["auc_4_or_5"])


def test_distance_counts_in_grades():
    values = headline([1, 1, 5, 3], one_hot([1, 5, 4, 3]))
    assert values["ordinal_mae"] == pytest.approx(5 / 4)
    assert values["adjacent_accuracy"] == 0.75


def test_a_tie_goes_to_the_lower_grade():
    assert confusion_matrix([5], [[0, 0.5, 0, 0.5, 0]])[4, 1] == 1


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_weighted_auc_equals_scikit_learn_with_sample_weights(seed):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 6, size=30) / 5
    positive = np.arange(30) < rng.integers(1, 30)
    weights = rng.integers(0, 4, size=(30, 3)).astype(float)
    weights[[0, -1]] = 1  # both sides have weight
    expected = [sk.roc_auc_score(positive, score, sample_weight=column) for column in weights.T]
    np.testing.assert_allclose(weighted_auc(score, positive, weights), expected, atol=1e-12)


def with_cell(value):
    p = np.full((3, 5), 0.2)
    p[1, 2] = value
    return p


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], np.empty((0, 5)), "shapes"),
        ([1, 2], np.full((3, 5), 0.2), "shapes"),
        ([1, 2, 3], np.full((3, 4), 0.25), "shapes"),
        ([[1, 2, 3]], np.full((3, 5), 0.2), "shapes"),
        ([1, 2, 3], with_cell(np.nan), r"1 of 3 rows, the first is row 1.*NaN"),
        ([1, 2, 3], with_cell(np.inf), "infinite"),
        ([1, 2, 3], with_cell(-0.2), "negative"),
        ([1, 2, 3], with_cell(0.3), "row 1: probabilities don't sum to 1"),
        ([0, 2, 6], with_cell(0.2), "2 labels are not in 1..5: 0, 6"),
        ([1.5, 2, 3], with_cell(0.2), "1.5"),
        ([1.0, np.nan, 3], with_cell(0.2), "nan"),
        (["4a", "2", "3"], with_cell(0.2), "'4a'"),
    ],
)
def test_bad_input_is_refused(y, p, message):
    with pytest.raises(PredictionError, match=message) as caught:
        headline(y, p)
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value, ValueError)


def test_all_problems_are_named_at_once():
    p = with_cell(np.nan)
    p[2] = 0.3
    with pytest.raises(PredictionError) as caught:
        headline([1, 2, 9], p)
    assert all(word in str(caught.value) for word in ["not in 1..5", "NaN", "sum to 1"])


def test_rounded_probabilities_are_accepted():
    assert headline([1, 2], [[0.99996, 0, 0, 0, 0], [0, 1.00004, 0, 0, 0]])["accuracy"] == 1


@pytest.mark.parametrize("task", [DENSITY, MALIGNANCY], ids=lambda task: task.name)
def test_other_tasks_equal_scikit_learn(task):
    rng = np.random.default_rng(2)
    labels = list(task.numbers)
    y = rng.choice(labels, size=90)
    p = rng.dirichlet(np.ones(len(labels)), size=90)
    called = p.argmax(1) + 1
    average = {"average": "macro", "zero_division": 0}
    auc = [sk.roc_auc_score(y == label, p[:, label - 1]) for label in labels]
    expected = {
        "accuracy": sk.accuracy_score(y, called),
        "macro_precision": sk.precision_score(y, called, **average),
        "macro_recall": sk.recall_score(y, called, **average),
        "macro_f1": sk.f1_score(y, called, **average),
        "mean_auc": np.mean(auc),
        "mcc": sk.matthews_corrcoef(y, called),
    }
    if task is DENSITY:
        expected["qwk"] = sk.cohen_kappa_score(y, called, labels=labels, weights="quadratic")
        expected["ordinal_mae"] = sk.mean_absolute_error(y, called)
        expected["adjacent_accuracy"] = np.mean(np.abs(y - called) <= 1)
    else:
        expected["auc_malignant"] = sk.roc_auc_score(y == 2, p[:, 1])
    assert headline(y, p, task) == pytest.approx(expected, abs=1e-12)
    table = per_class(y, p, task)
    assert (table.index.name, list(table.index)) == (task.name, labels)
    by_label = sk.precision_recall_fscore_support(y, called, labels=labels, zero_division=0)
    np.testing.assert_allclose(table[["precision", "recall", "f1", "support"]].T, by_label)
    np.testing.assert_allclose(table["auc"], auc)
    matrix = sk.confusion_matrix(y, called, labels=labels)
    np.testing.assert_array_equal(confusion_matrix(y, p), matrix)


def test_names_follow_the_task():
    assert list(headline_names(BIRADS).items())[-1] == ("auc_4_or_5", "AUC, BI-RADS ≥ 4")
    assert headline_names(MALIGNANCY)["auc_malignant"] == "AUC, malignant"
    assert not {"qwk", "ordinal_mae", "adjacent_accuracy"} & set(headline_names(MALIGNANCY))
    assert not [name for name in headline_names(DENSITY) if name.startswith("auc")]


def test_probabilities_of_another_task_are_refused():
    with pytest.raises(PredictionError, match=r"expected 4 probabilities .* the task 'density'"):
        headline([1, 2, 3], np.full((3, 5), 0.2), DENSITY)
    with pytest.raises(PredictionError, match=r"1 labels are not in 1\.\.2: 3"):
        headline([1, 2, 3], np.full((3, 2), 0.5), MALIGNANCY)
