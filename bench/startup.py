"""Start-up times: importing the library, and executing a notebook that evaluates."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from press.paths import RESULTS, ROOT

ROUNDS = 5
OF_RUN = ("predictions.parquet", "floors.parquet", "history.csv", "run.json")
READ = ["cases.parquet", *(f"runs/proposed/patient/{name}" for name in OF_RUN)]  # by notebook 04


def measure(folder: Path) -> list[dict]:
    """Return the seconds of each start, and the most it may take."""
    importing = [sys.executable, "-c", "import birads_lib, sys; assert 'keras' not in sys.modules"]
    evaluating = [sys.executable, "-m", "press.execution.execute", "notebooks/04_evaluation.ipynb"]
    study = folder / "study"
    copy_run(study)
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


def copy_run(study: Path) -> None:
    """Copy the notebook's inputs from the smoke study, which `make bench` executes first."""
    for name in READ:
        source, copied = RESULTS / "smoke" / name, study / name
        if not source.exists():
            sys.exit("the smoke study isn't there yet: run `make book STUDY=smoke` first")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copied)
