"""Comparison of a figure or table that was made again with the published one."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from press.pages.outputs import hash_of_hashes, lasting
from press.pages.page import Exhibit

EQUAL, WITHIN, DIFFERS, MISSING = "equal", "within tolerance", "different", "not made again"
VERDICTS = (EQUAL, WITHIN, DIFFERS, MISSING)


@dataclass(frozen=True)
class Outcome:
    """The comparison of one exhibit, made again, with the published one."""

    page: str
    exhibit: str
    kind: str  # figure or table
    verdict: str  # one of VERDICTS
    numbers: int = 0  # of the published table, to compare
    beyond: int = 0  # of them, further apart than the tolerance; -1: tables of another shape
    largest_difference: float = 0.0  # absolute
    tolerance: float = 0.0  # absolute and relative
    picture: str = ""  # "equal" byte for byte, "other bytes", or "" where there is none
    words: str = ""  # which differ, such as "caption, table"
    files_sha256: str = ""  # over the hashes of the published exhibit's files
    differs_in: str = ""  # what the verdict "different" is for: numbers, words or picture

    @property
    def holds(self) -> bool:
        """True where the published exhibit is confirmed."""
        return self.verdict in (EQUAL, WITHIN)


def compare(page: str, before: Exhibit, after: Exhibit | None) -> Outcome:
    """Compare an exhibit of a page with its second making; None: there is none."""
    facts = before.passport
    outcome = Outcome(
        page,
        before.id,
        before.kind,
        MISSING,
        tolerance=facts["tolerance"],
        files_sha256=hash_of_hashes(facts["files"].values()),
    )
    if after is None:
        return outcome
    outcome = replace(
        outcome,
        **_numbers(before, after),
        picture=_picture(before, after),
        words=", ".join(_other_words(before, after)),
    )
    if differs_in := _differs_in(outcome, before, after):
        return replace(outcome, verdict=DIFFERS, differs_in=differs_in)
    return replace(outcome, verdict=WITHIN if outcome.largest_difference else EQUAL)


def _differs_in(outcome: Outcome, before: Exhibit, after: Exhibit) -> str:
    """Return the part of an exhibit that isn't confirmed; "" where all is.

    The same code makes the same words of the same numbers; other code may choose other words. A
    picture without numbers to download is judged by its bytes.
    """
    if outcome.beyond:
        return "numbers"
    codes = [lasting(exhibit.passport.get("code", {})) for exhibit in (before, after)]
    if outcome.words and not outcome.largest_difference and codes[0] == codes[1]:
        return "words"
    has_numbers = f"{before.id}.csv" in before.files
    return "" if has_numbers or outcome.picture == "equal" else "picture"


def _picture(before: Exhibit, after: Exhibit) -> str:
    name = f"{before.id}.png"
    if name not in before.files:
        return ""
    return "equal" if before.files[name] == after.files.get(name) else "other bytes"


def _numbers(before: Exhibit, after: Exhibit) -> dict[str, float]:
    """Return the fields of an ``Outcome`` on the numbers of two makings of an exhibit."""
    old, new = before.table, after.table
    if old is None:
        return {}
    if new is None or old.shape != new.shape or list(old.columns) != list(new.columns):
        return {"numbers": old.size, "beyond": -1, "largest_difference": float("nan")}
    tolerance = before.passport["tolerance"]
    beyond, largest = 0, 0.0
    for column in old:
        a, b = old[column], new[column]
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            a, b = a.to_numpy(float), b.to_numpy(float)
            is_close = np.isclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
            largest = max(largest, np.nanmax(np.abs(a - b), initial=0.0))
        else:
            is_close = (a == b) | (a.isna() & b.isna())
        beyond += int((~is_close).sum())
    return {"numbers": old.size, "beyond": beyond, "largest_difference": float(largest)}


def _other_words(before: Exhibit, after: Exhibit) -> list[str]:
    """Return the texts of an exhibit that differ between two makings: "caption", ..."""
    words = [
        {name: exhibit.passport.get(name) for name in ("caption", "marks", "alt")}
        | {"table": "".join(exhibit.data.get("text/html", ""))}
        for exhibit in (before, after)
    ]
    return [name for name, text in words[0].items() if text != words[1][name]]
