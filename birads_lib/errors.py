"""Errors for the person who made the mistake: a message, never a traceback."""

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature


class UserError(Exception):
    """Something the user can put right; the message says which file or key, and what to do.

    IPython shows only the message, because it honours ``_render_traceback_``.
    """

    def _render_traceback_(self, *args: object, **kwargs: object) -> list[str]:
        return str(self).splitlines()


class DatasetError(UserError):
    """Everything that is wrong with one data set, listed at once.

    Args:
        problems: one line each; each names the file and what to do about it.
        heading: what was being read.
    """

    def __init__(self, problems: str | Iterable[str], heading: str = "The data set") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.heading = heading
        super().__init__(self.problems, heading)  # the arguments, so that it survives pickling

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.heading}: {self.problems[0]}"
        lines = [f"  {number}. {line}" for number, line in enumerate(self.problems, 1)]
        return "\n".join([f"{self.heading} has {len(self.problems)} problems:", *lines])


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return "did you mean 'x'?" or, with nothing near, the list of what exists."""
    choices = sorted(choices)
    by_lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    if near:
        return f"did you mean {by_lower[near[0]]!r}?"
    return "there is " + ", ".join(repr(choice) for choice in choices) if choices else "none exist"


def check_options(function: Callable[..., object], options: Mapping[str, object]) -> None:
    """Raise ``UserError`` for each option that ``function`` takes by no keyword-only name."""
    parameters = signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    unknown = [name for name in options if name not in known]
    if unknown:
        lines = [f"unknown option {name!r}: {did_you_mean(name, known)}" for name in unknown]
        raise UserError("\n".join(lines))


def kind_problem(name: str, value: object, default: object) -> str:
    """Return what is wrong with the kind of a value that stands in place of a default, or ""."""
    if _is_like(value, default):
        return ""
    kinds = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}
    kinds |= dict.fromkeys((list, tuple), "a list like its default")
    kind = kinds.get(type(default), f"a {type(default).__name__}")
    return f"'{name}' is {value!r}, expected {kind} (default: {default!r})"


def _is_like(value: object, default: object) -> bool:
    """Return whether a value may stand where ``default`` stands; anything may where that is None.

    A whole number may stand for a float, which has to be finite; lists are as YAML has them.
    """
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, float):
        return isinstance(value, int | float) and abs(value) < math.inf  # NaN isn't
    if isinstance(default, list | tuple) and default:
        is_list = isinstance(value, list | tuple) and len(value) > 0
        return is_list and all(_is_like(item, default[0]) for item in value)
    return isinstance(value, type(default))
