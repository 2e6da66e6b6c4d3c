"""An exhibit made again is judged once, for one figure and for a whole study alike."""

import base64

import numpy as np
import pandas as pd
import pytest

from press.pages import outcome, outputs
from press.pages.page import Exhibit

TABLE = pd.DataFrame({"metric": ["a", "b"], "estimate": [0.5, np.nan], "n": [3, 4]})


def exhibit(table=TABLE, png=b"picture", **facts):
    """Return a figure as a page holds it, with its numbers, if it has any."""
    files = {} if table is None else {"roc.csv": table.to_csv().encode()}
    passport = {
        "id": "roc", "kind": "figure", "caption": "c", "tolerance": 1e-3, "marks": {},
        "files": {name: outputs.sha256_of(content) for name, content in files.items()},
        "code": {"library_sha256": "f" * 64, "commit": "1"},
    } | facts  # fmt: skip
    texts = {name: base64.b64encode(content).decode() for name, content in files.items()}
    picture = base64.b64encode(png).decode()
    return Exhibit({"image/png": picture, outputs.FILES: texts, outputs.PASSPORT: passport}, "c-1")


def judged(after, before=None):
    return outcome.compare("04_evaluation", before or exhibit(), after)


@pytest.mark.parametrize(
    ("change", "beyond", "largest"),
    [
        ({}, 0, 0.0),
        ({"estimate": [0.5009, np.nan]}, 0, 0.0009),
        ({"estimate": [0.52, np.nan]}, 1, 0.02),
        ({"estimate": [np.nan, np.nan]}, 1, 0.0),
        ({"estimate": [0.5, 0.5]}, 1, 0.0),
        ({"metric": ["a", "c"]}, 1, 0.0),
        ({"n": [3, 5], "metric": ["x", "b"]}, 2, 1.0),
    ],
)
def test_numbers_are_compared_within_the_tolerance(change, beyond, largest):
    found = judged(exhibit(TABLE.assign(**change)))
    assert (found.numbers, found.beyond) == (8, beyond)  # the index is a column
    assert found.largest_difference == pytest.approx(largest)
    assert found.verdict == ("different" if beyond else "within tolerance" if largest else "equal")
    assert found.holds == (beyond == 0)


@pytest.mark.parametrize(
    "table", [TABLE[:1], TABLE.rename(columns={"n": "m"}), TABLE.assign(more=1), None]
)
def test_a_table_of_another_shape_or_none_differs(table):
    found = judged(exhibit(table))
    assert (found.verdict, found.beyond, found.differs_in) == ("different", -1, "numbers")


def test_an_exhibit_that_was_not_made_again_does_not_hold():
    found = judged(None)
    assert (found.verdict, found.holds, found.picture) == ("not made again", False, "")


def test_a_picture_is_judged_where_it_has_no_numbers():
    assert judged(exhibit(png=b"other")).verdict == "equal"
    assert judged(exhibit(png=b"other")).picture == "other bytes"
    assert judged(exhibit(None), exhibit(None)).verdict == "equal"
    found = judged(exhibit(None, b"other"), exhibit(None))
    assert (found.verdict, found.differs_in) == ("different", "picture")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"caption": "Better"}, "caption"),
        ({"marks": {"synthetic": "made up"}}, "marks"),
        ({"alt": "Another"}, "alt"),
    ],
)
def test_other_words_of_the_same_numbers_by_the_same_code_do_not_hold(changes, named):
    found = judged(exhibit(**changes))
    assert (found.verdict, found.differs_in, found.words) == ("different", "words", named)


def test_another_table_of_the_same_numbers_does_not_hold():
    forged = Exhibit(exhibit().data | {"text/html": "<table><td>0.952</td></table>"})
    assert judged(exhibit(), forged).words == "table"
    assert not judged(exhibit(), forged).holds


def test_other_code_or_numbers_within_the_tolerance_may_choose_other_words():
    assert judged(exhibit(code={"library_sha256": "0" * 64}, caption="Clearer")).holds
    near = TABLE.assign(estimate=[0.5001, np.nan])
    assert judged(exhibit(near, caption="Clearer")).verdict == "within tolerance"
