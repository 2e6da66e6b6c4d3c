"""Losses that know the order of the BI-RADS categories.

All take labels as integers 0..K-1, shape (n,) or (n, 1), and probabilities of shape (n, K).
"""

import keras
from keras import ops


def expected_deviation(labels, probabilities):
    """Return E = sum_j p_j |y - j|, the expected distance from the true category, shape (n,).

    Source: Singh et al. 2026 (doi 10.1038/s41598-026-40906-8), with D[i, j] = |i - j|.
    The range is [0, K-1].
    """
    labels = ops.cast(ops.reshape(labels, (-1, 1)), probabilities.dtype)  # (n, 1)
    categories = ops.arange(probabilities.shape[-1], dtype=probabilities.dtype)  # (K,)
    return ops.sum(probabilities * ops.abs(labels - categories), axis=-1)


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
        """Return the loss of each image, shape (n,)."""
        labels = ops.reshape(y_true, (-1,))
        deviation = expected_deviation(labels, y_pred)
        if self.normalise:
            deviation = deviation / (y_pred.shape[-1] - 1)
        if self.stop_gradient:
            deviation = ops.stop_gradient(deviation)
        cross_entropy = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        return cross_entropy * (1 + self.scale * deviation)

    def get_config(self):
        """Return the arguments, so that a compiled model can be saved."""
        own = {k: getattr(self, k) for k in ("scale", "stop_gradient", "normalise")}
        return {**super().get_config(), **own}


# What the setting `loss` may say, and how the other settings make it.
LOSSES = {
    "dal": lambda settings: DistanceAwareLoss(
        settings.dal_lambda, settings.dal_stop_gradient, settings.dal_normalise
    ),
}
