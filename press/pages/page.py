"""Executed pages, read back: their figures, tables, files, numbers, and the passport of each.

An executed notebook holds all that verifying, listing and packaging a study need, also where the
files that it once read are not at hand.
"""

import ast
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd

from birads_lib.errors import UserError
from birads_lib.files import one_at_a_time, sha256, written_whole
from press.pages import outputs
from press.paths import BOOK, RESULTS, is_inside, parts_of_page, rendered_book

FROZEN = ("inbreast",)  # studies executed elsewhere and committed; every book shows them
# Studies beside them, most of other papers, whose pages are committed, too.
COMPANIONS = (
    "inbreast_best", "backbones", "backbones_inbreast", "transfer", "transfer_inbreast",
    "relevance", "relevance_inbreast", "relevance_cbis", "density", "density_inbreast",
    "density_cbis",
)  # fmt: skip
COMMITTED = (*FROZEN, "speed", *COMPANIONS)  # folders of all such pages
SEALS = "SHA256SUMS"  # one file for each study's pages, as `sha256sum -c` reads it
_LISTED = re.compile("([0-9a-f]{64})  ([^\ufffd]+)")  # a line of such a file, all of it UTF-8


@dataclass(frozen=True)
class Exhibit:
    """One published figure or table, as an output of a cell holds it."""

    data: dict  # {MIME type: content}
    cell_id: str | None = None  # of the cell that holds it

    @property
    def passport(self) -> dict:
        """The facts behind it."""
        return self.data[outputs.PASSPORT]

    @property
    def id(self) -> str:
        """Its name on the page."""
        return self.passport["id"]

    @property
    def kind(self) -> str:
        """Either "figure" or "table"."""
        return self.passport["kind"]

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The bytes of its PNG, CSV and JSON by file name."""
        return outputs.files_of(self.data)

    @property
    def table(self) -> pd.DataFrame | None:
        """Its numbers; None where it has none to download. ValueError where it isn't CSV."""
        content = self.files.get(f"{self.id}.csv")
        return None if content is None else pd.read_csv(io.BytesIO(content))


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
        """The name of the page, such as "04_evaluation-proposed-patient"."""
        return self.path.stem

    @property
    def study(self) -> str:
        """The name of the study, that of its folder."""
        return self.path.parent.name

    @property
    def notebook(self) -> str:
        """The name of the source notebook."""
        return parts_of_page(self.name)[0]

    @property
    def commit(self) -> str:
        """The commit that it was executed at, and whether code had been changed since."""
        code = self.passport["code"]
        changed = " with uncommitted changes" if code["uncommitted_changes"] else ""
        return code["commit"] + changed

    def passports(self) -> list[dict]:
        """Return every passport of the page: its own, its files' and its exhibits'."""
        shown = [exhibit.passport for exhibit in self.exhibits.values()]
        return [self.passport, *self.artefacts.values(), *shown]


def page_file(study: str, name: str, book: Path = BOOK) -> Path:
    """Return the file of a study's executed page, in a folder of such pages by study."""
    return book / study / f"{name}.ipynb"


def rendered_page(study: str, name: str) -> Path:
    """Return the file of a study's page in its rendered book."""
    return rendered_book(study) / "book" / study / f"{name}.html"


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
        raise UserError(
            f"{path.name} is no notebook ({error!r}); bring the file back as it was, or remove it"
        ) from None
    shown = [(cell.get("id"), output) for cell in cells for output in cell.get("outputs", [])]
    data = [(cell_id, output["data"]) for cell_id, output in shown if "data" in output]
    published = [Exhibit(bundle, cell_id) for cell_id, bundle in data if outputs.PASSPORT in bundle]
    passport = next((item.passport for item in published if item.kind == "page"), None)
    if passport is None:
        raise UserError(
            f"{path.parent.name}/{path.name} has no passport: no study executed it; remove it"
        )
    facts = [bundle[outputs.FACTS] for _, bundle in data if outputs.FACTS in bundle]
    _check_places(path, [item.passport for item in published])
    return Page(
        path,
        "".join(cells[0].get("source", "")).partition("\n")[0].lstrip("# ") or path.stem,
        passport,
        {item.id: item for item in published if item.kind in ("figure", "table")},
        {item.id: item.passport for item in published if item.kind == "artefact"},
        _numbers(shown),
        metadata.get("papermill", {}),
        {name: text for recorded in facts for name, text in recorded.items()},
    )


