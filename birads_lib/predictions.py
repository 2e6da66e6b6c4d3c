"""The table of predictions: one reader, one writer, one schema."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from birads_lib import tables
from birads_lib.errors import DatasetError
from birads_lib.protocol import PARTS, PROTOCOLS
from birads_lib.task import BIRADS, Task

RUN = ["variant", "protocol"]
MODEL = ["fold", "seed"]  # which of a run's models a row is of
KEY = [*MODEL, "image_id", "copy"]  # what makes a row unique in one run
_HONEST = [protocol.name for protocol in PROTOCOLS.values() if not protocol.leaks]


def _parts_of_patient(table: pd.DataFrame) -> pd.Series:
    """Count, row by row, the parts in which its patient stands in that fold."""
    return table.groupby([*RUN, *MODEL, "patient_id"])["part"].transform("nunique")


def schema(task: Task = BIRADS) -> pa.DataFrameSchema:
    """Return the schema of a table of predictions: ``y_true`` 1..K, the probabilities p1..pK."""
    names = task.probabilities
    return pa.DataFrameSchema(
        {
            "image_id": pa.Column(str),
            "patient_id": pa.Column(str, nullable=True),
            "variant": pa.Column(str),
            "protocol": pa.Column(str, pa.Check.isin(list(PROTOCOLS))),
            "fold": pa.Column(int, pa.Check.ge(0)),
            "seed": pa.Column(int, pa.Check.ge(0)),  # of training
            "part": pa.Column(str, pa.Check.isin(PARTS)),
            "copy": pa.Column(int, pa.Check.ge(0)),  # 0 is the image itself, more a repeat of it
            "y_true": pa.Column(int, pa.Check.in_range(1, len(names))),
            **{name: pa.Column(float, pa.Check.in_range(0, 1)) for name in names},
        },
        checks=[
            pa.Check(
                lambda t: (t[names].sum(axis=1) - 1).abs() < 1e-4,
                error=f"the probabilities p1..p{len(names)} of each row must sum to 1",
            ),
            pa.Check(
                lambda t: ~t.duplicated([*RUN, *KEY]),
                error="an image (or copy) may be predicted once per run and fold",
            ),
            pa.Check(
                lambda t: ~t["protocol"].isin(_HONEST) | (_parts_of_patient(t) <= 1),
                error=f"under protocol {' or '.join(map(repr, _HONEST))} a patient may stand in "
                "one part of a fold only",
            ),
        ],
        strict=True,
        coerce=True,
    )


def check(table: pd.DataFrame, source: str = "predictions", task: Task = BIRADS) -> pd.DataFrame:
    """Return the table in schema order and types, or raise DatasetError listing all problems."""
    labels = len(probability_columns(table))
    if labels not in (0, len(task.labels)):
        raise DatasetError(
            f"holds the probabilities of {labels} labels, but the task {task.name!r} has "
            f"{len(task.labels)} ({', '.join(task.labels)}); it must be of another task",
            source,
        )
    return tables.checked(schema(task), table, source)


def write(table: pd.DataFrame, path: str | Path, task: Task = BIRADS) -> None:
    """Check and write predictions."""
    tables.write(check(table, task=task), path)


def read(path: str | Path, task: Task = BIRADS) -> pd.DataFrame:
    """Read predictions and check them; raises DatasetError where there are none of this task."""
    return check(tables.read(path, "03_training"), str(path), task)


def out_of_fold(table: pd.DataFrame, part: str = "test") -> pd.DataFrame:
    """Return the rows of one part; for ``test`` each image (or copy) stands there once per seed."""
    return table[table["part"] == part].reset_index(drop=True)


def cluster_ids(table: pd.DataFrame) -> pd.Series:
    """Return the patient of each row's image, or the image itself where no patient is known."""
    return table["patient_id"].fillna(table["image_id"])


def counted(rows: pd.DataFrame) -> str:
    """Return a text of the numbers of rows, images and patients.

    Images whose patient is unknown are counted, too, if any, and seeds of training, if several.
    """
    unknown = rows.loc[rows["patient_id"].isna(), "image_id"].nunique()
    seeds = rows["seed"].nunique()
    parts = [f"{len(rows)} test rows", f"{rows['image_id'].nunique()} images"]
    parts += [f"{rows['patient_id'].nunique()} patients"]
    parts += [f"{unknown} images of unknown patients"] * bool(unknown)
    return ", ".join(parts + [f"{seeds} seeds of training"] * (seeds > 1))


def probabilities(table: pd.DataFrame) -> np.ndarray:
    """Return the columns p1..pK as an array (n, K)."""
    return table[probability_columns(table)].to_numpy(float)


def probability_columns(table: pd.DataFrame) -> list[str]:
    """Return the names p1..pK, as many as the table has."""
    return [name for name in table if re.fullmatch(r"p\d+", str(name))]
