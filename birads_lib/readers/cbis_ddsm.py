"""CBIS-DDSM: the official DICOM layout, or its images as pictures ``00001_LEFT_CC.jpg``.

Lee et al. 2017, A curated mammography data set for use in computer-aided detection and diagnosis
research, doi 10.1038/sdata.2017.177.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import DatasetError
from birads_lib.files import sha256
from birads_lib.images.decode import read_grey, shape_by_header
from birads_lib.readers import Reader, boxes, meanings, published
from birads_lib.readers.image_files import (
    IMAGE_SUFFIXES,
    FileOptions,
    Inspected,
    Notes,
    Problems,
    existing,
    files_below,
    is_litter,
    survey,
)
from birads_lib.task import BIRADS, Task

READER = Reader(
    "cbis_ddsm",
    collection="CBIS-DDSM",
    tables=("mass_case_description_*_set.csv", "calc_case_description_*_set.csv"),
    words={
        "short": "CBIS-DDSM",
        "images_are": "digitised films of CBIS-DDSM "
        "([Lee et al. 2017](https://doi.org/10.1038/sdata.2017.177))",
        "sources": "several hospitals of the United States, whose films DDSM collected",
        "motivation": "Its makers wanted a curated part of DDSM, with findings outlined anew and a "
        "fixed split, for work on detection and diagnosis by computer "
        "([Lee et al. 2017](https://doi.org/10.1038/sdata.2017.177)).",
        "labels_are": "Of several findings of an image the highest assessment counts, and it is "
        "malignant if one is; images with a finding assessed 0, incomplete, have no category.",
        "findings_are": "Findings have masks, or boxes.",
        "unknown_labels": "Malignancy is from biopsy, or from follow-up where nobody was called "
        "back. Nearly every image has a finding: it is no sample of those who are screened.",
        "collection": "Scanned films; DDSM's publication has where and when.",
        "distribution": "By The Cancer Imaging Archive, under CC BY 3.0.",
        "maintenance": "The Cancer Imaging Archive's.",
    },
)
COLUMNS = (
    "patient_id", "left or right breast", "image view", "abnormality id", "abnormality type",
    "assessment", "pathology",
)  # fmt: skip
TABLE = re.compile(r"(mass|calc)_case_description_(train|test)_set\.csv", re.IGNORECASE)
_IMAGE = re.compile(r"(?:P_)?(\d{5})_(LEFT|RIGHT)_(CC|MLO)")
_FOLDER = re.compile(r"(?:Mass|Calc)-(?:Training|Test)_P_(\d{5})_(LEFT|RIGHT)_(CC|MLO)(?:_(\d+))?")
Key = tuple[str, str, str]  # patient's number, LEFT or RIGHT, view


@dataclass(frozen=True)
class _Abnormality:
    """A row of a table."""

    at: str
    part: str  # train or test
    row: dict[str, str]

    @property
    def kind(self) -> str:
        return self.row["abnormality type"].lower()

    def folder(self, key: Key) -> str:
        """Return the name of the folder with its mask, in the official layout."""
        kind = "Mass" if self.kind == "mass" else "Calc"
        part = "Training" if self.part == "train" else "Test"
        return f"{kind}-{part}_P_{'_'.join(key)}_{self.row['abnormality id']}"


class Options(FileOptions):
    """Options of CBIS-DDSM: the kinds of abnormality that count."""

    abnormalities: Literal["all", "mass", "calcification"] = "all"


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read the images that are here, with the rows of all tables ``*_case_description_*_set.csv``.

    In the official layout a full mammogram is the file below ``Mass-Training_P_00001_LEFT_CC``, a
    mask the one of the same size below ``..._CC_1``, whatever the folders between are called.
    Beside pictures, boxes are read from ``mass_boxes.csv`` and ``calc_boxes.csv``.
    """
    chosen, root = Options.of(options), existing(folder)
    problems, notes = Problems(root), Notes(root)
    tables = sorted(p for p in root.iterdir() if TABLE.fullmatch(p.name) and not is_litter(p.name))
    if not tables:
        problems.lines.append("there is no table mass_case_description_train_set.csv, ...")
    rows = _rows(tables, chosen.abnormalities, problems)
    images, masks = _files(root, problems, notes)
    _compare(rows, images, problems, notes)
    listed_files = {key: path for key, path in images.items() if key in rows}
    good = survey(list(listed_files.values()), problems, notes, chosen, pixels=pixels)
    listed_files = {key: path for key, path in listed_files.items() if path in good}
    cases = [_case(key, rows[key], path, good[path], task, problems, notes)
             for key, path in listed_files.items()]  # fmt: skip
    problems.raise_any()
    labelled_paths = {row["path"] for row in published.labelled(cases, task, notes)}
    cases = [row for row in cases if row["path"] in labelled_paths]
    listed_files = {
        key: path
        for key, path in listed_files.items()
        if path.relative_to(root).as_posix() in labelled_paths
    }
    findings = _boxes(root, listed_files, good, problems, notes)
    placed = {(row["image_id"], row["kind"]) for row in findings}
    for key, path in listed_files.items():
        several = _masks(key, rows[key], masks, path, pixels, root, notes)
        findings += [row for row in several if (row["image_id"], row["kind"]) not in placed]
    problems.raise_any()
    table = pd.DataFrame(findings, columns=list(no_findings()))
    boxes_read = tuple(boxes.files(root))
    return Dataset(root, pd.DataFrame(cases), table, notes=notes.all(),
                   annotations=(*tables, *boxes_read))  # fmt: skip