def _check_places(page: Path, passports: list[dict]) -> None:
    """Raise UserError where passports name files outside the project, which nothing may open."""
    read = [read for facts in passports for read in facts.get("inputs", [])]
    places = {facts["file"] for facts in [*passports, *read] if "file" in facts}
    names = {name for facts in passports for name in facts.get("files", {})}
    shown = [facts for facts in passports if facts.get("kind") != "artefact"]
    names |= {str(facts["id"]) for facts in shown if "id" in facts}
    names |= {str(facts[key]) for facts in read for key in ("made_by", "study") if key in facts}
    outside = [place for place in places if not is_inside(place)]
    outside += [name for name in names if Path(name).name != name]
    if outside:
        listed = ", ".join(map(repr, sorted(outside)))
        raise UserError(
            f"{page.parent.name}/{page.name} names files outside the project: {listed}; "
            "it was tampered with: remove it and run the study again"
        )


def _numbers(shown: list[tuple[str, dict]]) -> dict[str, Number]:
    """Return the texts that cells glued, by name; raise UserError for one that isn't a text."""
    numbers = {}
    for cell_id, output in shown:
        if glued := output.get("metadata", {}).get("scrapbook"):
            texts = (v for k, v in output["data"].items() if k.endswith("text/plain"))
            text = "".join(next(texts, "''"))
            try:
                numbers[glued["name"]] = Number(str(ast.literal_eval(text)), cell_id)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                raise UserError(
                    f"{glued['name']} is recorded as {text[:40]}, no text in quotes; bring the "
                    "page back as it was, or run the study again"
                ) from None
    return numbers


def of_study(study: str, book: Path = BOOK) -> list[Page]:
    """Return the executed pages of a study, in the order of their names."""
    return [read(path) for path in sorted((book / study).glob("*.ipynb"))]


def executed(study: str, names: Sequence[str], advice: str, book: Path = BOOK) -> list[Page]:
    """Return the executed ones of a study's pages.

    Raises UserError where the study has to be run for missing ones, which ends with ``advice``.
    A study that was executed elsewhere has no pages of chapters that were added since.
    """
    paths = {name: page_file(study, name, book) for name in names}
    existing = {name: path for name, path in paths.items() if path.exists()}
    missing = [name for name in names if name not in existing]
    if missing and (study not in COMMITTED or not existing):
        raise UserError(
            f"the study '{study}' is not executed here: {len(missing)} of {len(names)} pages are "
            f"missing, such as {missing[0]}; {advice}"
        )
    return [read(path) for path in existing.values()]


def maker_of(facts: dict, page: Page) -> Page | None:
    """Return the page that wrote an input of a page; None where none did or it isn't here."""
    if "made_by" not in facts:
        return None
    # A comparison reads another study's files, too, and its passports say so.
    study = facts.get("study", page.study)
    path = page_file(study, facts["made_by"], page.path.parents[1])
    return read(path) if path.exists() else None


def seal(page: Path) -> None:
    """Note the hash of a page that was just executed in its folder's ``SHA256SUMS``."""
    with one_at_a_time(RESULTS / f"{page.parent.name}.seals.lock", "waiting for another seal"):
        known_hashes = seals(page.parent) | {page.name: sha256(page)}
        with written_whole(page.parent / SEALS) as temporary:
            temporary.write_text(hash_list(known_hashes))


def seals(folder: Path) -> dict[str, str]:
    """Return the noted hash of each page in a folder, by file name; UserError as ``hashes_in``."""
    return hashes_in(folder / SEALS)


def hash_list(hashes: Mapping[str, str]) -> str:
    """Return {name: SHA-256} as the lines that ``sha256sum`` prints, in the order of the names."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))


def hashes_in(path: Path) -> dict[str, str]:
    """Return {name: SHA-256} of a file that ``hash_list`` made; {} where there is none.

    Raises UserError where the file is damaged.
    """
    lines = path.read_bytes().decode(errors="replace").splitlines() if path.exists() else []
    listed = {line: _LISTED.fullmatch(line) for line in lines}
    if wrong := [line for line, match in listed.items() if not match]:
        where = f"{path.parent.name}/{path.name}"
        raise UserError(
            f"{where} is damaged: {wrong[0][:80]!r} is no SHA-256 with the name of a file; bring "
            "the file back as it was, or remove it and run the study again"
        )
    return {match[2]: match[1] for match in listed.values()}
