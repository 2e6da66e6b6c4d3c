"""Cutting a model where learning begins, so that what is frozen is run once per image."""

import keras
from keras import layers, tree


def cut(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Cut a model where learning begins; return (frozen trunk, tail).

    The frozen trunk goes from the trunk's input to the frontier: every output of a frozen layer
    that a learning layer, or the head, consumes (several where a residual block is cut across,
    or a tap lies below). The tail goes from there to the probabilities. Both share their layers
    with ``model``; after ``set_trainable`` they are cut anew.
    """
    trunk = model.get_layer("trunk")
    frontier, learning = {}, set()  # tensors by identity
    for layer in trunk.layers:  # in topological order
        inputs = tree.flatten(layer.input)
        dropout = isinstance(layer, layers.Dropout) and layer.trainable
        if layer.trainable_weights or dropout or any(id(t) in learning for t in inputs):
            learning.add(id(layer.output))
            frontier |= {id(t): t for t in inputs if id(t) not in learning}
    frontier |= {id(t): t for t in trunk.outputs if id(t) not in learning}
    frozen = keras.Model(trunk.input, list(frontier.values()), name="frozen_trunk")

    features = {key: keras.Input(t.shape[1:]) for key, t in frontier.items()}
    maps = dict(features)  # a trunk output on the frontier goes straight to the head
    learned = [t for t in trunk.outputs if id(t) in learning]
    if learned:
        upper = keras.Model(list(frontier.values()), learned, name="learning_trunk")
        outputs = tree.flatten(upper(list(features.values())))
        maps |= {id(t): output for t, output in zip(learned, outputs, strict=True)}
    probabilities = model.get_layer("head")([maps[id(t)] for t in trunk.outputs])
    return frozen, keras.Model(list(features.values()), probabilities, name="tail")
