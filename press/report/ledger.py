"""The claim ledger in words: counts of verdicts, a table, and how each claim is read."""

import html

import numpy as np
import pandas as pd

from birads_lib.readers import READERS
from birads_lib.texts import interval
from press.claims import LEAKY_ONLY, NOT_TESTABLE, VERDICTS, Claim


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
        why = row["why"] if row["verdict"] == NOT_TESTABLE and not claim.not_testable else ""
        figure = f' <a href="{html.escape(row["page"])}">Its figure</a>.' if row["page"] else ""
        text = f"{html.escape(claim.text)} <em>{html.escape(claim.source)}.</em>"
        reading = " ".join(filter(None, [claim.how, f"Not testable here: {why}." if why else ""]))
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
