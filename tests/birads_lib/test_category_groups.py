"""Groups of categories as labels."""

import pandas as pd
import pytest

from birads_lib.category_groups import in_groups, label_set
from birads_lib.errors import UserError

CASES = pd.DataFrame({"image_id": list("abcdef"), "birads": [1, 2, 3, 4, 5, 5]}).astype(
    {"birads": "Int64"}
)


def test_categories_in_between_are_left_out():
    table = in_groups(CASES, [1, 2], [5])
    assert table["image_id"].tolist() == ["a", "b", "e", "f"]
    assert table["label"].tolist() == ["1-2", "1-2", "5", "5"]
    task = label_set(table)
    assert task.labels == ("1-2", "5")
    assert task.named(2) == "BI-RADS 5"
    assert task.act_from == 2


@pytest.mark.parametrize(
    ("low", "high"), [([1, 2], [2, 5]), ([5], [1]), ([], [5]), ([1], []), ([0], [5]), ([1], [6])]
)
def test_groups_that_are_not_apart_stop(low, high):
    with pytest.raises(UserError, match="expected categories out of 1 to 5, all in low below"):
        in_groups(CASES, low, high)


def test_a_group_without_images_stops():
    with pytest.raises(UserError, match="nothing of BI-RADS 4 to tell apart"):
        in_groups(CASES[CASES["birads"] != 4], [1], [4])
    with pytest.raises(UserError, match="expected rows of two groups, got the labels 1-2"):
        label_set(in_groups(CASES, [1, 2], [5]).head(2))