def _rows(tables: Iterable[Path], wanted: str, problems: Problems) -> dict[Key, list[_Abnormality]]:
    """Return the abnormalities of each image, of one kind where only that is wanted."""
    rows = defaultdict(list)
    for path in tables:
        sheet = published.opened(path, COLUMNS, problems)
        part = meanings.part(TABLE.fullmatch(path.name)[2])
        for number, row in (sheet.rows if sheet else {}).items():
            key = (row["patient_id"].removeprefix("P_"), row["left or right breast"].upper(),
                   row["image view"].upper())  # fmt: skip
            if wanted in ("all", row["abnormality type"].lower()):
                rows[key].append(_Abnormality(sheet.at([number]), part, row))
    return dict(sorted(rows.items()))


def _files(
    root: Path, problems: Problems, notes: Notes
) -> tuple[dict[Key, Path], dict[str, list[Path]]]:
    """Return the file of each image, and the files in each folder of an abnormality."""
    images, masks = {}, defaultdict(list)
    for path in files_below(root, problems):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        home = next((p for p in path.relative_to(root).parts if _FOLDER.fullmatch(p)), "")
        match = _FOLDER.fullmatch(home) or _IMAGE.fullmatch(path.stem)
        if not match:
            notes.add("images whose names are none of the set's are left out", path)
        elif home and match[4]:
            masks[home].append(path)
        elif images.setdefault(match.groups()[:3], path) != path:
            notes.add("films that are here twice, as mass and calcification, count once", path)
    return images, masks


def _compare(
    rows: dict[Key, list], images: dict[Key, Path], problems: Problems, notes: Notes
) -> None:
    if not rows.keys() & images.keys() and not problems.lines:
        problems.lines.append(
            "there are no images of the tables; expected Mass-Training_P_00001_LEFT_CC/.../1-1.dcm "
            "or 00001_LEFT_CC.jpg"
        )
    if absent := len(rows.keys() - images.keys()):
        notes.add(f"{absent} images of the tables are not here")
    for key in images.keys() - rows.keys():
        notes.add("images that no table has are left out", images[key])


