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

import html
import json
from dataclasses import dataclass, fields
from functools import partial
from numbers import Real
from operator import ge, gt, le, lt
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from birads_lib.errors import UserError, did_you_mean
from birads_lib.readers import READERS
from birads_lib.scores.leakage import PAPER_IMAGES
from press import chapters
from press.paths import BOOK, metrics_file, page_name, run_folder
from press.study import PROTOCOLS

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

EVALUATED = chapters.recording("per run")
OF_THE_STUDY = chapters.recording("one")  # one page for all protocols
BOUNDS = ("estimate", "low", "high")
RULES = {"value": ge, "at_least": ge, "at_most": le, "above": gt, "below": lt}
PUBLISHED_KEYS = ("system", "task", "data", "classes", "split", "n", "reported", "differs")


@dataclass(frozen=True)
class Claim:
    """One testable sentence of the paper; its fields are the keys of an entry in the YAML.

    Exactly one of ``value``, ``at_least``, ``at_most``, ``above``, ``below`` and ``not_testable``
    is given. ``value`` holds if the estimate is at least value - tolerance. Any other limit is a
    number or the name of a metric of the same notebook, or a list of which all have to hold.
    """

    id: str
    label: str  # of a row in a chart or table
    text: str
    source: str  # section, table or figure of the paper
    study: str
    protocol: str  # under which it should hold
    notebook: str = ""
    metric: str = ""  # as recorded; {protocol} where the record's name has one
    exhibit: str = ""  # of that notebook, to look at
    value: float | None = None
    tolerance: float = 0.0
    at_least: object = None
    at_most: object = None
    above: object = None
    below: object = None
    bound: str = "estimate"  # what of the metric the rule reads: also low or high
    not_testable: str = ""
    reading: str = ""  # how words became a rule

    @property
    def rule(self) -> tuple[str, tuple]:
        """The kind of limit, and the limits that the metric is held against."""
        kind = next(kind for kind in RULES if getattr(self, kind) is not None)
        limit = getattr(self, kind)
        if kind == "value":
            limit = round(limit - self.tolerance, 12)  # 0.92 - 0.02 is 0.9
        return kind, tuple(limit) if isinstance(limit, list) else (limit,)

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


def _short(limit: float | str) -> str:
    return limit.replace(".{protocol}", "") if isinstance(limit, str) else f"{limit:g}"


def load(path: str | Path = CLAIMS) -> list[Claim]:
    """Read the claims; raise UserError with every unknown key, missing key and odd value."""
    path = Path(path)
    raw = _mapping(path, ("defaults", "claims"))
    if not isinstance(raw["claims"], list) or not isinstance(raw["defaults"], dict):
        raise UserError(f"{path.name}: 'claims' has to be a list, 'defaults' a mapping")
    problems, found, seen = [], [], set()
    for number, entry in enumerate(raw["claims"], 1):
        if not isinstance(entry, dict):
            problems.append(f"claim number {number}: expected a mapping, got {entry!r}")
            continue
        name = entry.get("id", f"number {number}")
        wrong = _problems(raw["defaults"] | entry)
        if name in seen:
            wrong.append("'id': there is another claim of this id")
        seen.add(name)
        problems += [f"claim '{name}': {what}" for what in wrong]
        if not wrong:
            found.append(Claim(**raw["defaults"] | entry))
    if problems:
        raise UserError("\n".join(f"{path.name}, {problem}" for problem in problems))
    return found


def _mapping(path: Path, keys: tuple) -> dict:
    try:
        raw = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"there is no {path.name} in {path.parent.name}/") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name} is not valid YAML: {error}") from None
    if not isinstance(raw, dict) or set(raw) != set(keys):
        raise UserError(f"{path.name}: expected a mapping with the keys {', '.join(keys)}")
    return raw


