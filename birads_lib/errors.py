"""Errors for the person who made the mistake: a message, never a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


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
    matches = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    if matches:
        return f"did you mean {by_lower[matches[0]]!r}?"
    return "there is " + ", ".join(repr(choice) for choice in choices) if choices else "none exist"
