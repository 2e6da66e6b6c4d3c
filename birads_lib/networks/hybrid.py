"""The hybrid of Singh et al. 2026: a ResNet's features as tokens of a transformer encoder.

Source: doi 10.1038/s41598-026-40906-8, section "Model". The whole model is three models in a
row, each usable alone: ``preparation`` (grey uint8 to normalised channels, augmentation),
``trunk`` (the backbone, its taps on one grid) and ``head`` (tokens, encoder, dense layers).
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import keras
from keras import layers, ops

from birads_lib.networks import backbones
from birads_lib.task import BIRADS, Task
from birads_lib.training.settings import Settings


def build_model(settings: Settings, task: Task = BIRADS) -> keras.Model:
    """Return the model from raw grey images to probabilities.

    Input (n, size, size) or (n, size, size, 1) uint8; output (n, K) for the K labels of ``task``,
    rows sum to 1, column j being label number j+1. Augmentation is active only in training.
    Raises UserError for weights that can't be had and taps that don't exist.
    """
    preparation = build_preparation(settings)
    trunk = build_trunk(settings)
    return assemble(settings, preparation, trunk, build_head(settings, trunk, task))


def assemble(
    settings: Settings, preparation: keras.Model, trunk: keras.Model, head: keras.Model
) -> keras.Model:
    """Return the three parts in a row as one model."""
    image = keras.Input((settings.image_size, settings.image_size, 1), dtype="uint8", name="image")
    return keras.Model(image, head(trunk(preparation(image))), name="hybrid")


def build_preparation(settings: Settings, seed: int | None = None) -> keras.Model:
    """Return the model from raw images, (n, size, size, 1) uint8, to the trunk's input.

    ``seed`` fixes the augmentation; without it Keras's global seed does.
    """
    size = settings.image_size
    image = keras.Input((size, size, 1), dtype="uint8", name="image")
    x = ops.cast(image, "float32")
    if settings.augment:
        x = Augmentation(
            settings.flip, settings.rotation, settings.rotation_fill, seed, name="augmentation"
        )(x)
    x = layers.Concatenate(name="three_channels")([x, x, x])
    x = backbones.normalisation(settings.backbone)(x)
    return keras.Model(image, x, name="preparation")


def build_trunk(settings: Settings) -> keras.Model:
    """Return the backbone with one output per tap, pooled to the grid of the coarsest tap.

    With ``precision: bfloat16`` its layers compute in bfloat16, with variables in float32 (mixed
    precision; Micikevicius et al. 2018, doi 10.48550/arXiv.1710.03740). All before and after it,
    and the trunk with ``precision: float32``, follow Keras's own dtype policy, which is float32
    where a script doesn't set another.
    """
    with _policy("mixed_bfloat16") if settings.precision == "bfloat16" else nullcontext():
        return _tapped(settings)


@contextmanager
def _policy(name: str) -> Iterator[None]:
    """Set Keras's dtype policy for the layers that are made within the ``with``."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _tapped(settings: Settings) -> keras.Model:
    backbone = backbones.build(settings.backbone, settings.image_size, settings.weights)
    backbones.check_taps(backbone, settings.backbone, settings.taps)
    maps = [
        backbone.output if tap == backbones.LAST_STAGE else backbone.get_layer(tap).output
        for tap in settings.taps
    ]
    height = min(m.shape[1] for m in maps)
    for i, m in enumerate(maps):
        if m.shape[1] > height:
            size = -(-m.shape[1] // height)  # rounded up, as stages halve odd sizes
            maps[i] = layers.AveragePooling2D(size, padding="same", name=f"tap{i + 1}")(m)
    if settings.precision != "float32":
        names = [f"tap{i}_float32" for i in range(1, len(maps) + 1)]
        maps = [
            layers.Activation("linear", dtype="float32", name=name)(m)
            for name, m in zip(names, maps, strict=True)
        ]
    return keras.Model(backbone.input, maps, name="trunk")


def with_embeddings(model: keras.Model) -> keras.Model:
    """Return the same model with two outputs: probabilities (n, K) and the penultimate layer."""
    head = model.get_layer("head")
    outputs = [head.output, head.get_layer("penultimate").output]
    head_with_embeddings = keras.Model(head.inputs, outputs, name="head")
    maps = model.get_layer("trunk")(model.get_layer("preparation")(model.input))
    return keras.Model(model.input, head_with_embeddings(maps), name="hybrid")


def build_head(settings: Settings, trunk: keras.Model, task: Task = BIRADS) -> keras.Model:
    """Return the model from the trunk's maps, (n, h, w, channels) each, to probabilities (n, K)."""
    shapes = [output.shape[1:] for output in trunk.outputs]
    maps = [keras.Input(shape, name=f"maps{i}") for i, shape in enumerate(shapes, start=1)]
    if settings.encoder_layers:
        x = _tokens(maps, settings.embed)
        x = PositionEmbedding(name="positions")(x)
        for number in range(1, settings.encoder_layers + 1):
            x = encoder_layer(x, settings, f"encoder{number}")
        x = layers.GlobalAveragePooling1D(name="average")(x)
    else:
        pooled = [layers.GlobalAveragePooling2D()(m) for m in maps]
        x = layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    x = layers.Dense(settings.dense_1, "relu", name="dense")(x)
    x = layers.Dropout(settings.dropout_1, name="dropout")(x)
    x = layers.Dense(settings.dense_2, "relu", name="penultimate")(x)
    x = layers.Dropout(settings.dropout_2, name="penultimate_dropout")(x)
    x = layers.Dense(len(task.labels), "softmax", name="probabilities")(x)
    return keras.Model(maps, x, name="head")


def _tokens(maps: list, embed: int):
    """Project every map to ``embed`` channels and lay all their cells in one row."""
    rows = []
    for number, x in enumerate(maps, start=1):
        x = layers.Conv2D(embed, 1, name=f"project{number}")(x)  # (n, h, w, embed)
        rows.append(layers.Reshape((-1, embed), name=f"tokens{number}")(x))  # (n, h*w, embed)
    return layers.Concatenate(axis=1, name="tokens")(rows) if len(rows) > 1 else rows[0]


def encoder_layer(x, settings: Settings, name: str):
    """Attention and feed-forward, each added to its input and then normalised (post-norm).

    Vaswani et al. 2017 (arXiv:1706.03762, section 3.1). Returns what has the shape of its input.

    Args:
        x: tokens, (n, tokens, ``settings.embed``).
        settings: width, heads, feed-forward, dropout and form of GELU.
        name: what its layers' names begin with.
    """
    drop = settings.encoder_dropout
    attended = layers.MultiHeadAttention(
        settings.heads, settings.embed // settings.heads, dropout=drop, name=f"{name}_attention"
    )(x, x)
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x + attended)
    y = layers.Dense(settings.feed_forward, name=f"{name}_expand")(x)
    y = ops.gelu(y, approximate=settings.gelu_approximate)
    y = layers.Dropout(drop, name=f"{name}_dropout")(y)
    y = layers.Dense(settings.embed, name=f"{name}_contract")(y)
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x + y)


