"""The table of predictions refuses what can't be predictions."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import predictions
from birads_lib.errors import UserError
from birads_lib.task import BIRADS


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
