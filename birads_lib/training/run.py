"""A run: one set of parameters under one protocol, all folds, and the files that it leaves."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib import predictions, tables
from birads_lib.files import sha256, written_whole
from birads_lib.training.fold import RECORD, Trainer

RECORDED = (
    "variant", "protocol", "folds", "validation_share", "balance", "image_file",
)  # fmt: skip  # in run.json, beside all settings
FILES = ("splits.parquet", "embeddings.npy", "history.csv", "run.json", "predictions.parquet")


def train_run(
    trainer: Trainer, parts: list[pd.DataFrame], folder: str | Path, parameters: dict
) -> list[Path]:
    """Train all folds of a run; return the files that it leaves, predictions last.

    Args:
        trainer: has images, cases and settings.
        parts: of each fold, the rows of ``splits.assign_parts``.
        folder: of the run; each fold has a folder below it.
        parameters: what was set; what ``RECORDED`` names goes into ``run.json``.
    """
    folder, folds = Path(folder), len(parts)
    below = [folder / f"fold{fold}" for fold in range(folds)]
    tested = [
        trainer.train_fold(part, place, fold, folds)
        for fold, (part, place) in enumerate(zip(parts, below, strict=True))
    ]
    history = pd.concat(
        [pd.read_csv(place / "history.csv").assign(fold=fold) for fold, place in enumerate(below)]
    )
    history["epoch"] = history.groupby("fold").cumcount() + 1  # over both stages
    embeddings = np.concatenate([np.load(place / "embeddings.npy") for place in below])
    splits = pd.concat([part.assign(fold=fold) for fold, part in enumerate(parts)])
    tables.write(splits, folder / "splits.parquet")
    with written_whole(folder / "embeddings.npy") as temporary:
        np.save(temporary, embeddings)
    with written_whole(folder / "history.csv") as temporary:
        history.to_csv(temporary, index=False)
    with written_whole(folder / "run.json") as temporary:
        facts = {name: parameters[name] for name in RECORDED}
        facts["settings"] = trainer.settings.model_dump(mode="json")
        # The folder of a file may tell whose machine it was.
        facts["settings"]["weights"] = Path(trainer.settings.weights).name
        facts |= _of_folds(folder, below)
        temporary.write_text(json.dumps(facts, indent=1))
    run = {name: parameters[name] for name in ("variant", "protocol")}
    predictions.write(pd.concat(tested).assign(**run), folder / "predictions.parquet", trainer.task)
    models = [place / "model.keras" for place in below]
    return [*(m for m in models if trainer.save_models), *(folder / name for name in FILES)]


def _of_folds(folder: Path, below: list[Path]) -> dict[str, dict[str, str]]:
    """Return the SHA-256 of each file that the folds left, and of the features that they read."""
    left, features = {}, {}
    for place in below:
        record = json.loads((place / RECORD).read_text())
        within = place.relative_to(folder).as_posix()
        hashes = record["left"] | {RECORD: sha256(place / RECORD)}
        left |= {f"{within}/{name}": digest for name, digest in hashes.items()}
        features |= record["features"]
    return {"left_by_folds": left, "features": features}
