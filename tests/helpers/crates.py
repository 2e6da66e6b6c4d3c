"""Crates of executed studies, as whoever gets one has it."""

import json
import zipfile
from pathlib import Path

from helpers.project import run_module


def unpacked(root: Path, name: str) -> tuple[Path, dict[str, dict]]:
    """Write and unpack the crate of a study in a copy; return its folder and entities by id."""
    done = run_module(root, "press.sharing.crate", f"config/{name}.yaml")
    assert done.returncode == 0, done.stderr
    (packed,) = (root / "_build" / name).glob("*.zip")
    folder = root.parent / "crate"
    zipfile.ZipFile(packed).extractall(folder)
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return folder, {entity["@id"]: entity for entity in graph}
