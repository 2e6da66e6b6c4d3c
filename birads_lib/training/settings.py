"""Every hyper-parameter of the model and its training, in one flat place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from birads_lib.errors import UserError, did_you_mean
from birads_lib.losses.ordinal import LOSSES
from birads_lib.networks import backbones


def _setting(default, meaning: str, low=None, high=None, choices=None):
    metadata = {"meaning": meaning, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Every hyper-parameter of model and training; "open" marks what the paper leaves open."""

    backbone: str = _setting("resnet50", "convolutional trunk", choices=backbones.BACKBONES)
    weights: str = _setting("imagenet", "imagenet, none, phantoms or a .weights.h5 file")
    image_size: int = _setting(224, "height and width in pixels", 32, 4096)
    taps: tuple = _setting(("last",), "layers whose maps become tokens; several: multi-scale")
    embed: int = _setting(128, "width of a token", 1)
    encoder_layers: int = _setting(1, "0 is the paper's baseline, ResNet + dense head", 0)
    heads: int = _setting(2, "attention heads", 1)
    feed_forward: int = _setting(256, "width of the encoder's feed-forward layer (open)", 1)
    encoder_dropout: float = _setting(0.1, "in attention and feed-forward (open)", 0, 0.99)
    gelu_approximate: bool = _setting(True, "tanh form of GELU; the exact one has no ONNX (open)")
    dense_1: int = _setting(512, "first dense layer", 1)
    dropout_1: float = _setting(0.5, "after the first dense layer", 0, 0.99)
    dense_2: int = _setting(128, "second dense layer, the penultimate", 1)
    dropout_2: float = _setting(0.3, "after the second dense layer", 0, 0.99)

    loss: str = _setting("dal", "loss function", choices=tuple(LOSSES))
    dal_lambda: float = _setting(1.0, "DAL's lambda (open)", 0)
    dal_stop_gradient: bool = _setting(False, "DAL's factor carries no gradient (open)")
    dal_normalise: bool = _setting(False, "DAL's deviation divided by K-1 (open)")

    distance_power: float = _setting(2.0, "exponent of the distance in cdw_ce and oll", 0)

    augment: bool = _setting(True, "augmentation in training")
    flip: bool = _setting(True, "random horizontal flip")
    rotation: float = _setting(10.0, "largest rotation, degrees either way", 0, 180)
    rotation_fill: str = _setting("black", "beyond the edge (open)", choices=("black", "nearest"))
    views: int = _setting(4, "augmented views kept per image by the trunk cache", 1)

    batch_size: int = _setting(8, "images per step", 1)
    stage1_epochs: int = _setting(4, "epochs with the trunk frozen", 0)
    stage1_rate: float = _setting(1e-4, "Adam's rate in stage 1", 0)
    stage2_epochs: int = _setting(60, "most epochs with the last layers unfrozen", 0)
    stage2_rate: float = _setting(1e-5, "Adam's rate in stage 2", 0)
    unfrozen_layers: int = _setting(40, "last layers of the backbone that stage 2 trains", 0)
    unfrozen_unit: str = _setting(
        "layers", "the paper says both (open)", choices=("layers", "convolutions")
    )
    unfreeze_batchnorm: bool = _setting(False, "let unfrozen BatchNorms learn (open)")
    patience: int = _setting(5, "epochs without a better val_loss before stopping", 1)
    plateau_patience: int = _setting(2, "the same before the rate falls (open)", 1)
    plateau_factor: float = _setting(0.5, "what the rate is then multiplied with (open)", 0, 1)

    restore_best: bool = _setting(
        True, "keep each stage's best epoch by val_loss, or its last (open)"
    )

    trunk_cache: bool = _setting(True, "run frozen layers once per image and view")
    cache_dtype: str = _setting("float32", "of cached features", choices=("float16", "float32"))
    seed: int = _setting(0, "of initial weights, order, augmentation and dropout", 0)

    def __post_init__(self):
        if isinstance(self.taps, list):
            object.__setattr__(self, "taps", tuple(self.taps))
        problems = _problems(vars(self))
        if problems:
            raise UserError("\n".join(problems))

    @classmethod
    def of(cls, values: Mapping) -> "Settings":
        """Return the settings in a mapping; UserError lists unknown keys and wrong values."""
        defaults = {f.name: f.default for f in fields(cls)}
        known = {key: value for key, value in values.items() if key in defaults}
        unknown = sorted(values.keys() - known.keys())
        problems = [f"{key}: unknown setting; {did_you_mean(key, defaults)}" for key in unknown]
        problems += _problems({**defaults, **known})
        if problems:
            raise UserError("\n".join(problems))
        return cls(**known)


def _problems(values: Mapping) -> list[str]:
    found = [p for f in fields(Settings) for p in _value_problems(f, values[f.name])]
    if not found and values["embed"] % values["heads"]:
        found.append(f"heads: {values['heads']} heads can't share embed={values['embed']} equally")
    if not found and not values["stage1_epochs"] + values["stage2_epochs"]:
        found.append("stage1_epochs, stage2_epochs: both are 0, nothing would be trained")
    return found


def _value_problems(setting, value) -> list[str]:
    """Return what is wrong with one value: type, choice or range."""
    kind, limits = type(setting.default), setting.metadata
    if kind is tuple:
        good = isinstance(value, tuple | list) and value and all(isinstance(v, str) for v in value)
        return [] if good else [f"{setting.name}: {value!r}; expected a list of layer names"]
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or isinstance(value, bool) != (kind is bool):
        return [f"{setting.name}: {value!r}; expected {kind.__name__}, like {setting.default!r}"]
    if limits["choices"] and value not in limits["choices"]:
        return [f"{setting.name}: {value!r}; {did_you_mean(value, limits['choices'])}"]
    low, high = limits["low"], limits["high"]
    # Written so that NaN fails too.
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        return [f"{setting.name}: {value!r}; expected {low}{'' if high is None else f'..{high}'}"]
    return []
