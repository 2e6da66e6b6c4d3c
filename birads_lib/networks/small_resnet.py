"""A ResNet small enough to be trained on phantoms, and to be run on any laptop."""

import keras
from keras import layers


def small_resnet(shape: tuple[int, int, int]) -> keras.Model:
    """Return a ResNet of basic blocks (He et al. 2016, doi 10.1109/CVPR.2016.90), 0.65 M weights.

    Stages of 24, 48, 96 and 128 channels at strides 4, 8, 16 and 32, named as in Keras's ResNets.
    """
    inputs = keras.Input(shape, name="image")
    x = _conv_bn(inputs, "conv1", 24, kernel=7, strides=2)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(x)
    for stage, (width, blocks) in enumerate([(24, 2), (48, 2), (96, 2), (128, 1)], start=2):
        for block in range(1, blocks + 1):
            strides = 2 if block == 1 and stage > 2 else 1
            x = _basic_block(x, f"conv{stage}_block{block}", width, strides)
    return keras.Model(inputs, x, name="small_resnet")


def _basic_block(x, name: str, width: int, strides: int):
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = _conv_bn(x, f"{name}_0", width, kernel=1, strides=strides)
    x = _conv_bn(x, f"{name}_1", width, kernel=3, strides=strides)
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _conv_bn(x, f"{name}_2", width, kernel=3)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _conv_bn(x, name: str, width: int, kernel: int, strides: int = 1):
    x = layers.Conv2D(
        width,
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    # Keras's default momentum, 0.99, is slow for short runs from scratch.
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
