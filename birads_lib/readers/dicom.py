"""A folder of DICOM files whose headers say whose they are; labels from a table or from folders."""

import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator, Field

from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import did_you_mean
from birads_lib.images.dicom_header import Header
from birads_lib.readers import Reader, columns, headers, meanings, published, spreadsheet
from birads_lib.readers.class_folders import category_folders
from birads_lib.readers.image_files import (
    FileOptions,
    Inspected,
    Notes,
    Problems,
    existing,
    images_below,
    is_litter,
    survey,
)
from birads_lib.readers.table import as_texts, opened
from birads_lib.task import BIRADS, Task

READER = Reader(
    "dicom",
    words={
        "labels_are": "The category is a column of the owner's table, or the folder that an image "
        "lies in; 4a to 4c count as 4, and 6 as 5.",
    },
)
KEYS = ("image", "exam", "patient")  # what a row may name; the first that a table has is looked up
PLACE = {"laterality": meanings.laterality, "view": meanings.view}  # of an image: how it's read
HOLD = (*KEYS, "laterality", "view", "density", "label", "split")


def _columns(given: dict) -> dict:
    """Raise ValueError for a mapping that isn't one of what is held to the name of a column."""
    for what, name in given.items():
        if what not in HOLD:
            raise ValueError(f"has the unknown {what!r}; {did_you_mean(what, HOLD)}")
        if not isinstance(name, str):
            raise ValueError(f"has {name!r} for {what!r}, expected the name of a column")
    return given


