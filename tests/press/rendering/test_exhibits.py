"""A figure of an executed notebook stands in a page of prose, and follows the notebook."""

import base64
import importlib
import io
import json
import os
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from press.pages import outputs
from press.paths import BOOK
from press.rendering import exhibits
from press.run import LEAKY

CONFIGURATION = """
extensions = ["myst_parser", "exhibit"]
def setup(app):
    app.setup_extension("executed")
    app.config.book_pages = ["book/inbreast/10_audit"]
"""
PIXELS = np.full((4, 6, 3), 200, np.uint8)  # a drawing of levels that are kept
PAGE = "# Title\n\n```{exhibit} inbreast/10_audit#three-bars\n```\n"


def png() -> str:
    """Return a picture as an output of a notebook holds it."""
    drawn = io.BytesIO()
    Image.fromarray(PIXELS).save(drawn, "PNG")
    return base64.b64encode(drawn.getvalue()).decode()


def shown(identity: str, caption: str) -> dict:
    """Return the data of an output in which ``Run.publish`` shows a figure."""
    facts = {"id": identity, "kind": "figure", "caption": caption, "alt": "bars", "study": "s"}
    facts |= {"page": "10_audit", "marks": {"leaky-mark": LEAKY}, "notebook": "10_audit"}
    facts |= {"cell": 3, "cell_id": "10-2"}
    facts["inputs"] = [
        {"name": "cases", "made_by": "01_data", "artefact": "cases.parquet"},
        {"name": "other", "made_by": "01_data", "artefact": "cases.parquet", "study": "t"},
    ]
    return {
        "image/png": png(),
        outputs.FILES: {f"{identity}.csv": "QQ=="},
        outputs.PASSPORT: facts,
    }


def notebook(path, **captions):
    """Write an executed notebook that shows an exhibit for each ``id="caption"``."""
    top = {"text/html": ["<p>a mark</p>"], outputs.PASSPORT: {"kind": "page", "marks": {}}}
    held = [{"data": top}, {"output_type": "stream", "text": "x"}]
    for name, caption in captions.items():
        held.append({"data": shown(name.replace("_", "-"), caption)})
        held.append({"data": {"text/html": "below", outputs.LEGEND: {}}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [{"outputs": held}, {"source": "# text"}]}))


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
    assert figure.find("figcaption").get_text() == "Figure 10.2 Three bars To its chapter."
    assert figure.select_one("figcaption a")["href"] == "book/inbreast/10_audit.html#three-bars"
    assert figure.select_one(".leaky-mark").get_text() == LEAKY
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
    assert page.find("figcaption").get_text().startswith("Figure 10.1 After")


def test_no_two_of_a_page_have_one_name(build):
    notebook(build.notebook, three_bars="A", other="B")
    names = ["inbreast/10_audit#three-bars", "10_audit#three-bars", "10_audit#other"]
    page, warnings = build("# T\n\n" + "".join(f"```{{exhibit}} {n}\n```\n\n" for n in names))
    identities = [figure["id"] for figure in page.select("figure.exhibit")]
    assert warnings == ""
    assert len(identities) == len(set(identities)) == 3


def test_a_book_without_the_notebook_says_so_and_does_not_warn(build):
    page, warnings = build("# T\n\n```{exhibit} phantoms/10_audit#three-bars\n```\n")
    assert warnings == ""
    assert "not run in this build" in page.get_text()


def test_a_wrong_name_is_a_warning_with_the_nearest_right_one(build):
    notebook(build.notebook, three_bars="A")
    _, warnings = build("# T\n\n```{exhibit} 10_audit#three-bar\n```\n")
    assert "no exhibit 'three-bar'; there is three-bars" in warnings


