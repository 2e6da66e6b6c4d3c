"""Cells of tables that were changed, though every hash beside them was written anew."""

import numpy as np
import pandas as pd
import pytest

from press.pages import outputs
from press.pages.page import Exhibit, Page
from press.verification import tables

TABLE = pd.DataFrame(
    {"AUC": [0.5, np.nan], "text": ["0.50 (0.4 to 0.6)", "a < b & c"], "n": [7, 12]},
    index=pd.Index(["first", "1.0"], name="step"),
)


def page(shown: pd.DataFrame, numbers: pd.DataFrame, change=lambda table: table) -> Page:
    """Return a page with one table."""
    csv = {"steps.csv": numbers.to_csv().encode()}
    facts = {"id": "steps", "kind": "table", "files": {}}
    held = outputs.exhibit(facts, csv, change(outputs.table_html(shown)))
    return Page(None, "", {}, {"steps": Exhibit(held)}, {}, {}, {})


@pytest.mark.parametrize(
    "table",
    [TABLE, TABLE.reset_index(drop=True), TABLE.set_index("n", append=True)],
    ids=["index", "no index", "two indices"],
)
def test_a_table_shows_its_own_numbers(table):
    assert tables.contradicted(page(table, table)) == (1, [])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.500", "0.900"),
        ("not estimable", "0.900"),
        (">12<", ">13<"),
        ("0.4 to", "0.5 to"),
        ("a &lt;", "a >"),
    ],
)
def test_a_changed_cell_is_told(before, after):
    forged = page(TABLE, TABLE, lambda table: table.replace(before, after))
    held, lines = tables.contradicted(forged)
    assert held == len(lines) == 1
    assert lines[0].startswith("#steps shows ")


def test_a_table_of_other_numbers_than_it_shows_is_not_held_against_them():
    assert tables.contradicted(page(TABLE, TABLE.rename(columns={"n": "m"}))) == (0, [])
    assert tables.contradicted(page(TABLE, TABLE.iloc[:1])) == (0, [])
    assert tables.contradicted(page(TABLE.iloc[:0], TABLE.iloc[:0])) == (0, [])


def test_numbers_that_are_no_base64_hold_nothing():
    broken = page(TABLE, TABLE)
    broken.exhibits["steps"].data[outputs.FILES]["steps.csv"] = "?"
    assert tables.contradicted(broken) == (0, [])
