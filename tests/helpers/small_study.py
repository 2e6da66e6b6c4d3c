"""A tiny study in a copy of the project, for tests that run, disturb and compare whole studies."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from birads_lib.files import sha256
from helpers.project import copy_project

STUDY = """
name: tiny
dataset: {reader: phantoms, patients: 24, seed: 7, size: 96}
protocols: [patient, image]
notebooks:
  02_preprocessing: {image_size: 64}
  03_training: {folds: 2, stage1_epochs: 1, stage2_epochs: 1, views: 2}
  04_evaluation: {resamples: 50}
"""
TRAINED = [f"book/tiny/03_training-proposed-{protocol}.ipynb" for protocol in ("patient", "image")]
EVALUATED = "book/tiny/04_evaluation-proposed-patient.ipynb"
SECONDS = 900  # a run that hangs is an error


class Project:
    """The files of the project that a study needs, in a folder of their own."""

    def __init__(self, root: Path):
        self.root = root
        self.study, self.pages = root / "results/tiny", root / "book/tiny"
        self.run_folder = self.study / "runs/proposed/patient"

    @classmethod
    def new(cls, root: Path) -> "Project":
        copy_project(root)
        (root / "tiny.yaml").write_text(STUDY)
        return cls(root)

    def copy(self, root: Path) -> "Project":
        """Copy the project with its results and what Snakemake knows of them."""
        shutil.copytree(self.root, root)
        return Project(root)

    def options(self, *targets, profile="local", environment=None, **options) -> dict:
        """Return what subprocess needs to run the study; ``options`` are Snakemake's."""
        command = [sys.executable, "-m", "snakemake", "--profile", f"profiles/{profile}"]
        command += [f"--{name}={value}" for name, value in options.items()]
        given = os.environ | (environment or {})
        path = f"{Path(sys.executable).parent}:{given['PATH']}"
        return {
            "args": [*command, "--config", "study=tiny.yaml", "--", *targets],
            "cwd": self.root,
            "env": given | {"PYTHONPATH": str(self.root), "PATH": path},
        }

    def run(self, *targets: str, **options) -> subprocess.CompletedProcess:
        """Run the study; what it says is in ``stdout``."""
        return subprocess.run(
            **self.options(*targets, **options),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
        )  # fmt: skip

    def results(self) -> dict[str, str]:
        """Return the hash of every result under its final name; passports hold times."""
        return {
            path.relative_to(self.root).as_posix(): sha256(path)
            for path in self.study.rglob("[!.]*")
            if path.suffix in (".parquet", ".npy", ".csv", ".png")
            or path.name.endswith(".metrics.json")
        }

    def half_pages(self) -> list[str]:
        """Return the names of pages that are no whole executed notebook."""
        return [path.name for path in self.pages.glob("[!.]*.ipynb") if not _is_executed(path)]

    def leavings(self) -> list[str]:
        """Return the names of temporary files."""
        folders = (self.study, self.pages)
        return [path.name for folder in folders for path in folder.rglob(".*")]

    def forget(self, *patterns: str) -> None:
        """Remove results, as if they had not been made yet."""
        for path in [path for pattern in patterns for path in self.root.glob(pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_executed(path: Path) -> bool:
    try:
        page = json.loads(path.read_text())
    except ValueError:
        return False
    cells = [cell for cell in page["cells"] if cell["cell_type"] == "code"]
    return all(cell["metadata"]["papermill"]["status"] == "completed" for cell in cells)
