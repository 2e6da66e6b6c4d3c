"""Checks that are all made before what they found is said, all at once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from birads_lib.errors import UserError


@contextmanager
def noted(lines: list[str]) -> Iterator[None]:
    """Add the messages of a UserError of the block to ``lines``, a line each, and go on."""
    try:
        yield
    except UserError as error:
        lines += str(error).splitlines()


def refuse(lines: Iterable[str]) -> None:
    """Raise UserError with all lines, each once; nothing where there are none."""
    if text := "\n".join(dict.fromkeys(lines)):
        raise UserError(text)
