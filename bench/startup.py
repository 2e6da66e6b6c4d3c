"""What it takes before anything is done: imports, and a notebook that evaluates."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bench.evaluation import IMAGES, predictions
from birads_lib import predictions as table_of
from birads_lib.task import BIRADS
from press.paths import ROOT

ROUNDS = 5
CURVES = ["accuracy", "loss", "val_accuracy", "val_loss"]


def measure(folder: Path) -> list[dict]:
    """Return the seconds of each start, and the most it may take."""
    importing = [sys.executable, "-c", "import birads_lib, sys; assert 'keras' not in sys.modules"]
    evaluating = [sys.executable, "-m", "press.execution.execute", "notebooks/04_evaluation.ipynb"]
    study = make_run(folder / "study")
    evaluating += [str(folder / "page.ipynb"), json.dumps({"study_dir": str(study)})]
    return [
        {"name": "import birads_lib, Python's own start included", "at_most": 0.5,
         "seconds": [timed(importing) for _ in range(ROUNDS)]},
        {"name": "an evaluation notebook (04) from its command to its page", "at_most": 8,
         "seconds": [timed(evaluating) for _ in range(ROUNDS)]},
    ]  # fmt: skip


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - start


def make_run(study: Path) -> Path:
    """Write predictions and a history, as training leaves them."""
    y, p, patients = predictions()
    shares = pd.DataFrame(p, columns=BIRADS.probabilities)
    rows = pd.DataFrame({"image_id": np.arange(IMAGES).astype(str), "patient_id": patients})
    rows = rows.astype({"patient_id": str}).assign(variant="proposed", protocol="patient")
    rows = pd.concat([rows.assign(seed=0, copy=0, y_true=y), shares], axis=1)
    parts = enumerate(("test", "validation", "train"))
    parts = [rows.assign(fold=(patients + turn) % 5, part=part) for turn, part in parts]
    run = study / "runs/proposed/patient"
    table_of.write(pd.concat(parts, ignore_index=True), run / "predictions.parquet")
    epochs = pd.MultiIndex.from_product([range(5), (1, 2), range(1, 9)])
    history = pd.DataFrame(epochs.tolist(), columns=["fold", "stage", "epoch"])
    history.assign(seed=0, rate=1e-3, **dict.fromkeys(CURVES, 0.5)).to_csv(run / "history.csv")
    return study
