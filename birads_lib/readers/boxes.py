"""Findings as boxes, from a table with a row each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from birads_lib.cases import no_findings
from birads_lib.readers import columns, spreadsheet
from birads_lib.readers.image_files import Inspected, Notes, Problems, inside

SIDES = ("x0", "y0", "x1", "y1")
TABLES = ("mass_boxes.csv", "calc_boxes.csv")  # beside the tables that a data set's makers gave


def read(
    root: Path, name: str, images: Mapping[str, Inspected], problems: Problems, notes: Notes
) -> pd.DataFrame:
    """Return the findings that a table has of images, whose keys are paths below ``root``.

    Corners are in pixels of the image file, or, where none is above 1, in shares of its width and
    height. Columns are known by usual names: the image's path or name; x0, y0, x1, y1 or xmin,
    ymin, xmax, ymax; and, where there is one, the kind. A row without any corner is no finding.
    """
    if not name:
        return no_findings()
    try:
        sheet = spreadsheet.read(inside(root, name))
    except ValueError as error:
        problems.lines.append(str(error))
        return no_findings()
    known = columns.Columns(sheet, {}, ("path", *SIDES, "kind"))
    problems.lines += known.problems
    problems.lines += [known.missing(what) for what in ("path", *SIDES) if what not in known]
    if known.problems or not {"path", *SIDES} <= known.specs.keys():
        return no_findings()
    findings = _findings(known, _by_name(images), images, problems, notes)
    return pd.DataFrame(findings, columns=list(no_findings()))


def files(root: Path) -> list[Path]:
    """Return which of ``TABLES`` are there."""
    return [root / name for name in TABLES if (root / name).is_file()]


def of_masses(
    root: Path,
    paths: Mapping[str, Path],
    good: Mapping[Path, Inspected],
    outlined: Sequence[Mapping],
    problems: Problems,
    notes: Notes,
) -> list[dict[str, object]]:
    """Return the masses of ``mass_boxes.csv`` in images where none is outlined, if it is there.

    Args:
        paths: of the images, by their ids, by which the table calls them.
        good: what is known of each path.
        outlined: findings that are known, with image_id and kind.
    """
    if root / TABLES[0] not in files(root):
        return []
    known = {finding["image_id"] for finding in outlined if finding["kind"] == "mass"}
    images = {image_id: good[path] for image_id, path in paths.items() if path in good}
    found = read(root, TABLES[0], images, problems, notes).assign(kind="mass")
    return found[~found["image_id"].isin(known)].to_dict("records")


def _by_name(images: Mapping[str, Inspected]) -> dict[str, list[str]]:
    """Return the images by all that a table may call them: path, name, name without suffix."""
    called = defaultdict(set)
    for path in images:
        for name in (path, PurePosixPath(path).name, PurePosixPath(path).stem):
            called[name].add(path)
    return {name: sorted(paths) for name, paths in called.items()}


def _findings(known, called, images, problems: Problems, notes: Notes) -> list[dict[str, object]]:
    """Return the findings of all rows with corners, and say what is wrong with any or left out."""
    sheet, wrong = known.sheet, defaultdict(list)
    corners, of_image = _corners(known, called, wrong, notes)
    is_share = bool(corners) and max(map(max, corners.values())) <= 1
    findings = []
    for number, (x0, y0, x1, y1) in corners.items():
        facts = images[of_image[number]]
        across, down = (facts.width, facts.height) if is_share else (1, 1)
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            wrong["the box has no width or height, or begins below 0"].append(number)
        elif x1 * across > facts.width + 1 or y1 * down > facts.height + 1:
            wrong["the box ends outside its image"].append(number)
        findings.append({
            "image_id": of_image[number], "descriptors": "",
            "kind": known.cell("kind", sheet.rows[number]).lower().replace(" ", "_") or "finding",
            "x0": x0 * across, "y0": y0 * down, "x1": x1 * across, "y1": y1 * down,
        })  # fmt: skip
    problems.lines += [f"{sheet.at(numbers)}: {what}" for what, numbers in wrong.items()]
    if is_share:
        notes.add(f"corners in {sheet.name} are taken for shares of width and height")
    return findings


def _corners(
    known, called, wrong: dict[str, list[int]], notes: Notes
) -> tuple[dict[int, list[float]], dict[int, str]]:
    """Return the corners and the image of each row that has both, by the number of the row."""
    sheet, corners, of_image = known.sheet, {}, {}
    elsewhere = without = 0
    for number, cells in sheet.rows.items():
        paths = called.get(known.cell("path", cells), [])
        texts = [known.cell(side, cells) for side in SIDES]
        if not any(texts):
            without += 1
            continue
        try:
            values = [float(text) for text in texts]
        except ValueError:
            wrong["a corner is no number"].append(number)
            continue
        elsewhere += not paths
        if len(paths) > 1:
            wrong["several images have this name; give their paths"].append(number)
        elif paths:
            corners[number], of_image[number] = values, paths[0]
    if without:
        notes.add(f"{without} rows of {sheet.name} have no corners and count as no finding")
    if elsewhere:
        notes.add(f"{elsewhere} findings in {sheet.name} are of images that the study doesn't have")
    return corners, of_image
