"""Evaluate predictions of 410 images: metrics and net benefit, each with 2,000 resamples."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from bench.contest import Contest, Peer
from birads_lib.scores import decision, metrics
from birads_lib.scores.bootstrap import Resampling, patient_bootstrap

IMAGES, PATIENTS, RESAMPLES = 410, 108, 2000  # as many as INbreast has
FEW = 200  # resamples that a loop is timed on
LOWEST = 4  # the decision whose net benefit is taken: BI-RADS >= 4


@cache
def predictions(n: int = IMAGES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return made-up grades (n,), probabilities (n, 5) and patients (n,)."""
    rng = np.random.default_rng(0)
    y = rng.choice(5, n, p=[0.16, 0.54, 0.06, 0.1, 0.14]) + 1
    logits = 2 * np.eye(5)[y - 1] + rng.normal(0, 1, (n, 5))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return y, p, rng.integers(0, round(n * PATIENTS / IMAGES), n)


def bootstrap(folder: Path) -> np.ndarray:
    """Return the headline metrics of the first few of all resamples."""
    y, p, patients = predictions()
    table = patient_bootstrap(y, p, Resampling(patients, RESAMPLES))
    return table[list(metrics.headline_names())].to_numpy()[:FEW]


def resamples():
    """Yield the rows of the first few of our own resamples."""
    _, _, patients = predictions()
    weights = next(Resampling(patients, RESAMPLES).weights(IMAGES))  # (n, R)
    for column in weights.T[:FEW]:
        yield np.repeat(np.arange(IMAGES), column.astype(int))


def scikit_learn_loop(folder: Path) -> np.ndarray:
    y, p, _ = predictions()
    return np.array([with_scikit_learn(y[rows], p[rows]) for rows in resamples()])


def with_scikit_learn(y: np.ndarray, p: np.ndarray) -> list[float]:
    """Return the metrics of ``metrics.headline_names``, in order; an absent grade has no AUC."""
    called = p.argmax(1) + 1
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        y, called, average="macro", zero_division=0
    )
    aucs = [sk.roc_auc_score(y == g, p[:, g - 1]) for g in range(1, 6) if (y == g).sum() > 0]
    away = np.abs(y - called)
    return [
        sk.accuracy_score(y, called), precision, recall, f1, np.mean(aucs),
        sk.matthews_corrcoef(y, called), sk.cohen_kappa_score(y, called, weights="quadratic"),
        away.mean(), (away <= 1).mean(), sk.roc_auc_score(y >= 4, p[:, 3:].sum(1)),
    ]  # fmt: skip


def needs_action() -> tuple[np.ndarray, np.ndarray]:
    y, p, _ = predictions()
    return y >= LOWEST, decision.probability_of_at_least(p, LOWEST)


def net_benefit(folder: Path) -> np.ndarray:
    return decision.net_benefit(*needs_action())[:, 0]  # (99,)


def net_benefit_of_resamples(folder: Path) -> np.ndarray:
    """Return the net benefit of the first few of all resamples, (few, 99)."""
    weights = next(Resampling(predictions()[2], RESAMPLES).weights(IMAGES))
    return decision.net_benefit(*needs_action(), weights=weights).T[:FEW]


def dca(rows: np.ndarray | None = None) -> np.ndarray:
    import dcurves

    positive, score = needs_action()
    table = pd.DataFrame({"needed": positive, "model": score})
    table = dcurves.dca(
        data=table if rows is None else table.iloc[rows],
        outcome="needed", modelnames=["model"], thresholds=decision.THRESHOLDS,
    )  # fmt: skip
    return table.loc[table["model"] == "model", "net_benefit"].to_numpy()


def with_dcurves(folder: Path) -> np.ndarray:
    return dca()


def dcurves_loop(folder: Path) -> np.ndarray:
    return np.stack([dca(rows) for rows in resamples()])


LOOP = f"a loop over the same resamples, timed on {FEW} of the {RESAMPLES:,}"
CONTESTS = [
    Contest(
        "bootstrap",
        f"{RESAMPLES:,} resamples over patients of {IMAGES} images: all metrics of the book",
        bootstrap,
        {"scikit-learn loop": Peer(scikit_learn_loop, 30, 1e-9, LOOP, FEW / RESAMPLES)},
    ),
    Contest(
        "net_benefit",
        f"net benefit of {IMAGES} images at 99 thresholds",
        net_benefit,
        {"dcurves": Peer(with_dcurves, 300, 1e-9)},
        rounds=15,
    ),
    Contest(
        "net_benefit_resamples",
        f"net benefit at 99 thresholds in {RESAMPLES:,} resamples over patients",
        net_benefit_of_resamples,
        {"dcurves loop": Peer(dcurves_loop, 300, 1e-9, LOOP, FEW / RESAMPLES)},
    ),
]
