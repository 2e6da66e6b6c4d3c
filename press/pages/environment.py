"""The environment of an execution: the commit, the versions of packages, the machine."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from birads_lib.files import sha256
from press.paths import ROOT

PACKAGES = (
    "keras", "numpy", "scipy", "pandas", "scikit-learn", "opencv-python-headless", "matplotlib",
    "umap-learn", "papermill", "snakemake",
)  # fmt: skip


@cache
def commit() -> dict:
    """Return the commit of the repository, and whether code was changed since, or may have been."""
    changed = git("status", "--porcelain", "--", "birads_lib", "press", "notebooks", "config")
    return {"commit": git("rev-parse", "HEAD") or "unknown", "uncommitted_changes": changed != ""}


def git(*arguments: str, asked: str = "") -> str | None:
    """Return git's output for the input ``asked``; None without git, or without a repository."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, input=asked, capture_output=True, text=True
        )
    except OSError:  # it isn't installed
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def versions() -> dict:
    """Return the versions of what computes, and the hash of the lock that fixes all others."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    lock = ROOT / "uv.lock"
    return {
        "uv_lock_sha256": sha256(lock) if lock.exists() else None,
        "python": platform.python_version(),
        "keras_backend": backend,
        **{name: version(name) for name in (*PACKAGES, backend)},
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
