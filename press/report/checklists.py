"""Reporting: three checklists, a model card and a data sheet, filled from executed pages.

``book/reporting.yml`` holds the items and answers, ``book/_templates`` the pages around them, both
as Jinja2 templates. A ``{{ name }}`` is a fact of the study (``facts``) or a word of its reader;
whatever else it may be is an error. What a user wrote is filled in, and never a template.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, create_model, field_validator

from birads_lib.checked import Checked
from birads_lib.errors import UserError, did_you_mean
from birads_lib.protocol import PROTOCOLS
from birads_lib.readers import READERS
from press.pages import page as pages
from press.paths import BOOK
from press.report.facts import FACTS, UNKNOWN, facts, is_known, page_of
from press.report.templates import TEMPLATES, fill, filled, literal
from press.studies import yaml_file
from press.studies.parameters import notebook_names
from press.studies.study import Study
from press.studies.yaml_file import Text

CARDS = ("model_card", "data_sheet")  # pages of each study
_NOTEBOOK = re.compile(r"\{notebook\}`([^`<]*?)\s*<(\d\d_\w+)>`")
_EXHIBIT = re.compile(r"(?<=\{exhibit\} )\d\d_\w+(?=#)")
_CARD = re.compile(r"\[([^]]*)\]\((model_card|data_sheet)\.md\)")
CHECKLISTS = BOOK / "reporting.yml"
NEEDS = {  # status -> the texts that an answer of it has, and has to have
    "done": ("answer",),
    "partly": ("answer", "missing"),
    "not done": ("why",),
    "not applicable": ("why",),
}
TEXTS = ("answer", "missing", "why")


class Answer(Checked):
    """The answer to one item: a status, and the texts that it needs."""

    model_config = ConfigDict(validate_default=True)  # so that a text that is left out is missed

    status: Literal[*NEEDS]
    answer: str = ""
    missing: str = ""
    why: str = ""

    @field_validator(*TEXTS)
    @classmethod
    def _fits_the_status(cls, text: str, info: ValidationInfo) -> str:
        status = info.data.get("status")
        is_needed = info.field_name in NEEDS.get(status, ())
        if is_needed and not text.strip():
            raise ValueError("is missing, or no text; write it, or choose another status")
        if status and text and not is_needed:
            taking = [repr(name) for name, texts in NEEDS.items() if info.field_name in texts]
            advice = f"remove it, or choose {' or '.join(taking)}"
            raise ValueError(f"has no place under '{status}'; {advice}")
        return text

    def text(self) -> str:
        """Return the answer as one line of Markdown."""
        missing = f"*Missing:* {self.missing}" if self.missing else ""
        explanation = self.why[:1].upper() + self.why[1:]
        return " ".join(" ".join(filter(None, [self.answer, missing, explanation])).split())


class Item(Answer):
    """One item of a checklist, with the answer for all readers that it doesn't name."""

    item: Text  # its number, with a letter
    topic: Text

    def to(self, reader: str) -> Answer:
        """Return the answer for data of a reader."""
        return getattr(self, reader, None) or self


_BY_READER = dict.fromkeys(READERS, (Answer | None, None))  # name -> (type, default)


class Checklist(Checked):
    """One checklist: its items by section, and conditions on which some depend (METRICS)."""

    id: Text
    title: Text
    cite: Text
    about: Text
    conditions: list[dict[str, str]] = Field(default_factory=list)
    sections: dict[str, list[create_model("Item", __base__=Item, **_BY_READER)]]

    @field_validator("sections")
    @classmethod
    def _has_each_number_once(cls, sections: dict[str, list[Item]]) -> dict[str, list[Item]]:
        count = Counter(item.item for items in sections.values() for item in items)
        if duplicates := [number for number in count if count[number] > 1]:
            raise ValueError(f"has two items of the same number: {', '.join(duplicates)}")
        return sections

    @property
    def items(self) -> list[Item]:
        """Return the items of all sections."""
        return [item for items in self.sections.values() for item in items]


class Reporting(Checked):
    """The whole file."""

    checklists: list[Checklist]


def load() -> Reporting:
    """Read the checklists; UserError lists all that is wrong with them."""
    content, lines = yaml_file.read(CHECKLISTS, Reporting.model_fields)
    return yaml_file.checked(CHECKLISTS, Reporting, content, lines)


# What a study's pages tell


@dataclass(frozen=True)
class Reported:
    """A study, the names of its executed pages, and all that a ``{{ name }}`` can stand for."""

    study: Study
    pages: tuple[str, ...]
    names: dict[str, str]

    def page(self, notebook: str) -> str:
        """Return the name of the study's page of a notebook: that of its honest run, if any."""
        if notebook not in notebook_names():
            raise UserError(f"no notebook '{notebook}'; {did_you_mean(notebook, notebook_names())}")
        return page_of(notebook, next(iter(self.study.variants)), self.study.honest)


def report(study: Study, book: Path = BOOK) -> Reported:
    """Gather the facts of a study's executed pages in ``book``, and the words of its reader."""
    variant = next(iter(study.variants))
    page_files = {path.stem: path for path in sorted((book / study.name).glob("*.ipynb"))}
    fact_pages = {page_of(notebook, variant, study.honest) for notebook in FACTS}
    executed = [pages.read(path) for name, path in page_files.items() if name in fact_pages]
    card_facts = {
        name: literal(text) if is_known(text) else f"*{literal(text)}*"
        for name, text in facts(executed, variant, study.honest).items()
    }
    written = {"study": study.name, "title": literal(study.title), "notices": _notices(study)}
    written["split"] = f"{card_facts['folds']} folds by patient"
    if PROTOCOLS[study.honest].is_given:
        written["split"] = "the split that came with the data, one fold"
    return Reported(study, tuple(page_files), card_facts | study.reader.all_words() | written)


