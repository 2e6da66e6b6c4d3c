"""Numbers in prose: nothing is made up where there is none."""

import numpy as np
import pytest

from birads_lib import texts


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((0.5, 0.4, 0.6), "0.50 (0.40 to 0.60)"),
        ((0.5, np.nan, np.nan), "0.50 (no interval)"),
        ((0.5,), "0.50 (no interval)"),
        ((np.nan, 0.4, 0.6), "not estimable"),
    ],
)
def test_an_estimate_without_an_interval_has_none_made_up(bounds, text):
    assert texts.interval(*bounds) == text


def test_spans_and_listings():
    assert texts.span([4, 2, 10]) == "2 to 10"
    assert texts.span([4, 4]) == "4"
    assert texts.span([]) == "unknown"
    assert texts.listing([67, 220, 23]) == "67, 220 and 23"
    assert texts.listing(["a"]) == "a"


def test_ends_and_numbers_in_words():
    assert texts.ends(("A", "B", "C", "D")) == "A to D"
    assert texts.ends(("benign",)) == "benign"
    assert [texts.in_words(n) for n in (0, 5, 10, 11)] == ["no", "five", "ten", "11"]
