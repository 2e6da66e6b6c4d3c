"""Networks: the table of backbones, which needs no Keras, and the hybrid that stands on one."""