def test_addresses_count_from_the_page_that_shows_an_exhibit():
    html = exhibits.exhibit(shown("a", 'caption with id="b"'), "", "x-a", "../s/p.html")
    page = BeautifulSoup(html, "html.parser")
    assert [tag["id"] for tag in page.find_all(id=True)] == ["x-a"]
    links = page.select("a:not([download]):not(:has(img))")
    addresses = [tag["href"] for tag in links]
    assert addresses == [
        "../s/p.html#a", "../s/p.html#cell-10-2", "../s/01_data.html#artefact-cases-parquet",
        "../t/01_data.html#artefact-cases-parquet",
    ]  # fmt: skip


HOSTILE = 'a"><img src=x onerror=1>'


@pytest.mark.parametrize("key", ["id", "cell", "cell_id", "notebook", "page", "study", HOSTILE])
def test_no_fact_of_a_passport_is_markup(key):
    data = shown(HOSTILE if key == "id" else "a", "c")
    data[outputs.PASSPORT] |= {key: HOSTILE}
    for html in (
        exhibits.exhibit(data, store=lambda name, _: name),
        exhibits.exhibit(data, "", "", "../s/p.html"),
        exhibits._folded("Passport", data[outputs.PASSPORT]),
        outputs.marks_html({HOSTILE: "a mark"}),
    ):
        soup = BeautifulSoup(html, "html.parser")
        assert not soup.select("[onerror], img[src=x]")


def test_figures_and_tables_are_numbered_apart_by_chapter_in_the_order_of_their_page():
    kinds = {"a": "figure", "b": "table", "c": "figure", "d": "table"}
    facts = [{"kind": kind, "id": name, "page": "04_evaluation-x"} for name, kind in kinds.items()]
    facts.insert(1, {"kind": "page", "id": "04_evaluation-x"})
    named = exhibits.names(facts)
    assert named == {"a": "Figure 4.1", "b": "Table 4.1", "c": "Figure 4.2", "d": "Table 4.2"}
    assert exhibits.names([{"kind": "figure", "id": "a", "page": "mine"}]) == {"a": ""}
    assert exhibits.names([]) == {}


def test_a_table_leads_where_its_links_say():
    rows = "<table><tr><th>A &lt; B</th></tr></table>"
    data = shown("t", "c") | {"text/html": [rows]}
    data[outputs.PASSPORT] |= {"kind": "table", "links": {"A < B": "11_claims.html#x"}}
    del data["image/png"]
    link = '<th><a href="11_claims.html#x">A &lt; B</a></th>'
    assert link in exhibits.exhibit(data)
    assert link.replace("11", "../s/11") in exhibits.exhibit(data, "", "x", "../s/p.html")


@pytest.mark.parametrize(
    ("table", "heads"),
    [
        (pd.DataFrame({"a": [1]}, pd.Index(["x"], name="metric")), [["metric", "a"]]),
        (pd.DataFrame({"a": [1]}, ["x"]).rename_axis(columns="claim"), [["claim", "a"]]),
        (pd.DataFrame({("a", "b"): [1], ("a", "c"): [2]}, pd.Index(["x"], name="m")),
         [["", "a"], ["", "b", "c"], ["m", "", ""]]),
    ],
    ids=["index", "columns", "two levels"],
)  # fmt: skip
def test_a_table_has_one_line_of_headings_where_one_says_all(table, heads):
    data = shown("t", "c") | {"text/html": [outputs.table_html(table)]}
    data[outputs.PASSPORT] |= {"kind": "table"}
    del data["image/png"]
    page = BeautifulSoup(exhibits.exhibit(data), "html.parser")
    rows = page.select("figure thead tr")
    assert [[cell.get_text() for cell in row("th")] for row in rows] == heads


def test_pictures_and_downloads_are_files_of_the_book_each_once(build, tmp_path):
    notebook(build.notebook, three_bars="Three bars")
    page, _ = build("# T\n\n" + 2 * "```{exhibit} 10_audit#three-bars\n```\n\n")
    images = [tag["src"] for tag in page.select("figure.exhibit img")]
    assert images[0] == images[1]
    with Image.open(tmp_path / "out" / images[0]) as picture:
        assert np.array_equal(np.asarray(picture), PIXELS)
    assert page.select_one("figure.exhibit a")["href"] == images[0]  # to enlarge it
    (table, packed) = page.select("details.passport")[0].select("a[download]")
    assert (tmp_path / "out" / table["href"]).read_bytes() == b"A"
    passports = json.loads(
        zipfile.ZipFile(tmp_path / "out" / packed["href"]).read("passports.json")
    )
    assert passports["three-bars"]["id"] == "three-bars"
    assert len(list((tmp_path / "out" / "_exhibits").rglob("*.*"))) == 3


