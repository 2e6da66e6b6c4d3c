"""Templates of pages, filled: every name is known, and what a user wrote stays what it is."""

import re

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta

from birads_lib.errors import UserError, did_you_mean
from press.paths import BOOK

TEMPLATES = BOOK / "_templates"
_JINJA = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
_ACTIVE = re.compile(r"[\\`*\[\]{}<>&|$\"~]|(?<!\w)_|_(?!\w)|^[#:+=-]")  # in Markdown or HTML


def page(template: str, names: dict) -> str:
    """Return a template of ``book/_templates``, filled."""
    return fill((TEMPLATES / template).read_text(), names, f"_templates/{template}")


def fill(text: str, names: dict, where: str) -> str:
    """Return a template with its names replaced by what they stand for, which is no template.

    Raises UserError for names that are unknown, all at once, and for what Jinja2 can't read.
    """
    try:
        used = meta.find_undeclared_variables(_JINJA.parse(text))
    except TemplateSyntaxError as error:
        raise UserError(f"{where}, line {error.lineno}: {error.message}") from None
    unknown = sorted(used - set(names))
    if unknown:
        lines = [f"{where}: unknown {{{name}}}; {did_you_mean(name, names)}" for name in unknown]
        raise UserError("\n".join(lines))
    return _JINJA.from_string(text).render(names)


def literal(text: str) -> str:
    """Return a text in which Markdown and HTML find nothing but the text, on one line."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", " ".join(text.split()))
