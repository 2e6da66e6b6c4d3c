"""Convolutional trunks: from a normalised three-channel image to maps of features.

Every trunk is built by its name, knows the normalisation its weights were trained with, and
either holds the weights it was asked for or doesn't exist: nothing is left random in silence.
"""

import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers

from birads_lib.errors import UserError

APPLICATIONS = {
    "resnet50": keras.applications.ResNet50,
    "resnet101": keras.applications.ResNet101,
    "densenet121": keras.applications.DenseNet121,
    "densenet169": keras.applications.DenseNet169,
    "efficientnetb0": keras.applications.EfficientNetB0,
    "efficientnetb1": keras.applications.EfficientNetB1,
    "efficientnetb2": keras.applications.EfficientNetB2,
    "efficientnetb3": keras.applications.EfficientNetB3,
}
BACKBONES = (*APPLICATIONS, "resnet50_conv4", "small_resnet")
WEIGHTS = ("imagenet", "none", "phantoms")  # or the path of a .weights.h5 file
PHANTOM_WEIGHTS = Path(__file__).parent / "weights" / "small_resnet_phantoms.weights.h5"
LAST_STAGE = "last"  # as a tap: the trunk's output, whatever its layer is called

# ImageNet statistics of Keras Applications: "caffe" in BGR on 0..255, "torch" in RGB on 0..1.
CAFFE_MEAN = (103.939, 116.779, 123.68)
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(name: str, image_size: int, weights: str | Path) -> keras.Model:
    """Return the trunk ``name``, from normalised images to the last stage's features.

    Input (n, image_size, image_size, 3) float32, as ``normalisation(name)`` gives it; output
    (n, h, w, channels). ``weights`` is "imagenet", "none" (random, by request), "phantoms"
    (``small_resnet`` only) or the path of a ``.weights.h5`` file of this same trunk.

    Raises UserError for an unknown name and for weights that can't be had or don't fit.
    """
    if name not in BACKBONES:
        raise UserError(f"backbone: {name!r} is unknown; choose one of {', '.join(BACKBONES)}")
    shape = (image_size, image_size, 3)
    if str(weights) not in ("none", *_own_weights(name)) and str(weights) in WEIGHTS:
        raise UserError(f'weights: "{weights}" is not for the backbone {name}; {_choices(name)}')
    trunk = small_resnet(shape) if name == "small_resnet" else _application(name, shape, weights)
    file = weights_file(weights)
    if file is not None:
        _load_weights(trunk, name, file)
    return trunk


def weights_file(weights: str | Path) -> Path | None:
    """Return the file that ``weights`` names, or None for "imagenet" and "none"."""
    files = {"imagenet": None, "none": None, "phantoms": PHANTOM_WEIGHTS}
    return files[str(weights)] if str(weights) in files else Path(weights)


def normalisation(name: str) -> list[layers.Layer]:
    """Return the layers from three grey channels on 0..255 to what the trunk ``name`` expects.

    The channels are copies of one grey image, so caffe's RGB-to-BGR swap moves nothing.
    EfficientNet normalises by itself: its list is empty.
    """
    if name.startswith("efficientnet"):
        return []
    if name.startswith("densenet"):
        scale = [1 / (255 * std) for std in TORCH_STD]
        offset = [-mean / std for mean, std in zip(TORCH_MEAN, TORCH_STD, strict=True)]
        return [layers.Rescaling(scale, offset, name="torch_normalisation")]
    return [layers.Rescaling(1.0, [-m for m in CAFFE_MEAN], name="caffe_normalisation")]


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


def _application(name: str, shape: tuple[int, int, int], weights: str | Path) -> keras.Model:
    make = APPLICATIONS[name.removesuffix("_conv4")]
    imagenet = "imagenet" if weights == "imagenet" else None
    try:
        trunk = make(include_top=False, weights=imagenet, input_shape=shape)
    except Exception as error:  # get_file raises a bare Exception when the network is away
        if imagenet is None:
            raise
        raise UserError(
            f'weights: "imagenet" for {name} can\'t be had here ({error}); give the path of a '
            '.weights.h5 file saved from this backbone, or choose "none" (random)'
        ) from error
    if name.endswith("_conv4"):
        trunk = keras.Model(trunk.input, trunk.get_layer("conv4_block6_out").output, name=name)
    return trunk


def _load_weights(trunk: keras.Model, name: str, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"weights: {str(path)!r} is not a file; {_choices(name)}")
    before = trunk.get_weights()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about containers that merely repeat the layers
            trunk.load_weights(path)
        _check_all_loaded(before, trunk)
    except Exception as error:  # h5py and Keras raise many kinds, all of them meaning "wrong file"
        hint = "if it ends at conv4, set backbone: resnet50_conv4; " if name == "resnet50" else ""
        raise UserError(
            f"weights: {str(path)!r} doesn't fit the backbone {name}; {hint}{_choices(name)}. "
            f"Keras says: {str(error).splitlines()[0]}"
        ) from error


def _check_all_loaded(before: list[np.ndarray], trunk: keras.Model) -> None:
    """Raise if a kernel still is what chance made it: Keras only warns of some omissions."""
    for old, weight in zip(before, trunk.weights, strict=True):
        if old.ndim > 1 and np.array_equal(old, keras.ops.convert_to_numpy(weight)):
            raise ValueError(f"the file holds no values for {weight.path}")


def _own_weights(name: str) -> list[str]:
    if name == "small_resnet":
        return ["phantoms"]
    return [] if name.endswith("_conv4") else ["imagenet"]


def _choices(name: str) -> str:
    named = ", ".join(f'"{own}"' for own in [*_own_weights(name), "none"])
    return f"choose {named} (random) or a .weights.h5 file saved from this backbone"