def test_the_rendered_book_leaves_out_what_no_reader_needs(build, tmp_path):
    """Icons are drawn by a font; the source of a page that the build made is nobody's."""
    static = tmp_path / "out" / "_static" / "scripts"
    static.mkdir(parents=True)
    (static / "fontawesome.js").write_text("x")
    loading = '<script defer src="_static/scripts/fontawesome.js?digest=1"></script>'
    page, _ = build(f"# T\n\n{loading}<b>kept</b>\n")
    assert page.find("b")
    assert not page.select("script[src*=fontawesome]")
    assert not (static / "fontawesome.js").exists()
    assert not (tmp_path / "out" / "_sources" / "page.md.txt").exists()


def as_page(marks, *told, answer=None):
    """Return the JSON of an executed notebook with exhibits of one mark each, and an answer."""
    held = [{"data": {"text/html": "x", outputs.PASSPORT: {"kind": "page", "marks": marks}}}]
    for identity, mark in told:
        data = shown(identity, "c")
        data[outputs.PASSPORT]["marks"] = mark
        held.append({"data": data})
    if answer is not None:
        held.append({"data": {"text/html": "a", outputs.ANSWER: {"text": answer}}})
    cells = [{"source": ["# A question?\n", "\n", "Why it is asked."]}, {"outputs": held}]
    return json.dumps({"cells": cells})


def test_what_a_page_found_stands_below_its_title_and_is_no_markup():
    text = as_page({}, answer="<b>0.5</b>\n\n# {{ x }}")
    first, second = json.loads(exhibits.rendered_notebook(text))["cells"]
    title, blank, box, _, rest = first["source"].split("\n", 4)
    assert (title, blank, rest.strip()) == ("# A question?", "", "Why it is asked.")
    assert "&lt;b&gt;0.5&lt;/b&gt; # {{ x }}" in box  # on one line, in a block of HTML
    assert BeautifulSoup(box, "html.parser").select_one("div.admonition.answer")
    assert second["outputs"][-1]["data"]["text/html"] == "a"  # where the notebook tells it, too


def test_a_page_without_an_answer_has_no_box():
    first, _ = json.loads(exhibits.rendered_notebook(as_page({})))["cells"]
    assert "".join(first["source"]) == "# A question?\n\nWhy it is asked."


def test_a_page_folds_in_what_was_set_and_names_what_is_folded():
    declared = {"cell_type": "code", "source": ["x = 0"], "metadata": {"tags": ["parameters"]}}
    set_here = {
        "cell_type": "code",
        "source": ["x = 1"],
        "metadata": {"tags": ["injected-parameters"]},
    }
    checked = {"cell_type": "code", "source": ["# NBVAL_CHECK_OUTPUT\n", "print(1)"]}
    solved = {
        "cell_type": "code",
        "source": ["# Solution\n", "1"],
        "metadata": {"tags": ["hide-cell"]},
    }
    text = json.dumps({"cells": [{"source": "# T"}, declared, set_here, checked, solved]})
    _, declared, set_here, checked, solved = json.loads(exhibits.rendered_notebook(text))["cells"]
    assert set_here["metadata"]["tags"] == ["injected-parameters", "hide-input"]
    assert checked["source"] == "print(1)"
    names = [
        cell["metadata"]["mystnb"]["code_prompt_show"] for cell in (declared, set_here, solved)
    ]
    assert names == ["Parameters", "Parameters of this run", "Solution"]
    assert "mystnb" not in checked.get("metadata", {})


