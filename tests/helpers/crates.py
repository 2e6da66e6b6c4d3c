"""Crates of executed studies, as whoever gets one has it."""

import json
import zipfile
from pathlib import Path

from helpers.project import run_module


def unpacked(packed: Path, folder: Path) -> tuple[Path, dict[str, dict]]:
    """Unpack a crate to ``folder``; return this and the crate's entities by id."""
    zipfile.ZipFile(packed).extractall(folder)
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return folder, {entity["@id"]: entity for entity in graph}


def written(root: Path, name: str) -> tuple[Path, dict[str, dict]]:
    """Write the crate of a study in a copy of the project, and unpack it beside this."""
    done = run_module(root, "press.sharing.crate", f"config/{name}.yaml")
    assert done.returncode == 0, done.stderr
    (packed,) = (root / "_build" / name).glob("*.zip")
    return unpacked(packed, root.parent / "crate")
