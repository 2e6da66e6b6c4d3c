"""Contrastive losses against NumPy by hand, and their gradients against finite differences."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from birads_lib.losses import contrastive
from birads_lib.losses.contrastive import (
    ClipLoss,
    LabelAwareLoss,
    PromptCrossEntropy,
    WeightedClipLoss,
    balancing_weights,
    clip_floor,
)

CLASSES = 4


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def of_targets(logits, places):
    """The cross-entropy of each row with one right column, as torch's."""
    return -log_softmax(logits)[np.arange(len(logits)), places]


def open_clip(logits):
    """open_clip's ClipLoss: the mean of both cross-entropies with arange(n) as labels."""
    places = np.arange(len(logits))
    return (of_targets(logits, places).mean() + of_targets(logits.T, places).mean()) / 2


def weighted(weights, logits):
    places, total = np.arange(len(logits)), 0.0
    for i, w in enumerate(weights):
        total += w * (of_targets(logits, places)[i] + of_targets(logits.T, places)[i])
    return total / (2 * sum(weights))


def label_aware(labels, logits):
    total = 0.0
    for rows in (log_softmax(logits), log_softmax(logits.T)):
        for i, label in enumerate(labels):
            same = [j for j, other in enumerate(labels) if other == label]
            total -= sum(rows[i][j] for j in same) / len(same)
    return total / (2 * len(labels))


def prompts(labels, logits):
    return of_targets(logits, labels).mean()


CASES = {
    "clip": (ClipLoss(), lambda first, logits: open_clip(logits), None),
    "weighted": (WeightedClipLoss(), weighted, "weights"),
    "label_aware": (LabelAwareLoss(), label_aware, "labels"),
    "prompts": (PromptCrossEntropy(), prompts, "labels"),
}


def example(seed, kind, n=6):
    """Return the arguments of a loss: labels or weights (n,), and similarities (n, n)."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0.2, 3, n) if kind == "weights" else rng.integers(0, CLASSES, n)
    return first, rng.normal(0, 3, (n, n))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.sampled_from([3, 4, 8]))
def test_a_loss_is_that_of_numpy(name, seed, n):
    loss, by_hand, kind = CASES[name]
    first, logits = example(seed, kind, n)
    logits = logits[:, :CLASSES] if name == "prompts" and n > CLASSES else logits
    if name == "prompts":
        first = first % logits.shape[1]
    ours = float(loss(first, ops.convert_to_tensor(logits, "float32")))
    assert ours == pytest.approx(by_hand(first, logits), rel=1e-5, abs=1e-6)


def gradient(loss, first, logits):
    """The gradient to the similarities; one branch per backend, as Keras has no word for it."""
    z = ops.convert_to_tensor(logits, "float32")
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda z: loss(first, z))(z))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(z)
        value = loss(first, z)
    return tape.gradient(value, z).numpy()


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_finite_differences(name):
    loss, by_hand, kind = CASES[name]
    first, logits = example(3, kind)
    if name == "prompts":
        logits = logits[:, :CLASSES]
    slopes, step = np.zeros_like(logits), 1e-5
    for index in np.ndindex(logits.shape):
        move = np.zeros_like(logits)
        move[index] = step
        slopes[index] = (by_hand(first, logits + move) - by_hand(first, logits - move)) / (2 * step)
    np.testing.assert_allclose(gradient(loss, first, logits), slopes, atol=2e-6)


def test_equal_weights_are_plain_clip():
    _, logits = example(5, None)
    similarities = ops.convert_to_tensor(logits, "float32")
    assert float(WeightedClipLoss()(np.full(6, 0.3), similarities)) == pytest.approx(
        float(ClipLoss()(np.zeros(6), similarities)), rel=1e-6
    )


def test_where_each_pair_is_a_class_of_its_own_label_aware_is_plain_clip():
    _, logits = example(6, None)
    similarities = ops.convert_to_tensor(logits, "float32")
    assert float(LabelAwareLoss()(np.arange(6), similarities)) == pytest.approx(
        float(ClipLoss()(np.arange(6), similarities)), rel=1e-6
    )


def test_weights_balance_classes_and_modalities():
    labels = np.array([0, 0, 0, 1, 2, 3])
    modalities = np.array(["DM", "DM", "s2D", "s2D", "DM", "DM"])
    weights = balancing_weights(labels, modalities, CLASSES)
    of_class = {0: 6 / 12, 1: 6 / 4, 2: 6 / 4, 3: 6 / 4}
    of_modality = {"DM": 6 / 8, "s2D": 6 / 4}
    expected = [of_class[c] * of_modality[m] for c, m in zip(labels, modalities, strict=True)]
    np.testing.assert_allclose(weights, expected)


def perfect(counts, scale=50.0):
    """Similarities of a network that knows the class and nothing else."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return labels, scale * (labels[:, None] == labels[None, :])


@pytest.mark.parametrize("counts", [[8, 8, 8, 8], [6, 13, 10, 3], [1, 1, 0, 30], [5]])
def test_a_network_that_knows_the_class_alone_reaches_the_floor(counts):
    labels, similarities = perfect(counts)
    similarities = ops.convert_to_tensor(similarities, "float32")
    assert float(ClipLoss()(labels, similarities)) == pytest.approx(clip_floor(counts), abs=1e-5)


def test_the_floor_of_32_balanced_images_is_2_08_of_3_47():
    assert clip_floor([8, 8, 8, 8]) == pytest.approx(np.log(8))
    assert round(clip_floor([8, 8, 8, 8]), 2) == 2.08
    assert round(np.log(32), 2) == 3.47


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(0, 6), min_size=2, max_size=4).filter(lambda c: sum(c) > 1),
    seed=st.integers(0, 10**6),
)
def test_no_network_with_one_caption_a_class_goes_below_the_floor(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(len(labels), 8))  # anything at all may be known of an image
    texts = rng.normal(size=(len(counts), 8))[labels]
    assert open_clip(rng.uniform(0, 20) * images @ texts.T) >= clip_floor(counts) - 1e-9


def test_losses_come_back_from_a_saved_configuration():
    for loss, _, _ in CASES.values():
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
        assert type(again) is type(loss)
        assert type(again).__module__ == contrastive.__name__
