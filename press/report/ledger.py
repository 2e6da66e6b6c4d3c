"""The claim ledger: what the runs of a study say to each claim of the paper, and that in words.

Notebooks leave their numbers as ``*.metrics.json``. Code gives every claim one of four verdicts:

- reproduced: its rule holds under the claim's own protocol;
- reproduced only under a leaky protocol: it fails there, and holds under one that leaks;
- not reproduced: it fails under its own protocol, and holds under no other that was run;
- not testable here: the claim says why, or its own protocol has left no number, or a metric that
  the claim ``needs`` is too low there: the maps of two images, a model that did not train.

A rule is judged by the estimate. Whether the claimed value lies inside the interval of the
claim's own protocol is said separately.
"""

import html
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from birads_lib.texts import interval
from press import chapters
from press.claims import BOUNDS, RULES, Claim, short
from press.paths import run_folder

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


def record_files(folder: Path, variant: str, protocols: list[str]) -> dict[str, Path]:
    """Return the ``*.metrics.json`` that are there, by the name of the page that wrote them."""
    files = {}
    for row in map(chapters.chapter, chapters.recording()):
        for protocol in protocols:
            name = row.metrics_file.format(run=run_folder("", variant, protocol))
            files[row.page_of(variant, protocol)] = folder / name
    return {page: path for page, path in sorted(files.items()) if path.exists()}


def read_records(files: dict[str, Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Return page -> metric -> {estimate, low, high}, NaN where a file has null."""
    records = {}
    for page, path in files.items():
        try:
            rows = pd.DataFrame(json.loads(path.read_text())).T[list(BOUNDS)]
            records[page] = rows.astype(float).to_dict("index")
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path.name} in {path.parent.name}/ holds no records of estimate, low and high "
                f"({type(error).__name__}: {error}); make its page anew"
            ) from None
    return records


def judge(claims: list[Claim], records: dict, variant: str, protocols: list[str]) -> pd.DataFrame:
    """Return one row per claim, indexed by its id; a variant's runs are judged.

    Columns: claim (its label), claimed (a text), value (NaN where the claim has none), verdict,
    why (which leaky protocols, or why not testable), could_turn (whether part of the interval
    under the claim's own protocol gives another verdict: yes, no, no interval, in the rule or
    nothing), page (of its figure, where it is testable), and for each protocol ``<protocol>``,
    ``<protocol>_low`` and ``<protocol>_high``, NaN where there is no such number.
    """
    rows = [_row(claim, records, variant, protocols) for claim in claims]
    return pd.DataFrame(rows).set_index("id")


def _row(claim: Claim, records: dict, variant: str, protocols: list[str]) -> dict:
    reads = {
        protocol: partial(_read, claim, records, variant, protocol)
        for protocol in dict.fromkeys([*protocols, claim.protocol])
    }
    verdict, why = _verdict(claim, reads)
    page = "" if verdict == NOT_TESTABLE else _page(claim, variant, claim.protocol)
    row = {
        "id": claim.id,
        "claim": claim.label,
        "claimed": claim.claimed,
        "value": np.nan if claim.value is None else claim.value,
        "verdict": verdict,
        "why": why,
        "could_turn": _could_turn(claim, reads[claim.protocol]),
        "page": f"{page}.html#{claim.exhibit}" if page else "",
    }
    for protocol in protocols:
        record = (None if claim.not_testable else reads[protocol](claim.metric)) or {}
        row[protocol] = record.get("estimate", np.nan)
        row |= {f"{protocol}_{end}": record.get(end, np.nan) for end in ("low", "high")}
    return row


def _page(claim: Claim, variant: str, protocol: str) -> str:
    return chapters.chapter(claim.notebook).page_of(variant, protocol)


def _read(claim: Claim, records: dict, variant: str, protocol: str, name: float | str):
    """Return the record of a metric under a protocol, None if there is none; numbers stand."""
    if not isinstance(name, str):
        return {"estimate": name}
    page = records.get(_page(claim, variant, protocol), {})
    return page.get(name.replace("{protocol}", protocol))


def _verdict(claim: Claim, reads: dict[str, Callable]) -> tuple[str, str]:
    """Return the verdict, and which leaky protocols or what missing number led to it."""
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
            return f"no {short(name)} was recorded by {claim.notebook} under {claim.protocol}"
        if np.isnan(record[claim.bound if name == claim.metric else "estimate"]):
            return f"{short(name)} is not estimable here"
    for name, least in claim.needs.items():
        value = (read(name) or {}).get("estimate", np.nan)
        if not value >= least:
            return f"{short(name)} is {value:.3g}, and the claim needs {least:g} or more"
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


def counts(judged: pd.DataFrame) -> pd.Series:
    """Return how many claims have each verdict, in the order of ``VERDICTS``, by its short name."""
    count = judged["verdict"].value_counts()
    return pd.Series({name: int(count.get(text, 0)) for name, text in VERDICTS.items()})


def table(judged: pd.DataFrame, protocols: list[str]) -> pd.DataFrame:
    """Return the ledger as texts, for a table: verdict, what is claimed, what each protocol found.

    The first protocol has its interval, and with it whether the verdict could turn.
    """
    judged = judged.set_index("claim")
    rows = pd.DataFrame({"verdict": judged["verdict"], "the paper": judged["claimed"]})
    leaky = judged["verdict"] == LEAKY_ONLY
    rows.loc[leaky, "verdict"] = "only leaky: " + judged["why"][leaky].str.replace("_", " ")
    first, *rest = protocols
    ends = judged[[first, f"{first}_low", f"{first}_high"]].to_numpy()
    rows[first.replace("_", " ")] = [with_interval(*row) for row in ends]
    for protocol in rest:
        rows[protocol.replace("_", " ")] = judged[protocol].map(with_interval)
    rows["could turn"] = judged["could_turn"]
    return rows.rename_axis(None).rename_axis(columns="claim")  # one line of headings


def with_interval(estimate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return "0.71 (0.63 to 0.78)", "0.71" without an interval, a dash without a number."""
    text = interval(estimate, low, high).removesuffix(" (no interval)")
    return "-" if np.isnan(estimate) else text


def readings(claims: list[Claim], judged: pd.DataFrame) -> str:
    """Return an HTML list: each claim, its verdict, its source, how it is read, its figure."""
    items = []
    for claim in claims:
        row = judged.loc[claim.id]
        reading = claim.how
        if row["verdict"] == NOT_TESTABLE and not claim.not_testable:
            reading += f" Not testable here: {row['why']}."
        figure = f' <a href="{html.escape(row["page"])}">Its figure</a>.' if row["page"] else ""
        text = f"{html.escape(claim.text)} <em>{html.escape(claim.source)}.</em>"
        items.append(
            f'<dt id="claim-{claim.id}">{html.escape(claim.label)}: {row["verdict"]}</dt>'
            f"<dd>{text}<br>{html.escape(reading)}{figure}</dd>"
        )
    return f"<dl>{''.join(items)}</dl>"


def about(study: str, reader: str, claims: list[Claim]) -> str:
    """Return, in Markdown, what the ledger can say on a study's images."""
    collection = claims[0].about
    if READERS[reader].collection == collection:
        return f"The claims are about {collection}, and these are its images."
    images = "synthetic images" if READERS[reader].synthetic else f"the images of '{study}'"
    return (
        f"**The claims are about {collection}.** This page asks whether their pattern holds on "
        f"{images}: what comes out by patient, and what only with a leak. No verdict here is on "
        "the paper's own data."
    )
