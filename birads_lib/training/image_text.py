"""Train image and text encoders: arms that differ in the loss alone.

A frozen trunk gives the same features in every epoch, so they are computed once (``features``), and
what is trained is a projection of these, the text encoder and the temperature. With
``train_trunk`` the trunk learns, too, and images take the place of features.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import pandas as pd
from keras import losses, ops
from pydantic import Field
from scipy.special import softmax

from birads_lib import splits
from birads_lib.cases import label_numbers
from birads_lib.checked import Checked
from birads_lib.errors import UserError, did_you_mean
from birads_lib.losses import contrastive
from birads_lib.networks import image_text
from birads_lib.networks.captions import Captions
from birads_lib.protocol import PATIENT
from birads_lib.scores.density import ARMS
from birads_lib.task import Task
from birads_lib.training.cache import CHUNK, draw_seed

# A new graph per training is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

PAIRED = (
    "clip",
    "weighted",
    "label_aware",
)  # of ``ARMS``, whose batches hold a text for each image
_LOSSES = {
    "clip": contrastive.ClipLoss,
    "weighted": contrastive.WeightedClipLoss,
    "label_aware": contrastive.LabelAwareLoss,
    "prompts": contrastive.PromptCrossEntropy,
    "softmax": lambda: losses.SparseCategoricalCrossentropy(from_logits=True),
}


class Settings(Checked):
    """The settings for training encoders; the seed paper prints none of them."""

    embed: Annotated[int, Field(ge=1)] = 64  # width of the common space
    epochs: Annotated[int, Field(ge=1)] = 40
    batch_size: Annotated[int, Field(ge=2)] = 32
    rate: Annotated[float, Field(gt=0)] = 1e-3  # Adam's
    train_trunk: bool = False  # whether the trunk learns, too


@dataclass(frozen=True)
class Trained:
    """The result of a training: the model, and the loss of each epoch."""

    arm: str
    model: keras.Model
    losses: np.ndarray  # (epochs,) mean loss of each epoch, nats
    floors: np.ndarray  # (epochs,) mean ``clip_floor`` of its batches


class PairBatches(keras.utils.PyDataset):
    """Batches of images, texts and what the loss of an arm takes; drawn anew in each epoch.

    Each image gets one of its label's texts at random. The last images of an epoch that fill no
    batch are left out, as a contrastive loss depends on the batch's size.
    """

    def __init__(self, arm, inputs, labels, weights, captions, batch_size: int, seed: tuple):
        super().__init__()
        self.arm, self.inputs, self.labels, self.weights = arm, inputs, labels, weights
        self.captions, self.batch_size, self.seed = captions, batch_size, seed
        self.tokens, self.owners = captions.of_labels(), captions.owners()
        self.epoch, self.floors = 0, []
        self._draw()

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def __getitem__(self, index: int):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs, labels = self.inputs[rows], self.labels[rows]
        if self.arm == "softmax":
            return inputs, labels
        if self.arm == "prompts":
            return (inputs, self.tokens[self.prompts]), labels
        target = self.weights[rows] if self.arm == "weighted" else labels
        return (inputs, self.tokens[self.texts[rows]]), target

    def on_epoch_end(self) -> None:
        """Keep the floor of the epoch that ends, and draw the next."""
        self.epoch += 1
        self._draw()

    def floor(self) -> float:
        """Return the mean over this epoch's batches of what plain CLIP can't go below."""
        batches = self.order[: len(self) * self.batch_size].reshape(len(self), -1)
        counts = [np.bincount(self.labels[rows]) for rows in batches]
        return float(np.mean([contrastive.clip_floor(of_batch) for of_batch in counts]))

    def _draw(self) -> None:
        rng = np.random.default_rng([*self.seed, self.epoch])
        self.order = rng.permutation(len(self.labels))
        of_label = [np.flatnonzero(self.owners == k) for k in range(len(self.captions.texts))]
        self.texts = np.array([rng.choice(of_label[label]) for label in self.labels])
        self.prompts = np.array([rng.choice(texts) for texts in of_label])  # one for each label
        self.floors.append(self.floor())


def features(trunk: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return features of images by a frozen trunk, ``image_text.image_features``, (n, channels)."""
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    return np.concatenate([trunk.predict_on_batch(chunk[..., None]) for chunk in chunks])


def prepared(
    images: np.ndarray,
    backbone: str,
    weights: str,
    settings: Settings,
    encoder: Path | None = None,
) -> tuple[np.ndarray, Callable[[], keras.Model] | None]:
    """Return the input of ``train`` for images (n, size, size) uint8, and the trunk's builder.

    The second is None but where the trunk learns. With ``encoder``, the folder of a model of
    open_clip, features are those of its image encoder, which doesn't learn.
    """
    if encoder:
        return image_text.open_clip_encoders(encoder).images(images), None
    build = partial(image_text.image_features, backbone, images.shape[1], weights)
    if settings.train_trunk:
        return images[..., None], build
    return features(build(), images), None


