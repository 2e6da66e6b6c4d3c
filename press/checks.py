"""What verifying a study counts and finds, and how it is printed."""

from collections import Counter
from dataclasses import dataclass, field

from press.stale import first_of

# How an exhibit that was made again compares with the published one.
EQUAL, WITHIN, DIFFERS, MISSING = "equal", "within tolerance", "different", "not made again"
VERDICTS = (EQUAL, WITHIN, DIFFERS, MISSING)


@dataclass
class Report:
    """What came out: problems fail, notes do not; ``checked`` counts by kind."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)  # what has changed -> pages
    checked: Counter[str] = field(default_factory=Counter)
    absent: int = 0  # files that pages wrote and that are not at hand
    root: str = ""  # the root hash of the rendered book

    def check(self, kind: str, holds: bool, problem: str) -> None:
        """Count a check, and note the problem if it fails."""
        self.checked[kind] += 1
        if not holds:
            self.problems.append(problem)


def print_report(name: str, report: Report, seconds: float) -> None:
    """Print what came out for a study."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in report.checked.items())
    print(f"{name}: {counts}; {seconds:.1f} s")
    for line in dict.fromkeys(report.notes):
        print(f"  note: {line}")
    for why, names in report.stale.items():
        print(f"  stale: {why} since {first_of(names)} ran")
    if report.absent:
        print(f"  not at hand, so not checked: {report.absent:,} files that pages wrote")
    for line in dict.fromkeys(report.problems):
        print(f"  PROBLEM: {line}")
    if report.root:
        print(f"  root hash {report.root}")
    print(f"  {'all hold' if not report.problems else f'{len(report.problems)} problems'}")
