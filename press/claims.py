"""The claim ledger: what the paper says, as data, and what the runs of a study say to it.

``book/claims.yml`` holds the claims; notebooks leave their numbers as ``*.metrics.json``. Code
gives every claim one of four verdicts:

- reproduced: its rule holds under the claim's own protocol;
- reproduced only under a leaky protocol: it fails there, and holds under one that leaks;
- not reproduced: it fails under its own protocol, and holds under no other that was run;
- not testable here: the claim says why, or its own protocol has left no number.

A rule is judged by the estimate. Whether the claimed value lies inside the interval of the
claim's own protocol is said separately.
"""

import json
from dataclasses import dataclass, field
from math import isfinite
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, model_validator

from birads_lib.checked import Checked
from birads_lib.errors import UserError
from birads_lib.protocol import PROTOCOLS
from press import chapters, yaml_file
from press.paths import BOOK, metrics_file, page_name, run_folder
from press.yaml_file import Text

CLAIMS = BOOK / "claims.yml"
PUBLISHED = BOOK / "published.yml"

REPRODUCED = "reproduced"
LEAKY_ONLY = "reproduced only under a leaky protocol"
NOT_REPRODUCED = "not reproduced"
NOT_TESTABLE = "not testable here"
VERDICTS = {
    "reproduced": REPRODUCED,
    "leaky_only": LEAKY_ONLY,
    "not_reproduced": NOT_REPRODUCED,
    "not_testable": NOT_TESTABLE,
}  # name of its count in the records -> verdict

PER_RUN = chapters.recording("per run")
OF_THE_STUDY = chapters.recording("one")  # one page for all protocols
BOUNDS = ("estimate", "low", "high")
RULES = {"value": ge, "at_least": ge, "at_most": le, "above": gt, "below": lt}


def _is_limit(limit: object) -> bool:
    return isinstance(limit, str) or (type(limit) in (int, float) and isfinite(limit))


def _limits(limits: object) -> tuple:
    """Return one limit or several as a tuple; raise ValueError where one is no number or name."""
    several = limits if isinstance(limits, list) else [limits]
    if not several or not all(map(_is_limit, several)):
        raise ValueError(f"is {limits!r}, expected a number or the name of a metric")
    return tuple(several)


Limits = Annotated[tuple, BeforeValidator(_limits)]  # all have to hold


class Claim(Checked):
    """One testable sentence of the paper; its fields are the keys of an entry in the YAML.

    Exactly one of ``value``, ``at_least``, ``at_most``, ``above``, ``below`` and ``not_testable``
    is given. ``value`` holds if the estimate is at least value - tolerance. Any other limit is a
    number or the name of a metric of the same notebook, or a list of which all have to hold.
    """

    id: Text
    label: Text  # of a row in a chart or table
    text: Text
    source: Text  # section, table or figure of the paper
    about: Text  # the collection of images
    protocol: Literal[*PROTOCOLS]  # under which it should hold
    not_testable: Text | None = None
    notebook: Literal[*PER_RUN, *OF_THE_STUDY] | None = None
    metric: Text | None = None  # as recorded; {protocol} where the record's name has one
    exhibit: Text | None = None  # of that notebook, to look at
    value: float | None = None
    tolerance: float = 0.0
    at_least: Limits | None = None
    at_most: Limits | None = None
    above: Limits | None = None
    below: Limits | None = None
    bound: Literal[*BOUNDS] = "estimate"  # what of the metric the rule reads
    reading: str = ""  # how words became a rule

    @model_validator(mode="after")
    def _has_one_whole_rule(self) -> "Claim":
        kinds = (*RULES, "not_testable")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            has = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of {', '.join(kinds)}, has {has}")
        if not self.not_testable:
            self._check_names()
        return self

    def _check_names(self) -> None:
        """Raise ValueError where the rule lacks what it needs beside it, or names no metric."""
        needed = ("notebook", "metric", "exhibit", *(["reading"] if self.value is None else []))
        problems = [f"'{key}' is missing, or no text" for key in needed if not getattr(self, key)]
        of_the_study = self.notebook in OF_THE_STUDY
        for name in (self.metric, *self.rule[1]):
            if isinstance(name, str) and of_the_study != ("{protocol}" in name):
                needs = "needs" if of_the_study else "can't have"
                problems.append(f"the metric '{name}' {needs} a {{protocol}} in it")
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def rule(self) -> tuple[str, tuple]:
        """The kind of limit, and the limits that the metric is held against."""
        kind = next(kind for kind in RULES if getattr(self, kind) is not None)
        if kind == "value":
            return kind, (round(self.value - self.tolerance, 12),)  # 0.92 - 0.02 is 0.9
        return kind, getattr(self, kind)

    @property
    def claimed(self) -> str:
        """What is claimed, as short as a cell of a table."""
        if self.not_testable:
            return ""
        kind, limits = self.rule
        if kind == "value":
            return f"{self.value:.3f}"
        if any(isinstance(limit, str) for limit in limits):
            return "a comparison"
        return f"{kind.replace('_', ' ')} {', '.join(_short(limit) for limit in limits)}"

    @property
    def how(self) -> str:
        """How the claim is judged, in plain words."""
        if self.value is None:
            return self.reading or self.not_testable
        at_least = f"Holds from {self.rule[1][0]:.3f} up, {self.tolerance:g} below the paper."
        return f"{at_least} {self.reading}".strip()


