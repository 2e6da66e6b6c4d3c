"""Reporting: three checklists, a model card and a data sheet, filled from executed pages.

``book/reporting.yml`` holds the items and answers, ``book/_templates`` the pages around them. A
``{name}`` in either is a fact of the study (``facts``), a word for its kind of data, or a table
that is made here; whatever else it may be is an error.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from birads_lib.errors import UserError, did_you_mean
from birads_lib.readers import READERS
from press import page as pages
from press.paths import BOOK
from press.report.facts import UNKNOWN, facts, known, page_name, sources
from press.study import Study, notebook_names

CHECKLISTS = BOOK / "reporting.yml"
TEMPLATES = BOOK / "_templates"
CARDS = ("model_card", "data_sheet")  # pages of each study; a data sheet has a template a reader
NEEDS = {  # status -> the texts that an answer of it has, and has to have
    "done": ("answer",),
    "partly": ("answer", "missing"),
    "not done": ("why",),
    "not applicable": ("why",),
}
_TEXTS = ("answer", "missing", "why")
_KEYS = ("item", "topic", "same", "status", *_TEXTS, *READERS)
_HEAD = {"id", "title", "cite", "about"}  # of a checklist
_PLACE = re.compile(r"\{(?!(?:notebook|exhibit|include|admonition)\})(\w+)\}")  # no role of MyST
_POINTER = re.compile(r"\{notebook\}`([^`<]*)<(\d\d_\w+)>`")
_EXHIBIT = re.compile(r"(?<=\{exhibit\} )\d\d_\w+(?=#)")
_CARD = re.compile(r"\[([^]]*)\]\((model_card|data_sheet)\.md\)")


@dataclass(frozen=True)
class Answer:
    """What is said to one item: a status, and the texts that it needs."""

    status: str
    answer: str = ""
    missing: str = ""
    why: str = ""

    def text(self) -> str:
        """Return the answer as one line of Markdown."""
        missing = f"*Missing:* {self.missing}" if self.missing else ""
        why = self.why[:1].upper() + self.why[1:]
        return " ".join(" ".join(filter(None, [self.answer, missing, why])).split())


@dataclass(frozen=True)
class Item:
    """One item of a checklist, with an answer for each reader; "" is for all others."""

    number: str
    topic: str
    answers: dict[str, Answer]

    def to(self, reader: str) -> Answer:
        """Return the answer for data of a reader."""
        return self.answers.get(reader) or self.answers[""]


@dataclass(frozen=True)
class Checklist:
    """One checklist: its items by section, and conditions on which some depend (METRICS)."""

    id: str
    title: str
    cite: str
    about: str
    sections: dict[str, list[Item]]
    conditions: list[dict[str, str]]

    @property
    def items(self) -> list[Item]:
        """Return the items of all sections."""
        return [item for items in self.sections.values() for item in items]


# Reading the file


def load(path: Path = CHECKLISTS) -> tuple[list[Checklist], dict[str, dict[str, str]]]:
    """Read the checklists and the words for each reader; UserError lists all that is wrong."""
    try:
        raw = yaml.safe_load(path.read_text())
        lists, words = raw["checklists"], raw["words"]
        entries = {
            f"{one['id']} {entry['item']}": entry
            for one in lists
            for section in one["sections"].values()
            for entry in section
        }
        count = sum(len(section) for one in lists for section in one["sections"].values())
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path.name} holds no words and checklists of items ({error})") from None
    problems = [f"{name}: {what}" for name in entries for what in _problems(name, entries)]
    problems += [f"words: '{reader}' is missing" for reader in READERS if reader not in words]
    problems += [f"{one['id']}: '{key}' is missing" for one in lists for key in _HEAD - set(one)]
    problems += ["two items of a checklist have the same number"] if count > len(entries) else []
    if problems:
        raise UserError("\n".join(f"{path.name}, {problem}" for problem in problems))
    return [_checklist(one, entries) for one in lists], words


def _problems(name: str, entries: dict[str, dict]) -> list[str]:
    """Return what is wrong with one item, each beginning with the key."""
    entry = entries[name]
    found = [f"unknown '{key}'; {did_you_mean(key, _KEYS)}" for key in entry if key not in _KEYS]
    if not _is_text(entry.get("topic")):
        found.append("'topic' is missing, or no text")
    if "same" in entry:
        other = entries.get(entry["same"])
        if other is None:
            found.append(f"'same' is {entry['same']!r}; {did_you_mean(entry['same'], entries)}")
        elif "same" in other:
            found.append(f"'same': {entry['same']} has no answer of its own")
        return found
    given = [reader for reader in READERS if reader in entry]
    general = {key: entry[key] for key in ("status", *_TEXTS) if key in entry}
    if general or len(given) < len(READERS):
        found += _answer_problems(general)
    for reader in given:
        found += [f"'{reader}': {what}" for what in _answer_problems(entry[reader])]
    return found


def _answer_problems(answer: object) -> list[str]:
    if not isinstance(answer, dict) or answer.get("status") not in NEEDS:
        return [f"'status' has to be one of {', '.join(NEEDS)}"]
    needed, status = NEEDS[answer["status"]], answer["status"]
    found = [f"'{key}' is missing, or no text" for key in needed if not _is_text(answer.get(key))]
    others = [key for key in answer if key not in ("status", *needed)]
    return found + [f"'{key}' has no place under '{status}'" for key in others]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _checklist(raw: dict, entries: dict[str, dict]) -> Checklist:
    sections = {
        title: [_item(entry, entries) for entry in section]
        for title, section in raw["sections"].items()
    }
    named = {key: raw[key] for key in _HEAD}
    return Checklist(**named, sections=sections, conditions=raw.get("conditions", []))


def _item(entry: dict, entries: dict[str, dict]) -> Item:
    source = entries[entry["same"]] if "same" in entry else entry
    answers = {reader: Answer(**source[reader]) for reader in READERS if reader in source}
    if "status" in source:
        answers[""] = Answer(**{key: source[key] for key in ("status", *_TEXTS) if key in source})
    return Item(entry["item"], entry["topic"], answers)


# Filling in what a study knows


@dataclass(frozen=True)
class Told:
    """A study, the names of its executed pages, and all that a ``{name}`` can stand for."""

    study: Study
    pages: tuple[str, ...]
    names: dict[str, str]

    @property
    def reader(self) -> str:
        """Return the name of the study's reader."""
        return self.study.dataset["reader"]

    def page(self, notebook: str) -> str:
        """Return the name of the study's page of a notebook: that of its run by patient, if any."""
        return page_name(notebook, next(iter(self.study.variants)))


