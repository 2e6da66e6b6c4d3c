"""Floors: a run's network beside what does without it, on the same test rows.

A floor is a model that anybody would try before a network. ``training.floors`` makes the floors'
predictions, a table in the schema of ``predictions`` with a floor's name as variant. The network is
held against the best floor of each metric. Which floor is best is seen on the test rows themselves,
which favours the floors.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import probabilities
from birads_lib.scores.bootstrap import Resampling, estimates, intervals
from birads_lib.scores.comparisons import adjusted, aligned, paired_differences
from birads_lib.scores.metrics import every_metric, headline_names
from birads_lib.task import BIRADS, Task
from birads_lib.texts import in_words, interval, listing

FLOORS = {
    "majority": "Most frequent category",
    "density_and_view": "Density and view alone",
    "logistic_regression": "Logistic regression, frozen features",
}
NETWORK = "model"  # the network's name among the answers
ANSWERS = {NETWORK: "The network", **FLOORS}
LEVEL = 0.05  # of Holm-adjusted p-values, over the metrics compared
_VERDICTS = {"below": "below", "alike": "not measurably different from", "above": "above"}
_BY_HOLM = "After Holm's adjustment, the network is"


def compared(task: Task = BIRADS) -> tuple[str, ...]:
    """Return the metrics in which network and floors are compared; more is better in each."""
    metrics = ("accuracy", "macro_f1", "mean_auc", "mcc", "qwk")
    return tuple(name for name in metrics if name in headline_names(task))


def answers(test: pd.DataFrame, floors: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the probabilities (n, K) of the network and each floor, in the order of ``test``.

    Args:
        test: the test rows of a run, as ``predictions.out_of_fold`` gives them.
        floors: its floors, as ``training.floors.of_run`` returns them.

    Raises:
        UserError: the floors are of other rows.
    """
    by_name = dict(list(floors.groupby("variant")))
    tables = {NETWORK: test} | {name: by_name[name] for name in FLOORS if name in by_name}
    try:
        rows = aligned(tables, NETWORK)
    except UserError as error:
        raise UserError(f"{error}\nRun 03_training_floors again: floors are of one run.") from None
    return {name: probabilities(table) for name, table in rows.items()}


def intervals_by_floor(
    floors: pd.DataFrame, resamples: int = 2000, seed: int = 0, task: Task = BIRADS
) -> pd.DataFrame:
    """Return ``bootstrap.intervals`` of each floor of a run, with the column ``answer`` first."""
    measure, tables = partial(every_metric, task=task), {}
    for name, rows in floors.groupby("variant", sort=False):
        resampling = Resampling.of(rows, resamples, seed)
        y, p = rows["y_true"].to_numpy(), probabilities(rows)
        tables[name] = intervals(y, p, resampling, measure)
    return pd.concat(tables, names=["answer"]).reset_index("answer").reset_index(drop=True)


def metrics_table(metrics: Mapping[str, pd.DataFrame], task: Task = BIRADS) -> pd.DataFrame:
    """Return intervals as texts, a row per protocol and floor, a column per metric compared.

    ``metrics`` are ``intervals_by_floor`` by protocol.
    """
    table = pd.concat(metrics, names=["protocol"]).reset_index("protocol")
    table = table[table["metric"].isin(compared(task))]
    texts = map(interval, table["estimate"], table["low"], table["high"])
    table = table.assign(text=list(texts), floor=table["answer"].map(FLOORS))
    table["metric"] = table["metric"].map(headline_names(task))
    return table.pivot_table("text", ["protocol", "floor"], "metric", "first", sort=False)


def differences(
    y: np.ndarray, p: Mapping[str, np.ndarray], resampling: Resampling, task: Task = BIRADS
) -> pd.DataFrame:
    """Return the network minus the best floor of each metric in ``compared``, paired.

    Columns: metric, floor (the best by it, a key of ``FLOORS``), those of
    ``comparisons.paired_differences``, holm (p adjusted over the metrics), verdict: "above" or
    "below" where that is under ``LEVEL``, else "alike".

    Args:
        y: (n,) true labels.
        p: of ``answers``, the network and at least one floor.
        resampling: of the n rows.
        task: whose labels these are.
    """
    measure, names = partial(every_metric, task=task), compared(task)
    values = pd.DataFrame({name: estimates(y, p[name], measure) for name in FLOORS if name in p})
    best = values.loc[list(names)].fillna(-np.inf).idxmax(axis=1)
    tables = {
        floor: paired_differences(y, p[NETWORK], p[floor], resampling, measure).set_index("metric")
        for floor in best.unique()
    }
    rows = pd.DataFrame([tables[floor].loc[metric] for metric, floor in best.items()], names)
    rows.insert(0, "floor", best)
    return judged({"": rows.rename_axis("metric").reset_index()})[""]


def judged(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return tables of ``differences``, by any name, with p adjusted and judged over all of them.

    A page that shows several protocols calls differences of all of them significant.
    """
    tested = dict(zip(tables, adjusted(list(tables.values())), strict=True))
    for name, rows in tested.items():
        side = np.where(rows["estimate"] > 0, "above", "below")
        tested[name] = rows.assign(verdict=np.where(rows["holm"] < LEVEL, side, "alike"))
    return tested


def sentence(table: pd.DataFrame, task: Task = BIRADS) -> str:
    """Return in words where the network stands: "..., the network is below its best floor in MCC."

    What speaks against the network comes first. The table is that of ``differences``.
    """
    if table["verdict"].nunique() == 1 and len(table) > 1:
        verdict = table["verdict"].iloc[0]
        quantifier = "any of the" if verdict == "alike" else "all"
        metrics = f"{quantifier} {in_words(len(table))} metrics"
        return f"{_BY_HOLM} {_VERDICTS[verdict]} its best floor in {metrics}."
    titles, parts = headline_names(task), []
    for verdict, words in _VERDICTS.items():
        metrics = table.loc[table["verdict"] == verdict, "metric"]
        if len(metrics):
            listed = listing(_within_a_sentence(titles[name]) for name in metrics)
            parts.append(f"{words} {'it' if parts else 'its best floor'} in {listed}")
    return f"{_BY_HOLM} {'; '.join(parts)}."


def records(table: pd.DataFrame) -> pd.DataFrame:
    """Return [metric, estimate, low, high] of ``differences``, as "minus_best_floor.<metric>"."""
    table = table.assign(metric="minus_best_floor." + table["metric"])
    return table[["metric", "estimate", "low", "high"]]


def as_table(table: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return ``differences`` as a table to show, a row per metric."""
    shown = table.assign(
        metric=table["metric"].map(headline_names(task)),
        floor=table["floor"].map(FLOORS),
        verdict=table["verdict"].map(_VERDICTS).str.removesuffix(" from"),
    )
    names = {"floor": "its best floor", "estimate": "difference", "low": "95 % from", "high": "to"}
    names |= {"holm": "p, Holm-adjusted", "verdict": "the network is"}
    return shown.set_index("metric")[[*names]].rename(columns=names)


def _within_a_sentence(title: str) -> str:
    return title if title.isupper() else title[0].lower() + title[1:]
