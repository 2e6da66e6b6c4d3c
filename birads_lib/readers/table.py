"""A table with a row per image, or per breast or exam: CSV, TSV, Excel or Parquet.

Five lines of a study say where it is; columns with usual names are guessed, and what was guessed is
noted. The paths in it count from the folder.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator, Field

from birads_lib.cases import Dataset
from birads_lib.errors import DatasetError, did_you_mean
from birads_lib.readers import Reader, boxes, columns, headers, meanings, spreadsheet
from birads_lib.readers.image_files import (
    FileOptions,
    Inspected,
    Notes,
    Problems,
    existing,
    inside,
    is_litter,
    survey,
)
from birads_lib.readers.meanings import plain, whole
from birads_lib.readers.named_files import NamedFiles
from birads_lib.readers.spreadsheet import Sheet
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY, OWN, Task

READER = Reader(
    "table",
    words={
        "labels_are": "The category is a column of the owner's table; 4a to 4c count as 4, and 6 "
        "as 5.",
        "findings_are": "Findings have boxes where the owner gave a table of them.",
    },
)
HOLD = (
    "path", "patient", "laterality", "view", "birads", "density", "malignancy", "machine", "split",
)  # fmt: skip
BESIDE = (BIRADS, DENSITY, MALIGNANCY)  # whose columns a table may have beside the task's
MOST = 10  # missing files that are named one by one
MEANT = "; say what it means in 'labels', or leave it out by 'leave_out'"
EMPTY = "; correct or empty the cell"


def _columns(given: dict) -> dict:
    """Raise ValueError for a mapping that isn't one of what is held to columns."""
    roles = (*HOLD, "label")
    for what, spec in given.items():
        if what not in roles:
            raise ValueError(f"has the unknown {what!r}; {did_you_mean(what, roles)}")
        texts = [spec] if isinstance(spec, str) else spec
        texts = list(texts.values()) if isinstance(texts, dict) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            raise ValueError(f"has {spec!r} for {what!r}, expected the name of a column")
        if isinstance(spec, list) and what != "path":
            raise ValueError(f"has several columns for {what!r}; only 'path' may have several")
    return given


def as_texts(values: list | dict) -> list | dict:
    """Return values that YAML may have taken for numbers as the texts that cells are."""
    if isinstance(values, dict):
        return {whole(key).casefold(): whole(value) for key, value in values.items()}
    return [whole(value).casefold() for value in values]


class Options(FileOptions):
    """Options for the table: its place, and the meaning of its columns."""

    table: str = ""  # its file, from the folder; empty: the only one there
    sheet: str = ""  # of an Excel file; empty: the first
    columns: Annotated[dict, AfterValidator(_columns)] = Field({})
    labels: Annotated[dict, AfterValidator(as_texts)] = Field({})  # of the table: in the task
    leave_out: Annotated[list, AfterValidator(as_texts)] = Field([])  # rows with these
    findings: str = ""  # the file of a second table, of boxes; empty: none


