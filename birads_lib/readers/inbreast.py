"""INbreast: the official folder, or its images as PNG or JPEG under the official names.

Moreira et al. 2012, INbreast: toward a full-field digital mammographic database,
doi 10.1016/j.acra.2011.09.014.
"""

import plistlib
import re
from pathlib import Path
from typing import Annotated
from xml.parsers.expat import ExpatError

import numpy as np
import pandas as pd
from pydantic import AfterValidator

from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import DatasetError, did_you_mean
from birads_lib.readers import Reader, boxes, meanings, published
from birads_lib.readers.image_files import (
    IMAGE_SUFFIXES,
    FileOptions,
    Inspected,
    Notes,
    Problems,
    existing,
    files_below,
    images_below,
    is_litter,
    survey,
)
from birads_lib.readers.meanings import whole
from birads_lib.readers.spreadsheet import csv_cells
from birads_lib.task import BIRADS, Task

READER = Reader(
    "inbreast",
    collection="INbreast",
    tables=("INbreast.csv", "INbreast_sheet1.csv"),  # the latter: first sheet of INbreast.xls
    may_show_pixels=False,
    words={
        "short": "INbreast",
        "images_are": "mammograms of INbreast {cite:p}`moreira2012`",
        "sources": "one hospital and one type of machine",
    },
)
COLUMNS = ("File Name", "Laterality", "View", "ACR", "Bi-Rads")
MARKS = ("Mass", "Micros", "Distortion", "Asymmetry")  # columns of the sheet
NAME = re.compile(
    r"(?P<number>\d+)_(?P<patient>[0-9a-f]{16})_MG_(?P<laterality>[RL])_(?P<view>CC|MLO?|FB)_ANON",
    re.IGNORECASE,
)
ORIGINAL_SIZES = ((2560, 3328), (3328, 4084))  # columns, rows: the two formats of the detector
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D", "A": "A", "B": "B", "C": "C", "D": "D"}
KINDS = {  # names in the lesion files and the sheet, misspelt ones too
    "calcification": "calcification",
    "calcifications": "calcification",
    "cluster": "calcification",
    "micros": "calcification",
    "mass": "mass",
    "distortion": "architectural_distortion",
    "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
    "espiculated region": "spiculated_region",
}
Rows = dict[str, dict[str, str]]  # cells by column, by the image's number


def _below(name: str) -> str:
    """Raise ValueError for a path that leads out of the folder, whose changes nobody would see."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"is {name!r}, expected a file in the folder: all that is read lies there")
    return name


class Options(FileOptions):
    """Options of INbreast: the places of its images and its table."""

    images: str = ""  # folder of images; empty: AllDICOMs, images or the folder itself
    # The table's file; empty: ``READER.tables``, whichever are there.
    table: Annotated[str, AfterValidator(_below)] = ""


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read INbreast: images, the table, and the lesion contours of ``AllXML/`` where present.

    4a, 4b and 4c merge into 4, and 6 becomes 5; ``birads_original`` keeps what was given. The
    patient is the 16 hexadecimal digits of the file name; ACR density 1..4 becomes A..D.
    Images without a label of the task are left out, with a note.
    A finding that only the sheet marks has a kind and no place; ``mass_boxes.csv`` places masses
    where none is outlined. Contours are in pixels of the original, of the size nearest in shape.
    """
    chosen = Options.of(options)
    root = existing(folder)
    problems, notes = Problems(root), Notes(root)
    files = _by_number(_image_files(root, chosen.images, problems, notes), problems)
    rows = _table_rows(root, chosen.table, problems)
    good = survey(list(files.values()), problems, notes, chosen, pixels=pixels)
    _compare(files, rows, problems)
    cases = [
        _case(path, rows[number], good[path], problems)
        for number, path in files.items()
        if path in good and number in rows
    ]
    outlines = _lesion_files(problems, notes)
    lesions = _lesions(outlines, files, good, problems, notes)
    lesions += boxes.of_masses(root, files, good, lesions, problems, notes)
    problems.raise_any()
    cases = pd.DataFrame(published.labelled(cases, task, notes))
    findings = pd.DataFrame(lesions + _marks(rows, lesions), columns=list(no_findings()))
    findings = findings[findings["image_id"].isin(cases["image_id"])]
    tables = (*_tables(root, chosen.table), *boxes.files(root))
    return Dataset(root, cases, findings, notes.all(), (*tables, *outlines))


