"""Metrics of several labels at once, held against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from birads_lib.scores import several_labels
from birads_lib.scores.bootstrap import Resampling

LABELS = ("none", "mass", "calcification")
RNG = np.random.default_rng(0)
Y = RNG.random((60, 3)) < 0.4
P = np.clip(RNG.random((60, 3)) * 0.7 + 0.3 * Y, 0, 1)
PATIENTS = np.repeat(np.arange(20), 3)


def test_metrics_of_a_sample_are_those_of_scikit_learn():
    found = several_labels.measure(Y, P, LABELS, np.ones((60, 1)))
    for k, label in enumerate(LABELS):
        said = P[:, k] >= 0.5
        for name, score in {"f1": f1_score, "precision": precision_score, "recall": recall_score
                            }.items():  # fmt: skip
            assert found[f"{name}_{label}"][0] == pytest.approx(score(Y[:, k], said))
        assert found[f"auc_{label}"][0] == pytest.approx(roc_auc_score(Y[:, k], P[:, k]))


def test_weights_are_copies():
    weights = RNG.integers(0, 3, 60)
    found = several_labels.measure(Y, P, LABELS, weights[:, None].astype(float))
    rows = np.repeat(np.arange(60), weights)
    copied = several_labels.measure(Y[rows], P[rows], LABELS, np.ones((len(rows), 1)))
    for name, value in found.items():
        np.testing.assert_allclose(value, copied[name])


def test_intervals_are_over_patients_and_differences_are_paired():
    resampling = Resampling(PATIENTS, 400)
    found = several_labels.intervals(Y, P, LABELS, resampling, ("mass", "none")).set_index("metric")
    row = found.loc["f1_mass_minus_none"]
    expected = found.at["f1_mass", "estimate"] - found.at["f1_none", "estimate"]
    assert row["estimate"] == pytest.approx(expected)
    assert row["low"] < row["estimate"] < row["high"]
    alone = several_labels.intervals(Y, P, LABELS, Resampling(np.arange(60), 400))
    assert (found["low"] <= found["estimate"]).all()
    assert not np.allclose(alone.set_index("metric")["low"], found.loc[alone["metric"], "low"])


def test_a_label_that_no_image_has_has_no_scores():
    y = Y.copy()
    y[:, 2] = False
    found = several_labels.intervals(y, P, LABELS, Resampling(PATIENTS, 50)).set_index("metric")
    assert found.loc[["f1_calcification", "recall_calcification"], "estimate"].isna().all()
    assert found.loc["f1_calcification", ["low", "high"]].isna().all()
    y[:3, 2] = True  # of one patient
    found = several_labels.intervals(y, P, LABELS, Resampling(PATIENTS, 50)).set_index("metric")
    assert found.at["f1_calcification", "estimate"] >= 0
    assert np.isnan(found.at["f1_calcification", "low"])


def test_a_precision_of_what_one_patient_is_called_and_an_auc_beside_one_have_no_bounds():
    y, p = Y.copy(), P.copy()
    p[:, 2], y[:, 1] = 0.1, True
    p[:2, 2], y[:2, 1] = 0.9, False
    found = several_labels.intervals(y, p, LABELS, Resampling(PATIENTS, 50)).set_index("metric")
    rows = found.loc[["precision_calcification", "auc_mass"]]
    assert rows["estimate"].notna().all()
    assert rows[["low", "high"]].isna().all(axis=None)
