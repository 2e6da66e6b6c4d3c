"""Functions that the readers of published sets share."""

from collections.abc import Iterable
from pathlib import Path

from birads_lib.errors import DatasetError
from birads_lib.readers import meanings, spreadsheet
from birads_lib.readers.image_files import Inspected, Notes, Problems
from birads_lib.readers.spreadsheet import Sheet
from birads_lib.task import OWN, Task


def opened(path: Path, columns: Iterable[str], problems: Problems) -> Sheet | None:
    """Return an official table; None, the reason noted, where it isn't there or lacks columns."""
    if not path.is_file():
        problems.lines.append(f"there is no table {problems.name(path)}; copy it into the folder")
        return None
    try:
        sheet = spreadsheet.read(path)
    except ValueError as error:
        problems.lines.append(str(error))
        return None
    if missing := [name for name in columns if name not in sheet.columns]:
        present = ", ".join(sheet.columns)
        problems.lines.append(f"{sheet.name} lacks {', '.join(missing)}; it has {present}")
        return None
    return sheet


def labelled(rows: list[dict[str, object]], task: Task, notes: Notes) -> list[dict[str, object]]:
    """Return the rows of cases that have a label of the task; the others are left out and noted.

    Raises:
        DatasetError: none has.
    """
    with_label = [row for row in rows if row.get(task.name)]
    if rows and not with_label:
        raise DatasetError(
            f"it gives none of the {len(rows)} images a {task.title} ({', '.join(task.labels)}); "
            "choose another task for the study",
            f"The data set {str(notes.root)!r}",
        )
    if left_out := len(rows) - len(with_label):
        label_names = f"{task.title} ({', '.join(task.labels)})"
        notes.add(
            f"{left_out} of {len(rows)} images are left out: the set gives them no {label_names}"
        )
    return with_label


def own_label(candidates: Iterable[str], task: Task) -> str | None:
    """Return the first of a set's facts that is a label of a study's own label set; else None."""
    for text in candidates if task.name == OWN else ():
        try:
            return meanings.label(text, task)
        except ValueError:
            continue
    return None


def file_facts(path: Path, root: Path, facts: Inspected) -> dict[str, object]:
    """Return the columns of cases that are of the file itself, and of its DICOM header."""
    below = path.relative_to(root).as_posix()
    return {
        "path": below, **facts.of_file,
        "machine": facts.header.machine or None, "spacing_mm": facts.header.spacing_mm,
    }  # fmt: skip
