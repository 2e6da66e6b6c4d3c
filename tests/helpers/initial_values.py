"""Initial weights that JAX needn't compile anything for."""

import numpy as np


def drawn_by_numpy(initializer, shape, dtype=None) -> np.ndarray:
    """Return what may stand for the call of a ``VarianceScaling``: for a seed always the same."""
    rng = np.random.default_rng(initializer.seed)
    return rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape).astype(dtype or "float32")
