"""A network that says which lesions a small window shows: any number of them at once.

It has the three parts of the hybrid (``networks.hybrid``): preparation and trunk are the same, and
the head is an average over the trunk's map, one hidden layer, and a sigmoid for each label, as in
Mellado et al. 2025, doi 10.3389/fonc.2025.1601929.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, tree

from birads_lib.networks.hybrid import assemble, build_preparation, build_trunk
from birads_lib.task import LESION_KINDS, Task
from birads_lib.training.settings import Settings


def build_windows(settings: Settings, task: Task = LESION_KINDS) -> keras.Model:
    """Return the model from grey windows to a probability for each label, 0..1 each.

    Input (n, size, size, 1) uint8, size being ``settings.image_size``; output (n, K). Of the
    settings count the backbone, its weights, the augmentation, ``dense_1`` and ``dropout_1``.
    """
    trunk = build_trunk(settings)
    maps = keras.Input(trunk.outputs[0].shape[1:], name="maps1")
    x = layers.GlobalAveragePooling2D(name="average")(maps)  # (n, channels)
    x = layers.Dropout(settings.dropout_1, name="dropout")(x)
    x = layers.Dense(settings.dense_1, "relu", name="penultimate")(x)
    x = layers.Dense(len(task.labels), "sigmoid", name="probabilities")(x)
    head = keras.Model([maps], x, name="head")
    return assemble(settings, build_preparation(settings), trunk, head)


def at_size(model: keras.Model, size: int) -> keras.Model:
    """Return the same network, with the same weights, for images of another size."""
    image = x = keras.Input((size, size, 1), dtype="uint8", name="image")
    for name in ("preparation", "trunk", "head"):
        original, (below,) = model.get_layer(name), tree.flatten(x)
        place = [keras.Input(below.shape[1:], dtype=below.dtype)]
        place = tree.pack_sequence_as(original.input, place)
        part = keras.models.clone_model(original, input_tensors=place)
        part.set_weights(original.get_weights())
        part.name = name
        x = part(x)
    return keras.Model(image, x, name="hybrid")


def without_learning(model: keras.Model, part: str, seed: int = 0) -> keras.Model:
    """Return the model with random weights in its "head", or in "all" of it, by the initialisers.

    The statistics of BatchNorms are then as before any training.
    """
    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(model)
    if part == "head":
        fresh.get_layer("trunk").set_weights(model.get_layer("trunk").get_weights())
    return fresh


def asker(model: keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the function that ``explain.relevance`` asks: images to mean features, probabilities.

    It takes (b, size, size) uint8, and returns (b, channels) and (b, K); each size of a batch is
    compiled once.
    """
    head = model.get_layer("head")
    head_with_features = keras.Model(head.inputs, [head.get_layer("average").output, head.output])
    maps = model.get_layer("trunk")(model.get_layer("preparation")(model.input))
    network = keras.Model(model.input, head_with_features(maps))

    def ask(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features, answers = network.predict_on_batch(images[..., None])
        return np.asarray(features), np.asarray(answers)

    return ask
