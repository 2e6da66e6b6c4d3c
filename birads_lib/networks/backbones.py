"""Convolutional trunks: from a normalised three-channel image to maps of features.

Every trunk is a row of ``BACKBONES``: what it is called, the normalisation its weights were
trained with, and where these come from. A trunk either holds the weights it was asked for or
doesn't exist: nothing is left random in silence. The table needs no Keras; building does.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from birads_lib.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Backbone:
    """One convolutional trunk."""

    architecture: str  # its function in ``keras.applications``, or the name of one of ours
    normalisation: str  # a key of ``NORMALISATIONS``
    weights: tuple[str, ...] = ("imagenet",)  # by name; any also takes "none" and a file of its own
    first: str | None = None  # the layer it begins with, where Keras normalises before that
    last: str | None = None  # the layer it ends with, where that isn't the last one
    stages: tuple[str, ...] = ()  # layers at the ends of its stages, as far as known here


BACKBONES = {
    "resnet50": Backbone("ResNet50", "caffe"),
    "resnet101": Backbone("ResNet101", "caffe"),
    "densenet121": Backbone("DenseNet121", "torch"),
    "densenet169": Backbone("DenseNet169", "torch"),
    # Keras adds part of EfficientNet's normalisation only for weights="imagenet", not for a file.
    "efficientnetb0": Backbone("EfficientNetB0", "torch", first="stem_conv_pad"),
    "efficientnetb1": Backbone("EfficientNetB1", "torch", first="stem_conv_pad"),
    "efficientnetb2": Backbone("EfficientNetB2", "torch", first="stem_conv_pad"),
    "efficientnetb3": Backbone("EfficientNetB3", "torch", first="stem_conv_pad"),
    "efficientnetb4": Backbone("EfficientNetB4", "torch", first="stem_conv_pad"),
    "efficientnetv2s": Backbone("EfficientNetV2S", "symmetric", first="stem_conv"),
    "resnet50_conv4": Backbone("ResNet50", "caffe", last="conv4_block6_out"),
    "small_resnet": Backbone(
        "small_resnet", "caffe", weights=("phantoms",),
        stages=("conv2_block2_out", "conv3_block2_out", "conv4_block2_out", "conv5_block1_out"),
    ),
    "resnext50": Backbone("resnext50", "torch", weights=()),
    "resnext101": Backbone("resnext101", "torch", weights=()),
    "small_resnext": Backbone(
        "small_resnext", "caffe", weights=(),
        stages=("conv2_block1_out", "conv3_block1_out", "conv4_block1_out"),
    ),
    "small_mbconv": Backbone(
        "small_mbconv", "caffe", weights=(),
        stages=("block1a_project_bn", "block2b_add", "block3b_add", "block4b_add"),
    ),
}  # fmt: skip

# (scale, offset) of each channel on 0..255. The channels are copies of one grey image, so caffe's
# RGB-to-BGR swap moves nothing; its means are those of blue, green and red.
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISATIONS = {
    "caffe": (1.0, [-103.939, -116.779, -123.68]),
    "torch": (
        [1 / (255 * std) for std in TORCH_STD],
        [-mean / std for mean, std in zip(TORCH_MEAN, TORCH_STD, strict=True)],
    ),
    "symmetric": (1 / 128, [-1.0, -1.0, -1.0]),  # Keras has it inside of EfficientNetV2
}

PHANTOM_WEIGHTS = Path(__file__).parent / "weights" / "small_resnet_phantoms.weights.h5"
WEIGHTS = {"imagenet": None, "none": None, "phantoms": PHANTOM_WEIGHTS}  # by name: their file
SMALLEST = 64  # pixels a side that every trunk takes
MOMENTUM = 0.9  # at most, of BatchNorms without weights
LAST_STAGE = "last"  # as a tap: the trunk's output, whatever its layer is called


def build(name: str, image_size: int, weights: str | Path) -> "keras.Model":
    """Return the trunk ``name``, from normalised images to the last stage's features.

    Input (n, image_size, image_size, 3) float32, as ``normalisation(name)`` gives it; output
    (n, h, w, channels). ``weights`` is "imagenet", "none" (random, by request), "phantoms"
    (``small_resnet`` only) or the path of a ``.weights.h5`` file of this same trunk.

    Raises UserError for an unknown name and for weights that can't be had or don't fit.
    """
    backbone = _row(name)
    check_weights(name, weights)
    shape = (image_size, image_size, 3)
    make = _own(backbone.architecture)
    trunk = make(shape) if make else _application(name, shape, weights)
    if weights == "none":
        _shorten_memory(trunk)
    file = weights_file(weights)
    if file is not None:
        _load_weights(trunk, name, file)
    return trunk


def check(backbone: str, weights: str | Path, taps: Sequence[str]) -> None:
    """Raise UserError where ``build`` would, or where the trunk has no layer of a tap's name.

    The trunk is built, which takes seconds, only where the table doesn't tell.
    """
    check_weights(backbone, weights)
    comes_along = str(weights) in WEIGHTS and weights != "imagenet"
    if comes_along and {*taps} <= {LAST_STAGE, *BACKBONES[backbone].stages}:
        return
    check_taps(build(backbone, SMALLEST, weights), backbone, taps)


def check_weights(name: str, weights: str | Path) -> None:
    """Raise UserError for weights that are of another backbone, or whose file isn't there."""
    if str(weights) in WEIGHTS and str(weights) not in ("none", *_row(name).weights):
        raise UserError(f'weights: "{weights}" is not for the backbone {name}; {_choices(name)}')
    file = weights_file(weights)
    if file is not None and not file.is_file():
        raise UserError(f"weights: {str(file)!r} is not a file; {_choices(name)}")


