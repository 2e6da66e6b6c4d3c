"""Passports: the facts behind a figure, table, file or page, the same for each execution.

A passport names the cell that made it, what this read, its code, parameters, machine and time.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from birads_lib.files import sha256, sha256_of, written_whole
from press.outputs import as_json
from press.paths import ROOT, passport_path, source_notebook

VERSIONS = (
    "keras", "numpy", "scipy", "pandas", "scikit-learn", "opencv-python-headless", "matplotlib",
    "umap-learn", "papermill", "snakemake",
)  # fmt: skip
# What differs between two executions that are the same in all that can change a result.
PASSING = ("started", "seconds", "commit", "uncommitted_changes")


def executing_cell(notebook: str) -> tuple[int, str] | tuple[None, None]:
    """Return number (from 1) and id of the source cell that is being executed.

    Nothing where no kernel executes one, or one that was edited since the notebook was saved.
    """
    cells = json.loads(source_notebook(notebook).read_text())["cells"]
    code = executing_code()
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code" and "".join(cell["source"]) == code:
            return number, cell["id"]
    return None, None


def executing_code() -> str | None:
    """Return the code that this kernel was asked to execute; None where this is no kernel."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel.get_parent()["content"]["code"] if kernel else None


def input_facts(name: str, path: Path, study: str) -> dict:
    """Return the facts of one file that ``study`` reads, and of the passport it came with."""
    facts = {"name": name, "file": shown(path), "sha256": sha256(path)}
    passport = passport_path(path)
    if passport.exists():
        made = json.loads(passport.read_text())
        facts |= {"made_by": made["page"], "artefact": made["id"]}
        facts |= {"study": made["study"]} if made["study"] != study else {}
        facts |= {"passport_sha256": sha256(passport)}
        facts["intact"] = made["sha256"] == facts["sha256"]
    return facts


def hash_of_hashes(hashes: Iterable[str]) -> str:
    """Return one SHA-256 over those of many files, whatever their order and names.

    The same as ``sort hashes.txt | sha256sum``, with one hash a line.
    """
    return sha256_of("".join(f"{digest}\n" for digest in sorted(hashes)).encode())


def steady(facts: object) -> object:
    """Return a passport without what differs between two equal executions (``PASSING``)."""
    if isinstance(facts, dict):
        return {name: steady(value) for name, value in facts.items() if name not in PASSING}
    return [steady(item) for item in facts] if isinstance(facts, list) else facts


def settled(path: Path, facts: dict) -> dict:
    """Write a passport, unless the one that is there says the same; return what is there then.

    So a notebook that is executed again, to the same result, leaves its files as they were.
    """
    facts = json.loads(as_json(facts))
    if path.exists():
        before = json.loads(path.read_text())
        if steady(before) == steady(facts):
            return before
    with written_whole(path) as temporary:
        temporary.write_bytes(as_json(facts))
    return facts


def shown(path: Path) -> str:
    """Name a file without telling whose machine it lies on."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


@cache
def commit() -> dict:
    """Return the commit of the repository, and whether code was changed since."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    changed = git("status", "--porcelain", "--", "birads_lib", "press", "notebooks", "config")
    return {"commit": git("rev-parse", "HEAD"), "uncommitted_changes": bool(changed)}


@cache
def environment() -> dict:
    """Return the versions of what computes, and the hash of the lock that fixes all others."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    lock = ROOT / "uv.lock"
    return {
        "uv_lock_sha256": sha256(lock) if lock.exists() else None,
        "python": platform.python_version(),
        "keras_backend": backend,
        **{name: version(name) for name in (*VERSIONS, backend)},
    }


def device() -> str:
    """Name the processor, and the accelerators where this process has loaded Keras."""
    names = [f"{_processor()}, {os.cpu_count()} cores"]
    if "keras" in sys.modules:
        devices = sys.modules["keras"].distribution.list_devices()
        names += [name for name in devices if not name.startswith("cpu")]
    return ", ".join(names)


@cache
def _processor() -> str:
    """Return the name of the processor's model where the system tells it, else its kind."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()} CPU" + (f" ({names[0]})" if names else "")
