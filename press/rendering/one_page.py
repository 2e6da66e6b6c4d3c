"""A rendered book, or the part of it for a lecture, as one web page that holds all it shows.

It needs no script, no network and no other file, and its links stay on the page: it is handed out
as it is, or printed (``press.rendering.pdf``). It is joined from the pages of the rendered book.
Passports and folded code stay there; of other runs, only those that the contents list are on the
page.
"""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlparse

from bs4 import BeautifulSoup, Tag

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import written_whole
from press.paths import ROOT, build_folder, rendered_book
from press.rendering import contents, manifest
from press.rendering.exhibits import data_uri
from press.studies.study import Study

MINI = "mini"  # what BOOK= names the part for a lecture
SOLUTION = "Solution"  # how the folded code of an answer is called
_FOR_THE_SCREEN = (  # what only a screen, a pointer or a script makes use of
    ".headerlink, [role=tooltip], details.passport, script, noscript, button, input, "
    ".toctree-wrapper"
)
_LOADED = re.compile(r"@font-face\s*{[^}]*}|@import[^;]*;")  # of icons, which no page here has
_STYLE = """
body { max-width: 50rem; margin: 0 auto; padding: 1rem; background: white; }
h1, h2, h3, h4, caption, .exhibit figcaption { break-after: avoid; }
.page { break-before: page; margin-top: 4rem; }
.cover code { overflow-wrap: anywhere; }
.admonition-title::before, .admonition-title::after { content: none !important; }
td p, th p { margin: 0; }
@page { size: A4; margin: 18mm 16mm 20mm; @bottom-center { content: counter(page); } }
@media print {
  body { padding: 0; font-size: 9.5pt; }
  h1 { font-size: 20pt; }
  h2 { font-size: 15pt; }
  h3 { font-size: 12pt; }
  .page { margin-top: 0; }
  figure.exhibit img { width: auto; max-height: 150mm; }
  tr, .admonition { break-inside: avoid; }
}
"""


def write(study: Study, book: str = "") -> Path:
    """Write a study's rendered book as one page; return its file.

    ``book`` is "mini" for the part for a lecture, "" for all. Raises UserError for another name,
    and where the book was not rendered.
    """
    path = file_of(study, book, "html")
    with written_whole(path) as temporary:
        temporary.write_text(joined(study, book))
    return path


def file_of(study: Study, book: str, kind: str) -> Path:
    """Return the path of a study's book, or its part for a lecture, as one file of a kind."""
    if book not in ("", MINI):
        raise UserError(f"BOOK is '{book}'; {did_you_mean(book, [MINI])}, or leave it out")
    return build_folder(study.name) / f"{'-'.join(filter(None, [study.name, book]))}.{kind}"


def joined(study: Study, book: str = "") -> str:
    """Return a study's rendered book, or its part for a lecture, as the HTML of one page."""
    folder = rendered_book(study.name)
    if not (folder / "index.html").is_file():
        place = folder.relative_to(ROOT)
        raise UserError(f"there is no rendered book in {place}; run `make book` first")
    parts = contents.reading(study, only_mini=book == MINI)
    names = {f"{doc}.html": _name(doc) for _, docs in parts for doc in docs}
    pages = {doc: _page(folder, doc, names) for _, docs in parts for doc in docs}
    _resolve_links(pages.values())
    title = "BI-RADS by the Book" + (", for a lecture" if book else "")
    return _document(title, _style(folder), [_cover(title, study), _contents(parts, pages),
                                             *map(str, pages.values())])  # fmt: skip


def _name(doc: str) -> str:
    """Return the id that a page has here: "inbreast-04_evaluation-proposed-patient"."""
    return doc.removeprefix("book/").replace("/", "-")


