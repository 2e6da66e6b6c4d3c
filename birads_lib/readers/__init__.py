"""Readers: each turns a folder into a ``Dataset``, or says all that is wrong with it at once."""

import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path

from birads_lib.cases import Dataset
from birads_lib.errors import DatasetError, UserError, check_options, did_you_mean
from birads_lib.images import Inspected, in_parallel, inspect
from press import parameters
from press.paths import ROOT

MODULES = {
    "class_folders": "birads_lib.readers.class_folders",
    "inbreast": "birads_lib.readers.inbreast",
    "phantoms": "birads_lib.phantoms",
}
READERS = tuple(MODULES)
CHECKED_BY = {  # have a `check`
    "class_folders": "birads_lib.readers.class_folders",
    "phantoms": "birads_lib.phantoms.phantom",
}
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
LITTER = ("thumbs.db", "desktop.ini")  # what file managers leave; names with a leading dot too

log = logging.getLogger(__name__)


def load(reader: str, folder: str | Path, **options: object) -> Dataset:
    """Read ``folder`` with the named reader, see ``MODULES``.

    Raises:
        UserError: the reader or an option doesn't exist.
        DatasetError: lists everything wrong with the folder.
    """
    return check(reader, options)(folder, **options)


def check(reader: str, options: dict) -> Callable[..., Dataset]:
    """Return the reader's ``read``; raise UserError if it or an option of it doesn't exist."""
    if reader not in READERS:
        raise UserError(f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}")
    read = import_module(MODULES[reader]).read
    check_options(read, options)
    return read


def problems_of(dataset: dict) -> dict[str, str]:
    """Return {key: what is wrong with it} of a study's ``dataset``, a mapping with ``reader``.

    Unknown readers and options are found, and values of the wrong kind or that the reader's own
    ``check`` refuses. No file of the data set is looked at.
    """
    reader = dataset["reader"]
    if reader not in READERS:
        return {"reader": f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}"}
    kinds = signature(import_module(MODULES[reader]).read).parameters.values()
    defaults = {kind.name: kind.default for kind in kinds if kind.kind is kind.KEYWORD_ONLY}
    defaults["folder"] = ""
    options = {name: value for name, value in dataset.items() if name != "reader"}
    found = {name: _option_problem(reader, name, options[name], defaults) for name in options}
    return {name: what for name, what in found.items() if what}


def _option_problem(reader: str, name: str, value: object, defaults: dict) -> str:
    if name not in defaults:
        return f"unknown option {name!r}: {did_you_mean(name, defaults)}"
    if isinstance(defaults[name], str | int | float):
        what = parameters.problem(name, value, defaults[name])
        if what or name == "folder" or reader not in CHECKED_BY:
            return what
    try:
        import_module(CHECKED_BY[reader]).check(**{name: value})
    except UserError as error:
        return str(error)
    return ""


def fingerprint(folder: Path) -> str:
    """Return a hash over name, size and time of each file: what a quick look can tell apart."""
    found = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else []
    facts = [(os.fsencode(p), p.stat().st_size, p.stat().st_mtime_ns) for p in found]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def of_study(dataset: dict, study_dir: str) -> Dataset:
    """Read the data set that a study's YAML describes; options as ``load`` takes them.

    Raises UserError also where a reader needs a folder and none was given.
    """
    options = dict(dataset)
    reader = options.pop("reader")
    options.pop("folder", None)
    return load(reader, folder_of(dataset, study_dir), **options)


def folder_of(dataset: dict, study_dir: str) -> Path:
    """Return the folder of a study's images; relative ones count from the project's root.

    Phantoms are made in the study's own folder unless another is given.
    """
    if dataset.get("folder"):
        return (ROOT / Path(dataset["folder"]).expanduser()).resolve()
    if dataset["reader"] == "phantoms":
        return ROOT / study_dir / "phantoms"
    raise UserError(
        f"the reader '{dataset['reader']}' needs the folder of the images: "
        "make book STUDY=... DATA=<folder>, or 'folder:' under 'dataset:' in the study's YAML"
    )


def existing(folder: str | Path) -> Path:
    """Return ``folder`` as a path, or raise ``DatasetError`` where there is none."""
    folder = Path(folder).expanduser()
    if folder.is_dir():
        return folder
    reason = "is a file, not a folder" if folder.exists() else "does not exist"
    raise DatasetError(f"{str(folder)!r} {reason}; give the folder of the data set")


class Problems:
    """What is wrong with the data set in ``root``, collected to be told at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []

    def add(self, path: Path, what: str) -> None:
        """Note what is wrong with a file, and what to do."""
        self.lines.append(f"{self.name(path)} {what}")

    def name(self, path: Path) -> str:
        """Return the path below ``root`` in quotes, bytes that are no UTF-8 escaped."""
        below = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return f"'{below.as_posix()}'" if is_utf8(below.as_posix()) else ascii(below.as_posix())

    def tell(self) -> None:
        """Raise ``DatasetError`` if anything is wrong."""
        if self.lines:
            raise DatasetError(self.lines, f"The data set {str(self.root)!r}")


def is_litter(name: str) -> bool:
    """Whether a file is one that operating systems drop everywhere."""
    return name.startswith(".") or name.lower() in LITTER


def is_utf8(name: str) -> bool:
    """Whether a table can hold the name; Python keeps other bytes as surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def files_below(folder: Path, problems: Problems) -> list[Path]:
    """Return every file below ``folder``, sorted, but for litter and names that can't be used."""

    def refuse(error: OSError) -> None:
        problems.add(Path(error.filename), f"cannot be read ({error.strerror}); allow reading it")

    files = []
    for where, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if not is_litter(name)]
        files += [Path(where, name) for name in names if not is_litter(name)]
    unusable = {path for path in files if not is_utf8(path.relative_to(folder).as_posix())}
    for path in sorted(unusable):
        problems.add(path, "has a name that isn't UTF-8; rename it")
    return sorted(set(files) - unusable)


def survey(files: list[Path], problems: Problems, workers: int) -> dict[Path, Inspected]:
    """Decode and hash every file; return the good ones, note what is wrong with the others."""
    good: dict[Path, Inspected] = {}
    same: dict[str, list[str]] = defaultdict(list)
    for path, facts in zip(files, in_parallel(inspect, files, workers, "reading"), strict=True):
        if facts.problem:
            problems.add(path, facts.problem)
        else:
            good[path] = facts
            same[facts.pixels].append(problems.name(path))
    for names in same.values():
        if len(names) > 1:
            problems.lines.append(f"{' and '.join(names)} are the same image; keep one of them")
    return good


def file_columns(path: Path, root: Path, facts: Inspected) -> dict[str, object]:
    """Return the columns of ``cases`` that describe the file."""
    where = path.relative_to(root).as_posix()
    return {"path": where, "size_bytes": facts.size_bytes, "sha256": facts.sha256}
