"""The effect of leaks on a result: answers that see no image, and test rows met in training.

Two answers know the training part's labels and nothing of any image (*nulls*): the majority says
the training part's most frequent category, the lookup table gives the label of an image that it
has met in training, and the majority's answer to all others. A model that does no better has not
been shown to see. Both are certain, so that a mean AUC is that of their answers alone (0.5 for a
majority that is the same in all folds, other where folds disagree). ``scores.floors`` adds further
answers, some of which see.

Frequencies are those of distinct training images, not of copies; of categories that tie, the lower
is taken. Each fold (and seed) has a training part of its own.

What can't be known is NA: a test row whose patient is unknown, or which met no known sibling where
a training image's patient (or breast) is unknown. A share is NA where that of any row is.

Tables are predictions of one run, all parts; n counts their test rows, as
``predictions.out_of_fold`` gives them. Where a chapter compares protocols, ``metrics`` are
``metrics_with_nulls`` and ``met`` are ``met_in_training`` of each protocol's run, by its name.
"""

from collections.abc import Mapping
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import MODEL, out_of_fold, probabilities
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.floors import ANSWERS as FLOOR_ANSWERS
from birads_lib.scores.floors import answers as with_floors
from birads_lib.scores.metrics import every_metric, headline_names
from birads_lib.task import BIRADS, Task

COMPARED = ("accuracy", "macro_f1", "mean_auc", "mcc")  # the metrics that are held against a paper
ANSWERS = {**FLOOR_ANSWERS, "lookup": "Lookup table"}
MET = {  # the relation of a test row to the training part, each counted for itself
    "copy": "The image itself",
    "sibling_view": "Another view of the breast",
    "sibling_image": "Another image of the patient",
}
CLOSEST = (*MET, "nothing", "unknown")  # what a row met at the nearest


def most_frequent(table: pd.DataFrame) -> np.ndarray:
    """Return the most frequent label in the training part of each test row's model, (n,).

    Raises:
        UserError: a fold has test rows and no training rows, or there are no test rows.
    """
    labels = distinct_training(table).groupby(MODEL)["y_true"].agg(lambda y: y.mode()[0])
    majority = out_of_fold(table)[MODEL].join(labels, on=MODEL)["y_true"]
    if not len(majority) or majority.isna().any():
        raise UserError("predictions.parquet lacks test or training rows: run 03_training again")
    return majority.to_numpy(int)


def answers(table: pd.DataFrame, floors: pd.DataFrame | None = None) -> dict[str, np.ndarray]:
    """Return the probabilities (n, K) of ``ANSWERS`` for the test rows.

    Without ``floors`` (as of ``scores.floors.answers``), of the floors there is the majority only.
    Raises UserError as ``most_frequent`` and ``scores.floors.answers`` do.
    """
    test, majority = out_of_fold(table), most_frequent(table)
    key = [*MODEL, "image_id"]
    labels = distinct_training(table).set_index(key)["y_true"]
    met = test[key].join(labels, on=key)["y_true"].to_numpy()  # NaN: not met
    p = probabilities(test)
    one_hot = np.eye(p.shape[1])
    nulls = {
        "model": p,
        "lookup": one_hot[np.where(np.isnan(met), majority, met).astype(int) - 1],
        "majority": one_hot[majority - 1],
    }
    return nulls if floors is None else nulls | with_floors(test, floors)


