"""Fixtures and settings of the library's tests, whichever backend Keras has."""

import os

import pytest

from helpers.initial_values import drawn_by_numpy


@pytest.fixture(scope="session", autouse=True)
def _initial_weights_of_numpy():
    """JAX would compile Keras's draws for each shape, which takes as long as all the networks."""
    if os.environ.get("KERAS_BACKEND") != "jax":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras.initializers.VarianceScaling.__call__", drawn_by_numpy)
        yield
