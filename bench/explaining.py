"""Grad-CAM of a batch of images at the last stage of the network, and CorRELAX of one image."""

from functools import cache
from pathlib import Path

import numpy as np

from bench import sizes
from bench.contest import Contest, Peer, largest_difference
from bench.training import drawn

IMAGES, FEW, SIDE = 48, 8, 224  # few: what the slowest contender is timed on


@cache
def model():
    import keras

    from birads_lib.networks.hybrid import build_model
    from birads_lib.training.settings import Settings

    keras.utils.set_random_seed(0)
    return build_model(Settings(weights="none", image_size=SIDE))


def grades() -> np.ndarray:
    return np.arange(IMAGES) % 5 + 1


def ours(folder: Path) -> np.ndarray:
    from birads_lib.explain.grad_cam import grad_cam

    return grad_cam(model(), drawn(IMAGES), grades()).values


@cache
def linear():
    """Return the model from normalised images to scores, its last map's layer among its own."""
    import keras

    copy = keras.models.clone_model(model())
    copy.set_weights(model().get_weights())
    trunk, head = copy.get_layer("trunk"), copy.get_layer("head")
    head.get_layer("probabilities").activation = keras.activations.linear
    last = [layer for layer in trunk.layers if len(layer.output.shape) == 4][-1].name
    return copy.get_layer("preparation"), keras.Model(trunk.input, head(trunk.outputs)), last


def eager_loop(folder: Path) -> np.ndarray:
    """As tutorials write it: a tape around the model, one image after the other."""
    import keras
    import tensorflow as tf

    prepare, flat, last = linear()
    both = keras.Model(flat.input, [flat.get_layer(last).output, flat.output])
    maps = []
    for image, grade in zip(drawn(IMAGES)[:FEW], grades(), strict=False):
        with tf.GradientTape() as tape:
            features, scores = both(prepare(image[None, ..., None]), training=False)
            score = scores[:, grade - 1]
        weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        maps.append(tf.nn.relu(tf.reduce_sum(features * weights, axis=-1)).numpy())
    return scaled(np.concatenate(maps))


def tf_keras_vis(folder: Path) -> np.ndarray:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    prepare, flat, last = linear()
    maps = Gradcam(flat)(
        CategoricalScore(list(grades() - 1)),
        prepare(drawn(IMAGES)[..., None]),
        penultimate_layer=flat.get_layer(last),
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return scaled(np.asarray(maps))


def scaled(maps: np.ndarray) -> np.ndarray:
    top = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(top > 0, top, 1)


def difference_of_common(ours: np.ndarray, theirs: np.ndarray) -> float:
    return largest_difference(ours[: len(theirs)], theirs)


WINDOWS, MASKED = 100, 2  # windows of an image; those the other is timed on


def asked():
    """Return the network's function for windows, an image, its breast, and CorRELAX's options."""
    from birads_lib.explain.relevance import Options

    return sizes.asker(), *sizes.pictured(sizes.SMALL), Options()


def correlax(folder: Path) -> np.ndarray:
    from birads_lib.explain import relevance

    maps = relevance.correlax(*asked())
    assert len(maps.answers) == WINDOWS
    return np.column_stack([maps.by_label, maps.by_answers])


def mask_by_mask(folder: Path) -> np.ndarray:
    """As its definition reads: a call of the network for each mask, a correlation at a time."""
    from scipy.stats import pearsonr

    from birads_lib.explain import relevance

    ask, image, breast, options = asked()
    grid = relevance.Grid(image.shape, options.window, options.stride)
    rng = np.random.default_rng(0)
    masks = relevance.grid_masks(options.masks, options.window, options.cells, False, rng)
    rows = []
    for window in list(grid.cut(image, grid.inside(breast)))[:MASKED]:
        feature, answer = (part[0] for part in ask(window[None]))
        s, q, p = [], [], []
        for mask in masks:
            f, a = (part[0] for part in ask(relevance.masked(window, mask[None])))
            s.append(relevance.cosine(f[None], feature)[0])
            q.append(relevance.cosine(a[None], answer)[0])
            p.append(a)
        rows.append([*(pearsonr(s, of)[0] for of in np.array(p).T), pearsonr(s, q)[0]])
    return np.array(rows)


LOOP = f"one image after the other, timed on {FEW} of {IMAGES}"
CONTESTS = [
    Contest(
        "grad_cam",
        f"Grad-CAM of {IMAGES} images of {SIDE} x {SIDE}, ResNet-50, last stage",
        ours,
        {
            "eager loop": Peer(eager_loop, 10, 1e-3, LOOP, FEW / IMAGES),
            "tf-keras-vis": Peer(tf_keras_vis, 1.5, 1e-3, "all images in one batch"),
        },
        rounds=3,
        compare=difference_of_common,
    ),
    Contest(
        "correlax",
        f"CorRELAX of an image of {sizes.SMALL} x {sizes.SMALL}, {WINDOWS} windows of "
        f"{sizes.WINDOW}, {sizes.MASKS} masks each",
        correlax,
        {
            "mask by mask": Peer(
                mask_by_mask, 5, 1e-3, f"timed on {MASKED} of {WINDOWS} windows", MASKED / WINDOWS
            )
        },
        rounds=3,
        compare=difference_of_common,
    ),
]
