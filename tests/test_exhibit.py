"""A figure of an executed notebook stands in a page of prose, and follows the notebook."""

import importlib.util
import io
import json
import os

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from press import exhibits
from press import run as provenance
from press.paths import BOOK

CONFIGURATION = """
extensions = ["myst_parser", "exhibit"]
def setup(app):
    app.add_config_value("external_site_map", ["page", "book/inbreast/10_audit"], "env")
"""
PAGE = "# Title\n\n```{exhibit} inbreast/10_audit#three-bars\n```\n"


def shown(identity: str, caption: str) -> str:
    """Return an exhibit as ``Run.publish`` shows it."""
    body = '<img src="data:image/png;base64,AAAA" alt="bars">'
    marks = [("leaky-mark", provenance.LEAKY)]
    facts = {"id": identity, "caption": caption, "study": "s", "page": "p"}
    return exhibits.exhibit(identity, body, marks, facts, {})


def notebook(path, **captions):
    """Write an executed notebook that shows an exhibit for each ``id="caption"``."""
    top = {"text/html": ["<p>a mark</p>"], exhibits.PASSPORT_TYPE: {"kind": "page"}}
    outputs = [{"data": top}, {"output_type": "stream", "text": "x"}]
    for name, caption in captions.items():
        html = shown(name.replace("_", "-"), caption)
        outputs.append({"data": {"text/html": html.splitlines(keepends=True)}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [{"outputs": outputs}, {"source": "# text"}]}))


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a book of one page and gives (the page, the warnings)."""
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(CONFIGURATION)

    def once(text=PAGE):
        page = source / "page.md"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
        (source / "index.md").write_text("# Start\n\n```{toctree}\npage\n```\n")
        warnings = io.StringIO()
        folders = [str(tmp_path / name) for name in ("out", "trees")]
        with docutils_namespace():  # else the next build warns of what this one registered
            app = Sphinx(
                str(source), str(source), *folders, "html", status=None, warning=warnings,
                confoverrides={"root_doc": "index"},
            )  # fmt: skip
            app.build()
        html = (tmp_path / "out" / "page.html").read_text()
        return BeautifulSoup(html, "html.parser"), warnings.getvalue()

    once.notebook = source / "book" / "inbreast" / "10_audit.ipynb"
    return once


def test_it_brings_figure_passport_marks_and_a_link_to_its_page(build):
    notebook(build.notebook, other="Not this", three_bars="Three bars")
    page, warnings = build()
    assert warnings == ""
    (figure,) = page.select("figure.exhibit")
    assert figure["id"] == "inbreast-10_audit-three-bars"
    assert figure.find("figcaption").get_text() == "Three bars To its chapter."
    assert figure.find("a")["href"] == "book/inbreast/10_audit.html#three-bars"
    assert figure.select_one(".leaky-mark").get_text() == provenance.LEAKY
    assert figure.find("img")["alt"] == "bars"
    passport = figure.find_next_sibling()
    assert "passport" in passport["class"]
    assert passport.find("td")


def test_it_follows_a_change_of_the_notebook(build):
    notebook(build.notebook, three_bars="Before")
    build()
    notebook(build.notebook, three_bars="After")
    later = build.notebook.stat().st_mtime + 5
    os.utime(build.notebook, (later, later))
    page, _ = build()
    assert page.find("figcaption").get_text().startswith("After")


def test_no_two_of_a_page_have_one_name(build):
    notebook(build.notebook, three_bars="A", other="B")
    names = ["inbreast/10_audit#three-bars", "10_audit#three-bars", "10_audit#other"]
    page, warnings = build("# T\n\n" + "".join(f"```{{exhibit}} {n}\n```\n\n" for n in names))
    found = [figure["id"] for figure in page.select("figure.exhibit")]
    assert warnings == ""
    assert len(found) == len(set(found)) == 3


def test_a_book_without_the_notebook_says_so_and_does_not_warn(build):
    page, warnings = build("# T\n\n```{exhibit} phantoms/10_audit#three-bars\n```\n")
    assert warnings == ""
    assert "not run in this build" in page.get_text()


def test_a_wrong_name_is_a_warning_with_the_nearest_right_one(build):
    notebook(build.notebook, three_bars="A")
    _, warnings = build("# T\n\n```{exhibit} 10_audit#three-bar\n```\n")
    assert "no exhibit 'three-bar'; there is three-bars" in warnings


def test_extraction_alone():
    path = BOOK / "_ext" / "exhibit.py"
    spec = importlib.util.spec_from_file_location("exhibit_alone", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    html = shown("a", "caption with id=&quot;b&quot;")
    moved = module.placed(html, "x-a", "p.html")
    assert moved.count('id="x-a"') == 1
    assert '<figure class="exhibit" id="a"' not in moved
