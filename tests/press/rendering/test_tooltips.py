"""Tooltips: the glossary's definition stands at the first use of a term on a page."""

import importlib
import io

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import docutils_namespace

from helpers.project import ROOT

GLOSSARY = """# Glossary

```{glossary}
AUC
  Area under the curve: 0.5 is < 1 and **guessing**.

kappa
  Agreement {cite:p}`cohen1960`.
```
"""
CONFIGURATION = """
extensions = ["myst_parser", "sphinxcontrib.bibtex", "tooltips"]
bibtex_bibfiles = ["references.bib"]
"""
PAGE = "# T\n\nOf {term}`AUC`, {term}`the areas <AUC>` and {term}`kappa`.\n"


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Return the pages of a book with a glossary and one page that uses its terms, by name."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    (tmp_path / "book").mkdir()
    texts = {"conf.py": CONFIGURATION, "book/glossary.md": GLOSSARY}
    texts |= {
        "book/page.md": PAGE,
        "references.bib": "@misc{cohen1960, title={T}, author={Cohen, J.}, year={1960}}",
        "index.md": "# I\n\n```{bibliography}\n```\n\n```{toctree}\nbook/glossary\nbook/page\n```",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    folders, warnings = [str(tmp_path / name) for name in ("out", "trees")], io.StringIO()
    with docutils_namespace():
        Sphinx(
            str(tmp_path), str(tmp_path), *folders, "html", status=None, warning=warnings
        ).build()
    assert not warnings.getvalue()
    pages = {name: tmp_path / "out" / "book" / f"{name}.html" for name in ("glossary", "page")}
    return {name: BeautifulSoup(path.read_text(), "html.parser") for name, path in pages.items()}


def test_the_first_use_of_each_term_tells_its_definition(built):
    first, again, kappa = built["page"].select('a[href*="#term-"]')
    told = [built["page"].find(id=link.get("aria-describedby")) for link in (first, kappa)]
    assert [tag["role"] for tag in told] == ["tooltip"] * 2
    assert [tag.get_text() for tag in told] == [
        "Area under the curve: 0.5 is < 1 and guessing.", "Agreement.",
    ]  # fmt: skip
    assert not again.has_attr("aria-describedby")
    assert not built["glossary"].select("[role=tooltip]")


def test_the_glossary_is_read_once_for_a_build(monkeypatch, request):
    read, asked = BuildEnvironment.get_doctree, []
    monkeypatch.setattr(
        BuildEnvironment, "get_doctree", lambda env, name: asked.append(name) or read(env, name)
    )
    assert {*request.getfixturevalue("built")["page"].select("[role=tooltip]")}
    assert asked.count("book/glossary") == 1  # for both other pages


def test_what_the_glossary_lacks_stays_a_plain_link(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    tooltips = importlib.import_module("tooltips")
    body = '<p><a class="reference internal" href="g.html#term-x">x</a></p>'
    assert tooltips.with_tooltips(body, {"term-y": "y"}) == body
