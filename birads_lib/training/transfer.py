"""Transfer learning: a chain of trainings, each beginning with the trunk that the last one left.

A stage is a set of images with labels, and settings, which say what is trained and what stays
frozen. It leaves its trunk as a file of weights, which the next stage is given as ``weights``. A
trunk is named after everything that it follows from, so that chains with a common beginning share
it, and one that is there is not trained again. A killed stage goes on from its last whole epoch.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from birads_lib import splits
from birads_lib.cases import label_numbers
from birads_lib.errors import UserError
from birads_lib.files import one_at_a_time, sha256, written_whole
from birads_lib.networks import hybrid  # noqa: F401 (Keras then knows the layers of saved models)
from birads_lib.networks.backbones import check_weights
from birads_lib.predictions import out_of_fold, probabilities
from birads_lib.protocol import PATIENT
from birads_lib.scores.metrics import headline
from birads_lib.task import Task
from birads_lib.training.fold import RECORD, Trainer
from birads_lib.training.settings import Settings

FOLDS = 5  # of a stage's own images one fold is set aside to see what the stage has learned
TRUNK = "trunk.weights.h5"
PASSPORT = "stage.json"


@dataclass(frozen=True)
class Stage:
    """One training on the way to the target.

    Attributes:
        name: for messages and folders, of letters, digits and _.
        images: (n, size, size) uint8.
        cases: n rows with image_id, patient_id and the task's column.
        task: what is told apart.
        settings: of its training; weights and seed come from the chain.
    """

    name: str
    images: np.ndarray
    cases: pd.DataFrame
    task: Task
    settings: Settings


@dataclass(frozen=True)
class Trunk:
    """The trunk that a stage left: a file of weights, and the record of its training."""

    path: Path
    record: Mapping[str, object]  # as ``stage.json`` has it

    @property
    def accuracy(self) -> float:
        """The accuracy on the stage's own test images, 0..1."""
        return float(self.record["accuracy"])


def train_chain(
    stages: Sequence[Stage],
    folder: str | Path,
    *,
    weights: str | Path = "none",
    seed: int = 0,
    code: str = "",
    progress: Callable[[str], None] = print,
) -> list[Trunk]:
    """Train the stages one after another; return the trunk that each leaves.

    Args:
        stages: in their order, all with one backbone and one size of images.
        folder: of all chains; each stage has a folder of its own below it.
        weights: that the first stage begins with, as ``networks.backbones.build`` takes them.
        seed: of the splits, initial weights, order and augmentation.
        code: what stands for the code that trains; where it has changed, a stage is trained anew.
        progress: called with one line per epoch.

    Raises:
        UserError: the stages don't fit each other, or one has too few patients to be split.
    """
    _check(stages)
    if stages:
        check_weights(stages[0].settings.backbone, weights)
    trunks: list[Trunk] = []
    for stage in stages:
        given = _given(stage, weights, seed, code)
        place = Path(folder) / f"{stage.name}_{_hash(given)[:12]}"
        with one_at_a_time(place.with_name(f"{place.name}.lock"), f"waiting for {stage.name}"):
            trunk = _stored(place, given) or _train(stage, place, given, progress)
        trunks.append(trunk)
        weights = trunk.path
    return trunks


def _check(stages: Sequence[Stage]) -> None:
    for name, values in {
        "backbone": [stage.settings.backbone for stage in stages],
        "image_size": [stage.settings.image_size for stage in stages],
    }.items():
        if len(set(values)) > 1:
            shown = ", ".join(f"{s.name}: {v}" for s, v in zip(stages, values, strict=True))
            raise UserError(f"{name}: the stages of a chain share one; here are {shown}")


def _given(stage: Stage, weights: str | Path, seed: int, code: str) -> dict[str, object]:
    """Return all that a stage's trunk follows from."""
    is_file = bool(Path(weights).suffix)
    settings = stage.settings.model_copy(update={"weights": str(weights), "seed": seed})
    labels = label_numbers(stage.cases, stage.task)
    people = stage.cases[["image_id", "patient_id"]].to_csv(index=False)
    return {
        "stage": stage.name,
        "settings": settings.model_dump(mode="json", exclude={"weights"}),
        "weights": Path(weights).name if is_file else str(weights),
        "weights_sha256": sha256(weights) if is_file else None,
        "weights_path": str(weights),
        "images": hashlib.sha256(np.ascontiguousarray(stage.images)).hexdigest(),
        "labels": hashlib.sha256(labels.tobytes() + people.encode()).hexdigest(),
        "task": stage.task.name,
        "code": code,
    }


def _hash(given: Mapping[str, object]) -> str:
    """Return one hash over what a trunk follows from; not over where its weights lie."""
    hashed = {name: value for name, value in given.items() if name != "weights_path"}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def _stored(place: Path, given: Mapping[str, object]) -> Trunk | None:
    """Return the trunk that a former call left, if it is whole and unchanged; else None."""
    passport = place / PASSPORT
    if not passport.exists():
        return None
    record, trunk = json.loads(passport.read_text()), place / TRUNK
    is_same = record["follows_from"] == _hash(given) and trunk.exists()
    return Trunk(trunk, record) if is_same and sha256(trunk) == record["trunk_sha256"] else None