def _case(
    key: Key, abnormalities: list[_Abnormality], path: Path, facts: Inspected, task: Task,
    problems: Problems, notes: Notes,
) -> dict[str, object]:  # fmt: skip
    """Return the row of an image: the highest assessment and the worst pathology count.

    An assessment of 0, incomplete, may turn out to be any: where a finding has it, the image has no
    category.
    """
    grades, pathologies, densities, parts = set(), set(), set(), set()
    for abnormality in abnormalities:
        row = abnormality.row
        density = row.get("breast_density") or row.get("breast density") or "0"
        try:
            grades.add(_assessment(row["assessment"]))
            pathologies.add(meanings.malignancy(row["pathology"]))
            densities |= {meanings.density(density)} if density != "0" else set()
        except ValueError as error:
            problems.lines.append(f"{abnormality.at}: {error}")
        parts.add(abnormality.part)
    if len(parts) > 1:
        notes.add(
            "images that are in both official parts, training and test, are given neither", path
        )
    if 0 in grades and len(grades) > 1:
        notes.add(
            "images with a finding that is assessed 0, incomplete, have no category, although "
            "another of their findings has one", path,
        )  # fmt: skip
    counted = 0 if 0 in grades else max(grades, default=0)
    worst = max(pathologies, default=None)  # malignant comes after benign
    return published.file_facts(path, problems.root, facts) | {
        "image_id": "_".join(key), "patient_id": f"P_{key[0]}", "laterality": key[1][0],
        "view": key[2], "birads": counted or None, "birads_original": str(counted),
        "density": max(densities, default=None), "malignancy": worst,
        "label": published.own_label((str(worst), str(counted)), task),
        "split": next(iter(parts)) if len(parts) == 1 else None,
    }  # fmt: skip


def _assessment(text: str) -> int:
    """Return 0, incomplete, or the grade 1..5; ValueError for all else."""
    if text not in ("0", *BIRADS.labels):
        raise ValueError(f"the assessment {text!r} is unknown; expected 0 to 5")
    return int(text)


def _boxes(
    root: Path, found: dict[Key, Path], good: dict[Path, Inspected], problems: Problems,
    notes: Notes,
) -> list[dict[str, object]]:  # fmt: skip
    """Return the findings of tables of boxes beside pictures."""
    images = {path.relative_to(root).as_posix(): good[path] for path in found.values()}
    names = {path.relative_to(root).as_posix(): "_".join(key) for key, path in found.items()}
    findings = []
    for path in boxes.files(root):
        kind = "mass" if path.name.startswith("mass") else "calcification"
        table = boxes.read(root, path.name, images, problems, notes)
        table = table.assign(kind=kind, image_id=table["image_id"].map(names))
        findings += table.to_dict("records")
    return findings


def _masks(
    key: Key, abnormalities: list[_Abnormality], masks: dict[str, list[Path]], image: Path,
    pixels: bool, root: Path, notes: Notes,
) -> Iterator[dict[str, object]]:  # fmt: skip
    """Yield a finding for each abnormality, with mask and box where its mask is here."""
    for abnormality in abnormalities:
        row = abnormality.row
        words = [row.get(name, "") for name in ("mass shape", "mass margins", "calc type",
                                                "calc distribution")]  # fmt: skip
        finding = {
            "image_id": "_".join(key), "kind": abnormality.kind,
            "descriptors": " ".join(filter(None, words)).lower(),
        }  # fmt: skip
        files = masks.get(abnormality.folder(key), [])
        if files and pixels:
            finding |= _mask(files, image, root, notes)
        yield finding


def _mask(files: list[Path], image: Path, root: Path, notes: Notes) -> dict[str, object]:
    """Return the mask of an abnormality: the file of the image's size; the other is a crop."""
    size = shape_by_header(image)
    for path in files:
        try:
            mask = read_grey(path) > 0 if shape_by_header(path) == size else np.zeros((0, 0))
        except (DatasetError, ValueError, OSError):
            notes.add("masks that can't be read leave their findings without a place", path)
            continue
        if mask.any() and not mask.all():
            (y0, x0), (y1, x1) = (np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1)
            return {
                "x0": x0, "y0": y0, "x1": x1, "y1": y1,
                "mask_path": path.relative_to(root).as_posix(), "mask_sha256": sha256(path),
            }  # fmt: skip
    notes.add("findings without a mask of their image's size have no place", image)
    return {}
