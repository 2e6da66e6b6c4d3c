"""Folders that appear whole or not at all, and archives of them that are the same every time."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from birads_lib.files import one_at_a_time, written_whole

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time an archive can tell
STORED = (".png", ".zip", ".keras", ".parquet")  # compressed already


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield an empty folder; it takes the place of ``path`` if the block succeeds.

    What a killed process left of it is removed by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh, former = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.former")
    with one_at_a_time(path.with_name(f".{path.name}.lock"), f"waiting for {path.name}"):
        _remove(fresh, former)
        fresh.mkdir()
        try:
            yield fresh
            if path.exists():
                path.rename(former)
            fresh.rename(path)
        finally:
            _remove(fresh, former)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder, sorted by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def archive(folder: Path, path: Path) -> None:
    """Write all files below ``folder`` as a zip; equal folders give equal bytes."""
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for file in files_below(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16  # an ordinary file, readable by all
            small = file.suffix in STORED
            entry.compress_type = zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED
            with open(file, "rb") as source, packed.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
