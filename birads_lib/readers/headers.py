"""Facts about images from DICOM headers and file names, compared with a table or folder."""

import re
from collections import defaultdict
from pathlib import Path

from birads_lib.images.dicom_header import Header
from birads_lib.readers.image_files import Notes, Problems

_SIDE = re.compile(r"(?<![a-z])(left|right|[lr])(?![a-z])", re.IGNORECASE)
_VIEW = re.compile(r"(?<![a-z])(cc|mlo|ml|lm)(?![a-z])", re.IGNORECASE)
_JOINED = re.compile(r"(?<![a-z])([lr])(cc|mlo|ml|lm)(?![a-z])", re.IGNORECASE)
SAYS = {"laterality": "side", "view": "view"}


def of_name(path: Path) -> dict[str, str]:
    """Return the side and view that a file's name tells, such as "P01_L_CC" or "rmlo"."""
    if joined := _JOINED.search(path.stem):
        return {"laterality": joined[1].upper(), "view": joined[2].upper()}
    sides = {match[0].upper() for match in _SIDE.findall(path.stem)}
    views = {match.upper() for match in _VIEW.findall(path.stem)}
    facts = {"laterality": sides, "view": views}
    return {name: values.pop() for name, values in facts.items() if len(values) == 1}


def completed(
    row: dict[str, object], header: Header, path: Path, notes: Notes, source: str
) -> dict[str, object]:
    """Return a row of cases with what a header knows where the row is empty.

    The patient is taken from it only where ``row`` has none at all. Where ``source`` ("the table"),
    the file's name and the header differ in side or view, that is noted.
    """
    header_facts = {
        "patient_id": header.patient_id, "laterality": header.laterality, "view": header.view,
        "machine": header.machine, "spacing_mm": header.spacing_mm,
    }  # fmt: skip
    full = {name: row.get(name) or value or None for name, value in header_facts.items()}
    name_facts = of_name(path)
    for name, wording in SAYS.items():
        if full[name] and header_facts[name] and full[name] != header_facts[name]:
            notes.add(
                f"{source} and the DICOM header differ in the {wording}: {source} is taken", path
            )
        if full[name] and name_facts.get(name) and full[name] != name_facts[name]:
            preferred = source if row.get(name) else "the DICOM header"
            notes.add(
                f"{preferred} and the file's name differ in the {wording}: {preferred} is taken",
                path,
            )
    return row | full


def contradictory_patients(
    rows: list[dict[str, object]], headers: list[Header], problems: Problems
) -> None:
    """Note where one patient of the DICOM headers is several patients in the rows of cases."""
    patients = defaultdict(set)
    for row, header in zip(rows, headers, strict=True):
        if header.patient_id:
            patients[header.patient_id].add(row["patient_id"])
    counts = {name: sorted(map(str, ids)) for name, ids in patients.items() if len(ids) > 1}
    if len(patients) > 1:  # else the headers name nobody: one word for all
        for name, several in counts.items():
            problems.lines.append(
                f"the PatientID {name!r} of the DICOM headers is {' and '.join(several[:3])} "
                "elsewhere: one person would get into training and test; correct the patients"
            )
