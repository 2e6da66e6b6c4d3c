"""Ways to train, held against each other on the same images by the AUC of two labels.

Tables are test rows of predictions, one for each way ("arm"), with the probabilities p1 and p2; the
second label is the positive one. Folds and seeds of an arm are pooled, as everywhere in ``scores``;
the ensemble of an arm is the mean probability over its seeds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from birads_lib.predictions import probabilities, probability_columns
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.comparisons import adjusted, aligned, paired_differences
from birads_lib.scores.metrics import weighted_auc

POSITIVE = 2  # number of the label whose probability is the score


def auc(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the AUC (R,) of R weighted samples, as a measure for ``bootstrap.intervals``."""
    # Sums that are equal on paper differ in their last bits; rounding keeps them tied.
    return {"auc": weighted_auc(p[:, POSITIVE - 1].round(12), y == POSITIVE, weights)}


def ensemble(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per image with the mean probability over seeds; fold and seed are then 0."""
    names = probability_columns(table)
    means = table.groupby(["image_id", "copy"], sort=True)[names].mean().reset_index()
    facts = table.drop(columns=[*names, "fold", "seed"]).drop_duplicates(["image_id", "copy"])
    return facts.merge(means, on=["image_id", "copy"]).assign(fold=0, seed=0)


def by_arm(
    tables: Mapping[str, pd.DataFrame], resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return [estimate, low, high] of the AUC of each arm, by its name, over patients and seeds."""
    rows = {}
    for name, table in tables.items():
        y, p = table["y_true"].to_numpy(), probabilities(table)
        row = intervals(y, p, Resampling.of(table, resamples, seed), auc).iloc[0]
        rows[name] = row[["estimate", "low", "high"]].astype(float)
    return pd.DataFrame(rows).T


def differences(
    tables: Mapping[str, pd.DataFrame],
    pairs: Sequence[tuple[str, str]],
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the paired differences in AUC of arms on the same images, a row for each pair.

    Columns: first, second, estimate, low, high, p_value and ``holm``, adjusted for all pairs.
    Patients and seeds are drawn for both at once.

    Raises UserError where two arms graded other images or in other folds.
    """
    rows = []
    for first, second in pairs:
        paired = aligned({name: tables[name] for name in (first, second)}, first)
        y, resampling = (
            paired[first]["y_true"].to_numpy(),
            Resampling.of(paired[first], resamples, seed),
        )
        p = [probabilities(paired[name]) for name in (first, second)]
        row = paired_differences(y, *p, resampling, auc).iloc[0]
        rows.append(
            {"first": first, "second": second, **row[["estimate", "low", "high", "p_value"]]}
        )
    (table,) = adjusted([pd.DataFrame(rows)])
    return table
