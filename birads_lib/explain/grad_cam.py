"""Grad-CAM and attention: maps of the places in an image that a model looks at.

Grad-CAM weighs the channels of a layer by how much they raise the score of a label. A picture of
that proves nothing by itself: ``randomisation`` asks whether it changes when the model's weights
are made random, ``pointing`` whether it finds lesions more often than the image's centre does.

Throughout, a model is one that ``networks.hybrid`` builds, images are (n, size, size) uint8, and a
tap is a layer of the trunk, or "last" for its output.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import layers, ops, tree
from scipy.special import softmax

from birads_lib.errors import UserError, did_you_mean
from birads_lib.networks import hybrid, resnext  # noqa: F401 (Keras then knows their layers)
from birads_lib.networks.backbones import LAST_STAGE

BATCH = 32  # images per step
TOP = 0.1  # of the cells: the part whose share of the map is its sharpness

# A new graph per explainer is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Maps:
    """Heat maps of n images.

    Values are 0..1, the largest of each map being 1; all 0 where nothing speaks for the label.
    """

    values: np.ndarray  # (n, h, w) float32
    labels: np.ndarray  # (n,) the number of the label that each map explains
    probabilities: np.ndarray  # (n, K) of the model

    @property
    def constant(self) -> np.ndarray:
        """The maps with one value everywhere, which point nowhere; (n,) bool."""
        return np.ptp(self.values, axis=(1, 2)) == 0


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    tap: str = LAST_STAGE,
) -> Maps:
    """Return Grad-CAM (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74, equations 1 and 2).

    The map is ReLU(sum_k a_k A_k): A_k is channel k of the tapped layer, a_k the mean over its
    cells of the gradient of the label's score, which is what softmax is applied to (a probability
    near 1 has no gradient left). Only what lies above the tap is run backwards.

    Args:
        labels: (n,) 1..K, the label to explain; None explains the predicted one.

    Raises:
        UserError: no image, a label outside 1..K, or a tap that the trunk doesn't have.
    """
    return Explainer(model, tap).explain(images, labels)


class Explainer:
    """Grad-CAM of one model, called more than once; see ``grad_cam``.

    What lies below the tap is compiled once. What lies above is compiled in each call, as JAX
    would keep the weights that it had in the first.
    """

    def __init__(self, model: keras.Model, tap: str = LAST_STAGE):
        self.model = model
        self._below, self._score = _halves(model, tap)

    def explain(self, images: np.ndarray, labels: np.ndarray | None = None) -> Maps:
        """Return the maps of ``images`` with the model's weights as they are now."""
        explained = _checked_labels(labels, len(images), self.model.output_shape[-1])
        head = _before_softmax(self.model.get_layer("head"))
        gradient_of = _with_gradient(partial(self._score, head))
        maps, scores = [], []
        for rows in _batches(len(images)):
            below = tree.flatten(self._below.predict_on_batch(images[rows]))
            tapped, *others = (np.asarray(features) for features in below)
            logits, gradient = gradient_of(tapped, others, explained[rows].astype("int32"))
            # float32, as a trunk may compute in bfloat16, whose sums have 8 bits
            gradient = ops.convert_to_numpy(gradient).astype("float32")
            weights = gradient.mean(axis=(1, 2), keepdims=True)  # (b, 1, 1, channels)
            maps.append(np.maximum((tapped.astype("float32") * weights).sum(axis=-1), 0))
            scores.append(ops.convert_to_numpy(logits))
        values, scores = (np.concatenate(parts)[: len(images)] for parts in (maps, scores))
        predicted = scores.argmax(axis=1) + 1
        top = values.max(axis=(1, 2), keepdims=True)
        values = np.divide(values, top, out=np.zeros_like(values), where=top > 0)
        return Maps(values, np.where(explained > 0, explained, predicted), softmax(scores, axis=1))


def _checked_labels(labels: np.ndarray | None, n: int, most: int) -> np.ndarray:
    """Return the label (n,) that each map explains, 0 for the predicted one."""
    explained = np.zeros(n, int) if labels is None else np.asarray(labels)
    is_valid = labels is None or np.isin(explained, range(1, most + 1)).all()
    if not n or explained.shape != (n,) or not is_valid:
        raise UserError(f"expected images and as many labels 1..{most}, got {n} and {explained}")
    return explained