def _train(stage: Stage, place: Path, given: Mapping[str, object], progress: Callable) -> Trunk:
    settings = stage.settings.model_copy(
        update={"weights": given["weights_path"], "seed": given["settings"]["seed"]}
    )
    options = {"seed": settings.seed, "balance": False, "task": stage.task}
    parts = splits.assign_parts(stage.cases, PATIENT.name, FOLDS, 0, **options)
    trainer = Trainer(
        stage.images, stage.cases, settings, task=stage.task, code=given["code"],
        progress=lambda line: progress(f"{stage.name} · {line}"),
    )  # fmt: skip
    tested = out_of_fold(trainer.train_fold(parts, place))
    model = keras.saving.load_model(place / "model.keras", compile=False)
    with written_whole(place / TRUNK) as temporary:
        model.get_layer("trunk").save_weights(temporary)
    scores = headline(tested["y_true"].to_numpy(), probabilities(tested), stage.task)
    record = {name: value for name, value in given.items() if name != "weights_path"} | {
        "follows_from": _hash(given),
        "trunk_sha256": sha256(place / TRUNK),
        "accuracy": float(scores["accuracy"]),
        "training": json.loads((place / RECORD).read_text())["left"],
    }
    with written_whole(place / PASSPORT) as temporary:
        temporary.write_text(json.dumps(record, indent=1))
    return Trunk(place / TRUNK, record)


def thinned(parts: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return the rows of ``splits.assign_parts`` with a share of the training patients.

    The shares of one seed are nested: a smaller one's patients are among a larger one's.

    Raises UserError where no patient would be left.
    """
    in_training = (parts["part"] == "train").to_numpy()
    patients = parts.loc[in_training, "patient_id"].unique()
    kept_patients = np.random.default_rng(seed).permutation(np.sort(patients))[
        : round(share * len(patients))
    ]
    if not len(kept_patients):
        raise UserError(f"a share of {share:g} of {len(patients)} patients leaves none to train on")
    is_kept = parts["patient_id"].isin(kept_patients).to_numpy() | ~in_training
    return parts[is_kept].reset_index(drop=True)


# The target, at the end of a chain


@dataclass(frozen=True)
class Deal:
    """The split of the target's images: protocol, share of the training patients, seeds."""

    protocol: str = PATIENT.name  # a name of ``protocol.PROTOCOLS``
    share: float = 1.0  # of the patients in training, 0..1
    seeds: tuple[int, ...] = (0,)  # of the target's training: splits, head, order


@dataclass(frozen=True)
class Arm:
    """One way to train for the target: the chain before it, and how the target is dealt out.

    Attributes:
        name: of the arm.
        chain: stages before the target; none: it begins with ``weights``.
        target: the last training, on each fold of its images.
        deals: each is trained with every seed and fold.
        weights: that the chain begins with.
        save_models: whether each fold leaves its model.
    """

    name: str
    chain: tuple[Stage, ...]
    target: Stage
    deals: tuple[Deal, ...] = (Deal(),)
    weights: str = "none"
    save_models: bool = False

    def variant(self, deal: Deal) -> str:
        """Return the ``variant`` of its predictions: its name, and the share where that isn't 1."""
        return self.name if deal.share == 1 else f"{self.name}_{100 * deal.share:.0f}"


def train_arm(
    arm: Arm,
    folder: str | Path,
    folds: int,
    validation_share: float = 0.15,
    chain_seed: int = 0,
    code: str = "",
    progress: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train an arm for all its deals; return its predictions, as ``predictions.schema`` says.

    Files lie below ``folder``: the ``stages`` of all chains, and of each fold of the target
    ``arms/<variant>/<protocol>/seed<seed>/fold<fold>``.

    Args:
        folds: of the cross-validation over the target's images.
        validation_share: of these, to choose the epoch by.
        chain_seed: of the stages before the target.
        code: as of ``train_chain``.
    """
    options = {"code": code, "progress": lambda line: progress(f"{arm.name} · {line}")}
    trunks = train_chain(
        arm.chain, Path(folder) / "stages", weights=arm.weights, seed=chain_seed, **options
    )
    target = arm.target
    weights = str(trunks[-1].path if trunks else arm.weights)
    settings = target.settings.model_copy(update={"weights": weights})
    trainer = Trainer(
        target.images, target.cases, settings, task=target.task, save_models=arm.save_models,
        cache=Path(folder) / "trunk_cache", **options,
    )  # fmt: skip
    tables = []
    for deal in arm.deals:
        home = Path(folder) / "arms" / arm.variant(deal) / deal.protocol
        dealt = splits.deal(
            target.cases, deal.protocol, folds, deal.seeds, validation_share, balance=False,
            task=target.task,
        )  # fmt: skip
        for (seed, fold), parts in dealt.items():
            place = home / f"seed{seed}" / f"fold{fold}"
            thinned_parts = thinned(parts, deal.share, seed)
            trained = trainer.train_fold(thinned_parts, place, fold, folds, seed)
            tables.append(trained.assign(variant=arm.variant(deal), protocol=deal.protocol))
    return pd.concat(tables)


def train_arms(
    arms: Sequence[Arm], folder: str | Path, folds: int, workers: int = 1, **options: object
) -> pd.DataFrame:
    """Train arms side by side; return the predictions of all, in the order of the arms.

    Each process has one thread, so that results don't depend on how many there are.

    Args:
        arms: with names of their own.
        folder: see ``train_arm``, for ``options``, too.
        workers: processes.
    """
    train = partial(_alone, folder=folder, folds=folds, **options)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    with get_context("spawn").Pool(workers) as pool:
        tables = list(pool.imap(train, arms))
    return pd.concat(tables, ignore_index=True)


def _alone(arm: Arm, **options: object) -> pd.DataFrame:
    """Train an arm in a process of its own, and say so once."""
    lines: list[str] = []
    table = train_arm(arm, progress=lines.append, **options)
    print(f"{arm.name}: {len(lines)} epochs", flush=True)
    return table
