"""A rendered book as one page, and printed: what is on it, where its links lead, and its errors."""

import base64
import os
import subprocess

import pytest
import yaml
from bs4 import BeautifulSoup

from birads_lib.errors import UserError
from helpers.project import ROOT
from press import paths
from press.rendering import contents, one_page, pdf
from press.studies.study import Study

STUDY = Study(name="mine", title="My <own>", dataset={"reader": "phantoms"})
PAGE = """<head><link rel="stylesheet" href="../_static/a.css?v=1"></head><body><nav>aside</nav>
<article class="bd-article"><section id="top">
<h1>{title}<a class="headerlink" href="#top">#</a></h1>
<p class="leaky-mark">leaky</p>
<p class="runs">This page: <strong>of mine</strong>. Also: <a href="x.html">another</a></p>
<details class="admonition hide above-input"><summary>Show the code</summary>secret = 1</details>
<details class="admonition hide above-input"><summary>Solution</summary>answer = 2</details>
<details class="admonition hide below-input"><summary>Show</summary>a long output</details>
<details class="passport"><summary>Passport of a</summary>a hash</details>
<figure class="exhibit" id="fig"><a href="../_exhibits/a.webp"><img src="../_exhibits/a.webp"
 loading="lazy"></a><figcaption>A caption</figcaption></figure>
<input class="filter" data-table="rows">
<table id="rows"><tbody><tr><td>long</td></tr></tbody></table>
<p><a class="here" href="#fig">a</a> <a class="there" href="other.html#fig">b</a>
<a class="gone" href="other.html#passport">c</a> <a class="out" href="archive.html">d</a>
<a class="web" href="https://example.org/">e</a></p><script>alert(1)</script></section></article>
"""
TOC = {
    "format": "jb-book",
    "root": "book/intro",
    "parts": [
        {"caption": "First", "chapters": [{"file": "book/mine/01_data"}]},
        {"caption": "Second", "chapters": [
            {"file": "book/other", "sections": [{"file": "book/below"}]}]},
        {"caption": "Last", "chapters": [{"file": "book/archive"}, {"file": "book/glossary"}]},
    ],
}  # fmt: skip


