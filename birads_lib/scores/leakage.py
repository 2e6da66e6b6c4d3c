"""What leaks make of a result: answers that see no image, and what test rows met in training.

Two answers know the training part's labels and nothing of any image (*nulls*): ``majority`` says
the training part's most frequent category, ``lookup_table`` gives the label of an image that it
has met in training, and the majority's answer to all others. A model that does no better has not
been shown to see. Both are certain, so that a mean AUC is that of their answers alone (0.5 for a
majority that is the same in all folds, other where folds disagree).

Frequencies are those of distinct training images, not of copies; of categories that tie, the lower
is taken. Each fold (and seed) has a training part of its own.

What can't be known is NA: a test row whose patient is unknown, or which met no known sibling where
a training image's patient (or breast) is unknown. A share is NA where that of any row is.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import cluster_ids, out_of_fold, probabilities
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.metrics import HEADLINE, every_metric
from birads_lib.task import BIRADS, Task

COMPARED = ("accuracy", "macro_f1", "mean_auc", "mcc")  # the metrics that are held against a paper

MODEL = ["fold", "seed"]
ANSWERS = {"model": "The model", "lookup": "Lookup table", "majority": "Most frequent category"}
MET = {  # the relation of a test row to the training part, each counted for itself
    "copy": "The image itself",
    "sibling_view": "Another view of the breast",
    "sibling_image": "Another image of the patient",
}
CLOSEST = (*MET, "nothing", "unknown")  # what a row met at the nearest


def majority(table: pd.DataFrame) -> np.ndarray:
    """Return (n, K): certain of the most frequent category of each test row's training part.

    Args:
        table: predictions of one run, all parts; n are its test rows, as ``out_of_fold`` gives
            them.

    Raises:
        UserError: a fold has test rows and no training rows, or there are no test rows.
    """
    return _certain(_most_frequent(table), table)


def lookup_table(table: pd.DataFrame) -> np.ndarray:
    """Return (n, K): certain of an image's label if it is in training, else as ``majority``."""
    key = [*MODEL, "image_id"]
    labels = _distinct_training(table)[[*key, "y_true"]].rename(columns={"y_true": "label"})
    met = out_of_fold(table).merge(labels, on=key, how="left")["label"].to_numpy()  # NaN: not met
    return _certain(np.where(np.isnan(met), _most_frequent(table), met), table)


