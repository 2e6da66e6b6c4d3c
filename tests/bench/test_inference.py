"""OpenVINO predicts what Keras predicts."""

import sys

import numpy as np
import pytest

from bench.inference import predictor
from birads_lib.errors import UserError
from birads_lib.networks.hybrid import build_model
from birads_lib.training.settings import Settings

SMALL = Settings(backbone="small_resnet", weights="phantoms", image_size=64)


@pytest.fixture(scope="module")
def model():
    return build_model(SMALL)


@pytest.fixture(scope="module")
def by_openvino(model):
    pytest.importorskip("openvino")
    if sys.version_info >= (3, 13):
        pytest.skip("OpenVINO converts no model on Python 3.13")
    return predictor(model)


@pytest.fixture(scope="module")
def expected(model):
    """33 images, and what Keras makes of them; of fewer, it makes the same."""
    images = np.random.default_rng(0).integers(0, 256, (33, 64, 64), np.uint8)
    return images, model.predict(images[..., None], verbose=0)


@pytest.mark.parametrize("n", [1, 32, 33])
def test_the_same_probabilities(n, expected, by_openvino):
    images, of_keras = expected
    probabilities = by_openvino(images[:n])
    assert probabilities.shape == (n, 5)
    np.testing.assert_allclose(probabilities, of_keras[:n], atol=1e-4)


def test_where_it_is_not_installed_it_says_what_to_do(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match="EXTRA=openvino"):
        predictor(model)


def test_on_a_python_that_it_does_not_know_it_says_so(monkeypatch, model):
    pytest.importorskip("openvino")
    monkeypatch.setattr(sys, "version_info", (3, 13))
    with pytest.raises(UserError, match=r"take 3\.11 or 3\.12"):
        predictor(model)
