"""Each loss against NumPy by hand, and its gradient against finite differences."""

from typing import get_args

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from birads_lib.losses import (
    LOSSES,
    ClassDistanceLoss,
    DistanceAwareLoss,
    expected_deviation,
)
from birads_lib.training.settings import Settings

CLASSES = 5
VARIANTS = [(False, False), (True, False), (False, True), (True, True)]


def by_hand(labels, logits, scale, normalise, factor_from=None):
    """The mean DAL in float64; ``factor_from`` are the logits of a factor held constant."""

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    p, q = softmax(logits), softmax(logits if factor_from is None else factor_from)
    total = 0.0
    for label, p_row, q_row in zip(labels, p, q, strict=True):
        deviation = sum(q_row[j] * abs(label - j) for j in range(CLASSES))
        factor = 1 + scale * deviation / (CLASSES - 1 if normalise else 1)
        total += -np.log(p_row[label]) * factor
    return total / len(labels)


def example(seed, n=6):
    rng = np.random.default_rng(seed)
    return rng.integers(0, CLASSES, n), rng.normal(size=(n, CLASSES))


def probabilities(logits):
    return ops.softmax(ops.convert_to_tensor(logits, "float32"))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0, 5), variant=st.sampled_from(VARIANTS))
def test_the_loss_is_the_papers(seed, scale, variant):
    labels, logits = example(seed)
    loss = DistanceAwareLoss(scale, *variant)(labels, probabilities(logits))
    assert float(loss) == pytest.approx(by_hand(labels, logits, scale, variant[1]), rel=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_lambda_zero_is_the_cross_entropy(variant):
    labels, logits = example(1, n=200)
    ours = DistanceAwareLoss(0.0, *variant)(labels, probabilities(logits))
    theirs = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities(logits))
    assert float(ours) == pytest.approx(float(theirs), abs=1e-7)


def test_expected_deviation_by_hand():
    p = ops.convert_to_tensor([[0.1, 0.2, 0.3, 0.4, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]], "float32")
    deviation = ops.convert_to_numpy(expected_deviation(ops.convert_to_tensor([1, 4]), p))
    np.testing.assert_allclose(deviation, [0.1 + 0.3 + 2 * 0.4, 4.0], rtol=1e-6)


def test_labels_may_be_a_column():
    labels, logits = example(2)
    loss = DistanceAwareLoss()
    flat, column = (loss(y, probabilities(logits)) for y in (labels, labels[:, None]))
    assert float(flat) == float(column)


def gradient(labels, logits, loss):
    """The gradient to the logits; Keras itself has no word for it, so one branch per backend."""

    def total(z):
        return loss(labels, ops.softmax(z))

    z = ops.convert_to_tensor(logits, "float32")
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(total)(z))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(z)
        value = total(z)
    return tape.gradient(value, z).numpy()


def differences(value, logits, step=1e-5):
    """The gradient of ``value`` by central differences."""
    slopes = np.zeros_like(logits)
    for index in np.ndindex(logits.shape):
        move = np.zeros_like(logits)
        move[index] = step
        slopes[index] = (value(logits + move) - value(logits - move)) / (2 * step)
    return slopes


@pytest.mark.parametrize(("stop_gradient", "normalise"), VARIANTS)
def test_the_gradient_is_that_of_finite_differences(stop_gradient, normalise):
    labels, logits = example(3)
    slopes = gradient(labels, logits, DistanceAwareLoss(1.5, stop_gradient, normalise))
    held = logits if stop_gradient else None
    expected = differences(lambda z: by_hand(labels, z, 1.5, normalise, held), logits)
    np.testing.assert_allclose(slopes, expected, atol=2e-6)


def test_far_errors_cost_more_than_near_ones():
    confident = 0.9 * np.eye(CLASSES) + 0.02  # (predicted category, K)
    p = ops.convert_to_tensor(confident / confident.sum(axis=1, keepdims=True), "float32")
    costs = [float(DistanceAwareLoss()(np.array([0]), p[j : j + 1])) for j in range(CLASSES)]
    assert costs == sorted(costs)
    assert costs[1] < costs[4]


def test_the_loss_survives_saving():
    loss = DistanceAwareLoss(0.7, True, True)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    expected = {"dal_lambda": 0.7, "dal_stop_gradient": True, "dal_normalise": True}
    assert copy.options == expected


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_reloads_with_the_model_that_was_trained_with_it(name, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", LOSSES[name](Settings(loss=name, dal_lambda=0.5, distance_power=1.5)))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")  # nothing about losses is said
    x, y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % CLASSES
    first, second = (m.evaluate(x, y, verbose=0) for m in (model, again))
    assert first == pytest.approx(second, abs=1e-6)


