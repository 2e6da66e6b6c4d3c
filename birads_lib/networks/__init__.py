"""Networks: the table of backbones, which needs no Keras, and the hybrid that stands on one.

``hybrid.build_model`` makes the whole model, ``cut.cut`` parts what is frozen from what learns.
"""

from birads_lib.networks.backbones import BACKBONES

__all__ = ["BACKBONES"]
