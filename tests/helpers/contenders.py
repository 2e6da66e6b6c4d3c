"""The work of contenders in a made-up contest, each in a process that imports this module."""

import os
import time
from pathlib import Path

import numpy as np


def add(folder: Path, value: float) -> np.ndarray:
    with open(folder / "turns.txt", "a") as turns:
        turns.write(f"{value} ")
    return np.full(3, value)


def fill(folder: Path, megabytes: int) -> None:
    held = np.ones(megabytes * 10**6, np.uint8)
    time.sleep(0.3)
    del held


def keeps_memory(folder: Path) -> np.ndarray:
    return np.array([float("MALLOC_TRIM_THRESHOLD_" in os.environ)])
