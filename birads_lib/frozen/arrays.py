"""Arrays with a row per image, in a file that knows whose they are."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from birads_lib.errors import DatasetError
from birads_lib.files import written_whole


def write(path: Path, image_ids: pd.Series, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays with a row per image, by name, and the images' ids, into one .npz file."""
    with written_whole(path) as temporary:
        np.savez(temporary, image_id=image_ids.to_numpy(str), **arrays)


def read(path: Path, image_ids: pd.Series, notebook: str) -> dict[str, np.ndarray]:
    """Return the arrays of ``write``.

    Raises DatasetError where the file can't be read, or its arrays are of other images or in
    another order; ``notebook`` makes them anew.
    """
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        problem = f"can't be read ({error}): run {notebook} again"
        raise DatasetError(problem, path.name) from None
    if arrays.pop("image_id").tolist() != image_ids.astype(str).tolist():
        mismatch = f"is of other images than cases.parquet: run {notebook} again"
        raise DatasetError(mismatch, path.name)
    return arrays
