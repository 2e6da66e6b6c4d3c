"""An EfficientNet-like network with as many weights as the small ResNet, to be held against it."""

from keras import Input, Model, layers

# Of each stage: name, channels out, blocks, kernel, stride of its first block.
STAGES = (
    ("block1", 24, 1, 3, 2),
    ("block2", 40, 2, 3, 2),
    ("block3", 80, 2, 5, 2),
    ("block4", 184, 2, 5, 2),
)
STEM, TOP = 16, 320  # channels of the first and of the last convolution
EXPANSION = 4  # of a block's channels inside it; 1 in the first stage
SQUEEZE = 4  # a block's channels in, over those of its squeeze-and-excitation


def small_mbconv(shape: tuple[int, int, int]) -> Model:
    """Return a network of mobile inverted bottlenecks (MBConv), 0.67 M weights.

    Blocks, order of layers and names are EfficientNet's (Tan and Le 2019, arXiv 1905.11946, after
    Sandler et al. 2018, doi 10.1109/CVPR.2018.00474): expansion, depthwise convolution,
    squeeze-and-excitation, projection, and a sum where a block keeps its size. Stages are at
    strides 4, 8, 16 and 32, as those of the small ResNet. ``shape`` is (height, width, channels).
    """
    inputs = Input(shape, name="image")
    x = _conv_bn(inputs, "stem", STEM, kernel=3, strides=2)
    for stage, width, blocks, kernel, strides in STAGES:
        for number in range(blocks):
            expansion = EXPANSION if stage != STAGES[0][0] else 1
            first = strides if number == 0 else 1
            x = _block(x, f"{stage}{'ab'[number]}", width, kernel, first, expansion)
    x = _conv_bn(x, "top", TOP, kernel=1)
    return Model(inputs, x, name="small_mbconv")


def _block(x, name: str, width: int, kernel: int, strides: int, expansion: int):
    before, inside = x, x.shape[-1] * expansion
    if expansion > 1:
        x = _conv_bn(x, f"{name}_expand", inside, kernel=1)
    x = layers.DepthwiseConv2D(
        kernel, strides=strides, padding="same", use_bias=False,
        depthwise_initializer="he_normal", name=f"{name}_dwconv",
    )(x)  # fmt: skip
    x = _norm(f"{name}_bn")(x)
    x = layers.Activation("silu", name=f"{name}_activation")(x)
    x = _squeeze_and_excite(x, name, before.shape[-1] // SQUEEZE)
    x = _conv_bn(x, f"{name}_project", width, kernel=1, activation=None)
    if strides == 1 and before.shape[-1] == width:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _squeeze_and_excite(x, name: str, width: int):
    """Weigh each channel by what all of them are on average (Hu et al. 2018)."""
    channels = x.shape[-1]
    weight = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_se_squeeze")(x)
    weight = layers.Conv2D(width, 1, activation="silu", name=f"{name}_se_reduce")(weight)
    weight = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_se_expand")(weight)
    return layers.Multiply(name=f"{name}_se_excite")([x, weight])


def _conv_bn(x, name: str, width: int, kernel: int, strides: int = 1, activation="silu"):
    x = layers.Conv2D(
        width, kernel, strides=strides, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)  # fmt: skip
    x = _norm(f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_activation")(x) if activation else x


def _norm(name: str):
    # Keras's default momentum, 0.99, is slow for short runs from scratch.
    return layers.BatchNormalization(momentum=0.9, name=name)
