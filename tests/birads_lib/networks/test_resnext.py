"""ResNeXt: grouped convolutions are Keras's own, and its sizes are the paper's."""

import keras
import numpy as np
import pytest
from keras import layers

from birads_lib.errors import UserError
from birads_lib.networks import backbones
from birads_lib.networks.resnext import GroupedConv2D, resnext


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("groups", [1, 2, 8, 16])
@pytest.mark.parametrize(("strides", "padding"), [(1, "same"), (2, "same"), (2, "valid")])
def test_a_masked_dense_kernel_is_a_grouped_convolution(groups, strides, padding):
    ours = GroupedConv2D(32, 3, groups, strides, padding)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 9, 16)).astype("float32")
    y = numpy(ours(x))
    assert ours.kernel.shape == (3, 3, 16 // groups, 32)
    assert y.shape == ours.compute_output_shape(x.shape)
    expected = np.zeros_like(y)
    into, out = 16 // groups, 32 // groups
    for g in range(groups):  # each group by itself, by a plain convolution
        plain = layers.Conv2D(out, 3, strides=strides, padding=padding, use_bias=False)
        plain.build((None, 9, 9, into))
        plain.set_weights([numpy(ours.kernel)[..., g * out : (g + 1) * out]])
        expected[..., g * out : (g + 1) * out] = numpy(plain(x[..., g * into : (g + 1) * into]))
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_it_equals_keras_own_groups_in_result_and_gradient():
    ours = GroupedConv2D(16, 3, 4)
    theirs = layers.Conv2D(16, 3, groups=4, padding="same", use_bias=False)
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 8)).astype("float32")
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    try:
        expected = numpy(theirs(x))
    except Exception as error:  # some builds of TensorFlow can't on a CPU
        pytest.skip(f"no grouped convolution here: {str(error)[:80]}")
    np.testing.assert_allclose(numpy(ours(x)), expected, atol=1e-6)
    steps = []
    for layer in (ours, theirs):  # one step of training moves both alike
        model = keras.Sequential([keras.Input(x.shape[1:]), layer, layers.GlobalMaxPooling2D()])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.train_on_batch(x, np.ones((2, 16), "float32"))
        steps.append(layer.get_weights()[0])
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "weights"),
    # torchvision's and timm's counts for 32x4d, less the 2,049,000 of their last layer
    [("resnext50", 25_028_904 - 2_049_000), ("resnext101", 44_177_704 - 2_049_000)],
)
def test_the_large_ones_have_the_papers_sizes(name, weights, monkeypatch):
    zeros = keras.initializers.Zeros()  # to draw the weights takes longer than all else
    monkeypatch.setattr(
        keras.initializers.VarianceScaling, "__call__", lambda _, *given, **named: zeros(*given)
    )
    model = resnext((64, 64, 3), name)
    assert sum(np.prod(w.shape) for w in model.trainable_weights) == weights
    assert model.output.shape[1:] == (2, 2, 2048)


def test_the_small_one_is_saved_and_loaded_whole(tmp_path):
    keras.utils.set_random_seed(0)
    model = backbones.build("small_resnext", 64, "none")
    assert [
        model.get_layer(s).output.shape[1] for s in backbones.BACKBONES["small_resnext"].stages
    ] == [16, 8, 4]
    x = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        numpy(keras.saving.load_model(tmp_path / "model.keras")(x)), numpy(model(x))
    )
    model.save_weights(tmp_path / "trunk.weights.h5")
    again = backbones.build("small_resnext", 64, tmp_path / "trunk.weights.h5")
    np.testing.assert_array_equal(numpy(again(x)), numpy(model(x)))
    with pytest.raises(UserError, match="doesn't fit the backbone small_resnet"):
        backbones.build("small_resnet", 64, tmp_path / "trunk.weights.h5")


def test_groups_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="3 groups can't share 16 channels in, 32 out"):
        GroupedConv2D(32, 3, 3).build((None, 8, 8, 16))