@dataclass(frozen=True)
class _Row:
    """An image that the table names."""

    number: int  # of its row
    path: Path
    facts: dict[str, object]  # columns of cases


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read the images that a table names, with their labels of the task.

    A file is found by its path from the folder, or by its bare name, with or without its suffix,
    where only one below the folder has it. ``image_id`` is the path. Side, view, machine and
    spacing that the table lacks come from DICOM headers; so do patients, if it has none at all.
    """
    chosen, root = Options.of(options), existing(folder)
    problems, notes = Problems(root), Notes(root)
    sheet = opened(root, chosen.table, chosen.sheet)
    table_columns = _known_columns(sheet, chosen, task, problems)
    rows = (
        list(_Rows(sheet, table_columns, chosen, task, problems, notes))
        if "path" in table_columns
        else []
    )
    good = survey([row.path for row in rows], problems, notes, chosen, pixels=pixels)
    rows = [row for row in rows if row.path in good]
    cases = [_case(row, good[row.path], root, notes) for row in rows]
    headers.contradictory_patients(cases, [good[row.path].header for row in rows], problems)
    images = {row.path.relative_to(root).as_posix(): good[row.path] for row in rows}
    findings = boxes.read(root, chosen.findings, images, problems, notes)
    if not rows and not problems.lines:
        problems.lines.append(f"no row of {sheet.name} is left")
    problems.raise_any()
    if table_columns.guessed:
        guessed = ", ".join(f"{what} is {name!r}" for what, name in table_columns.guessed.items())
        notes.add(f"columns of {sheet.name} taken by their names: {guessed}")
    used = tuple(root / name for name in (chosen.table or sheet.name, chosen.findings) if name)
    return Dataset(root, pd.DataFrame(cases), findings, notes=notes.all(), annotations=used)


def opened(root: Path, name: str, sheet: str = "") -> Sheet:
    """Return a table below ``root``, or the only one there; DatasetError without."""
    paths = [root / name] if name else sorted(
        path for path in root.iterdir()
        if path.suffix.lower() in spreadsheet.SUFFIXES and not is_litter(path.name)
    )  # fmt: skip
    if len(paths) != 1:
        table_names = ", ".join(path.name for path in paths) or "none"
        raise DatasetError(
            f"the option 'table' has to name the table of the images; there: {table_names} "
            f"(of {', '.join(spreadsheet.SUFFIXES)})",
            f"The data set {str(root)!r}",
        )
    try:
        return spreadsheet.read(inside(root, name) if name else paths[0], sheet)
    except ValueError as error:
        raise DatasetError(str(error), f"The data set {str(root)!r}") from None


def _known_columns(
    sheet: Sheet, chosen: Options, task: Task, problems: Problems
) -> columns.Columns:
    """Return the columns by their meaning; ``label`` is the column of the task's labels."""
    given = dict(chosen.columns)
    if task.name in given and "label" in given and task.name != OWN:
        problems.lines.append(f"'columns' has '{task.name}' and 'label', which are one; remove one")
    if "label" in given:
        given[task.name] = given.pop("label")
    roles = dict.fromkeys([*HOLD[:4], task.name, "density", "machine"])
    table_columns = columns.Columns(sheet, given, roles)
    if task.name not in table_columns.specs:
        table_columns.guess("label", as_what=task.name)
    problems.lines += table_columns.problems
    for what in ("path", task.name):
        if what not in table_columns.specs and not table_columns.problems:
            problems.lines.append(table_columns.missing(what))
    return table_columns


