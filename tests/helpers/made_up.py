"""Results of a study that nobody trained, for tests of what reads them."""

from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib import cases, predictions
from birads_lib.task import BIRADS


def made_up_run(home: Path, protocol: str = "patient", seed: int = 0, images: str = "a") -> None:
    """Write cases and the predictions of one run: 20 patients with two images each.

    ``images`` makes the hashes of the files; ``seed`` makes the predictions.
    """
    rng = np.random.default_rng(seed)
    number = np.arange(40)
    grades = number % 5 + 1  # (40,)
    table = pd.DataFrame({"image_id": [f"i{n}" for n in number], "birads": grades})
    table["patient_id"] = [f"p{n // 2}" for n in number]
    digest = [f"{ord(images):x}{n:062x}" for n in number]
    unknown = dict.fromkeys(["laterality", "view", "density", "modality"])
    table = table.assign(**unknown, birads_original=grades.astype(str), path=table["image_id"])
    table = table.assign(size_bytes=1, sha256=digest)
    cases.Dataset(home, table, cases.no_findings()).write(home)
    p = rng.dirichlet(np.ones(5), size=40) + 0.5 * np.eye(5)[grades - 1]
    shares = pd.DataFrame(p / p.sum(1, keepdims=True), columns=BIRADS.probabilities)
    rows = table[["image_id", "patient_id"]].assign(variant="proposed", protocol=protocol)
    rows = rows.assign(fold=number // 2 % 2, seed=0, part="test", copy=0, y_true=grades)
    folder = home / "runs" / "proposed" / protocol
    predictions.write(pd.concat([rows, shares], axis=1), folder / "predictions.parquet")
