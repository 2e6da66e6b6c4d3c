"""Answers of the chapters that compare families of networks (21 and 22)."""

from collections.abc import Mapping, Sequence

from birads_lib import texts
from birads_lib.conclusions.estimate import Estimate, times
from birads_lib.scores.repeated_folds import equivalence


def families(
    pairs: Sequence[tuple[str, str, Estimate]], margin: float, folds: int, floor: float
) -> str:
    """Answer chapter 21: whether one family of networks is better.

    Args:
        pairs: networks a and b, and the weighted F1 of a minus that of b, by patient.
        margin: a difference within it counts as equivalent.
        folds: of the cross-validation.
        floor: the smallest p-value of Wilcoxon's test over so many folds.
    """
    sides = ("worse", "not measurably different", "better")
    closeness = {
        "equivalent": f"equivalent within {margin:g}",
        "different": f"further apart than {margin:g}",
        "undecided": f"equivalence within {margin:g} is left open",
    }
    sentences = [
        f"{a} minus {b}: {change.signed} in weighted F1 by patient, {change.side(*sides)}; "
        f"{closeness[equivalence(change.low, change.high, margin)]}."
        for a, b, change in pairs
    ]
    verb = "could not have shown" if floor > 0.05 else "could have shown"
    return (
        f"{' '.join(sentences)} Wilcoxon's two-sided test over {texts.in_words(folds)} folds "
        f"{verb} a difference at 0.05: its smallest p-value is {floor:g}."
    )


def speed(pairs: Sequence[tuple[str, str, float, Estimate]], margin: float) -> str:
    """Answer chapter 22: how much faster a network is, and whether it is as good.

    Args:
        pairs: networks a and b, how many times as long a takes as b for one slice, and the
            weighted F1 of a minus that of b.
        margin: a difference within it counts as equivalent.
    """
    words = {
        "equivalent": f"the two are equivalent within {margin:g}",
        "different": f"they are further apart than {margin:g}",
        "undecided": f"whether they are equivalent within {margin:g} is left open",
    }
    sentences = [
        f"{a} takes {_as_long(ratio)} as {b} for one slice, with a weighted F1 that "
        f"differs by {change.signed}: {words[equivalence(change.low, change.high, margin)]}."
        for a, b, ratio, change in pairs
    ]
    return " ".join(sentences)


def _as_long(ratio: float) -> str:
    """Return "1.8 times as long", "about as long" of a ratio within a tenth of 1."""
    return "about as long" if abs(ratio - 1) < 0.1 else f"{times(ratio)} as long"


def slices(groups: Mapping[str, tuple[int, int]], both: int) -> str:
    """Return sentences on the number of slices and patients in each group.

    Args:
        groups: slices and patients of each, by the group's name.
        both: patients who are in both groups.
    """
    parts = [
        f"{count} slices of {patients} patients in {name}"
        for name, (count, patients) in groups.items()
    ]
    shared = f"{both or 'No'} patient{'s are' if both > 1 else ' is'} in both"
    return f"There are {texts.listing(parts)}. {shared}."


def cost(multiply_adds: Mapping[str, float]) -> str:
    """Return a sentence on the cheapest and costliest network, by multiply-adds for one image."""
    ordered = sorted(multiply_adds, key=lambda name: multiply_adds[name])
    cheapest, costliest = ordered[0], ordered[-1]
    if multiply_adds[cheapest] == multiply_adds[costliest]:
        return "All networks need equally many multiply-adds for one image."
    ratio = multiply_adds[costliest] / multiply_adds[cheapest]
    return (
        f"Of {len(ordered)} networks, each at its own size of image, {cheapest} needs the fewest "
        f"multiply-adds for one image and {costliest} the most, {times(ratio)} as many."
    )
