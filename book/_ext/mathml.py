"""Equations as MathML, made at build time: a page needs no script and no network to show them."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|gather|split)(ed)?\*?\}")  # one is known: aligned


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(translator, node):
    translator.body.append(convert(node, as_block=False))
    raise nodes.SkipNode


def visit_display(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(convert(node, as_block=True))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def convert(node, as_block: bool) -> str:
    """Return the MathML of a node's LaTeX; what can't be converted is a warning of the build."""
    latex = ENVIRONMENT.sub(r"\\\1{aligned}", node.astext())
    try:
        return str(tex2mathml(latex, as_block=as_block))
    except MathError as error:
        logger.warning("no MathML for %r: %s", latex, error, location=node)
        return nodes.literal(latex, latex).astext()
