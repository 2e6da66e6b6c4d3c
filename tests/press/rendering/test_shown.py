"""Prose shows the library's own code, as it stands."""

import ast

import pytest

from birads_lib.errors import UserError
from press.paths import BOOK, ROOT
from press.rendering import shown

CODE = '''
def one(x):
    """Return x.

    And more.
    """
    return x  # as it is


class Two:
    """A class."""

    @property
    def three(self):
        y = 1

        return y
'''
BLOCK = "Text\n\n```{{library}} {}\n```\n\nmore"


def test_a_function_is_shown_without_its_docstring():
    assert shown.source(CODE, "one", "x") == "def one(x):\n    return x  # as it is"


def test_a_method_is_shown_from_the_margin_and_without_decorators():
    assert shown.source(CODE, "Two.three", "x") == "def three(self):\n    y = 1\n\n    return y"


def test_a_name_that_is_none_is_named_with_the_nearest():
    with pytest.raises(UserError, match="here has no 'onee'; did you mean 'one'"):
        shown.source(CODE, "onee", "here")
    with pytest.raises(
        UserError, match=r"no module birads_lib\.losses\.ordinl; did you mean .*\.ordinal'"
    ):
        shown.with_code(BLOCK.format("birads_lib.losses.ordinl#x"), "a.md")


def test_a_block_becomes_the_code_that_the_library_runs():
    text = shown.with_code(BLOCK.format("birads_lib.losses.ordinal#category_distance"), "a.md")
    code = text.split("\n\n", 2)[2].split("\n```")[0]
    assert text.startswith(
        "Text\n\n```{code-block} python\n:caption: birads_lib/losses/ordinal.py\n"
    )
    assert text.endswith("```\n\nmore")
    assert code in (ROOT / "birads_lib/losses/ordinal.py").read_text().replace(
        '    """Return |y - j| for each image and category, shape (n, K), in the probabilities\' '
        'type."""\n', "",
    )  # fmt: skip
    assert ast.parse(code).body[0].name == "category_distance"


def test_other_blocks_stay():
    text = "```python\nx = 1\n```\n"
    assert shown.with_code(text, "a.md") == text


def test_what_the_method_shows_is_short_enough_to_be_read():
    text = shown.with_code((BOOK / "in_code.md").read_text(), "in_code.md")
    blocks = text.split("```{code-block}")[1:]
    lengths = [len(block.split("\n```")[0].strip().splitlines()) - 2 for block in blocks]
    assert len(lengths) >= 8
    assert max(lengths) <= 20
