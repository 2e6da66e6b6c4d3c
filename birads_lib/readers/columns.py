"""The meaning of a table's columns: named by a study, or guessed from a usual name."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from birads_lib.readers.meanings import laterality, plain
from birads_lib.readers.spreadsheet import Sheet
from birads_lib.texts import listing

Spec = str | list[str] | dict[str, str]  # a column, several, or one for each side or view
USUAL = {  # what a column holds -> names that are usual for it, as ``plain`` writes them
    "path": "path file filename filepath fname image imagepath imagefile imagefilename imagename "
    "imagefilepath imageid img imgpath dicompath anondicompath",
    "image": "image imageid imageuid sopinstanceuid file filename path filepath",
    "exam": "exam examid study studyid studyinstanceuid accession accessionnumber accanon",
    "patient": "patient patientid pid subject subjectid participantid empianon",
    "laterality": "laterality side breast leftorrightbreast imagelaterality lat",
    "view": "view viewposition imageview projection",
    "birads": "birads biradscategory biradsassessment biradsscore biradsgrade breastbirads "
    "assessment asses",
    "density": "density breastdensity acrdensity tissueden acr",
    "malignancy": "malignancy malignant pathology histology cancer",
    "label": "label class target grade",
    "machine": "machine manufacturer vendor",
    "kind": "kind finding findingtype abnormalitytype category lesion lesiontype",
    "x0": "x0 xmin left", "y0": "y0 ymin top", "x1": "x1 xmax right", "y1": "y1 ymax bottom",
}  # fmt: skip
_FIELD = re.compile(r"{([^{}]+)}")  # a column in the pattern of a path: "{patient}/{image}.png"


class Columns:
    """The columns of a sheet that hold what a reader asks for.

    Args:
        sheet: the table.
        given: what a study says: by what it holds, the name of a column; several for ``path``; or
            {side or view: column} in a table with a row per breast or exam. ``path`` may be a
            pattern with columns in braces.
        wanted: what may be guessed.

    Attributes:
        specs: what holds what, given or guessed.
        guessed: what was guessed.
        problems: columns that don't exist, or that may hold one and the same.
    """

    def __init__(self, sheet: Sheet, given: Mapping[str, Spec], wanted: Iterable[str]) -> None:
        self.sheet, self.specs = sheet, dict(given)
        self.guessed: dict[str, str] = {}
        self.problems: list[str] = []
        for what, spec in given.items():
            self.problems += [self._missing(what, n) for n in names(spec) if n not in sheet.columns]
        for what in wanted:
            if what not in given:
                self.guess(what)

    def __contains__(self, what: str) -> bool:
        present = self.sheet.columns
        return what in self.specs and all(name in present for name in names(self.specs[what]))

    def missing(self, what: str) -> str:
        """Return that nothing holds what is needed, with the columns that there are."""
        column_names = ", ".join(map(repr, self.sheet.columns))
        return f"no column of {self.sheet.name} is known to hold the {what}; name it under " + (
            f"'columns', such as {what}: {self.sheet.columns[0]!r}. There is {column_names}"
        )

    def cell(self, what: str, row: Mapping[str, str], place: frozenset[str] = frozenset()) -> str:
        """Return a row's cell, for the side and view of ``place`` if these have columns; or ""."""
        spec = self.specs.get(what, "")
        if isinstance(spec, dict):
            spec = next((name for key, name in spec.items() if place_of(key) <= place), "")
        return row.get(spec, "")

    def paths(self, row: Mapping[str, str]) -> list[tuple[str, frozenset[str]]]:
        """Return each image that a row names, with the side and view that its column stands for."""
        spec = self.specs["path"]
        if isinstance(spec, dict):
            return [(_filled(name, row), place_of(key)) for key, name in spec.items()]
        patterns = spec if isinstance(spec, list) else [spec]
        return [(_filled(name, row), frozenset()) for name in patterns]

    def guess(self, what: str, as_what: str = "") -> None:
        """Take the column with a usual name for what is asked, if there is one alone."""
        taken = {name for spec in self.specs.values() for name in names(spec)}
        usual_names = USUAL[what].split()
        likely = [
            name for name in self.sheet.columns if plain(name) in usual_names and name not in taken
        ]
        if len(likely) > 1:
            candidates = listing(map(repr, likely))
            self.problems.append(
                f"{candidates} may each hold the {what}; say which under 'columns'"
            )
        elif likely:
            self.specs[as_what or what] = self.guessed[as_what or what] = likely[0]

    def _missing(self, what: str, name: str) -> str:
        matches = get_close_matches(name.lower(), map(str.lower, self.sheet.columns), 1, 0.5)
        suggestion = next((c for c in self.sheet.columns if [c.lower()] == matches), "")
        hint = (
            f"did you mean {suggestion!r}?"
            if suggestion
            else f"there is {listing(self.sheet.columns)}"
        )
        return f"{self.sheet.name} has no column {name!r} for the {what}; {hint}"


def names(spec: Spec) -> list[str]:
    """Return the names of columns in what a study says of one."""
    if isinstance(spec, str):
        return _FIELD.findall(spec) or [spec]
    several = spec.values() if isinstance(spec, dict) else spec
    return [name for text in several for name in names(text)]


def place_of(text: str) -> frozenset[str]:
    """Return the side and view that a key names: "L CC", "right_MLO", "CC"."""
    words = re.findall(r"[A-Za-z]+", text)
    return frozenset(_side(word) or word.upper() for word in words)


def _side(word: str) -> str:
    try:
        return laterality(word)
    except ValueError:
        return ""


def _filled(pattern: str, row: Mapping[str, str]) -> str:
    """Return the path that a column has, or a pattern filled with columns; "" without any."""
    fields = _FIELD.findall(pattern)
    if not fields:
        return row.get(pattern, "")
    if not all(row.get(name) for name in fields):
        return ""
    return _FIELD.sub(lambda field: row[field[1]], pattern)
