"""The claim ledger: what the runs of a study say to each claim of the paper, and that in words.

Notebooks leave their numbers as ``*.metrics.json``. Code gives every claim one of five verdicts,
which ``press.report.verdicts`` explains.
"""

import html
import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from birads_lib.scores.published import lower_bound
from birads_lib.texts import interval
from press.paths import run_folder
from press.report.claims import BOUNDS, Claim, Cohort
from press.report.verdicts import (
    LEAKY_ONLY,
    MEMORISED,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    Case,
)
from press.studies import chapters

VERDICTS = {
    "reproduced": REPRODUCED,
    "leaky_only": LEAKY_ONLY,
    "memorised": MEMORISED,
    "not_reproduced": NOT_REPRODUCED,
    "not_testable": NOT_TESTABLE,
}  # name of its count in the records -> verdict
DIRECTIONS = {
    "reproduced": "direction supported",
    "leaky_only": "direction supported only under a leaky protocol",
    "memorised": "direction supported by memory alone",
    "not_reproduced": "direction not supported",
    "not_testable": NOT_TESTABLE,
}  # how the same verdicts are called where no number can be reproduced
_WHY = {  # verdict, in either words -> how its reason is said
    NOT_TESTABLE: "Not testable here: {}.",
    NOT_REPRODUCED: "But {}.",
    DIRECTIONS["not_reproduced"]: "But {}.",
}
SYNTHETIC = "synthetic"  # what a program drew
NO_VALUE = (
    "This is a number about the paper's own images; other images can only support a direction."
)


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


def judge(
    claims: list[Claim],
    records: dict,
    variant: str,
    protocols: list[str],
    cohort: Cohort | None = None,
) -> pd.DataFrame:
    """Return one row per claim, indexed by its id; a variant's runs are judged.

    ``cohort`` is of the paper's images; without it, its values are taken as without error.

    Columns: claim (its label), claimed (a text), value (NaN where the claim has none), verdict,
    why (which other protocols it holds under, or why not testable), errors (both sampling errors
    together, NaN where the claim has no value or its own protocol no number), could_turn (whether
    part of the interval under the claim's own protocol gives another verdict: yes, no, no interval,
    in the rule or nothing; of a value that holds, whether only errors make it hold), undecided
    (under which protocol, where the rule fails because the interval contains both verdicts; else
    nothing), page (of its figure, where it is testable), and for each protocol ``<protocol>``,
    ``<protocol>_low`` and ``<protocol>_high``, NaN where there is no such number.
    """
    cases = {claim.id: _case(claim, records, variant, protocols, cohort) for claim in claims}
    rows = [_row(case, cases.get(case.claim.beside), variant, protocols) for case in cases.values()]
    return pd.DataFrame(rows).set_index("id")


def _case(
    claim: Claim, records: dict, variant: str, protocols: list[str], cohort: Cohort | None
) -> Case:
    reads = {
        protocol: partial(_read, claim, records, variant, protocol)
        for protocol in dict.fromkeys([*protocols, claim.protocol])
    }
    low = np.nan
    if cohort and claim.part and claim.value is not None:
        name = claim.metric.rpartition(".")[2]
        low = lower_bound(name, claim.value, cohort.images_of(claim.part))
    return Case(claim, reads, low)


def _row(case: Case, beside: Case | None, variant: str, protocols: list[str]) -> dict:
    claim, reads = case.claim, case.reads
    verdict, reason = case.verdict(beside)
    is_number = claim.value is not None and reads[claim.protocol](claim.metric) is not None
    page = "" if verdict == NOT_TESTABLE else _page(claim, variant, claim.protocol)
    row = {
        "id": claim.id,
        "claim": claim.label,
        "claimed": case.claimed(),
        "value": np.nan if claim.value is None else claim.value,
        "verdict": verdict,
        "why": reason,
        "errors": case.errors(claim.protocol) if is_number else np.nan,
        "could_turn": case.could_turn(),
        "undecided": case.undecided(),
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


def of_directions(claims: list[Claim]) -> list[Claim]:
    """Return claims as other images can judge them: those of a number are not testable."""
    untestable = {"value": None, "not_testable": NO_VALUE}
    return [c if c.value is None else c.model_copy(update=untestable) for c in claims]


def counts(judged: pd.DataFrame) -> pd.Series:
    """Return the number of claims by verdict, in the order of ``VERDICTS``, by its short name."""
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
    rows["verdict"] += judged["undecided"].map(_also)
    first, *further = protocols
    intervals = judged[[first, f"{first}_low", f"{first}_high"]].to_numpy()
    rows[first.replace("_", " ")] = [with_interval(*row) for row in intervals]
    for protocol in further:
        rows[protocol.replace("_", " ")] = judged[protocol].map(with_interval)
    rows["could turn"] = judged["could_turn"]
    return rows.rename_axis(None).rename_axis(columns="claim")  # one line of headings


def _also(undecided: str) -> str:
    return f"; undecided {undecided}" if undecided else ""


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
        if not np.isnan(row["errors"]):
            reading += f" Both errors together: {row['errors']:.3f}."
        if row["why"] and row["verdict"] in _WHY and not claim.not_testable:
            reading += f" {_WHY[row['verdict']].format(row['why'])}"
        figure = f' <a href="{html.escape(row["page"])}">Its figure</a>.' if row["page"] else ""
        text = f"{html.escape(claim.text)} <em>{html.escape(claim.source)}.</em>"
        verdict = row["verdict"] + _also(row["undecided"])
        items.append(
            f'<dt id="claim-{claim.id}">{html.escape(claim.label)}: {verdict}</dt>'
            f"<dd>{text}<br>{html.escape(reading)}{figure}</dd>"
        )
    return f"<dl>{''.join(items)}</dl>"


def other_images(reader: str, claims: list[Claim]) -> str:
    """Return the kind of a reader's images, such as "synthetic"; "" if claims are about them."""
    read = READERS[reader]
    if read.collection == claims[0].about:
        return ""
    return SYNTHETIC if read.synthetic else f"those of {read.collection or 'another place'}"


def about(study: str, reader: str, claims: list[Claim]) -> str:
    """Return, in Markdown, what the ledger can say on a study's images."""
    collection, other_collection = claims[0].about, other_images(reader, claims)
    if not other_collection:
        return f"The claims are about {collection}, and these are its images."
    if other_collection == SYNTHETIC:
        return (
            f"**The claims are about {collection}.** These images are synthetic, so no number "
            "that the paper prints is judged on them, unless it is a limit (at least, at most). A "
            "limit, or a direction that it states in words, may also hold on them, but that "
            "doesn't test its method."
        )
    images = f"the images of '{study}'"
    return (
        f"**The claims are about {collection}.** This page asks whether their pattern holds on "
        f"{images}: what comes out by patient, and what only with a leak. No verdict here is on "
        "the paper's own data."
    )
