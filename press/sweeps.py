"""Sweeps: a grid of parameters in a study's YAML, of which every point is a variant."""

import math
import re
from itertools import product

from birads_lib.errors import did_you_mean
from press import values as parameters
from press.values import TRAINED

MOST = 100  # variants of one sweep


def variants(sweep: dict[str, list]) -> list[tuple[str, dict]]:
    """Return (name, changes) of the variant at each point of a grid.

    ``{dal_lambda: [0.5, 1], image_size: [160]}`` gives dal_lambda_0p5_image_size_160 and
    dal_lambda_1_image_size_160.
    """
    points = [dict(zip(sweep, values, strict=True)) for values in product(*sweep.values())]
    return [("_".join(f"{k}_{_word(v)}" for k, v in point.items()), point) for point in points]


def _word(value: object) -> str:
    """Return a parameter's value as a part of a name: 0.5 is 0p5."""
    if isinstance(value, list):
        return "_".join(map(_word, value))
    text = f"{value:.12g}" if isinstance(value, float) else str(value).lower()
    return re.sub(r"[^A-Za-z0-9]+", "_", text.replace(".", "p").replace("-", "m"))


def problems(sweep: object) -> list[tuple[tuple, str]]:
    """Return what is wrong with {key: [value, ...]}, as (path of keys and places, message)."""
    if not isinstance(sweep, dict) or not sweep:
        example = "{dal_lambda: [0.5, 1, 2]}"
        return [((), f"expected a mapping of parameters to lists, such as {example}")]
    defaults, found = parameters.declared(TRAINED), []
    for key, values in sweep.items():
        if key not in defaults:
            found.append(((key,), f"unknown '{key}'; {did_you_mean(key, defaults)}"))
        elif not isinstance(values, list) or not values:
            found.append(((key,), f"'{key}' is {values!r}, expected a list of values"))
        else:
            wrong = _problems_of_values(key, values, defaults[key])
            found += [((key, place), what) for place, what in wrong]
    if not found and (count := math.prod(map(len, sweep.values()))) > MOST:
        found.append(((), f"{count} variants, each trained by itself, are over the {MOST} allowed"))
    return found


def _problems_of_values(key: str, values: list, default: object) -> list[tuple[int, str]]:
    """Check the values of one parameter: each by itself, and that their names differ."""
    found = []
    for place, value in enumerate(values):
        what = parameters.problem(key, value, default)
        if not what and _word(value) in map(_word, values[:place]):
            what = f"'{key}' has {value!r} twice, or another value with the same name"
        if what:
            found.append((place, what))
    return found
