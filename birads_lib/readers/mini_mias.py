"""mini-MIAS: films as PGM, one line about each in ``Info.txt``.

Suckling et al. 1994, The Mammographic Image Analysis Society digital mammogram database,
Excerpta Medica International Congress Series 1069. It has no BI-RADS: the tasks are malignancy, or
labels of one's own out of normal, benign, malignant, or F, G, D (fatty, fatty-glandular, dense).
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from birads_lib.cases import Dataset, no_findings
from birads_lib.readers import Reader, published
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
from birads_lib.task import BIRADS, Task

READER = Reader(
    "mini_mias",
    collection="mini-MIAS",
    tables=("Info.txt", "Info_lines.txt"),
    tables_hold="mdb",  # films are mdb001 to mdb322
    label="malignancy",
    words={
        "short": "mini-MIAS",
        "images_are": "digitised films of mini-MIAS (Suckling et al. 1994)",
        "sources": "one archive of digitised films",
        "motivation": "Its makers wanted a public set of digitised mammograms for work on "
        "computer-aided detection (Suckling et al. 1994).",
        "labels_are": "Severity is normal, benign or malignant, as `Info.txt` has it; of a film "
        "with several findings the worst counts.",
        "findings_are": "A finding is a circle in the films of 1024 x 1024 pixels.",
        "collection": "Films of the national screening programme of the United Kingdom, all "
        "mediolateral oblique, digitised at 50 micrometres and reduced to 200. Films of a patient "
        "are pairs: an odd number is the right breast, the even one after it the left.",
        "distribution": "By the Mammographic Image Analysis Society, for research, under its "
        "licence agreement.",
    },
)
SIZE = 1024  # pixels on each side of the official films, which circles are in
_NAME = re.compile(r"mdb(\d{3})", re.IGNORECASE)
_LINE = re.compile(
    r"(?P<film>mdb\d{3})\s+(?P<tissue>[FGD])\s+(?P<kind>[A-Z]{4})"
    r"(?:\s+(?P<severity>[BM]))?(?:\s+(?P<x>\d+)\s+(?P<y>\d+)\s+(?P<radius>\d+))?"
)
_KINDS = {
    "CALC": "calcification", "CIRC": "mass", "SPIC": "mass", "MISC": "mass",
    "ARCH": "architectural_distortion", "ASYM": "asymmetry",
}  # fmt: skip
_SEVERITY = {"": "normal", "B": "benign", "M": "malignant"}
Films = dict[str, list[re.Match]]  # lines by the film's number


class Options(FileOptions):
    """Options for reading mini-MIAS."""


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> Dataset:
    """Read films named ``mdb001.pgm``, in any picture format, and ``Info.txt``.

    Circles become boxes where a film has the official size; y counts from its bottom there.
    """
    chosen, root = Options.of(options), existing(folder)
    problems, notes = Problems(root), Notes(root)
    files = _by_number(root, problems)
    table = next(
        (root / name for name in READER.tables if (root / name).is_file()), root / READER.tables[0]
    )
    films = _films(table, problems)
    for number in files.keys() - films.keys() if films else ():
        problems.add(files[number], f"has no line mdb{number} in {table.name}")
    good = survey(list(files.values()), problems, notes, chosen, pixels=pixels)
    problems.raise_any()
    if absent := len(films.keys() - files.keys()):
        notes.add(f"{absent} films of {table.name} are not here")
    rows = [_case(number, films[number], files[number], root, good, task) for number in files]
    rows = published.labelled(rows, task, notes)
    labelled_ids = {row["image_id"] for row in rows}
    findings = []
    for number in (number for number in files if number in labelled_ids):
        findings += _findings(number, films[number], good[files[number]], notes)
    placed = pd.DataFrame(findings, columns=list(no_findings()))
    return Dataset(root, pd.DataFrame(rows), placed, notes=notes.all(), annotations=(table,))


def _by_number(root: Path, problems: Problems) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in files_below(root, problems):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            match = _NAME.search(path.stem)
            if not match:
                problems.add(path, "has no film's number, such as mdb001; rename or remove it")
            elif (earlier := files.setdefault(match[1], path)) != path:
                problems.add(
                    path, f"is the same film as {problems.name(earlier)}; keep one of them"
                )
    if not files and not problems.lines:
        problems.lines.append("there are no films; expected mdb001.pgm, ...")
    return dict(sorted(files.items()))


def _films(table: Path, problems: Problems) -> Films:
    """Return the lines about each film; prose around them is passed over."""
    if not table.is_file():
        problems.lines.append(f"there is no {' or '.join(READER.tables)}; copy it into the folder")
        return {}
    films = defaultdict(list)
    for number, line in enumerate(table.read_text("latin-1").splitlines(), start=1):
        match = _LINE.match(line.strip())
        if match and (match["kind"] == "NORM") == (match["severity"] is None):
            films[match["film"][3:]].append(match)
        elif _NAME.match(line) and len(line.split()) < 9:
            problems.lines.append(f"line {number} of {table.name} can't be read: {line.strip()!r}")
    return films


def _case(
    number: str, lines: list[re.Match], path: Path, root: Path, good: dict[Path, Inspected],
    task: Task,
) -> dict[str, object]:  # fmt: skip
    severity = _SEVERITY[max(line["severity"] or "" for line in lines)]
    pair = (int(number) + 1) // 2  # 001 and 002 are of one patient
    return published.file_facts(path, root, good[path]) | {
        "image_id": number, "patient_id": f"{2 * pair - 1:03d}-{2 * pair:03d}",
        "laterality": "LR"[int(number) % 2], "view": "MLO",
        "malignancy": severity if severity != "normal" else None,
        "label": published.own_label((severity, lines[0]["tissue"]), task),
    }  # fmt: skip


def _findings(
    number: str, lines: list[re.Match], facts: Inspected, notes: Notes
) -> Iterator[dict[str, object]]:
    """Yield a row of findings for each abnormality, with its place where that is known."""
    for line in lines:
        if line["kind"] == "NORM":
            continue
        row = {"image_id": number, "kind": _KINDS[line["kind"]], "descriptors": line["kind"]}
        if line["x"] and (facts.height, facts.width) == (SIZE, SIZE):
            x, y, radius = (int(line[name]) for name in ("x", "y", "radius"))
            y = SIZE - y
            row |= {"x0": x - radius, "y0": y - radius, "x1": x + radius, "y1": y + radius}
        elif line["x"]:
            notes.add("findings have no place: the films aren't of 1024 x 1024 pixels")
        yield row