def test_a_page_says_once_what_holds_for_all_of_it_and_leaks_at_every_figure():
    marks = {"leaky-mark": "leaks", "synthetic-mark": "synthetic", "study-note": "a note"}
    other = {"study-note": "another note"}
    text = as_page(marks, ("a", marks), ("b", other))
    first, second = json.loads(exhibits.rendered_notebook(text))["cells"]
    assert [p.get_text() for p in BeautifulSoup(first["source"], "html.parser").select("p")] == [
        "leaks", "synthetic", "a note",
    ]  # fmt: skip
    _, leaky, noted = (output["data"]["text/html"] for output in second["outputs"])
    figure = BeautifulSoup(leaky, "html.parser").find("figure")
    assert [p.get_text() for p in figure.select("p")] == ["leaks"]
    assert "another note" in noted  # which the page's top doesn't say


def test_a_page_shows_what_its_outputs_hold(tmp_path):
    """And nothing else: what stands below an exhibit in Jupyter is in its caption here."""
    notebook(tmp_path / "a.ipynb", three_bars="Three bars")
    held = json.loads((tmp_path / "a.ipynb").read_text())
    held["cells"][0]["outputs"].append({"data": {outputs.PASSPORT: {
        "kind": "artefact", "id": "fold0/model.keras", "notebook": "03_training"}}})  # fmt: skip
    cell, text = json.loads(exhibits.rendered_notebook(json.dumps(held)))["cells"]
    page, stream, figure, file = cell["outputs"]
    assert text == {"source": "# text"}
    assert stream == {"output_type": "stream", "text": "x"}
    assert "Passport of this page" in page["data"]["text/html"]
    assert figure["data"].keys() == {"text/html"}
    html = BeautifulSoup(figure["data"]["text/html"], "html.parser")
    assert html.find("img")["src"].startswith("data:image/webp;base64,")
    assert [html.find("img")[name] for name in ("width", "height")] == ["6", "4"]
    assert [tag["download"] for tag in html.select("a[download]")] == [
        "three-bars.csv", "passports.zip",
    ]  # fmt: skip
    assert "FIG=10_audit#three-bars" in html.get_text()
    assert 'id="artefact-fold0-model-keras"' in file["data"]["text/html"]


PASSPORT = {
    "kind": "artefact", "marks": {}, "inputs": [{"name": "cases"}], "code": {"commit": "abc"},
    "seed": 3, "environment": {"numpy": "2"},
}  # fmt: skip


def executed(*facts: dict, tags: list[str]) -> dict:
    """Return the first cell of an executed notebook as its page shows it."""
    held = [{"data": {outputs.PASSPORT: each}} for each in facts] + [{"data": {}, "text": "bar"}]
    cell = {"source": "# Title", "metadata": {"tags": tags}, "outputs": held}
    return json.loads(exhibits.rendered_notebook(json.dumps({"cells": [cell]})))["cells"][0]


def test_a_passport_leaves_to_that_of_its_page_what_is_the_same_there():
    page, artefact = (
        PASSPORT | change for change in ({"kind": "page"}, {"id": "x.csv", "seed": 4})
    )
    first, second, _ = executed(page, artefact, tags=[])["outputs"]
    soups = [BeautifulSoup(o["data"]["text/html"], "html.parser") for o in (first, second)]
    rows = [{row.th.text: row.td.text for row in soup.find_all("tr")} for soup in soups]
    assert {"inputs", "code", "environment", "seed"} <= rows[0].keys()
    assert rows[1]["seed"] == "4"
    assert rows[1]["further"] == "as in the passport of this page"
    assert not {"inputs", "code", "environment"} & rows[1].keys()
    assert soups[1].find("a", href="#passport")
    assert soups[0].find(id="passport")


