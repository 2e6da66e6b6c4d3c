"""Train the paper's network: its ResNet-50, the last 40 layers of it open in stage 2."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.contest import Contest, Peer
from birads_lib import phantoms

SIDE = 224


@dataclass(frozen=True)
class Work:
    """One stage of a training, and on how many images of which size."""

    stage: int
    images: int = 16
    side: int = SIDE
    epochs: int = 4
    batch_size: int = 8

    @property
    def labels(self) -> np.ndarray:
        return np.arange(self.images) % 5  # any will do

    @property
    def settings(self):
        """The paper's settings, without what is random beside the order of the images."""
        from birads_lib.training.settings import Settings

        epochs = {"stage1_epochs": 0, "stage2_epochs": 0, f"stage{self.stage}_epochs": self.epochs}
        return Settings(
            weights="none", augment=False, dropout_1=0.0, dropout_2=0.0, encoder_dropout=0.0,
            restore_best=False, patience=self.epochs, plateau_patience=self.epochs,
            image_size=self.side, batch_size=self.batch_size, **epochs,
        )  # fmt: skip


@cache
def drawn(n: int, side: int = SIDE) -> np.ndarray:
    """Return phantoms, uint8 (n, side, side)."""
    phantom = partial(phantoms.render, 0, laterality="L", view="MLO", size=side)
    return np.stack([phantom(number).image for number in range(n)])


def with_cache(folder: Path, work: Work) -> np.ndarray:
    """Train as chapter 03 does, from an empty cache; return the probabilities of the images."""
    import tempfile

    from birads_lib.task import BIRADS
    from birads_lib.training.fold import Trainer

    cases = pd.DataFrame({"birads": work.labels + 1, "image_id": range(work.images)})
    rows = pd.DataFrame({"row": range(work.images), "copy": 0})
    rows = rows.assign(image_id=cases["image_id"], patient_id=cases["image_id"])
    parts = pd.concat([rows.assign(part=part) for part in ("train", "validation")])
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        images = drawn(work.images, work.side)
        trainer = Trainer(images, cases, work.settings, progress=lambda line: None)
        table = trainer.train_fold(parts.reset_index(drop=True), scratch)
    return table.loc[table["part"] == "train", BIRADS.probabilities].to_numpy()


def with_fit(folder: Path, work: Work) -> np.ndarray:
    """Train the same by Keras' ``fit``, every layer run in every step."""
    import keras

    from birads_lib.losses.ordinal import LOSSES
    from birads_lib.networks.hybrid import build_model, set_trainable
    from birads_lib.training.cache import Batches, draw_seed

    chosen, stage, images = work.settings, work.stage, drawn(work.images, work.side)
    keras.utils.clear_session()
    keras.utils.set_random_seed(draw_seed(chosen.seed, 0))
    model = build_model(chosen)
    set_trainable(model, chosen, stage)
    rate = chosen.stage1_rate if stage == 1 else chosen.stage2_rate
    model.compile(keras.optimizers.Adam(rate), LOSSES[chosen.loss](chosen), metrics=["accuracy"])
    x, rows = images[:, None, ..., None], np.arange(work.images)
    given = Batches([x], work.labels, rows, chosen.batch_size, (chosen.seed, 0, stage))
    validation = Batches([x], work.labels, rows, work.batch_size)
    order = keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, _: given.start_epoch(e))
    model.fit(
        given, validation_data=validation, epochs=work.epochs, callbacks=[order], shuffle=False,
        verbose=0,
    )  # fmt: skip
    return model.predict(images[..., None], batch_size=work.batch_size, verbose=0)


def contest(name: str, work: Work, at_least: float | None) -> Contest:
    of = f"{work.epochs} epochs of {work.images} images of {work.side} x {work.side}"
    learns = {1: "only the head learns", 2: "the last 40 layers of the ResNet-50 learn too"}
    return Contest(
        name,
        f"stage {work.stage} of training, {of}: {learns[work.stage]}",
        partial(with_cache, work=work),
        {"plain Keras fit": Peer(partial(with_fit, work=work), at_least, 1e-3)},
        rounds=2,
    )


CONTESTS = [
    contest("training_stage1", Work(1), 4),
    contest("training_stage2", Work(2), 2),
    contest("training_1024", Work(2, images=8, side=1024, batch_size=2), None),
]
