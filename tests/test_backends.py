"""One model, two backends: what TensorFlow and JAX make of the same weights."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("jax")

TOLERANCE = 1e-5  # stated in book/re_execute.md
SAVE = """
import keras, sys
from birads_lib.model import build_model
from birads_lib.settings import Settings
keras.utils.set_random_seed(0)
settings = Settings(backbone="small_resnet", weights="phantoms", image_size=64, rotation=0.0)
build_model(settings).save(sys.argv[1])
"""
PREDICT = """
import keras, sys
import numpy as np
import birads_lib.model
model = keras.saving.load_model(sys.argv[1], compile=False)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def run(code, backend, *arguments):
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], env=environment, check=True)


@pytest.mark.parametrize("saved_by", ["tensorflow", "jax"])
def test_the_same_weights_give_the_same_probabilities(tmp_path, saved_by):
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    run(SAVE, saved_by, tmp_path / "model.keras")
    found = {}
    for backend in ("tensorflow", "jax"):
        out = tmp_path / f"{backend}.npy"
        run(PREDICT, backend, tmp_path / "model.keras", tmp_path / "images.npy", out)
        found[backend] = np.load(out)
    assert np.ptp(found["jax"]) > 0.01  # it says something
    np.testing.assert_allclose(found["jax"], found["tensorflow"], rtol=0, atol=TOLERANCE)