def test_a_passport_names_the_inputs_that_its_page_tells_in_full_and_tells_the_others():
    of_page = [{"name": "cases", "sha256": "1a"}, {"name": "images", "sha256": "2b"}]
    other = {"name": "metrics", "sha256": "3c"}
    page, figure = (
        PASSPORT | {"kind": kind, "id": kind, "inputs": inputs}
        for kind, inputs in (("page", of_page), ("artefact", [of_page[1], other]))
    )
    _, shown, _ = executed(page, figure, tags=[])["outputs"]
    (row,) = [
        row for row in BeautifulSoup(shown["data"]["text/html"], "html.parser").find_all("tr")
        if row.th.text == "inputs"
    ]  # fmt: skip
    assert row.td.get_text() == "images: as in the passport of this pagename: metricssha256: 3c"


def test_modules_that_no_passport_shows_make_no_difference():
    code = {"library_sha256": "1a"}
    page = PASSPORT | {"kind": "page", "code": code | {"modules": {"a.py": "2b"}}}
    _, shown, _ = executed(page, PASSPORT | {"id": "x", "code": code}, tags=[])["outputs"]
    assert "library_sha256" not in shown["data"]["text/html"]


def test_a_passport_keeps_its_inputs_where_its_page_read_others():
    page, artefact = (
        PASSPORT | change
        for change in ({"kind": "page"}, {"id": "x.csv", "inputs": [{"name": "other"}]})
    )
    text = executed(page, artefact, tags=[])["outputs"][1]["data"]["text/html"]
    assert "name: <code>other</code>" in text


def test_a_cell_that_hides_what_it_prints_still_shows_its_passports():
    artefact = PASSPORT | {"id": "x.npz"}
    (kept,) = executed(artefact, tags=["remove-output", "hide-input"])["outputs"]
    assert 'id="artefact-x-npz"' in kept["data"]["text/html"]
    assert executed(artefact, tags=["remove-output"])["metadata"]["tags"] == []
    assert executed(tags=["remove-output"])["outputs"] == []


def test_a_lighter_page_says_and_shows_the_same(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    lightened = importlib.import_module("exhibit").lightened
    kept = '<span class="o">=</span>\n\n<!-- kept --><span class="mi">1</span></pre>'
    text = "<p>\n   one  \n\n  <b>two</b>\n</p>\n<!-- told\n to nobody -->\n"
    page = f'{text}<pre><span></span><span class="n">a</span>  {kept}\n\n'
    script = "<script>\n\n x </script>"
    assert lightened(f"{page}{script}\n\n<p>end</p>") == (
        f"<p>\none\n<b>two</b>\n</p>\n<pre>a  {kept}\n{script}\n<p>end</p>"
    )


def test_pages_that_are_not_listed_share_their_contents(monkeypatch):
    """As long as they lie in one folder: a listed one is marked in its own."""
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    name_toggles = importlib.import_module("toggles").name_toggles
    asked, made = [], {}
    unlisted = {name: {"orphan": True} for name in ("s/a", "s/b", "t/c")}
    app = SimpleNamespace(env=SimpleNamespace(metadata=unlisted))
    listed = "<ul><li><a>{}</a><details><summary></summary></details></li></ul>"

    def contents_of(page):
        def generate(kind):
            asked.append(page)
            return BeautifulSoup(listed.format(page), "html.parser")

        context = {"generate_toctree_html": generate}
        name_toggles(made, app, page, "", context, None)
        return context["generate_toctree_html"]("sidebar")

    told = [contents_of(page).summary["aria-label"] for page in ("s/x", "s/a", "s/y", "s/b", "t/c")]
    assert told == [f"Pages below: {name}" for name in ("s/x", "s/a", "s/y", "s/a", "t/c")]
    assert asked == ["s/x", "s/a", "s/y", "t/c"]


def test_a_cell_that_wrote_to_stderr_alone_has_no_box_to_unfold():
    waited = {"output_type": "stream", "name": "stderr", "text": ["waiting"]}
    cell = {"cell_type": "code", "source": ["x"], "metadata": {}, "outputs": [waited]}
    title = {"cell_type": "markdown", "source": ["# T"], "metadata": {}}
    page = json.dumps({"cells": [title, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert json.loads(exhibits.rendered_notebook(page))["cells"][1]["outputs"] == []
