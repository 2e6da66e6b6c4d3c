"""The table of contents of a book, and the ways to its other pages.

The contents hold the main page of each chapter. Every other run of it (another study, variant or
split) is reached by the run selector below the chapter's title, and from the archive; a search
passes over it.
"""

import html
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from birads_lib.checked import Checked
from birads_lib.errors import UserError, did_you_mean
from birads_lib.protocol import PROTOCOLS
from press.pages import page as pages
from press.pages.page import COMMITTED, FROZEN
from press.paths import BOOK, ROOT, build_folder, parts_of_page
from press.report.checklists import CARDS
from press.report.templates import filled, literal
from press.studies import chapters, yaml_file
from press.studies.study import Study

TOC = "_toc.yml"  # at the root
THIS = "this"  # there: the study whose book it is
DEFAULT = "phantoms"  # the study that a book is of where nobody names one
ARCHIVE, GLOSSARY = "book/archive", "book/glossary"  # pages
_IN_A_LINE = 6  # runs that a selector shows without being unfolded


class _Section(Checked):
    file: str = ""  # from the root, without .md
    notebook: str = ""  # <study>/<name>, in place of a file

    @model_validator(mode="after")
    def _is_one_page(self) -> "_Section":
        if bool(self.file) == bool(self.notebook):
            raise ValueError("an entry needs either 'file' or 'notebook'")
        return self


class _Entry(_Section):
    sections: list[_Section] = Field([])  # below it


class _Part(Checked):
    caption: str = ""
    study: Literal["", THIS] = ""
    unless: list[str] = Field([])
    mini: bool = False
    chapters: list[_Entry] = Field([])


class _Contents(Checked):
    """The keys of ``_toc.yml`` at the root."""

    format: str
    root: str
    parts: list[_Part]


@dataclass(frozen=True)
class Run:
    """One page of a chapter: a study, and which of its runs."""

    study: Study
    page: str  # its name

    @property
    def doc(self) -> str:
        """The page's name in the book, from its root."""
        return f"book/{self.study.name}/{self.page}"

    @property
    def notebook(self) -> str:
        """Its chapter."""
        return parts_of_page(self.page)[0]

    @property
    def label(self) -> str:
        """The label that sets it apart from the chapter's other pages: "INbreast, by patient"."""
        return ", ".join(filter(None, [_short(self.study), self.of_study]))

    @property
    def of_study(self) -> str:
        """The label within its study: "by patient"; "" for the chapter's only page there."""
        _, variant, protocol = parts_of_page(self.page)
        labels = [variant.replace("_", " ")] if variant not in ("", "proposed") else []
        labels += [PROTOCOLS[protocol].label] if protocol in PROTOCOLS else []
        return ", ".join(labels)

    @property
    def heading(self) -> str:
        """The question that its page asks, as the notebook's first line has it."""
        return pages.read(pages.page_file(self.study.name, self.page, BOOK)).title


def _short(study: Study) -> str:
    """Return a study's name for titles.

    A user's study goes by its name, not by its title, as the search shows titles as HTML.
    """
    if study.name in (DEFAULT, *COMMITTED):
        return study.title.removeprefix("The study on ")
    return study.name.replace("_", " ")


def read() -> _Contents:
    """Return the content of ``_toc.yml``; raise UserError for what is wrong in it."""
    content, lines = yaml_file.read(ROOT / TOC, _Contents.model_fields)
    return yaml_file.checked(ROOT / TOC, _Contents, content, lines)


def runs(study: Study) -> list[Run]:
    """Return the executed pages of a study in the order of reading.

    Last come those with other studies, and those of variants that its file doesn't name: a kept
    page may need weights that only its own machine has.
    """
    names = [name for listed in chapters.contents(study) for name in listed]
    notebooks = {row.notebook for row in chapters.CHAPTERS}
    extra_pages = {path.stem for path in (BOOK / study.name).glob("*.ipynb")}.difference(names)
    names += sorted(name for name in extra_pages if parts_of_page(name)[0] in notebooks)
    existing = [name for name in names if pages.page_file(study.name, name, BOOK).exists()]
    return [Run(study, name) for name in existing]


def main_pages(study: Study) -> list[Run]:
    """Return the executed page of each chapter that stands for it: the first run, by patient."""
    first_pages = {listed[0] for listed in chapters.contents(study)}
    all_runs = runs(study)
    chapter_runs = [run for run in all_runs if run.page in first_pages]
    return chapter_runs + [r for r in all_runs if chapters.chapter(r.notebook).pages == "elsewhere"]


def contents(study: Study, studies: Mapping[str, Study], made: Collection[str] = ()) -> dict:
    """Return the table of contents of a study's book, from ``_toc.yml`` at the root.

    There, ``study: this`` stands for all main pages of the study whose book it is that no other
    part lists, and ``notebook: <study>/<name>`` for the main page of a chapter. Pages that neither
    exist nor are ``made`` while staging are left out.
    """
    toc, parts = read(), []
    existing = [_existing(part.chapters, study, studies, made) for part in toc.parts]
    listed_files = {entry["file"] for entries in existing for entry in _all_entries(entries)}
    for part, entries in zip(toc.parts, existing, strict=True):
        is_own = part.study == THIS and study.name not in [*part.unless, *COMMITTED]
        entries += _study_entries(study, listed_files, made) if is_own else []
        if entries:
            caption = study.title if is_own else part.caption
            parts.append({"caption": caption, "chapters": entries})
    return {"format": toc.format, "root": toc.root, "parts": parts}


