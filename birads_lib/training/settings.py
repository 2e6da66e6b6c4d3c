"""Every hyper-parameter of the model and its training, in one flat place; it needs no Keras."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from birads_lib.checked import Checked, Problems, sentences
from birads_lib.errors import UserError
from birads_lib.networks.backbones import BACKBONES

Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]
Dropped = Annotated[float, Field(ge=0, le=0.99)]
Layers = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]  # YAML has lists


def _(default: Any, meaning: str) -> Any:
    return Field(default, description=meaning)


class Settings(Checked):
    """Every hyper-parameter of model and training; "open" marks what the paper leaves open.

    Raises UserError with a line for each unknown name and each value of a wrong kind or range.
    """

    backbone: Literal[*BACKBONES] = _("resnet50", "convolutional trunk")
    weights: str = _("imagenet", "initial: imagenet, none, phantoms or a .weights.h5 file")
    image_size: Annotated[int, Field(ge=32, le=4096)] = _(224, "height and width in pixels")
    taps: Layers = _(("last",), "layers whose maps become tokens; several: multi-scale")
    embed: AtLeastOne = _(128, "width of a token")
    encoder_layers: Count = _(
        1, "layers of the encoder; 0: the paper's baseline, ResNet + dense head"
    )
    heads: AtLeastOne = _(2, "attention heads")
    feed_forward: AtLeastOne = _(256, "width of the encoder's feed-forward layer (open)")
    encoder_dropout: Dropped = _(0.1, "dropout in attention and feed-forward (open)")
    gelu_approximate: bool = _(
        True, "GELU's tanh form; the exact one can't be exported to ONNX (open)"
    )
    dense_1: AtLeastOne = _(512, "first dense layer")
    dropout_1: Dropped = _(0.5, "dropout after the first dense layer")
    dense_2: AtLeastOne = _(128, "second dense layer, the penultimate")
    dropout_2: Dropped = _(0.3, "dropout after the second dense layer")

    loss: Literal["dal", "cross_entropy", "cdw_ce", "oll", "emd", "sord"] = _(
        "dal", "loss function"
    )
    dal_lambda: NotNegative = _(1.0, "DAL's lambda (open)")
    dal_stop_gradient: bool = _(False, "treat DAL's factor as a constant in the gradient (open)")
    dal_normalise: bool = _(False, "divide DAL's deviation by K-1 (open)")
    distance_power: NotNegative = _(2.0, "exponent of the distance in cdw_ce and oll")

    augment: bool = _(True, "vary the images at random in training")
    flip: bool = _(True, "random horizontal flip")
    rotation: Annotated[float, Field(ge=0, le=180)] = _(
        10.0, "largest rotation, degrees either way"
    )
    rotation_fill: Literal["black", "nearest"] = _(
        "black", "what fills the corners after a rotation (open)"
    )
    views: AtLeastOne = _(4, "augmented views kept per image by the trunk cache")

    batch_size: AtLeastOne = _(8, "images per step")
    stage1_epochs: Count = _(4, "epochs with the trunk frozen")
    stage1_rate: NotNegative = _(1e-4, "Adam's rate in stage 1")
    stage2_epochs: Count = _(60, "largest number of epochs with the last layers unfrozen")
    stage2_rate: NotNegative = _(1e-5, "Adam's rate in stage 2")
    unfrozen_layers: Count = _(40, "last layers of the backbone that stage 2 trains")
    unfrozen_unit: Literal["layers", "convolutions"] = _(
        "layers", "what that number counts; the paper says both (open)"
    )
    unfreeze_batchnorm: bool = _(False, "train BatchNorm layers too, where unfrozen (open)")
    patience: AtLeastOne = _(5, "epochs without a better val_loss before stopping")
    plateau_patience: AtLeastOne = _(
        2, "epochs without a better val_loss before the rate falls (open)"
    )
    plateau_factor: Annotated[float, Field(ge=0, le=1)] = _(
        0.5, "what the rate is then multiplied by (open)"
    )
    restore_best: bool = _(True, "keep each stage's best epoch by val_loss; else its last (open)")

    precision: Literal["float32", "bfloat16"] = _(
        "float32",
        "number format of the trunk's arithmetic; bfloat16 is faster, weights stay float32",
    )
    trunk_cache: bool = _(True, "run frozen layers once per image and view, not in each epoch")
    cache_dtype: Literal["float16", "float32"] = _("float32", "number format of cached features")
    seed: Count = _(0, "seed of initial weights, order, augmentation and dropout")

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError("\n".join(text for _, text in sentences(error))) from None

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        problems = clashes(vars(self))
        if problems:
            raise ValueError("\n".join(f"{', '.join(keys)}: {what}" for keys, what in problems))
        return self


def clashes(values: Mapping[str, Any]) -> Problems:
    """Return the contradictions between settings that are valid singly, as (names, problem)."""
    problems = []
    if values["embed"] % values["heads"]:
        heads, embed = values["heads"], values["embed"]
        problems.append((("heads", "embed"), f"{heads} heads can't share embed={embed} equally"))
    if not values["stage1_epochs"] + values["stage2_epochs"]:
        names = ("stage2_epochs", "stage1_epochs")
        problem = "stage1_epochs and stage2_epochs are both 0, nothing would be trained"
        problems.append((names, problem))
    return problems
