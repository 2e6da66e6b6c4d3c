"""The first page answers the book's question, from the pages of the paper's own images."""

import pytest

from birads_lib.conclusions.estimate import Estimate
from birads_lib.conclusions.results import survives
from press.paths import BOOK
from press.report import front

LOW, HIGH = Estimate(0.45, 0.40, 0.51), Estimate(0.89, 0.87, 0.915)


@pytest.mark.parametrize(
    ("honest", "word"),
    [
        (LOW, "No. "),
        (Estimate(0.9, 0.88, 0.94), "Perhaps. "),
        (Estimate(0.95, 0.93, 0.97), "Yes. "),
    ],
)
def test_the_answer_is_the_side_on_which_the_paper_lies(honest, word):
    assert survives(0.921, honest, honest, "reproduced").startswith(word)


def test_a_leak_that_comes_near_is_reconciled_with_the_ledger():
    said = survives(0.921, LOW, HIGH, "not reproduced")
    assert "93% of the way to the paper's value, but still below it" in said  # 0.44 of 0.471
    assert "the ledger still calls the accuracy not reproduced" in said
    reached = survives(0.91, LOW, HIGH, "reproduced only under a leaky protocol")
    assert "as the paper does; the ledger calls" in reached
    assert "does not raise that" in survives(0.921, LOW, LOW, "not reproduced")


def test_the_pages_of_inbreast_give_an_answer():
    said = front.answer(BOOK)
    assert said.startswith("No. ")
    assert "the paper's 0.921" in said
    assert "still calls the accuracy not reproduced" in said


def test_a_book_without_these_pages_has_no_answer(tmp_path):
    assert front.answer(tmp_path) == ""