def grad_cam_by_fold(
    models: Mapping[int, keras.Model], images: np.ndarray, folds: np.ndarray, tap: str = LAST_STAGE
) -> Maps:
    """Return Grad-CAM of the predicted labels, each by the model of the image's fold.

    Args:
        models: fold -> its model.
        folds: (n,) whose model explains each image.
    """
    parts = [grad_cam(models[fold], images[folds == fold], tap=tap) for fold in np.unique(folds)]
    names = ("values", "labels", "probabilities")
    return Maps(*(_in_order([getattr(m, name) for m in parts], folds) for name in names))


def grad_cam_by_tap(
    model: keras.Model, image: np.ndarray, most_cells: int
) -> dict[str, np.ndarray]:
    """Return the map (h, w) of an image (size, size) by layer, from fine to coarse.

    Layers are the deepest of each map size; maps of more than ``most_cells`` on a side are left
    out.
    """
    taps = [name for name, cells in taps_by_size(model).items() if cells <= most_cells]
    return {name: grad_cam(model, image[None], tap=name).values[0] for name in taps}


def taps_by_size(model: keras.Model) -> dict[str, int]:
    """Return the deepest layer of each map size in the trunk: name -> cells on a side."""
    maps = _tappable(model.get_layer("trunk"))
    deepest = {tensor.shape[1]: name for name, tensor in maps.items()}
    return {name: size for size, name in deepest.items()}


def _tappable(trunk: keras.Model) -> dict[str, object]:
    """Return the maps of the backbone's layers in order, without those pooled to one grid."""
    return {
        layer.name: layer.output
        for layer in trunk.layers
        if not isinstance(layer, layers.InputLayer)
        and not layer.name.startswith("tap")
        and len(layer.output.shape) == 4
    }


def _halves(model: keras.Model, tap: str) -> tuple[keras.Model, Callable]:
    """Cut a model at a tap.

    Returns:
        below: from raw images to [tapped map, whatever else passes beside it].
        score: (head up to its scores, tapped, others, labels) -> (sum of the labels' scores, all
            scores (b, K)).
    """
    trunk = model.get_layer("trunk")
    tapped = _tapped(trunk, tap)
    moved, frontier = {id(tapped)}, {id(tapped): tapped}  # what depends on the tap; what is read
    for layer in trunk.layers:  # in topological order
        inputs = tree.flatten(layer.input)
        if layer.output is not tapped and any(id(t) in moved for t in inputs):
            moved.add(id(layer.output))
            frontier |= {id(t): t for t in inputs if id(t) not in moved}
    frontier |= {id(t): t for t in trunk.outputs if id(t) not in moved}
    dependent = [t for t in trunk.outputs if id(t) in moved and t is not tapped]
    upper = keras.Model(list(frontier.values()), dependent) if dependent else None

    def score(head, x, others, labels):
        features = [x, *others]
        maps = dict(zip(frontier, features, strict=True))
        if upper is not None:
            outputs = tree.flatten(upper(features, training=False))
            maps |= {id(t): output for t, output in zip(dependent, outputs, strict=True)}
        scores = head([maps[id(t)] for t in trunk.outputs], training=False)  # (b, K)
        index = ops.where(labels > 0, labels - 1, ops.cast(ops.argmax(scores, axis=-1), "int32"))
        return ops.sum(scores * ops.one_hot(index, scores.shape[-1])), scores

    lower = keras.Model(trunk.input, list(frontier.values()))
    return keras.Model(model.input, lower(model.get_layer("preparation")(model.input))), score


def _tapped(trunk: keras.Model, tap: str):
    """Return the output of the layer ``tap``, or raise UserError naming those there are."""
    maps = _tappable(trunk)
    if tap == LAST_STAGE:
        return list(maps.values())[-1]
    if tap not in maps:
        raise UserError(f"tap: the trunk has no layer {tap!r}; {did_you_mean(tap, maps)}")
    return maps[tap]


