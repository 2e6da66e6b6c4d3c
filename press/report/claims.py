"""The claims of a paper, one testable sentence each, as ``book/claims.yml`` lists them.

``press.report.ledger`` holds each against the runs of a study.
"""

from collections.abc import Mapping
from operator import ge, gt, le, lt
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from birads_lib.checked import Checked
from birads_lib.errors import UserError
from birads_lib.protocol import PARTS, PROTOCOLS
from press.paths import BOOK
from press.studies import chapters, yaml_file
from press.studies.yaml_file import Text

CLAIMS = BOOK / "claims.yml"
PUBLISHED = BOOK / "published.yml"
BOUNDS = ("estimate", "low", "high")  # of a metric, as notebooks record it
MAIN = "singh2026"  # id of the paper that this book is about; others are its companions
RULES = {"value": ge, "at_least": ge, "at_most": le, "above": gt, "below": lt}


Limits = Annotated[  # all have to hold
    list[float | str],
    BeforeValidator(lambda limits: limits if isinstance(limits, list) else [limits]),
    Field(min_length=1),
    "a number or the name of a metric",
]


class Claim(Checked):
    """One testable sentence of the paper; its fields are the keys of an entry in the YAML.

    Exactly one of ``value``, ``at_least``, ``at_most``, ``above``, ``below`` and ``not_testable``
    is given. ``value`` holds if the estimate is no further below it than the tolerance, or than
    both sampling errors explain: ours, and the paper's own, of the ``part`` of its images. Where
    these together are above ``widest``, a value that they alone explain is not testable. Any other
    limit is a number or the name of a metric of the same notebook, or a list of which all have to
    hold. Where a metric is below what the claim ``needs`` of it, or missing, the claim is not
    testable. A number of training stands ``beside`` one of new images: without that, it shows
    memory alone.
    """

    id: Text
    paper: Text = MAIN  # whose claim it is: an id under ``papers``
    label: Text  # of a row in a chart or table
    text: Text
    source: Text  # section, table or figure of the paper
    about: Text  # the collection of images
    protocol: Literal[*PROTOCOLS]  # under which it should hold
    not_testable: Text | None = None
    notebook: Literal[*chapters.recording()] | None = None
    metric: Text | None = None  # as recorded; {protocol} where the record's name has one
    exhibit: Text | None = None  # of that notebook, to look at
    value: float | None = None
    tolerance: float = 0.0
    part: Literal[*PARTS] | None = None  # of the paper's images, that a value is of
    widest: float = 1.0  # of both sampling errors together
    beside: Text | None = None  # id of the claim without which this shows memory alone
    at_least: Limits | None = None
    at_most: Limits | None = None
    above: Limits | None = None
    below: Limits | None = None
    bound: Literal[*BOUNDS] = "estimate"  # what of the metric the rule reads
    measured: str = ""  # what the numbers of its row are, in a few words
    reading: str = ""  # how words became a rule
    # metric of the notebook -> the least at which the rule can say anything
    needs: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_whole_rule(self) -> "Claim":
        kinds = (*RULES, "not_testable")
        present = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(present) != 1:
            rule_names = " and ".join(present) or "none"
            raise ValueError(f"needs exactly one of {', '.join(kinds)}, has {rule_names}")
        if not self.not_testable:
            self._check_names()
        return self

    def _check_names(self) -> None:
        """Raise ValueError where the rule lacks what it needs beside it, or names no metric."""
        required = ("notebook", "metric", "exhibit", *(["reading"] if self.value is None else []))
        problems = [f"'{key}' is missing, or no text" for key in required if not getattr(self, key)]
        if problems:
            raise ValueError("; ".join(problems))
        of_the_study = chapters.chapter(self.notebook).pages == "one"  # for all protocols
        for name in (self.metric, *self.rule[1], *self.needs):
            if isinstance(name, str) and of_the_study != ("{protocol}" in name):
                needs = "needs" if of_the_study else "can't have"
                raise ValueError(f"the metric '{name}' {needs} a {{protocol}} in it")

    @property
    def rule(self) -> tuple[str, list]:
        """The kind of limit, and the limits that the metric is held against."""
        kind = next(kind for kind in RULES if getattr(self, kind) is not None)
        if kind == "value":
            return kind, [round(self.value - self.tolerance, 12)]  # 0.92 - 0.02 is 0.9
        return kind, getattr(self, kind)

    def claimed(self, found: Mapping[str, float] = MappingProxyType({})) -> str:
        """Return the claimed value or limits, as short as a cell of a table.

        ``found`` are the metrics that it is held against, by name; those not there are not shown.
        """
        if self.not_testable:
            return ""
        kind, limits = self.rule
        if kind == "value":
            return f"{self.value:.3f}"
        quantity = f" ({self.measured})" if self.measured else ""
        limits = [found.get(limit, np.nan) if isinstance(limit, str) else limit for limit in limits]
        if np.isnan(limits).any():
            return f"a comparison{quantity}"
        return f"{kind.replace('_', ' ')} {', '.join(f'{limit:.3g}' for limit in limits)}{quantity}"

    @property
    def how(self) -> str:
        """The rule by which the claim is judged, in plain words."""
        if self.value is None:
            return self.reading or self.not_testable
        errors = f"or within both sampling errors, if these are {self.widest:g} at most"
        at_least = f"Holds from {self.rule[1][0]:.3f} up, {self.tolerance:g} below the paper"
        return f"{at_least}, {errors}. {self.reading}".strip()


