"""The part of Python source that decides what a program does."""

import io
import tokenize
from functools import cache

# What stands before a statement; a text that is one does nothing, whether a docstring or not.
_BEGIN = (tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


@cache  # a module is among those of most notebooks
def code_of(source: bytes) -> bytes:
    """Return Python source without docstrings, comments and blank lines.

    Text is cut out, as what ``ast`` makes of equal code differs between versions of Python.
    """
    lines = source.decode().splitlines(keepends=True)
    tokens = list(tokenize.tokenize(io.BytesIO(source).readline))
    for token in tokens:
        if token.type in (tokenize.COMMENT, tokenize.NL):  # the latter ends lines without code, too
            row, column = token.start
            code = lines[row - 1][:column].rstrip()
            lines[row - 1] = f"{code}\n" if code else ""
    counted = [token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL)]
    for before, token, after in zip(counted, counted[1:], counted[2:], strict=False):
        is_statement = before.type in _BEGIN and after.type == tokenize.NEWLINE
        if token.type == tokenize.STRING and is_statement:
            first, last = token.start[0] - 1, token.end[0]
            lines[first:last] = [""] * (last - first)
    return "".join(lines).encode()
