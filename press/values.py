"""What may stand in place of the defaults of notebooks' parameters.

Those of training are ``birads_lib.training.settings``; all others stand in ``Others``. Both are
models of pydantic; what it finds wrong is said here for whoever wrote the study.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from birads_lib import protocol
from birads_lib.errors import did_you_mean, expected_kind
from birads_lib.training import settings
from press.parameters import declared_parameters

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
TRAINED = ("02_preprocessing", "03_training")  # whose parameters a variant may change
SET_BY_THE_STUDY = (
    "study_dir", "note", "dataset", "show_pixels", "variant", "protocol", "protocols",
    "image_file", "reference", "runs", "changes", "other", "task", "trainings",
)  # fmt: skip
WEIGHTS = ("imagenet", "none", "phantoms")  # or a file

Problems = list[tuple[tuple, str]]  # (path of keys, message)


def _weights(value: str) -> str:
    if not Path(value).suffix and value not in WEIGHTS:  # a file's name has one
        raise ValueError(f"'weights' is {value!r}; {did_you_mean(value, WEIGHTS)}")
    return value


class Others(BaseModel):
    """What isn't among training's settings, or is narrower than there."""

    clip_limit: float = Field(ge=0.01)
    fold: int = Field(ge=0)
    folds: int = Field(ge=2)
    gpu_rate: int = Field(ge=1, le=1_000_000)
    k: int = Field(ge=1)
    per_fold: int = Field(ge=1)
    prevalence: float = Field(ge=0, le=0.99)
    randomised: int = Field(ge=1)
    resamples: int = Field(ge=1, le=1_000_000)
    seed: int = Field(ge=0, le=2**32 - 1)  # as scikit-learn takes it
    tiles: int = Field(ge=1)
    tolerance: float = Field(ge=0)
    validation_share: float = Field(ge=0.01, le=0.49)
    weights: Annotated[str, AfterValidator(_weights)]


FIELDS = settings.Settings.model_fields | Others.model_fields


def declared(notebooks: tuple[str, ...]) -> dict:
    """Return names and defaults of the parameters of some notebooks that a study may give."""
    every = {k: v for notebook in notebooks for k, v in declared_parameters(notebook).items()}
    return {key: value for key, value in every.items() if key not in SET_BY_THE_STUDY}


def kind_of(name: str, default: object) -> Any:
    """Return the type of a parameter, with its limits."""
    return FIELDS[name].rebuild_annotation() if name in FIELDS else type(default)


def model(notebooks: tuple[str, ...], **further: Any) -> type[BaseModel]:
    """Return a model of what a study may give some notebooks; all is optional."""
    kinds = {name: (kind_of(name, value), value) for name, value in declared(notebooks).items()}
    return create_model("Parameters", __config__=STRICT, **kinds, **further)


def grid(notebooks: tuple[str, ...]) -> type[BaseModel]:
    """Return a model of lists of values for parameters of some notebooks."""
    kinds = {
        name: (Annotated[list[kind_of(name, value)], Field(min_length=1)], [value])
        for name, value in declared(notebooks).items()
    }
    return create_model("Grid", __config__=STRICT, **kinds)


def limits(name: str) -> tuple[float | None, float | None, tuple | None]:
    """Return (least, most, choices) of a parameter's values, None where there is no such limit."""
    if name not in FIELDS:
        return None, None, None
    field = FIELDS[name]
    low = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    return low, high, get_args(field.annotation) if _is_choice(field.annotation) else None


def message(error: Mapping, name: str, value: object, default: object) -> str:
    """Return one of pydantic's errors with a parameter's value as a sentence."""
    low, high, choices = limits(name)
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "literal_error" and isinstance(value, str):
        return f"'{name}' is {value!r}; {did_you_mean(value, choices or ())}"
    if error["type"] in ("greater_than_equal", "less_than_equal"):
        expected = f"at least {low}" if high is None else f"{low} to {high}"
        return f"'{name}' is {value!r}, expected {expected}"
    return f"'{name}' is {value!r}, {expected_kind(default)}"


def clashes(values: Mapping) -> list[tuple[tuple[str, ...], str]]:
    """Return what no single value of a run shows, as (keys, message).

    Args:
        values: every parameter of training, ``protocol``, and ``fold`` if chapter 09 draws one.
    """
    return settings.clashes(values) + protocol.clashes(values)


def _is_choice(annotation: Any) -> bool:
    return get_origin(annotation) is Literal
