"""A run: one set of parameters under one protocol, all seeds and folds, and what it leaves."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib import predictions, tables
from birads_lib.files import sha256, written_whole
from birads_lib.images.prepare import Options
from birads_lib.training.fold import RECORD, Trainer

RECORDED = (
    "variant", "protocol", "seeds", "folds", "validation_share", "balance", "image_file",
)  # fmt: skip  # in run.json, beside all settings
FILES = ("splits.parquet", "embeddings.npy", "history.csv", "run.json", "predictions.parquet")


def train_run(
    trainer: Trainer,
    parts: Mapping[tuple[int, int], pd.DataFrame],
    folder: str | Path,
    parameters: dict,
    preprocessing: Options | None = None,
) -> list[Path]:
    """Train all folds of a run for each seed; return the files that it leaves, predictions last.

    Each of these files joins what the folds left, one seed after another.

    Args:
        trainer: has images, cases and settings.
        parts: by (seed, fold), as ``splits.deal`` returns them.
        folder: of the run; each fold has its own below it, ``seed<seed>/fold<fold>``.
        parameters: what was set; what ``RECORDED`` names goes into ``run.json``.
        preprocessing: how the images were prepared; goes there, too, for who uses the models.
    """
    folder, folds = Path(folder), 1 + max(fold for _, fold in parts)
    below = {key: folder / f"seed{key[0]}" / f"fold{key[1]}" for key in parts}
    tested = [
        trainer.train_fold(part, below[seed, fold], fold, folds, seed)
        for (seed, fold), part in parts.items()
    ]
    tables.write(_joined(parts), folder / "splits.parquet")
    with written_whole(folder / "embeddings.npy") as temporary:
        np.save(temporary, np.concatenate([np.load(p / "embeddings.npy") for p in below.values()]))
    history = _joined({key: pd.read_csv(p / "history.csv") for key, p in below.items()})
    history["epoch"] = history.groupby(predictions.MODEL).cumcount() + 1  # over both stages
    with written_whole(folder / "history.csv") as temporary:
        history.to_csv(temporary, index=False)
    record = _record(trainer, parameters, preprocessing) | _of_folds(folder, below.values())
    with written_whole(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1))
    run = {name: parameters[name] for name in predictions.RUN}
    predictions.write(pd.concat(tested).assign(**run), folder / "predictions.parquet", trainer.task)
    models = [place / "model.keras" for place in below.values()]
    return [*(m for m in models if trainer.save_models), *(folder / name for name in FILES)]


def _record(trainer: Trainer, parameters: dict, preprocessing: Options | None) -> dict:
    """Return the record of a run's settings, for readers of the run and users of its models."""
    settings = trainer.settings.model_dump(mode="json", exclude={"seed"})
    settings["weights"] = Path(settings["weights"]).name  # its folder may tell whose machine it was
    return {name: parameters[name] for name in RECORDED} | {
        "settings": settings,
        "preprocessing": preprocessing and preprocessing.model_dump(mode="json"),
        "task": asdict(trainer.task),
    }


def _joined(of_folds: Mapping[tuple[int, int], pd.DataFrame]) -> pd.DataFrame:
    """Return tables of folds, by (seed, fold), below each other, with the columns fold and seed."""
    rows = [table.assign(fold=fold, seed=seed) for (seed, fold), table in of_folds.items()]
    return pd.concat(rows, ignore_index=True)


def _of_folds(folder: Path, below: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Return the SHA-256 of each file that the folds left, and of the features that they read."""
    left, features = {}, {}
    for place in below:
        record = json.loads((place / RECORD).read_text())
        within = place.relative_to(folder).as_posix()
        hashes = record["left"] | {RECORD: sha256(place / RECORD)}
        left |= {f"{within}/{name}": digest for name, digest in hashes.items()}
        features |= record["features"]
    return {"left_by_folds": left, "features": features}
