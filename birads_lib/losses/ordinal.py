"""Losses that know the order of the categories.

All take labels as integers 0..K-1, shape (n,) or (n, 1), and probabilities of shape (n, K), and
return the loss of each image, shape (n,).
"""

from collections.abc import Callable

import keras
from keras import ops


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


@keras.saving.register_keras_serializable("birads_lib")
class DistanceAwareLoss(keras.losses.Loss):
    """DAL = CE * (1 + lambda * E), Singh et al. 2026; CE is the categorical cross-entropy.

    Args:
        scale: the paper's lambda, at least 0; with 0 the loss is the cross-entropy.
        stop_gradient: let the factor only weigh the images; no gradient passes through it.
        normalise: divide E by K-1, so that the factor's range is [1, 1 + lambda].
    """

    def __init__(self, scale=1.0, stop_gradient=False, normalise=False, name="dal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale, self.stop_gradient, self.normalise = scale, stop_gradient, normalise

    def call(self, y_true, y_pred):
        labels = ops.reshape(y_true, (-1,))
        deviation = expected_deviation(labels, y_pred)
        if self.normalise:
            deviation = deviation / (y_pred.shape[-1] - 1)
        if self.stop_gradient:
            deviation = ops.stop_gradient(deviation)
        cross_entropy = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        return cross_entropy * (1 + self.scale * deviation)

    def get_config(self):
        names = ("scale", "stop_gradient", "normalise")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def class_distance_loss(power: float) -> Callable:
    """Return the loss - sum_j log(1 - p_j) |y - j|^power, which pushes down each wrong category.

    Polat et al. 2022 (arXiv:2202.05167, eq. 3) call it class distance weighted cross-entropy and
    use powers about 5; Castagnos et al. 2022 (OLL, eq. 1) write the same with powers of 1 to 2.
    """

    def loss(y_true, y_pred):
        distance = category_distance(y_true, y_pred)  # (n, K)
        unlikely = ops.log(ops.maximum(1 - y_pred, keras.config.epsilon()))
        return -ops.sum(unlikely * distance**power, axis=-1)

    return loss


def earth_movers_loss(y_true, y_pred):
    """Return sum_k (P_k - Q_k)^2 over the cumulative distributions of prediction and truth.

    The squared earth mover's distance of Hou et al. 2016 (arXiv:1611.05916, eq. 8).
    """
    truth = ops.one_hot(ops.reshape(y_true, (-1,)), y_pred.shape[-1], dtype=y_pred.dtype)
    return ops.sum(ops.square(ops.cumsum(y_pred - truth, axis=-1)), axis=-1)


def soft_label_loss(y_true, y_pred):
    """Return the cross-entropy with soft labels softmax(-(y - j)^2).

    SORD with squared distance (Diaz and Marathe 2019, doi 10.1109/CVPR.2019.00487, eq. 1).
    """
    labels = ops.softmax(-ops.square(category_distance(y_true, y_pred)), axis=-1)  # (n, K)
    return -ops.sum(labels * ops.log(ops.maximum(y_pred, keras.config.epsilon())), axis=-1)


# What the setting `loss` may say, and how the other settings make it.
LOSSES = {
    "dal": lambda settings: DistanceAwareLoss(
        settings.dal_lambda, settings.dal_stop_gradient, settings.dal_normalise
    ),
    "cross_entropy": lambda settings: keras.losses.SparseCategoricalCrossentropy(),
    "cdw_ce": lambda settings: class_distance_loss(settings.distance_power),
    "oll": lambda settings: class_distance_loss(settings.distance_power),
    "emd": lambda settings: earth_movers_loss,
    "sord": lambda settings: soft_label_loss,
}
