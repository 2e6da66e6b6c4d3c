"""Train a network of small windows on crops that are drawn anew in each epoch."""

import logging
from typing import Annotated

import keras
import numpy as np
from pydantic import Field

from birads_lib.checked import Checked
from birads_lib.errors import UserError
from birads_lib.images.local_views import LABELS, Source
from birads_lib.networks.local_views import build_windows
from birads_lib.training.cache import draw_seed
from birads_lib.training.settings import Settings

# A new graph per training is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


class Schedule(Checked):
    """Epochs, rates and weight decay; the paper's values are 100 epochs, 1e-4, 1e-7 and 1e-5."""

    epochs: Annotated[int, Field(ge=1)] = 8
    crops: Annotated[int, Field(ge=1)] = 2048  # drawn in an epoch
    rate: Annotated[float, Field(gt=0)] = 1e-3  # Adam's at first; it falls by a cosine
    last_rate: Annotated[float, Field(ge=0)] = 1e-7  # and at last
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5  # apart from Adam's moments (AdamW)


def focal_loss() -> keras.losses.Loss:
    """Return the focal loss of Lin et al. 2017 (arXiv:1708.02002, equation 5), of several labels.

    It is -alpha_t (1 - p_t)^gamma ln p_t, averaged over labels and crops, with alpha 0.8 for a
    label that is there, 0.2 for one that isn't, and gamma 2, as in Mellado et al. 2025.
    """
    return keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.8, gamma=2.0)


class Crops(keras.utils.PyDataset):
    """Batches of crops (b, window, window, 1) uint8 and labels (b, K); each label as often.

    That is the weighted sampling of the paper, with labels of equal weight.
    """

    def __init__(self, source: Source, crops: int, batch_size: int, seed: int):
        super().__init__()
        self.source, self.size, self.batches = source, batch_size, max(1, crops // batch_size)
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        labels = rng.choice(self.source.labels, self.size)
        crops, shown = zip(*(self.source.draw(label, rng) for label in labels), strict=True)
        return np.stack(crops)[..., None], np.stack(shown).astype("float32")

    def on_epoch_end(self) -> None:
        self.epoch += 1


def train(
    source: Source, settings: Settings, schedule: Schedule, seed: int = 0
) -> tuple[keras.Model, np.ndarray]:
    """Return the network after its last epoch, and the mean loss of each epoch.

    Every layer learns from the first step on.

    Args:
        source: images to draw crops from.
        settings: of the network (``build_windows``), and the size of a batch.
        schedule: how long and how fast.
        seed: of initial values, crops and augmentation.

    Raises:
        UserError: the source has no lesion with a label.
    """
    if not source.lesions:
        raise UserError(f"no lesion to learn from; expected some of {', '.join(LABELS[1:])}")
    keras.utils.set_random_seed(draw_seed(seed))
    model = build_windows(settings)
    batches = Crops(source, schedule.crops, settings.batch_size, seed)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.rate, schedule.epochs * len(batches), schedule.last_rate / schedule.rate
    )
    optimizer = keras.optimizers.Adam(rate, weight_decay=schedule.weight_decay)
    model.compile(optimizer, focal_loss())
    fitted = model.fit(batches, epochs=schedule.epochs, shuffle=False, verbose=0)
    return model, np.array(fitted.history["loss"])
