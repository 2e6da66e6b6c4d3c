"""Grades of image files: one for each file, breast or patient."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from birads_lib.errors import UserError
from birads_lib.parallel import pool_for
from birads_lib.predict.trained_run import TrainedRun, prepared
from birads_lib.task import Task

CHUNK = 64  # images graded at once
BAR = {"unit": "image", "desc": "grading"}


def graded(
    run: TrainedRun,
    files: Sequence[Path],
    prevalence: np.ndarray | str | None = None,
    workers: int = 2,
) -> pd.DataFrame:
    """Return a row for each file: its grade and probabilities, or its problem.

    Columns: file, grade (the most probable label), expected_grade (the mean label number, of
    ordered labels), spread (standard deviation of that among the models), p1..pK, problem.
    At most twice ``CHUNK`` images are in memory, whatever the number of files: while some are
    graded, the next are prepared.

    Args:
        prevalence: what probabilities are calibrated for: None, the shares that training saw;
            "natural", those of its distinct images; or (K,) shares.
    """
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    prepare = partial(prepared, run.preprocessing, {})  # a method would take the models along
    rows, waiting = [], []
    with pool_for(files, workers) as pool, tqdm(total=len(files), **BAR) as bar:
        for chunk, following in pairwise([[], *chunks, []]):
            coming = pool.map_async(prepare, following)
            rows += _rows(run, chunk, waiting.get() if chunk else [], prevalence)
            bar.update(len(chunk))
            waiting = coming
    of_order = ["expected_grade", "spread"] if run.task.ordinal else []
    columns = ["file", "grade", *of_order, *run.task.probabilities, "problem"]
    return pd.DataFrame(rows, columns=columns)


def _rows(
    run: TrainedRun, files: Sequence[Path], made: list, prevalence: np.ndarray | str | None
) -> Iterator[dict[str, object]]:
    """Yield the rows of ``graded`` for some files that were prepared."""
    readable, by_model = [image for image in made if not isinstance(image, str)], [None] * len(made)
    if readable:
        # In place of one that can't be read goes any other: batches stay as large as they are.
        batch = np.stack([readable[0] if isinstance(image, str) else image for image in made])
        by_model = run.probabilities(batch, prevalence).swapaxes(0, 1)
    for file, image, p in zip(files, made, by_model, strict=True):  # p is (M, K)
        if isinstance(image, str):
            yield {"file": str(file), "problem": image}
            continue
        mean, expected = p.mean(axis=0), p @ run.task.numbers  # (K,), (M,)
        row = {"file": str(file), "grade": run.task.labels[mean.argmax()]}
        if run.task.ordinal:
            row |= {"expected_grade": expected.mean(), "spread": expected.std()}
        yield row | dict(zip(run.task.probabilities, mean, strict=True)) | {"problem": ""}


def whose(files: Sequence[Path], pattern: str) -> pd.DataFrame:
    """Return the patient and the laterality of each file, as a pattern finds them in its path.

    Raises UserError for a pattern without these two groups, and for files in which it finds none.
    """
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise UserError(f"--pattern is {pattern!r}, no regular expression: {error}") from None
    if not {"patient", "laterality"} <= set(groups):
        raise UserError("--by needs a --pattern with the groups patient and laterality")
    paths = pd.Series([unicodedata.normalize("NFC", str(file)) for file in files])
    names = paths.str.extract(re.compile(pattern))[["patient", "laterality"]]
    unknown = paths[names.isna().any(axis=1)]
    if len(unknown):
        listed = ", ".join(map(repr, unknown[:3]))
        raise UserError(f"--pattern finds no patient and side in {len(unknown)} names: {listed}")
    return names


def joined(table: pd.DataFrame, names: pd.DataFrame, level: str, task: Task) -> pd.DataFrame:
    """Return a row for each breast or patient: the mean over its images, or the worse breast.

    A breast's probabilities are the mean of its images', a patient's are those of the breast with
    the higher expected label number.

    Args:
        table: of ``graded``; rows with a problem are left out.
        names: of ``whose``, of the same files.
        level: "breast" or "patient".
    """
    columns, keys = task.probabilities, ["patient", "laterality"]
    good = pd.concat([table, names], axis=1)[table["problem"] == ""]
    mean = good.groupby(keys)[columns].mean().assign(images=good.groupby(keys).size())
    mean["expected_grade"] = mean[columns].to_numpy() @ task.numbers
    if level == "patient":
        worse = mean.groupby("patient")["expected_grade"].idxmax()
        mean = mean.loc[worse].assign(breasts=mean.groupby("patient").size().to_numpy())
    labels = np.array(task.labels)[mean[columns].to_numpy().argmax(axis=1)]
    mean.insert(0, "grade", labels)
    return mean.reset_index()