@keras.saving.register_keras_serializable("birads_lib")
class PositionEmbedding(layers.Layer):
    """Add a learnable vector to each token: (n, tokens, width) to the same."""

    def build(self, input_shape):
        self.vectors = self.add_weight(
            shape=(1, *input_shape[1:]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="vectors",
        )

    def call(self, tokens):
        return tokens + self.vectors


@keras.saving.register_keras_serializable("birads_lib")
class Augmentation(layers.Layer):
    """Random horizontal flip and rotation of (n, h, w, c) images, in training only.

    Keras's own random layers also augment where nobody says ``training``, as in
    ``model(images)``, and put the layers after them in training mode. Here unsaid means no.

    Args:
        flip: whether to flip at random.
        rotation: largest angle either way, in degrees.
        fill: what lies beyond the edge: "black" or "nearest".
        seed: fixes the draws; without it Keras's global seed does.
    """

    def __init__(self, flip, rotation, fill="black", seed=None, **kwargs):
        super().__init__(**kwargs)
        self.config = {"flip": flip, "rotation": rotation, "fill": fill, "seed": seed}
        mode = {"black": "constant", "nearest": "nearest"}[fill]
        self.steps = [layers.RandomFlip("horizontal", seed=seed)] if flip else []
        if rotation:
            seed = None if seed is None else seed + 1  # or angle and flip would go together
            self.steps.append(layers.RandomRotation(rotation / 360, fill_mode=mode, seed=seed))

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)

    def call(self, images, training=False):
        for step in self.steps if training else []:
            images = step(images, training=True)
        return images

    def get_config(self):
        return {**super().get_config(), **self.config}


def set_trainable(model: keras.Model, settings: Settings, stage: int) -> None:
    """Set which layers are trainable: the head; in stage 2 also the backbone's last layers.

    A frozen BatchNormalization also normalises with its stored statistics in training, which is
    why BatchNorms stay frozen unless ``unfreeze_batchnorm``.
    """
    trunk = model.get_layer("trunk")
    trunk.trainable = True  # of the trunk itself; each layer is then set by itself
    chain = [layer for layer in trunk.layers if not layer.name.startswith("tap")]
    by_layer = settings.unfrozen_unit == "layers"
    counted = [i for i, layer in enumerate(chain) if by_layer or "Conv" in type(layer).__name__]
    last = counted[max(0, len(counted) - settings.unfrozen_layers) :]
    first = last[0] if last else len(chain)
    unfrozen = chain[first:] if stage == 2 else []
    for layer in trunk.layers:
        is_norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer in unfrozen and (settings.unfreeze_batchnorm or not is_norm)
