"""Prediction through OpenVINO, an optional extra: the same probabilities, sooner on a CPU."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from birads_lib.errors import UserError

BATCH = 32  # images per step


def predictor(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a model as ``build_model`` makes it; calls then need no Keras.

    Returns:
        A function from raw grey images, uint8 (n, size, size), to probabilities, float32 (n, 5):
        those of ``model.predict``, but for float32's rounding.

    Raises:
        UserError: OpenVINO isn't installed, or doesn't convert models on this Python.
    """
    try:
        import openvino
    except ImportError:
        raise UserError("OpenVINO is not installed: run `make extra EXTRA=openvino`") from None
    if sys.version_info >= (3, 13):  # 2026.4 deletes a local variable by `exec`, and can't any more
        raise UserError("OpenVINO converts no model on Python 3.13: take 3.11 or 3.12")
    # Its CPU plugin may choose bfloat16, which is not float32's rounding.
    options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        model.export(str(path), format="openvino", verbose=False)
        compiled = openvino.Core().compile_model(path, "CPU", options)
    dtype = compiled.input(0).element_type.to_dtype()

    def predict(images: np.ndarray) -> np.ndarray:
        batches = np.split(images, range(BATCH, len(images), BATCH))
        return np.concatenate([compiled(b[..., None].astype(dtype))[0] for b in batches])

    return predict
