"""The meaning of words for labels, sides, views and parts in tables, folder names and headers.

Each function returns the project's own word, or raises ValueError that says which would do.
"""

import re
import unicodedata

from birads_lib.cases import parse_birads
from birads_lib.errors import UserError
from birads_lib.protocol import PARTS
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY, Task

_SIDES = {"l": "L", "left": "L", "r": "R", "right": "R"}
_VIEWS = {"craniocaudal": "CC", "mediolateraloblique": "MLO", "mediolateral": "ML"}
_MALIGNANCIES = {
    "0": "benign", "b": "benign", "benign": "benign", "benignwithoutcallback": "benign",
    "negative": "benign", "no": "benign", "false": "benign", "1": "malignant", "m": "malignant",
    "malignant": "malignant", "cancer": "malignant", "positive": "malignant", "yes": "malignant",
    "true": "malignant",
}  # fmt: skip
_PARTS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "test": "test", "testing": "test",
}  # fmt: skip
_DENSITY = re.compile(r"(?:acr|bi-?rads|breast|density|category|type)*([1-4a-d])")
# The minus of a number below 0 and the point of a fraction, which count; then all other signs. Else
# -1, a usual code for a missing value, would be a 1.
_SIGNS = re.compile(
    r"((?:^-\s*|(?<![^\W_])-)(?=[.,]?\d)|(?<![^\W_])[.,](?=\d)|(?<=\d)[.,](?=\d))"
    r"|[\s_\-.:()/,]"
)


def plain(text: object) -> str:
    """Return a text as it is compared: NFKC, lower case, without blanks and signs but a number's.

    "BI-RADS 4" and "bi-rads-4.0" are "birads4", but "-4" is "-4" and "0.4" is "0.4".
    """
    text = unicodedata.normalize("NFKC", str(text)).strip().lower()
    return _SIGNS.sub(r"\1", re.sub(r"(?<=\d)\.0+$", "", text))


def whole(text: object) -> str:
    """Return a cell as a text without the decimals that spreadsheets give whole numbers."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", unicodedata.normalize("NFC", str(text)).strip())


def laterality(text: str) -> str:
    """Return L or R."""
    return _one_of(text, _SIDES, "the side", "L or R")


def view(text: str) -> str:
    """Return a view as DICOM abbreviates it: CC, MLO, ... ; one that isn't known, in capitals."""
    return _VIEWS.get(plain(text), text.strip().upper())


def part(text: str) -> str:
    """Return train, validation or test."""
    return _one_of(text, _PARTS, "the part", ", ".join(PARTS))


def birads(text: str) -> tuple[int, str]:
    """Return grade and category as ``cases.parse_birads`` does, of no negative number or fraction.

    "BI-RADS-4" is a 4, as "-" stands between a name and a number there.
    """
    if re.search(r"[-.,]", plain(text)):
        raise ValueError(
            f"the BI-RADS category {text!r} is a negative number or a fraction; use 1, 2, 3, 4, "
            "4a, 4b, 4c, 5 or 6"
        )
    return parse_birads(text)


def density(text: str) -> str:
    """Return A, B, C or D, of ACR density 1 to 4 as well."""
    match = _DENSITY.fullmatch(plain(text))
    if not match:
        raise ValueError(f"the density {text!r} is unknown; use A to D, or 1 to 4")
    return DENSITY.labels["1234".find(match[1]) if match[1] in "1234" else "abcd".find(match[1])]


def malignancy(text: str) -> str:
    """Return benign or malignant."""
    return _one_of(text, _MALIGNANCIES, "the histology", "benign or malignant")


def label(text: str, task: Task) -> str:
    """Return one of the labels of a task; BI-RADS 4a, 4b and 4c are 4, and 6 is 5.

    Of a study's own labels the same text goes before another spelling; UserError where a text is a
    spelling of several.
    """
    if task.name == BIRADS.name:
        return str(birads(text)[0])
    if task.name in _PARSERS:
        return _PARSERS[task.name](text)
    exact = [name for name in task.labels if whole(name) == whole(text)]
    matches = exact or [name for name in task.labels if plain(name) == plain(text)]
    if len(matches) > 1:
        raise UserError(
            f"the label {text!r} may be each of the classes {', '.join(map(repr, matches))}, which "
            "differ in capitals, blanks, signs or decimals alone; rename these classes"
        )
    return _one_of(
        text, {plain(text): name for name in matches}, task.title, ", ".join(task.labels)
    )


def columns(text: str, task: Task) -> dict[str, object]:
    """Return the columns of a table of images that hold a label of a task; ValueError as above."""
    if task.name == BIRADS.name:
        grade, category = birads(text)
        return {"birads": grade, "birads_original": category}
    return {task.name: label(text, task)}


_PARSERS = {DENSITY.name: density, MALIGNANCY.name: malignancy}


def _one_of(text: str, known: dict[str, str], what: str, expected: str) -> str:
    if plain(text) not in known:
        raise ValueError(f"{what} {text!r} is unknown; use {expected}")
    return known[plain(text)]
