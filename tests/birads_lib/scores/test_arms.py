"""Ways to train against each other: AUCs, ensembles and paired differences."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from birads_lib.errors import UserError
from birads_lib.scores.arms import by_arm, differences, ensemble


def table(noise: float, seed: int = 0, seeds=(0, 1, 2)) -> pd.DataFrame:
    """Return test rows of 40 patients with two images each, graded with each seed."""
    rng, rows = np.random.default_rng(seed), []
    truth = np.random.default_rng(9).integers(1, 3, 40)
    for training in seeds:
        for number in range(80):
            y = truth[number // 2]
            p = 1 / (1 + np.exp(-(y - 1.5) * 4 + noise * rng.normal()))
            rows.append((f"i{number}", f"p{number // 2}", number % 4, training, y, 1 - p, p))
    names = ["image_id", "patient_id", "fold", "seed", "y_true", "p1", "p2"]
    return pd.DataFrame(rows, columns=names).assign(part="test", copy=0, protocol="patient")


def test_the_auc_of_an_arm_is_that_of_all_its_rows():
    rows = table(3.0)
    found = by_arm({"a": rows}, 50).loc["a"]
    assert found["estimate"] == pytest.approx(roc_auc_score(rows["y_true"] == 2, rows["p2"]))
    assert found["low"] < found["estimate"] < found["high"]


def test_an_ensemble_is_the_mean_over_seeds_and_one_row_an_image():
    rows = table(3.0)
    joined = ensemble(rows).set_index("image_id")
    assert len(joined) == 80
    means = rows.groupby("image_id")["p2"].mean()
    np.testing.assert_allclose(joined["p2"], means[joined.index])
    np.testing.assert_allclose(joined["p1"] + joined["p2"], 1)
    assert (
        by_arm({"a": ensemble(rows)}, 50).loc["a", "estimate"]
        > by_arm({"a": rows}, 50).loc["a", "estimate"]
    )  # independent errors average out


def test_differences_are_paired_and_adjusted():
    tables = {"good": table(1.5), "bad": table(6.0, seed=1), "same": table(1.5)}
    found = differences(tables, [("good", "bad"), ("good", "same")], 400)
    expected = [roc_auc_score(t["y_true"] == 2, t["p2"]) for t in tables.values()]
    assert found.loc[0, "estimate"] == pytest.approx(expected[0] - expected[1])
    assert found.loc[0, "low"] > 0
    assert found.loc[0, "holm"] == pytest.approx(2 * found.loc[0, "p_value"])
    assert found.loc[1, ["estimate", "low", "high"]].tolist() == [0, 0, 0]
    with pytest.raises(UserError, match="rows are missing"):
        differences({"a": tables["good"], "b": tables["bad"][:-1]}, [("a", "b")], 10)