class System(Checked):
    """One published system, in words."""

    system: Text
    task: Text
    data: Text
    classes: Text
    split: Text
    n: Text
    reported: Text
    differs: Text


class _Claims(Checked):
    defaults: dict  # of every claim's keys
    claims: list[Claim]


class _Published(Checked):
    systems: list[System]


def _short(limit: float | str) -> str:
    return limit.replace(".{protocol}", "") if isinstance(limit, str) else f"{limit:g}"


# Reading the files


def load(path: Path = CLAIMS) -> list[Claim]:
    """Read the claims; raise UserError with every unknown key, missing key and odd value."""
    return _entries(path, _Claims, "claims", "id")


def published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Read the published systems, one row each, with the fields of ``System`` as columns."""
    rows = [system.model_dump() for system in _entries(path, _Published, "systems", "system")]
    table = pd.DataFrame(rows).set_index("system")
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


def paper_values(claims: list[Claim], notebook: str) -> dict[str, float]:
    """Return the paper's numbers by the name under which a notebook records its own.

    A name that has the protocol in it, such as "proposed.{protocol}.accuracy", is without it.
    """
    of_the_notebook = [claim for claim in claims if claim.notebook == notebook]
    return {_short(c.metric): c.value for c in of_the_notebook if c.value is not None}


def page_of(notebook: str, variant: str, protocol: str) -> str:
    """Return the name of the page that recorded a notebook's metrics."""
    return notebook if notebook in OF_THE_STUDY else page_name(notebook, variant, protocol)


def record_files(folder: Path, variant: str, protocols: list[str]) -> dict[str, Path]:
    """Return the ``*.metrics.json`` that are there, by the name of the page that wrote them."""
    files = {name: metrics_file(folder, name) for name in OF_THE_STUDY}
    for protocol in protocols:
        run = run_folder(folder, variant, protocol)
        files |= {page_of(name, variant, protocol): metrics_file(run, name) for name in PER_RUN}
    return {page: path for page, path in sorted(files.items()) if path.exists()}


