"""Steps of a staircase, held against scikit-learn and against each other."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
)

from birads_lib.errors import UserError
from birads_lib.scores import steps

RNG = np.random.default_rng(0)
Y = np.tile([1, 2, 3, 4, 5], 12)


def of_step(name: str, sharpness: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(5), 60) + sharpness * np.eye(5)[Y - 1]
    p /= p.sum(axis=1, keepdims=True)
    table = pd.DataFrame(p, columns=[f"p{k}" for k in range(1, 6)])
    ids = [f"i{k}" for k in range(60)]
    patients = [f"p{k // 3}" for k in range(60)]
    facts = {"step": name, "image_id": ids, "patient_id": patients, "fold": 0, "seed": 0}
    return table.assign(**facts, y_true=Y, called=np.clip(p.argmax(axis=1) + 2, 1, 5))


MADE = pd.concat([of_step("a", 0.1, 1), of_step("b", 1.0, 2)], ignore_index=True)


def test_calls_and_probabilities_each_make_their_own_metrics():
    rows = MADE[MADE["step"] == "a"]
    p = rows[[f"p{k}" for k in range(1, 6)]].to_numpy()
    reached = steps.intervals(steps.drawn(rows, 20)).set_index("metric")["estimate"]
    kappa = cohen_kappa_score(Y, rows["called"], weights="quadratic")
    assert reached["accuracy"] == pytest.approx(accuracy_score(Y, rows["called"]))
    assert reached["macro_f1"] == pytest.approx(f1_score(Y, rows["called"], average="macro"))
    assert reached["mcc"] == pytest.approx(matthews_corrcoef(Y, rows["called"]))
    assert reached["qwk"] == pytest.approx(kappa)
    assert reached["mean_auc"] == pytest.approx(roc_auc_score(Y, p, multi_class="ovr"))
    assert reached["auc_4_or_5"] == pytest.approx(roc_auc_score(Y >= 4, p[:, 3:].sum(axis=1)))
    assert reached["brier"] == pytest.approx(((p - np.eye(5)[Y - 1]) ** 2).sum(axis=1).mean())


def test_gains_are_paired_whatever_the_order_of_rows():
    shuffled = MADE.sample(frac=1, random_state=0)
    pairs, judged = [("b", "a")], ["qwk", "mean_auc"]
    made, other = steps.drawn(MADE, 50), steps.drawn(shuffled, 50)
    gains = steps.gains(made, pairs, judged)
    pd.testing.assert_frame_equal(gains, steps.gains(other, pairs, judged))
    by_hand = made["b"].resamples["mean_auc"] - made["a"].resamples["mean_auc"]
    row = gains.set_index("metric").loc["mean_auc"]
    assert row["estimate"] == pytest.approx(
        made["b"].estimates["mean_auc"] - made["a"].estimates["mean_auc"]
    )
    assert [row["low"], row["high"]] == pytest.approx(by_hand.quantile([0.025, 0.975]).tolist())
    assert row["estimate"] > 0


def test_p_values_are_adjusted_for_what_is_judged_alone():
    gains = steps.gains(steps.drawn(MADE, 50), [("b", "a")], ["qwk", "mean_auc"])
    judged = gains["holm"].notna()
    assert set(gains.loc[judged, "metric"]) == {"qwk", "mean_auc"}
    assert (gains["holm"] >= gains["p_value"])[judged].all()


def test_a_step_against_itself_gains_nothing():
    gains = steps.gains(steps.drawn(MADE, 20), [("a", "a")], ["qwk"])
    assert (gains[["estimate", "low", "high"]] == 0).all(axis=None)
    assert (gains["p_value"] == 1).all()


def test_what_never_varies_has_no_interval_without_width():
    constant = np.tile([0.1, 0.5, 0.2, 0.1, 0.1], (60, 1))
    rows = MADE[MADE["step"] == "a"].assign(called=2)
    rows[[f"p{k}" for k in range(1, 6)]] = constant
    reached = steps.intervals(steps.drawn(rows, 50)).set_index("metric")
    same = reached.loc[["mean_auc", "auc_4_or_5", "mcc", "qwk"]]
    assert same["estimate"].tolist() == [0.5, 0.5, 0, 0]
    assert same[["low", "high"]].isna().all(axis=None)
    assert not (reached["low"] == reached["high"]).any()


def test_a_gain_that_rests_on_one_patient_is_not_estimable():
    few = MADE.assign(y_true=np.where(MADE["patient_id"] == "p0", 4, MADE["y_true"] % 3 + 1))
    gains = steps.gains(steps.drawn(few, 50), [("b", "a")], ["auc_4_or_5", "qwk"])
    gains = gains.set_index("metric")
    assert gains.loc["auc_4_or_5", "estimate"] != 0
    assert gains.loc["auc_4_or_5", ["low", "high", "p_value", "holm"]].isna().all()
    assert gains.loc["qwk", ["low", "high", "p_value", "holm"]].notna().all()


def test_the_table_has_a_row_per_step_in_the_order_of_titles():
    reached = steps.intervals(steps.drawn(MADE, 20))
    table = steps.as_table(reached, {"b": "Second", "x": "Absent", "a": "First"}, columns=["qwk"])
    assert table.index.tolist() == ["Second", "First"]
    assert table.columns.tolist() == ["Quadratic kappa"]


def test_a_trained_run_says_what_is_most_probable():
    rows = MADE[MADE["step"] == "a"].drop(columns=["step", "called"])
    made = steps.of_predictions(rows, "network")
    p = rows[[f"p{k}" for k in range(1, 6)]].to_numpy()
    assert made["called"].tolist() == (1 + np.argmax(p, axis=1)).tolist()
    assert set(made["step"]) == {"network"}


def test_a_network_of_other_images_does_not_stand_beside():
    rows = MADE[MADE["step"] == "a"]
    steps.check_same_images(MADE, {"patient": rows})
    with pytest.raises(UserError, match="under oversample_first graded other images"):
        steps.check_same_images(MADE, {"patient": rows, "oversample_first": rows.iloc[1:]})