def _problems(entry: dict) -> list[str]:
    """Return what is wrong with one claim, each beginning with the key."""
    known = [field.name for field in fields(Claim)]
    found = [f"unknown '{key}'; {did_you_mean(key, known)}" for key in entry if key not in known]
    kinds = [kind for kind in (*RULES, "not_testable") if entry.get(kind) is not None]
    if len(kinds) != 1:
        listed = ", ".join((*RULES, "not_testable"))
        given = " and ".join(kinds) or "none"
        return [*found, f"needs exactly one of {listed}, has {given}"]
    needed = ["id", "label", "text", "source", "study", "protocol"]
    needed += [] if kinds == ["not_testable"] else ["notebook", "metric", "exhibit"]
    needed += ["reading"] if kinds[0] not in ("value", "not_testable") else []
    for key in needed:
        if not _text(entry, key):
            found.append(f"'{key}' is missing, or no text")
    found += _misnamed(entry, "protocol", PROTOCOLS)
    found += _misnamed(entry, "bound", BOUNDS)
    found += _misnamed(entry, "notebook", EVALUATED + OF_THE_STUDY)
    found += _limit_problems(entry, kinds[0])
    return found


def _misnamed(entry: dict, key: str, allowed: tuple) -> list[str]:
    name = entry.get(key)
    if not isinstance(name, str) or name in allowed:
        return []
    return [f"'{key}' is {name!r}; {did_you_mean(name, allowed)}"]


def _limit_problems(entry: dict, kind: str) -> list[str]:
    """Check that limits are numbers or names, and that names say {protocol} where records do."""
    limit = entry[kind]
    if kind == "not_testable":
        return [] if isinstance(limit, str) else ["'not_testable' has to say why"]
    limits = limit if isinstance(limit, list) and kind != "value" else [limit]
    names = [x for x in limits if isinstance(x, str) and kind != "value"]
    found = []
    if not limits or not all(_is_number(x) or x in names for x in limits):
        expected = "a number" if kind == "value" else "a number or the name of a metric"
        found.append(f"'{kind}' is {limit!r}, expected {expected}")
    if kind == "value" and not _is_number(entry.get("tolerance")):
        found.append("'tolerance' has to be a number")
    needed = entry.get("notebook") in OF_THE_STUDY
    for name in [str(entry.get("metric")), *names]:
        if needed != ("{protocol}" in name):
            needs = "needs" if needed else "can't have"
            found.append(f"the metric '{name}' {needs} a {{protocol}} in it")
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


def page_of(notebook: str, variant: str, protocol: str) -> str:
    """Return the name of the page that recorded a notebook's metrics."""
    return notebook if notebook in OF_THE_STUDY else page_name(notebook, variant, protocol)


def record_files(folder: Path, variant: str, protocols: list[str]) -> dict[str, Path]:
    """Return the ``*.metrics.json`` that are there, by the name of the page that wrote them."""
    files = {name: metrics_file(folder, name) for name in OF_THE_STUDY}
    for protocol in protocols:
        run = run_folder(folder, variant, protocol)
        files |= {page_of(n, variant, protocol): metrics_file(run, n) for n in EVALUATED}
    return {page: path for page, path in sorted(files.items()) if path.exists()}


