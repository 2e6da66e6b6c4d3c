"""The cost of a network: weights, arithmetic and memory, counted from its layers, and time.

Counts are those of any Keras backend and any machine; times are of this machine alone.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from math import prod

import keras
import numpy as np
from keras import layers

from birads_lib.errors import UserError
from birads_lib.networks import backbones

FLOAT32 = 4  # bytes
COUNTED = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)


def multiply_adds(model: keras.Model) -> int:
    """Return the multiply-adds of one image's way through a network.

    Papers on networks call these FLOPs, such as 0.39 billion of EfficientNet-B0 at 224 pixels (Tan
    and Le 2019, table 2); as floating-point operations they are two each. A convolution, grouped
    or depthwise ones too, and a dense layer take one for each weight of their kernel at each place
    of their output. Biases, normalisation, activations, pooling and sums are left out: they are
    some hundredths of it.

    Raises:
        UserError: a layer multiplies with a matrix of weights in some other way.
    """
    total = 0
    for layer in _layers(model):
        if isinstance(layer, COUNTED):
            places = prod(layer.output.shape[1:-1])  # (n, height, width, channels) or (n, units)
            total += places * prod(layer.kernel.shape)
        elif any(len(weight.shape) > 1 for weight in layer.weights):
            kind = type(layer).__name__
            raise UserError(f"the multiply-adds of {layer.name}, a {kind}, are not known here")
    return total


def feature_bytes(model: keras.Model) -> int:
    """Return the bytes of all feature maps of one image, float32, which training has to keep."""
    return FLOAT32 * sum(prod(layer.output.shape[1:]) for layer in _layers(model))


def weight_bytes(model: keras.Model) -> int:
    """Return the bytes of all weights, float32."""
    return FLOAT32 * model.count_params()


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a network and of the networks in it, without its inputs."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, layers.InputLayer):
            yield layer


def seconds(work: Callable[[], object], rounds: int, warm_up: int = 1) -> np.ndarray:
    """Return the seconds of some work, (rounds,), after ``warm_up`` rounds that don't count.

    The first round traces and compiles a network. ``work`` has to wait for its result, as
    ``predict_on_batch`` does on every backend.
    """
    durations = []
    for _ in range(warm_up + rounds):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return np.array(durations[warm_up:])


def latency(model: keras.Model, batch: int, rounds: int) -> np.ndarray:
    """Return the seconds (rounds,) of a prediction for a batch of images that are all black.

    What images show changes nothing of what a network computes.
    """
    images = np.zeros((batch, *model.input_shape[1:]), "float32")
    return seconds(lambda: model.predict_on_batch(images), rounds)


def measured(
    name: str, size: int, batches: Mapping[int, int], say: Callable[[str], None] = print
) -> list[dict[str, object]]:
    """Return the cost of a backbone with random weights at one size, a row for each batch size.

    Args:
        name: of ``backbones.BACKBONES``.
        size: of its input, pixels on each side.
        batches: images in a batch -> rounds that are timed.
        say: called with a line for each batch size.

    Returns:
        Rows with network, pixels, weights, multiply_adds, weight_mb and feature_mb (10^6 bytes),
        batch, rounds, and milliseconds, low and high: median and extremes of one image's share.
    """
    trunk = backbones.build(name, size, "none")
    counts = {"network": name, "pixels": size, "weights": trunk.count_params()}
    counts |= {"multiply_adds": multiply_adds(trunk)}
    counts |= {"weight_mb": weight_bytes(trunk) / 1e6, "feature_mb": feature_bytes(trunk) / 1e6}
    rows = []
    for batch, rounds in batches.items():
        each = 1000 * latency(trunk, batch, rounds) / batch
        times = {"milliseconds": np.median(each), "low": each.min(), "high": each.max()}
        rows.append(counts | {"batch": batch, "rounds": rounds} | times)
        say(f"{name}, {size} pixels, batch of {batch}: {np.median(each):.3g} ms an image")
    return rows
