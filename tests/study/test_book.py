"""The rendered book: links, assets, alternatives, exhibits, and its pages in a browser.

The folder of a built book comes from BIRADS_BOOK, else the smoke study's book is taken.
"""

import functools
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import parse_file

from birads_lib.figures import style
from helpers.browser import BOOK, built, show_on
from helpers.project import ROOT
from press.pages.page import COMPANIONS
from press.studies import parameters, study

PROSE = sorted((ROOT / "book").glob("*.md")) + sorted((ROOT / "book" / "_notices").glob("*.md"))
SIZES = ((390, 844), (1280, 900))  # a phone and a desktop, CSS pixels
LOADED_BY_CSS = re.compile(r"""(?:url\(["']?|@import ["'])((?:https?:)?//[^"')]+)""")
NOT_WRITTEN = ("genindex.html", "search.html", "index.html")  # Sphinx's own, and a redirection


def paths() -> list[Path]:
    """Return every page of the book."""
    return sorted(path for path in BOOK.rglob("*.html") if "_static" not in path.parts)


@functools.cache
def pages() -> dict[str, BeautifulSoup]:
    """Parse every page of the book: path relative to its folder -> page."""
    return {
        path.relative_to(BOOK).as_posix(): BeautifulSoup(path.read_text(), "html.parser")
        for path in paths()
    }


@functools.cache
def ids(page: str) -> set[str]:
    return {
        tag[name] for tag in pages()[page].find_all() for name in ("id", "name") if tag.get(name)
    }


def references(page: BeautifulSoup):
    """Yield (tag, address) of everything a page points at or loads."""
    for name in ("href", "src"):
        for tag in page.find_all(attrs={name: True}):
            yield tag, tag[name]


def is_external(address: str) -> bool:
    return bool(urlparse(address).netloc)


def problem_of(page: str, address: str) -> str | None:
    """Return what is wrong with an internal address, as seen from ``page``; None if nothing."""
    path, anchor = urldefrag(urljoin(page, address))
    path = unquote(urlparse(path).path)
    path = path + "index.html" if path.endswith("/") or not path else path
    if not (BOOK / path).is_file():
        return "no such file"
    if anchor and path in pages() and unquote(anchor) not in ids(path):
        return f"no such anchor in {path}"
    return None


@built
def test_internal_links_resolve():
    broken = []
    for page, soup in pages().items():
        for _, address in references(soup):
            if is_external(address) or urlparse(address).scheme or address == "#":
                continue
            if problem := problem_of(page, address):
                broken.append(f"{page}: {address}: {problem}")
    assert not broken


@built
def test_the_first_page_leads_to_the_introduction():
    refresh = pages()["index.html"].find("meta", attrs={"http-equiv": "Refresh"})
    assert refresh["content"].endswith("url=book/intro.html")


@built
def test_nothing_is_loaded_from_elsewhere():
    loads = []
    for page, soup in pages().items():
        for tag, address in references(soup):
            if is_external(address) and tag.name not in ("a", "area"):
                loads.append(f"{page}: <{tag.name}> {address}")
    for sheet in (*BOOK.rglob("*.css"), *BOOK.rglob("*.svg")):
        addresses = LOADED_BY_CSS.findall(sheet.read_text())
        loads += [f"{sheet.relative_to(BOOK)}: {address}" for address in addresses]
    assert not loads


@built
def test_every_image_has_a_text_alternative():
    without = [
        f"{page}: {tag.get('src', '')[:60]}"
        for page, soup in pages().items()
        for tag in soup.find_all("img")
        if not (tag.get("alt") or "").strip()
    ]
    assert not without


@built
def test_every_exhibit_has_caption_and_passport():
    exhibits = [(p, f) for p, soup in pages().items() for f in soup.select("figure.exhibit")]
    assert exhibits, "the book shows no exhibit at all"
    incomplete = []
    for page, figure in exhibits:
        caption, passport = figure.find("figcaption"), figure.find_next_sibling()
        complete = caption and caption.get_text(strip=True) and figure.get("id")
        complete = complete and passport and passport.name == "details"
        complete = complete and "passport" in passport["class"] and passport.find("td")
        if not complete:
            incomplete.append(f"{page}: {figure.get('id')}")
    assert not incomplete


@built
def test_the_book_is_light_enough_to_be_read_anywhere():
    weights = {p: p.stat().st_size for p in BOOK.rglob("*") if p.is_file()}
    heavy = {p.name: size for p, size in weights.items() if p.suffix == ".html" and size > 600_000}
    assert not heavy
    assert sum(weights.values()) < 25_000_000


@built
def test_sources_are_offered_where_somebody_wrote_them():
    offered = {p.relative_to(BOOK / "_sources").as_posix() for p in BOOK.glob("_sources/**/*.*")}
    assert {"book/method.md", "book/smoke/02_preprocessing.ipynb"} <= offered
    assert not offered & {"book/provenance.md", "book/reporting.md", "book/archive.md"}


