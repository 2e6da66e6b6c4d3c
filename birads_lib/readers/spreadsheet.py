"""Tables that people keep beside their images: CSV, TSV, Excel and Parquet, as rows of texts."""

import csv
import datetime
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from birads_lib.readers.meanings import whole

EXCEL = (".xlsx", ".xlsm")
SUFFIXES = (".csv", ".tsv", *EXCEL, ".parquet")
# The first line of a CSV file may tell Excel what separates cells; Excel counts no such row.
_DELIMITER = re.compile(r'"?sep=(.)"?\1*', re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """A table: cells are texts without blanks around them, "" where there is nothing.

    Attributes:
        name: of its file.
        columns: their names.
        rows: cells by column, by the number that a spreadsheet gives the row; the header is row 1.
    """

    name: str
    columns: tuple[str, ...]
    rows: dict[int, dict[str, str]]

    def at(self, numbers: Iterable[int], most: int = 8) -> str:
        """Return the place of rows: "row 3 of list.csv", "rows 3 and 9 of list.csv"."""
        numbers = list(numbers)
        shown = ", ".join(map(str, numbers[:most]))
        shown += f" and {len(numbers) - most} more" if len(numbers) > most else ""
        return f"row{'s' * (len(numbers) > 1)} {shown} of {self.name}"


def read(path: Path, sheet: str = "") -> Sheet:
    """Read a table whose first row has the columns' names; of an Excel file one sheet.

    Raises:
        ValueError: with what is wrong and what to do.
    """
    try:
        lines = _lines(path, sheet)
    except _NoTableError as error:
        raise ValueError(f"{path.name!r} {error}") from None
    except OSError as error:
        raise ValueError(f"{path.name!r} cannot be read ({error.strerror or error})") from None
    except Exception as error:  # openpyxl and pyarrow raise many kinds on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        problem = f"cannot be read as a table ({reason}); save it again"
        raise ValueError(f"{path.name!r} {problem}") from None
    return _sheet(path.name, [[whole(cell) for cell in line] for line in lines])


def _lines(path: Path, sheet: str) -> list[list[str]]:
    """Return the cells of a table by rows, the header first."""
    kind = path.suffix.lower()
    if kind == ".parquet":
        return list(_parquet(path))
    if kind in EXCEL:
        return list(_excel(path, sheet))
    if kind not in SUFFIXES:
        hint = "; save it as .xlsx" if kind == ".xls" else ""
        raise _NoTableError(f"is no table of {', '.join(SUFFIXES)}{hint}")
    return csv_cells(path)


def csv_cells(path: Path) -> list[list[str]]:
    """Return the cells of a CSV or TSV file, stripped, whatever its encoding and delimiter."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:  # saved by an older spreadsheet
        text = data.decode("latin-1")
    first, _, below = text.partition("\n")
    declared = _DELIMITER.fullmatch(first.rstrip("\r"))
    text, delimiter = (below, declared[1]) if declared else (text, max(";,\t|", key=first.count))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [[cell.strip() for cell in line] for line in lines]


def _sheet(name: str, lines: list[list[str]]) -> Sheet:
    header, *lines = lines or [[]]
    while header and not header[-1]:
        header.pop()
    if duplicates := [column for column, count in Counter(header).items() if count > 1]:
        raise ValueError(f"{name!r} has two columns named {duplicates[0]!r}; rename one")
    if not any(header):
        raise ValueError(f"{name!r} is empty; its first row needs the names of the columns")
    numbered = {number: line for number, line in enumerate(lines, start=2) if any(line)}
    if too_wide := [number for number, line in numbered.items() if any(line[len(header) :])]:
        problem = f"has more cells than columns in row {too_wide[0]}; quote what has commas"
        raise ValueError(f"{name!r} {problem}")
    if not numbered:
        raise ValueError(f"{name!r} has no rows below the names of the columns")
    empty = dict.fromkeys(header, "")
    rows = {n: empty | dict(zip(header, line, strict=False)) for n, line in numbered.items()}
    return Sheet(name, tuple(header), rows)


class _NoTableError(ValueError):
    """The file isn't a table, or lacks the sheet that was asked for; it isn't damaged."""


def _excel(path: Path, sheet: str) -> Iterator[list[str]]:
    import openpyxl  # slow to import

    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
    if sheet and sheet not in book.sheetnames:
        names = ", ".join(book.sheetnames)
        raise _NoTableError(f"has no sheet {sheet!r}; its sheets: {names}")
    page = book[sheet] if sheet else book.worksheets[0]
    for line in page.iter_rows(values_only=True):
        yield [_as_text(value) for value in line]


def _parquet(path: Path) -> Iterator[list[str]]:
    # Types of their own for missing values: whole numbers would become floats, and long ones equal.
    table = pd.read_parquet(path, dtype_backend="numpy_nullable")
    yield list(map(str, table.columns))
    for line in table.itertuples(index=False):
        yield [_as_text(value) for value in line]


def _as_text(value: object) -> str:
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