OURS = sorted(set(LOSSES) - {"cross_entropy"})  # that one is Keras's
WRONG_LABELS = {
    "labels from 1 to 5": (np.array([1, 5, 2]), "got 5"),
    "a negative label": (np.array([0, -1, 2]), "got -1"),
    "between two categories": (np.array([0.0, 1.5, 2.0]), "got 1.5"),
    "one-hot": (np.eye(CLASSES)[:3], r"argmax"),
}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", WRONG_LABELS)
def test_labels_that_are_none_are_refused(name, kind):
    labels, message = WRONG_LABELS[kind]
    with pytest.raises(ValueError, match=f"(?s)integers 0 to 4.*{message}"):
        LOSSES[name](Settings(loss=name))(labels, probabilities(np.zeros((3, CLASSES))))


@pytest.mark.parametrize("name", OURS)
def test_no_compiled_step_learns_from_labels_that_are_none(name):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", LOSSES[name](Settings(loss=name)))
    x, y = np.ones((10, 3)), np.arange(10) % CLASSES + 1
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(Exception, match="labels must be integers 0 to 4"):
            model.fit(x, y, verbose=0)
    else:
        history = model.fit(x, y, verbose=0).history
        assert np.isnan(history["loss"]).all()
    with pytest.raises(ValueError, match="argmax"):
        model.fit(x, np.eye(CLASSES)[y - 1], verbose=0)


@pytest.mark.parametrize(
    ("loss", "option"),
    [("dal", {"dal_lambda": -2.0}), ("oll", {"distance_power": -1.0})],
)
def test_a_formula_with_a_negative_number_is_refused(loss, option):
    made = {"dal": DistanceAwareLoss, "oll": ClassDistanceLoss}[loss]
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be at least 0, got -"):
        made(**option)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def class_distance(y, p, power):
    return -sum(np.log(1 - p[j]) * abs(y - j) ** power for j in range(CLASSES))


def earth_movers(y, p, _):
    truth = [float(j == y) for j in range(CLASSES)]
    return sum((sum(p[: k + 1]) - sum(truth[: k + 1])) ** 2 for k in range(CLASSES))


def soft_labels(y, p, _):
    labels = softmax(np.array([-float((y - j) ** 2) for j in range(CLASSES)]))
    return -sum(labels[j] * np.log(p[j]) for j in range(CLASSES))


BY_HAND = {
    "cross_entropy": lambda y, p, _: -np.log(p[y]),
    "cdw_ce": class_distance,
    "oll": class_distance,
    "emd": earth_movers,
    "sord": soft_labels,
}


def relative(name, power):
    loss = LOSSES[name](Settings(loss=name, distance_power=power))
    return lambda labels, p: ops.mean(loss(labels, p))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(BY_HAND)),
    seed=st.integers(0, 10**6),
    power=st.sampled_from([1.0, 1.5, 2.0, 5.0]),
)
def test_the_relatives_of_dal_by_hand(name, seed, power):
    labels, logits = example(seed)
    rows = zip(labels, logits, strict=True)
    expected = np.mean([BY_HAND[name](y, softmax(z), power) for y, z in rows])
    cost = float(relative(name, power)(labels, probabilities(logits)))
    assert cost == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_gradients_of_the_relatives(name):
    labels, logits = example(5)
    slopes = gradient(labels, logits, relative(name, 1.5))

    def value(moved):
        rows = zip(labels, moved, strict=True)
        return np.mean([BY_HAND[name](y, softmax(z), 1.5) for y, z in rows])

    expected = differences(value, logits)
    np.testing.assert_allclose(slopes, expected, atol=5e-6)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_sure_and_wrong_is_dear_but_finite(name):
    certain = ops.convert_to_tensor(np.eye(CLASSES), "float32")
    costs = [float(relative(name, 2.0)(np.array([0]), certain[j : j + 1])) for j in (0, 1, 4)]
    assert np.isfinite(costs).all()
    assert costs[0] < costs[1]
    assert costs[1] <= costs[2]
    assert costs[1] < costs[2] or name == "cross_entropy"


def test_the_settings_name_each_loss_of_the_table():
    assert set(get_args(Settings.model_fields["loss"].annotation)) == set(LOSSES)
