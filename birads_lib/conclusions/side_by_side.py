"""Answers of the chapters that set studies, variants, floors or ways to split side by side."""

from collections.abc import Mapping

from birads_lib.conclusions.estimate import COMPARED, Estimate, readable, split_first
from birads_lib.protocol import PROTOCOLS


def comparison(first: str, second: str, changes: Mapping[str, Estimate]) -> str:
    """Answer chapter 12: which study is more accurate.

    Args:
        first, second: the studies' names.
        changes: accuracy of the first minus that of the second, by protocol.
    """
    clauses = [
        f"under “{readable(protocol)}”{' (leaky)' * PROTOCOLS[protocol].leaks}, the accuracy of "
        f"“{first}” is {change.side(*COMPARED)} that of “{second}” {change.aside}"
        for protocol, change in changes.items()
    ]
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def sweep(accuracies: Mapping[str, Estimate], protocol: str) -> str:
    """Answer the page on a sweep: how far apart the variants are, by one protocol.

    Args:
        accuracies: of each variant, by its name.
        protocol: how the images were split.
    """
    ordered = sorted(accuracies, key=lambda name: accuracies[name].estimate)
    lowest, highest = ordered[0], ordered[-1]
    is_apart = accuracies[lowest].high < accuracies[highest].low
    conclusion = (
        "Their intervals do not overlap, though the highest of many numbers is high partly by "
        "chance."
        if is_apart
        else "Their intervals overlap, so chance alone may have put them in this order."
    )
    return split_first(
        protocol,
        f"Under “{readable(protocol)}”, the most accurate of the {len(ordered)} variants is "
        f"“{readable(highest)}” with {accuracies[highest].text}, and the least accurate "
        f"“{readable(lowest)}” with {accuracies[lowest].text}. {conclusion}",
    )


def floors(accuracies: Mapping[str, Estimate], common: str, protocol: str) -> str:
    """Answer the page on floors: how accurate an answer is without the network.

    Args:
        accuracies: of each floor, by what it is called; ``common`` is one of them.
        common: the floor that always gives the most common category.
        protocol: how the images were split.
    """
    best = max(accuracies, key=lambda name: accuracies[name].estimate)
    sentence = (
        f"Under “{readable(protocol)}”, always giving the most common category is right for "
        f"{accuracies[common].text} of the images"
    )
    if best == common:
        return split_first(protocol, f"{sentence}; no other floor is more accurate.")
    verdict = (
        "clearly more" if accuracies[best].low > accuracies[common].high else "not clearly more"
    )
    return split_first(
        protocol,
        f"{sentence}. The most accurate floor, “{best}”, is right for {accuracies[best].text}, "
        f"{verdict}. A network adds only what lies above that.",
    )


def copies_first(test: Estimate, new: Estimate, deals: int) -> str:
    """Answer chapter 16: what copying rare images before the split does to two scores.

    Args:
        test: balanced accuracy on the test part, copied first minus split first.
        new: the same on patients who were in no part.
        deals: of the patients, whose middle 95 % are the ends of the intervals.
    """
    words = ("lowers", "does not clearly change", "raises")
    return (
        f"Copying rare images before the split {test.side(*words)} the nearest neighbour's score "
        f"on the test part {test.aside} and {new.side(*words)} its score on new patients "
        f"{new.aside}. The ranges hold 95 % of {deals} deals."
    )


def contests(met: int, asked: int, equal: int, compared: int) -> str:
    """Answer chapter 13: how many targets of speed are met, and whether results are equal.

    Args:
        met, asked: ratios that reach their target, and that have one.
        equal, compared: results within what is allowed, and that are compared.
    """
    targets_met = "All" if met == asked else f"{met} of"
    results_equal = "all" if equal == compared else f"{equal} of"
    return (
        f"{targets_met} {asked} targets of speed are met, and {results_equal} {compared} results "
        "that are compared lie within the difference that is allowed."
    )
