"""Answers of the chapters on double transfer (31 to 35)."""

from collections.abc import Mapping, Sequence

import numpy as np

from birads_lib import texts
from birads_lib.conclusions.estimate import COMPARED, Estimate


def regions(count: int, lesions: int, patients: int, met: float) -> str:
    """Answer chapter 31: what there is to learn from, and what a split by region leaks.

    ``met`` is the share of test regions whose other view is in training under it, NaN if unknown.
    """
    sentence = f"The {count} regions show {lesions} lesions of {patients} patients."
    if np.isnan(met):
        return sentence
    leak = "is no test on new lesions" if met > 0 else "meets no lesion twice"
    return (
        f"{sentence} With a split by region, {met:.0%} of the test regions have the other view of "
        f"their lesion in training: such a split {leak}."
    )


def double_transfer(
    over_single: Estimate,
    over_longer: Estimate,
    over_scratch: Estimate,
    aucs: Sequence[float],
    most: float,
) -> str:
    """Answer chapter 32: whether a second training set helps, beyond longer training.

    Args:
        over_single: AUC of double minus single transfer.
        over_longer: the same minus single transfer for as long.
        over_scratch: the same minus training from scratch.
        aucs: of one network, for each way to train.
        most: AUC of a reader who knows each lesion's category.
    """
    words = ("worse than", "not measurably different from", "better than")
    nearer = ", all nearer to a guess than to the best possible" * (max(aucs) < (0.5 + most) / 2)
    return (
        f"By AUC, double transfer is {over_single.side(*words)} single transfer "
        f"{over_single.aside}, and {over_longer.side(*words)} single transfer that is trained for "
        f"as long {over_longer.aside}. It is {over_scratch.side(*words)} training from scratch "
        f"{over_scratch.aside}. The AUCs of one network range from {min(aucs):.2f} to "
        f"{max(aucs):.2f}{nearer}, where a guess has 0.50 and a reader who knows each lesion's "
        f"category {most:.2f}."
    )


def reader(gain: Estimate, biopsied: float, everybody: float) -> str:
    """Answer chapter 33: whether the network beats the reader, at one sensitivity.

    Args:
        gain: specificity of the network minus that of the reader, at the reader's sensitivity.
        biopsied: specificity of the reader among lesions that were biopsied.
        everybody: the same among all lesions.
    """
    biased = abs(biopsied - everybody) >= 0.1  # in ten of a hundred, which a reader would notice
    dependence = ", so it depends strongly on who is biopsied" if biased else ""
    return (
        f"At the reader's sensitivity, the network's specificity is {gain.side(*COMPARED)} the "
        f"reader's {gain.aside}. The reader's specificity is {biopsied:.0%} among lesions that "
        f"were biopsied, and {everybody:.0%} among all{dependence}."
    )


def where(hit: Estimate, random: Estimate, gain: Estimate, best: str, wrong: Estimate) -> str:
    """Answer chapter 34: whether maps find a lesion that was moved within its square.

    Args:
        hit: share of moved lesions that the map's maximum hits.
        random: the share that a random point hits.
        gain: the map's share minus that of the best way of pointing without a network.
        best: that way.
        wrong: share hit in incorrectly graded regions.
    """
    words = ("worse than", "not measurably different from", "better than")
    is_known = not np.isnan(wrong.estimate)
    wrong_sentence = f" In incorrectly graded regions, it hits {wrong.text}." if is_known else ""
    return (
        f"The map hits {hit.text} of the moved lesions, and a random point {random.text}. The map "
        f"is {gain.side(*words)} pointing at the {best} {gain.aside}.{wrong_sentence}"
    )


def real_transfer(gains: Mapping[str, Estimate]) -> str:
    """Answer chapter 35: whether CBIS-DDSM helps on INbreast; ``gains`` in AUC by task and way."""
    words = ("lowers", "does not measurably change", "raises")
    parts = []
    for word in words:
        gains_of_word = {name: gain for name, gain in gains.items() if gain.side(*words) == word}
        parts += [f"{word} the AUC {_in_which(gains_of_word, len(gains))}"] if gains_of_word else []
    return f"On INbreast, learning from films in between {'; it '.join(parts)}."


def _in_which(found: Mapping[str, Estimate], of: int, listed: int = 2) -> str:
    """Return the comparisons that were found, of ``of``: by name, or as a count and a range."""
    if len(found) <= listed:
        return texts.listing(f"for {name} {gain.aside}" for name, gain in found.items())
    lowest, highest = (end(gain.estimate for gain in found.values()) for end in (min, max))
    number = "any" if len(found) == of else texts.in_words(len(found))
    return (
        f"in {number} of the {texts.in_words(of)} comparisons (estimates from {lowest:+.3f} to "
        f"{highest:+.3f})"
    )
