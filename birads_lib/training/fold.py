"""Training in two stages, with the frozen trunk run once, resumable to the epoch.

Stage 1 trains the head on a frozen trunk; stage 2 also trains the backbone's last layers, at a
lower rate (Singh et al. 2026, section "Optimization and training"). What is frozen gives the same
features in every epoch, so they are computed once per image and augmented view (``features``).
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from birads_lib.losses.ordinal import LOSSES
from birads_lib.networks.backbones import weights_file
from birads_lib.networks.hybrid import build_model, cut, set_trainable, with_embeddings
from birads_lib.task import BIRADS
from birads_lib.training.cache import CHUNK, Batches, draw_seed, trunk_features
from birads_lib.training.journal import Journal
from birads_lib.training.settings import Settings
from press.sources import closure, digest

OUTPUTS = ("state.npz", "model.keras", "history.csv", "embeddings.npy", "predictions.parquet")
COLUMNS = [
    "image_id",
    "patient_id",
    "fold",
    "seed",
    "part",
    "copy",
    "y_true",
    *BIRADS.probabilities,
]

# A new graph per fold and stage is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


@dataclass(frozen=True)
class _Run:
    """One fold to train: the arguments of ``train_fold``."""

    images: np.ndarray
    cases: pd.DataFrame
    parts: pd.DataFrame
    settings: Settings
    folder: Path
    fold: int
    folds: int
    cache: Path
    progress: Callable[[str], None]

    @property
    def name(self) -> str:
        return f"fold {self.fold + 1}/{self.folds}"

    @property
    def labels(self) -> np.ndarray:
        return self.cases["birads"].to_numpy("int32") - 1  # (n,), 0..4

    def rows(self, part: str) -> np.ndarray:
        return self.parts.loc[self.parts["part"] == part, "row"].to_numpy()


def train_fold(
    images: np.ndarray,
    cases: pd.DataFrame,
    parts: pd.DataFrame,
    settings: Settings,
    folder: str | Path,
    *,
    fold: int = 0,
    folds: int = 1,
    cache: str | Path | None = None,
    progress: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train one fold and return its predictions; what is already done is not done again.

    Args:
        images: (n, size, size) uint8, in the order of ``cases``; may be a memmap.
        cases: the table of images, for their categories.
        parts: the rows of ``splits.assign_parts``.
        settings: all hyper-parameters, the seed among them.
        folder: receives ``model.keras`` (raw grey uint8 to probabilities), ``history.csv``,
            ``predictions.parquet`` and ``embeddings.npy`` (float32, row by row the same). Killed
            at any time, a second call goes on from the last whole epoch, to the same result.
        fold: which fold this is, from 0.
        folds: of how many, for messages.
        cache: folder of trunk features; they depend neither on fold nor on protocol, so runs
            over the same images may share one.
        progress: called with one line per epoch.

    Predictions have one row per image and part, and in validation and test one per copy.
    Raises UserError where images, cases and settings don't agree, or the loss isn't finite.
    """
    folder = Path(folder)
    cache = Path(cache) if cache else folder / "cache"
    run = _Run(images, cases, parts, settings, folder, fold, folds, cache, progress)
    _check_run(run)
    _forget_other_runs(run)
    if not (folder / "predictions.parquet").exists():
        network = _network(settings, draw_seed(settings.seed, fold))
        history: list[dict] = []
        try:
            for stage in (1, 2):
                _run_stage(network, run, stage, history)
            _write_outputs(network, run, history)
        except BaseException:  # what Keras leaves of a broken `fit` is not for the next one
            _networks.clear()
            raise
    return pd.read_parquet(folder / "predictions.parquet")


def predict(model: keras.Model, images: np.ndarray, batch_size: int = CHUNK):
    """Return probabilities (n, 5) and embeddings (n, dense_2), float32, of raw uint8 images."""
    rows = np.arange(len(images))
    return _predict(with_embeddings(model), [images[:, None, ..., None]], rows, batch_size)


class _Network:
    """A model and what is trained of it, kept from fold to fold.

    TensorFlow takes longer to build the graphs of a small network than to train it for an epoch.
    """

    def __init__(self, settings: Settings):
        self.settings, self.model = settings, build_model(settings)
        self._parts: dict[object, tuple[keras.Model | None, keras.Model]] = {}

    def renew(self) -> None:
        """Put back what a new model begins with: weights, statistics and dropout's seeds."""
        for kept, new in zip(
            self.model.variables, build_model(self.settings).variables, strict=True
        ):
            kept.assign(new.value)

    def of_stage(self, stage: int) -> tuple[keras.Model | None, keras.Model]:
        """Return the frozen trunk and the compiled learner of a stage, as new."""
        set_trainable(self.model, self.settings, stage)
        if stage not in self._parts:
            frozen, learner = self._cut(self.model)
            rate = getattr(self.settings, f"stage{stage}_rate")
            loss = LOSSES[self.settings.loss](self.settings)
            learner.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
            learner.optimizer.build(learner.trainable_variables)
            self._parts[stage] = frozen, learner
        for variable in self._parts[stage][1].optimizer.variables:
            variable.assign(np.zeros(variable.shape))  # the journal sets the rate
        return self._parts[stage]

    def of_outputs(self) -> tuple[keras.Model | None, keras.Model]:
        """Return the frozen trunk and a learner that gives embeddings, too."""
        if "outputs" not in self._parts:
            self._parts["outputs"] = self._cut(with_embeddings(self.model))
        return self._parts["outputs"]

    def _cut(self, model: keras.Model) -> tuple[keras.Model | None, keras.Model]:
        """Return what is run once and what in each step; without the trunk cache, None and all."""
        frozen, tail = cut(model)
        if self.settings.trunk_cache:
            return frozen, tail
        maps = frozen(model.get_layer("preparation")(model.input), training=False)
        return None, keras.Model(model.input, tail(maps))


