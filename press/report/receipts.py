"""Receipts as pages: who made the exhibits of a study again, where, and how they came out."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from jinja2 import UndefinedError

from birads_lib.errors import UserError
from press.pages.outcome import EQUAL, VERDICTS
from press.pages.outputs import hash_of_hashes
from press.pages.page import Page
from press.paths import ROOT
from press.report.templates import filled
from press.studies.study import Study

RECEIPTS = ROOT / "receipts"
# What reading something else raises.
_NO_RECEIPT = (
    OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError, UndefinedError,
)  # fmt: skip


@dataclass(frozen=True)
class Receipt:
    """A receipt, read back."""

    codecheck: dict
    exhibits: pd.DataFrame  # a row for each, with the fields of ``Outcome``

    @property
    def study(self) -> str:
        """The name of the study that was checked."""
        return self.codecheck["execution"]["study"]


def read(folder: Path) -> Receipt:
    """Read a receipt; raises UserError where it lacks what its report says."""
    try:
        codecheck = yaml.safe_load((folder / "codecheck.yml").read_text())
        exhibits = pd.read_csv(folder / "exhibits.csv", keep_default_na=False)
        receipt = Receipt(codecheck, exhibits)
        report(receipt)
    except _NO_RECEIPT as error:
        raise UserError(f"receipts/{folder.name} is no receipt ({error!r}); remove it") from None
    return receipt


def read_all() -> list[Receipt]:
    """Return all receipts, in the order of their folders' names."""
    return [read(folder) for folder in sorted(RECEIPTS.glob("[!.]*/"))]


def chapter(studies: list[tuple[Study, list[Page]]]) -> str:
    """Return the chapter; ``studies``: each study of the book, with its executed pages."""
    shown = {study.name: pages for study, pages in studies}
    reports = [report(each, shown.get(each.study)) for each in read_all()]
    return filled("receipts.md", {"reports": reports})


def report(checked: Receipt, shown: list[Page] | None = None) -> str:
    """Return the report on a receipt.

    ``shown``: the pages of its study in a book; the text then says how many of their exhibits are
    those that were checked.
    """
    rows = [
        [name, *(Counter(table["verdict"])[verdict] for verdict in VERDICTS)]
        for name, table in checked.exhibits.groupby("page", sort=False)
    ]
    not_equal = checked.exhibits[checked.exhibits["verdict"] != EQUAL].to_dict("records")
    facts = checked.codecheck
    names = {"facts": facts, "execution": facts["execution"], "checker": facts["codechecker"][0]}
    names |= {"verdicts": VERDICTS, "rows": rows, "others": not_equal}
    return filled("receipt.md", names | {"shown": _as_shown(checked.exhibits, shown)})


def _as_shown(exhibits: pd.DataFrame, shown: list[Page] | None) -> str:
    """Return a sentence on the number of a book's exhibits that are those that were checked."""
    if shown is None:
        return ""
    digests = [
        hash_of_hashes(exhibit.passport["files"].values())
        for page in shown
        for exhibit in page.exhibits.values()
    ]
    equal = sum(digest in set(exhibits["files_sha256"]) for digest in digests)
    return f"Of the {len(digests)} exhibits that this book shows, {equal} are those checked."
