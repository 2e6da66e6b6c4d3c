"""A folder per BI-RADS category, named in any usual way: ``1/``, ``BI-RADS 2/``, ``birads_4a/``."""

import re
from pathlib import Path

import pandas as pd

from birads_lib.cases import Dataset, no_findings, parse_birads
from birads_lib.errors import UserError
from birads_lib.readers.folders import (
    IMAGE_SUFFIXES,
    Problems,
    existing,
    file_columns,
    files_below,
    is_litter,
    log,
    survey,
)

GROUPS = ("patient", "laterality", "view")


def read(folder: str | Path, *, patient_pattern: str = "", workers: int = 2) -> Dataset:
    """Read a folder of category folders; everything below one has its category.

    Args:
        folder: holds one folder per category; any spelling ``cases.parse_birads`` understands.
        patient_pattern: regular expression searched in each image's path below its category
            folder, "/" between folders. Its group, or the one named ``patient``, is the patient;
            groups named ``laterality`` (L or R) and ``view`` fill those columns.
            Example: ``(?P<patient>P[0-9]+)_(?P<laterality>[LR])_(?P<view>CC|MLO)``.
            Without it patients are unknown, and a split by patient impossible.
        workers: images decoded side by side.

    Returns:
        ``image_id`` is the path; density, modality and findings are unknown.

    Raises:
        DatasetError: lists everything wrong with the folder.
        UserError: the pattern is no regular expression with a group.
    """
    root = existing(folder)
    pattern = _compiled(patient_pattern)
    problems = Problems(root)
    categories = _category_folders(problems)
    below = {home: files_below(home, problems) for home in categories}
    files = [path for paths in below.values() for path in paths]
    if not files and not problems.lines:
        problems.lines.append("there are no images; expected folders named '1', 'BI-RADS 4a', ...")
    good = survey(files, problems, workers)
    rows = []
    for home, (birads, original) in categories.items():
        for path in filter(good.get, below[home]):
            named = _from_name(pattern, path, home, problems)
            file = file_columns(path, root, good[path])
            grade = {"birads": birads, "birads_original": original}
            rows.append({"image_id": file["path"], **named, **grade, **file})
    problems.raise_any()
    return Dataset(root, pd.DataFrame(rows).assign(density=None, modality=None), no_findings())


def check(*, patient_pattern: str = "", **others: object) -> None:
    """Raise UserError for a pattern that is no regular expression with a group."""
    _compiled(patient_pattern)


def _compiled(pattern: str) -> re.Pattern | None:
    if not pattern:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"patient_pattern {pattern!r} is no regular expression: {error}") from None
    names = set(compiled.groupindex)
    if not compiled.groups or names - set(GROUPS) or (names and "patient" not in names):
        raise UserError(
            f"patient_pattern {pattern!r} needs a group for the patient, such as '(P[0-9]+)'; "
            f"groups may be named {', '.join(GROUPS)}"
        )
    return compiled


def _category_folders(problems: Problems) -> dict[Path, tuple[int, str]]:
    """Return the grade and category of each folder."""
    categories, ignored = {}, []
    for path in sorted(problems.root.iterdir()):
        if is_litter(path.name):
            continue
        if path.is_dir():
            try:
                categories[path] = parse_birads(path.name)
            except ValueError as error:
                problems.add(path, f"is a folder, but {error}; rename or remove it")
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            problems.add(path, "is in no category's folder; move it into one")
        else:
            ignored.append(problems.name(path))
    if ignored:
        log.warning("ignored beside the category folders, not images: %s", ", ".join(ignored))
    return categories


def _from_name(
    pattern: re.Pattern | None, path: Path, home: Path, problems: Problems
) -> dict[str, str | None]:
    """Return patient_id, laterality and view as the pattern finds them in the path."""
    match = pattern.search(path.relative_to(home).as_posix()) if pattern else None
    named = match.groupdict() if match else {}
    patient = match and (named.get("patient") if named else match[1])
    side = (named.get("laterality") or "").upper()[:1] or None
    if pattern and not patient:
        problems.add(path, f"has no patient that patient_pattern {pattern.pattern!r} finds")
    if side not in ("L", "R", None):
        problems.add(path, f"has the laterality {named['laterality']!r}, neither L nor R")
    view = (named.get("view") or "").upper() or None
    return {"patient_id": patient or None, "laterality": side, "view": view}
