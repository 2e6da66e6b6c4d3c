"""Contrastive losses between images and texts, and what plain CLIP can't go below.

All take a matrix of similarities (n, m): row i is image i, column j text j, tau u_i . v_j with
unit vectors u and v and the inverse temperature tau. Labels are integers 0..K-1, shape (n,).
Called, they return the mean over the batch.

With few different captions, most pairs that plain CLIP takes for wrong are right: images of one
class have the same text. No network can then reach a loss of 0 (``clip_floor``). Weights don't
change that; label-aware targets do.
"""

import keras
import numpy as np
from keras import ops
from keras.saving import register_keras_serializable as register


class PairLoss(keras.losses.Loss):
    """A loss of pairs; a subclass gives ``per_pair(labels, similarities)``, shape (n,)."""

    def call(self, y_true, y_pred):
        return self.per_pair(y_true, y_pred)


def _cross_entropy(targets, similarities):
    """Return the cross-entropy of each row (n, m) with targets that sum to 1, shape (n,)."""
    return -ops.sum(targets * ops.log_softmax(similarities, axis=-1), axis=-1)


def _both_ways(targets, similarities):
    """Return the mean of both directions, image to text and text to image, for each pair, (n,).

    ``targets`` (n, n) are those of either direction.
    """
    to_text = _cross_entropy(targets, similarities)
    to_image = _cross_entropy(targets, ops.transpose(similarities))
    return (to_text + to_image) / 2


@register("birads_lib")
class ClipLoss(PairLoss):
    """Image i belongs to text i, and to no other: similarities (n, n); labels are not looked at.

    Radford et al. 2021 (arXiv:2103.00020, figure 3); ``ClipLoss`` of open_clip.
    """

    def per_pair(self, labels, similarities):
        return _both_ways(ops.eye(ops.shape(similarities)[0]), similarities)


@register("birads_lib")
class WeightedClipLoss(PairLoss):
    """CLIP with a weight for each pair: sum w_i (l_i2t + l_t2i) / (2 sum w_i).

    The seed paper (arXiv:2511.17828) weighs by class and modality and leaves the formula open; here
    w = a_class b_modality (``balancing_weights``). In place of labels stand the weights, (n,).
    """

    def per_pair(self, weights, similarities):
        pairs = _both_ways(ops.eye(ops.shape(similarities)[0]), similarities)
        return pairs * weights / ops.mean(weights)


@register("birads_lib")
class LabelAwareLoss(PairLoss):
    """Each image belongs to all texts of its class, in equal shares, and each text to its images.

    The target of pair (i, j) is [y_i = y_j] / n_{y_i}; Yang et al. 2022 (UniCL, arXiv:2204.03610).
    """

    def per_pair(self, labels, similarities):
        same_label = ops.cast(labels[:, None] == labels[None, :], similarities.dtype)  # (n, n)
        return _both_ways(same_label / ops.sum(same_label, axis=-1, keepdims=True), similarities)


@register("birads_lib")
class PromptCrossEntropy(PairLoss):
    """The cross-entropy of a softmax over one text for each class: similarities (n, K)."""

    def per_pair(self, labels, similarities):
        classes = ops.arange(ops.shape(similarities)[-1])  # in a compiled step not known before
        is_true = ops.cast(labels, "int32")[:, None] == ops.cast(classes, "int32")[None]  # (n, K)
        return _cross_entropy(ops.cast(is_true, similarities.dtype), similarities)


def balancing_weights(labels: np.ndarray, modalities: np.ndarray, classes: int) -> np.ndarray:
    """Return w = a_class b_modality of each image, (n,): a_c = N / (K n_c), b_m = N / (M n_m).

    Args:
        labels: (n,) integers 0..K-1.
        modalities: (n,) names; M of them occur.
        classes: K.
    """
    of_class = len(labels) / (classes * np.bincount(labels, minlength=classes)[labels])
    _, codes, counts = np.unique(modalities, return_inverse=True, return_counts=True)
    return of_class * len(labels) / (len(counts) * counts[codes])


def clip_floor(counts: np.ndarray) -> float:
    """Return the least that ``ClipLoss`` can be on a batch where images of a class share a caption.

    It is sum_c (n_c / N) ln n_c, in nats: a text can't tell the n_c images of its class apart, nor
    an image the n_c equal texts. ln N is the loss of one who guesses, so with N = 32 images of four
    equally frequent classes 2.08 of 3.47 remain, whatever the network. With several captions for a
    class, drawn at random, it is the least expected loss.

    Args:
        counts: (K,) images of each class in the batch, 0 and more, N in all.
    """
    counts = np.asarray(counts, float)
    some = counts[counts > 0]
    return float((some * np.log(some)).sum() / counts.sum())
