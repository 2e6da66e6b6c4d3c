"""The vectorised patient bootstrap against a loop over scikit-learn with copied rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from birads_lib import statistics
from birads_lib.metrics import HEADLINE, PredictionError, headline
from birads_lib.statistics import intervals, patient_bootstrap

GRADES = [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def study():
    """80 images of 20 patients, a rare grade 3, coarse probabilities that tie."""
    rng = np.random.default_rng(7)
    patients = np.repeat([f"p{i:02d}" for i in range(20)], 4)
    y = np.repeat(rng.choice([1, 2, 4, 5], size=20), 4)
    y[:4] = 3  # one patient only: many resamples lack the grade
    p = (rng.dirichlet(np.ones(5), size=80) + np.eye(5)[y - 1] * 0.3).round(1) + 0.01
    return y, p / p.sum(1, keepdims=True), patients


def drawn_rows(patients, seed, n_resamples):
    """The rows of each resample, copied as often as their patient was drawn."""
    names = np.unique(patients)
    draws = np.random.default_rng(seed).integers(len(names), size=(n_resamples, len(names)))
    return [np.concatenate([np.flatnonzero(patients == names[i]) for i in d]) for d in draws]


def by_scikit_learn(y, p):
    called = p.argmax(1) + 1
    average = {"average": "macro", "zero_division": 0}
    auc = [sk.roc_auc_score(y == g, p[:, g - 1]) if (y == g).any() else np.nan for g in GRADES]
    result = {
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
    scores = {
        "precision": sk.precision_score(y, called, labels=GRADES, average=None, zero_division=0),
        "recall": sk.recall_score(y, called, labels=GRADES, average=None, zero_division=0),
        "f1": sk.f1_score(y, called, labels=GRADES, average=None, zero_division=0),
        "auc": auc,
    }
    occurs = np.isin(GRADES, np.union1d(y, called))
    for name, values in scores.items():
        values = np.where(occurs, values, np.nan)
        result |= {f"{name}_{g}": value for g, value in zip(GRADES, values, strict=True)}
    return result


def test_equals_a_loop_over_scikit_learn(study):
    y, p, patients = study
    found = patient_bootstrap(y, p, patients, n_resamples=60, seed=11)
    rows = drawn_rows(patients, 11, 60)
    expected = pd.DataFrame([by_scikit_learn(y[r], p[r]) for r in rows])
    assert found["auc_3"].isna().any()  # the rule for a missing grade is exercised
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-10)


def test_chunks_do_not_change_the_result(study, monkeypatch):
    whole = patient_bootstrap(*study, n_resamples=50)
    monkeypatch.setattr(statistics, "_CELLS", 7 * len(study[0]))
    pd.testing.assert_frame_equal(patient_bootstrap(*study, n_resamples=50), whole, rtol=1e-14)


def test_row_order_does_not_matter(study):
    y, p, patients = study
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = intervals(y[order], p[order], patients[order], n_resamples=50)
    pd.testing.assert_frame_equal(intervals(y, p, patients, n_resamples=50), shuffled)


def test_seeds(study):
    first = patient_bootstrap(*study, n_resamples=20, seed=1)
    pd.testing.assert_frame_equal(first, patient_bootstrap(*study, n_resamples=20, seed=1))
    assert not first.equals(patient_bootstrap(*study, n_resamples=20, seed=2))


def test_intervals_are_percentiles_around_the_estimate(study):
    y, p, patients = study
    table = intervals(y, p, patients, n_resamples=400, seed=3).set_index("metric")
    resamples = patient_bootstrap(y, p, patients, n_resamples=400, seed=3)
    estimates = pd.Series(headline(y, p))
    np.testing.assert_array_equal(table.loc[list(HEADLINE), "estimate"], estimates)
    low, high = np.nanpercentile(resamples, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)
    assert table.loc["accuracy", "resamples_used"] == 400
    used = table.loc["auc_3", "resamples_used"]
    assert 150 < used < 350  # a patient is in a resample with probability 1 - 1/e
    assert used == resamples["auc_3"].notna().sum()


def test_absent_grade_has_no_interval(study):
    y, p, patients = study
    table = intervals(np.where(y == 3, 2, y), p, patients, n_resamples=20).set_index("metric")
    assert table.loc["auc_3", ["estimate", "low", "high"]].isna().all()
    assert table.loc["auc_3", "resamples_used"] == 0
    assert table.loc["mean_auc"].notna().all()


def test_clustering_widens_intervals(study):
    y, p, patients = study
    y = y.copy()
    y[:40] = p[:40].argmax(1) + 1  # ten patients all right, whole patients swing the accuracy
    by_patient = intervals(y, p, patients, n_resamples=400).set_index("metric").loc["accuracy"]
    by_image = intervals(y, p, np.arange(len(y)), n_resamples=400).set_index("metric")
    by_image = by_image.loc["accuracy"]
    assert by_patient.high - by_patient.low > 1.2 * (by_image.high - by_image.low)


@pytest.mark.parametrize(
    ("patients", "message"),
    [
        (["a", "b", None, "a"], "patient of 1 of 4 images is unknown"),
        ([1, np.nan, np.nan, 2], "patient of 2 of 4 images"),
        (["a"] * 4, "all 4 images are of one patient"),
        (["a", "b"], "4 predictions and 2 patients"),
    ],
)
def test_unusable_patients_are_refused(patients, message):
    y, p = np.array([1, 2, 3, 4]), np.full((4, 5), 0.2)
    with pytest.raises(PredictionError, match=message):
        intervals(y, p, patients)


def test_no_resamples_are_refused(study):
    with pytest.raises(PredictionError, match="n_resamples"):
        patient_bootstrap(*study, n_resamples=0)
