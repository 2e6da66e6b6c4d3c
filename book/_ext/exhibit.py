"""Figures and tables that notebooks published, with their passports: on their pages, and in prose.

An executed notebook holds them as data; here they get their looks, of
``press.rendering.exhibits``. The directive {exhibit} brings one to a page of prose:

    ```{exhibit} inbreast/10_leakage_audit#three-bars
    ```

It brings the figure or table with its caption, marks and passport, and a link to its page.
Without a study ("10_leakage_audit#three-bars") it takes the first study of this book. Where a book
doesn't hold the notebook, a sentence says so; an exhibit that the notebook lacks is an error.
"""

import json
import re
import shutil
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from docutils import nodes
from executed import page_of
from sphinx.util.docutils import SphinxDirective

from birads_lib.files import sha256_of
from press.pages.page import read
from press.paths import ROOT
from press.rendering import downloads, exhibits

FOLDER = "_exhibits"  # of the rendered book: pictures and downloads, each once
_ICONS = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>\n?")
# Code in the colour of all text: names, punctuation and blanks.
_PLAIN = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')
# For those who read HTML: comments, the empty first element of code, and what each link of the
# contents is.
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_FIRST = re.compile(r"<pre><span></span>(?!\n)")  # it keeps a first line that is empty
_LISTED = re.compile(r'(<li class="toctree-l\d"><a )class="reference internal" ')
_AS_IS = re.compile(r"(<(pre|script|style|textarea)\b.*?</\2>)", re.S)  # where blanks count


def show_exhibits(app, docname, content):
    if app.env.doc2path(docname).endswith(".ipynb"):
        content[0] = exhibits.rendered_notebook(content[0], partial(kept, app, docname))


def kept(app, docname, name, content):
    """Write a file of an exhibit into the rendered book; return its address from a page."""
    digest = sha256_of(content)[:16]
    path = Path(app.outdir, FOLDER, f"{digest}-{name}")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return f"{'../' * docname.count('/')}{FOLDER}/{path.name}"


def offer_main_pages(app, page, template, context, doctree):
    """Offer the sources of main pages that somebody wrote.

    Notebooks of other runs differ in their parameters alone, and some prose is made by the build.
    """
    is_written = (ROOT / app.env.doc2path(page, base=False)).exists()
    if "nosearch" in app.env.metadata.get(page, {}) or not is_written:
        context["sourcename"] = context["page_source_suffix"] = ""


def lighten(app, error):
    """Take out of the rendered book what no reader needs: it halves its weight.

    Notebooks are offered without what they gave, which the pages show.
    """
    if error:
        return
    for path in Path(app.outdir, "_sources").rglob("*.ipynb"):
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
        path.write_text(json.dumps(notebook, ensure_ascii=False) + "\n")
    static = Path(app.outdir, "_static")
    # For those who debug the theme; fonts that every browser of today takes as WOFF2; and a script
    # that draws the icons, which stand in these fonts already.
    # No page shows the icons and logos of brands.
    for name in ("*.map", "*.ttf", "fontawesome.js", "fa-brands-*", "logo_*"):
        for path in [*static.rglob(name)]:
            path.unlink()
    for path in Path(app.outdir).rglob("*.html"):
        path.write_text(lightened(path.read_text()))
    shutil.rmtree(static / "locales", ignore_errors=True)  # of the theme; the book is English


def lightened(page):
    """Return the HTML of a page without what makes no difference to how it looks."""
    page = _LISTED.sub(r"\1", _PLAIN.sub(r"\1", _ICONS.sub("", page)))
    parts = _AS_IS.split(_FIRST.sub("<pre>", page))
    for place in range(0, len(parts), 3):  # between them: what is as it is, and its tag
        parts[place] = re.sub(r"[ \t]*\n\s*", "\n", _COMMENT.sub("", parts[place]))
        parts[place + 2 : place + 3] = [""]
    return "".join(parts)


class ExhibitDirective(SphinxDirective):
    required_arguments = 1

    def run(self):
        target, _, identity = self.arguments[0].partition("#")
        page = page_of(self.config, target)
        if page is None:
            self.env.note_reread()  # it may come
            return [_sentence("This figure's notebook was not run in this build.")]
        notebook = Path(self.env.srcdir, f"{page}.ipynb")
        self.env.note_dependency(str(notebook))
        published = read(notebook).exhibits
        if identity not in published:
            near = get_close_matches(identity, published, n=1) or sorted(published)
            raise self.error(f"{target} has no exhibit '{identity}'; there is {', '.join(near)}")
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        html = exhibits.exhibit(
            published[identity].data,
            exhibits.names(each.passport for each in published.values())[identity],
            self._new_id(page, identity),
            address,
            page_downloads=downloads.passports(each.passport for each in published.values()),
            store=partial(kept, self.env.app, self.env.docname),
        )
        return [nodes.raw("", html, format="html")]

    def _new_id(self, page: str, identity: str) -> str:
        """Name the exhibit so that no two of a page are called the same."""
        used = self.env.temp_data.setdefault("exhibits", [])
        name = f"{page.removeprefix('book/').replace('/', '-')}-{identity}"
        used.append(name)
        return name if used.count(name) == 1 else f"{name}-{used.count(name)}"


def _sentence(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", nodes.emphasis(text, text))


def setup(app):
    app.setup_extension("executed")
    app.add_directive("exhibit", ExhibitDirective)
    app.add_config_value("exhibits_code", "", "env")  # other looks: every page is rendered anew
    app.connect("source-read", show_exhibits)
    app.connect("html-page-context", offer_main_pages)
    app.connect("build-finished", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
