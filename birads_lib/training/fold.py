"""Training in two stages, with the frozen trunk run once, resumable to the epoch.

Stage 1 trains the head on a frozen trunk; stage 2 also trains the backbone's last layers, at a
lower rate (Singh et al. 2026, section "Optimization and training"). What is frozen gives the same
features in every epoch, so they are computed once per image and augmented view (``cache``).
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from birads_lib import tables
from birads_lib.cases import label_numbers
from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from birads_lib.networks.backbones import weights_file
from birads_lib.task import BIRADS, Task
from birads_lib.training.cache import CHUNK, Batches, draw_seed, noted_hashes, trunk_features
from birads_lib.training.journal import Journal
from birads_lib.training.network import Network
from birads_lib.training.settings import Settings

STATE = "state.npz"  # of a training that goes on
OUTPUTS = (STATE, "model.keras", "history.csv", "embeddings.npy", "predictions.parquet")
RECORD = "run.json"  # of what the fold was trained with, and the hashes of what it left
COLUMNS = ["image_id", "patient_id", "fold", "seed", "part", "copy", "y_true"]  # , p1 .. pK


@dataclass(frozen=True)
class _Fold:
    """One fold to train: the arguments of ``Trainer.train_fold``."""

    parts: pd.DataFrame
    folder: Path
    fold: int
    folds: int
    settings: Settings  # the trainer's, with the seed of this fold
    features: dict[str, str] = field(default_factory=dict)  # SHA-256 of those read, by file

    @property
    def name(self) -> str:
        return f"seed {self.settings.seed} · fold {self.fold + 1}/{self.folds}"

    def rows(self, part: str) -> np.ndarray:
        return self.parts.loc[self.parts["part"] == part, "row"].to_numpy()


class Trainer:
    """Trains folds with the same settings, one after another, and keeps their network.

    A fold is the same alone and after another, of this seed or another: graphs and cached features
    are shared, and nothing else.

    Args:
        images: (n, size, size) uint8, in the order of ``cases``; may be a memmap.
        cases: the table of images, for their labels, in the column of the task's name.
        settings: all hyper-parameters; their seed is that of folds which are given none.
        task: what is told apart.
        cache: folder of trunk features; they depend neither on fold nor on protocol, so runs
            over the same images may share one. None: each fold's own, removed with its end.
        code: what stands for the code that trains; where it has changed, a fold is trained anew.
        save_models: whether each fold leaves its model.
        progress: called with one line per epoch.

    Raises:
        UserError: images, cases and settings don't agree.
    """

    def __init__(
        self,
        images: np.ndarray,
        cases: pd.DataFrame,
        settings: Settings,
        *,
        task: Task = BIRADS,
        cache: str | Path | None = None,
        code: str = "",
        save_models: bool = True,
        progress: Callable[[str], None] = print,
    ):
        self.images, self.settings, self.task = images, settings, task
        self.cache = Path(cache) if cache else None
        self.code, self.save_models, self.progress = code, save_models, progress
        _check_images(images, len(cases), settings.image_size)
        self.labels = label_numbers(cases, task).astype("int32") - 1  # (n,), 0..K-1
        self._network: Network | None = None

    def train_fold(
        self,
        parts: pd.DataFrame,
        folder: str | Path,
        fold: int = 0,
        folds: int = 1,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Train one fold and return its predictions; what is already done is not done again.

        Args:
            parts: the rows of ``splits.assign_parts``.
            folder: receives ``model.keras`` (raw grey uint8 to probabilities), ``history.csv``,
                ``predictions.parquet`` and ``embeddings.npy`` (float32, row by row the same).
                Killed at any time, a second call goes on from the last whole epoch, to the same
                result.
            fold: which fold this is, from 0.
            folds: of how many, for messages.
            seed: of this training; None: that of the settings.

        Predictions have one row per image and part, and in validation and test one per copy.
        Raises UserError where a part is empty, or the loss isn't finite.
        """
        seed = self.settings.seed if seed is None else seed
        settings = self.settings.model_copy(update={"seed": seed})
        run = _Fold(parts, Path(folder), fold, folds, settings)
        empty = [part for part in ("train", "validation") if not len(run.rows(part))]
        if empty:
            raise UserError("\n".join(f"parts: no {part} rows" for part in empty))
        if not self._is_done(run):
            self._record(run)
            try:
                self._train(run)
            except BaseException:  # what Keras leaves of a broken `fit` is not for the next fold
                self._network = None
                raise
        return pd.read_parquet(run.folder / "predictions.parquet")

    def _train(self, run: _Fold) -> None:
        seed = draw_seed(run.settings.seed, run.fold)
        if self._network:
            self._network.reset(seed)
        else:
            self._network = Network(self.settings, self.task, seed)
        history: list[dict] = []
        for stage in (1, 2):
            self._run_stage(run, stage, history)
        self._write_outputs(run, history)

    def _run_stage(self, run: _Fold, stage: int, history: list[dict]) -> None:
        """Train a stage, or what is left of it; leave the variables of its best or last epoch."""
        settings = run.settings
        if not getattr(settings, f"stage{stage}_epochs"):
            return
        frozen, learner = self._network.of_stage(stage)
        features, rows = self._inputs(frozen, run), run.rows("train")
        seed = (settings.seed, run.fold, stage)
        training = Batches(features, self.labels, rows, settings.batch_size, seed)
        validation = Batches(features, self.labels, run.rows("validation"), CHUNK)
        path = run.folder / STATE
        journal = Journal(path, run.name, settings, stage, history, training, self.progress)
        journal.restore(learner)
        done = sum(row["stage"] == stage for row in history)
        if not journal.plan.stop and done < journal.epochs:
            learner.fit(
                training,
                validation_data=validation,
                initial_epoch=done,
                epochs=journal.epochs,
                callbacks=[journal],
                shuffle=False,
                verbose=0,
            )
        for batches in (training, validation):
            batches.features = []  # TensorFlow keeps them to the end of the process
        if journal.best:  # empty where a kill came later: the next stage restores its own
            for variable, best in zip(learner.variables, journal.best, strict=True):
                variable.assign(best)

    def _inputs(self, frozen: keras.Model | None, run: _Fold) -> list[np.ndarray]:
        """Return the inputs of a learner, (n, views, ...) each: cached features, or the images."""
        if frozen is None:
            return [self.images[:, None, ..., None]]
        cache = self.cache or run.folder / "cache"
        features = trunk_features(
            self.images, frozen, run.settings, cache, self.progress, self._images_hash
        )
        run.features.update(noted_hashes(features))
        return features

    def _write_outputs(self, run: _Fold, history: list[dict]) -> None:
        """Write the outputs of a fold; predictions last, as they mark it as finished."""
        repeated = (run.parts["part"] == "train") & run.parts.duplicated(["row", "part"])
        table = run.parts[~repeated].reset_index(drop=True)
        rows, inverse = np.unique(table["row"], return_inverse=True)
        frozen, learner = self._network.of_outputs()
        probabilities, embeddings = _predict(learner, self._inputs(frozen, run), rows)

        table["fold"], table["seed"] = run.fold, run.settings.seed
        table["y_true"] = self.labels[table["row"]] + 1
        table[self.task.probabilities] = probabilities[inverse].astype(float)
        if self.save_models:
            with written_whole(run.folder / "model.keras") as temporary:
                self._network.model.save(temporary)
        with written_whole(run.folder / "history.csv") as temporary:
            pd.DataFrame(history).to_csv(temporary, index=False)
        with written_whole(run.folder / "embeddings.npy") as temporary:
            np.save(temporary, embeddings[inverse].astype("float32"))
        columns = [*COLUMNS, *self.task.probabilities]
        tables.write(table[columns], run.folder / "predictions.parquet")
        self._record(run, is_done=True)
        (run.folder / STATE).unlink(missing_ok=True)
        if self.cache is None:
            shutil.rmtree(run.folder / "cache", ignore_errors=True)

    @cached_property
    def _images_hash(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.images)).hexdigest()

    def _is_done(self, run: _Fold) -> bool:
        """Return whether the fold's folder holds what this training left, unchanged.

        What other data, settings or code have left there, or was changed since, is removed, and
        it is said so.
        """
        path, given = run.folder / RECORD, self._given(run)
        if not path.exists():
            return False
        record = json.loads(path.read_text())
        left = record.get("left", {})
        reasons = {
            "data, settings or code have": record.get("given") != given,
            "what it left has": any(_hash_of(run.folder / name) != left[name] for name in left),
        }
        for reason in (reason for reason, holds in reasons.items() if holds):
            self.progress(f"{run.name} · {reason} changed: trained anew")
            for name in (*OUTPUTS, RECORD):
                (run.folder / name).unlink(missing_ok=True)
            return False
        return bool(left)

    def _record(self, run: _Fold, is_done: bool = False) -> None:
        """Write the inputs and settings of the fold, and at its end the hashes of its outputs."""
        record = {"given": self._given(run)}
        if is_done:
            hashes = {name: _hash_of(run.folder / name) for name in OUTPUTS if name != STATE}
            left = {name: digest for name, digest in hashes.items() if digest}
            record |= {"features": run.features, "left": left}
        with written_whole(run.folder / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=1))

    def _given(self, run: _Fold) -> dict[str, object]:
        """Return all that the result follows from: of weights their hash, not their place."""
        settings = run.settings.model_dump(mode="json")
        weights = weights_file(run.settings.weights)
        if weights and weights.is_file():
            settings["weights"] = sha256(weights)
        return {
            "settings": settings,
            "images": self._images_hash,
            "labels": hashlib.sha256(self.labels).hexdigest(),
            "parts": hashlib.sha256(run.parts.to_csv(index=False).encode()).hexdigest(),
            "fold": run.fold,
            "code": self.code,
        }


def _hash_of(path: Path) -> str | None:
    return sha256(path) if path.exists() else None


def _predict(
    model: keras.Model, features: list[np.ndarray], rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and embeddings from view 0 of some rows of a learner's inputs."""
    batches = Batches(features, np.zeros(len(features[0])), rows, CHUNK)
    outputs = [model.predict_on_batch(batches[i][0]) for i in range(len(batches))]
    probabilities, embeddings = (np.concatenate(output) for output in zip(*outputs, strict=True))
    return probabilities, embeddings


def _check_images(images: np.ndarray, n: int, size: int) -> None:
    problems = []
    if images.shape != (n, size, size):
        problems.append(
            f"images: shape {images.shape}; expected {(n, size, size)}, for {n} cases and "
            f"image_size {size}: run 02_preprocessing with the same image_size"
        )
    if images.dtype != np.uint8:
        problems.append(f"images: {images.dtype}; expected raw grey uint8")
    if problems:
        raise UserError("\n".join(problems))
