"""A made-up cohort and run, with the parts that each protocol gives."""

import numpy as np
import pandas as pd

from birads_lib.splits import assign_parts
from birads_lib.task import BIRADS


def images(patients=30, seed=0):
    """Cases: four images a patient, a grade a breast; grade 2 most frequent, 3 rare."""
    rng = np.random.default_rng(seed)
    n = 4 * patients
    grades = [*range(1, 6)] * 6 + [2] * (2 * patients - 30)
    return pd.DataFrame(
        {
            "image_id": [f"i{i:03d}" for i in range(n)],
            "patient_id": np.repeat([f"p{i:02d}" for i in range(patients)], 4),
            "laterality": ["L", "L", "R", "R"] * patients,
            "birads": np.repeat(rng.permutation(grades), 2),
        }
    )


def run(cases, protocol, folds=3, seed=0):
    """Predictions of a made-up run with the parts that the protocol gives."""
    rng = np.random.default_rng(seed)
    parts = [assign_parts(cases, protocol, folds, f, seed).assign(fold=f) for f in range(folds)]
    table = pd.concat(parts, ignore_index=True).assign(seed=seed, protocol=protocol)
    table["y_true"] = cases["birads"].to_numpy()[table["row"]]
    table[BIRADS.probabilities] = rng.dirichlet(np.ones(5), size=len(table))
    return table
