"""Files of the project held against their pydantic models: all problems at once, in plain words."""

from collections.abc import Callable, Iterable
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


def one_of(names: Iterable[str]) -> AfterValidator:
    """Return a validator of names, which says the nearest one."""
    names = tuple(names)

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"is {name!r}; {did_you_mean(name, names)}")
        return name

    return AfterValidator(check)


def problems(
    model: type[BaseModel], content: object, known: Iterable[str] = (), place: Callable = str
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
        return [place(found["loc"][:-1]) + _in_words(found, known) for found in error.errors()]
    return []


def _in_words(problem: dict, known: tuple[str, ...]) -> str:
    key, kind = problem["loc"][-1] if problem["loc"] else "", problem["type"]
    if kind == "extra_forbidden":
        return f"unknown '{key}'; {did_you_mean(key, known)}"
    if kind in _MISSING:
        return f"'{key}' {NO_TEXT}"
    if kind == "value_error":
        return f"'{key}' {problem['ctx']['error']}"
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