def _study_entries(study: Study, listed: Collection[str], made: Collection[str]) -> list[dict]:
    """Return the entries of a study's main pages that aren't listed yet, and of its cards."""
    further = [run for run in main_pages(study) if run.doc not in listed]
    cards = [f"book/{study.name}/{card}" for card in CARDS]
    return [
        *({"file": run.doc, "title": _named(run)} for run in further),
        *({"file": card} for card in cards if f"{card}.md" in made),
    ]


def reading(study: Study, only_mini: bool = False) -> list[tuple[str, list[str]]]:
    """Return the parts of a staged book in their order: caption, and the names of its pages.

    The archive is left out: it leads to pages that the contents lack. With ``only_mini``, there
    are the front page, the parts that ``_toc.yml`` marks ``mini``, and the glossary.
    """
    toc = yaml_file.read(build_folder(study.name) / "source" / TOC, _Contents.model_fields)[0]
    parts = [(p["caption"], [e["file"] for e in _all_entries(p["chapters"])]) for p in toc["parts"]]
    if only_mini:
        marked = {part.caption for part in read().parts if part.mini}
        parts = [(caption, docs) for caption, docs in parts if caption in marked]
        parts.append(("", [GLOSSARY]))
    parts = [(caption, [doc for doc in docs if doc != ARCHIVE]) for caption, docs in parts]
    return [("", [toc["root"]]), *parts]


def listed(toc: dict) -> set[str]:
    """Return the names of all pages that a table of contents lists, and of its first."""
    return {
        toc["root"],
        *(e["file"] for part in toc["parts"] for e in _all_entries(part["chapters"])),
    }


def _all_entries(entries: list[dict]) -> Iterator[dict]:
    for entry in entries:
        yield entry
        yield from entry.get("sections", [])


def _existing(
    entries: Sequence[_Section], study: Study, studies: Mapping[str, Study], made: Collection[str]
) -> list[dict]:
    """Return the entries that exist, or are made while staging, as Sphinx reads them."""
    existing = []
    for entry in entries:
        below = _existing(getattr(entry, "sections", ()), study, studies, made)
        if entry.notebook:
            page_entry = _main_page(entry.notebook, study, studies)
        else:
            is_there = f"{entry.file}.md" in made or any(ROOT.glob(f"{entry.file}.*"))
            page_entry = {"file": entry.file} if is_there else None
        if page_entry:
            existing.append(page_entry | ({"sections": below} if below else {}))
        else:
            existing += below  # a page that is missing takes nothing else away
    return existing


def _main_page(reference: str, study: Study, studies: Mapping[str, Study]) -> dict | None:
    """Return the entry of ``<study>/<notebook>``; of this study, where it is of the paper."""
    name, _, notebook = reference.partition("/")
    if name == THIS:
        is_of_paper = study.chapters == chapters.PAPER
        name = study.name if is_of_paper else FROZEN[0]
    main_study = study if name == study.name else studies.get(name)
    if main_study is None:
        raise UserError(f"{TOC}: unknown study '{name}'; {did_you_mean(name, studies)}")
    if notebook not in (notebooks := [row.notebook for row in chapters.CHAPTERS]):
        raise UserError(
            f"{TOC}: unknown notebook '{notebook}'; {did_you_mean(notebook, notebooks)}"
        )
    run = next((run for run in main_pages(main_study) if run.notebook == notebook), None)
    return {"file": run.doc, "title": run.heading} if run else None


def _named(run: Run) -> str:
    """Return the name of a main page in the contents; those of two studies name their run, too."""
    is_of_two = chapters.chapter(run.notebook).pages == "elsewhere"
    return f"{run.heading} ({run.of_study})" if is_of_two else run.heading


def title(run: Run) -> str:
    """Return the title of a page: its question, and the run that it is of."""
    return f"{run.heading} · {literal(run.label)}"


def selector(run: Run, all_runs: Collection[Run]) -> str:
    """Return, as HTML on one line, the way from a page to the other runs of its chapter."""
    others = [other for other in all_runs if other.notebook == run.notebook and other != run]
    here = f"<strong>{html.escape(run.label)}</strong>"
    if not others:
        return f'<p class="runs">This page: {here}.</p>'
    links = " · ".join(
        f'<a href="../{other.study.name}/{other.page}.html">{html.escape(other.label)}</a>'
        for other in others
    )
    if len(others) <= _IN_A_LINE:
        return f'<p class="runs">This page: {here}. Also: {links}</p>'
    summary = f"This page: {here}. {len(others)} other runs of this chapter"
    return f'<details class="runs"><summary>{summary}</summary><p>{links}</p></details>'


def archive(studies: Collection[Study], made: Collection[str]) -> str:
    """Return the page that leads to every executed page and card of a book."""
    of_studies = []
    for study in studies:
        by_chapter: dict[str, list[Run]] = {}
        for run in runs(study):
            by_chapter.setdefault(run.heading, []).append(run)
        rows = [
            {
                "heading": heading,
                "runs": [(f"{study.name}/{r.page}.html", r.of_study) for r in chapter_runs],
            }
            for heading, chapter_runs in by_chapter.items()
        ]
        cards = [c for c in CARDS if f"book/{study.name}/{c}.md" in made]
        rows += [
            {"heading": card.replace("_", " ").capitalize(),
             "runs": [(f"{study.name}/{card}.html", "")]}
            for card in cards
        ]  # fmt: skip
        if rows:
            of_studies.append({"title": literal(_short(study)), "chapters": rows})
    return filled("archive.md", {"studies": of_studies})
