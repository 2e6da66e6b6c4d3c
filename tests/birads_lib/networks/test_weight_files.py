"""Weights of backbones from files: read as the network needs them, or refused with the options.

What a file means doesn't depend on Keras's backend, so these tests run with one.
"""

import h5py
import keras
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import backbones
from helpers.tiny_network import SIZE, short_efficientnet


@pytest.fixture
def efficientnet_file(tmp_path, monkeypatch):
    """Weights of EfficientNet as Keras publishes them; Keras's download hands them out, too."""
    monkeypatch.setattr(keras.applications, "EfficientNetB0", short_efficientnet)
    keras.utils.set_random_seed(0)
    published = keras.applications.EfficientNetB0(include_top=False, weights=None)
    mean, deviation = backbones.TORCH_MEAN, backbones.TORCH_STD
    norm = next(x for x in published.layers if type(x).__name__ == "Normalization")
    # Keras's file has the deviation in the variance's place; what is missing, Keras adds as a
    # Rescaling if weights="imagenet".
    norm.set_weights([np.array(mean), np.array(deviation), np.array(0)])
    path = tmp_path / "published.weights.h5"
    published.save_weights(path)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *a, **k: str(path))
    return path


def test_features_of_a_file_are_those_of_the_same_weights_by_name(efficientnet_file):
    grey = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 1))
    image = np.repeat(grey, 3, axis=-1).astype("float32")
    by_keras = keras.applications.EfficientNetB0(include_top=False, input_shape=(SIZE, SIZE, 3))
    expected = np.array(by_keras(image))
    prepared = backbones.normalisation("efficientnetb0")(image)
    for weights in ("imagenet", efficientnet_file):
        trunk = backbones.build("efficientnetb0", SIZE, weights)
        np.testing.assert_allclose(np.array(trunk(prepared)), expected, rtol=1e-3, atol=1e-4)
        lower = keras.Model(trunk.input, trunk.get_layer("block2a_expand_conv").output)
        assert lower(prepared).shape[1] == SIZE // 2  # so it can be cut where learning begins


def test_weights_come_from_a_file(tmp_path):
    path = tmp_path / "mine.weights.h5"
    original = backbones.build("small_resnet", 32, "none")
    original.save_weights(path)
    copy = backbones.build("small_resnet", 64, path)
    for ours, theirs in zip(copy.get_weights(), original.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_resnet50_to_conv4_takes_its_weight_file(shared_data):
    path = shared_data / "weights" / "resnet50_imagenet_to_conv4.weights.h5"
    trunk = backbones.build("resnet50_conv4", 64, path)
    assert trunk.output_shape == (None, 4, 4, 1024)
    with pytest.raises(UserError, match="backbone: resnet50_conv4"):
        backbones.build("resnet50", 64, path)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("resnet", "none", "backbone: 'resnet' is unknown"),
        ("resnet50", "phantoms", '"phantoms" is not for the backbone resnet50; choose "imagenet"'),
        ("small_resnet", "imagenet", 'choose "phantoms", "none"'),
        ("resnet50_conv4", "phantoms", 'choose "imagenet", "none"'),
        ("small_resnet", "nowhere.weights.h5", "'nowhere.weights.h5' is not a file"),
    ],
)
def test_weights_that_cannot_be_had_stop_with_the_options(name, weights, message):
    with pytest.raises(UserError, match=message):
        backbones.build(name, 64, weights)


def test_a_wrong_weight_file_stops(tmp_path):
    path = tmp_path / "wrong.weights.h5"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).save_weights(path)
    with pytest.raises(
        UserError, match=r"wrong\.weights\.h5' doesn't fit the backbone small_resnet"
    ):
        backbones.build("small_resnet", 32, path)
    backbones.build("small_resnet", 32, "none").save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d_3/vars"]
    with pytest.raises(UserError, match="doesn't fit the backbone small_resnet"):
        backbones.build("small_resnet", 32, path)
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(UserError, match="doesn't fit"):
        backbones.build("small_resnet", 32, path)


def test_imagenet_without_a_network_stops(monkeypatch):
    def offline(**arguments):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "ResNet50", offline)
    for name in ("resnet50", "resnet50_conv4"):  # which Keras has under one name
        with pytest.raises(UserError, match=r"URL fetch failure.*\.weights\.h5 file.*none"):
            backbones.build(name, 64, "imagenet")