def answers(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the probabilities (n, K) of each of ``ANSWERS`` for the test rows."""
    return {
        "model": probabilities(out_of_fold(table)),
        "lookup": lookup_table(table),
        "majority": majority(table),
    }


def metrics_with_nulls(
    table: pd.DataFrame, resamples: int = 2000, seed: int = 0, task: Task = BIRADS
) -> pd.DataFrame:
    """Return ``bootstrap.intervals`` of each of ``ANSWERS``, with the column ``answer`` first."""
    test = out_of_fold(table)
    resampling = Resampling(cluster_ids(test), resamples, seed)
    y, measure = test["y_true"].to_numpy(), partial(every_metric, task=task)
    tables = {name: intervals(y, p, resampling, measure) for name, p in answers(table).items()}
    return pd.concat(tables, names=["answer"]).reset_index("answer").reset_index(drop=True)


def met_in_training(table: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return which relations of ``MET`` each test row has to the training part of its model.

    Columns ``copy``, ``sibling_view`` and ``sibling_image`` (any other image of the patient, the
    sibling view among them), of boolean type with NA.

    Args:
        table: predictions of one run, all parts.
        cases: the images, for their laterality.

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
    test, training = out_of_fold(table), _distinct_training(table)
    copy = _matches(test, training, ["image_id"])
    return pd.DataFrame(
        {
            "copy": pd.array(copy > 0, dtype="boolean"),
            "sibling_view": _met_another(test, training, copy, ["patient_id", "laterality"]),
            "sibling_image": _met_another(test, training, copy, ["patient_id"]),
        }
    )


def leak_report(parts: pd.DataFrame, cases: pd.DataFrame) -> dict[str, int]:
    """Return how many test rows have met what in training, before anything is trained.

    ``test_rows``; ``same_image``, ``sibling_view`` and ``sibling_image``: those of them that
    ``met_in_training`` finds, NA where that can't be known of a row: it is not zero.

    Args:
        parts: of one fold, as ``splits.assign_parts`` returns them.
        cases: the images they are of.
    """
    met = met_in_training(parts.assign(fold=0, seed=0), cases).sum(skipna=False)
    return {"test_rows": int((parts["part"] == "test").sum())} | {
        "same_image": met["copy"],
        "sibling_view": met["sibling_view"],
        "sibling_image": met["sibling_image"],
    }


def shares(met: pd.DataFrame) -> pd.Series:
    """Return the share (0..1) of test rows with each relation, NaN where that of any is NA."""
    return met.astype("Float64").mean(skipna=False).astype(float)


def closest(met: pd.DataFrame) -> pd.Series:
    """Return the share (0..1) of test rows by the closest they met, one of ``CLOSEST``; sum 1."""
    yes = [met[name].fillna(False).to_numpy(bool) for name in MET]
    unsure = met.isna().any(axis=1).to_numpy()
    nearest = np.select([*yes, unsure], [*MET, "unknown"], "nothing")
    return pd.Series(nearest).value_counts(normalize=True).reindex(CLOSEST, fill_value=0.0)


def counted(met: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return how many test rows of each protocol have each relation, as texts with their share.

    Args:
        met: protocol -> ``met_in_training`` of its run.
    """
    table = pd.DataFrame({"test rows": {name: len(rows) for name, rows in met.items()}})
    for relation, label in MET.items():
        columns = {name: rows[relation] for name, rows in met.items()}
        table[label] = pd.Series(
            {
                name: "unknown" if rows.isna().any() else f"{rows.sum()} ({rows.mean():.0%})"
                for name, rows in columns.items()
            }
        )
    return table


def by_category(table: pd.DataFrame, metrics: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return recall and AUC by label and answer, beside the number of distinct images.

    Columns: answer, one with the task's name (label number), images (distinct, over all test
    parts), rows (with copies), recall, low, high (its interval), auc.

    Args:
        table: predictions of one run.
        metrics: ``metrics_with_nulls`` of them.
        task: whose labels these are.
    """
    test = out_of_fold(table)
    sizes = test.groupby("y_true")["image_id"].agg(["nunique", "size"])
    sizes = sizes.reindex(task.numbers, fill_value=0)
    rows = metrics.set_index(["answer", "metric"])
    return pd.DataFrame(
        {
            "answer": answer,
            task.name: label,
            "images": sizes.loc[label, "nunique"],
            "rows": sizes.loc[label, "size"],
            "recall": rows.loc[(answer, f"recall_{label}"), "estimate"],
            "low": rows.loc[(answer, f"recall_{label}"), "low"],
            "high": rows.loc[(answer, f"recall_{label}"), "high"],
            "auc": rows.loc[(answer, f"auc_{label}"), "estimate"],
        }
        for answer in ANSWERS
        for label in task.numbers
    )


def against_paper(metrics: dict[str, pd.DataFrame], paper: Mapping[str, float]) -> pd.DataFrame:
    """Return, by metric, a paper's value and where it lies from each protocol's interval.

    Args:
        metrics: protocol -> ``metrics_with_nulls`` of its run.
        paper: metric -> its value in the paper.

    Returns:
        One row per metric; columns "the paper" and each protocol, such as "above 0.43 to 0.58".
    """
    table = pd.DataFrame({"the paper": pd.Series(paper).map("{:.3f}".format)})
    for protocol, rows in metrics.items():
        model = rows[rows["answer"] == "model"].set_index("metric")
        table[protocol] = [_place(value, model.loc[name]) for name, value in paper.items()]
    return table.rename(index=HEADLINE)


def records(metrics: dict[str, pd.DataFrame], met: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return [metric, estimate, low, high] under the names of the claim ledger.

    ``<protocol>.<metric>`` is the model's, ``<protocol>.<null>.<metric>`` that of an answer that
    sees no image, and ``<protocol>.test_with_<relation>`` a share of test rows, without bounds.

    Args:
        metrics: protocol -> ``metrics_with_nulls`` of its run.
        met: protocol -> ``met_in_training`` of its run.
    """
    parts = []
    for protocol, rows in metrics.items():
        answer = ("." + rows["answer"]).where(rows["answer"] != "model", "")
        parts.append(rows.assign(metric=protocol + answer + "." + rows["metric"]))
    for protocol, rows in met.items():
        values = shares(rows)
        names = [f"{protocol}.test_with_{relation}" for relation in values.index]
        parts.append(pd.DataFrame({"metric": names, "estimate": values.to_numpy()}))
    return pd.concat(parts, ignore_index=True)[["metric", "estimate", "low", "high"]]


def _place(value: float, row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return "undefined"
    where = "above" if value > row["high"] else "below" if value < row["low"] else "inside"
    return f"{where} {row['low']:.3f} to {row['high']:.3f}"


def _distinct_training(table: pd.DataFrame) -> pd.DataFrame:
    return out_of_fold(table, "train").drop_duplicates([*MODEL, "image_id"])


def _most_frequent(table: pd.DataFrame) -> np.ndarray:
    """Return the most frequent category in training of each test row, (n,)."""
    test = out_of_fold(table)
    most = _distinct_training(table).groupby(MODEL)["y_true"].agg(lambda y: y.mode()[0])
    answers = test[MODEL].merge(most, left_on=MODEL, right_index=True, how="left")["y_true"]
    if not len(test) or answers.isna().any():
        raise UserError("predictions.parquet lacks test or training rows: run 03_training again")
    return answers.to_numpy(int)


def _certain(labels: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return probability 1 of these labels (n,), as wide as the table's probabilities, (n, K)."""
    return np.eye(probabilities(table[:0]).shape[1])[labels.astype(int) - 1]


def _matches(test: pd.DataFrame, training: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Count the training images that share the keys with each test row, (n,); none if unknown."""
    sizes = training.groupby([*MODEL, *keys]).size().rename("size").reset_index()
    return test.merge(sizes, on=[*MODEL, *keys], how="left")["size"].fillna(0).to_numpy(int)


def _met_another(
    test: pd.DataFrame, training: pd.DataFrame, copy: np.ndarray, keys: list[str]
) -> pd.array:
    """Return whether another image with the same keys is in training, (n,), NA if unknown."""
    others = _matches(test, training, keys) - (copy > 0)
    nameless = training.loc[training[keys].isna().any(axis=1), MODEL].drop_duplicates()
    in_doubt = test[MODEL].merge(nameless, on=MODEL, how="left", indicator=True)["_merge"] == "both"
    unknown = test[keys].isna().any(axis=1) | in_doubt
    met = pd.array(others > 0, dtype="boolean")
    met[(others <= 0) & unknown.to_numpy()] = pd.NA
    return met
