"""ResNeXt: residual networks whose middle convolution works on groups of channels.

Xie et al. 2017, doi 10.1109/CVPR.2017.634, table 1, with the stride in the grouped convolution, as
PyTorch's models have it. Keras Applications has no ResNeXt. Names are those of its ResNets.
"""

import keras
import numpy as np
from keras import layers, ops

# Blocks in each stage; channels and groups of the first grouped convolution; first kernel.
SIZES = {
    "resnext50": ((3, 4, 6, 3), 128, 32, 7),  # 32x4d
    "resnext101": ((3, 4, 23, 3), 128, 32, 7),
    "small_resnext": ((1, 1, 1), 32, 8, 3),
}


@keras.saving.register_keras_serializable("birads_lib")
class GroupedConv2D(layers.Layer):
    """A convolution within groups of channels, as ``Conv2D(groups=...)`` without a bias.

    It has the same weights, (kernel, kernel, channels in / groups, channels out), and the same
    result. They are laid into a dense kernel that is 0 outside the groups' blocks: on a CPU, a
    dense convolution is trained several times as fast as a grouped one.

    Args:
        filters: channels out, a multiple of ``groups``.
        kernel: its side, in pixels.
        groups: of channels; channels in are a multiple of it.
        strides: between places.
        padding: "same" or "valid".
    """

    def __init__(self, filters, kernel, groups, strides=1, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.config = {
            "filters": filters, "kernel": kernel, "groups": groups, "strides": strides,
            "padding": padding,
        }  # fmt: skip

    def build(self, input_shape):
        filters, kernel, groups = (self.config[name] for name in ("filters", "kernel", "groups"))
        channels = input_shape[-1]
        if channels % groups or filters % groups:
            raise ValueError(f"{groups} groups can't share {channels} channels in, {filters} out")
        shape = (kernel, kernel, channels // groups, filters)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal", name="kernel")
        of_in = np.arange(channels) // (channels // groups)
        of_out = np.arange(filters) // (filters // groups)
        self.mask = (of_in[:, None] == of_out).astype("float32")  # (in, out), blocks of ones

    def call(self, x):
        # Each group's rows are repeated for all groups, and only its own block is kept.
        dense = ops.tile(self.kernel, (1, 1, self.config["groups"], 1))  # (k, k, in, out)
        dense = dense * ops.cast(self.mask, dense.dtype)
        padding, strides = self.config["padding"], self.config["strides"]
        return ops.conv(x, dense, strides, padding, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        kernel, strides = self.config["kernel"], self.config["strides"]
        lost = kernel - 1 if self.config["padding"] == "valid" else 0
        sides = [None if n is None else -(-(n - lost) // strides) for n in input_shape[1:3]]
        return (input_shape[0], *sides, self.config["filters"])

    def get_config(self):
        return {**super().get_config(), **self.config}


def resnext(shape: tuple[int, int, int], name: str) -> keras.Model:
    """Return the network ``name`` of ``SIZES``, from (n, *shape) to (n, h, w, channels).

    The two large ones have strides of 4 to 32, 23.0 and 42.1 million weights that learn. The small
    one, for regions of 64 pixels, has 0.15 million, and strides of 4, 8 and 16.
    """
    blocks, width, groups, side = SIZES[name]
    inputs = keras.Input(shape, name="image")
    x = layers.ZeroPadding2D(side // 2, name="conv1_pad")(inputs)
    options = {"strides": 2, "use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(width // 2, side, **options, name="conv1_conv")(x)
    x = layers.ReLU(name="conv1_relu")(_norm("conv1")(x))
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if block == 0 and stage else 1
            x = _block(x, f"conv{stage + 2}_block{block + 1}", width * 2**stage, groups, strides)
    return keras.Model(inputs, x, name=name)


def _block(x, name: str, width: int, groups: int, strides: int):
    """Return a bottleneck: 1x1 to ``width``, 3x3 in groups, 1x1 to twice the width, and a sum."""
    shortcut = x
    if strides > 1 or x.shape[-1] != 2 * width:
        shortcut = _norm(f"{name}_0")(_pointwise(2 * width, f"{name}_0", strides)(x))
    x = _norm(f"{name}_1")(_pointwise(width, f"{name}_1")(x))
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(layers.ReLU(name=f"{name}_1_relu")(x))
    x = GroupedConv2D(width, 3, groups, strides, "valid", name=f"{name}_2_conv")(x)
    x = layers.ReLU(name=f"{name}_2_relu")(_norm(f"{name}_2")(x))
    x = _norm(f"{name}_3")(_pointwise(2 * width, f"{name}_3")(x))
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _pointwise(width: int, name: str, strides: int = 1):
    options = {"use_bias": False, "kernel_initializer": "he_normal", "name": f"{name}_conv"}
    return layers.Conv2D(width, 1, strides=strides, **options)


def _norm(name: str):
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")