def check_taps(trunk: "keras.Model", name: str, taps: Sequence[str]) -> None:
    """Raise UserError for taps that are no layers of maps in the trunk ``name``."""
    names = [layer.name for layer in trunk.layers if len(layer.output.shape) == 4]
    problems = [
        f"taps: {name} has no layer {tap!r}; {did_you_mean(tap, names)}"
        for tap in taps
        if tap not in (LAST_STAGE, *names)
    ]
    if problems:
        raise UserError("\n".join(problems) + f"; '{LAST_STAGE}' is its output")


def weights_file(weights: str | Path) -> Path | None:
    """Return the file that ``weights`` names, or None for "imagenet" and "none"."""
    return WEIGHTS[str(weights)] if str(weights) in WEIGHTS else Path(weights)


def normalisation(name: str) -> "keras.layers.Layer":
    """Return the layer from three grey channels on 0..255 to what the trunk ``name`` expects."""
    from keras import layers

    kind = _row(name).normalisation
    scale, offset = NORMALISATIONS[kind]
    return layers.Rescaling(scale, offset, name=f"{kind}_normalisation")


def _row(name: str) -> Backbone:
    if name not in BACKBONES:
        raise UserError(f"backbone: {name!r} is unknown; {did_you_mean(name, BACKBONES)}")
    return BACKBONES[name]


def _own(architecture: str) -> "Callable[[tuple[int, int, int]], keras.Model] | None":
    """Return the function that builds one of our own networks; None for another's."""
    from birads_lib.networks import resnext
    from birads_lib.networks.small_mbconv import small_mbconv
    from birads_lib.networks.small_resnet import small_resnet

    if architecture in resnext.SIZES:
        return partial(resnext.resnext, name=architecture)
    return {"small_resnet": small_resnet, "small_mbconv": small_mbconv}.get(architecture)


def _shorten_memory(trunk: "keras.Model") -> None:
    """Lower the momentum of BatchNorms that have no weights to start from.

    With Keras's momentum, 0.99, the first images still count after hundreds of steps, which a
    short run from scratch doesn't have.
    """
    from keras import layers

    for layer in trunk.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, MOMENTUM)


def _application(name: str, shape: tuple[int, int, int], weights: str | Path) -> "keras.Model":
    import keras

    backbone = BACKBONES[name]
    imagenet = "imagenet" if weights == "imagenet" else None
    make = getattr(keras.applications, backbone.architecture)
    try:
        trunk = make(include_top=False, weights=imagenet, input_shape=shape)
    except Exception as error:  # get_file raises a bare Exception when the network is away
        if imagenet is None:
            raise
        raise UserError(
            f'weights: "imagenet" for {name} can\'t be had here ({error}); give the path of a '
            '.weights.h5 file saved from this backbone, or choose "none" (random)'
        ) from error
    if not backbone.first and not backbone.last:
        return trunk
    begin = trunk.get_layer(backbone.first).input if backbone.first else trunk.input
    end = trunk.get_layer(backbone.last).output if backbone.last else trunk.output
    part = keras.Model(begin, end, name=name)
    return _anew(part) if backbone.first else part


def _anew(part: "keras.Model") -> "keras.Model":
    """Return a model that begins within another one, of layers that belong to it alone.

    Else its layers' inputs would be those of the model that they come from, and it couldn't be cut
    where learning begins.
    """
    import keras

    copied = keras.Model.from_config(part.get_config())
    copied.set_weights(part.get_weights())
    return copied


def _load_weights(trunk: "keras.Model", name: str, path: Path) -> None:
    before = trunk.get_weights()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about containers that merely repeat the layers
            trunk.load_weights(path)
        for old, new, weight in zip(before, trunk.get_weights(), trunk.weights, strict=True):
            if old.ndim > 1 and np.array_equal(old, new):  # Keras only warns of some omissions
                raise ValueError(f"the file holds no values for {weight.path}")
    except Exception as error:  # h5py and Keras raise many kinds, all of them meaning "wrong file"
        hint = "if it ends at conv4, set backbone: resnet50_conv4; " if name == "resnet50" else ""
        raise UserError(
            f"weights: {str(path)!r} doesn't fit the backbone {name}; {hint}{_choices(name)}. "
            f"Keras says: {str(error).splitlines()[0]}"
        ) from error


def _choices(name: str) -> str:
    choices = ", ".join(f'"{weights}"' for weights in [*BACKBONES[name].weights, "none"])
    return f"choose {choices} (random) or a .weights.h5 file saved from this backbone"
