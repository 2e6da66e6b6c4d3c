"""Executed pages, read back: their figures, tables, files, numbers, and the passport of each.

An executed notebook holds all that verifying, listing and packaging a study need, also where the
files that it once read are not at hand.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.files import one_at_a_time, sha256, written_whole
from press.exhibits import FACTS_TYPE, PASSPORT_TYPE
from press.paths import BOOK, RESULTS, SPEED, parts_of_page

FROZEN = ("inbreast",)  # studies executed elsewhere and committed; every book shows them
COMMITTED = (*FROZEN, SPEED)  # folders of all such pages
SEALS = "SHA256SUMS"  # one file for each study's pages, as `sha256sum -c` reads it
FIGURE = re.compile(r'<figure class="exhibit" id="([^"]+)"')
_DOWNLOAD = re.compile(r'<a download="([^"]+)" href="data:[^;]+;base64,([^"]*)"')
_IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]*)"')


@dataclass(frozen=True)
class Exhibit:
    """One published figure or table: its HTML, and the files that this holds."""

    id: str
    html: str

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Return the bytes of its PNG, CSV and JSON by file name."""
        found = {name: base64.b64decode(text) for name, text in _DOWNLOAD.findall(self.html)}
        pictures = _IMAGE.findall(self.html)
        return found | ({f"{self.id}.png": base64.b64decode(pictures[0])} if pictures else {})

    @cached_property
    def passport(self) -> dict:
        """Return the passport that a reader downloads from the page."""
        return json.loads(self.files[f"{self.id}.json"])

    @property
    def kind(self) -> str:
        """Return "figure" or "table"."""
        return "figure" if _IMAGE.search(self.html) else "table"


@dataclass(frozen=True)
class Number:
    """A number that prose names, formatted, and the cell that recorded it."""

    text: str
    cell_id: str


@dataclass(frozen=True)
class Page:
    """One executed notebook."""

    path: Path
    title: str
    passport: dict  # of the page as a whole, with all parameters and the hash of each module
    exhibits: dict[str, Exhibit]
    artefacts: dict[str, dict]  # passports of the files it wrote, by their id
    numbers: dict[str, Number]
    papermill: dict  # parameters, start_time, end_time, duration in seconds
    facts: dict[str, str] = field(default_factory=dict)  # recorded for cards and checklists

    @property
    def name(self) -> str:
        """Return the name of the page, such as "04_evaluation-proposed-patient"."""
        return self.path.stem

    @property
    def study(self) -> str:
        """Return the name of the study, that of its folder."""
        return self.path.parent.name

    @property
    def notebook(self) -> str:
        """Return the name of the source notebook."""
        return parts_of_page(self.name).notebook

    def passports(self) -> list[dict]:
        """Return every passport of the page: its own, its files' and its exhibits'."""
        shown = [exhibit.passport for exhibit in self.exhibits.values()]
        return [self.passport, *self.artefacts.values(), *shown]


def read(path: Path) -> Page:
    """Read one executed notebook; raises UserError where it is none, or has no passport."""
    facts = path.stat()
    return _read(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=256)  # a book's chapters are made from the same pages
def _read(path: Path, time: int, size: int) -> Page:
    try:
        notebook = json.loads(path.read_text())
        cells, metadata = notebook["cells"], notebook.get("metadata", {})
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path.name} is no notebook ({error!r})") from None
    outputs = [(cell.get("id"), out) for cell in cells for out in cell.get("outputs", [])]
    heading = "".join(cells[0].get("source", "")).partition("\n")[0] if cells else ""
    passports = [out["data"][PASSPORT_TYPE] for _, out in outputs if _has(out, PASSPORT_TYPE)]
    own = next((facts for facts in passports if facts["kind"] == "page"), None)
    if own is None:
        raise UserError(
            f"{path.parent.name}/{path.name} has no passport: no study executed it; remove it"
        )
    htmls = ["".join(out["data"]["text/html"]) for _, out in outputs if _has(out, "text/html")]
    shown = [(FIGURE.match(html), html) for html in htmls]
    return Page(
        path,
        heading.lstrip("# ") or path.stem,
        own,
        {match[1]: Exhibit(match[1], html) for match, html in shown if match},
        {p["id"]: p for p in passports if p["kind"] == "artefact"},
        _numbers(outputs),
        metadata.get("papermill", {}),
        _facts(outputs),
    )


def of_study(study: str, book: Path = BOOK) -> list[Page]:
    """Return the executed pages of a study, in the order of their names."""
    return [read(path) for path in sorted((book / study).glob("*.ipynb"))]


def _has(output: dict, kind: str) -> bool:
    return kind in output.get("data", {})


def _numbers(outputs: list[tuple[str, dict]]) -> dict[str, Number]:
    """Return what the cells glued, by name."""
    found = {}
    for cell_id, output in outputs:
        glued = output.get("metadata", {}).get("scrapbook")
        if glued:
            data = output["data"]
            text = next(v for k, v in data.items() if k.endswith("text/plain"))
            found[glued["name"]] = Number("".join(text).strip("'"), cell_id)
    return found


def _facts(outputs: list[tuple[str, dict]]) -> dict[str, str]:
    """Return what the cells recorded for cards and checklists, by name."""
    recorded = [output["data"][FACTS_TYPE] for _, output in outputs if _has(output, FACTS_TYPE)]
    return {name: text for facts in recorded for name, text in facts.items()}


def digest_of(read: dict) -> str:
    """Return the hash of one input in a passport; of images, that over the list of theirs."""
    return read.get("sha256") or read["sha256_of_hashes"]


def maker_of(one: dict, page: Page) -> Page | None:
    """Return the page that wrote an input of a page; None where none did or it isn't here."""
    if "made_by" not in one:
        return None
    # A comparison reads another study's files, too, and its passports say so.
    path = page.path.parents[1] / one.get("study", page.study) / f"{one['made_by']}.ipynb"
    return read(path) if path.exists() else None


def seal(page: Path) -> None:
    """Note the hash of a page that was just executed in its folder's ``SHA256SUMS``."""
    path = page.parent / SEALS
    with one_at_a_time(RESULTS / f"{page.parent.name}.seals.lock", "waiting for another seal"):
        known = seals(page.parent) | {page.name: sha256(page)}
        lines = [f"{digest}  {name}\n" for name, digest in sorted(known.items())]
        with written_whole(path) as temporary:
            temporary.write_text("".join(lines))


def seals(folder: Path) -> dict[str, str]:
    """Return the noted hash of each page in a folder, by file name."""
    path = folder / SEALS
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
