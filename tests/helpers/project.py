"""Copies of the project, in which a test may change whatever it likes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("birads_lib", "press", "notebooks", "config", "profiles")
FILES = (
    "Snakefile", "Makefile", "_config.yml", "_toc.yml", "pyproject.toml", "uv.lock",
    "environment.yml", "README.md", "CITATION.cff", "LICENSE", "LICENSE-text",
)  # fmt: skip
CLUTTER = shutil.ignore_patterns(".ipynb_checkpoints")


def copy_project(root: Path, *made: str) -> Path:
    """Copy the project to ``root`` as it is before anything ran, and return ``root``.

    ``made`` are paths of what was made in the project since, or is committed among its executed
    pages, and is copied as well. Times are kept, as Snakemake goes by them.
    """
    root.mkdir(parents=True)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=CLUTTER)
    for path in (ROOT / "book").iterdir():
        a_study = (ROOT / "config" / f"{path.name}.yaml").exists() or any(path.glob("*.ipynb"))
        if path.is_dir() and not a_study:
            shutil.copytree(path, root / "book" / path.name, ignore=CLUTTER)
        elif path.is_file():
            (root / "book").mkdir(exist_ok=True)
            shutil.copy2(path, root / "book")
    for name in FILES:
        shutil.copy2(ROOT / name, root)
    for name in made:
        shutil.copytree(ROOT / name, root / name, ignore=CLUTTER)
    return root


def run_in(root: Path, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    """Run a command with the packages of the project in ``root``, there or in ``folder``."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(root), "PATH": path}
    options = {"cwd": folder or root, "env": environment, "capture_output": True, "text": True}
    return subprocess.run(command, **options)


def run_module(root: Path, module: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run a module of the project in ``root``, as its Makefile does."""
    return run_in(root, sys.executable, "-m", module, *arguments)
