"""The network beside its floors: the differences, and the words for them."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.predictions import cluster_ids, out_of_fold
from birads_lib.scores import floors
from birads_lib.scores.bootstrap import Resampling
from birads_lib.scores.comparisons import paired_differences
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY
from helpers.leakage import images, run


def answering(y, share, seed=0):
    """Probabilities that are right, and sure of it, for a share of the rows."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(y)) < share, y, rng.integers(1, 6, len(y)))
    return np.eye(5)[said - 1]


@pytest.fixture(scope="module")
def tested():  # of a run
    return out_of_fold(run(images(60), "patient"))


def measured(tested, network, **of_floors):
    y = tested["y_true"].to_numpy()
    p = {"model": answering(y, network)}
    p |= {name: answering(y, share, seed=1) for name, share in of_floors.items()}
    return floors.differences(y, p, Resampling(cluster_ids(tested), 400)), p


@pytest.mark.parametrize(
    ("network", "expected"),
    [(0.9, "above its best floor"), (0.2, "below its best floor")],
)
def test_a_network_above_or_below_its_floor_is_said_to_be(tested, network, expected):
    table, _ = measured(tested, network, majority=0.3, logistic_regression=0.6)
    said = f"After Holm's adjustment, the network is {expected} in all five metrics."
    assert floors.sentence(table) == said


def test_equal_answers_are_not_told_apart(tested):
    y = tested["y_true"].to_numpy()
    p = answering(y, 0.5)
    table = floors.differences(y, {"model": p, "majority": p}, Resampling(np.arange(len(y)), 100))
    assert (table["verdict"] == "alike").all()
    assert floors.sentence(table).startswith(
        "After Holm's adjustment, the network is not measurably different from its best floor in "
    )


def test_what_speaks_against_the_network_comes_first():
    metrics = ["accuracy", "macro_f1", "mean_auc", "mcc"]
    verdicts = ["above", "alike", "above", "below"]
    table = pd.DataFrame({"metric": metrics, "verdict": verdicts})
    assert floors.sentence(table) == (
        "After Holm's adjustment, the network is below its best floor in MCC; not measurably "
        "different from it in macro F1; above it in accuracy and mean AUC."
    )


def test_each_difference_is_paired_and_from_the_best_floor_of_its_metric(tested):
    table, p = measured(tested, 0.6, majority=0.2, logistic_regression=0.5)
    y = tested["y_true"].to_numpy()
    assert (table["floor"] == "logistic_regression").all()
    resampling = Resampling(cluster_ids(tested), 400)
    expected = paired_differences(y, p["model"], p["logistic_regression"], resampling)
    expected = expected.set_index("metric").loc[table["metric"]]
    for column in ("estimate", "low", "high", "p_value"):
        np.testing.assert_array_equal(table[column], expected[column])
    assert (table["holm"] >= table["p_value"]).all()


def test_a_verdict_takes_account_of_how_many_metrics_are_compared(tested):
    """An interval that excludes 0 is not enough: Holm's adjustment over the metrics decides."""
    for share in np.linspace(0.57, 0.65, 9):
        table, _ = measured(tested, share, logistic_regression=0.5)
        unsure = (table["p_value"] < 0.05) & (table["holm"] > 0.05)
        if unsure.any():
            assert (table.loc[unsure, "verdict"] == "alike").all()
            return
    pytest.fail("no difference was unsure")


def floors_of(tested):
    names = ("majority", "logistic_regression")
    return pd.concat([tested.assign(variant=name) for name in names], ignore_index=True)


def test_answers_stand_in_the_order_of_the_runs_rows(tested):
    shuffled = floors_of(tested).sample(frac=1, random_state=0)
    answers = floors.answers(tested.assign(variant="any"), shuffled)
    assert list(answers) == ["model", "majority", "logistic_regression"]
    np.testing.assert_array_equal(answers["model"], answers["majority"])


def test_floors_of_another_run_are_refused_with_what_to_do(tested):
    with pytest.raises(UserError, match="Run 03_training_floors again"):
        floors.answers(tested, floors_of(tested).iloc[1:])


def test_metrics_are_those_of_the_task():
    assert floors.compared(BIRADS) == ("accuracy", "macro_f1", "mean_auc", "mcc", "qwk")
    assert floors.compared(DENSITY) == floors.compared(BIRADS)
    assert floors.compared(MALIGNANCY) == floors.compared(BIRADS)[:-1]


def test_tables_name_floors_and_metrics_as_pages_do(tested):
    table, _ = measured(tested, 0.9, majority=0.3)
    shown = floors.as_table(table)
    assert shown.loc["Macro F1", "its best floor"] == "Most frequent category"
    assert shown.loc["Macro F1", "the network is"] == "above"
    assert floors.records(table)["metric"].iloc[0] == "minus_best_floor.accuracy"
    intervals = floors.intervals_by_floor(floors_of(tested), 20)
    texts = floors.metrics_table({"patient": intervals})
    assert ("patient", "Logistic regression, frozen features") in texts.index


def test_what_a_page_shows_together_is_judged_together():
    """0.02 is significant by itself, and not as one of five comparisons."""
    table = pd.DataFrame({"estimate": [0.1, -0.2], "p_value": [0.02, 0.001]})
    others = pd.DataFrame({"estimate": [0.1, 0.1, 0.1], "p_value": [0.5, 0.4, 0.3]})
    alone = floors.judged({"patient": table})["patient"]
    assert alone["verdict"].tolist() == ["above", "below"]
    beside = floors.judged({"patient": table, "image": others})
    assert beside["patient"]["holm"].tolist() == pytest.approx([0.08, 0.005])
    assert beside["patient"]["verdict"].tolist() == ["alike", "below"]