def read_records(files: dict[str, Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Return page -> metric -> {estimate, low, high}, NaN where a file has null."""
    return {page: _read_record(path) for page, path in files.items()}


def _read_record(path: Path) -> dict[str, dict[str, float]]:
    try:
        rows = json.loads(path.read_text())
        return {
            name: {p: np.nan if row[p] is None else float(row[p]) for p in BOUNDS}
            for name, row in rows.items()
        }
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path.name} in {path.parent.name}/ holds no records of estimate, low and high "
            f"({type(error).__name__}: {error}); make its page anew"
        ) from None


# Judging


def judge(claims: list[Claim], records: dict, variant: str, protocols: list[str]) -> pd.DataFrame:
    """Return one row per claim, indexed by its id.

    Columns: claim (its label), claimed (a text), value (NaN where the claim has none), verdict,
    why (which leaky protocols, or why not testable), could_turn (whether part of the interval
    under the claim's own protocol gives another verdict: yes, no, no interval, in the rule or
    nothing), page (of its figure, where it is testable), and for each protocol ``<protocol>``,
    ``<protocol>_low`` and ``<protocol>_high``, NaN where there is no such number.

    Args:
        claims: of ``load``.
        records: of ``read_records``.
        variant: whose runs are judged.
        protocols: those of the study.
    """
    rows = [_row(claim, records, variant, protocols) for claim in claims]
    return pd.DataFrame(rows).set_index("id")


@dataclass(frozen=True)
class _Reading:
    """One claim under one protocol."""

    record: dict[str, float] = field(default_factory=dict)  # estimate, low, high of its metric
    missing: str = ""  # why it can't be judged
    holds: dict[str, bool] = field(default_factory=dict)  # by what of the record is judged


def _row(claim: Claim, records: dict, variant: str, protocols: list[str]) -> dict:
    readings = {}
    for protocol in dict.fromkeys([*protocols, claim.protocol]):
        page = records.get(page_of(claim.notebook, variant, protocol), {})
        readings[protocol] = _read(claim, page, protocol)
    verdict, why = _verdict(claim, readings)
    page = page_of(claim.notebook, variant, claim.protocol)
    row = {
        "id": claim.id,
        "claim": claim.label,
        "claimed": claim.claimed,
        "value": np.nan if claim.value is None else claim.value,
        "verdict": verdict,
        "why": why,
        "could_turn": _could_turn(claim, readings[claim.protocol]),
        "page": "" if verdict == NOT_TESTABLE else f"{page}.html#{claim.exhibit}",
    }
    for protocol in protocols:
        record = readings[protocol].record
        row[protocol] = record.get("estimate", np.nan)
        row |= {f"{protocol}_{end}": record.get(end, np.nan) for end in ("low", "high")}
    return row


def _read(claim: Claim, page: dict, protocol: str) -> _Reading:
    """Hold a claim's rule against the records of one page."""
    if claim.not_testable:
        return _Reading(missing=claim.not_testable)
    kind, limits = claim.rule
    measured, *others = (
        page.get(name.replace("{protocol}", protocol))
        if isinstance(name, str)
        else {"estimate": name}
        for name in (claim.metric, *limits)
    )
    needed = [(claim.metric, measured, claim.bound)]
    needed += [(*pair, "estimate") for pair in zip(limits, others, strict=True)]
    for name, record, bound in needed:
        if record is None:
            missing = f"no {_short(name)} was recorded by {claim.notebook} under {protocol}"
            return _Reading(measured or {}, missing)
        if np.isnan(record[bound]):
            return _Reading(measured, f"{_short(name)} is undefined here")
    compare = RULES[kind]
    holds = {
        bound: all(compare(measured[bound], other["estimate"]) for other in others)
        for bound in BOUNDS
    }
    return _Reading(measured, holds=holds)


def _verdict(claim: Claim, readings: dict[str, _Reading]) -> tuple[str, str]:
    """Return the verdict, and which leaky protocols or what missing number led to it."""
    missing = readings[claim.protocol].missing
    if missing:
        return NOT_TESTABLE, missing
    holding = [name for name, reading in readings.items() if reading.holds.get(claim.bound)]
    if claim.protocol in holding:
        return REPRODUCED, ""
    return (LEAKY_ONLY, ", ".join(holding)) if holding else (NOT_REPRODUCED, "")


def _could_turn(claim: Claim, reading: _Reading) -> str:
    """Return whether part of the metric's interval would give another verdict than the rest."""
    if reading.missing:
        return ""
    if claim.bound != "estimate":
        return "in the rule"
    if np.isnan([reading.record["low"], reading.record["high"]]).any():
        return "no interval"
    return "yes" if len(set(reading.holds.values())) > 1 else "no"
