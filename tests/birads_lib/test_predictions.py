"""The table of predictions refuses what can't be predictions."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import predictions
from birads_lib.errors import UserError
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), 6)
    frame = pd.DataFrame(p, columns=BIRADS.probabilities)
    return frame.assign(
        image_id=[f"i{k}" for k in range(6)],
        patient_id=[f"p{k // 2}" for k in range(6)],
        variant="proposed",
        protocol="patient",
        fold=0,
        seed=0,
        part=["train", "train", "validation", "validation", "test", "test"],
        copy=0,
        y_true=[1, 2, 3, 4, 5, 1],
    )


def test_what_is_written_is_read(table, tmp_path):
    predictions.write(table, tmp_path / "p.parquet")
    again = predictions.read(tmp_path / "p.parquet")
    assert list(again.columns) == list(predictions.schema().columns)
    np.testing.assert_array_equal(
        predictions.probabilities(again), predictions.probabilities(table)
    )
    assert list(predictions.out_of_fold(again)["image_id"]) == ["i4", "i5"]


def test_what_is_counted_names_seeds_where_there_are_several(table):
    assert predictions.counted(table) == "6 test rows, 6 images, 3 patients"
    both = pd.concat([table, table.assign(seed=4)])
    assert predictions.counted(both) == "12 test rows, 6 images, 3 patients, 2 seeds of training"
    both.loc[0, "patient_id"] = None  # of one image, with both seeds
    assert "3 patients, 1 images of unknown patients, 2 seeds" in predictions.counted(both)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("p1", 2.0, "p1"),
        ("p1", np.nan, "p1"),
        ("y_true", 6, "y_true"),
        ("part", "holdout", "part"),
        ("protocol", "patients", "protocol"),
        ("image_id", "i5", "once per run and fold"),
        ("p2", 0.0, "must sum to 1"),
        ("seed", -1, "seed"),
        ("patient_id", "p0", "in one part of a fold only"),
        ("patient_id", None, "in one part of a fold only"),
    ],
)
def test_each_mistake_is_named(table, column, value, expected):
    table.loc[4, column] = value
    with pytest.raises(UserError, match=expected):
        predictions.check(table)


@pytest.mark.parametrize("patient", ["p0", None])
def test_a_protocol_that_leaks_by_name_may_share_patients(table, patient):
    table["protocol"] = "image"
    table.loc[4, "patient_id"] = patient
    assert len(predictions.check(table)) == 6


def test_a_patient_may_change_parts_between_folds(table):
    other = table.assign(fold=1, part=["test", "test", "train", "train", "train", "train"])
    assert len(predictions.check(pd.concat([table, other]))) == 12


@pytest.mark.parametrize("grades", [[1] * 6, [1, 2, 4, 5, 5, 1]])
def test_categories_may_be_missing(table, grades):
    assert len(predictions.check(table.assign(y_true=grades))) == 6


def test_a_missing_column_is_named(table):
    with pytest.raises(UserError, match="y_true"):
        predictions.check(table.drop(columns="y_true"))


def test_no_predictions_say_what_to_run(tmp_path):
    with pytest.raises(UserError, match="run 03_training"):
        predictions.read(tmp_path / "p.parquet")


def of_task(table, task):
    """The same rows with other labels, all probabilities equal."""
    labels = len(task.labels)
    equal = dict.fromkeys(task.probabilities, 1 / labels)
    rows = table.drop(columns=BIRADS.probabilities).assign(**equal)
    return rows.assign(y_true=1 + rows["y_true"] % labels)


@pytest.mark.parametrize("task", [DENSITY, MALIGNANCY], ids=lambda task: task.name)
def test_predictions_of_other_tasks(table, task, tmp_path):
    other = of_task(table, task)
    predictions.write(other, tmp_path / "p.parquet", task)
    again = predictions.read(tmp_path / "p.parquet", task)
    assert list(again.columns)[-len(task.labels) :] == task.probabilities
    assert predictions.probabilities(again).shape == (6, len(task.labels))
    with pytest.raises(UserError, match="y_true"):
        predictions.check(other.assign(y_true=len(task.labels) + 1), task=task)
    message = f"p.parquet.*of {len(task.labels)} labels, but the task 'birads' has 5 .1, 2, 3, 4, 5"
    with pytest.raises(UserError, match=message):
        predictions.read(tmp_path / "p.parquet")
    with pytest.raises(UserError, match=f"5 labels, but the task '{task.name}' has"):
        predictions.check(table, task=task)


def test_whose_an_image_is(table):
    table.loc[1, "patient_id"] = None
    assert predictions.cluster_ids(table).tolist() == ["p0", "i1", "p1", "p1", "p2", "p2"]
