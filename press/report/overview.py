"""The chapter on provenance: every figure, table and number of a book, each with what made it."""

import html
from collections.abc import Iterable

from birads_lib.figures.lineage import lineage
from press import exhibits, verify
from press.page import Page, digest_of
from press.paths import METRICS
from press.run import SYNTHETIC

CHAPTER = "book/provenance"
_HEADS = ("What, and where", "What it says", "Made, by which code, from what")


def chapter(studies: dict[str, list[Page]], template: str) -> dict[str, bytes]:
    """Return the files of the chapter, by their path in the book's sources.

    Args:
        studies: title -> executed pages of each study of the book, its own first.
        template: the chapter's prose, with ``[[summary]]`` and ``[[table]]``.
    """
    every = [page for pages in studies.values() for page in pages]
    own = next(iter(studies.values()))
    filled = template.replace("[[summary]]", _summary(studies)).replace("[[table]]", _table(every))
    files = {f"{CHAPTER}.md": filled.encode()}
    if own:
        files[f"{CHAPTER}_lineage.png"] = picture(own)
    return files


def picture(pages: list[Page]) -> bytes:
    """Return the PNG of which notebook read what which other one wrote, by the passports."""
    writes: dict[str, set] = {"images": set()}
    reads = set()
    for page in pages:
        files = {name.split("/")[-1] for name in page.artefacts}
        kinds = {"figures and tables"} | {f for f in files if not f.endswith(METRICS)}
        kinds |= {"metrics"} if any(f.endswith(METRICS) for f in files) else set()
        writes.setdefault(page.notebook, set()).update(kinds)
        for one in (one for facts in page.passports() for one in facts["inputs"]):
            if "sha256_of_hashes" in one:
                reads.add(("images", page.notebook))
            elif "made_by" in one and "study" not in one:
                reads.add((one["made_by"].split("-")[0], page.notebook))
    ordered = dict(sorted(writes.items(), key=lambda item: (item[0] != "images", item[0])))
    said = {name: f"writes {_listed(kinds)}" for name, kinds in ordered.items()}
    said["images"] = "the files with the hashes that page 01 lists"
    synthetic = any(SYNTHETIC in e.passport.get("marks", ()) for e in pages[0].exhibits.values())
    marks = [("synthetic-mark", SYNTHETIC)] if synthetic else []
    there = [(writer, reader) for writer, reader in reads if writer in said]
    return exhibits.png(lineage(said, there), marks)


def _listed(kinds: set[str]) -> str:
    """Name some files, those of variants and folds once."""
    plain = sorted({"images.npy" if kind.startswith("images-") else kind for kind in kinds})
    return ", ".join(plain)


def _summary(studies: dict[str, list[Page]]) -> str:
    rows = ["| study | pages | figures | tables | numbers | executed | stale pages |"]
    rows.append("| --- " * 7 + "|")
    for title, pages in studies.items():
        kinds = [exhibit.kind for page in pages for exhibit in page.exhibits.values()]
        days = sorted(page.papermill.get("start_time", "")[:10] for page in pages)
        stale = sum(bool(verify.changed_sources(page)) for page in pages)
        when = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
        numbers = sum(len(page.numbers) for page in pages)
        counts = (len(pages), kinds.count("figure"), kinds.count("table"), numbers)
        rows.append(f"| {title} | {' | '.join(map(str, counts))} | {when} | {stale} |")
    return "\n".join(rows)


def _table(pages: Iterable[Page]) -> str:
    """Return the HTML of one row for each figure, table and number."""
    head = "".join(f"<th>{name}</th>" for name in _HEADS)
    rows = [row for page in pages for row in (*_exhibit_rows(page), *_number_rows(page))]
    return (
        '<input class="filter" type="search" data-table="provenance-table" '
        'placeholder="Type to filter: a name, a study, a hash ..." aria-label="Filter the table">'
        f'<div class="table-scroll provenance"><table id="provenance-table"><thead><tr>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _exhibit_rows(page: Page) -> Iterable[str]:
    for exhibit in page.exhibits.values():
        facts = exhibit.passport
        yield _row(page, exhibit.id, exhibit.id, exhibit.kind, facts["caption"], facts)


def _number_rows(page: Page) -> Iterable[str]:
    for name, number in page.numbers.items():
        yield _row(page, name, f"cell-{number.cell_id}", "number", number.text, page.passport)


def _row(page: Page, name: str, anchor: str, kind: str, said: str, facts: dict) -> str:
    address = f"{page.study}/{page.name}.html#{anchor}"
    where = f"{kind}, {page.study}, {page.name.replace('_', ' ').replace('-', ', ', 2)}"
    read = "".join(f", {one['name']} {digest_of(one)[:8]}" for one in facts["inputs"])
    made = f"{facts['started'][:10]}, code {facts['code']['library_sha256'][:8]}{read}"
    head = f'<a href="{html.escape(address)}">{html.escape(name)}</a><br>{html.escape(where)}'
    return f"<tr><th>{head}</th><td>{html.escape(said)}</td><td>{html.escape(made)}</td></tr>"
