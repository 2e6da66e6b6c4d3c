"""Initial weights that JAX needn't compile anything for."""

import numpy as np


def drawn_by_numpy(initializer, shape, dtype=None) -> np.ndarray:
    """Return what may stand for the call of a ``VarianceScaling``: for a seed always the same."""
    rng = np.random.default_rng(initializer.seed)
    width = np.sqrt(initializer.scale / np.prod(shape[:-1]))
    return rng.normal(0, width, shape).astype(dtype or "float32")