def tell(study: Study, words: dict[str, dict[str, str]], book: Path = BOOK) -> Told:
    """Gather what is known of a study, from its executed pages in ``book`` and its reader."""
    variant = next(iter(study.variants))
    there = {path.stem: path for path in sorted((book / study.name).glob("*.ipynb"))}
    found = [pages.read(path) for name, path in there.items() if name in sources(variant)]
    marked = {
        name: text if known(text) else f"*{text}*" for name, text in facts(found, variant).items()
    }
    own = {"study": study.name, "title": study.title, "notices": _notices(study)}
    return Told(study, tuple(there), marked | words[study.dataset["reader"]] | own)


def _notices(study: Study) -> str:
    """Return what must stand above a card: that images are synthetic, and the study's note."""
    parts = []
    if READERS[study.dataset["reader"]].synthetic:
        parts.append("```{include} ../_notices/synthetic.md\n```")
    if study.note:
        parts.append(f":::{{admonition}} On this study\n:class: study-note\n{study.note}\n:::")
    return "\n\n".join(parts)


def fill(text: str, told: Told, where: str) -> str:
    """Return a text with its names replaced by what they stand for in a study."""
    for _ in range(2):  # a word may hold facts
        for name in _PLACE.findall(text):
            if name not in told.names:
                raise UserError(f"{where}: unknown {{{name}}}; {did_you_mean(name, told.names)}")
        text = _PLACE.sub(lambda place: told.names[place[1]], text)
    return text


def linked(text: str, told: list[Told]) -> str:
    """Lead bare notebooks to the pages of a study, and further links to those of the others."""

    def links(found: re.Match) -> str:
        label, notebook = found[1], found[2]
        named = [label, *(f"{one.names['short']} " for one in told[1:])]
        roles = zip(named, told, strict=True)
        return " / ".join(f"{{notebook}}`{name}<{_target(notebook, one)}>`" for name, one in roles)

    return _POINTER.sub(links, text)


def _target(notebook: str, told: Told) -> str:
    if notebook not in notebook_names():
        raise UserError(f"no notebook '{notebook}'; {did_you_mean(notebook, notebook_names())}")
    return f"{told.study.name}/{told.page(notebook)}"


def answered(item: Item, told: Told, where: str) -> Answer:
    """Return a study's answer to an item, as far as its pages go.

    What is done leans on pages and facts. Where the study lacks some, it is partly done.
    """
    own = item.to(told.reader)
    texts = {key: fill(getattr(own, key), told, where) for key in _TEXTS}
    pointed = [told.page(notebook) for _, notebook in _POINTER.findall(own.answer)]
    lacking = [f"`{page}` was not run" for page in pointed if page not in told.pages]
    if own.status == "done" and (lacking or f"*{UNKNOWN}" in texts["answer"]):
        missing = "; ".join(lacking) or "what is not known"
        return Answer("partly", texts["answer"], f"{missing}.")
    return Answer(own.status, **texts)


# The pages


def generated(studies: list[Study], book: Path = BOOK) -> dict[str, str]:
    """Return the pages of this module for a book of some studies, its own first: path -> text.

    The chapter, and for each study that has executed pages a model card and a data sheet.
    """
    lists, words = load()
    told = [tell(study, words, book) for study in studies]
    told = _apart([one for one in told if one.pages] or told[:1])
    made = {"book/reporting.md": chapter(lists, told)}
    for one in told:
        for name, template in zip(CARDS, ("model_card", f"data_sheet-{one.reader}"), strict=True):
            made[f"book/{one.study.name}/{name}.md"] = card(TEMPLATES / f"{template}.md", one)
    return made