@built
def test_chapters_say_what_they_found_below_their_titles():
    executed = [page for page in pages() if re.match(r"book/smoke/\d\d_", page)]
    without = [page for page in executed if not pages()[page].select("div.admonition.answer")]
    assert executed
    assert not without


@built
def test_a_search_passes_over_pages_that_the_contents_do_not_list():
    index = (BOOK / "searchindex.js").read_text()
    titles = re.search(r'"titles": *\[(.*?)\]', index, re.S)[1]
    assert "INbreast, by patient" in titles
    assert "(leaky)" not in titles


@built
def test_every_page_is_reached_from_the_archive():
    links = {
        urljoin("book/archive.html", a["href"])
        for a in pages()["book/archive.html"]("a", href=True)
    }
    executed = [page for page in pages() if re.match(r"book/\w+/\d\d_", page)]
    assert not [page for page in executed if page not in links]


@built
def test_leaky_pages_mark_every_exhibit():
    leaky = [p for p in pages() if re.search(r"-(image|oversample_first)\.html$", p)]
    unmarked = [
        f"{page}: {figure.get('id')}"
        for page in leaky
        for figure in pages()[page].select("figure.exhibit")
        if not figure.select_one(".leaky-mark")
    ]
    assert not unmarked


@built
def test_equations_are_mathml_with_numbers():
    page = pages()["book/method.html"]
    assert page.select("math[display=block]")
    assert [tag.get_text()[:3] for tag in page.select(".eqno")] == ["(1)", "(2)", "(3)"]
    assert not any("\\" in tag.get_text() for tag in page.find_all("math"))


@built
def test_no_placeholder_is_left_in_a_page():
    assert not [page for page, soup in pages().items() if "{{" in soup.get_text()]


@built
def test_the_checklists_answer_every_item_of_every_study():
    page = pages()["book/reporting.html"]
    assert len(page.select(".statuses .bar")) >= len(page.select("table.checklist")) / 12
    cells = [[td.get_text(strip=True) for td in row("td")] for row in page.select(".checklist tr")]
    assert all(all(row) for row in cells), "a cell is empty"
    assert len({row[0] for row in cells if row}) >= 52
    for card in ("model_card", "data_sheet"):
        names = [name for name in pages() if re.fullmatch(rf"book/\w+/{card}\.html", name)]
        assert names
        assert not [name for name in names if "not known: " in pages()[name].get_text()]


# The sources of the book


@functools.cache
def bibliography():
    return parse_file(str(ROOT / "book" / "references.bib")).entries


def cited() -> set[str]:
    text = "\n".join(path.read_text() for path in PROSE)
    text += "\n".join(p.read_text() for p in (ROOT / "notebooks").glob("*.ipynb"))
    text += "\n".join(p.read_text() for p in (ROOT / "book" / "_templates").glob("*.md"))
    text += (ROOT / "book" / "reporting.yml").read_text()
    keys = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in keys for key in group.split(",")}


@pytest.mark.parametrize("key", sorted(bibliography()))
def test_bibliography_entry_is_complete(key):
    entry = bibliography()[key]
    assert entry.persons.get("author")
    assert entry.fields.get("title")
    assert re.fullmatch(r"(19|20)\d\d", entry.fields.get("year", ""))
    doi, url = entry.fields.get("doi"), entry.fields.get("url")
    assert doi or url, "needs a DOI or an address"
    assert doi is None or re.fullmatch(r"10\.\d{4,9}/[^\s{}]+", doi)
    assert url is None or url.startswith("https://")


def test_every_entry_is_cited_and_every_citation_has_an_entry():
    assert cited() == set(bibliography())


def test_prose_names_only_numbers_that_the_configuration_declares():
    declared = yaml.safe_load((ROOT / "_config.yml").read_text())["parse"]["myst_substitutions"]
    named = {n for p in PROSE for n in re.findall(r"\{\{ *(\w+) *\}\}", p.read_text())}
    assert named == set(declared)
    numbers = named - {
        "this_title",
        "this_root_hash",
        "this_reading",
        "this_multi_scale",
        "inbreast_answer",
    }  # the rest are of a study and a protocol, or the answer of a chapter
    protocol = "(patient|image|oversample_first)"
    number = re.compile(rf"[a-z]+_({protocol}_\w+|audit_\w+_{protocol}|answer_\d\d_\w+)")
    of_the_paper = {name for name in numbers if not name.startswith(COMPANIONS)}
    assert all(number.fullmatch(name) for name in of_the_paper)


def test_parameters_that_the_method_names_exist():
    table = (ROOT / "book" / "method.md").read_text().split("| parameters |")[1].split("##")[0]
    rows = [line.strip(" |").rsplit("|", 1)[-1] for line in table.splitlines() if "`" in line]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named
    assert named <= {
        p for n in parameters.notebook_names() for p in parameters.declared_parameters(n)
    }


