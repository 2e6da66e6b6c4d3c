"""Losses that know the order of the categories.

All take labels as integers 0..K-1, shape (n,) or (n, 1), and probabilities of shape (n, K); called,
they return the mean over the batch. Labels of another shape, such as one-hot, raise ``ValueError``,
and so do labels outside 0..K-1. In a compiled step no Python sees the labels: there TensorFlow
raises its own ``InvalidArgumentError`` with the same words, and on JAX the loss is NaN.
"""

import importlib

import keras
import numpy as np
from keras import ops
from keras.saving import register_keras_serializable as register


def expected_deviation(labels, probabilities):
    """Return E = sum_j p_j |y - j|, the expected distance from the true category, shape (n,).

    Source: Singh et al. 2026 (doi 10.1038/s41598-026-40906-8), with D[i, j] = |i - j|.
    The range is [0, K-1].
    """
    return ops.sum(probabilities * category_distance(labels, probabilities), axis=-1)


def category_distance(labels, probabilities):
    """Return |y - j| for each image and category, shape (n, K), in the probabilities' type."""
    labels = ops.cast(ops.reshape(labels, (-1, 1)), probabilities.dtype)  # (n, 1)
    categories = ops.arange(probabilities.shape[-1], dtype=probabilities.dtype)  # (K,)
    return ops.abs(labels - categories)


class OrdinalLoss(keras.losses.Loss):
    """A loss of integer labels; a subclass gives ``per_image(labels, probabilities)``, (n,).

    Args:
        options: the numbers of its formula, saved with a model; below 0 they raise ValueError.
    """

    def __init__(self, options: dict, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        for name, value in options.items():
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value!r}")

    def call(self, y_true, y_pred):
        categories = y_pred.shape[-1]
        expected = f"labels must be integers 0 to {categories - 1}, of shape (n,) or (n, 1)"
        if y_true.shape[1:] not in ((), (1,)):
            advice = "of one-hot labels give the argmax over their last axis"
            raise ValueError(f"{expected}; got shape {tuple(y_true.shape)}: {advice}")
        labels = ops.reshape(y_true, (-1,))
        is_valid = (labels >= 0) & (labels < categories) & (labels == ops.floor(labels))  # (n,)
        _require(is_valid, labels, expected)
        loss = self.per_image(ops.where(is_valid, labels, 0), y_pred)
        return ops.where(is_valid, loss, float("nan"))

    def get_config(self):
        return {**super().get_config(), **self.options}


def _require(known, labels, expected: str) -> None:
    """Raise where labels are not known, as far as the backend lets Python see them."""
    try:
        valid = bool(ops.all(known))
    except TypeError:  # in a compiled step, which has no values yet
        if keras.backend.backend() == "tensorflow":
            library = importlib.import_module("tensorflow")
            library.debugging.Assert(ops.all(known), [f"{expected}; got", labels])
        return
    if not valid:
        wrong = np.unique(ops.convert_to_numpy(labels)[~ops.convert_to_numpy(known)])
        raise ValueError(f"{expected}; got {', '.join(f'{label:g}' for label in wrong[:5])}")


@register("birads_lib")
class DistanceAwareLoss(OrdinalLoss):
    """DAL = CE * (1 + lambda * E), Singh et al. 2026; CE is the categorical cross-entropy.

    Args:
        dal_lambda: the paper's lambda, at least 0; with 0 the loss is the cross-entropy.
        dal_stop_gradient: let the factor only weigh the images; no gradient passes through it.
        dal_normalise: divide E by K-1, so that the factor's range is [1, 1 + lambda].
    """

    def __init__(
        self, dal_lambda=1.0, dal_stop_gradient=False, dal_normalise=False, name="dal", **kwargs
    ):
        options = {
            "dal_lambda": dal_lambda,
            "dal_stop_gradient": dal_stop_gradient,
            "dal_normalise": dal_normalise,
        }
        super().__init__(options, name=name, **kwargs)

    def per_image(self, labels, probabilities):
        deviation = expected_deviation(labels, probabilities)
        if self.options["dal_normalise"]:
            deviation = deviation / (probabilities.shape[-1] - 1)
        if self.options["dal_stop_gradient"]:
            deviation = ops.stop_gradient(deviation)
        cross_entropy = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        return cross_entropy * (1 + self.options["dal_lambda"] * deviation)


@register("birads_lib")
class ClassDistanceLoss(OrdinalLoss):
    """The loss - sum_j log(1 - p_j) |y - j|^power, which pushes down each wrong category.

    Polat et al. 2022 (arXiv:2202.05167, eq. 3) call it class distance weighted cross-entropy and
    use powers about 5; Castagnos et al. 2022 (OLL, eq. 1) write the same with powers of 1 to 2.

    Args:
        distance_power: exponent of the distance, at least 0.
    """

    def __init__(self, distance_power=2.0, name="class_distance", **kwargs):
        super().__init__({"distance_power": distance_power}, name=name, **kwargs)

    def per_image(self, labels, probabilities):
        distance = category_distance(labels, probabilities)  # (n, K)
        unlikely = ops.log(ops.maximum(1 - probabilities, keras.config.epsilon()))
        return -ops.sum(unlikely * distance ** self.options["distance_power"], axis=-1)


@register("birads_lib")
class EarthMoversLoss(OrdinalLoss):
    """The loss sum_k (P_k - Q_k)^2 over the cumulative distributions of prediction and truth.

    The squared earth mover's distance of Hou et al. 2016 (arXiv:1611.05916, eq. 8).
    """

    def __init__(self, name="earth_movers", **kwargs):
        super().__init__({}, name=name, **kwargs)

    def per_image(self, labels, probabilities):
        truth = ops.one_hot(
            ops.cast(labels, "int32"), probabilities.shape[-1], dtype=probabilities.dtype
        )
        return ops.sum(ops.square(ops.cumsum(probabilities - truth, axis=-1)), axis=-1)


@register("birads_lib")
class SoftLabelLoss(OrdinalLoss):
    """The cross-entropy with soft labels softmax(-(y - j)^2).

    SORD with squared distance (Diaz and Marathe 2019, doi 10.1109/CVPR.2019.00487, eq. 1).
    """

    def __init__(self, name="soft_label", **kwargs):
        super().__init__({}, name=name, **kwargs)

    def per_image(self, labels, probabilities):
        soft = ops.softmax(-ops.square(category_distance(labels, probabilities)), axis=-1)  # (n, K)
        return -ops.sum(soft * ops.log(ops.maximum(probabilities, keras.config.epsilon())), axis=-1)


# What the setting `loss` may say, and how the other settings make it.
LOSSES = {
    "dal": lambda settings: DistanceAwareLoss(
        settings.dal_lambda, settings.dal_stop_gradient, settings.dal_normalise
    ),
    "cross_entropy": lambda settings: keras.losses.SparseCategoricalCrossentropy(),
    "cdw_ce": lambda settings: ClassDistanceLoss(settings.distance_power),
    "oll": lambda settings: ClassDistanceLoss(settings.distance_power),
    "emd": lambda settings: EarthMoversLoss(),
    "sord": lambda settings: SoftLabelLoss(),
}