class System(Checked):
    """One published system, in words."""

    system: Text
    task: Text
    data: Text
    truth: Text = "not stated here"  # what a right answer agrees with
    classes: Text
    split: Text
    n: Text
    reported: Text
    differs: Text


class Cohort(Checked):
    """The paper's images as it counts them, and how it says to split them."""

    images: Annotated[list[int], Field(min_length=2)]  # of each label, in their order
    shares: dict[Literal[*PARTS], float]  # of the parts, 0..1

    def images_of(self, part: str) -> np.ndarray:
        """Return the expected number of images of each label in a part, (K,), not rounded."""
        return np.array(self.images) * self.shares[part]


class Paper(Checked):
    """A paper whose claims the ledger holds; a companion's are judged in its own study alone."""

    title: Text
    chapters: Literal[*chapters.sets()]  # the set of chapters of the studies that judge them


class _Claims(Checked):
    papers: dict[str, Paper] = Field(default_factory=dict)
    cohort: Cohort | None = None
    defaults: dict  # of every claim's keys
    claims: list[Claim]


class _Published(Checked):
    systems: list[System]


def short(limit: float | str) -> str:
    """Return a limit as a text; of a metric, its name without the protocol."""
    return (
        limit.replace(".{protocol}", "").removeprefix("{protocol}.")
        if isinstance(limit, str)
        else f"{limit:g}"
    )


def load(paper: str = MAIN) -> list[Claim]:
    """Read the claims of one paper.

    Raises UserError with every unknown key, missing key and odd value of the whole file.
    """
    all_claims, paper_ids = _entries(CLAIMS, _Claims, "claims", "id"), papers()
    ids = {claim.id for claim in all_claims}
    problems = [
        f"{c.id}: 'beside' is {c.beside!r}; expected the id of another claim"
        for c in all_claims
        if c.beside and c.beside not in ids
    ]
    problems += [
        f"{c.id}: 'paper' is {c.paper!r}; expected one of 'papers': {', '.join(paper_ids)}"
        for c in all_claims
        if paper_ids and c.paper not in paper_ids
    ]
    if problems:
        raise UserError("\n".join(f"{CLAIMS}: {problem}" for problem in problems))
    return [claim for claim in all_claims if claim.paper == paper]


def papers() -> dict[str, Paper]:
    """Read the papers by their ids; raise UserError as ``load`` does."""
    content, lines = yaml_file.read(CLAIMS, _Claims.model_fields)
    papers_only = content | {"defaults": {}, "claims": []}
    return yaml_file.checked(CLAIMS, _Claims, papers_only, lines).papers


def paper_of(chapter_set: str) -> str:
    """Return the id of the paper that studies with a set of chapters are about."""
    return next(name for name, paper in papers().items() if paper.chapters == chapter_set)


def counts_by_paper() -> pd.DataFrame:
    """Return the number of claims of each paper, and of those about a number, by its title."""
    rows = {
        paper.title: {
            "claims": len(stated := load(name)),
            "about a number": sum(claim.value is not None for claim in stated),
            "judged in studies with the chapters": paper.chapters,
        }
        for name, paper in papers().items()
    }
    return pd.DataFrame(rows).T.rename_axis("paper")


def cohort() -> Cohort:
    """Read the paper's counts of images and shares of parts; raise UserError as ``load`` does."""
    content, lines = yaml_file.read(CLAIMS, _Claims.model_fields)
    return yaml_file.checked(CLAIMS, Cohort, content.get("cohort"), lines)


def published() -> pd.DataFrame:
    """Read the published systems, one row each, with the fields of ``System`` as columns."""
    systems = _entries(PUBLISHED, _Published, "systems", "system")
    table = pd.DataFrame([system.model_dump() for system in systems]).set_index("system")
    return table.rename_axis(None).rename_axis(columns="system")  # one line of headings


def _entries(path: Path, model: type[Checked], section: str, key: str) -> list:
    """Return the entries of one list in a file, each with a ``key`` that no other has."""
    content, lines = yaml_file.read(path, model.model_fields)
    defaults, entries, repeated = content.get("defaults", {}), content.get(section), []
    if isinstance(defaults, dict) and isinstance(entries, list):
        content[section] = [defaults | e if isinstance(e, dict) else e for e in entries]
        names = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
        repeated = [
            ((section, place, key), f"another entry has the {key} {name!r}, too")
            for place, name in enumerate(names)
            if name is not None and name in names[:place]
        ]
    return getattr(yaml_file.checked(path, model, content, lines, repeated), section)


def paper_values(
    claims: list[Claim], notebook: str, task: str = chapters.PAPER_TASK
) -> dict[str, float]:
    """Return the paper's numbers by the name under which a notebook records its own.

    There are none for another task than the paper's.

    A name that has the protocol in it, such as "proposed.{protocol}.accuracy", is without it.
    """
    if task != chapters.PAPER_TASK:
        return {}
    of_the_notebook = [claim for claim in claims if claim.notebook == notebook]
    return {short(c.metric): c.value for c in of_the_notebook if c.value is not None}
