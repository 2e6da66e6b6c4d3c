"""Training: settings, one fold after another, and what a run leaves.

The settings need no Keras; what trains stands in ``fold`` (``Trainer``) and ``run``.
"""

from birads_lib.training.settings import Settings

__all__ = ["Settings"]
