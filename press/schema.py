"""Files of the project held against their pydantic models: all problems at once, in plain words."""

from collections.abc import Callable, Iterable
from functools import partial
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from birads_lib.errors import UserError, did_you_mean

NO_TEXT = "is missing, or no text"
_MISSING = ("missing", "string_type")
_EXPECTED = {  # how the name of a kind of problem begins -> what was expected
    "float": "a number", "finite": "a number", "model": "a mapping", "dict": "a mapping",
    "list": "a list",
}  # fmt: skip


def _with_content(text: str) -> str:
    if not text.strip():
        raise ValueError(NO_TEXT)
    return text


Text = Annotated[str, AfterValidator(_with_content)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]  # not "0.9", and not true


class Entry(BaseModel):
    """A mapping in a file: no key but its fields; validators see keys that are left out, too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, and not true or false."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def check_name(name: str, names: Iterable[str]) -> str:
    """Return a name that is one of ``names``; else raise ValueError, which says the nearest."""
    if name not in names:
        raise ValueError(f"is {name!r}; {did_you_mean(name, names)}")
    return name


def one_of(names: Iterable[str]) -> AfterValidator:
    """Return a validator of a text that has to be one of ``names``."""
    return AfterValidator(partial(check_name, names=tuple(names)))


def problems(
    model: type[BaseModel],
    content: object,
    known: Iterable[str] = (),
    place: Callable[[tuple], str] = lambda keys: "",
) -> list[str]:
    """Return what is wrong with a file's content or one entry of it, a line each.

    Args:
        model: what it should be.
        content: of the file, as YAML gives it.
        known: the keys to suggest in place of an unknown one; those of the model, if none.
        place: from the keys and numbers that lead to a value, the last left out, the words that
            come before its problem.
    """
    known = tuple(known) or tuple(model.model_fields)
    try:
        model.model_validate(content)
    except ValidationError as error:
        return [place(wrong["loc"][:-1]) + _in_words(wrong, known) for wrong in error.errors()]
    return []


def _in_words(problem: dict, known: tuple[str, ...]) -> str:
    key, kind = problem["loc"][-1] if problem["loc"] else "", problem["type"]
    if kind == "extra_forbidden":
        return f"unknown '{key}'; {did_you_mean(key, known)}"
    if kind in _MISSING:
        return f"'{key}' {NO_TEXT}"
    if kind == "value_error":
        return (f"'{key}' " if key else "") + str(problem["ctx"]["error"])
    expected = next((words for start, words in _EXPECTED.items() if kind.startswith(start)), "")
    expected = expected or problem["msg"]
    return f"'{key}' is {problem['input']!r}, expected {expected}"


def read_mapping(path: Path, keys: Iterable[str]) -> dict:
    """Return the content of a YAML file that has exactly these keys; else raise UserError."""
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"there is no {path.name} in {path.parent.name}/") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name} is not valid YAML: {error}") from None
    if not isinstance(content, dict) or set(content) != set(keys):
        raise UserError(f"{path.name}: expected a mapping with the keys {', '.join(keys)}")
    return content


def entries(
    path: Path, model: type[BaseModel], content: object, kind: str, check: Callable | None = None
) -> list:
    """Return the entries of a list in a file, each with a name that no other has.

    The name is the first field of the model; ``check`` returns what else is wrong with an entry.
    Raises UserError with all that is wrong in the file.
    """
    if not isinstance(content, list):
        raise UserError(f"{path.name}: expected a list of what is a {kind} each")
    key, names, wrong = next(iter(model.model_fields)), set(), []
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict):
            wrong.append(f"{kind} number {number}: expected a mapping, got {entry!r}")
            continue
        name = entry.get(key, f"number {number}")
        faults = problems(model, entry) + (check(entry) if check else [])
        faults += [f"'{key}': there is another {kind} of this {key}"] if name in names else []
        names.add(name)
        wrong += [f"{kind} '{name}': {fault}" for fault in faults]
    if wrong:
        raise UserError("\n".join(f"{path.name}, {problem}" for problem in wrong))
    return [model.model_validate(entry) for entry in content]