def metrics_with_nulls(
    table: pd.DataFrame,
    resamples: int = 2000,
    seed: int = 0,
    task: Task = BIRADS,
    floors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return ``bootstrap.intervals`` of each of ``answers``, with the column ``answer`` first."""
    test = out_of_fold(table)
    resampling = Resampling.of(test, resamples, seed)
    y, measure = test["y_true"].to_numpy(), partial(every_metric, task=task)
    tables = {
        name: intervals(y, p, resampling, measure) for name, p in answers(table, floors).items()
    }
    return pd.concat(tables, names=["answer"]).reset_index("answer").reset_index(drop=True)


def met_in_training(table: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the relations of ``MET`` that each test row has to its model's training part.

    Columns ``copy``, ``sibling_view`` and ``sibling_image`` (any other image of the patient, the
    sibling view among them), of boolean type with NA. Breasts are known from ``cases``.

    Raises:
        UserError: an image is not among the cases.
    """
    foreign = table.loc[~table["image_id"].isin(cases["image_id"]), "image_id"]
    if len(foreign):
        raise UserError(
            f"{foreign.nunique()} predicted images are not in cases.parquet, such as "
            f"{foreign.iloc[0]}: run 03_training of this study again"
        )
    side = cases.set_index("image_id")["laterality"]
    table = table.assign(laterality=table["image_id"].map(side))
    test, training = out_of_fold(table), distinct_training(table)
    copy = _matches(test, training, ["image_id"]) > 0
    return pd.DataFrame(
        {
            "copy": pd.array(copy, dtype="boolean"),
            "sibling_view": _met_another(test, training, copy, ["patient_id", "laterality"]),
            "sibling_image": _met_another(test, training, copy, ["patient_id"]),
        }
    )


def leak_report(parts: pd.DataFrame, cases: pd.DataFrame) -> dict[str, int]:
    """Return the number of test rows that training will meet, by relation, before it starts.

    ``test_rows``; ``same_image``, ``sibling_view`` and ``sibling_image``: those of them that
    ``met_in_training`` finds, NA where that can't be known of a row: it is not zero. ``parts`` are
    of one fold, as ``splits.assign_parts`` returns them.
    """
    met = met_in_training(parts.assign(fold=0, seed=0), cases).sum(skipna=False)
    test_rows = int((parts["part"] == "test").sum())
    return {"test_rows": test_rows, **met.rename({"copy": "same_image"})}


def shares(met: pd.DataFrame) -> pd.Series:
    """Return the share (0..1) of test rows with each relation, NaN where that of any is NA."""
    return met.astype("Float64").mean(skipna=False).astype(float)


def closest(met: pd.DataFrame) -> pd.Series:
    """Return the share (0..1) of test rows by the closest they met, one of ``CLOSEST``; sum 1."""
    is_met = [met[name].fillna(False).to_numpy(bool) for name in MET]
    is_unknown = met.isna().any(axis=1).to_numpy()
    nearest = np.select([*is_met, is_unknown], [*MET, "unknown"], "nothing")
    return pd.Series(nearest).value_counts(normalize=True).reindex(CLOSEST, fill_value=0.0)


def counted(met: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the number of test rows by protocol and relation, as texts with their share."""

    def text(rows: pd.Series) -> str:
        return "unknown" if rows.isna().any() else f"{rows.sum()} ({rows.mean():.0%})"

    table = pd.DataFrame({protocol: rows.apply(text) for protocol, rows in met.items()}).T
    table.insert(0, "test rows", [len(rows) for rows in met.values()])
    return table.rename(columns=MET)


def by_category(table: pd.DataFrame, metrics: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return recall and AUC by label and answer, beside the number of distinct images.

    Columns: answer, one with the task's name (label number), images (distinct, over all test
    parts), rows (with copies), recall, low, high (its interval), auc. ``metrics`` are those of
    this run.
    """
    images = out_of_fold(table).groupby("y_true")["image_id"]
    sizes = images.agg(images="nunique", rows="size").reindex(task.numbers, fill_value=0)
    values = metrics.set_index(["answer", "metric"])[["estimate", "low", "high"]]
    rows = []
    for answer, label in product(metrics["answer"].unique(), task.numbers):
        recall = values.loc[(answer, f"recall_{label}")].rename({"estimate": "recall"})
        auc = values.loc[(answer, f"auc_{label}"), "estimate"]
        rows.append({"answer": answer, task.name: label, **sizes.loc[label], **recall, "auc": auc})
    return pd.DataFrame(rows)


def against_paper(
    metrics: Mapping[str, pd.DataFrame], paper: Mapping[str, float], task: Task = BIRADS
) -> pd.DataFrame:
    """Return a paper's metrics, a row each, and where they lie from each protocol's interval.

    Columns "the paper" and each protocol, with words such as "above 0.43 to 0.58".
    """
    table = pd.DataFrame({"the paper": pd.Series(paper).map("{:.3f}".format)})
    for protocol, rows in metrics.items():
        model = rows[rows["answer"] == "model"].set_index("metric")
        table[protocol] = [_place(value, model.loc[name]) for name, value in paper.items()]
    return table.rename(index=headline_names(task))


def records(metrics: Mapping[str, pd.DataFrame], met: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return [metric, estimate, low, high] under the names of the claim ledger.

    ``<protocol>.<metric>`` is the model's, ``<protocol>.<answer>.<metric>`` that of another of
    ``ANSWERS``, and ``<protocol>.test_with_<relation>`` a share of test rows, without bounds.
    """
    parts = []
    for protocol, rows in metrics.items():
        answer = ("." + rows["answer"]).where(rows["answer"] != "model", "")
        parts.append(rows.assign(metric=protocol + answer + "." + rows["metric"]))
    for protocol, rows in met.items():
        of_relations = shares(rows).add_prefix(f"{protocol}.test_with_")
        parts.append(of_relations.rename_axis("metric").reset_index(name="estimate"))
    return pd.concat(parts, ignore_index=True)[["metric", "estimate", "low", "high"]]


def _place(value: float, row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return "not estimable"
    position = "above" if value > row["high"] else "below" if value < row["low"] else "inside"
    return f"{position} {row['low']:.3f} to {row['high']:.3f}"


def distinct_training(table: pd.DataFrame) -> pd.DataFrame:
    """Return the images that each model was trained on, once each."""
    return out_of_fold(table, "train").drop_duplicates([*MODEL, "image_id"])


def _matches(test: pd.DataFrame, training: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Count the training images that share the keys with each test row, (n,); none if unknown."""
    sizes = training.value_counts([*MODEL, *keys]).rename("size")
    return test.join(sizes, on=[*MODEL, *keys])["size"].fillna(0).to_numpy(int)


def _met_another(
    test: pd.DataFrame, training: pd.DataFrame, copy: np.ndarray, keys: list[str]
) -> pd.array:
    """Return whether another image with the same keys is in training, (n,), NA if unknown."""
    met = pd.array(_matches(test, training, keys) > copy, dtype="boolean")
    unidentified = training[training[keys].isna().any(axis=1)]
    unknown = test[keys].isna().any(axis=1).to_numpy() | (_matches(test, unidentified, []) > 0)
    met[unknown & ~met.to_numpy(bool)] = pd.NA
    return met
