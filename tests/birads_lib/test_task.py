"""A task's labels in sentences."""

from birads_lib.task import BIRADS, DENSITY, MALIGNANCY


def test_labels_and_categories_are_named_as_the_task_does():
    assert BIRADS.label_of == {1: "1", 2: "2", 3: "3", 4: "4", 5: "5"}
    assert DENSITY.label_of == {1: "A", 2: "B", 3: "C", 4: "D"}
    assert BIRADS.category == "BI-RADS category"
    assert DENSITY.category == "density category"
    assert MALIGNANCY.category == "category"


def test_a_label_and_those_above_it():
    assert [BIRADS.or_more(number) for number in (3, 4, 5)] == ["3 or more", "4 or more", "5"]
    assert BIRADS.at_least(4) == "BI-RADS ≥ 4"
    assert MALIGNANCY.or_more(2) == "malignant"
