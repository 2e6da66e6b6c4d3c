"""The table of predictions: one reader, one writer, one schema."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from birads_lib.errors import UserError
from birads_lib.files import written_whole

PROBABILITIES = ["p1", "p2", "p3", "p4", "p5"]  # of BI-RADS 1..5; each row sums to 1
RUN = ["variant", "protocol"]
KEY = ["fold", "seed", "image_id", "copy"]  # what makes a row unique in one run


def _parts_of_patient(table: pd.DataFrame) -> pd.Series:
    """Count, row by row, the parts in which its patient stands in that fold."""
    return table.groupby([*RUN, "fold", "seed", "patient_id"])["part"].transform("nunique")


SCHEMA = pa.DataFrameSchema(
    {
        "image_id": pa.Column(str),
        "patient_id": pa.Column(str, nullable=True),
        "variant": pa.Column(str),
        "protocol": pa.Column(str, pa.Check.isin(["patient", "image", "oversample_first"])),
        "fold": pa.Column(int, pa.Check.ge(0)),
        "seed": pa.Column(int),
        "part": pa.Column(str, pa.Check.isin(["train", "validation", "test"])),
        "copy": pa.Column(int, pa.Check.ge(0)),  # 0 is the image itself, more an oversampled copy
        "y_true": pa.Column(int, pa.Check.in_range(1, 5)),
        **{name: pa.Column(float, pa.Check.in_range(0, 1)) for name in PROBABILITIES},
    },
    checks=[
        pa.Check(
            lambda t: (t[PROBABILITIES].sum(axis=1) - 1).abs() < 1e-4,
            error="the probabilities p1..p5 of each row must sum to 1",
        ),
        pa.Check(
            lambda t: ~t.duplicated([*RUN, *KEY]),
            error="an image (or copy) may be predicted once per run and fold",
        ),
        pa.Check(
            lambda t: (t["protocol"] != "patient") | (_parts_of_patient(t) <= 1),
            error="under protocol 'patient' a patient may stand in one part of a fold only",
        ),
    ],
    strict=True,
    coerce=True,
)


def check(table: pd.DataFrame, source: str = "predictions") -> pd.DataFrame:
    """Return the table in schema order and types, or raise UserError listing all problems."""
    try:
        return SCHEMA.validate(table, lazy=True)[list(SCHEMA.columns)]
    except pa.errors.SchemaErrors as error:
        raise UserError(
            "\n".join([f"{source}: not valid predictions:", *_problems(error)])
        ) from None


def _problems(error: pa.errors.SchemaErrors) -> list[str]:
    """Return one line per kind of mistake, with the first values that make it."""
    lines = []
    cases = error.failure_cases.fillna({"column": "the table"})
    for (column, check), found in cases.groupby(["column", "check"], sort=False):
        values = ", ".join(repr(v) for v in found["failure_case"].drop_duplicates()[:5])
        whole_rows = (found["schema_context"] == "DataFrameSchema") & found["index"].notna()
        if whole_rows.all():
            lines.append(f"{found['index'].nunique()} rows: {check}")
        else:
            lines.append(f"{column}: {check} (found {values})")
    return list(dict.fromkeys(lines))


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Check and write predictions as parquet, whole or not at all."""
    table = check(table).reset_index(drop=True)
    with written_whole(path) as temporary:
        table.to_parquet(temporary, index=False)


def read(path: str | Path) -> pd.DataFrame:
    """Read predictions and check them; raises UserError where there are none."""
    if not Path(path).is_file():
        raise UserError(f"no predictions at {path}: run 03_training of this study first")
    return check(pd.read_parquet(path), str(path))


def out_of_fold(table: pd.DataFrame, part: str = "test") -> pd.DataFrame:
    """Return the rows of one part; for ``test`` each image (or copy) stands there once per seed."""
    return table[table["part"] == part].reset_index(drop=True)


def cluster_ids(table: pd.DataFrame) -> pd.Series:
    """Return whose each row's image is: the patient, or the image itself where none is known."""
    return table["patient_id"].fillna(table["image_id"])


def probabilities(table: pd.DataFrame) -> np.ndarray:
    """Return p1..p5 as an array."""
    return table[PROBABILITIES].to_numpy(float)  # (n, 5)
