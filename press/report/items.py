"""The checklists of ``book/reporting.yml``: items by section, with an answer for each reader."""

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, create_model, field_validator

from birads_lib.checked import Checked
from birads_lib.readers import READERS
from press import yaml_file
from press.paths import BOOK
from press.yaml_file import Text

CHECKLISTS = BOOK / "reporting.yml"
NEEDS = {  # status -> the texts that an answer of it has, and has to have
    "done": ("answer",),
    "partly": ("answer", "missing"),
    "not done": ("why",),
    "not applicable": ("why",),
}
TEXTS = ("answer", "missing", "why")


class Answer(Checked):
    """What is said to one item: a status, and the texts that it needs."""

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
            raise ValueError("is missing, or no text")
        if status and text and not is_needed:
            raise ValueError(f"has no place under '{status}'")
        return text

    def text(self) -> str:
        """Return the answer as one line of Markdown."""
        missing = f"*Missing:* {self.missing}" if self.missing else ""
        why = self.why[:1].upper() + self.why[1:]
        return " ".join(" ".join(filter(None, [self.answer, missing, why])).split())


class Item(Answer):
    """One item of a checklist, with the answer for all readers that it doesn't name."""

    item: Text  # its number, with a letter
    topic: Text

    def to(self, reader: str) -> Answer:
        """Return the answer for data of a reader."""
        return getattr(self, reader, None) or self


_OF_READERS = dict.fromkeys(READERS, (Answer | None, None))  # name -> (type, default)
_Item = create_model("Item", __base__=Item, **_OF_READERS)


class Checklist(Checked):
    """One checklist: its items by section, and conditions on which some depend (METRICS)."""

    id: Text
    title: Text
    cite: Text
    about: Text
    conditions: list[dict[str, str]] = Field(default_factory=list)
    sections: dict[str, list[_Item]]

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


class Reporting(Checked):
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
    content, lines = yaml_file.read(path, Reporting.model_fields)
    return yaml_file.checked(path, Reporting, content, lines)
