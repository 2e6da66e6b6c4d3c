"""Answers for patients, agreement of readers, and arms beside each other: against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from birads_lib import predictions
from birads_lib.errors import UserError
from birads_lib.scores import density
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.task import DENSITY


def answers(arm="softmax", patients=40, seed=0, noise=1.0):
    """Test rows of two images a patient, in the schema of predictions."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.random.default_rng(1).integers(1, 5, patients), 2)
    scores = rng.normal(0, noise, (2 * patients, 4))
    scores[np.arange(len(truth)), truth - 1] += 1.5
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    table = pd.DataFrame(p, columns=DENSITY.probabilities)
    facts = {"variant": arm, "protocol": "patient", "fold": 0, "seed": 0, "part": "test", "copy": 0}
    table = table.assign(
        y_true=truth, patient_id=[f"p{k // 2}" for k in range(len(truth))], **facts
    )
    table["image_id"] = [f"i{k}" for k in range(len(truth))]
    return predictions.check(table, task=DENSITY)


def test_a_patient_has_the_mean_of_her_images():
    rows = answers()
    found = density.of_patients(rows)
    assert len(found) == 40
    expected = rows[rows["patient_id"] == "p3"][DENSITY.probabilities].mean()
    ours = found[found["patient_id"] == "p3"].iloc[0]
    np.testing.assert_allclose(ours[DENSITY.probabilities].astype(float), expected)
    assert ours["y_true"] == rows.loc[6, "y_true"]
    predictions.check(found, task=DENSITY)


def test_an_image_of_an_unknown_patient_stays():
    rows = answers()
    rows.loc[:2, "patient_id"] = None
    found = density.of_patients(rows)
    assert set(found["patient_id"]) == {"i0", "i1", "i2", *rows["patient_id"].dropna()}
    ours = found.set_index("patient_id").loc["i1", DENSITY.probabilities].astype(float)
    np.testing.assert_allclose(ours, rows.loc[1, DENSITY.probabilities].astype(float))


def test_a_patient_of_two_densities_is_refused():
    rows = answers()
    rows.loc[7, "y_true"] = rows.loc[6, "y_true"] % 4 + 1
    with pytest.raises(UserError, match="patient 'p3' has images of different densities"):
        density.of_patients(rows)


def test_agreement_is_that_of_scikit_learn():
    rows = answers()
    y, p = rows["y_true"].to_numpy(), predictions.probabilities(rows)
    table = intervals(y, p, Resampling.of(rows, 50), density.agreement).set_index("metric")
    called = p.argmax(1) + 1
    assert table.loc["kappa", "estimate"] == pytest.approx(cohen_kappa_score(y, called))
    quadratic = cohen_kappa_score(y, called, weights="quadratic")
    assert table.loc["qwk", "estimate"] == pytest.approx(quadratic)
    weights = np.random.default_rng(0).integers(0, 3, (len(y), 2)).astype(float)
    repeated = [np.repeat(np.arange(len(y)), w.astype(int)) for w in weights.T]
    expected = [cohen_kappa_score(y[r], called[r]) for r in repeated]
    np.testing.assert_allclose(density.agreement(y, p, weights)["kappa"], expected)


def test_arms_have_their_metrics_and_differences_are_theirs():
    tables = {"softmax": answers(), "prompts": answers("prompts", seed=5, noise=0.3)}
    of_patients = {arm: density.of_patients(rows) for arm, rows in tables.items()}
    found = density.by_arm(of_patients, ["accuracy", "kappa"], 100).set_index(["arm", "metric"])
    by_hand = {
        arm: accuracy_score(t["y_true"], predictions.probabilities(t).argmax(1) + 1)
        for arm, t in of_patients.items()
    }
    for arm, accuracy in by_hand.items():
        assert found.loc[(arm, "accuracy"), "estimate"] == pytest.approx(accuracy)
    row = density.differences(of_patients, "softmax", ["accuracy"], 100)
    assert len(row) == 1
    assert row["estimate"][0] == pytest.approx(by_hand["prompts"] - by_hand["softmax"])
    assert row["low"][0] <= row["estimate"][0] <= row["high"][0]


def test_an_arm_is_held_against_the_most_frequent_density():
    of_patients = {"prompts": density.of_patients(answers("prompts", noise=0.3))}
    truth = of_patients["prompts"]["y_true"]
    share, over = density.over_most_frequent(of_patients, 100)
    assert share == pytest.approx((truth == truth.mode()[0]).mean())
    called = predictions.probabilities(of_patients["prompts"]).argmax(1) + 1
    assert over["arm"].tolist() == ["prompts"]
    assert over["estimate"][0] == pytest.approx(accuracy_score(truth, called) - share)


def test_a_way_to_train_has_no_comma_in_a_sentence():
    assert density.in_a_sentence("softmax") == "softmax without a text"
