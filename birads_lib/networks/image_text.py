"""A dual encoder: images and texts as unit vectors of one space, and how alike they are.

As in CLIP (Radford et al. 2021, arXiv:2103.00020), the similarity is tau u . v with a learnable
inverse temperature tau. The text encoder is ours and small: the mean of word embeddings, projected.
With few texts it needs no transformer. ``open_clip_encoders`` takes a large model in its place,
such as BiomedCLIP, from a folder.
"""

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from birads_lib.errors import UserError
from birads_lib.networks import backbones, hybrid
from birads_lib.networks.captions import Captions

START, MOST = 1 / 0.07, 100.0  # of the inverse temperature (Radford et al. 2021, section 2.5)
WORD = 32  # width of a word's embedding
OPEN_CLIP = "open_clip_config.json"  # beside an open_clip model's weights
OPEN_CLIP_WEIGHTS = ("open_clip_pytorch_model.bin", "open_clip_model.safetensors")


@keras.saving.register_keras_serializable("birads_lib")
class Similarity(layers.Layer):
    """tau u_i . v_j of images u (n, d) and texts v (m, d): (n, m). tau is learnt, at most 100."""

    def build(self, input_shapes):
        self.log_scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(np.log(START)), name="log_scale"
        )

    @property
    def scale(self) -> float:
        """The inverse temperature tau."""
        return float(ops.convert_to_numpy(self._scale()))

    def _scale(self):
        return ops.exp(ops.minimum(self.log_scale, float(np.log(MOST))))

    def call(self, vectors):
        images, texts = vectors
        return self._scale() * ops.matmul(images, ops.transpose(texts))

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], input_shapes[1][0])


def image_features(backbone: str, image_size: int, weights: str | Path) -> keras.Model:
    """Return the trunk with its last maps averaged: (n, size, size, 1) uint8 to (n, channels)."""
    trunk = backbones.build(backbone, image_size, weights)
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = ops.cast(image, "float32")
    x = backbones.normalisation(backbone)(layers.Concatenate()([x, x, x]))
    # BatchNorm keeps the statistics that it came with: batches are small.
    x = layers.GlobalAveragePooling2D(name="average")(trunk(x, training=False))
    return keras.Model(image, x, name="image_features")


def projection(channels: int, embed: int) -> keras.Model:
    """Return the model from features (n, channels) to unit vectors (n, embed)."""
    features = keras.Input((channels,), name="features")
    x = layers.LayerNormalization(name="levelled")(features)
    x = layers.Dense(embed, name="projected")(x)
    return keras.Model(features, layers.UnitNormalization(name="unit")(x), name="projection")


def text_encoder(words: int, length: int, embed: int) -> keras.Model:
    """Return the model from the words of texts (m, length) to unit vectors (m, embed).

    Tokens are those of ``captions.Captions``, ``words`` of them known.
    """
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(words + 2, WORD, mask_zero=True, name="words")(tokens)
    x = layers.GlobalAveragePooling1D(name="average")(x)  # of the words alone
    x = layers.Dense(embed, name="projected")(x)
    return keras.Model(tokens, layers.UnitNormalization(name="unit")(x), name="text_encoder")


def dual_encoder(images: keras.Model, texts: keras.Model) -> keras.Model:
    """Return the model from n images and m texts to their similarities (n, m).

    Both encoders give unit vectors of one width.
    """
    image, tokens = (keras.Input(m.input_shape[1:], dtype=m.input.dtype) for m in (images, texts))
    similarity = Similarity(name="similarity")([images(image), texts(tokens)])
    return keras.Model([image, tokens], similarity, name="dual_encoder")


def softmax_head(images: keras.Model, classes: int) -> keras.Model:
    """Return the same image encoder with a layer of scores (n, K) in place of texts."""
    image = keras.Input(images.input_shape[1:], dtype=images.input.dtype)
    # Unit vectors give scores of -1..1 at first; they begin as sharp as similarities do.
    unit = layers.Rescaling(START)(images(image))
    return keras.Model(image, layers.Dense(classes, name="scores")(unit), name="softmax")


