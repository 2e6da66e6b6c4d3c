"""The report of verifying a study: its counts and problems, and their printing."""

from collections import Counter
from dataclasses import dataclass, field

from press.pages.stale import first_of


@dataclass
class Report:
    """The result of verifying a study: problems fail, notes don't; ``checked`` counts by kind."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)  # what has changed -> pages
    checked: Counter[str] = field(default_factory=Counter)
    absent: int = 0  # files that pages wrote and that are not at hand
    unheld: int = 0  # numbers for prose that nothing at hand says anything of
    root: str = ""  # the root hash of the rendered book

    def check(self, kind: str, holds: bool, problem: str) -> None:
        """Count a check, and note the problem if it fails."""
        self.checked[kind] += 1
        if not holds:
            self.problems.append(problem)


def print_report(name: str, report: Report, seconds: float) -> None:
    """Print the result of verifying a study."""
    checked = ", ".join(f"{count:,} {kind}" for kind, count in report.checked.items() if count)
    print(f"{name}: {checked or 'nothing to check'}; {seconds:.1f} s")
    for line in dict.fromkeys(report.notes):
        print(f"  note: {line}")
    for reason, names in report.stale.items():
        print(f"  stale: {reason} since {first_of(names)} ran")
    if report.absent:
        print(f"  not at hand, so not checked: {report.absent:,} files that pages wrote")
    if report.unheld:
        print(f"  not held against anything: {report.unheld:,} numbers for prose")
    problems = list(dict.fromkeys(report.problems))
    for line in problems:
        print(f"  PROBLEM: {line}")
    if report.root:
        print(f"  root hash {report.root}")
    if problems:
        print(f"  {len(problems)} problem{'s' if len(problems) > 1 else ''}")
    elif checked:
        print("  all hold")
