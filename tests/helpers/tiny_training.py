"""A training that takes seconds, and what tells whether two of them are the same."""

import numpy as np
import pandas as pd

from birads_lib.splits import assign_parts
from birads_lib.training.fold import Trainer
from birads_lib.training.settings import Settings

SIZE, IMAGES = 64, 32
TINY = {
    "backbone": "small_resnet",
    "weights": "phantoms",
    "image_size": SIZE,
    "encoder_layers": 0,  # half of what is traced
    "embed": 16,
    "feed_forward": 16,
    "dense_1": 16,
    "dense_2": 8,
    "views": 2,
    "stage1_epochs": 2,
    "stage1_rate": 1e-3,
    "stage2_epochs": 2,
    "stage2_rate": 1e-3,
    "unfrozen_layers": 12,
    "batch_size": 6,
    "seed": 3,
}


def tiny(**changes) -> Settings:
    return Settings(**TINY | changes)


def make_images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, SIZE, SIZE), dtype="uint8")


def make_cases() -> pd.DataFrame:
    number = np.arange(IMAGES)
    return pd.DataFrame(
        {
            "image_id": [f"i{i:02}" for i in number],
            "patient_id": [f"p{i // 2:02}" for i in number],
            "laterality": "L",
            "birads": number // 2 % 3 + 1,
        }
    )


def make_parts(protocol: str = "patient") -> pd.DataFrame:
    return assign_parts(make_cases(), protocol, folds=3, fold=0, seed=1)


def trainer(progress=lambda line: None, code="", **changes) -> Trainer:
    return Trainer(make_images(), make_cases(), tiny(**changes), code=code, progress=progress)


def train(folder, protocol="patient", **options) -> pd.DataFrame:
    return trainer(**options).train_fold(make_parts(protocol), folder)


def train_to_the_end(trainer, folder):
    """Train a fold, or what is left of it; return how many epochs that took."""
    lines = []
    trainer.progress = lines.append
    trainer.train_fold(make_parts(), folder)
    return sum("epoch" in line for line in lines)


def assert_same_training(first, second):
    """Compare two folders of a fold: each epoch's losses, and all predictions."""
    history = [pd.read_csv(folder / "history.csv") for folder in (first, second)]
    predictions = [pd.read_parquet(folder / "predictions.parquet") for folder in (first, second)]
    pd.testing.assert_frame_equal(*history, check_exact=True)
    pd.testing.assert_frame_equal(*predictions, check_exact=True)
