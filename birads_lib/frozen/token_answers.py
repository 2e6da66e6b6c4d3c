"""Answers of attention over tokens as a table, which is read without Keras."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from birads_lib import tables
from birads_lib.errors import DatasetError
from birads_lib.frozen import staircase
from birads_lib.frozen.nested import Answers
from birads_lib.task import BIRADS, Task

PARTS = ("test", "inner")  # answers of the test rows, and inner answers of the training rows


@dataclass(frozen=True)
class Choice:
    """The settings that the inner folds choose."""

    width: int
    dropout: float
    epochs: int


def as_table(
    answers: Mapping[tuple[int, int], Answers],
    parts: Mapping[tuple[int, int], pd.DataFrame],
    cases: pd.DataFrame,
    task: Task = BIRADS,
) -> pd.DataFrame:
    """Return the answers by (seed, fold) as a table, with a row per answer.

    Columns: seed, fold, part (of ``PARTS``), image_id, the probabilities, and the chosen width,
    dropout and epochs. Without answers it has no row.
    """
    chosen = [field.name for field in fields(Choice)]
    columns = ["seed", "fold", "part", "image_id", *task.probabilities, *chosen]
    answer_tables = []
    for (seed, fold), of_fold in answers.items():
        training, tested = staircase.rows_of(parts[seed, fold])
        for part, rows in zip(PARTS, (tested, training), strict=True):
            p = pd.DataFrame(getattr(of_fold, part), columns=task.probabilities)
            facts = {"seed": seed, "fold": fold, "part": part} | asdict(of_fold.chosen)
            images = cases["image_id"].to_numpy()[rows]
            answer_tables.append(p.assign(image_id=images, **facts))
    return (
        pd.concat(answer_tables, ignore_index=True)[columns]
        if answer_tables
        else pd.DataFrame(columns=columns)
    )


def read(
    path: str | Path,
    parts: Mapping[tuple[int, int], pd.DataFrame],
    cases: pd.DataFrame,
    task: Task = BIRADS,
) -> dict[tuple[int, int], Answers]:
    """Return the answers of a table of ``as_table``, by (seed, fold); {} where it has none.

    Raises DatasetError where they are of other folds, or of other images.
    """
    table, by_fold = tables.read(path, "14_tokens"), {}
    dealt = dict(list(table.groupby(["seed", "fold"])))
    wrong = bool(dealt) and dealt.keys() != parts.keys()
    for key, rows in () if wrong else dealt.items():
        training, tested = staircase.rows_of(parts[key])
        images = cases["image_id"].to_numpy()
        of_parts = [rows[rows["part"] == part] for part in PARTS]
        expected = (images[tested], images[training])
        for part, image_ids in zip(of_parts, expected, strict=True):
            wrong |= part["image_id"].tolist() != image_ids.tolist()
        test, inner = (part[task.probabilities].to_numpy(float) for part in of_parts)
        facts = rows.iloc[0]
        chosen = Choice(int(facts["width"]), float(facts["dropout"]), int(facts["epochs"]))
        by_fold[key] = Answers(test, inner, chosen)
    if wrong:
        raise DatasetError("is of other folds or images: run 14_tokens again", Path(path).name)
    return by_fold
