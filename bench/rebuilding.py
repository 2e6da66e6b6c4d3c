"""Bring a book up to date after an edit, and build it anew: the smoke study, with `make book`."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.contest import Contest, Peer
from birads_lib.paths import ROOT

FOLDERS = ("birads_lib", "notebooks", "config", "profiles", "book")
FILES = ("Snakefile", "Makefile", "_config.yml", "_toc.yml", "pyproject.toml", "uv.lock")


def copy_project(folder: Path) -> None:
    """Copy what a build reads, with the installed packages as they are."""
    if folder.joinpath("Makefile").exists():
        return
    for name in FOLDERS:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "smoke")
        )
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def build(folder: Path) -> None:
    """Run `make book` on the smoke study; an installation is no part of it."""
    command = ["make", "book", "STUDY=smoke", "--assume-old=.venv/ready"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def anew(folder: Path) -> None:
    own = folder / "anew"
    copy_project(own)
    for made in ("results", "book/smoke", "_build", ".snakemake"):
        shutil.rmtree(own / made, ignore_errors=True)
    build(own)


def after_prose(folder: Path) -> None:
    after(folder / "prose", "book/glossary.md", "\nA sentence.\n")


def after_plot(folder: Path) -> None:
    after(folder / "plot", "birads_lib/plots/evaluation.py", "\n# A comment.\n")


def after(own: Path, file: str, text: str) -> None:
    """Add to a file and build; the first time there is nothing built yet, and that is untimed."""
    if not own.joinpath("Makefile").exists():
        copy_project(own)
        build(own)
    with open(own / file, "a") as edited:
        edited.write(text)
    build(own)


def nothing(folder: Path) -> None:
    """Each contender has a copy of its own."""


CONTESTS = [
    Contest(
        f"rebuilding_{name}",
        f"the smoke study's book after an edit to {what}",
        nothing,
        work,
        {"built anew": Peer(anew, at_least, None, "every notebook and every page")},
        rounds=2,
    )
    for name, what, work, at_least in [
        ("prose", "a chapter's prose", after_prose, 20),
        ("plot", "the plots of chapter 04", after_plot, 3),
    ]
]
