"""The checklists of ``book/reporting.yml``: items by section, with an answer for each reader."""

from collections import Counter
from pathlib import Path

from pydantic import ValidationInfo, field_validator, model_validator

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from press import schema
from press.paths import BOOK

CHECKLISTS = BOOK / "reporting.yml"
NEEDS = {  # status -> the texts that an answer of it has, and has to have
    "done": ("answer",),
    "partly": ("answer", "missing"),
    "not done": ("why",),
    "not applicable": ("why",),
}
TEXTS = ("answer", "missing", "why")


class Answer(schema.Entry):
    """What is said to one item: a status, and the texts that it needs."""

    status: str
    answer: str = ""
    missing: str = ""
    why: str = ""

    @field_validator("status")
    @classmethod
    def _is_a_status(cls, status: str) -> str:
        if status not in NEEDS:
            raise ValueError(f"has to be one of {', '.join(NEEDS)}")
        return status

    @field_validator(*TEXTS)
    @classmethod
    def _fits_the_status(cls, text: str, info: ValidationInfo) -> str:
        status = info.data.get("status")
        is_needed = info.field_name in NEEDS.get(status, ())
        if is_needed and not text.strip():
            raise ValueError(schema.NO_TEXT)
        if status and text and not is_needed:
            raise ValueError(f"has no place under '{status}'")
        return text

    def text(self) -> str:
        """Return the answer as one line of Markdown."""
        missing = f"*Missing:* {self.missing}" if self.missing else ""
        why = self.why[:1].upper() + self.why[1:]
        return " ".join(" ".join(filter(None, [self.answer, missing, why])).split())


class Item(schema.Entry):
    """One item of a checklist, and the answers to it."""

    item: schema.Text  # its number, with a letter
    topic: schema.Text
    answers: dict[str, Answer]  # by reader; "" is for all others

    @model_validator(mode="before")
    @classmethod
    def _gather_answers(cls, entry: object) -> object:
        """Return the entry with the answers by reader, which in the file are keys of their own."""
        if not isinstance(entry, dict):
            return entry
        general = {key: entry[key] for key in Answer.model_fields if key in entry}
        answers = {"": general} | {name: entry[name] for name in READERS if name in entry}
        others = {key: entry[key] for key in entry if key not in general and key not in answers}
        return others | {"answers": answers}

    def to(self, reader: str) -> Answer:
        """Return the answer for data of a reader."""
        return self.answers.get(reader, self.answers[""])


class Checklist(schema.Entry):
    """One checklist: its items by section, and conditions on which some depend (METRICS)."""

    id: schema.Text
    title: schema.Text
    cite: schema.Text
    about: schema.Text
    conditions: tuple[dict[str, str], ...] = ()
    sections: dict[str, list[Item]]

    @field_validator("sections")
    @classmethod
    def _has_each_number_once(cls, sections: dict[str, list[Item]]) -> dict[str, list[Item]]:
        count = Counter(item.item for items in sections.values() for item in items)
        twice = [number for number in count if count[number] > 1]
        if twice:
            raise ValueError(f"has two items of the same number: {', '.join(twice)}")
        return sections

    @property
    def items(self) -> list[Item]:
        """Return the items of all sections."""
        return [item for items in self.sections.values() for item in items]


class Reporting(schema.Entry):
    """The whole file: the checklists, and words for the data of each reader, and for all others."""

    words: dict[str, dict[str, str]]
    checklists: list[Checklist]

    @field_validator("words")
    @classmethod
    def _has_words_for_others(cls, words: dict) -> dict:
        if "other" not in words:
            raise ValueError("has to have 'other', for readers without words of their own")
        return words

    def words_for(self, reader: str) -> dict[str, str]:
        """Return the words for data of a reader."""
        return self.words.get(reader, self.words["other"])


def load(path: Path = CHECKLISTS) -> Reporting:
    """Read the checklists; UserError lists all that is wrong with them."""
    content = schema.read_mapping(path, Reporting.model_fields)
    known = ("item", "topic", *Answer.model_fields, *READERS)
    problems = schema.problems(Reporting, content, known, lambda keys: _place(content, keys))
    if problems:
        raise UserError("\n".join(f"{path.name}, {problem}" for problem in problems))
    return Reporting.model_validate(content)


def _place(content: dict, keys: tuple) -> str:
    """Return "tripod 5a: 'inbreast': " for the keys to that answer."""
    names = []
    for number, key in enumerate(keys):
        if key == "answers":  # which the file has not: the next key is a reader
            readers = [f"'{reader}': " for reader in keys[number + 1 :] if reader]
            return f"{' '.join(names)}: {''.join(readers)}"
        content = content[key]
        if isinstance(content, dict):
            names += [str(content[name]) for name in ("id", "item") if name in content]
    return f"{' '.join(names)}: " if names else ""
