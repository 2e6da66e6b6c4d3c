"""A network that is small enough for a unit test: its settings, and a trunk of six convolutions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import pytest
from keras.src.applications import efficientnet

from birads_lib.networks import backbones, small_resnet

SIZE = 64
TINY = {
    "backbone": "small_resnet",
    "weights": "none",
    "image_size": SIZE,
    "embed": 16,
    "feed_forward": 16,
    "dense_1": 16,
    "dense_2": 8,
}


@contextmanager
def tiny_resnet(weights: Path | None = None) -> Iterator[None]:
    """Give ``small_resnet`` two stages, so that building and compiling takes a third of the time.

    Args:
        weights: the file that "phantoms" then means; made here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_resnet, "small_resnet", _two_stages)
        if weights:
            keras.utils.set_random_seed(2026)  # of no test: the values of a file are told by that
            trunk = backbones.build("small_resnet", SIZE, "none")
            norm = trunk.get_layer("conv1_bn")  # as training on grey values would leave it
            norm.set_weights([*norm.get_weights()[:3], norm.get_weights()[3] * 1e4])
            trunk.save_weights(weights)
            patch.setitem(backbones.WEIGHTS, "phantoms", weights)
        yield


@contextmanager
def without_graphs() -> Iterator[None]:
    """Let TensorFlow compute step by step: to trace a graph takes longer than to use it once.

    With another backend, nothing changes.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def _two_stages(shape: tuple[int, int, int]) -> keras.Model:
    """Return a trunk of 8 and 12 channels at strides 4 and 16, of ``small_resnet``'s blocks."""
    inputs = keras.Input(shape, name="image")
    x = small_resnet._conv_bn(inputs, "conv1", 8, kernel=3, strides=2)
    x = keras.layers.ReLU(name="conv1_relu")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(x)
    x = small_resnet._basic_block(x, "conv2_block1", 8, strides=1)
    x = small_resnet._basic_block(x, "conv3_block1", 12, strides=4)
    return keras.Model(inputs, x, name="small_resnet")


def short_efficientnet(**options) -> keras.Model:
    """Return Keras's EfficientNet-B0, which takes ``options``, of its first two stages alone."""
    stages = efficientnet.DEFAULT_BLOCKS_ARGS[:2]
    names = {"name": "efficientnetb0", "weights_name": "b0"}
    return efficientnet.EfficientNet(1.0, 1.0, 224, blocks_args=stages, **names, **options)
