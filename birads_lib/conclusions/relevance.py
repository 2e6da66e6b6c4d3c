"""Answers of the chapters on local views and CorRELAX (41 to 43)."""

from collections.abc import Mapping

import numpy as np

from birads_lib import texts
from birads_lib.conclusions.estimate import Estimate
from birads_lib.conclusions.results import HARDLY_ALIKE


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
    change = (
        f"clearly lower for {texts.listing(lower)}, so naming a crop is not finding a lesion"
        if lower
        else "not clearly lower"
    )
    words = ("Masses are named better than calcifications",
             "Neither kind is named measurably better than the other",
             "Calcifications are named better than masses")  # fmt: skip
    sentence = (
        f"On crops of lesions, F1 is {on_crops}; on all windows of the same images, it is "
        f"{on_windows}: {change}."
    )
    if np.isnan(gap.estimate):
        return sentence
    return f"{sentence} {gap.side(*words)} on crops {gap.aside}."


def correlax(kept: Mapping[str, float], images: int) -> str:
    """Answer chapter 42: how much of a map is chance, and how much depends on its settings.

    Args:
        kept: median rank correlation of the windows' values with those of the study's own
            settings, by what was changed; the first is the masks, drawn anew.
        images: how many were explained twice.
    """
    shares = {0.9: "almost the whole", 0.5: "part of the", -1.0: "little of the"}
    (drawn, chance), *changed_settings = kept.items()
    if np.isnan(chance):
        return "The values of the windows do not differ, so there is no order to keep."
    share = next(words for threshold, words in shares.items() if not chance < threshold)
    listed = texts.listing(f"{value:.2f} with {name}" for name, value in changed_settings)
    return (
        f"With {drawn}, the windows of an image keep {share} order of their correlations: the "
        f"median rank correlation is {chance:.2f} over {texts.in_words(images)} "
        f"image{'s' if images > 1 else ''}. It is "
        f"{listed}."
    )


def more_masks(gain: Estimate, fewest: int, most: int) -> str:
    """Return a sentence on the ``gain`` in the share of hit pairs by more masks per window."""
    if fewest == most:
        return "Here, only one number of masks could be compared."
    words = ("lower", "not measurably different", "higher")
    return (
        f"With {most:,} masks of a window instead of {fewest:,}, the share is "
        f"{gain.side(*words)} {gain.aside}."
    )


def after_random(sizes: Mapping[str, float]) -> str:
    """Return a sentence on whether the order of windows survives a network's randomisation.

    ``sizes`` are medians of absolute rank correlations, by the part that was made random.
    """
    if not sizes:
        return "Here, no two orders could be compared."
    clauses = [
        f"{size:.2f} from 0 with a {name}, so the order is "
        f"{'largely kept or reversed' if size > HARDLY_ALIKE else 'largely lost'}"
        for name, size in sizes.items()
    ]
    return f"The median mark lies {'; '.join(clauses)}."


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
    words = ("worse than", "not measurably different from", "better than")
    answers, correlated = over
    return (
        f"The map of answers hits {hit.text} of the pairs of image and kind of lesion. It is "
        f"{correlations.side(*words)} the map of correlations {correlations.aside} and "
        f"{window.side(*words)} the best window alone {window.aside}. The best way to point "
        f"without a network is {without[0]}, which hits {without[1].text}: the map of answers is "
        f"{answers.side(*words)} it {answers.aside}, and the map of correlations is "
        f"{correlated.side(*words)} it {correlated.aside}. Grad-CAM is {grad_cam.side(*words)} a "
        f"random point of the breast {grad_cam.aside}."
    )
