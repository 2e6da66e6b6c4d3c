"""Answers of the chapters on what frozen features allow: those numbered 14."""

from collections.abc import Mapping

import numpy as np

from birads_lib import texts
from birads_lib.conclusions.estimate import COMPARED, Estimate


def features(by_size: Mapping[str, tuple[int, int]], images: int, trunk: str) -> str:
    """Answer chapter 14 on features: how many numbers stand for an image.

    Args:
        by_size: features, and those of them that are 0 for every image, by the size of the image.
        images: how many there are.
        trunk: the network that makes them.
    """
    parts = [f"{count:,} numbers at {size} pixels" for size, (count, _) in by_size.items()]
    empty = sum(zeros for _, zeros in by_size.values())
    subjects = {0: "None of these is", 1: "One of these is"}
    subject = subjects.get(empty, f"{empty:,} of these are")
    made = f"From each of {images} images, {trunk} makes {texts.listing(parts)}"
    return f"{made}. {subject} 0 for every image."


def patches(pointing: Mapping[str, tuple[Estimate, float]], teachers: int, images: int) -> str:
    """Answer chapter 14 on patches: whether what was learned elsewhere points at masses.

    Args:
        pointing: of each teacher of masses, the share of images in which its highest patch touches
            a mass, and the same by chance.
        teachers: how many there are, of masses or not.
        images: those with a boxed mass.
    """
    if not teachers:
        return "No set to learn from was given, so there is no teacher here."
    if not pointing:
        return (
            "There is no teacher of masses here, or no image with a boxed mass: whether the "
            "highest patch points at a mass can't be tested."
        )
    words = ("less often than", "not measurably more or less often than", "more often than")
    parts = [
        f"the highest patch of the teacher “{name}” touches a mass in {hit.text}, "
        f"{hit.side(*words, than=chance)} by chance ({chance:.2f})"
        for name, (hit, chance) in pointing.items()
    ]
    return f"Of the {images} images with a boxed mass, {'; '.join(parts)}."


def tokens(kappa: Estimate, auc: Estimate) -> str:
    """Answer chapter 14 on tokens: whether an encoder learns anything from grades alone.

    ``kappa`` is quadratic and ``auc`` the mean, both by patient; not estimable without an encoder.
    """
    if np.isnan(kappa.estimate):
        return "No width was given, so no encoder was trained here."
    words = ("below", "not measurably different from", "above")
    return (
        f"By patient, attention over tokens alone has a quadratic kappa of {kappa.text}, "
        f"{kappa.side(*words)} the 0 of chance, and a mean AUC of {auc.text}, "
        f"{auc.side(*words, than=0.5)} the 0.5 of chance."
    )


def best_grade(
    reached: Mapping[str, tuple[Estimate, float]], ahead: Estimate, attention: Estimate
) -> str:
    """Answer chapter 14: what the best honest grade reaches, and whether it beats the network.

    Args:
        reached: a metric with its article, such as "a mean AUC" -> its value at the last step, and
            the value aimed at.
        ahead: quadratic kappa minus that of the paper's network by patient; not estimable where
            no network stands beside.
        attention: quadratic kappa of attention over tokens minus that of the regression on
            everything before it; not estimable where no encoder was trained.
    """
    words = ("below", "not measurably different from", "above")
    parts = [
        f"{metric} of {value.text}, {value.side(*words, than=aim)} the target of {aim:g}"
        for metric, (value, aim) in reached.items()
    ]
    comparisons = ""
    if not np.isnan(ahead.estimate):
        comparisons = (
            f" Its quadratic kappa is {ahead.side(*COMPARED)} that of the paper's network by "
            f"patient {ahead.aside}."
        )
    if not np.isnan(attention.estimate):
        comparisons += (
            f" The quadratic kappa of attention over tokens alone is {attention.side(*COMPARED)} "
            f"that of the regression on all features {attention.aside}."
        )
    return f"By patient, the last step of the staircase has {'; '.join(parts)}.{comparisons}"
