"""What may stand in place of the defaults of notebooks' parameters.

Those of training are ``birads_lib.training.settings``; the others' limits stand here.
"""

from collections.abc import Mapping
from pathlib import Path

from birads_lib.errors import did_you_mean, kind_problem
from birads_lib.training import settings
from press.parameters import declared_parameters

TRAINED = ("02_preprocessing", "03_training")  # whose parameters a variant may change
SET_BY_THE_STUDY = (
    "study_dir", "note", "dataset", "show_pixels", "variant", "protocol", "protocols",
    "image_file", "reference", "runs", "changes", "other",
)  # fmt: skip
LIMITS = {  # (least, most) of what isn't among training's settings, or is narrower than there
    "clip_limit": (0.01, None),
    "fold": (0, None),
    "folds": (2, None),
    "k": (1, None),
    "per_fold": (1, None),
    "prevalence": (0, 0.99),
    "randomised": (1, None),
    "resamples": (1, 1_000_000),
    "gpu_rate": (1, 1_000_000),
    "seed": (0, 2**32 - 1),  # as scikit-learn takes it
    "tiles": (1, None),
    "tolerance": (0, None),
    "validation_share": (0.01, 0.49),
}
WEIGHTS = ("imagenet", "none", "phantoms")  # or a file


def declared(notebooks: tuple[str, ...]) -> dict:
    """Return names and defaults of the parameters of some notebooks that a study may give."""
    every = {k: v for notebook in notebooks for k, v in declared_parameters(notebook).items()}
    return {key: value for key, value in every.items() if key not in SET_BY_THE_STUDY}


def problems(values: Mapping, notebooks: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what is wrong with values that a study gives some notebooks, as (key, message)."""
    defaults = declared(notebooks)
    others = [key for key in values if key not in defaults]
    unknown = [(key, f"unknown '{key}'; {did_you_mean(key, defaults)}") for key in others]
    told = [(k, problem(k, v, defaults[k])) for k, v in values.items() if k in defaults]
    return unknown + [(k, what) for k, what in told if what]


def problem(name: str, value: object, default: object) -> str:
    """Return what is wrong with the value of one parameter, or nothing: kind, choice or range."""
    wrong_kind = kind_problem(name, value, default)
    if wrong_kind:
        return wrong_kind
    low, high, choices = limits(name)
    if name == "weights" and not Path(value).suffix:  # a file's name has one
        choices = WEIGHTS
    if choices and value not in choices:
        return f"'{name}' is {value!r}; {did_you_mean(value, choices)}"
    if (low is not None and value < low) or (high is not None and value > high):
        expected = f"at least {low}" if high is None else f"{low} to {high}"
        return f"'{name}' is {value!r}, expected {expected}"
    return ""


def limits(name: str) -> tuple:
    """Return (least, most, choices) of a parameter's values, None where there is no such limit."""
    known = name in settings.Settings.model_fields
    low, high, choices = settings.limits(name) if known else (None, None, None)
    return *LIMITS.get(name, (low, high)), choices


def clashes(values: Mapping) -> list[tuple[tuple[str, ...], str]]:
    """Return what no single value of a run shows, as (keys, message).

    Args:
        values: every parameter of training, ``protocol``, and ``fold`` if chapter 09 draws one.
    """
    rules = [
        (
            values["embed"] % values["heads"] != 0,
            ("heads", "embed"),
            f"{values['heads']} heads can't share embed={values['embed']} equally",
        ),
        (
            values["stage1_epochs"] + values["stage2_epochs"] == 0,
            ("stage2_epochs", "stage1_epochs"),
            "stage1_epochs and stage2_epochs are both 0, nothing would be trained",
        ),
        (
            values.get("fold", 0) >= values["folds"],
            ("fold", "folds"),
            f"fold {values.get('fold')} is none of folds={values['folds']}, which count from 0",
        ),
        (
            values["protocol"] == "oversample_first" and not values["balance"],
            ("balance",),
            "oversample_first balances before the split; with balance: false it is 'image'",
        ),
    ]
    return [(keys, what) for broken, keys, what in rules if broken]
