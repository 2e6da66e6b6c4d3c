"""Answers of the chapters on companion papers."""

from collections.abc import Mapping, Sequence

import numpy as np

from birads_lib import texts
from birads_lib.conclusions.estimate import COMPARED, Estimate, times
from birads_lib.conclusions.results import HARDLY_ALIKE
from birads_lib.scores.density import READERS_KAPPA
from birads_lib.scores.repeated_folds import equivalence

PUBLISHED_KAPPA = READERS_KAPPA[0]  # of radiologists among themselves, on breast density


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
    said = [
        f"{a} minus {b}: {change.signed} in weighted F1 by patient, {change.side(*sides)}; "
        f"{closeness[equivalence(change.low, change.high, margin)]}."
        for a, b, change in pairs
    ]
    could = "could not have shown" if floor > 0.05 else "could have shown"
    return (
        f"{' '.join(said)} Wilcoxon's two-sided test over {texts.in_words(folds)} folds {could} a "
        f"difference at 0.05: its smallest p-value is {floor:g}."
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
    said = [
        f"{a} takes {_as_long(ratio)} as {b} for one slice, with a weighted F1 that "
        f"differs by {change.signed}: {words[equivalence(change.low, change.high, margin)]}."
        for a, b, ratio, change in pairs
    ]
    return " ".join(said)


def _as_long(ratio: float) -> str:
    """Return "1.8 times as long", "about as long" of a ratio within a tenth of 1."""
    return "about as long" if abs(ratio - 1) < 0.1 else f"{times(ratio)} as long"


def slices(groups: Mapping[str, tuple[int, int]], both: int) -> str:
    """Say how much there is of each group of slices.

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
    """Say which network is the cheapest, by its multiply-adds for one image."""
    ordered = sorted(multiply_adds, key=lambda name: multiply_adds[name])
    least, most = ordered[0], ordered[-1]
    if multiply_adds[least] == multiply_adds[most]:
        return "All networks need equally many multiply-adds for one image."
    ratio = multiply_adds[most] / multiply_adds[least]
    return (
        f"Of {len(ordered)} networks, each at its own size of image, {least} needs the fewest "
        f"multiply-adds for one image and {most} the most, {times(ratio)} as many."
    )


def regions(count: int, lesions: int, patients: int, met: float) -> str:
    """Answer chapter 31: what there is to learn from, and what a split by region leaks.

    ``met`` is the share of test regions whose other view is in training under it, NaN if unknown.
    """
    said = f"The {count} regions show {lesions} lesions of {patients} patients."
    if np.isnan(met):
        return said
    leak = "is no test on new lesions" if met > 0 else "meets no lesion twice"
    return (
        f"{said} With a split by region, {met:.0%} of the test regions have the other view of "
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
    differs = abs(biopsied - everybody) >= 0.1  # in ten of a hundred, which a reader would notice
    selected = ", so it depends strongly on who is biopsied" if differs else ""
    return (
        f"At the reader's sensitivity, the network's specificity is {gain.side(*COMPARED)} the "
        f"reader's {gain.aside}. The reader's specificity is {biopsied:.0%} among lesions that "
        f"were biopsied, and {everybody:.0%} among all{selected}."
    )


def where(hit: Estimate, gain: Estimate, best: str, wrong: Estimate) -> str:
    """Answer chapter 34: whether maps find a lesion that was moved off the centre.

    Args:
        hit: share of moved lesions that the map's maximum hits.
        gain: that share minus the best way of pointing without a network.
        best: that way.
        wrong: share hit in incorrectly graded regions.
    """
    words = ("less often than", "not measurably more or less often than", "more often than")
    known = not np.isnan(wrong.estimate)
    also = f" In incorrectly graded regions, it hits {wrong.text}." if known else ""
    return (
        f"The map hits {hit.text} of the moved lesions, {gain.side(*words)} pointing at the "
        f"{best} does {gain.aside}.{also}"
    )


def real_transfer(gains: Mapping[str, Estimate]) -> str:
    """Answer chapter 35: whether CBIS-DDSM helps on INbreast; ``gains`` in AUC by task and way."""
    words = ("lowers", "does not measurably change", "raises")
    parts = []
    for word in words:
        found = {name: gain for name, gain in gains.items() if gain.side(*words) == word}
        parts += [f"{word} the AUC {_in_which(found, len(gains))}"] if found else []
    return f"On INbreast, learning from films in between {'; it '.join(parts)}."


def _in_which(found: Mapping[str, Estimate], of: int, listed: int = 2) -> str:
    """Return which comparisons were found out of so many: by name, or as a count and a range."""
    if len(found) <= listed:
        return texts.listing(f"for {name} {gain.aside}" for name, gain in found.items())
    lowest, highest = (end(gain.estimate for gain in found.values()) for end in (min, max))
    number = "any of the" if len(found) == of else f"{len(found)} of the"
    return f"in {number} {of} comparisons ({lowest:+.3f} to {highest:+.3f})"


def density_readers(kappa: Estimate, ceiling: Estimate) -> str:
    """Answer chapter 51: how far readers agree, and what knowing the truth would be worth."""
    words = ("lower than that of", "not measurably different from that of", "higher than that of")
    return (
        f"Two simulated readers of these patients agree with a kappa of {kappa.text}, "
        f"{kappa.side(*words, than=PUBLISHED_KAPPA)} published readers ({PUBLISHED_KAPPA}). "
        f"Judged by one reader, somebody who knew the truth would be right for {ceiling.text} of "
        "the patients."
    )


def image_and_text(
    against: Mapping[str, Estimate],
    recall: Estimate,
    constant: float,
    over_constant: Mapping[str, Estimate],
) -> str:
    """Answer chapter 52: whether a text helps, and whether weights help the rarest density.

    Args:
        against: accuracy of each way to train with a text, minus that of a softmax without one.
        recall: of density D with weights, minus without.
        constant: accuracy of always answering the most frequent density.
        over_constant: accuracy of each way to train, minus that.
    """
    sides = {name: gain.side("less", "alike", "more") for name, gain in against.items()}
    better = [name for name, side in sides.items() if side == "more"]
    worse = [name for name, side in sides.items() if side == "less"]
    said = "No way to train with a text is measurably more accurate than softmax without one"
    if better:
        said = f"More accurate than softmax without a text: {texts.listing(better)}"
    if worse:
        said += f"; measurably less accurate than that: {texts.listing(worse)}"
    words = ("lower", "do not measurably change", "raise")
    return (
        f"{said}. Always {_beside_constant(constant, over_constant)} "
        f"Weights {recall.side(*words)} the recall of density D {recall.aside}."
    )


def _beside_constant(constant: float, over: Mapping[str, Estimate]) -> str:
    """Say what one constant answer reaches, and which trainings are below, beside and above it."""
    words = ("less often", "not measurably more or less often", "more often")
    parts = []
    for word in words:
        names = [name for name, gain in over.items() if gain.side(*words) == word]
        every = "any way to train" if word.startswith("not") else "every way to train"
        ways = every if len(names) == len(over) > 1 else texts.listing(names or [""])
        parts += [f"{word} right than that with {ways}"] if names else []
    return (
        f"answering the most frequent density would be right for {constant:.2f} of the patients; "
        f"networks are {', and '.join(parts)}."
    )


def modalities(single: str, gains: Mapping[str, Estimate], margin: float) -> str:
    """Answer chapter 53: whether several kinds of image help.

    Args:
        single: the kind that one network was trained on alone.
        gains: accuracy with all kinds in training minus with that one, by the kind tested on.
        margin: of accuracy, within which two are equivalent.
    """
    words = ("lowers accuracy", "makes no measurable difference", "raises accuracy")
    parts = []
    for kind, gain in gains.items():
        said = gain.side(*words)
        if equivalence(gain.low, gain.high, margin) == "equivalent":
            said = f"is equivalent within {margin:g}"
        parts.append(f"on {kind} it {said} {gain.aside}")
    return f"Training on all kinds of image instead of {single} alone: {'; '.join(parts)}."


def density_elsewhere(
    way: str,
    patients: int,
    home: Estimate,
    away: Estimate,
    kappa: Estimate,
    constant: float,
    over_constant: Mapping[str, Estimate],
) -> str:
    """Answer chapter 54: whether density is predicted as well elsewhere as at home.

    Args:
        way: how the network was trained.
        patients: elsewhere.
        home: accuracy there, out of fold.
        away: accuracy elsewhere.
        kappa: of network and reader elsewhere.
        constant: accuracy of always answering the density that is most frequent elsewhere.
        over_constant: accuracy elsewhere of each way to train, minus that.
    """
    words = ("below", "not measurably different from", "above")
    return (
        f"Trained at home and tested elsewhere, {way} is right for {away.text} of {patients} "
        f"patients; at home, it is right for {home.text}. Elsewhere, always "
        f"{_beside_constant(constant, over_constant)} The agreement of {way} with the reader "
        f"there, a kappa of {kappa.text}, is {kappa.side(*words, than=PUBLISHED_KAPPA)} that of "
        f"published readers among themselves ({PUBLISHED_KAPPA})."
    )


def local_views(
    crops: Mapping[str, Estimate], windows: Mapping[str, Estimate], gap: Estimate
) -> str:
    """Answer chapter 41: whether a network that names crops of lesions also finds lesions.

    Args:
        crops: F1 on crops of lesions, by the kind of lesion that the network was taught.
        windows: F1 on all windows of the same images, by the kind.
        gap: F1 of calcifications minus that of masses, on crops; not estimable where only one of
            them was taught.
    """
    on_crops = texts.listing(f"{f1.text} for {kind}" for kind, f1 in crops.items())
    on_windows = texts.listing(f"{f1.text} for {kind}" for kind, f1 in windows.items())
    lower = [kind for kind, f1 in windows.items() if f1.high < crops[kind].low]
    fell = (
        f"clearly lower for {texts.listing(lower)}, so naming a crop is not finding a lesion"
        if lower
        else "not clearly lower"
    )
    words = ("Masses are named better than calcifications",
             "Neither kind is named measurably better than the other",
             "Calcifications are named better than masses")  # fmt: skip
    said = (
        f"On crops of lesions, F1 is {on_crops}; on all windows of the same images, it is "
        f"{on_windows}: {fell}."
    )
    if np.isnan(gap.estimate):
        return said
    return f"{said} {gap.side(*words)} on crops {gap.aside}."


def correlax(kept: Mapping[str, float], images: int) -> str:
    """Answer chapter 42: how much of a map is chance, and how much depends on its settings.

    Args:
        kept: median rank correlation of the windows' values with those of the study's own
            settings, by what was changed; the first is the masks, drawn anew.
        images: how many were explained twice.
    """
    named = {0.9: "almost the whole", 0.5: "part of the", -1.0: "little of the"}
    (drawn, chance), *others = kept.items()
    if np.isnan(chance):
        return "The values of the windows do not differ, so there is no order to keep."
    left = next(words for least, words in named.items() if not chance < least)
    said = texts.listing(f"{value:.2f} with {name}" for name, value in others)
    return (
        f"With {drawn}, the windows of an image keep {left} order of their correlations: the "
        f"median rank correlation is {chance:.2f} over {texts.in_words(images)} "
        f"image{'s' if images > 1 else ''}. It is "
        f"{said}."
    )


def more_masks(gain: Estimate, fewest: int, most: int) -> str:
    """Say whether more masks of a window help; ``gain`` is in the share of pairs that are hit."""
    if fewest == most:
        return "Here, only one number of masks could be compared."
    words = ("lower", "not measurably different", "higher")
    return (
        f"With {most:,} masks of a window instead of {fewest:,}, the share is "
        f"{gain.side(*words)} {gain.aside}."
    )


def after_random(sizes: Mapping[str, float]) -> str:
    """Say whether the order of windows outlives what a network learned.

    ``sizes`` are medians of rank correlations without their signs, by what was made random.
    """
    if not sizes:
        return "Here, no two orders could be compared."
    said = [
        f"{size:.2f} from 0 with a {name}, so the order is "
        f"{'largely kept or reversed' if size > HARDLY_ALIKE else 'largely lost'}"
        for name, size in sizes.items()
    ]
    return f"The median mark lies {'; '.join(said)}."


def pointing_game(
    hit: Estimate,
    correlations: Estimate,
    window: Estimate,
    without: tuple[str, Estimate],
    over: tuple[Estimate, Estimate],
    grad_cam: Estimate,
) -> str:
    """Answer chapter 43: whether the maps of CorRELAX point at lesions, beyond simpler ways.

    Args:
        hit: share of pairs of image and kind that the map of answers hits.
        correlations: that share minus the share of the map of correlations.
        window: that share minus the share of the best window alone.
        without: the best of the ways to point without a network, and its share.
        over: shares of the maps of answers and of correlations minus that share.
        grad_cam: share of Grad-CAM minus that of a random point.
    """
    words = ("less often than", "not measurably more or less often than", "more often than")
    return (
        f"The map of answers hits {hit.text} of the pairs of image and kind of lesion, "
        f"{correlations.side(*words)} the map of correlations {correlations.aside} and "
        f"{window.side(*words)} the best window alone {window.aside}. Of the ways to point without "
        f"a network, the best is {without[0]}, with {without[1].text}; the map of answers hits "
        f"{over[0].side(*words)} that {over[0].aside}, and the map of correlations "
        f"{over[1].side(*words)} that {over[1].aside}. Grad-CAM hits {grad_cam.side(*words)} a "
        f"random point of the breast {grad_cam.aside}."
    )