def test_studies_shown_in_prose_are_valid(tmp_path):
    shown = [b for p in PROSE for b in re.findall(r"```yaml\n(.*?)```", p.read_text(), re.DOTALL)]
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        study.load(path)


def test_grades_have_the_same_colours_in_diagrams_as_in_figures():
    scale = (ROOT / "book" / "images" / "birads_scale.svg").read_text()
    assert all(colour in scale for colour in style.colours().values())


def test_every_diagram_has_an_opaque_background_and_a_title():
    for path in (ROOT / "book" / "images").glob("*.svg"):
        soup = BeautifulSoup(path.read_text(), "html.parser")
        _, _, width, height = soup.svg["viewbox"].split()
        first = soup.find("rect")
        assert soup.find("title"), path.name
        assert (first["width"], first["height"]) == (width, height), path.name
        assert first["fill"] == "#ffffff", path.name


# The pages in a browser


LOOK = """
const [done] = arguments;
const over = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
const wide = over();
const images = [...document.images];
images.forEach(i => { i.loading = 'eager'; });  // a reader who scrolls sees them all
const opened = [...document.querySelectorAll('details')].filter(d => {
  if (d.open || !d.querySelector('summary').checkVisibility()) return false;
  d.querySelector('summary').click();
  return true;
});
const seen = Promise.all(images.map(i => i.decode().catch(() => 0)));
const shut = () => opened.filter(d => {
  const inside = [...d.children].find(c => c.tagName !== 'SUMMARY');
  return !(d.open && inside && inside.getBoundingClientRect().height > 0);
});
const began = performance.now();
const answer = () => requestAnimationFrame(() => {
  // The page's own script may answer a click later.
  if (shut().length && performance.now() - began < 500) return answer();
  const missing = images.filter(i => !(i.complete && i.naturalWidth));
  const shown = {wide: Math.max(wide, over()), missing: missing.map(i => i.src.slice(0, 80)),
                 shut: shut().map(d => d.textContent.slice(0, 60))};
  opened.forEach(d => { d.open = false; });  // as the other size is to find them
  done(shown);
});
seen.then(() => requestAnimationFrame(answer));
"""


def longest_of_each_notebook():
    """Return pages that people wrote, and the longest of each notebook."""
    names = (path.relative_to(BOOK).as_posix() for path in paths())
    pages = sorted({*names} - {*NOT_WRITTEN}, key=lambda name: (BOOK / name).stat().st_size)
    return sorted({name.rpartition("/")[2].partition("-")[0]: name for name in pages}.values())


@built
def test_pages_in_a_browser(browser, address):
    """Each page is loaded at one size and then shown at the other, too; sizes take turns."""
    browser.get_log("browser")
    problems = []
    for number, page in enumerate(longest_of_each_notebook()):
        sizes = SIZES if number % 2 else SIZES[::-1]
        show_on(browser, *sizes[0])
        browser.get(f"{address}/{page}")
        for size in sizes:
            show_on(browser, *size)
            seen = browser.execute_async_script(LOOK)
            errors = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
            if errors or seen["wide"] > 0 or seen["missing"] or seen["shut"]:
                problems.append((page, size, errors, seen))
    assert not problems


SMALLEST = """
const points = arguments[0];
return [...document.querySelectorAll("figure.exhibit img")].map((i) =>
  points * 150 / 72 * i.getBoundingClientRect().width / i.naturalWidth);
"""  # the height of such text in each picture, CSS pixels; 150 dots an inch


@built
def test_text_in_pictures_is_read_on_a_phone(browser, address):
    show_on(browser, *SIZES[0])
    browser.get(f"{address}/book/smoke/04_evaluation-proposed-patient.html")
    browser.execute_async_script(LOOK)
    heights = browser.execute_script(SMALLEST, 9)  # points of the smallest text
    assert heights
    assert min(heights) >= 8.99


CUT = """
return [...document.querySelectorAll(".cell pre")]
  .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.textContent.slice(0, 60));
"""


@built
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_line_of_code_or_of_what_it_prints_is_cut(browser, address, width, height):
    show_on(browser, width, height)
    browser.get(f"{address}/book/smoke/08_interpretability-proposed-patient.html")
    assert browser.execute_script("return document.querySelectorAll('.cell_output pre').length")
    assert browser.execute_script(CUT) == []


@built
def test_the_table_of_exhibits_is_searched(browser, address):
    browser.get(f"{address}/book/provenance.html")
    box = browser.find_element("css selector", "input.filter")
    rows = "[...document.querySelectorAll('#provenance-table tbody tr')]"
    shown = f"return {rows}.filter(row => row.checkVisibility()).map(row => row.textContent)"
    every = browser.execute_script(shown)
    box.send_keys("Headline patient")
    kept = browser.execute_script(shown)
    assert 0 < len(kept) < len(every)
    assert all("headline" in text.lower() and "patient" in text.lower() for text in kept)
    box.send_keys(" no such thing")
    assert not browser.execute_script(shown)
