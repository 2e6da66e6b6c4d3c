"""Train the paper's network: its ResNet-50, the last 40 layers of it open in stage 2."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.contest import Contest, Peer
from birads_lib import phantoms

IMAGES, SIDE, EPOCHS = 16, 224, 4
STAGES = {1: {"stage1_epochs": EPOCHS, "stage2_epochs": 0}}
STAGES[2] = {"stage1_epochs": 0, "stage2_epochs": EPOCHS}


@cache
def drawn(n: int) -> np.ndarray:
    """Return phantoms, uint8 (n, side, side)."""
    phantom = partial(phantoms.render, 0, laterality="L", view="MLO", size=SIDE)
    return np.stack([phantom(number).image for number in range(n)])


def labels() -> np.ndarray:
    return np.arange(IMAGES) % 5  # any will do


def settings(stage: int):
    """Return the paper's settings, without what is random beside the order of the images."""
    from birads_lib.training.settings import Settings

    return Settings(
        weights="none", augment=False, dropout_1=0.0, dropout_2=0.0, encoder_dropout=0.0,
        restore_best=False, patience=EPOCHS, plateau_patience=EPOCHS, **STAGES[stage],
    )  # fmt: skip


def with_cache(folder: Path, stage: int) -> np.ndarray:
    """Train as chapter 03 does, from an empty cache; return the probabilities of the images."""
    import tempfile

    from birads_lib.task import BIRADS
    from birads_lib.training.fold import Trainer

    cases = pd.DataFrame({"birads": labels() + 1, "image_id": range(IMAGES)})
    rows = pd.DataFrame({"row": range(IMAGES), "copy": 0})
    rows = rows.assign(image_id=cases["image_id"], patient_id=cases["image_id"])
    parts = pd.concat([rows.assign(part=part) for part in ("train", "validation")])
    with tempfile.TemporaryDirectory(dir=folder) as own:
        trainer = Trainer(drawn(IMAGES), cases, settings(stage), progress=lambda line: None)
        table = trainer.train_fold(parts.reset_index(drop=True), own)
    return table.loc[table["part"] == "train", BIRADS.probabilities].to_numpy()


def with_fit(folder: Path, stage: int) -> np.ndarray:
    """Train the same by Keras' ``fit``, every layer run in every step."""
    import keras

    from birads_lib.losses.ordinal import LOSSES
    from birads_lib.networks.hybrid import build_model, set_trainable
    from birads_lib.training.cache import Batches, draw_seed

    chosen = settings(stage)
    keras.utils.clear_session()
    keras.utils.set_random_seed(draw_seed(chosen.seed, 0))
    model = build_model(chosen)
    set_trainable(model, chosen, stage)
    rate = chosen.stage1_rate if stage == 1 else chosen.stage2_rate
    model.compile(keras.optimizers.Adam(rate), LOSSES[chosen.loss](chosen), metrics=["accuracy"])
    x, rows = drawn(IMAGES)[:, None, ..., None], np.arange(IMAGES)
    given = Batches([x], labels(), rows, chosen.batch_size, (chosen.seed, 0, stage))
    validation = Batches([x], labels(), rows, 32)
    order = keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, _: given.start_epoch(e))
    model.fit(
        given, validation_data=validation, epochs=EPOCHS, callbacks=[order], shuffle=False,
        verbose=0,
    )  # fmt: skip
    return model.predict(drawn(IMAGES)[..., None], verbose=0)


def contest(stage: int, at_least: float) -> Contest:
    what = "only the head learns" if stage == 1 else "the last 40 layers of the ResNet-50 learn too"
    return Contest(
        f"training_stage{stage}",
        f"stage {stage} of training, {EPOCHS} epochs of {IMAGES} images of {SIDE} x {SIDE}: {what}",
        partial(with_cache, stage=stage),
        {"plain Keras fit": Peer(partial(with_fit, stage=stage), at_least, 1e-3)},
        rounds=2,
    )


CONTESTS = [contest(1, 4), contest(2, 2)]
