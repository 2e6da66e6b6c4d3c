"""Tables in parquet files: held against a schema, written whole or not at all."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow

from birads_lib.errors import DatasetError
from birads_lib.files import written_whole


def checked(schema: pa.DataFrameSchema, table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return ``table`` in the schema's column order and types, or raise ``DatasetError``."""
    expected, columns = list(schema.columns), list(table.columns)
    present = ", ".join(map(str, columns)) or "no column"
    missing = [name for name in expected if name not in columns]
    problems = [f"lacks the column {name!r}; it has {present}" for name in missing]
    problems += [f"has the unknown column {name!r}" for name in columns if name not in expected]
    if problems:
        raise DatasetError(problems, what)
    try:
        valid = schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DatasetError(_problems(error.failure_cases.astype(object)), what) from None
    return valid[expected].reset_index(drop=True)


def _problems(failures: pd.DataFrame) -> list[str]:
    """Return a line per column or rule that is broken, with the first row that breaks it."""
    at_rows = failures.dropna(subset="index")  # else a check broke on a value named by another row
    failures = failures if at_rows.empty else at_rows
    of_rows = failures["schema_context"] == "DataFrameSchema"
    lines = [
        f"{rows['index'].nunique()} rows, such as row {rows['index'].iloc[0]}: {rule}"
        for rule, rows in failures[of_rows].groupby("check", sort=False)
    ]
    values = failures[~of_rows].drop_duplicates(["index", "column"])
    for (column, check), rows in values.groupby(["column", "check"], sort=False):
        more_rows = f", as in {len(rows) - 1} more rows" if len(rows) > 1 else ""
        first = rows.iloc[0]
        value = f"row {first['index']}, column {column!r}: {first['failure_case']!r}"
        lines.append(f"{value} fails {check}{more_rows}")
    return lines


def write(table: pd.DataFrame, path: str | Path, schema: pyarrow.Schema | None = None) -> None:
    """Write a table as parquet, without its index; ``schema`` where types can't be inferred."""
    with written_whole(path) as temporary:
        table.to_parquet(temporary, index=False, schema=schema)


def read(path: str | Path, notebook: str, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table, or some of its columns; raise ``DatasetError`` naming the notebook to run."""
    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        problem = "does not exist"
    except (OSError, pyarrow.ArrowInvalid) as error:
        problem = f"cannot be read as a table ({error})"
    raise DatasetError(f"{problem}; run {notebook} again", str(path))
