"""The answer on the book's first page, from the executed pages of the paper's own images."""

from pathlib import Path

from birads_lib.conclusions.estimate import of
from birads_lib.conclusions.results import survives
from birads_lib.protocol import OVERSAMPLE_FIRST, PATIENT
from press.pages import page as pages

STUDY = "inbreast"  # whose images are the paper's
CLAIM = "acc-test"  # of the paper's accuracy on its test part


def answer(book: Path) -> str:
    """Return whether the paper's accuracy survives; "" where a page it rests on isn't there."""
    names = ("10_leakage_audit", "11_claims")
    audit, claims = (pages.page_file(STUDY, name, book) for name in names)
    if not (audit.exists() and claims.exists()):
        return ""
    accuracies = pages.read(audit).exhibits["nulls"].table
    judged = pages.read(claims).exhibits["ledger"].table.set_index("id").loc[CLAIM]
    honest, majority, leaky = (
        of(accuracies, "accuracy", answer=answer, protocol=protocol.name)
        for answer, protocol in (
            ("model", PATIENT),
            ("majority", PATIENT),
            ("model", OVERSAMPLE_FIRST),
        )
    )
    return survives(float(judged["value"]), honest, majority, leaky, judged["verdict"])
