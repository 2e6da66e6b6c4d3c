"""A folder per category, named in any usual way: ``BI-RADS 2/``, ``birads_4a/``, ``benign/``."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator

from birads_lib.cases import Dataset, no_findings
from birads_lib.readers import Reader, headers, meanings, published
from birads_lib.readers.image_files import (
    IMAGE_SUFFIXES,
    NO_IMAGE,
    FileOptions,
    Notes,
    Problems,
    existing,
    images_below,
    is_litter,
    survey,
)
from birads_lib.task import BIRADS, Task

READER = Reader(
    "class_folders",
    patients_from="patient_pattern",
    words={
        "labels_are": "The category is the name of the folder that an image lies in; 4a to 4c "
        "count as 4, and 6 as 5.",
    },
)
GROUPS = ("patient", "laterality", "view")


def _with_patient(pattern: str) -> str:
    """Raise ValueError for a pattern that is no regular expression with a group."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is {pattern!r}, no regular expression: {error}") from None
    names = set(compiled.groupindex)
    is_right = compiled.groups and names <= set(GROUPS) and ("patient" in names or not names)
    if pattern and not is_right:
        raise ValueError(
            f"is {pattern!r}, expected a group for the patient, such as '(P[0-9]+)'; "
            f"groups may be named {', '.join(GROUPS)}"
        )
    return pattern


class Options(FileOptions):
    """Options for reading a folder of category folders.

    ``patient_pattern`` is a regular expression searched in each image's path below its category
    folder, "/" between folders. Its group, or the one named ``patient``, is the patient; groups
    named ``laterality`` (L or R) and ``view`` fill those columns. Example:
    ``(?P<patient>P[0-9]+)_(?P<laterality>[LR])_(?P<view>CC|MLO)``. A split by patient needs it; it
    is held against the PatientID of DICOM headers.
    """

    patient_pattern: Annotated[str, AfterValidator(_with_patient)] = ""


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read a folder of category folders; everything below one has its category.

    Their names may be any usual spelling of the task's labels (``meanings``). ``image_id`` is the
    path; modality and findings are unknown. Side, view, machine and spacing that the pattern
    doesn't find come from DICOM headers; so do patients, where there is no pattern, every header
    names one, and some images share theirs.
    """
    chosen = Options.of(options)
    root = existing(folder)
    pattern = re.compile(chosen.patient_pattern)
    problems, notes = Problems(root), Notes(root)
    labels = category_folders(problems, notes, task)
    if not labels and not problems.lines:
        names = ", ".join(map(repr, task.labels))
        problems.lines.append(f"there are no images; expected folders named {names}")
    good = survey(list(labels), problems, notes, chosen, pixels=pixels)
    rows = [
        published.file_facts(path, root, facts) | labels[path] | _from_name(pattern, path, problems)
        for path, facts in good.items()
    ]
    file_headers = [facts.header for facts in good.values()]
    headers.contradictory_patients(rows, file_headers, problems)
    problems.raise_any()
    patient_ids = [header.patient_id for header in file_headers]
    # One word for all names nobody, and one of its own for each tells no more than its file's name.
    if not all(patient_ids) or len(set(patient_ids)) in (1, len(patient_ids)):
        file_headers = [replace(header, patient_id="") for header in file_headers]
    rows = [
        headers.completed(row | {"image_id": row["path"]}, header, path, notes, "the pattern")
        for row, header, path in zip(rows, file_headers, good, strict=True)
    ]
    return Dataset(root, pd.DataFrame(rows), no_findings(), notes=notes.all())


def category_folders(problems: Problems, notes: Notes, task: Task) -> dict[Path, dict[str, object]]:
    """Return the columns of its category for each file in a category's folder."""
    labels = {}
    for path in sorted(problems.root.iterdir()):
        if is_litter(path.name):
            continue
        if path.is_dir():
            try:
                label = meanings.columns(path.name, task)
            except ValueError as error:
                problems.add(path, f"is a folder, but {error}; rename or remove it")
                continue
            labels |= dict.fromkeys(images_below(path, problems, notes), label)
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            problems.add(path, "is in no category's folder; move it into one")
        else:
            notes.add(NO_IMAGE, path)
    return labels


def _from_name(pattern: re.Pattern, path: Path, problems: Problems) -> dict[str, str | None]:
    """Return patient_id, laterality and view as the pattern finds them in the path."""
    if not pattern.pattern:
        return {"patient_id": None, "laterality": None, "view": None}
    below = "/".join(path.relative_to(problems.root).parts[1:])
    match = pattern.search(unicodedata.normalize("NFC", below))  # macOS has ü as u and a mark
    groups = match.groupdict() if match else {}
    patient = match and (groups["patient"] if groups else match[1])
    if not patient:
        problems.add(path, f"has no patient that patient_pattern {pattern.pattern!r} finds")
    side = (groups.get("laterality") or "").upper()[:1] or None
    if side not in ("L", "R", None):
        problems.add(path, f"has the laterality {groups['laterality']!r}, neither L nor R")
    view = (groups.get("view") or "").upper() or None
    return {"patient_id": patient or None, "laterality": side, "view": view}
