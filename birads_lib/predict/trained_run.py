"""A trained run: its models, and everything that their answers depend on."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib import predictions
from birads_lib.errors import DatasetError, UserError
from birads_lib.files import sha256
from birads_lib.images.decode import read_grey
from birads_lib.images.prepare import preprocess
from birads_lib.scores.recalibration import (
    fitted_temperature,
    reweighted,
    tempered,
    training_priors,
)
from birads_lib.task import Task

BATCH = 32  # images per step
NATURAL = "natural"  # the prevalence among the distinct images that the run was trained on


@dataclass(frozen=True)
class Member:
    """One of a run's models, with what its fold says about its probabilities.

    Attributes:
        model: from images (n, size, size, 1), raw grey uint8, to probabilities (n, K).
        temperature: fitted on the fold's validation images.
        trained, natural: (K,) the shares of labels that training saw, and of its distinct images.
    """

    model: object
    temperature: float
    trained: np.ndarray
    natural: np.ndarray

    def raw(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities that the model gives, (n, K), in batches of ``BATCH``.

        Keras traces a model anew for each number of images, which takes longer than a batch: here
        there is one beside ``BATCH``, that of the last.
        """
        starts = range(0, len(images), BATCH)
        answers = [self.model.predict_on_batch(images[start : start + BATCH]) for start in starts]
        return np.concatenate([np.asarray(answer) for answer in answers])

    def probabilities(self, images: np.ndarray, prevalence: np.ndarray | str | None) -> np.ndarray:
        """Return calibrated probabilities (n, K); at a prevalence (K,), where there is one."""
        p = tempered(self.raw(images), self.temperature)
        if prevalence is None:
            return p
        target = self.natural if isinstance(prevalence, str) else prevalence
        return reweighted(p, self.trained, target)


@dataclass(frozen=True)
class TrainedRun:
    """A trained run: its models, and the preprocessing of their images."""

    folder: Path
    task: Task
    preprocessing: dict[str, object]  # as ``images.preprocess`` takes it
    models: tuple[str, ...]  # their files, from the folder
    balance: bool  # whether training saw every label equally often

    @classmethod
    def load(cls, folder: str | Path) -> "TrainedRun":
        """Read a run from its folder, such as ``results/mine/runs/proposed/patient``.

        Raises UserError where it is no run's folder, or a model is gone or was changed since.
        """
        folder = Path(folder)
        if not (folder / "run.json").is_file():
            example = "such as results/mine/runs/proposed/patient"
            raise UserError(
                f"{str(folder)!r} holds no run.json; give the folder of a run, {example}"
            )
        facts = json.loads((folder / "run.json").read_text())
        if not facts.get("preprocessing"):
            raise UserError(f"{str(folder)!r} doesn't say how to prepare images; train it again")
        left = facts["left_by_folds"]
        models = {place: left[place] for place in left if place.endswith("model.keras")}
        _check_models(folder, models)
        task = Task(**facts["task"] | {"labels": tuple(facts["task"]["labels"])})
        return cls(folder, task, facts["preprocessing"], tuple(models), facts["balance"])

    @cached_property
    def members(self) -> list[Member]:
        """All models, loaded at the first use."""
        table = predictions.read(self.folder / "predictions.parquet", self.task)
        return [_member(self.folder, m, table, self.balance, self.task) for m in self.models]

    def probabilities(
        self, images: np.ndarray, prevalence: np.ndarray | str | None = None
    ) -> np.ndarray:
        """Return the models' probabilities of prepared images (n, size, size) uint8: (M, n, K)."""
        return np.stack([m.probabilities(images[..., None], prevalence) for m in self.members])

    def prepare(self, path: Path) -> np.ndarray | str:
        """Return ``prepared`` of one file, whatever its bytes."""
        return prepared(self.preprocessing, path)


def prepared(
    preprocessing: Mapping[str, object], path: Path, listed: tuple[str, str] | None = None
) -> np.ndarray | str:
    """Return a file's image as the models see it, (size, size) uint8, or what is wrong with it.

    Args:
        preprocessing: of ``TrainedRun``.
        path: the file.
        listed: the SHA-256 that its bytes must have, and its frame; None: its bytes may have any
            hash, and its frame is that of the preprocessing.
    """
    sha256, frame = listed or (None, str(preprocessing.get("frame", "")))
    try:
        return preprocess(read_grey(path, sha256, frame), **preprocessing)
    except DatasetError as error:
        return "; ".join(error.problems)


def _check_models(folder: Path, models: dict[str, str]) -> None:
    problems = []
    for place, digest in models.items():
        path = folder / place
        if not path.is_file():
            problems.append(f"{place} is gone")
        elif sha256(path) != digest:
            problems.append(f"{place} is not the model that the run left")
    if problems or not models:
        listed = "; ".join(problems) or "the run kept no model"
        raise UserError(f"{str(folder)!r}: {listed}; train it again")


def _member(folder: Path, place: str, table: pd.DataFrame, balance: bool, task: Task) -> Member:
    import keras

    from birads_lib.networks import hybrid, resnext  # noqa: F401 (Keras then knows its layers)

    logging.getLogger("tensorflow").addFilter(_is_no_first_trace)
    seed, fold = map(int, re.search(r"seed(\d+)/fold(\d+)", place).groups())
    rows = table[(table["seed"] == seed) & (table["fold"] == fold)]
    validation = predictions.out_of_fold(rows, "validation")
    temperature = fitted_temperature(
        validation["y_true"].to_numpy(), predictions.probabilities(validation)
    )
    model = keras.saving.load_model(folder / place, compile=False)
    return Member(model, temperature, *training_priors(rows, balance, task))


def _is_no_first_trace(record: logging.LogRecord) -> bool:
    """Return whether TensorFlow warns of something else than that functions are traced.

    It counts the first traces of each of several models as one function that is traced again and
    again. ``Member.raw`` sees to it that there are two at most.
    """
    return "triggered tf.function retracing" not in record.getMessage()
