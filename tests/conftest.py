"""Fixtures shared by all tests."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from press.execute import collect_seldom

ROOT = Path(__file__).resolve().parent.parent

collect_seldom()  # as in a kernel


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of restricted development data, or a skip where it is absent."""
    folder = Path(os.environ.get("BIRADS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the restricted data sets, absent here: {folder} (set BIRADS_SHARED)")
    return folder


def copied(root: Path) -> Path:
    """Copy the project to ``root`` as it is before anything ran, without the frozen pages."""
    for name in ("birads_lib", "press", "notebooks", "config", "book"):
        made = [] if name != "book" else [p.name for p in (ROOT / name).iterdir() if _is_made(p)]
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", *made)
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("_config.yml", "_toc.yml", "uv.lock"):
        shutil.copy(ROOT / name, root)
    return root


def _is_made(folder: Path) -> bool:
    """Whether a folder of the book holds executed notebooks."""
    return folder.is_dir() and any(folder.glob("*.ipynb"))


@pytest.fixture
def clean_copy(tmp_path) -> Path:
    """A copy of the project as it is before anything ran."""
    return copied(tmp_path / "project")


def made_up_run(home: Path, protocol: str = "patient", seed: int = 0, images: str = "a") -> None:
    """Write cases and the predictions of one run: 20 patients with two images each.

    ``images`` makes the hashes of the files; ``seed`` makes the predictions.
    """
    from birads_lib import cases, predictions

    rng = np.random.default_rng(seed)
    number = np.arange(40)
    grades = number % 5 + 1  # (40,)
    table = pd.DataFrame({"image_id": [f"i{n}" for n in number], "birads": grades})
    table["patient_id"] = [f"p{n // 2}" for n in number]
    digest = [f"{ord(images):x}{n:062x}" for n in number]
    unknown = dict.fromkeys(["laterality", "view", "density", "modality"])
    table = table.assign(**unknown, birads_original=grades.astype(str), path=table["image_id"])
    cases.write_cases(table.assign(size_bytes=1, sha256=digest), home / "cases.parquet")
    p = rng.dirichlet(np.ones(5), size=40) + 0.5 * np.eye(5)[grades - 1]
    shares = pd.DataFrame(p / p.sum(1, keepdims=True), columns=predictions.PROBABILITIES)
    rows = table[["image_id", "patient_id"]].assign(variant="proposed", protocol=protocol)
    rows = rows.assign(fold=number // 2 % 2, seed=0, part="test", copy=0, y_true=grades)
    folder = home / "runs" / "proposed" / protocol
    predictions.write(pd.concat([rows, shares], axis=1), folder / "predictions.parquet")
