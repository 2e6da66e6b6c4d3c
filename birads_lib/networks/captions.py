"""Captions of images: several texts for each label, as numbers of words.

The texts for breast density paraphrase the categories of the ACR BI-RADS Atlas (5th edition, 2013).
Those of the seed paper (arXiv:2511.17828) are not printed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from birads_lib.errors import UserError
from birads_lib.task import Task

PADDING, UNKNOWN = 0, 1  # numbers of no word, and of one that training didn't have
DENSITY_TEXTS = {
    "A": (
        "the breasts are almost entirely fatty",
        "fatty tissue with hardly any glands",
        "a mammogram that is mostly fat",
    ),
    "B": (
        "there are scattered areas of fibroglandular density",
        "fatty tissue with some scattered glands",
        "a mammogram with scattered islands of glands",
    ),
    "C": (
        "the breasts are heterogeneously dense which may obscure small masses",
        "glands fill more than half of the breast",
        "a mammogram with large heterogeneously dense areas",
    ),
    "D": (
        "the breasts are extremely dense which lowers the sensitivity of mammography",
        "glands fill almost the whole breast",
        "a mammogram that is extremely dense everywhere",
    ),
}
# Of the same words, in sentences that training never sees.
HELD_OUT_TEXTS = {
    "A": ("almost entirely fatty breasts with hardly any glands",),
    "B": ("some scattered areas of glands in a fatty breast",),
    "C": ("heterogeneously dense glands in more than half of the breast",),
    "D": ("extremely dense glands in the whole breast",),
}


@dataclass(frozen=True)
class Captions:
    """Texts of each label, in the labels' order, and the words that they are made of."""

    texts: tuple[tuple[str, ...], ...]  # of each of K labels
    words: tuple[str, ...]  # word k has the number k + 2
    length: int  # words of the longest text

    @classmethod
    def of(cls, texts: Mapping[str, Sequence[str]], task: Task) -> "Captions":
        """Return the captions of a task; raise UserError where a label has none, or is unknown."""
        missing = [label for label in task.labels if not texts.get(label)]
        problems = [f"no text for {', '.join(map(str, missing))}"] if missing else []
        if foreign := [label for label in texts if label not in task.labels]:
            problems.append(f"{', '.join(map(str, foreign))} is no label of this task")
        ordered = tuple(tuple(texts.get(label, ())) for label in task.labels)
        all_texts = [text for of_label in ordered for text in of_label]
        problems += [f"{text!r} is no text with words" for text in all_texts if not _words(text)]
        if problems:
            expected = f"expected a list of texts for each of {', '.join(task.labels)}"
            raise UserError(f"captions: {'; '.join(problems)}; {expected}")
        words = sorted({word for text in all_texts for word in _words(text)})
        return cls(ordered, tuple(words), max(len(_words(text)) for text in all_texts))

    def saying(self, texts: Mapping[str, Sequence[str]], task: Task) -> "Captions":
        """Return captions of other texts in the words of these, such as some held out."""
        return replace(self, texts=Captions.of(texts, task).texts)

    def tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Return the numbers of the words of n texts, int32 (n, length): cut, or padded with 0."""
        number = {word: place + 2 for place, word in enumerate(self.words)}
        rows = np.full((len(texts), self.length), PADDING, "int32")
        for row, text in zip(rows, texts, strict=True):
            word_numbers = [number.get(word, UNKNOWN) for word in _words(text)[: self.length]]
            row[: len(word_numbers)] = word_numbers
        return rows

    def of_labels(self) -> np.ndarray:
        """Return the tokens of all texts, label by label, int32 (texts, length)."""
        return self.tokens([text for of_label in self.texts for text in of_label])

    def owners(self) -> np.ndarray:
        """Return the label of each text of ``of_labels``, (texts,) 0..K-1."""
        return np.repeat(np.arange(len(self.texts)), [len(texts) for texts in self.texts])


def _words(text: object) -> list[str]:
    return re.findall(r"[a-z0-9]+", str(text).lower())