def _image_files(root: Path, images: str, problems: Problems, notes: Notes) -> list[Path]:
    """Return the files in the folder of images: the option's, else the one that has any."""
    if Path(images).is_absolute() or ".." in Path(images).parts:
        raise DatasetError(f"the option images={images!r} must name a folder in {str(root)!r}")
    usual_homes = (root / name for name in ("AllDICOMs", "images"))
    homes = [existing(root / images)] if images else [home for home in usual_homes if home.is_dir()]
    by_home = {home: images_below(home, problems, notes) for home in homes}
    if not images:
        loose = (p for p in root.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        by_home[root] = [path for path in loose if not is_litter(path.name)]
    by_home = {home: paths for home, paths in by_home.items() if paths}
    if len(by_home) > 1:
        names = " and ".join(map(problems.name, by_home))
        problems.lines.append(f"{names} both hold images; choose one by the option 'images'")
    if not by_home and not problems.lines:
        problems.lines.append(
            f"there are no images; expected {images or 'AllDICOMs'}/*.dcm or "
            f"{images or 'images'}/*.png, or the name of their folder in the option 'images'"
        )
    return next(iter(by_home.values()), [])


def _by_number(paths: list[Path], problems: Problems) -> dict[str, Path]:
    """Return the files by image number, in its order."""
    files: dict[str, Path] = {}
    for path in paths:
        match = NAME.fullmatch(path.stem)
        if not match:
            problems.add(
                path,
                "has no official name, <number>_<16 hexadecimal digits>_MG_<R|L>_<CC|ML|FB>_ANON; "
                "rename or remove it",
            )
        elif (earlier := files.setdefault(match["number"], path)) != path:
            pair = f"{problems.name(earlier)} and {problems.name(path)}"
            problems.lines.append(f"{pair} have the same number; keep one of them")
    return dict(sorted(files.items(), key=lambda item: int(item[0])))


def _tables(root: Path, table: str) -> list[Path]:
    """Return the files of tables: the option's, else all of ``READER.tables`` that are there."""
    return [
        root / name for name in ([table] if table else READER.tables) if (root / name).is_file()
    ]


def _lesion_files(problems: Problems, notes: Notes) -> list[Path]:
    """Return the files ``<number>.xml`` in ``AllXML/``, whatever the case of these names."""
    folders = [path for path in sorted(problems.root.iterdir()) if path.name.lower() == "allxml"]
    files: dict[str, Path] = {}
    for path in (path for folder in folders for path in files_below(folder, problems)):
        if path.suffix.lower() != ".xml" or not path.stem.isdecimal():
            notes.add("left out, as their names are not <number>.xml", path)
        elif (earlier := files.setdefault(path.stem, path)) != path:
            pair = f"{problems.name(earlier)} and {problems.name(path)}"
            problems.lines.append(f"{pair} are of one image; keep one of them")
    return list(files.values())


def _table_rows(root: Path, table: str, problems: Problems) -> Rows:
    """Return the rows by image number; where two tables are there, the first one's cells win."""
    paths = _tables(root, table)
    if not paths:
        names = [table] if table else READER.tables
        hint = "; save the first sheet of INbreast.xls as INbreast_sheet1.csv"
        hint = hint if (root / "INbreast.xls").is_file() else ""
        problems.lines.append(f"there is no table {' or '.join(names)}{hint}")
    rows: Rows = {}
    for path in paths:
        for number, row in _read_table(path, problems).items():
            rows[number] = row | rows.get(number, {})
    return rows


def _read_table(path: Path, problems: Problems) -> Rows:
    """Return the rows by image number, cells stripped; ``line`` says where each stands."""
    try:
        header, *lines = csv_cells(path) or [[]]
    except OSError as error:
        problems.add(path, f"cannot be read ({error.strerror}); allow reading it")
        return {}
    official = {name.lower(): name for name in COLUMNS}
    header = [official.get(name.lower(), name) for name in header]
    missing = [name for name in COLUMNS if name not in header]
    for name in missing:
        problems.add(path, f"lacks the column {name!r}; {did_you_mean(name, header)}")
    if missing:
        return {}
    rows: Rows = {}
    for place, line in enumerate(lines, start=2):
        row = dict.fromkeys(COLUMNS, "") | dict(zip(header, line, strict=False))
        number, row["line"] = whole(row["File Name"]), f"row {place} of {path.name}"
        if number in rows:
            problems.lines.append(f"{row['line']} is the second of {number}; remove one")
        if any(line):
            rows[number] = row
    if not rows:
        problems.add(path, "has no rows; it needs one per image")
    return rows


def _compare(files: dict[str, Path], rows: Rows, problems: Problems) -> None:
    """Note images without a row and rows without an image, where there are any of the other."""
    for number, path in files.items():
        if rows and number not in rows:
            problems.add(path, f"has no row of File Name {number} in the table; add one")
    for number, row in rows.items():
        if files and number not in files:
            problems.lines.append(f"{row['line']} has no image {number}_*; add or remove it")


def _case(
    path: Path, row: dict[str, str], facts: Inspected, problems: Problems
) -> dict[str, object]:
    """Return a row of ``cases``; note what the table gets wrong."""
    name = NAME.fullmatch(path.stem)
    view = {"ML": "MLO"}.get(name["view"].upper(), name["view"].upper())
    side, place = name["laterality"].upper(), f"{row['line']} ({name['number']})"
    if (row["Laterality"].upper(), row["View"].upper()) != (side, view):
        in_table = f"{row['Laterality']} {row['View']}"
        problems.lines.append(f"{place} says {in_table}, the file name {side} {view}; correct one")
    density = DENSITIES.get(whole(row["ACR"]).upper())
    if row["ACR"] and not density:
        problems.lines.append(f"{place}: the density {row['ACR']!r} is unknown; use 1..4 or none")
    try:
        birads = meanings.birads(row["Bi-Rads"])[0]
    except ValueError as error:
        problems.lines.append(f"{place}: {error}")
        birads = None
    return published.file_facts(path, problems.root, facts) | {
        "image_id": name["number"], "patient_id": name["patient"].lower(),
        "laterality": side, "view": view, "birads": birads, "birads_original": row["Bi-Rads"],
        "density": density, "modality": "DM",
    }  # fmt: skip


def _lesions(
    outlines: list[Path], files: dict[str, Path], good: dict[Path, Inspected],
    problems: Problems, notes: Notes,
) -> list[dict[str, object]]:  # fmt: skip
    """Return the findings in the files of ``AllXML/``, in pixels of the image files."""
    findings = []
    for path in outlines:
        image = files.get(path.stem)
        if image is None:
            problems.add(path, f"is of no image here; add {path.stem}_* or remove it")
            continue
        scale = _scale(image, good[image], problems) if image in good else 1.0
        try:
            contours = _read_lesions(path, scale)
        except OSError as error:
            problems.add(path, f"cannot be read ({error.strerror}); allow reading it")
        except (ExpatError, ValueError, LookupError, TypeError, AttributeError) as error:
            problems.add(path, f"is no lesion file of INbreast ({error}); copy it again")
        else:
            findings += contours
            if not contours:
                notes.add("files of AllXML have no finding", path)
    return findings


def _scale(path: Path, facts: Inspected, problems: Problems) -> np.ndarray:
    """Return the factors x, y from original pixels to those of the image file."""
    shape = facts.width / facts.height
    original = min(ORIGINAL_SIZES, key=lambda size: abs(size[0] / size[1] - shape))
    if abs(original[0] / original[1] / shape - 1) > 0.01:
        problems.add(
            path,
            f"is {facts.width} x {facts.height} pixels, the shape of neither 2560 x 3328 nor "
            "3328 x 4084, so its lesions can't be placed; use whole images or remove AllXML",
        )
    return np.array([facts.width / original[0], facts.height / original[1]])


def _read_lesions(path: Path, scale: np.ndarray) -> list[dict[str, object]]:
    """Return a row of ``findings`` for each contour of a lesion file."""
    with open(path, "rb") as file:
        images = plistlib.load(file)["Images"]
    findings = []
    for lesion in (region for image in images for region in image["ROIs"]):
        name = lesion["Name"].strip().lower()
        corners = [text.strip("() ").split(",") for text in lesion["Point_px"]]
        if not corners:
            raise ValueError(f"a finding {lesion['Name']!r} without points")
        points = np.array(corners, float).reshape(len(corners), 2) * scale  # x, y
        if not np.isfinite(points).all():
            raise ValueError(f"a finding {lesion['Name']!r} with a point that is no number")
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        findings.append({
            "image_id": path.stem, "kind": KINDS.get(name, name.replace(" ", "_")),
            "descriptors": "", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "contour": points.ravel(),
        })  # fmt: skip
    return findings


def _marks(rows: Rows, lesions: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return findings without a place: what the sheet marks and no contour shows."""
    placed = {(lesion["image_id"], lesion["kind"]) for lesion in lesions}
    return [
        {"image_id": number, "kind": kind, "descriptors": ""}
        for number, row in rows.items()
        for kind in (KINDS[column.lower()] for column in MARKS if row.get(column))
        if (number, kind) not in placed
    ]
