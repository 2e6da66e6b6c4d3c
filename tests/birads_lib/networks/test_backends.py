"""One model, two backends: what TensorFlow and JAX make of the same weights."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from birads_lib.networks.hybrid import build_model
from birads_lib.training.settings import Settings
from helpers import quick_xla
from helpers.project import ROOT

pytest.importorskip("jax")

BACKENDS = ("tensorflow", "jax")
TOLERANCE = 1e-5  # stated in book/re_execute.md
SMALL = Settings(backbone="small_resnet", weights="phantoms", image_size=64, rotation=0.0)
THERE = """
import pathlib, keras, test_backends as t
from helpers.initial_values import drawn_by_numpy
keras.initializers.VarianceScaling.__call__ = drawn_by_numpy  # JAX would compile each draw
t.save(pathlib.Path())
t.predict(pathlib.Path())
"""


def save(folder):
    keras.utils.set_random_seed(0)
    build_model(SMALL).save(folder / f"saved_by_{keras.backend.backend()}.keras")


def predict(folder):
    images = np.load(folder / "images.npy")
    for saved in BACKENDS:
        model = keras.saving.load_model(folder / f"saved_by_{saved}.keras", compile=False)
        probabilities = model.predict(images, verbose=0)
        np.save(folder / f"{saved}_by_{keras.backend.backend()}.npy", probabilities)


def test_the_same_weights_give_the_same_probabilities(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    save(tmp_path)
    here = keras.backend.backend()
    paths = map(str, (ROOT, ROOT / "tests", Path(__file__).parent))
    variables = {
        "KERAS_BACKEND": next(name for name in BACKENDS if name != here),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": ":".join(paths),
        "XLA_FLAGS": quick_xla.flags(),
        # Both saved models are the same graph.
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-c", THERE]
    subprocess.run(command, env=os.environ | variables, check=True, cwd=tmp_path)
    predict(tmp_path)
    for saved in BACKENDS:
        tensorflow, jax = (np.load(tmp_path / f"{saved}_by_{name}.npy") for name in BACKENDS)
        assert np.ptp(jax) > 0.01  # it says something
        np.testing.assert_allclose(jax, tensorflow, rtol=0, atol=TOLERANCE)