def _before_softmax(head: keras.Model) -> keras.Model:
    """Return the head up to its scores; its last layer is copied without the softmax."""
    last = head.get_layer("probabilities")
    linear = layers.Dense(last.units, name="scores")
    model = keras.Model(head.inputs, linear(last.input))
    linear.set_weights(last.get_weights())
    return model


def _with_gradient(score: Callable) -> Callable:
    """Return (x, others, labels) -> (scores, gradient of their sum by x), compiled.

    Keras has no gradient of its own: this is the one place with a branch per backend.
    """
    backend = keras.backend.backend()
    library = importlib.import_module(backend)
    if backend == "jax":
        value_and_gradient = library.jit(library.value_and_grad(score, has_aux=True))

        def explain(x, others, labels):
            (_, scores), gradient = value_and_gradient(x, others, labels)
            return scores, gradient

    elif backend == "tensorflow":

        @library.function(reduce_retracing=True)
        def explain(x, others, labels):
            with library.GradientTape() as tape:
                tape.watch(x)
                total, scores = score(x, others, labels)
            return scores, tape.gradient(total, x)

    else:

        def explain(x, others, labels):
            x, labels = ops.convert_to_tensor(x).requires_grad_(), ops.convert_to_tensor(labels)
            total, scores = score(x, [ops.convert_to_tensor(o) for o in others], labels)
            return scores, library.autograd.grad(total, x)[0]

    return explain


def _batches(n: int) -> list[np.ndarray]:
    """Return row numbers in batches of one size (one shape is compiled once), the last repeated."""
    size = min(BATCH, n)
    return [np.minimum(np.arange(start, start + size), n - 1) for start in range(0, n, size)]


def attention(model: keras.Model, images: np.ndarray) -> np.ndarray | None:
    """Return the attention that each place gets, (n, h, w); a map sums to 1.

    That is the weight of a token in the first encoder layer (in later ones tokens no longer
    stand for places), averaged over heads and over the tokens that look; the tokens of several
    taps at one place are added. None for a model without an encoder.
    """
    trunk, head = model.get_layer("trunk"), model.get_layer("head")
    encoders = [x for x in head.layers if isinstance(x, layers.MultiHeadAttention)]
    if not encoders:
        return None
    maps = keras.Model(model.input, trunk(model.get_layer("preparation")(model.input)))
    tokens = keras.Model(head.inputs, encoders[0].input[0])
    received = []
    for rows in _batches(len(images)):
        x = tokens(tree.flatten(maps.predict_on_batch(images[rows])))  # (b, tokens, width)
        _, weights = encoders[0](x, x, return_attention_scores=True)  # (b, heads, looking, seen)
        received.append(ops.convert_to_numpy(weights).mean(axis=(1, 2)))
    grid = trunk.outputs[0].shape[1:3]
    received = np.concatenate(received)[: len(images)]
    return received.reshape(len(images), -1, *grid).sum(axis=1)


def attention_by_fold(
    models: Mapping[int, keras.Model], images: np.ndarray, folds: np.ndarray
) -> np.ndarray | None:
    """Return ``attention`` of each image by the model of its fold, as in ``grad_cam_by_fold``."""
    parts = [attention(models[fold], images[folds == fold]) for fold in np.unique(folds)]
    return None if parts[0] is None else _in_order(parts, folds)


def _in_order(parts: list[np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Return results that were made fold by fold, in the order of the images."""
    rows = np.argsort(folds, kind="stable")  # of the images, as the parts have them
    return np.concatenate(parts)[np.argsort(rows)]


def sharpness(maps: np.ndarray) -> np.ndarray:
    """Return the share of each map's sum (n, h, w) in its top tenth of cells, (n,); NaN if all 0.

    The tenth is rounded, and at least one cell. A flat map has about 0.1, a single peak 1.
    """
    cells = np.sort(maps.reshape(len(maps), -1), axis=1)
    top = cells[:, -max(1, round(TOP * cells.shape[1])) :].sum(axis=1)
    total = cells.sum(axis=1)
    return np.divide(top, total, out=np.full(len(maps), np.nan), where=total > 0)