class _Rows:
    """The images that a table names, and all that is wrong with its rows."""

    def __init__(
        self, sheet: Sheet, known: columns.Columns, chosen: Options, task: Task,
        problems: Problems, notes: Notes,
    ) -> None:  # fmt: skip
        self.sheet, self.columns, self.chosen, self.task = sheet, known, chosen, task
        self.problems, self.notes = problems, notes
        self.files = NamedFiles(problems.root)
        self.wrong: dict[str, list[int]] = defaultdict(list)  # problem -> rows

    def __iter__(self) -> Iterator[_Row]:
        """Yield each image once, and note at the end what is wrong with rows."""
        first: dict[Path, _Row] = {}
        missing: dict[int, str] = {}
        left_out: dict[str, set[int]] = defaultdict(set)
        for number, cells in self.sheet.rows.items():
            image_cells = [(text, place) for text, place in self.columns.paths(cells) if text]
            if not image_cells:
                self.wrong["no image; fill in its path, or remove the row"].append(number)
            for text, place in image_cells:
                label = self.columns.cell(self.task.name, cells, place)
                if label.casefold() in self.chosen.leave_out:
                    left_out[label].add(number)
                    continue
                path = self.files.find(text)
                if not isinstance(path, Path):
                    missing[number] = f"{text!r}{path}"
                    continue
                row = _Row(number, path, self._facts(number, cells, place))
                if self._is_new(row, first):
                    yield row
        self._tell(missing, left_out, list(first.values()))

    def _facts(self, number: int, cells: dict[str, str], place: frozenset[str]) -> dict:
        """Return the columns of cases that a row has for one of its images."""
        label = self.columns.cell(self.task.name, cells, place)
        label_text = self.chosen.labels.get(label.casefold(), label)
        labelled = None
        if self.task.name in self.columns:
            labelled = self._parsed(number, self._labels, label_text, MEANT)
        facts = {"patient_id": self.columns.cell("patient", cells, place) or None}
        facts |= labelled or {}
        if "birads_original" in facts:
            facts["birads_original"] = label
        for name, parse in (("laterality", meanings.laterality), ("view", meanings.view)):
            text = self.columns.cell(name, cells, place)
            facts[name] = (self._parsed(number, parse, text) if text else None) or None
        sides, views = place & {"L", "R"}, place - {"L", "R"}
        facts["laterality"] = facts["laterality"] or next(iter(sides), None)
        facts["view"] = facts["view"] or next(iter(views), None)
        facts["machine"] = self.columns.cell("machine", cells, place) or None
        split = self.columns.cell("split", cells, place)
        facts["split"] = self._parsed(number, meanings.part, split) if split else None
        return facts | self._beside(number, cells, place)

    def _labels(self, text: str) -> dict[str, object]:
        """Return the columns of cases with the label of the study's task."""
        if not text:
            raise ValueError(f"there is no {self.task.name}")
        return meanings.columns(text, self.task)

    def _beside(self, number: int, cells: dict[str, str], place: frozenset[str]) -> dict:
        """Return a row's labels of other tasks than the study's."""
        facts = {}
        for task in (task for task in BESIDE if task != self.task):
            text = self.columns.cell(task.name, cells, place)
            if task == BIRADS and plain(text).removeprefix("birads") == "0":
                self.notes.add("images assessed 0, incomplete, have no BI-RADS category")
            elif text:
                parsed = self._parsed(number, partial(meanings.columns, task=task), text, EMPTY)
                facts |= parsed or {}
        return facts

    def _parsed(self, number: int, parse: Callable, text: str, hint: str = "") -> object:
        """Return the meaning of a cell; or None, with its problem noted, and ``hint``."""
        try:
            return parse(text)
        except ValueError as error:
            self.wrong[f"{error}{hint}"].append(number)
            return None

    def _is_new(self, row: _Row, first: dict[Path, _Row]) -> bool:
        """Return whether no earlier row is of the same file; note it where one is."""
        earlier = first.setdefault(row.path, row)
        if earlier is row:
            return True
        differing = [name for name in row.facts if row.facts[name] != earlier.facts.get(name)]
        difference = f", and differ in {', '.join(differing)}" if differing else ""
        self.problems.lines.append(
            f"{self.sheet.at([earlier.number, row.number])} are both of "
            f"{self.problems.name(row.path)}{difference}; keep one (findings have a table of "
            "their own)"
        )
        return False

    def _tell(self, missing: dict[int, str], left_out: dict[str, set], rows: list[_Row]) -> None:
        """Note problems of rows, each once with all its rows, and the rows that are left out."""
        for what, numbers in self.wrong.items():
            self.problems.lines.append(f"{self.sheet.at(numbers)}: {what}")
        for number in list(missing)[:MOST]:
            self.problems.lines.append(f"{self.sheet.at([number])}: no file {missing[number]}")
        if further := list(missing)[MOST:]:
            self.problems.lines.append(f"{self.sheet.at(further)}: no file, either")
        for label, numbers in left_out.items():
            what = f"rows of {self.sheet.name} are left out, as the study says: {self.task.name}"
            self.notes.add(f"{len(numbers)} {what} {label!r}")
        without_patient = [row.number for row in rows if not row.facts["patient_id"]]
        if without_patient and len(without_patient) < len(rows):
            self.problems.lines.append(
                f"{self.sheet.at(without_patient)}: no patient, where others have one"
            )
        _note_spellings({str(row.facts["patient_id"]) for row in rows}, self.notes)
        self.files.tell(self.notes)


def _note_spellings(patients: set[str], notes: Notes) -> None:
    """Note patients whose names differ in case, blanks and signs alone."""
    by_spelling = defaultdict(list)
    for name in sorted(patients):
        by_spelling[plain(name)].append(name)
    several = [group for group in by_spelling.values() if len(group) > 1]
    if several:
        notes.add(f"{len(several)} times patients that differ in spelling alone count as different")


def _case(row: _Row, inspected: Inspected, root: Path, notes: Notes) -> dict[str, object]:
    below = row.path.relative_to(root).as_posix()
    facts = headers.completed(row.facts, inspected.header, row.path, notes, "the table")
    return {
        "image_id": below, **facts, "path": below, **inspected.of_file,
    }  # fmt: skip