def _notices(study: Study) -> str:
    """Return the notices above a card: that images are synthetic, and the study's note."""
    parts = []
    if study.reader.synthetic:
        parts.append("```{include} ../_notices/synthetic.md\n```")
    if study.note:
        note = literal(study.note)
        parts.append(f":::{{admonition}} On this study\n:class: study-note\n{note}\n:::")
    return "\n\n".join(parts)


def linked(text: str, reported: list[Reported]) -> str:
    """Lead links to bare notebooks to the pages of the first study, and more to the others'."""
    return _NOTEBOOK.sub(
        lambda link: _of_each(link, "{{notebook}}`{} <{}/{}>`", reported, Reported.page), text
    )


def _of_each(link: re.Match, form: str, reported: list[Reported], page: Callable) -> str:
    """Return a link to a page of each study; the others' labels are their short names."""
    labels = [link[1], *(study.names["short"] for study in reported[1:])]
    return " / ".join(
        form.format(label, entry.study.name, page(entry, link[2]))
        for label, entry in zip(labels, reported, strict=True)
    )


def answered(item: Item, reported: Reported, where: str) -> Answer:
    """Return a study's answer to an item, as far as its pages go.

    What is done leans on pages and facts. Where the study lacks some, it is partly done.
    """
    prepared = item.to(reported.study.reader.name)
    texts = {key: fill(getattr(prepared, key), reported.names, where) for key in TEXTS}
    needed_pages = [reported.page(notebook) for _, notebook in _NOTEBOOK.findall(prepared.answer)]
    absent = [f"`{page}` was not run" for page in needed_pages if page not in reported.pages]
    if prepared.status == "done" and (absent or f"*{UNKNOWN}" in texts["answer"]):
        missing = "; ".join(absent) or "what is not known"
        return Answer(status="partly", answer=texts["answer"], missing=f"{missing}.")
    return Answer(status=prepared.status, **texts)


# The pages


def generated(studies: list[Study], book: Path = BOOK) -> dict[str, str]:
    """Return the pages of this module for a book of some studies, its own first: path -> text.

    The chapter, and for each study that has executed pages a model card and a data sheet.
    """
    reported = [report(study, book) for study in studies]
    reported = _with_distinct_names([study for study in reported if study.pages] or reported[:1])
    made = {"book/reporting.md": chapter(load().checklists, reported)}
    return made | {
        f"book/{entry.study.name}/{name}.md": card(name, entry)
        for entry in reported
        for name in CARDS
    }


def _with_distinct_names(reported: list[Reported]) -> list[Reported]:
    """Return studies that are called by their names, too, where their short names are the same.

    Their titles would do in the text; but headings have it, too, and the search shows them as HTML.
    """
    count = Counter(entry.names["short"] for entry in reported)
    return [
        replace(entry, names=entry.names | {"short": f"{short} ({literal(entry.study.name)})"})
        if count[short := entry.names["short"]] > 1
        else entry
        for entry in reported
    ]


def card(name: str, reported: Reported) -> str:
    """Return a card, filled for a study: from the template for its reader, where there is one."""
    special = f"{name}-{reported.study.reader.name}.md"
    template = special if (TEMPLATES / special).exists() else f"{name}.md"
    text = linked(filled(template, reported.names), [reported])
    folder = reported.study.name
    return _EXHIBIT.sub(lambda notebook: f"{folder}/{reported.page(notebook[0])}", text)


def chapter(lists: list[Checklist], reported: list[Reported]) -> str:
    """Return the chapter with the checklists, answered for each study."""
    bars, shown = [], []
    for checklist in lists:
        answers = {
            item.item: [
                answered(item, study, f"{CHECKLISTS.name}, {checklist.id} {item.item}")
                for study in reported
            ]
            for item in checklist.items
        }
        for place, study in enumerate(reported):
            count = Counter(row[place].status for row in answers.values())
            bars.append((f"{checklist.title}, {study.names['short']}", count))
        sections = {
            title: [row for item in items for row in _rows(item, answers[item.item], reported)]
            for title, items in checklist.sections.items()
        }
        introduction = f"{checklist.about.strip()} {{cite:p}}`{checklist.cite}`"
        shown.append({"checklist": checklist, "about": introduction, "sections": sections})
    names = [study.names for study in reported]
    notices = names[0]["notices"].replace("../_notices", "_notices")
    texts = {"bars": bars, "lists": shown, "studies": names, "statuses": NEEDS, "notices": notices}
    return filled("reporting.md", texts)


def _rows(item: Item, answers: list[Answer], reported: list[Reported]) -> list[dict[str, str]]:
    """Return one row for an item, or one for each study where they differ."""
    if len(set(answers)) == 1:
        return [_row(item, item.topic, answers[0], reported)]
    return [
        _row(item, f"{item.topic} ({study.names['short']})", answer, [study])
        for study, answer in zip(reported, answers, strict=True)
    ]


def _row(item: Item, topic: str, answer: Answer, reported: list[Reported]) -> dict[str, str]:
    """Return a row, its answer with the links of all studies that give it."""
    text = _CARD.sub(
        lambda link: _of_each(link, "[{}]({}/{}.md)", reported, lambda _, card: card),
        linked(answer.text(), reported),
    )
    return {"number": item.item, "topic": topic, "status": answer.status, "text": text}
