"""What a study's YAML may hold, and what is wrong with one: key, line, and what was meant."""

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, Field, ValidationError, create_model

from birads_lib.errors import UserError, did_you_mean
from birads_lib.protocol import PATIENT, PROTOCOLS
from birads_lib.readers import READERS
from birads_lib.task import BIRADS, TASKS
from press import chapters, values
from press.parameters import notebook_names
from press.values import STRICT, TRAINED

RESERVED = ("images",)  # folders of book/ that hold no study
LONGEST_NAME = 100  # of a variant: it becomes part of a file's
MOST_VARIANTS = 100  # of one sweep
NAME = r"[A-Za-z0-9][A-Za-z0-9_]*"  # of what becomes part of a file's name
_NAME = "a name of letters, digits and _ that begins with a letter or digit"

Problems = list[tuple[tuple, str]]  # (path of keys, message)


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-4 is a number, which YAML 1.1 takes for a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read(path: Path) -> tuple[dict, dict[tuple, int]]:
    """Return what a YAML file holds, and the line of each key path in it."""
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise UserError(f"no study at {path}; studies there: {', '.join(known) or 'none'}")
    text = path.read_text()
    try:
        raw, lines = yaml.load(text, _Loader), _lines(yaml.compose(text))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        keys = ", ".join(model().model_fields)
        raise UserError(f"{path}: expected a mapping with the keys {keys}")
    return raw, lines