def _page(folder: Path, doc: str, names: dict[str, str]) -> Tag:
    """Return the content of a rendered page as a section, with its pictures in it.

    ``names`` are the ids of all pages here, by their paths from the book's folder.
    """
    soup = BeautifulSoup((folder / f"{doc}.html").read_text(), "html.parser")
    page = soup.select_one("article.bd-article")
    _leave_out(page)
    for image in page.find_all("img"):
        path = folder / urljoin(f"{doc}.html", image["src"])
        image["src"] = data_uri(path.name, path.read_bytes())
        del image["loading"]  # a printer sees all of them
    for tag in page.find_all(id=True):
        tag["id"] = f"{_name(doc)}--{tag['id']}"
        del tag["aria-describedby"]
    for link in page.find_all("a"):
        link["href"] = _address(link.get("href", ""), f"{doc}.html", names)
    page.name, page.attrs = "section", {"class": "page", "id": _name(doc)}
    return page


def _leave_out(page: Tag) -> None:
    """Take out what is for the screen alone, and unfold what is folded in, except code."""
    for runs in page.select(".runs"):
        here = runs.strong.extract()
        runs.name = "p"
        runs.clear()
        runs.extend(["This page: ", here])
    for box in page.select("input.filter"):
        table = page.find(id=box["data-table"])
        table.replace_with(f"Its {len(table.select('tbody tr'))} rows are in the web pages.")
    for folded in page.select("details.hide.above-input"):
        if SOLUTION not in folded.summary.get_text():
            folded.decompose()
    for folded in page.find_all("details"):
        folded["open"] = ""
    for tag in page.select(_FOR_THE_SCREEN):
        tag.decompose()


def _address(href: str, page: str, names: dict[str, str]) -> str:
    """Return the address of a page's link from here; "" where it leads to no page in this file."""
    if urlparse(href).scheme:
        return href
    path, anchor = urldefrag(urljoin(page, href))
    name = names.get(path)
    return f"#{name}--{anchor}" if name and anchor else f"#{name}" if name else ""


def _resolve_links(pages: Iterable[Tag]) -> None:
    """Lead links to what was left out of a page to that page, and make text of all others."""
    pages = list(pages)
    ids = {tag["id"] for page in pages for tag in [page, *page.find_all(id=True)]}
    for link in (link for page in pages for link in page.find_all("a")):
        href = link["href"]
        if href.startswith("#") and href[1:] not in ids:
            href = link["href"] = href.partition("--")[0]
        if not href:
            link.unwrap()


def _style(folder: Path) -> str:
    """Return the looks of the book's pages, without the fonts of its icons."""
    front = BeautifulSoup((folder / "book/intro.html").read_text(), "html.parser")
    sheets = [urlparse(link["href"]).path for link in front.select("link[rel=stylesheet]")]
    texts = [(folder / urljoin("book/intro.html", sheet)).read_text() for sheet in sheets]
    return _LOADED.sub("", "\n".join(texts)) + _STYLE


def _cover(title: str, study: Study) -> str:
    """Return the first lines: whose book it is, and what vouches for it."""
    return (
        f'<section class="cover"><h1>{title}</h1><p>{html.escape(study.title)}</p>'
        f"<p>Root hash of the book: <code>{manifest.noted_root(study)}</code></p>"
        "<p>Passports, folded code, downloads and further runs are in the book's web pages.</p>"
        "</section>"
    )


def _contents(parts: list[tuple[str, list[str]]], pages: dict[str, Tag]) -> str:
    """Return the list of contents; each line leads to its page."""
    lists = []
    for caption, docs in parts:
        lines = "".join(
            f'<li><a href="#{_name(doc)}">{html.escape(pages[doc].h1.get_text())}</a></li>'
            for doc in docs
        )
        lists.append(f"<h3>{html.escape(caption)}</h3><ul>{lines}</ul>" if caption else
                     f"<ul>{lines}</ul>")  # fmt: skip
    return f'<nav id="contents"><h2>Contents</h2>{"".join(lists)}</nav>'


def _document(title: str, style: str, body: list[str]) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body>\n"
        f'<main class="bd-article">{"".join(body)}</main></body></html>\n'
    )