_networks: dict[Settings, _Network] = {}  # that of the last fold


def _network(settings: Settings, seed: int) -> _Network:
    """Return the network of some settings as it is before training, with a seed."""
    keras.utils.set_random_seed(seed)
    if settings in _networks:
        _networks[settings].renew()
    else:
        _networks.clear()
        keras.utils.clear_session()
        _networks[settings] = _Network(settings)
    return _networks[settings]


def _run_stage(network: _Network, run: _Run, stage: int, history: list[dict]) -> None:
    """Train one stage, or what is left of it; leave the variables of its best or last epoch."""
    settings = run.settings
    if not getattr(settings, f"stage{stage}_epochs"):
        return
    frozen, learner = network.of_stage(stage)
    features = _inputs(frozen, run)
    training = Batches(
        features,
        run.labels,
        run.rows("train"),
        settings.batch_size,
        (settings.seed, run.fold, stage),
    )
    validation = Batches(features, run.labels, run.rows("validation"), CHUNK)
    path = run.folder / "state.npz"
    journal = Journal(path, run.name, settings, stage, history, training, run.progress)
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
    for variable, best in zip(learner.variables, journal.best, strict=False):
        variable.assign(best)


def _inputs(frozen: keras.Model | None, run: _Run) -> list[np.ndarray]:
    """Return what a learner sees, (n, views, ...) each: cached features, or the images."""
    if frozen is None:
        return [run.images[:, None, ..., None]]
    return trunk_features(run.images, frozen, run.settings, run.cache, run.progress)


def _predict(model: keras.Model, features, rows: np.ndarray, batch_size: int = CHUNK):
    """Return the outputs of a model with embeddings, from view 0 of some rows of its inputs."""
    batches = Batches(features, np.zeros(len(features[0])), rows, batch_size)
    found = [model.predict_on_batch(batches[i][0]) for i in range(len(batches))]
    probabilities, embeddings = (np.concatenate(output) for output in zip(*found, strict=True))
    return probabilities, embeddings


def _write_outputs(network: _Network, run: _Run, history: list[dict]) -> None:
    """Write everything a fold leaves; predictions last, as they say that it is finished."""
    repeated = (run.parts["part"] == "train") & run.parts.duplicated(["row", "part"])
    table = run.parts[~repeated].reset_index(drop=True)
    rows, where = np.unique(table["row"], return_inverse=True)
    frozen, learner = network.of_outputs()
    probabilities, embeddings = _predict(learner, _inputs(frozen, run), rows)

    table["fold"], table["seed"] = run.fold, run.settings.seed
    table["y_true"] = run.labels[table["row"]] + 1
    table[BIRADS.probabilities] = probabilities[where].astype(float)
    with written_whole(run.folder / "model.keras") as temporary:
        network.model.save(temporary)
    with written_whole(run.folder / "history.csv") as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    with written_whole(run.folder / "embeddings.npy") as temporary:
        np.save(temporary, embeddings[where].astype("float32"))
    with written_whole(run.folder / "predictions.parquet") as temporary:
        table[COLUMNS].to_parquet(temporary, index=False)
    (run.folder / "state.npz").unlink(missing_ok=True)
    if run.cache == run.folder / "cache":  # nobody else's
        shutil.rmtree(run.cache, ignore_errors=True)


def _forget_other_runs(run: _Run) -> None:
    """Remove what other data, settings or code have left in the folder, and say so."""
    weights = weights_file(run.settings.weights)
    given = {
        "settings": asdict(run.settings) | {"taps": list(run.settings.taps)},
        "weights": sha256(weights) if weights and weights.is_file() else None,
        "images": hashlib.sha256(np.ascontiguousarray(run.images)).hexdigest(),
        "labels": hashlib.sha256(run.labels).hexdigest(),
        "parts": hashlib.sha256(run.parts.to_csv(index=False).encode()).hexdigest(),
        "fold": run.fold,
        "code": digest(closure({"birads_lib.training.fold"})),
    }
    path = run.folder / "run.json"
    if path.exists() and json.loads(path.read_text()) != given:
        run.progress(f"{run.name} · data, settings or code have changed: trained anew")
        for name in OUTPUTS:
            (run.folder / name).unlink(missing_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(given, indent=1))


def _check_run(run: _Run) -> None:
    size, n = run.settings.image_size, len(run.cases)
    problems = []
    if run.images.shape != (n, size, size):
        problems.append(
            f"images: shape {run.images.shape}; expected {(n, size, size)}, for {n} cases and "
            f"image_size {size}: run 02_preprocessing with the same image_size"
        )
    if run.images.dtype != np.uint8:
        problems.append(f"images: {run.images.dtype}; expected raw grey uint8")
    problems += [f"parts: no {p} rows" for p in ("train", "validation") if not len(run.rows(p))]
    if problems:
        raise UserError("\n".join(problems))
