"""The verdict on one claim: its rule, held against what the runs of a study recorded.

There are five verdicts:

- reproduced: its rule holds under the claim's own protocol;
- reproduced only under a leaky protocol: it fails there, and holds under one that leaks;
- reproduced by memory alone: it holds, and the claim that it stands ``beside``, of images that
  training has not seen, fails under the same protocols;
- not reproduced: it fails under its own protocol, and under all others that leak; or it holds under
  another one that doesn't leak, so that no leak makes the difference;
- not testable here: the claim says why, or its own protocol has left no number, or a metric that
  the claim ``needs`` is too low there (the maps of two images, a model that did not train), or only
  sampling errors that are too wide would make a value hold.

A claimed value is judged by its difference from the estimate, with both sampling errors:
``birads_lib.scores.published`` has the formulas. Other rules are judged by the estimate, or by the
end of its interval that they name.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from birads_lib.protocol import PROTOCOLS
from birads_lib.scores.published import margin
from press.report.claims import BOUNDS, RULES, Claim, short

REPRODUCED = "reproduced"
LEAKY_ONLY = "reproduced only under a leaky protocol"
MEMORISED = "reproduced by memory alone"
NOT_REPRODUCED = "not reproduced"
NOT_TESTABLE = "not testable here"
BY_ERRORS = "holds by errors"


@dataclass(frozen=True)
class Case:
    """A claim and what there is to judge it by."""

    claim: Claim
    reads: dict[str, Callable]  # protocol -> metric's name -> its record there; numbers stand
    low: float  # end of the 95 % interval of the paper's value; NaN where nobody knows

    def verdict(self, beside: "Case | None") -> tuple[str, str]:
        """Return the verdict, and which protocols or what missing number led to it."""
        claim = self.claim
        if missing := claim.not_testable or self.missing(claim.protocol):
            return NOT_TESTABLE, missing
        holding = [name for name in self.reads if self.stands(name)]
        together = [name for name in holding if beside is None or beside.stands(name)]
        if claim.protocol in together:
            return REPRODUCED, ""
        if honest := [name for name in together if not PROTOCOLS[name].leaks]:
            return NOT_REPRODUCED, f"it holds under {', '.join(honest)}, which doesn't leak"
        if together:
            return LEAKY_ONLY, ", ".join(together)
        if holding:
            return MEMORISED, f"without '{beside.claim.label}'; {', '.join(holding)}"
        return NOT_REPRODUCED, ""

    def errors(self, protocol: str) -> float:
        """Return the joint margin of both sampling errors below the claimed value."""
        ours = self.reads[protocol](self.claim.metric)
        return margin(self.claim.value, self.low, ours["estimate"], ours["high"])

    def stands(self, protocol: str) -> bool:
        """Return whether the claim can be judged under a protocol, and holds there."""
        is_judged = protocol in self.reads and not self.missing(protocol)
        return is_judged and self.holds(protocol)

    def missing(self, protocol: str) -> str:
        """Return why the claim can't be judged under a protocol; nothing if it can."""
        claim, read = self.claim, self.reads[protocol]
        for name in (claim.metric, *claim.rule[1]):
            record = read(name)
            if record is None:
                return f"no {short(name)} was recorded by {claim.notebook} under {claim.protocol}"
            if np.isnan(record[claim.bound if name == claim.metric else "estimate"]):
                return f"{short(name)} is not estimable here"
        for name, minimum in claim.needs.items():
            value = (read(name) or {}).get("estimate", np.nan)
            if not value >= minimum:
                return f"{short(name)} is {value:.3g}, and the claim needs {minimum:g} or more"
        if claim.value is not None and not self.holds(protocol):
            below, errors = claim.value - read(claim.metric)["estimate"], self.errors(protocol)
            if below <= errors:
                return (
                    f"it is {below:.2f} below the paper, and both sampling errors are {errors:.2f} "
                    "together: so few images can't tell"
                )
        return ""

    def holds(self, protocol: str, bound: str = "") -> bool:
        """Return whether the rule holds for the claim's bound of the metric, or for another."""
        claim, read = self.claim, self.reads[protocol]
        kind, limits = claim.rule
        measured = read(claim.metric)[bound or claim.bound]
        if kind == "value" and (errors := self.errors(protocol)) <= claim.widest:
            return measured >= round(claim.value - max(claim.tolerance, errors), 12)
        return all(RULES[kind](measured, read(limit)["estimate"]) for limit in limits)

    def could_turn(self) -> str:
        """Return whether part of the metric's interval would give another verdict than the rest."""
        claim = self.claim
        if claim.not_testable or self.missing(claim.protocol):
            return ""
        if claim.bound != "estimate":
            return "in the rule"
        record = self.reads[claim.protocol](claim.metric)
        if claim.value is not None and self.holds(claim.protocol):
            return "no" if record["estimate"] >= claim.rule[1][0] else BY_ERRORS
        if np.isnan([record["low"], record["high"]]).any():
            return "no interval"
        if claim.value is not None:  # the paper's error alone, as the interval is ours
            tolerance = max(claim.tolerance, np.nan_to_num(claim.value - self.low))
            return "yes" if record["high"] >= claim.value - tolerance else "no"
        return "yes" if len({self.holds(claim.protocol, end) for end in BOUNDS}) > 1 else "no"

    def undecided(self) -> str:
        """Return the label of the claim's protocol, if its interval leaves the claim open there.

        The rule fails at the end of the interval that it reads, and holds at the other.
        """
        claim = self.claim
        if claim.bound == "estimate" or claim.not_testable or self.missing(claim.protocol):
            return ""
        outcomes = {self.holds(claim.protocol, end) for end in BOUNDS}
        is_open = len(outcomes) > 1 and not self.holds(claim.protocol)
        return PROTOCOLS[claim.protocol].label if is_open else ""

    def claimed(self) -> str:
        """Return the claimed value or limits, with the metrics they refer to, where known."""
        claim = self.claim
        names = [] if claim.not_testable else [n for n in claim.rule[1] if isinstance(n, str)]
        records = {name: self.reads[claim.protocol](name) for name in names}
        return claim.claimed({n: record["estimate"] for n, record in records.items() if record})
