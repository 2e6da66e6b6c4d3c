"""The glossary's definition at the first use of each term on a page.

A pointer or the keyboard shows it, and Escape (``tooltips.js``) hides it; a tap follows the link to
the glossary.
"""

import html
import re
from functools import lru_cache

from docutils import nodes
from sphinx.addnodes import pending_xref

GLOSSARY = "book/glossary"
_LINK = re.compile(r'(<a class="reference internal" href="[^"#]*#(term-[^"]+)")(>.*?</a>)', re.S)


@lru_cache(maxsize=1)  # pages are written after all are read: once for a build
def definitions(app):
    """Return the text of each definition by the id of its term; {} where there is no glossary."""
    if GLOSSARY not in app.env.found_docs:
        return {}
    glossary, found = app.env.get_doctree(GLOSSARY), {}
    for item in glossary.findall(nodes.definition_list_item):
        text = _without_citations(item.children[-1])
        found |= {name: text for term in item.findall(nodes.term) for name in term["ids"]}
    return found


def _without_citations(definition):
    """Return the text of a definition; citations aren't resolved yet, and would show their keys."""
    text = definition.deepcopy()
    for reference in [*text.findall(pending_xref)]:
        if reference["refdomain"] == "cite":
            reference.parent.remove(reference)
    return re.sub(r" (?=[.,;:)])", "", " ".join(text.astext().split()))


def with_tooltips(body, defined):
    """Return the HTML of a page in which the first link to each defined term tells what it is."""
    seen = set()

    def told(link):
        start, term, end = link.groups()
        if term in seen or term not in defined:
            return link[0]
        seen.add(term)
        name = f"tooltip-{len(seen)}"
        tooltip = f'<span role="tooltip" id="{name}">{html.escape(defined[term])}</span>'
        return f'<span class="term">{start} aria-describedby="{name}"{end}{tooltip}</span>'

    return _LINK.sub(told, body)


def add_tooltips(app, pagename, templatename, context, doctree):
    if pagename != GLOSSARY and "body" in context:
        context["body"] = with_tooltips(context["body"], definitions(app))


def setup(app):
    app.connect("html-page-context", add_tooltips)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
