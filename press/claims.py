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
from collections.abc import Callable
from functools import partial
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BeforeValidator

from birads_lib.errors import UserError
from birads_lib.protocol import PROTOCOLS
from press import chapters, schema
from press.paths import BOOK, metrics_file, page_name, run_folder
from press.schema import Entry, Number, Text, is_number, one_of

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


def _limits(limits: object) -> tuple:
    """Return one limit or several as a tuple; raise ValueError where one is no number or name."""
    several = limits if isinstance(limits, list) else [limits]
    if not several or not all(is_number(limit) or isinstance(limit, str) for limit in several):
        raise ValueError(f"is {limits!r}, expected a number or the name of a metric")
    return tuple(several)


Limits = Annotated[tuple, BeforeValidator(_limits)]  # all have to hold


class Claim(Entry):
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
    protocol: Annotated[str, one_of(PROTOCOLS)]  # under which it should hold
    not_testable: Text | None = None
    notebook: Annotated[str, one_of((*PER_RUN, *OF_THE_STUDY))] | None = None
    metric: Text | None = None  # as recorded; {protocol} where the record's name has one
    exhibit: Text | None = None  # of that notebook, to look at
    value: Number | None = None
    tolerance: Number = 0.0
    at_least: Limits | None = None
    at_most: Limits | None = None
    above: Limits | None = None
    below: Limits | None = None
    bound: Annotated[str, one_of(BOUNDS)] = "estimate"  # what of the metric the rule reads
    reading: str = ""  # how words became a rule

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


class System(Entry):
    """One published system, in words."""

    system: Text
    task: Text
    data: Text
    classes: Text
    split: Text
    n: Text
    reported: Text
    differs: Text


def _short(limit: float | str) -> str:
    return limit.replace(".{protocol}", "") if isinstance(limit, str) else f"{limit:g}"


# Reading the files


def load(path: str | Path = CLAIMS) -> list[Claim]:
    """Read the claims; raise UserError with every unknown key, missing key and odd value."""
    path = Path(path)
    content = schema.read_mapping(path, ("defaults", "claims"))
    entries, defaults = content["claims"], content["defaults"]
    if not isinstance(entries, list) or not isinstance(defaults, dict):
        raise UserError(f"{path.name}: 'claims' has to be a list, 'defaults' a mapping")
    entries = [defaults | entry if isinstance(entry, dict) else entry for entry in entries]
    return schema.entries(path, Claim, entries, "claim", check=_rule_problems)


def _rule_problems(entry: dict) -> list[str]:
    """Return what is wrong with a claim's rule and with what the rule needs beside it."""
    kinds = [kind for kind in (*RULES, "not_testable") if entry.get(kind) is not None]
    if len(kinds) != 1:
        listed, given = ", ".join((*RULES, "not_testable")), " and ".join(kinds) or "none"
        return [f"needs exactly one of {listed}, has {given}"]
    if kinds == ["not_testable"]:
        return []
    needed = ("notebook", "metric", "exhibit", *([] if kinds == ["value"] else ["reading"]))
    problems = [f"'{key}' {schema.NO_TEXT}" for key in needed if not entry.get(key)]
    limits, of_the_study = entry[kinds[0]], entry.get("notebook") in OF_THE_STUDY
    for name in [entry.get("metric"), *(limits if isinstance(limits, list) else [limits])]:
        if isinstance(name, str) and of_the_study != ("{protocol}" in name):
            needs = "needs" if of_the_study else "can't have"
            problems.append(f"the metric '{name}' {needs} a {{protocol}} in it")
    return problems


def published(path: str | Path = PUBLISHED) -> pd.DataFrame:
    """Read the published systems, one row each, with the fields of ``System`` as columns."""
    path = Path(path)
    rows = schema.entries(
        path, System, schema.read_mapping(path, ("systems",))["systems"], "system"
    )
    table = pd.DataFrame([row.model_dump() for row in rows]).set_index("system")
    return table.rename_axis(None).rename_axis(columns="system")  # one line of headings


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


def _row(claim: Claim, records: dict, variant: str, protocols: list[str]) -> dict:
    names = dict.fromkeys([*protocols, claim.protocol])
    reads = {name: partial(_read, records, claim, variant, name) for name in names}
    verdict, why = _verdict(claim, reads)
    page = page_of(claim.notebook, variant, claim.protocol)
    row = {
        "id": claim.id,
        "claim": claim.label,
        "claimed": claim.claimed,
        "value": np.nan if claim.value is None else claim.value,
        "verdict": verdict,
        "why": why,
        "could_turn": _could_turn(claim, reads[claim.protocol]),
        "page": "" if verdict == NOT_TESTABLE else f"{page}.html#{claim.exhibit}",
    }
    for protocol in protocols:
        record = (None if claim.not_testable else reads[protocol](claim.metric)) or {}
        row[protocol] = record.get("estimate", np.nan)
        row |= {f"{protocol}_{end}": record.get(end, np.nan) for end in ("low", "high")}
    return row


def _read(records: dict, claim: Claim, variant: str, protocol: str, name: float | str):
    """Return the record of a metric under a protocol, None if there is none; numbers stand."""
    if not isinstance(name, str):
        return {"estimate": name, "low": np.nan, "high": np.nan}
    page = records.get(page_of(claim.notebook, variant, protocol), {})
    return page.get(name.replace("{protocol}", protocol))


def _verdict(claim: Claim, reads: dict[str, Callable]) -> tuple[str, str]:
    missing = claim.not_testable or _missing(claim, reads[claim.protocol])
    if missing:
        return NOT_TESTABLE, missing
    holding = [n for n in reads if not _missing(claim, reads[n]) and _holds(claim, reads[n])]
    if claim.protocol in holding:
        return REPRODUCED, ""
    return (LEAKY_ONLY, ", ".join(holding)) if holding else (NOT_REPRODUCED, "")


def _missing(claim: Claim, read: Callable) -> str:
    """Return why a claim can't be judged under a protocol; nothing if it can."""
    for name in (claim.metric, *claim.rule[1]):
        record = read(name)
        if record is None:
            return f"no {_short(name)} was recorded by {claim.notebook} under {claim.protocol}"
        if np.isnan(record[claim.bound if name == claim.metric else "estimate"]):
            return f"{_short(name)} is undefined here"
    return ""


def _holds(claim: Claim, read: Callable, bound: str = "") -> bool:
    kind, limits = claim.rule
    measured = read(claim.metric)[bound or claim.bound]
    return all(RULES[kind](measured, read(limit)["estimate"]) for limit in limits)


def _could_turn(claim: Claim, read: Callable) -> str:
    """Return whether part of the metric's interval would give another verdict than the rest."""
    if claim.not_testable or _missing(claim, read):
        return ""
    if claim.bound != "estimate":
        return "in the rule"
    record = read(claim.metric)
    if np.isnan([record["low"], record["high"]]).any():
        return "no interval"
    return "yes" if len({_holds(claim, read, bound) for bound in BOUNDS}) > 1 else "no"