def as_classifier(
    model: keras.Model, captions: Captions, backbone: str, weights: str | Path, image_size: int
) -> keras.Model:
    """Return the same answers as one model from images to probabilities, as ``explain`` takes it.

    A softmax over similarities with the mean vector of each label's texts is one over a dense
    layer that has these for columns, times the inverse temperature.

    Args:
        model: of ``dual_encoder`` or ``softmax_head``, over a ``projection`` of the features of
            a frozen trunk.
        captions: of the labels.
        backbone, weights, image_size: of that trunk, as ``image_features`` takes them.
    """
    settings = hybrid.Settings(
        backbone=backbone, weights=str(weights), image_size=image_size, augment=False
    )
    trunk = hybrid.build_trunk(settings)
    maps = keras.Input(trunk.outputs[0].shape[1:], name="maps1")
    x = model.get_layer("projection")(layers.GlobalAveragePooling2D(name="average")(maps))
    last = layers.Dense(len(captions.texts), "softmax", name="probabilities")
    head = keras.Model(maps, last(x), name="head")
    last.set_weights(_dense(model, captions))
    return hybrid.assemble(settings, hybrid.build_preparation(settings), trunk, head)


def _dense(model: keras.Model, captions: Captions) -> list[np.ndarray]:
    """Return kernel (embed, K) and bias (K,) from unit vectors of images to scores."""
    if model.name == "softmax":
        kernel, bias = model.get_layer("scores").get_weights()
        return [START * kernel, bias]
    vectors = model.get_layer("text_encoder")(captions.of_labels())  # (texts, embed)
    vectors, owners = ops.convert_to_numpy(vectors), captions.owners()
    means = np.stack([vectors[owners == k].mean(axis=0) for k in range(len(captions.texts))])
    return [model.get_layer("similarity").scale * means.T, np.zeros(len(means))]


@dataclass(frozen=True)
class OpenClip:
    """Both encoders of a model of open_clip; vectors have length 1."""

    images: Callable[[np.ndarray], np.ndarray]  # (n, size, size) uint8 to (n, d)
    texts: Callable[[Sequence[str]], np.ndarray]  # m texts to (m, d)


def open_clip_encoders(folder: str | Path) -> OpenClip:
    """Return the encoders of a model of open_clip, such as BiomedCLIP, from a local folder.

    The folder holds ``open_clip_config.json`` and the weights, as Hugging Face has them; nothing is
    downloaded. It needs the package open_clip_torch, which this project doesn't install.

    Raises:
        UserError: the folder, one of its files, or the package isn't there.
    """
    folder = Path(folder).expanduser()
    weights = [folder / name for name in OPEN_CLIP_WEIGHTS if (folder / name).is_file()]
    if not (folder / OPEN_CLIP).is_file() or not weights:
        raise UserError(
            f"encoder_folder: {str(folder)!r} is no folder with {OPEN_CLIP} and "
            f"{' or '.join(OPEN_CLIP_WEIGHTS)}; download the files of BiomedCLIP (784 MB) there, "
            "or leave encoder_folder empty to use the study's own encoders"
        )
    try:
        open_clip, torch = map(importlib.import_module, ("open_clip", "torch"))
    except ImportError as error:
        raise UserError(
            f"encoder_folder needs a package that isn't installed ({error}): "
            "run `uv pip install open_clip_torch`"
        ) from None
    return _open_clip(open_clip, torch, folder, weights[0])


def _open_clip(open_clip, torch, folder: Path, weights: Path) -> OpenClip:
    """Return the encoders, built from the folder's own configuration."""
    settings = json.loads((folder / OPEN_CLIP).read_text())
    name = f"local_{folder.name}"
    open_clip.factory._MODEL_CONFIGS[name] = settings["model_cfg"]
    given = {f"image_{key}": settings["preprocess_cfg"][key] for key in ("mean", "std")}
    model, _, prepare = open_clip.create_model_and_transforms(
        name, pretrained=str(weights), **given
    )
    tokenizer, image_class = open_clip.get_tokenizer(name), importlib.import_module("PIL.Image")
    model.eval()

    def unit(vectors) -> np.ndarray:
        vectors = vectors.detach().cpu().numpy()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def images(pixels: np.ndarray) -> np.ndarray:
        rows = [prepare(image_class.fromarray(p).convert("RGB")) for p in pixels]
        with torch.no_grad():
            return np.concatenate([unit(model.encode_image(row[None])) for row in rows])

    def texts(sentences: Sequence[str]) -> np.ndarray:
        with torch.no_grad():
            return unit(model.encode_text(tokenizer(list(sentences))))

    return OpenClip(images, texts)