def train(
    arm: str,
    inputs: np.ndarray,
    labels: np.ndarray,
    captions: Captions,
    settings: Settings,
    seed: int,
    *,
    modalities: np.ndarray | None = None,
    trunk: keras.Model | None = None,
) -> Trained:
    """Train one arm.

    Args:
        arm: a key of ``ARMS``.
        inputs: (n, channels) float32 features; with ``settings.train_trunk`` (n, size, size, 1)
            uint8.
        labels: (n,) integers 0..K-1.
        captions: of the K labels.
        seed: of initial values, order and texts.
        modalities: (n,) names, for the arm "weighted"; None: all are of one.
        trunk: ``image_text.image_features``, which learns; with ``settings.train_trunk`` only.

    Raises:
        UserError: the arm is unknown, a label has no image, or there are fewer images than a batch
            takes.
    """
    _check(arm, labels, captions, settings)
    keras.utils.set_random_seed(draw_seed(seed))
    model = _model(arm, inputs, captions, settings, trunk)
    groups = np.full(len(labels), "") if modalities is None else modalities
    weights = contrastive.balancing_weights(labels, groups, len(captions.texts)).astype("float32")
    batches = PairBatches(arm, inputs, labels, weights, captions, settings.batch_size, (seed,))
    model.compile(keras.optimizers.Adam(settings.rate), _LOSSES[arm]())
    fitted = model.fit(batches, epochs=settings.epochs, shuffle=False, verbose=0)
    # Keras may draw once before the first epoch; the last draw is of none.
    floors = np.array(batches.floors[-settings.epochs - 1 : -1])
    return Trained(arm, model, np.array(fitted.history["loss"]), floors)


def _check(arm: str, labels: np.ndarray, captions: Captions, settings: Settings) -> None:
    if arm not in ARMS:
        raise UserError(f"arm {arm!r} is unknown; {did_you_mean(arm, ARMS)}")
    absent = [k for k in range(len(captions.texts)) if k not in labels]
    if absent:
        texts = "; ".join(repr(captions.texts[k][0]) for k in absent)
        raise UserError(f"no image to train with is of the label of {texts}: bring some of it")
    if len(labels) < settings.batch_size:
        raise UserError(
            f"{len(labels)} images to train with don't fill a batch of {settings.batch_size}; "
            "lower batch_size"
        )


def _model(arm, inputs, captions, settings, trunk) -> keras.Model:
    """Return the untrained model of an arm."""
    if trunk is None:
        images = image_text.projection(inputs.shape[1], settings.embed)
    else:
        projected = image_text.projection(trunk.output_shape[-1], settings.embed)
        images = keras.Model(trunk.input, projected(trunk.output), name="image_encoder")
    if arm == "softmax":
        return image_text.softmax_head(images, len(captions.texts))
    texts = image_text.text_encoder(len(captions.words), captions.length, settings.embed)
    return image_text.dual_encoder(images, texts)


def scores(trained: Trained, inputs: np.ndarray, captions: Captions) -> np.ndarray:
    """Return the score of each label for n images, (n, K): the mean over the label's texts.

    ``captions`` may be others than those of training, of the same words.
    """
    starts = range(0, len(inputs), CHUNK)
    texts = () if trained.arm == "softmax" else (captions.of_labels(),)
    # Called as it is: compiling takes longer than so small a network.
    parts = [
        trained.model(_as_asked(inputs[s : s + CHUNK], *texts), training=False) for s in starts
    ]
    text_scores = np.concatenate([ops.convert_to_numpy(part) for part in parts])
    if trained.arm == "softmax":
        return text_scores
    share = np.eye(len(captions.texts))[captions.owners()]  # (texts, K)
    return text_scores @ (share / share.sum(axis=0))


def _as_asked(images: np.ndarray, *texts: np.ndarray) -> np.ndarray | list[np.ndarray]:
    """Return the input of a model of images, or of images and texts."""
    return [images, *texts] if texts else images


def cross_validated(
    arm: str,
    inputs: np.ndarray,
    cases: pd.DataFrame,
    captions: Captions,
    settings: Settings,
    folds: int,
    seeds: Sequence[int],
    *,
    task: Task,
    name: str = "",
    use: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    trunk: Callable[[], keras.Model] | None = None,
) -> tuple[pd.DataFrame, list[Trained]]:
    """Train an arm for every fold and seed, split by patient; return test predictions and models.

    Args:
        inputs: (n, channels), as ``train`` takes them.
        cases: the table of n images.
        name: of the arm in the predictions; "": that of ``arm``.
        use: (n,) bool, which images are trained on; all are predicted. None: all.
        labels: (n,) integers 0..K-1 to train on, in place of those of the cases.
        trunk: makes one that learns, anew for each training, as ``prepared`` returns it.
    """
    truth = label_numbers(cases, task) - 1
    targets = truth if labels is None else labels
    usable = np.ones(len(cases), bool) if use is None else use
    modalities = cases["modality"].fillna("").to_numpy(str)
    rows, models = [], []
    dealt = splits.deal(cases, PATIENT.name, folds, seeds, balance=False, task=task)
    for (seed, fold), parts in dealt.items():
        tested = parts.loc[parts["part"] == "test", "row"].to_numpy()
        training = parts.loc[parts["part"] != "test", "row"].to_numpy()  # nothing is chosen by them
        training = training[usable[training]]
        trained = train(
            arm, inputs[training], targets[training], captions, settings, draw_seed(seed, fold),
            modalities=modalities[training], trunk=trunk() if trunk else None,
        )  # fmt: skip
        table = predicted(trained, inputs[tested], cases.iloc[tested], captions, task)
        rows.append(table.assign(variant=name or arm, fold=fold, seed=seed))
        models.append(trained)
    return pd.concat(rows, ignore_index=True), models


def predicted(
    trained: Trained, inputs: np.ndarray, cases: pd.DataFrame, captions: Captions, task: Task
) -> pd.DataFrame:
    """Return the rows of a table of predictions, of fold and seed 0, for images of a table."""
    p = softmax(scores(trained, inputs, captions).astype(float), axis=1)
    table = cases[["image_id", "patient_id"]].reset_index(drop=True)
    facts = {"variant": trained.arm, "protocol": PATIENT.name, "fold": 0, "seed": 0}
    table = table.assign(**facts, part="test", copy=0, y_true=label_numbers(cases, task))
    return table.assign(**dict(zip(task.probabilities, p.T, strict=True)))
