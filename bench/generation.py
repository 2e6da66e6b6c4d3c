"""Draw a cohort of phantoms, on two cores and on one."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from bench.contest import Contest, Peer
from birads_lib.files import sha256
from birads_lib.readers import phantoms

PATIENTS = 100  # four images each


def make(folder: Path, workers: int) -> np.ndarray:
    """Return the bytes of the images' hashes, as numbers."""
    drawn = Path(tempfile.mkdtemp(dir=folder))
    try:
        dataset = phantoms.read(drawn, patients=PATIENTS, seed=1, workers=workers)
        hashes = [sha256(path) for path in dataset.files()]
    finally:
        shutil.rmtree(drawn)
    return np.array([list(bytes.fromhex(digest)) for digest in hashes])


CONTESTS = [
    Contest(
        "phantoms",
        f"draw {PATIENTS * 4} phantoms of 256 x 256 pixels",
        partial(make, workers=2),
        {"one core": Peer(partial(make, workers=1), 1.8, 0.0, "the same program")},
    )
]
