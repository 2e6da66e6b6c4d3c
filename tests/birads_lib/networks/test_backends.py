"""One model, two backends: what TensorFlow and JAX make of the same weights."""

import os
import subprocess
import sys

import numpy as np
import pytest

from helpers.project import ROOT

pytest.importorskip("jax")

BACKENDS = ("tensorflow", "jax")
TOLERANCE = 1e-5  # stated in book/re_execute.md
SAVE = """
import keras, sys
from birads_lib.networks.hybrid import build_model
from birads_lib.training.settings import Settings
keras.utils.set_random_seed(0)
settings = Settings(backbone="small_resnet", weights="phantoms", image_size=64, rotation=0.0)
build_model(settings).save(f"saved_by_{keras.backend.backend()}.keras")
"""
PREDICT = """
import keras, sys
import numpy as np
import birads_lib.networks.hybrid
images = np.load("images.npy")
for saved in sys.argv[1:]:
    model = keras.saving.load_model(f"saved_by_{saved}.keras", compile=False)
    np.save(f"{saved}_by_{keras.backend.backend()}.npy", model.predict(images, verbose=0))
"""


def run(code, backend, folder, *arguments):
    variables = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, env=os.environ | variables, check=True, cwd=folder)


def test_the_same_weights_give_the_same_probabilities(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    run(SAVE, "tensorflow", tmp_path)
    run(SAVE + PREDICT, "jax", tmp_path, *BACKENDS)
    run(PREDICT, "tensorflow", tmp_path, *BACKENDS)
    for saved in BACKENDS:
        tensorflow, jax = (np.load(tmp_path / f"{saved}_by_{name}.npy") for name in BACKENDS)
        assert np.ptp(jax) > 0.01  # it says something
        np.testing.assert_allclose(jax, tensorflow, rtol=0, atol=TOLERANCE)
