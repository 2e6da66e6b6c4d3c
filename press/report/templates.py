"""Templates of pages, filled: every name is known, and what a user wrote stays what it is."""

import html
import re

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta

from birads_lib.errors import UserError, did_you_mean
from press.paths import BOOK

TEMPLATES = BOOK / "_templates"
_JINJA = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
_ACTIVE = re.compile(  # in Markdown, MyST or HTML: anywhere, at a word's end, and at the beginning
    r"[\\`*\[\]{}<>&|$\"~#]|(?<![^\W_])_|_(?![^\W_])|^[^\w\s]|^[0-9]+[.)](?= |$)"
)


def filled(template: str, names: dict) -> str:
    """Return a template of ``book/_templates``, filled."""
    path = TEMPLATES / template
    if not path.is_file():
        existing = [sibling.name for sibling in TEMPLATES.glob("*")]
        raise UserError(
            f"there is no {template} in book/_templates; {did_you_mean(template, existing)}"
        )
    return fill(path.read_text(), names, f"_templates/{template}")


def fill(text: str, names: dict, where: str) -> str:
    """Return a template with its names replaced by what they stand for, which is no template.

    Raises UserError for names that are unknown, all at once, and for what Jinja2 can't read.
    """
    try:
        used = meta.find_undeclared_variables(_JINJA.parse(text))
    except TemplateSyntaxError as error:
        raise UserError(
            f"{where}, line {error.lineno}: {error.message}; expected {{{{ name }}}} for a value, "
            "and {% if name %} ... {% endif %} for a condition"
        ) from None
    unknown = sorted(used - set(names))
    if unknown:
        lines = [f"{where}: unknown {{{name}}}; {did_you_mean(name, names)}" for name in unknown]
        raise UserError("\n".join(lines))
    return _JINJA.from_string(text).render(names)


def literal(text: str) -> str:
    """Return a text in which Markdown and HTML find nothing but the text, on one line."""
    return _ACTIVE.sub(_as_entities, " ".join(text.split()))


def _as_entities(match: re.Match) -> str:
    return "".join(f"&#{ord(sign)};" for sign in match[0])


def code(text: str) -> str:
    """Return a ``literal`` text as code, in which Markdown reads no escapes."""
    text = html.unescape(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{space}{text}{space}{fence}"


def plural(count: object, singular: str) -> str:
    """Return "1 layer" or "2 layers" of a count and "layer"."""
    return f"{count} {singular}{'' if str(count) == '1' else 's'}"


_JINJA.filters["code"] = code
_JINJA.filters["plural"] = plural
_JINJA.filters["literal"] = lambda value: literal(str(value))
_JINJA.tests["known"] = lambda text: not text.startswith("*not known: ")
