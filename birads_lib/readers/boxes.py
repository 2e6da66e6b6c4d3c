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
    table_columns = columns.Columns(sheet, {}, ("path", *SIDES, "kind"))
    problems.lines += table_columns.problems
    problems.lines += [
        table_columns.missing(what) for what in ("path", *SIDES) if what not in table_columns
    ]
    if table_columns.problems or not {"path", *SIDES} <= table_columns.specs.keys():
        return no_findings()
    findings = _findings(table_columns, _by_name(images), images, problems, notes)
    return pd.DataFrame(findings, columns=list(no_findings()))


def files(root: Path) -> list[Path]:
    """Return those of ``TABLES`` that are there."""
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
    outlined_ids = {finding["image_id"] for finding in outlined if finding["kind"] == "mass"}
    images = {image_id: good[path] for image_id, path in paths.items() if path in good}
    boxed = read(root, TABLES[0], images, problems, notes).assign(kind="mass")
    return boxed[~boxed["image_id"].isin(outlined_ids)].to_dict("records")


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
        x_scale, y_scale = (facts.width, facts.height) if is_share else (1, 1)
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            wrong["the box has no width or height, or begins below 0"].append(number)
        elif x1 * x_scale > facts.width + 1 or y1 * y_scale > facts.height + 1:
            wrong["the box ends outside its image"].append(number)
        findings.append({
            "image_id": of_image[number], "descriptors": "",
            "kind": known.cell("kind", sheet.rows[number]).lower().replace(" ", "_") or "finding",
            "x0": x0 * x_scale, "y0": y0 * y_scale, "x1": x1 * x_scale, "y1": y1 * y_scale,
        })  # fmt: skip
    problems.lines += [f"{sheet.at(numbers)}: {problem}" for problem, numbers in wrong.items()]
    if is_share:
        notes.add(f"corners in {sheet.name} are taken for shares of width and height")
    return findings


def _corners(
    known, called, wrong: dict[str, list[int]], notes: Notes
) -> tuple[dict[int, list[float]], dict[int, str]]:
    """Return the corners and the image of each row that has both, by the number of the row."""
    sheet, corners, of_image = known.sheet, {}, {}
    not_in_study = without_corners = 0
    for number, cells in sheet.rows.items():
        paths = called.get(known.cell("path", cells), [])
        texts = [known.cell(side, cells) for side in SIDES]
        if not any(texts):
            without_corners += 1
            continue
        try:
            values = [float(text) for text in texts]
        except ValueError:
            wrong["a corner is no number"].append(number)
            continue
        not_in_study += not paths
        if len(paths) > 1:
            wrong["several images have this name; give their paths"].append(number)
        elif paths:
            corners[number], of_image[number] = values, paths[0]
    if without_corners:
        notes.add(f"{without_corners} rows of {sheet.name} have no corners and count as no finding")
    if not_in_study:
        notes.add(
            f"{not_in_study} findings in {sheet.name} are of images that the study doesn't have"
        )
    return corners, of_image
