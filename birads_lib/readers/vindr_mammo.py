"""VinDr-Mammo, in its official layout on PhysioNet.

Nguyen et al. 2023, VinDr-Mammo: a large-scale benchmark dataset for computer-aided diagnosis in
full-field digital mammography, doi 10.1038/s41597-023-02100-7.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from birads_lib.cases import Dataset, no_findings
from birads_lib.readers import Reader, headers, meanings, published
from birads_lib.readers.image_files import (
    IMAGE_SUFFIXES,
    FileOptions,
    Inspected,
    Notes,
    Problems,
    existing,
    files_below,
    survey,
)
from birads_lib.readers.spreadsheet import Sheet
from birads_lib.task import BIRADS, Task

READER = Reader(
    "vindr_mammo",
    collection="VinDr-Mammo",
    tables=("breast-level_annotations.csv",),
    words={
        "short": "VinDr-Mammo",
        "images_are": "mammograms of VinDr-Mammo "
        "([Nguyen et al. 2023](https://doi.org/10.1038/s41597-023-02100-7))",
        "sources": "two hospitals and several makers of machines",
        "motivation": "Its makers wanted a large public benchmark of full-field digital "
        "mammography with assessments of breasts and boxes of findings "
        "([Nguyen et al. 2023](https://doi.org/10.1038/s41597-023-02100-7)).",
        "labels_are": "The category is that of the breast, `breast_birads`, as two radiologists "
        "and, where they differed, a third gave it.",
        "findings_are": "Findings have boxes.",
        "unknown_labels": "There is no biopsy in the tables. The set has no number of a patient: "
        "an exam of four views counts as a patient here.",
        "collection": "In two hospitals in Hanoi, 2018 to 2020, drawn at random from their "
        "archives; the publication has the machines and the approval of the review boards.",
        "distribution": "By PhysioNet, to those who sign its data use agreement.",
        "maintenance": "Its makers', on PhysioNet.",
    },
)
BREASTS, FINDINGS = *READER.tables, "finding_annotations.csv"
OF_BREASTS = (
    "study_id", "image_id", "laterality", "view_position", "height", "width", "breast_birads",
    "breast_density", "split",
)  # fmt: skip
OF_FINDINGS = ("image_id", "finding_categories", "xmin", "ymin", "xmax", "ymax")
KINDS = {
    "suspicious calcification": "calcification", "focal asymmetry": "asymmetry",
    "global asymmetry": "asymmetry",
}  # fmt: skip


class Options(FileOptions):
    """Options for reading VinDr-Mammo."""


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read ``images/<study_id>/<image_id>.dicom``, or copies of any format by the same names.

    An exam counts as a patient, as the set names none. Boxes, in pixels of the original, are scaled
    to the copy's size.
    """
    chosen, root = Options.of(options), existing(folder)
    problems, notes = Problems(root), Notes(root)
    breasts = published.opened(root / BREASTS, OF_BREASTS, problems)
    files = _by_id(root, problems)
    listed_rows = {} if breasts is None else _by_row(breasts, files, problems, notes)
    good = survey([files[row["image_id"]] for row in listed_rows.values()], problems, notes, chosen,
                  pixels=pixels)  # fmt: skip
    rows = [
        _case(breasts.at([number]), row, files[row["image_id"]], good, task, problems, notes)
        for number, row in listed_rows.items()
        if files[row["image_id"]] in good
    ]
    sheet = published.opened(root / FINDINGS, OF_FINDINGS, problems)
    problems.raise_any()
    notes.add("the set names no patients: each exam counts as one")
    rows = published.labelled(rows, task, notes)
    labelled_ids = {row["image_id"] for row in rows}
    original = {r["image_id"]: r for r in listed_rows.values() if r["image_id"] in labelled_ids}
    boxes = list(_findings(sheet, original, {i: good[files[i]] for i in original}, problems))
    problems.raise_any()
    findings = pd.DataFrame(boxes, columns=list(no_findings()))
    tables = (root / BREASTS, root / FINDINGS)
    return Dataset(root, pd.DataFrame(rows), findings, notes=notes.all(), annotations=tables)


def _by_id(root: Path, problems: Problems) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in files_below(root, problems):
        if path.suffix.lower() in IMAGE_SUFFIXES and files.setdefault(path.stem, path) != path:
            problems.add(path, f"has the name of {problems.name(files[path.stem])}; keep one")
    return files


def _by_row(
    sheet: Sheet, files: dict[str, Path], problems: Problems, notes: Notes
) -> dict[int, dict[str, str]]:
    """Return the rows whose image is here, each image once."""
    rows, first_rows = {}, {}
    for number, row in sheet.rows.items():
        name = row["image_id"]
        if first_rows.setdefault(name, number) != number:
            problems.lines.append(
                f"{sheet.at([first_rows[name], number])} are of one image; remove one"
            )
        elif name in files:
            rows[number] = row
    if not rows:
        problems.lines.append("there are no images; expected images/<study_id>/<image_id>.dicom")
    if absent := len(first_rows) - len(rows):
        notes.add(f"{absent} images of {sheet.name} are not here")
    return rows


def _case(
    at: str, row: dict[str, str], path: Path, good: dict[Path, Inspected], task: Task,
    problems: Problems, notes: Notes,
) -> dict[str, object]:  # fmt: skip
    facts = published.file_facts(path, problems.root, good[path])
    facts |= {"image_id": row["image_id"], "patient_id": row["study_id"], "modality": "DM"}
    parsers = {
        "laterality": (meanings.laterality, "laterality"), "view": (meanings.view, "view_position"),
        "birads": (lambda text: meanings.birads(text)[0], "breast_birads"),
        "density": (meanings.density, "breast_density"), "split": (meanings.part, "split"),
    }  # fmt: skip
    for name, (parse, column) in parsers.items():
        try:
            facts[name] = parse(row[column])
        except ValueError as error:
            problems.lines.append(f"{at}: {error}")
    facts["birads_original"] = row["breast_birads"]
    facts["label"] = published.own_label((row["breast_birads"], row["breast_density"]), task)
    return headers.completed(facts, good[path].header, path, notes, "the table")


def _findings(
    sheet: Sheet, rows: dict[str, dict[str, str]], images: dict[str, Inspected], problems: Problems
) -> Iterator[dict[str, object]]:
    """Yield a row of findings for each category of each box, in pixels of the image file."""
    for number, cells in sheet.rows.items():
        row, facts = rows.get(cells["image_id"]), images.get(cells["image_id"])
        corners = [cells[side] for side in OF_FINDINGS[2:]]
        if row is None or not any(corners):
            continue
        try:
            kinds = ast.literal_eval(cells["finding_categories"])
            box = [float(corner) for corner in corners]
            x_scale = facts.width / float(row["width"])
            y_scale = facts.height / float(row["height"])
        except (ValueError, SyntaxError, ZeroDivisionError) as error:
            problems.lines.append(f"{sheet.at([number])} can't be read: {error}")
            continue
        for kind in (str(kind).lower() for kind in kinds if kind != "No Finding"):
            yield {
                "image_id": cells["image_id"], "kind": KINDS.get(kind, kind.replace(" ", "_")),
                "descriptors": cells.get("finding_birads", ""),
                "x0": box[0] * x_scale, "y0": box[1] * y_scale,
                "x1": box[2] * x_scale, "y1": box[3] * y_scale,
            }  # fmt: skip
