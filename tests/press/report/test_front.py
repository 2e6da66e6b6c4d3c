"""The first page answers the book's question, from the pages of the paper's own images."""

import pytest

from birads_lib.conclusions.estimate import Estimate
from birads_lib.conclusions.results import survives
from press.paths import BOOK
from press.report import front

LOW, HIGH = Estimate(0.45, 0.40, 0.51), Estimate(0.89, 0.87, 0.915)
FLOOR = Estimate(0.54)


@pytest.mark.parametrize(
    ("honest", "word"),
    [
        (LOW, "No. "),
        (Estimate(0.9, 0.88, 0.94), "Perhaps. "),
        (Estimate(0.95, 0.93, 0.97), "Yes. "),
    ],
)
def test_the_answer_is_the_side_on_which_the_paper_lies(honest, word):
    assert survives(0.921, honest, FLOOR, honest, "reproduced").startswith(word)


@pytest.mark.parametrize(
    ("floor", "words"), [(0.54, "below"), (0.45, "not measurably different from"), (0.3, "above")]
)
def test_the_answer_says_on_which_side_of_the_floor_the_code_lies(floor, words):
    said = survives(0.921, LOW, Estimate(floor), HIGH, "not reproduced")
    assert f"and {words} the {floor:.2f} of always giving the most frequent category" in said
    assert said.count(". ") == 2


def test_a_leak_that_comes_near_is_said_with_the_verdict():
    said = survives(0.921, LOW, FLOOR, HIGH, "not reproduced")
    assert "below the paper's value but covers 93% of the distance" in said  # 0.44 of 0.471
    assert "the ledger calls its accuracy “not reproduced”" in said
    reached = survives(0.91, LOW, FLOOR, HIGH, "reproduced only under a leaky protocol")
    assert "which is not measurably different from the paper's value; allowing" in reached
    assert "is above the paper's value" in survives(0.8, LOW, FLOOR, HIGH, "reproduced")
    assert "does not raise that" in survives(0.921, LOW, FLOOR, LOW, "not reproduced")


def test_the_pages_of_inbreast_give_an_answer():
    said = front.answer(BOOK)
    assert said.startswith("No. ")
    assert "the paper's 0.921" in said
    assert "of always giving the most frequent category" in said
    assert "nan" not in said


def test_a_book_without_these_pages_has_no_answer(tmp_path):
    assert front.answer(tmp_path) == ""
