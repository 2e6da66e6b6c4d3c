"""Grades of image files: one for each file, breast or patient."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.parallel import WORKERS, in_parallel
from birads_lib.predict.trained_run import TrainedRun, prepared
from birads_lib.task import Task

CHUNK = 64  # images graded at once
EXAMPLE = "(?P<patient>P[0-9]+)_(?P<laterality>[LR])"  # of a pattern


def graded(
    run: TrainedRun,
    files: Sequence[Path],
    prevalence: np.ndarray | str | None = None,
    workers: int = WORKERS,
) -> pd.DataFrame:
    """Return a row for each file: its grade and probabilities, or its problem.

    Columns: file, grade (the most probable label), expected_grade (the mean label number, of
    ordered labels), spread (standard deviation of that among the models), p1..pK, problem.
    In memory are ``CHUNK`` images at most, and ``parallel.AHEAD`` that are prepared while those
    are graded.

    Args:
        prevalence: what probabilities are calibrated for: None, the shares that training saw;
            "natural", those of its distinct images; or (K,) shares.
    """
    prepare = partial(prepared, run.preprocessing)  # a method would take the models along
    made = in_parallel(prepare, files, workers, "grading")
    rows = []
    for chunk in chunks(zip(files, made, strict=True)):
        rows += _rows(run, chunk, prevalence)
    of_order = ["expected_grade", "spread"] if run.task.ordinal else []
    columns = ["file", "grade", *of_order, *run.task.probabilities, "problem"]
    return pd.DataFrame(rows, columns=columns)


def chunks(items: Iterable) -> Iterator[list]:
    """Yield items in lists of ``CHUNK``; the last has those that are left."""
    iterator = iter(items)
    while chunk := [*islice(iterator, CHUNK)]:
        yield chunk


def _rows(
    run: TrainedRun, made: list[tuple[Path, np.ndarray | str]], prevalence: np.ndarray | str | None
) -> Iterator[dict[str, object]]:
    """Yield the rows of ``graded`` for some files and what ``prepared`` returned of each."""
    readable, by_model = [x for _, x in made if not isinstance(x, str)], [None] * len(made)
    if readable:
        # In place of one that can't be read goes any other: batches stay as large as they are.
        batch = np.stack([readable[0] if isinstance(x, str) else x for _, x in made])
        by_model = run.probabilities(batch, prevalence).swapaxes(0, 1)
    for (file, image), p in zip(made, by_model, strict=True):  # p is (M, K)
        if isinstance(image, str):
            yield {"file": str(file), "problem": image}
            continue
        mean, expected = p.mean(axis=0), p @ run.task.numbers  # (K,), (M,)
        row = {"file": str(file), "grade": run.task.labels[mean.argmax()]}
        if run.task.ordinal:
            row |= {"expected_grade": expected.mean(), "spread": expected.std()}
        yield row | dict(zip(run.task.probabilities, mean, strict=True)) | {"problem": ""}


def patients_and_sides(files: Sequence[Path], pattern: str) -> pd.DataFrame:
    """Return the patient and the laterality of each file, as a pattern finds them in its path.

    Raises UserError for a pattern without these two groups, and for files in which it finds none.
    """
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise UserError(
            f"--pattern is {pattern!r}, no regular expression ({error}); expected one such as "
            f"{EXAMPLE}"
        ) from None
    if not {"patient", "laterality"} <= set(groups):
        raise UserError(
            f"--by needs a --pattern with the groups patient and laterality, such as {EXAMPLE}"
        )
    paths = pd.Series([unicodedata.normalize("NFC", str(file)) for file in files])
    names = paths.str.extract(re.compile(pattern))[["patient", "laterality"]]
    unknown = paths[names.isna().any(axis=1)]
    if len(unknown):
        listed = ", ".join(map(repr, unknown[:3]))
        raise UserError(
            f"--pattern finds no patient and side in {len(unknown)} names, such as {listed}; "
            "correct it, or leave these files out"
        )
    return names


def check_level(level: str, task: Task) -> None:
    """Raise UserError where breasts are to be ranked by labels that don't say which is worse."""
    if level == "patient" and not task.ordinal and task.act_from is None:
        raise UserError(
            "--by patient takes the worse breast, and the run's labels don't say which one is: "
            f"{', '.join(task.labels)} have no order, and none calls for action; give --by breast"
        )


def joined(table: pd.DataFrame, names: pd.DataFrame, level: str, task: Task) -> pd.DataFrame:
    """Return a row for each breast or patient: the mean over its images, or the worse breast.

    A breast's probabilities are the mean of its images', a patient's are those of the breast with
    the higher expected label number; of labels without an order, of the breast that more probably
    has one that calls for action.

    Args:
        table: of ``graded``; rows with a problem are left out.
        names: of ``patients_and_sides``, of the same files.
        level: "breast" or "patient".

    Raises UserError as ``check_level`` does.
    """
    check_level(level, task)
    columns, keys = task.probabilities, ["patient", "laterality"]
    good = pd.concat([table, names], axis=1)[table["problem"] == ""]
    mean = good.groupby(keys)[columns].mean().assign(images=good.groupby(keys).size())
    if task.ordinal:
        mean["expected_grade"] = mean[columns].to_numpy() @ task.numbers
    if level == "patient":
        ranking = ["expected_grade"] if task.ordinal else columns[task.act_from - 1 :]
        worse = mean[ranking].sum(axis=1).groupby("patient").idxmax()
        mean = mean.loc[worse].assign(breasts=mean.groupby("patient").size().to_numpy())
    labels = np.array(task.labels)[mean[columns].to_numpy().argmax(axis=1)]
    mean.insert(0, "grade", labels)
    return mean.reset_index()
