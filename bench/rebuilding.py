"""Bring a book up to date after an edit, and build it anew: the smoke study, with `make book`."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.contest import OURS, Contest, Peer, hold
from press.paths import ROOT
from press.rendering.manifest import ROOT_FILES

FOLDERS = ("birads_lib", "press", "notebooks", "config", "profiles", "book")
PLOTS = "birads_lib/figures/evaluation.py"
EDITED = "\nEDITED = True\n"  # a comment wouldn't do: it makes no page stale
FILES = ("Snakefile", "Makefile", *ROOT_FILES)


def copy_project(folder: Path) -> None:
    """Copy the files that a build reads, with the installed packages as they are."""
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
    for made in ("results", "book/smoke", "_build", ".snakemake"):
        shutil.rmtree(folder / "anew" / made, ignore_errors=True)
    build(folder / "anew")


def after_prose(folder: Path) -> None:
    edit(folder / "prose", "book/glossary.md", "\nA sentence.\n")


def after_plot(folder: Path) -> None:
    edit(folder / "plot", PLOTS, EDITED)


def edit(project: Path, file: str, text: str) -> None:
    with open(project / file, "a") as edited:
        edited.write(text)
    build(project)


def built(folder: Path) -> None:
    """Build one copy, and copy it with its results."""
    for name in ("anew", "prose", "plot"):
        shutil.rmtree(folder / name, ignore_errors=True)
    copy_project(folder / "anew")
    build(folder / "anew")
    for name in ("prose", "plot"):
        shutil.copytree(folder / "anew", folder / name, symlinks=True)
        # In a folder that it was copied to, Sphinx reads all pages once again.
        edit(folder / name, "book/glossary.md", "\nAnother sentence.\n")


def measure(folder: Path) -> list[dict]:
    """Return two contests, that of an edit to prose and that of one to a plot."""
    peers = {
        "a plot": Peer(after_plot, None, None),
        "built anew": Peer(anew, None, None, "every notebook and every page"),
    }
    held = hold(Contest("rebuilding", "", after_prose, peers, built, rounds=2, warm=False), folder)
    prose, plot, whole = held["contenders"]
    edits = [
        ("prose", prose, "a chapter's prose", 20),
        ("plot", plot, "the plots of chapter 04", 3),
    ]
    contests = []
    for name, ours, what, at_least in edits:
        facts = {"name": f"rebuilding_{name}", "unit": held["unit"]}
        facts["work"] = f"the smoke study's book after an edit to {what}"
        rows = [ours | {"name": OURS}, whole | {"at_least": at_least}]
        contests.append(facts | {"contenders": rows})
    return contests