class Options(FileOptions):
    """Options for the labels of DICOM files: a table, its columns, or category folders."""

    table: str = ""  # with labels, from the folder; empty: the only one there, or category folders
    sheet: str = ""  # of an Excel file; empty: the first
    columns: Annotated[dict, AfterValidator(_columns)] = Field({})
    labels: Annotated[dict, AfterValidator(as_texts)] = Field({})  # of the table: in the task
    leave_out: Annotated[list, AfterValidator(as_texts)] = Field([])


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read every file below the folder; patient, side, view, machine, spacing are in its header.

    A row of the table is of the images that it names by SOPInstanceUID, path or file name; of an
    exam, by AccessionNumber or StudyInstanceUID; or of a patient, by PatientID; of one breast or
    view where it says so. Without a table, folders of the task's labels hold the images.
    """
    chosen, root = Options.of(options), existing(folder)
    problems, notes = Problems(root), Notes(root)
    tables = [p for p in root.iterdir() if p.suffix.lower() in spreadsheet.SUFFIXES]
    has_table = bool(chosen.table) or any(not is_litter(path.name) for path in tables)
    if has_table:
        sheet = opened(root, chosen.table, chosen.sheet)
        lookup = _Lookup(sheet, chosen, task, problems, notes)
        used = (root / (chosen.table or sheet.name),)
        below = images_below(root, problems, notes, used)
        files = [path for path in below if path.name != "DICOMDIR"]
    else:
        used = ()
        by_folder = category_folders(problems, notes, task)
        files = list(by_folder)
    good = survey(files, problems, notes, chosen, pixels=pixels)
    rows = []
    for path, facts in good.items():
        if facts.header == Header():
            problems.add(path, "is no DICOM file; take the reader 'table' or 'class_folders'")
            continue
        label_facts = lookup.labels(path, facts.header) if has_table else by_folder[path]
        if label_facts is not None:
            rows.append(_case(path, facts, label_facts, problems, notes))
    if not rows and not problems.lines:
        problems.lines.append("there are no images with a label; expected *.dcm and a table")
    if has_table:
        lookup.tell()
    problems.raise_any()
    return Dataset(root, pd.DataFrame(rows), no_findings(), notes=notes.all(), annotations=used)


def _case(
    path: Path, facts: Inspected, known: dict[str, object], problems: Problems, notes: Notes
) -> dict[str, object]:
    if not facts.header.patient_id:
        problems.add(path, "has no PatientID; whose it is has to be known: fill the header in")
    row = {"image_id": path.relative_to(problems.root).as_posix()}
    row |= published.file_facts(path, problems.root, facts) | known
    return headers.completed(row, facts.header, path, notes, "the table")


class _Lookup:
    """The rows of a table, by what they name."""

    def __init__(self, sheet, chosen: Options, task: Task, problems: Problems, notes: Notes):
        self.sheet, self.chosen, self.task = sheet, chosen, task
        self.problems, self.notes = problems, notes
        given = dict(chosen.columns)
        if "label" in given:
            given[task.name] = given.pop("label")
        roles = dict.fromkeys([*KEYS, "laterality", "view", "density", task.name])
        self.columns = columns.Columns(sheet, given, roles)
        if task.name not in self.columns.specs:
            self.columns.guess("label", as_what=task.name)
        problems.lines += self.columns.problems
        self.key, *other_keys = [key for key in KEYS if key in self.columns] or [None]
        self.unused = [self.columns.specs.pop(key) for key in other_keys]
        for key in other_keys:
            self.columns.guessed.pop(key, None)
        if not self.columns.problems:
            if self.key is None:
                problems.lines.append(self.columns.missing("image"))
            if task.name not in self.columns:
                problems.lines.append(self.columns.missing(task.name))
        self.rows = defaultdict(list)  # what is named -> numbers of rows
        for number, cells in sheet.rows.items():
            self.rows[self.columns.cell(self.key or "", cells)].append(number)
        self.used: set[int] = set()

    def labels(self, path: Path, header: Header) -> dict[str, object] | None:
        """Return the columns of cases that the table has of an image; None where it's left out."""
        below = path.relative_to(self.problems.root).as_posix()
        names = {
            "image": (header.image, below, path.name, path.stem), "exam": header.exams,
            "patient": (header.patient_id,),
        }.get(self.key, ())  # fmt: skip
        names = dict.fromkeys(unicodedata.normalize("NFC", name) for name in names)
        numbers = [n for name in names if name for n in self.rows.get(name, ())]
        numbers = [number for number in numbers if self._fits(number, header)]
        self.used |= set(numbers)
        if not numbers:
            self.notes.add("images that no row of the table is of are left out", path)
            return None
        texts = sorted({self._cell(self.task.name, number) for number in numbers})
        where = f"{self.sheet.at(numbers)} are all of {self.problems.name(path)}"
        if len(texts) > 1:
            self.problems.lines.append(f"{where}, with the labels {', '.join(texts)}")
            return None
        if texts[0].casefold() in self.chosen.leave_out:
            what = f"images with the {self.task.name} {texts[0]!r} are left out, as is said"
            self.notes.add(what)
            return None
        facts: dict[str, object] = {}
        for name, value in (fact for number in numbers for fact in self._facts(number).items()):
            if facts.setdefault(name, value) == value:
                continue
            if name in self.columns.guessed:  # nobody has said that the column holds it
                self.notes.add(f"rows of one image differ in {name}: the first counts", path)
            else:
                self.problems.lines.append(f"{where}, and differ in {name}; correct them")
        from_header = [
            what for what in PLACE if what in self.columns.guessed and getattr(header, what)
        ]
        return {name: value for name, value in facts.items() if name not in from_header}

    def _cell(self, what: str, number: int) -> str:
        return self.columns.cell(what, self.sheet.rows[number])

    def _facts(self, number: int) -> dict[str, object]:
        """Return the columns of cases that a row has; without those that are empty or wrong."""
        text, density, split = (self._cell(n, number) for n in (self.task.name, "density", "split"))
        facts = {}
        try:
            facts = meanings.columns(self.chosen.labels.get(text.casefold(), text), self.task)
            if density and "density" not in facts:
                facts["density"] = meanings.density(density)
            if split:
                facts["split"] = meanings.part(split)
        except ValueError as error:
            self._wrong(number, f"{error}; say what it means in 'labels'")
        facts |= {what: self._place(number, what) for what in PLACE}
        facts |= {"birads_original": text} if self.task == BIRADS else {}
        return {name: value for name, value in facts.items() if value is not None}

    def _fits(self, number: int, header: Header) -> bool:
        """Return whether a row is of an image's side and view, as far as it says."""
        says = {what: self._place(number, what) for what in PLACE}
        is_named = (
            self.key == "image"
        )  # which its side and view belong to, whatever the header says
        return is_named or all(value in (None, getattr(header, n)) for n, value in says.items())

    def _place(self, number: int, what: str) -> str | None:
        """Return the side or view that a row says; None without, or where it is wrong."""
        text = self._cell(what, number)
        try:
            return PLACE[what](text) if text else None
        except ValueError as error:
            if what not in self.columns.guessed:  # else it holds something else
                self._wrong(number, str(error))
            return None

    def _wrong(self, number: int, what: str) -> None:
        """Note once what is wrong with a row, which may be of several images."""
        line = f"{self.sheet.at([number])}: {what}"
        if line not in self.problems.lines:
            self.problems.lines.append(line)

    def tell(self) -> None:
        """Note rows that no image is of."""
        if unused := len(self.sheet.rows.keys() - self.used):
            self.notes.add(f"{unused} rows of {self.sheet.name} are of no image here")
        if self.unused:
            what = f"{self.sheet.name} is looked up by the {self.key}, so these columns have no use"
            self.notes.add(f"{what}: {', '.join(self.unused)}")
        if self.columns.guessed:
            texts = [f"{what} is {name!r}" for what, name in self.columns.guessed.items()]
            self.notes.add(f"columns of {self.sheet.name} taken by their names: {', '.join(texts)}")
