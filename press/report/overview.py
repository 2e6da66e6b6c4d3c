"""Chapters over many pages: provenance of all that a book shows, and the papers side by side."""

from collections.abc import Iterator
from textwrap import shorten

from press.pages.outputs import digest_of
from press.pages.page import Page
from press.pages.stale import changed_sources
from press.report import claims
from press.report.templates import filled, literal

LONGEST = 100  # characters of a caption or an answer in the table of all that a book shows


def chapter(studies: list[tuple[str, list[Page]]]) -> str:
    """Return the chapter; ``studies``: title and executed pages of each study of the book."""
    counts = [_counts(title, pages) for title, pages in studies]
    rows = [row for _, pages in studies for executed in pages for row in _rows(executed)]
    return filled("provenance.md", {"studies": counts, "rows": rows})


def companions() -> str:
    """Return the page on the paper and its companions; systems that it only quotes are left out."""
    table = claims.published().map(literal)
    rows = [
        {"name": literal(str(name)), **row}
        for name, row in table.to_dict("index").items()
        if "as the paper quotes" not in str(name)
    ]
    return filled("companions.md", {"systems": rows})


def _counts(title: str, pages: list[Page]) -> dict[str, object]:
    """Return the counts of a study's pages and exhibits, its days of execution, and stale pages."""
    kinds = [exhibit.kind for executed in pages for exhibit in executed.exhibits.values()]
    days = sorted(executed.papermill.get("start_time", "")[:10] for executed in pages)
    return {
        "title": literal(title),
        "pages": len(pages),
        "figures": kinds.count("figure"),
        "tables": kinds.count("table"),
        "numbers": sum(len(executed.numbers) for executed in pages),
        "executed": " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "",
        "stale": sum(bool(changed_sources(executed)) for executed in pages),
    }


def _rows(executed: Page) -> Iterator[dict[str, str]]:
    """Yield a row of the table for each figure, table and number of a page."""
    for exhibit in executed.exhibits.values():
        texts = {"name": exhibit.id, "text": _beginning(exhibit.passport["caption"])}
        yield texts | _location(executed, exhibit.kind, exhibit.id, exhibit.passport)
    for name, number in executed.numbers.items():
        texts = {"name": name, "text": _beginning(number.text)}
        yield texts | _location(executed, "number", f"cell-{number.cell_id}", executed.passport)


def _beginning(text: str) -> str:
    return shorten(text, LONGEST, placeholder=" …")


def _location(executed: Page, kind: str, anchor: str, passport: dict) -> dict[str, str]:
    """Return the place of an exhibit or number on a page, and the code and inputs that made it."""
    read = [f"{file['name']} {digest_of(file)[:8]}" for file in passport["inputs"]]
    code = f"code {passport['code']['library_sha256'][:8]}"
    page_in_words = executed.name.replace("_", " ").replace("-", ", ", 2)
    return {
        "address": f"{executed.study}/{executed.name}.html#{anchor}",
        "where": f"{kind}, {executed.study}, {page_in_words}",
        "made": ", ".join([passport["started"][:10], code, *read]),
    }