def _apart(told: list[Told]) -> list[Told]:
    """Call studies by their titles where their short names are the same."""
    short = Counter(one.names["short"] for one in told)
    longer = [{"short": one.study.title} if short[one.names["short"]] > 1 else {} for one in told]
    return [replace(one, names=one.names | name) for one, name in zip(told, longer, strict=True)]


def card(template: Path, told: Told) -> str:
    """Return a model card or data sheet: a template, filled for a study."""
    text = linked(fill(template.read_text(), told, f"_templates/{template.name}"), [told])
    return _EXHIBIT.sub(lambda found: _target(found[0], told), text)


def chapter(lists: list[Checklist], told: list[Told]) -> str:
    """Return the chapter with the checklists, answered for each study."""
    answers = {
        (one.study.name, checklist.id, item.number): answered(
            item, one, f"{CHECKLISTS.name}, {checklist.id} {item.number}"
        )
        for one in told
        for checklist in lists
        for item in checklist.items
    }
    made = {"bars": bars(lists, told, answers)}
    made["notices"] = told[0].names["notices"].replace("../_notices", "_notices")
    made["studies"] = " and ".join(f"*{one.study.title}* ({one.names['short']})" for one in told)
    made["checklists"] = "\n\n".join(_section(one, told, answers) for one in lists)
    text = (TEMPLATES / "reporting.md").read_text()
    return _PLACE.sub(lambda place: made[place[1]], text)


def bars(lists: list[Checklist], told: list[Told], answers: dict) -> str:
    """Return a chart in HTML: for each checklist and study, how many items have which status."""
    rows = []
    for checklist in lists:
        for one in told:
            statuses = [answers[one.study.name, checklist.id, i.number] for i in checklist.items]
            counted = Counter(answer.status for answer in statuses)
            rows.append(_bar(f"{checklist.title}, {one.names['short']}", counted))
    keys = "".join(f'<span class="{_class(s)}">{s}</span> ' for s in NEEDS)
    return f'<div class="statuses">\n<p>{keys}</p>\n{"".join(rows)}</div>'


def _bar(label: str, counted: Counter) -> str:
    said = ", ".join(f"{status} {counted[status]}" for status in NEEDS)
    parts = "".join(
        f'<span class="{_class(status)}" style="flex-grow: {counted[status]}">'
        f"{counted[status]}</span>"
        for status in NEEDS
        if counted[status]
    )
    text = html.escape(label)
    return f'<p>{text}</p>\n<div class="bar" role="img" aria-label="{text}: {said}">{parts}</div>\n'


def _class(status: str) -> str:
    return f"status {status.replace(' ', '-')}"


def _section(checklist: Checklist, told: list[Told], answers: dict) -> str:
    """Return a checklist as Markdown: its sections, each with a table of items."""
    parts = [f"## {checklist.title}", f"{checklist.about.strip()} {{cite:p}}`{checklist.cite}`"]
    parts += [
        f"- Condition {number}: {one['topic']} **{one['answer']}**"
        for number, one in enumerate(checklist.conditions, 1)
    ]
    parts = ["\n\n".join(parts[:2]), "\n".join(parts[2:])]
    for title, items in checklist.sections.items():
        rows = [row for item in items for row in _rows(checklist.id, item, told, answers)]
        head = ":::{list-table}\n:class: checklist\n:header-rows: 1\n:widths: 8 24 14 54"
        table = "\n".join([head, "", _row("item", "topic", "status", "answer"), *rows, ":::"])
        parts += [f"### {title}", table]
    return "\n\n".join(filter(None, parts))


def _rows(checklist: str, item: Item, told: list[Told], answers: dict) -> list[str]:
    """Return one row for an item, or one for each study where they differ."""
    given = [answers[one.study.name, checklist, item.number] for one in told]
    if len(set(given)) == 1:
        return [_row(item.number, item.topic, _badge(given[0]), _text(given[0], told))]
    rows = []
    for one, answer in zip(told, given, strict=True):
        topic = f"{item.topic} ({one.names['short']})"
        rows.append(_row(item.number, topic, _badge(answer), _text(answer, [one])))
    return rows


def _text(answer: Answer, told: list[Told]) -> str:
    """Return an answer with the links of all studies that give it."""

    def cards(found: re.Match) -> str:
        named = [found[1], *(one.names["short"] for one in told[1:])]
        pairs = zip(named, told, strict=True)
        return " / ".join(f"[{name}]({one.study.name}/{found[2]}.md)" for name, one in pairs)

    return linked(_CARD.sub(cards, answer.text()), told)


def _badge(answer: Answer) -> str:
    return f'<span class="{_class(answer.status)}">{answer.status}</span>'


def _row(*cells: str) -> str:
    first, *rest = cells
    return "\n".join([f"* - {first}", *(f"  - {cell}" for cell in rest)])
