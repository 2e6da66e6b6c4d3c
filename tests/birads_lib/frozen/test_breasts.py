"""Views of a breast taken together, and held against the other breast."""

import numpy as np
import pandas as pd

from birads_lib.frozen import breasts


def images(*rows: tuple[str | None, str | None]) -> pd.DataFrame:
    patients, sides = zip(*rows, strict=True)
    ids = [f"i{k}" for k in range(len(rows))]
    return pd.DataFrame({"image_id": ids, "patient_id": patients, "laterality": sides})


BOTH = images(("a", "L"), ("a", "L"), ("a", "R"), ("a", "R"), ("b", "L"), ("b", "R"))
VALUES = np.array([[1.0, 0], [3, 2], [10, 10], [20, 30], [5, 5], [7, 6]])


def test_views_of_a_breast_share_their_mean_or_their_maximum():
    mean = [[2, 1], [2, 1], [15, 20], [15, 20], [5, 5], [7, 6]]
    most = [[3, 2], [3, 2], [20, 30], [20, 30], [5, 5], [7, 6]]
    assert breasts.joined(VALUES, BOTH).tolist() == mean
    assert breasts.joined(VALUES, BOTH, "max").tolist() == most


def test_the_difference_is_to_the_same_patients_other_breast():
    made = breasts.difference(breasts.joined(VALUES, BOTH), BOTH)
    assert made.tolist() == [[-13, -19], [-13, -19], [13, 19], [13, 19], [-2, -1], [2, 1]]


def test_a_breast_without_another_one_differs_by_nothing():
    alone = images(("a", "L"), ("b", "R"), ("b", "L"))
    values = np.array([[4.0], [1], [2]])
    assert breasts.difference(values, alone).tolist() == [[0], [-1], [1]]


def test_an_image_of_unknown_patient_or_side_is_a_breast_of_its_own():
    unknown = images((None, "L"), (None, "L"), ("a", None), ("a", None), ("a", "L"))
    values = np.array([[1.0], [2], [3], [4], [5]])
    assert breasts.joined(values, unknown).tolist() == values.tolist()
    assert breasts.difference(values, unknown).tolist() == [[0]] * 5


def test_a_missing_view_leaves_the_one_that_is_there():
    one = images(("a", "L"), ("a", "R"), ("a", "R"))
    values = np.array([[1.0], [2], [4]])
    assert breasts.joined(values, one).tolist() == [[1], [3], [3]]
    assert breasts.difference(breasts.joined(values, one), one).tolist() == [[-2], [2], [2]]