def read_records(files: dict[str, Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Return page -> metric -> {estimate, low, high}, NaN where a file has null."""
    return {page: _read_record(path) for page, path in files.items()}


def _read_record(path: Path) -> dict[str, dict[str, float]]:
    try:
        rows = json.loads(path.read_text())
        parts = ("estimate", "low", "high")
        return {
            name: {p: np.nan if row[p] is None else float(row[p]) for p in parts}
            for name, row in rows.items()
        }
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path.name} in {path.parent.name}/ holds no records of estimate, low and high "
            f"({type(error).__name__}: {error}); make its page anew"
        ) from None


def judge(claims: list[Claim], records: dict, variant: str, protocols: list[str]) -> pd.DataFrame:
    """Return one row per claim, indexed by its id.

    Columns: claim (its label), claimed (a text), value (NaN where the claim has none), verdict,
    why (which leaky protocols, or why not testable), inside (whether the claimed value, or a
    limit, lies inside the interval under the claim's own protocol: yes, no, no interval or
    nothing), page (of its figure, where it is testable), and for each protocol ``<protocol>``,
    ``<protocol>_low`` and ``<protocol>_high``, NaN where there is no such number.

    Args:
        claims: of ``load``.
        records: of ``read_records``.
        variant: whose runs are judged.
        protocols: those of the study.
    """
    return pd.DataFrame([_row(claim, records, variant, protocols) for claim in claims]).set_index(
        "id"
    )


def _row(claim: Claim, records: dict, variant: str, protocols: list[str]) -> dict:
    reads = {name: partial(_read, records, claim, variant, name) for name in protocols}
    own = reads.get(claim.protocol) or partial(_read, records, claim, variant, claim.protocol)
    verdict, why = _verdict(claim, own, reads)
    page = page_of(claim.notebook, variant, claim.protocol)
    figure = "" if verdict == NOT_TESTABLE else f"{page}.html#{claim.exhibit}"
    row = {
        "id": claim.id,
        "claim": claim.label,
        "claimed": claim.claimed,
        "value": np.nan if claim.value is None else claim.value,
        "verdict": verdict,
        "why": why,
        "could_turn": _could_turn(claim, own),
        "page": figure,
    }
    for protocol, read in reads.items():
        record = (None if claim.not_testable else read(claim.metric)) or {}
        row[protocol] = record.get("estimate", np.nan)
        row |= {f"{protocol}_{end}": record.get(end, np.nan) for end in ("low", "high")}
    return row


def _read(records: dict, claim: Claim, variant: str, protocol: str, name: float | str):
    """Return the record of a metric under a protocol, None if there is none; numbers stand."""
    if not isinstance(name, str):
        return {"estimate": name, "low": np.nan, "high": np.nan}
    page = records.get(page_of(claim.notebook, variant, protocol), {})
    return page.get(name.replace("{protocol}", protocol))


def _verdict(claim: Claim, own, reads: dict) -> tuple[str, str]:
    if claim.not_testable:
        return NOT_TESTABLE, claim.not_testable
    missing = _missing(claim, own)
    if missing:
        return NOT_TESTABLE, missing
    if _holds(claim, own):
        return REPRODUCED, ""
    others = {name: read for name, read in reads.items() if name != claim.protocol}
    leaky = [n for n, read in others.items() if not _missing(claim, read) and _holds(claim, read)]
    return (LEAKY_ONLY, ", ".join(leaky)) if leaky else (NOT_REPRODUCED, "")


def _missing(claim: Claim, read) -> str:
    """Say why a claim can't be judged under a protocol; nothing if it can."""
    for name in (claim.metric, *claim.rule[1]):
        record = read(name)
        if record is None:
            return f"no {_short(name)} was recorded by {claim.notebook} under {claim.protocol}"
        if np.isnan(record[claim.bound if name == claim.metric else "estimate"]):
            return f"{_short(name)} is undefined here"
    return ""


def _holds(claim: Claim, read, bound: str = "") -> bool:
    kind, limits = claim.rule
    seen = read(claim.metric)[bound or claim.bound]
    return all(RULES[kind](seen, read(limit)["estimate"]) for limit in limits)


def _could_turn(claim: Claim, own) -> str:
    """Say whether part of the metric's interval would give another verdict than the rest."""
    if claim.not_testable or _missing(claim, own):
        return ""
    if claim.bound != "estimate":
        return "in the rule"
    record = own(claim.metric)
    if np.isnan([record["low"], record["high"]]).any():
        return "no interval"
    return "yes" if len({_holds(claim, own, bound) for bound in BOUNDS}) > 1 else "no"


def counts(judged: pd.DataFrame) -> pd.Series:
    """Return how many claims have each verdict, in the order of ``VERDICTS``, by its short name."""
    seen = judged["verdict"].value_counts()
    return pd.Series({name: int(seen.get(text, 0)) for name, text in VERDICTS.items()})


def ledger(judged: pd.DataFrame, protocols: list[str]) -> pd.DataFrame:
    """Return the ledger as texts, for a table: verdict, what is claimed, what each protocol found.

    The first protocol has its interval, and with it whether the verdict could turn.
    """
    judged = judged.set_index("claim")
    table = pd.DataFrame({"verdict": judged["verdict"], "the paper": judged["claimed"]})
    leaky = judged["verdict"] == LEAKY_ONLY
    table.loc[leaky, "verdict"] = "only leaky: " + judged["why"][leaky].str.replace("_", " ")
    first, *rest = protocols
    ends = judged[[first, f"{first}_low", f"{first}_high"]].to_numpy()
    table[first.replace("_", " ")] = [with_interval(*row) for row in ends]
    for protocol in rest:
        table[protocol.replace("_", " ")] = judged[protocol].map(with_interval)
    table["could turn"] = judged["could_turn"]
    return table.rename_axis(None).rename_axis(columns="claim")  # one line of headings


def with_interval(estimate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return "0.71 (0.63 to 0.78)", "0.71" without an interval, a dash without a number."""
    if np.isnan(estimate):
        return "-"
    interval = "" if np.isnan(low) or np.isnan(high) else f" ({low:.2f} to {high:.2f})"
    return f"{estimate:.2f}{interval}"


def readings(claims: list[Claim], judged: pd.DataFrame) -> str:
    """Return an HTML list: each claim, its verdict, its source, how it is read, its figure."""
    items = []
    for claim in claims:
        row = judged.loc[claim.id]
        why = row["why"] if row["verdict"] == NOT_TESTABLE and not claim.not_testable else ""
        figure = f' <a href="{html.escape(row["page"])}">Its figure</a>.' if row["page"] else ""
        said = f"{html.escape(claim.text)} <em>{html.escape(claim.source)}.</em>"
        read = " ".join(filter(None, [claim.how, f"Not testable here: {why}." if why else ""]))
        items.append(
            f'<dt id="claim-{claim.id}">{html.escape(claim.label)}: {row["verdict"]}</dt>'
            f"<dd>{said}<br>{html.escape(read)}{figure}</dd>"
        )
    return f"<dl>{''.join(items)}</dl>"


def published(path: str | Path = PUBLISHED) -> pd.DataFrame:
    """Read the published systems, one row each, with the columns of ``PUBLISHED_KEYS``.

    Raises UserError for a key that is unknown, missing or no text.
    """
    path = Path(path)
    rows = _mapping(path, ("systems",))["systems"]
    problems = []
    for row in rows:
        unknown = [key for key in row if key not in PUBLISHED_KEYS]
        wrong = [f"unknown '{key}'; {did_you_mean(key, PUBLISHED_KEYS)}" for key in unknown]
        missing = [key for key in PUBLISHED_KEYS if not _text(row, key)]
        wrong += [f"'{key}' is missing, or no text" for key in missing]
        problems += [f"{path.name}, system '{row.get('system')}': {what}" for what in wrong]
    if problems:
        raise UserError("\n".join(problems))
    table = pd.DataFrame(rows, columns=list(PUBLISHED_KEYS)).set_index("system")
    return table.rename_axis(None).rename_axis(columns="system")  # one line of headings


def about(study: str, reader: str) -> str:
    """Say, in Markdown, what the ledger can say on a study's images."""
    if READERS[reader].collection == PAPER_IMAGES:
        return "The claims are about INbreast, and these are its images."
    images = "synthetic images" if READERS[reader].synthetic else f"the images of '{study}'"
    return (
        "**The claims are about INbreast.** This page asks whether their pattern holds on "
        f"{images}: what comes out by patient, and what only with a leak. No verdict here is on "
        "the paper's own data."
    )


def _text(row: dict, key: str) -> bool:
    return isinstance(row.get(key), str) and bool(row[key].strip())