@pytest.fixture
def rendered(tmp_path, monkeypatch):
    """A staged and rendered book of few pages that are all alike."""
    monkeypatch.setattr(paths, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(one_page, "ROOT", tmp_path)
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    marked = [part | {"mini": part["caption"] == "Second"} for part in TOC["parts"]]
    (tmp_path / contents.TOC).write_text(yaml.safe_dump(TOC | {"parts": marked}))
    source, folder = paths.build_folder("mine") / "source", paths.rendered_book("mine")
    files = {
        source / contents.TOC: yaml.safe_dump(TOC),
        folder / "index.html": "",
        folder / "_static/a.css": "p { color: red } @font-face { src: url(x.woff2) }",
        folder / "_exhibits/a.webp": "picture",
    }
    for name in ("intro", "mine/01_data", "other", "below", "archive", "glossary"):
        up = "../" if "/" in name else ""
        text = PAGE.format(title=f"Of {name}?").replace("../", f"../{up}")
        files[folder / f"book/{name}.html"] = text.replace("other.html", f"{up}other.html")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_one_page_holds_what_the_contents_list_and_needs_nothing_else(rendered):
    page = BeautifulSoup(one_page.joined(STUDY), "html.parser")
    names = ["intro", "mine-01_data", "other", "below", "glossary"]  # the archive leads elsewhere
    assert [section["id"] for section in page.select("section.page")] == names
    assert [a["href"] for a in page.select("#contents a")] == [f"#{name}" for name in names]
    assert [part.get_text() for part in page.select("#contents h3")] == ["First", "Second", "Last"]
    assert "My <own>" in page.select_one(".cover").get_text()
    picture = f"data:image/webp;base64,{base64.b64encode(b'picture').decode()}"
    assert {image["src"] for image in page("img")} == {picture}
    assert not page.select("script, link, input, [loading], nav:not(#contents)")
    assert "color: red" in page.style.string
    assert "url(" not in page.style.string


def test_one_page_unfolds_all_but_code_and_passports(rendered):
    page = BeautifulSoup(one_page.joined(STUDY), "html.parser").select_one("#other")
    text = page.get_text()
    for shown in ("leaky", "answer = 2", "a long output", "A caption", "This page: of mine"):
        assert shown in text
    for hidden in ("secret", "a hash", "another", "long\n"):
        assert hidden not in text
    assert all(folded.has_attr("open") for folded in page("details"))
    assert "Its 1 rows are in the web pages." in text


def test_links_of_one_page_stay_on_it_and_lead_where_they_did(rendered):
    page = BeautifulSoup(one_page.joined(STUDY), "html.parser")
    identities = [tag["id"] for tag in page.find_all(id=True)]
    assert len(identities) == len(set(identities))
    first = page.select_one("#mine-01_data")
    addresses = {name: first.select_one(f"a.{name}") for name in ("here", "there", "gone", "web")}
    assert {name: link["href"] for name, link in addresses.items()} == {
        "here": "#mine-01_data--fig", "there": "#other--fig", "gone": "#other",
        "web": "https://example.org/",
    }  # fmt: skip
    assert not page.select("a.out, figure a")
    assert {a["href"][1:] for a in page("a") if a["href"][0] == "#"} <= set(identities)


def test_the_part_for_a_lecture_is_front_page_marked_parts_and_glossary(rendered):
    page = BeautifulSoup(one_page.write(STUDY, "mini").read_text(), "html.parser")
    names = ["intro", "other", "below", "glossary"]
    assert [section["id"] for section in page.select("section.page")] == names
    link = page.select_one("#other a.here")
    assert link["href"] == "#other--fig"


def test_the_part_for_a_lecture_is_that_which_tests_the_paper():
    marked = [part for part in contents.read().parts if part.mini]
    assert [part.caption for part in marked] == ["II · The paper tested, on INbreast"]
    assert (ROOT / f"{contents.GLOSSARY}.md").is_file()


def test_another_part_and_a_book_that_was_not_rendered_are_named(rendered):
    with pytest.raises(UserError, match="BOOK is 'mnii'; did you mean 'mini'"):
        one_page.write(STUDY, "mnii")
    (rendered / "index.html").unlink()
    with pytest.raises(UserError, match=r"no rendered book in .*mine.*run `make book` first"):
        one_page.write(STUDY)
    assert not one_page.file_of(STUDY, "", "html").exists()


def test_without_a_browser_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"chromium, .*google-chrome.*: install Chromium"):
        pdf.write(tmp_path / "book.html", tmp_path / "book.pdf")


def test_a_browser_that_takes_too_long_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "browser", lambda: "sleep")
    monkeypatch.setattr(pdf.subprocess, "run", lambda command, **words: late(command))

    def late(command):
        raise subprocess.TimeoutExpired(command, 600)

    with pytest.raises(UserError, match=r"within 600 seconds; close .*, or print .* BOOK=mini"):
        pdf.write(tmp_path / "book.html", tmp_path / "book.pdf")


@pytest.mark.parametrize("printed", ["", "%PDF-1.4 the first half"])
def test_a_browser_that_fails_leaves_the_pdf_of_before(tmp_path, monkeypatch, printed):
    program, target = tmp_path / "bin/chromium", tmp_path / "book.pdf"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\necho no display >&2\n"
        f'for o; do case $o in --print-to-pdf=*) echo "{printed}" > "${{o#*=}}";; esac; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    target.write_text("before")
    expected = r"printed no PDF; try another of chromium, .*, or print .* It said:\nno display"
    with pytest.raises(UserError, match=expected):
        pdf.write(tmp_path / "book.html", target)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "book.pdf"]
