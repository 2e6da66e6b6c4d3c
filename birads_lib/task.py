"""The label set of a study: the labels, their names and their order.

A label's *number* is its place in the order, from 1; tables and scores hold numbers, figures and
pages show labels. Nothing else in this project knows how many labels there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A label set."""

    name: str  # as a study's YAML has it, and the column of the table of images with the labels
    title: str  # of the set, for axes and tables: "BI-RADS category"
    prefix: str  # what stands before a label in a sentence: "BI-RADS " of "BI-RADS 4"
    labels: tuple[str, ...]  # in their order; label number k is ``labels[k - 1]``
    ordinal: bool = True  # whether the order means something, so that errors have a size
    several: bool = False  # whether an image may have several labels at once
    act_from: int | None = None  # number of the lowest label that calls for action, if any does

    @property
    def numbers(self) -> tuple[int, ...]:
        """The labels' numbers, 1 .. K."""
        return tuple(range(1, len(self.labels) + 1))

    @property
    def label_of(self) -> dict[int, str]:
        """The labels by their numbers."""
        return dict(zip(self.numbers, self.labels, strict=True))

    @property
    def category(self) -> str:
        """The name of a label in a sentence: "BI-RADS category"."""
        return f"{self.prefix}category"

    @property
    def probabilities(self) -> list[str]:
        """The columns of predictions that hold the labels' probabilities: p1 .. pK."""
        return [f"p{number}" for number in self.numbers]

    @property
    def decisions(self) -> dict[int, str]:
        """Lowest label acted on -> its words, from ``act_from`` up; ordered: one lower, too."""
        if self.act_from is None:
            return {}
        lowest = max(2, self.act_from - 1) if self.ordinal else self.act_from
        return {number: self.at_least(number) for number in self.numbers[lowest - 1 :]}

    def named(self, number: int) -> str:
        """Return a label for a sentence, by its number: "BI-RADS 4"."""
        return f"{self.prefix}{self.labels[number - 1]}"

    def or_more(self, number: int) -> str:
        """Return a label and those above it for a sentence: "4 or more"; of the last, its name."""
        label = self.labels[number - 1]
        return label if number == len(self.labels) else f"{label} or more"

    def at_least(self, number: int) -> str:
        """Return words for a label and those above it: "BI-RADS ≥ 4"; of the last, its name."""
        last = number == len(self.labels)
        return self.named(number) if last else f"{self.prefix}≥ {self.labels[number - 1]}"


BIRADS = Task(
    "birads", "BI-RADS category", "BI-RADS ", ("1", "2", "3", "4", "5"), act_from=4
)  # 4a to 4c are 4, 6 is 5, as in Singh et al. 2026
DENSITY = Task("density", "Breast density", "density ", ("A", "B", "C", "D"))
MALIGNANCY = Task("malignancy", "Histology", "", ("benign", "malignant"), ordinal=False, act_from=2)
LESION_KINDS = Task(
    "lesion_kind", "Kind of lesion", "", ("none", "mass", "calcification", "distortion"),
    ordinal=False, several=True,
)  # fmt: skip

OWN = "label"  # name of a study's own label set, and of the column with its labels
TASKS = {task.name: task for task in (BIRADS, DENSITY, MALIGNANCY, LESION_KINDS)}


def label_set_of(task: str | Mapping[str, object]) -> Task:
    """Return a task by its name, or a label set of one's own.

    ``task`` may be a mapping: ``classes`` in their order, at least two; whether they are
    ``ordinal`` (true, if left out); and, if they call for action from one on, ``act_from``, its
    name. ``title`` stands on axes.
    """
    if isinstance(task, str):
        return TASKS[task]
    classes, lowest = tuple(map(str, task["classes"])), task.get("act_from")
    act_from = classes.index(str(lowest)) + 1 if lowest is not None else None
    title = str(task.get("title") or "Category")
    return Task(OWN, title, "", classes, bool(task.get("ordinal", True)), act_from=act_from)