def _lines(node: yaml.Node, prefix: tuple = ()) -> dict[tuple, int]:
    """Return the line on which each key path of a YAML document stands; items count from 0."""
    if isinstance(node, yaml.SequenceNode):
        children = [(place, item, item) for place, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        children = [(key.value, key, value) for key, value in node.value]
    else:
        return {}
    lines = {}
    for name, start, value in children:
        lines[*prefix, name] = start.start_mark.line + 1
        lines |= _lines(value, (*prefix, name))
    return lines


def _line(lines: dict[tuple, int], where: tuple) -> int:
    """Return the line of a key, or of what it stands in where it was merged from elsewhere."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def refuse(path: str | Path, lines: dict[tuple, int], problems: Problems) -> None:
    """Raise UserError naming file and line of every problem, if there are any."""
    listed = [f"{path}, line {_line(lines, where)}: {what}" for where, what in problems]
    if listed:
        raise UserError("\n".join(dict.fromkeys(listed)))


def _each_once(protocols: list[str]) -> list[str]:
    if len(set(protocols)) < len(protocols):
        raise ValueError("expected each protocol once")
    return protocols


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError
    return name


Name = Annotated[str, Field(pattern=rf"^{NAME}$")]
StudyName = Annotated[
    Name,
    AfterValidator(_not_reserved),
    Field(description=f"{_NAME}, and not {', '.join(RESERVED)}"),
]
Protocols = Annotated[
    list[Literal[*PROTOCOLS]],
    Field(min_length=1, description=f"a list of protocols out of {', '.join(PROTOCOLS)}"),
    AfterValidator(_each_once),
]


@cache
def model() -> type:
    """Return pydantic's model of a study's YAML; a field's description is what is expected there.

    The options of a data set are its reader's: ``birads_lib.readers.by_name`` checks them.
    """
    text = Annotated[str, Field(description="a text; put it in quotes")]
    flag = Annotated[bool, Field(description="true or false")]
    names = Field(description="a mapping of names to parameters")
    trained = values.model(TRAINED)
    ablation = values.model(TRAINED, protocols=(Protocols, []))
    notebooks = {name: (values.model((name,)), None) for name in notebook_names()}
    reader = Field(description=f"a mapping with at least 'reader' ({', '.join(READERS)})")
    grid = Field(
        description="a mapping of parameters to lists, such as {dal_lambda: [0.5, 1, 2]}",
    )
    return create_model(
        "Schema", __config__=STRICT,
        name=StudyName, title=(text, ""), note=(text, ""),
        task=(Literal[*TASKS], BIRADS.name), chapters=(Literal[*chapters.sets()], chapters.PAPER),
        dataset=Annotated[dict, reader],
        show_pixels=(flag, True), ablations_together=(flag, False),
        protocols=(Protocols, [PATIENT.name]),
        variants=(Annotated[dict[Name, trained], names, Field(min_length=1)], {}),
        ablations=(Annotated[dict[Name, ablation], names], {}),
        sweep=(Annotated[values.grid(TRAINED), grid], None),
        notebooks=(Annotated[create_model("Notebooks", __config__=STRICT, **notebooks), names], {}),
    )  # fmt: skip


def problems(raw: dict) -> Problems:
    """Return every problem of a study's single keys and values."""
    try:
        model().model_validate(raw)
        problems = []
    except ValidationError as error:
        problems = [_problem(part, raw) for part in error.errors()]
    if raw.get("sweep") == {}:
        problems.append((("sweep",), _expected("sweep")))
    return problems + _dataset_problems(raw.get("dataset"))


def _problem(error: Mapping[str, Any], raw: dict) -> tuple[tuple, str]:
    """Return one of pydantic's errors as the path of its key and a sentence."""
    where, kind = tuple(part for part in error["loc"] if part != "[key]"), error["type"]
    if kind == "missing":
        return (), f"the key '{where[0]}' is missing"
    if kind in ("extra_forbidden", "invalid_key"):
        return where, f"unknown '{where[-1]}'; {did_you_mean(where[-1], _known(where[:-1]))}"
    if "[key]" in error["loc"]:
        return where, f"expected {_NAME}"
    if "protocols" in where:
        return _protocol_problem(error, where)
    if where[0] in ("notebooks", "variants", "ablations", "sweep") and len(where) > 1:
        return _parameter_problem(error, where, raw)
    if kind == "literal_error" and isinstance(error["input"], str):
        choices = get_args(model().model_fields[where[0]].annotation)
        return where, f"'{where[0]}' is {error['input']!r}; {did_you_mean(error['input'], choices)}"
    if kind == "too_short":
        return where, "expected at least one, such as proposed: {}"
    return where[:1], _expected(where[0])


def _expected(key: str) -> str:
    return f"expected {model().model_fields[key].description}"


def _known(where: tuple) -> Iterable[str]:
    """Return the names that may stand below a path of keys."""
    if not where:
        return model().model_fields
    if where == ("notebooks",):
        return notebook_names()
    declared = values.declared((where[1],) if where[0] == "notebooks" else TRAINED)
    return [*declared, "protocols"] if where[0] == "ablations" else declared


def _protocol_problem(error: Mapping[str, Any], where: tuple) -> tuple[tuple, str]:
    if error["type"] == "literal_error":
        return where, f"unknown {error['input']!r}; {did_you_mean(error['input'], PROTOCOLS)}"
    if error["type"] == "value_error":
        return where, str(error["ctx"]["error"])
    return where, _expected("protocols")


def _parameter_problem(error: Mapping[str, Any], where: tuple, raw: dict) -> tuple[tuple, str]:
    """Return what is wrong with the value of a parameter, at whatever depth pydantic saw it."""
    section, name, *further = where
    if section == "sweep" and not further:
        return where, f"'{name}' is {error['input']!r}, expected a list of values"
    if not further:
        return where, "expected a mapping of parameters ({} for none)"
    notebooks = (name,) if section == "notebooks" else TRAINED
    parameter = name if section == "sweep" else further[0]
    value = raw[section][name][further[0]]
    default = values.declared(notebooks)[parameter]
    return where[:3], values.message(error, parameter, value, default)


def _dataset_problems(dataset: object) -> Problems:
    if not isinstance(dataset, dict):
        return []  # the schema says so
    if not isinstance(dataset.get("reader"), str):
        return [(("dataset",), _expected("dataset"))]
    from birads_lib.readers import by_name  # slow to import

    return [(("dataset", key), what) for key, what in by_name.problems(dataset).items()]


# What no single value shows


def contradictions(raw: dict) -> Problems:
    """Return what a study's keys say against each other, each by itself being right."""
    return _sweep_problems(raw.get("sweep", {})) or _named_twice(raw) + _against_the_reader(raw)


def _sweep_problems(sweep: dict[str, list]) -> Problems:
    """Check that the values of a grid have names of their own, and that it isn't too large."""
    problems = []
    for key, swept in sweep.items():
        words = list(map(_word, swept))
        for place, value in enumerate(swept):
            if words[place] in words[:place]:
                what = f"'{key}' has {value!r} twice, or another value with the same name"
                problems.append((("sweep", key, place), what))
    count = math.prod(map(len, sweep.values()))
    if count > MOST_VARIANTS:
        what = f"{count} variants, each trained by itself, are over the {MOST_VARIANTS} allowed"
        problems.append((("sweep",), what))
    return problems


def _named_twice(raw: dict) -> Problems:
    """Check that all that is trained has a name of its own, short enough for a file's."""
    names = [("variants", name) for name in raw.get("variants", ["proposed"])]
    names += [("ablations", name) for name in raw.get("ablations", ())]
    names += [("sweep", name) for name, _ in points(raw.get("sweep", {}))]
    kinds = {"variants": "a variant", "ablations": "an ablation", "sweep": "a point of the sweep"}
    problems, first = [], {}
    for section, name in names:
        if name in first:
            problems.append(((section, name), f"'{name}' is {kinds[first[name]]}, too"))
        if len(name) > LONGEST_NAME:
            what = f"a name may have {LONGEST_NAME} characters; this makes '{name}'"
            problems.append(((section, name), what))
        first.setdefault(name, section)
    return problems


def _against_the_reader(raw: dict) -> Problems:
    """Check that the reader knows patients where a split is by patient, and may show pixels."""
    reader, problems = READERS[raw["dataset"]["reader"]], []
    if raw.get("show_pixels") and not reader.may_show_pixels:
        what = f"images that '{reader.name}' reads are never shown; remove it, or say false"
        problems.append((("show_pixels",), what))
    protocols = raw.get("protocols", [PATIENT.name])
    for changes in raw.get("ablations", {}).values():
        protocols = [*protocols, *changes.get("protocols", ())]
    by_patient = any(PROTOCOLS[name].unit == PATIENT.unit for name in protocols)
    if by_patient and not reader.knows_patients(raw["dataset"]):
        what = (
            "protocol 'patient' needs to know whose each image is: give "
            f"'{reader.patients_from}' here, or choose 'protocols: [image]' and read its mark"
        )
        problems.append((("dataset",), what))
    return problems


# Sweeps: a grid of parameters, of which every point is a variant


def points(sweep: Mapping[str, list]) -> list[tuple[str, dict]]:
    """Return (name, changes) of the variant at each point of a grid; of none, no variant.

    ``{dal_lambda: [0.5, 1], image_size: [160]}`` gives dal_lambda_0p5_image_size_160 and
    dal_lambda_1_image_size_160.
    """
    grid = product(*sweep.values()) if sweep else ()
    changes = [dict(zip(sweep, point, strict=True)) for point in grid]
    return [("_".join(f"{k}_{_word(v)}" for k, v in point.items()), point) for point in changes]


def _word(value: object) -> str:
    """Return a parameter's value as a part of a name: 0.5 is 0p5."""
    if isinstance(value, list):
        return "_".join(map(_word, value))
    text = f"{value:.12g}" if isinstance(value, float) else str(value).lower()
    return re.sub(r"[^A-Za-z0-9]+", "_", text.replace(".", "p").replace("-", "m"))
