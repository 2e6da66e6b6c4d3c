"""Sweeps: a grid of parameters, of which every point is a variant."""

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, create_model

from birads_lib.checked import Checked
from press.studies.limits import types_of


def grid(*notebooks: str) -> type[Checked]:
    """Return a model of lists of values for the parameters of some notebooks."""
    lists = {
        name: (Annotated[list[kind], Field(min_length=1), AfterValidator(each_once)], [default])
        for name, (kind, default) in types_of(*notebooks).items()
    }
    return create_model("Grid", __base__=Checked, **lists)


def each_once(values: list) -> list:
    words = [_word(value) for value in values]
    for place, word in enumerate(words):
        if word in words[:place]:
            raise ValueError(f"has {values[place]!r} twice, or another value with the same name")
    return values


def points(sweep: Mapping[str, list]) -> list[tuple[str, dict]]:
    """Return (name, changes) of the variant at each point of a grid; of none, no variant.

    ``{dal_lambda: [0.5, 1], image_size: [160]}`` gives dal_lambda_0p5_image_size_160 and
    dal_lambda_1_image_size_160.
    """
    grid = product(*sweep.values()) if sweep else ()
    changes = [dict(zip(sweep, point, strict=True)) for point in grid]
    return [("_".join(f"{k}_{_word_of(k, v)}" for k, v in p.items()), p) for p in changes]


def _word_of(name: str, value: object) -> str:
    """Return a parameter's value as a part of a name; of a file of weights, without its folder."""
    return _word(Path(value).name if name == "weights" else value)


def _word(value: object) -> str:
    """Return a parameter's value as a part of a name: 0.5 is 0p5."""
    if isinstance(value, list):
        return "_".join(map(_word, value))
    text = f"{value:.12g}" if isinstance(value, float) else str(value).lower()
    return re.sub(r"[^A-Za-z0-9]+", "_", text.replace(".", "p").replace("-", "m"))
