"""The cells of a published table as a page shows them, against the numbers that go with it."""

import csv
import io
import re
from contextlib import suppress
from html import unescape
from itertools import chain

from birads_lib.texts import NOT_ESTIMABLE
from press.pages.page import Exhibit, Page

_ROW = re.compile(r"<tr[^>]*>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[dh])[^>]*>(.*?)</\1>", re.DOTALL)


def contradicted(page: Page) -> tuple[int, list[str]]:
    """Return the number of a page's tables that were checked, and a line for each wrong cell.

    A table that was published with other numbers than it shows can't be held against them.
    """
    tables_held, lines = 0, []
    for exhibit in page.exhibits.values():
        rows = _rows_beside_csv(exhibit) if exhibit.kind == "table" else []
        tables_held += bool(rows)
        pairs = chain.from_iterable(zip(shown, numbers, strict=True) for shown, numbers in rows)
        wrong = [(cell, number) for cell, number in pairs if not _is_shown(number, cell)]
        lines += [
            f"#{exhibit.id} shows {a[:80]!r}, and its numbers are {b[:80]!r}" for a, b in wrong
        ]
    return tables_held, lines


def _rows_beside_csv(exhibit: Exhibit) -> list[tuple[list[str], list[str]]]:
    """Return of each row its cells as shown and as in the CSV; [] where that has other columns."""
    head, _, body = "".join(exhibit.data["text/html"]).partition("<tbody>")
    names, shown = next(iter(_cells(head, "th")), []), _cells(body, "td")
    numbers = b""
    with suppress(ValueError):  # no base64, which is told elsewhere
        numbers = exhibit.files.get(f"{exhibit.id}.csv", b"")
    text = io.StringIO(numbers.decode(errors="replace"), newline="")
    columns, *lines = list(csv.reader(text)) or [[]]
    width = len(shown[0]) if shown else 0
    is_own = width and len(lines) == len(shown) and columns[-width:] == names[-width:]
    if not is_own or any(len(row) != width for row in shown):
        return []
    return [(row, full[-width:]) for row, full in zip(shown, lines, strict=True)]


def _cells(table: str, tag: str) -> list[list[str]]:
    """Return the texts of each row's cells of a kind."""
    rows = (_CELL.findall(row) for row in _ROW.findall(table))
    return [[unescape(text) for kind, text in row if kind == tag] for row in rows]


def _is_shown(number: str, cell: str) -> bool:
    """Return whether a cell shows what a CSV has, as ``press.pages.outputs.table_html`` would."""
    if not number:
        return cell in (NOT_ESTIMABLE, "NaN", "None", "")
    with suppress(ValueError):
        return cell in (number, f"{float(number):.3f}")
    return cell == number
