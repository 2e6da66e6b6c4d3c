"""Answers of the chapters that judge a run's grades.

One that comes from a protocol that leaks says so first: no reader should take its numbers for
performance.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from birads_lib import texts
from birads_lib.conclusions.estimate import COMPARED, Estimate, of, readable, split_first

FEWEST_SCORED = 10  # images with a finding of known place, below which maps are not scored
HARDLY_ALIKE = 0.5  # rank correlation of two maps, above which they are much alike
_POINTING = {  # ways of pointing without a model, as pointing.pointing_game names them
    "centre": "the centre of the image",
    "breast_centre": "the centre of the breast",
    "brightness": "the brightest place",
    "chance": "a random point",
}


def evaluation(
    accuracy: Estimate, majority: Estimate, verdict: str, adjacent: Estimate, protocol: str
) -> str:
    """Answer chapter 04: how many grades are right, and whether that takes a network.

    Args:
        accuracy: of the network.
        majority: accuracy of always answering the most common category.
        verdict: the sentence of ``floors.sentence``.
        adjacent: share of wrong grades that are one category off; not estimable without an order.
        protocol: how the images were split.
    """
    adjacent_sentence = f" Of the wrong grades, {adjacent.text} are one category off."
    return split_first(
        protocol,
        f"The network grades {accuracy.text} of the images correctly; always giving the most "
        f"common category would be right for {majority.estimate:.2f}. {verdict}"
        + ("" if np.isnan(adjacent.estimate) else adjacent_sentence),
    )


def ablations(differences: pd.DataFrame, loss: str, reference: str) -> str:
    """Answer chapter 05: which changes make a difference in accuracy, the loss first.

    Args:
        differences: in accuracy from the reference: variant, estimate, low, high and holm.
        loss: the variant with cross-entropy in place of DAL; "" where there is none.
        reference: the variant that all others are compared with.
    """
    table, loss_sentence = differences.assign(metric="accuracy"), ""
    if loss in set(table["variant"]):
        change = of(table, "accuracy", variant=loss)
        words = ("DAL helped", "DAL made no measurable difference", "DAL did harm")
        loss_sentence = (
            "Training with cross-entropy in place of the distance-aware loss (DAL) changes "
            f"accuracy by {change.signed}; by this interval alone, {change.side(*words)} here. "
        )
    changed, base = table[table["holm"] < 0.05], f"the reference, “{readable(reference)}”,"
    by_holm = "a measurable difference after Holm's adjustment"
    if changed.empty:
        return f"{loss_sentence}None of the {len(table)} changes from {base} makes {by_holm}."
    parts = []
    for word, rows in {"lower": changed["estimate"] < 0, "higher": changed["estimate"] > 0}.items():
        if names := [f"“{readable(name)}”" for name in changed.loc[rows, "variant"]]:
            parts.append(f"{word} with {texts.listing(names)}")
    return (
        f"{loss_sentence}Compared with {base} accuracy is {' and '.join(parts)}; no other of the "
        f"{len(table)} changes makes {by_holm}."
    )


def several_scales(change: Estimate, reference: str) -> str:
    """Return a sentence on tokens of several scales; ``change`` is the gain in accuracy by them."""
    words = ("lower than", "not measurably different from that", "higher than")
    return (
        f"With tokens of several scales, accuracy is {change.side(*words)} with one "
        f"{change.aside}, all else as in “{readable(reference)}”."
    )


def calibration(
    right: Estimate,
    answers: int,
    best: str,
    change: Estimate,
    least: Mapping[str, tuple[Estimate, float]],
    protocol: str,
) -> str:
    """Answer chapter 06: how often 0.8 is right, whether a correction helps, and whether enough.

    Args:
        right: share of the answers given with 0.75 to 0.85 that are right.
        answers: how many these are.
        best: what the best correction is called.
        change: of the log loss by it; below 0 is better.
        least: "brier" and "log_loss": the model's, after its best correction or none, and that of
            giving every image the frequencies of the test part.
        protocol: how the images were split.
    """
    sentence = "No answer was given with a probability of about 0.8."
    if answers:
        overconfident = right.side("the model is too sure", "", "", than=0.75)
        underconfident = right.side("", "", "the model isn't sure enough", than=0.85)
        verdict = overconfident or underconfident or "this can't be distinguished from eight in ten"
        sentence = (
            f"Of {answers} answers given with a probability of 0.75 to 0.85, {_share(right)} "
            f"are right: {verdict}."
        )
    words = ("lowers", "does not measurably change", "raises")
    correction = f" {best} {change.side(*words)} the log loss on held-out patients {change.aside}."
    return split_first(protocol, f"{sentence}{correction} {_beside_base_rates(**least)}")


def _share(share: Estimate) -> str:
    """Return "51% (5% to 100%)", "51%" without an interval."""
    bounds = "" if np.isnan(share.low) else f" ({share.low:.0%} to {share.high:.0%})"
    return f"{share.estimate:.0%}{bounds}"


def _beside_base_rates(brier: tuple[Estimate, float], log_loss: tuple[Estimate, float]) -> str:
    words = ("better than", "not measurably different from", "worse than")
    sides = [score.side(*words, than=rate) for score, rate in (brier, log_loss)]
    opening = "At" if words[0] in sides else "Even at"
    return (
        f"{opening} its best, corrected or not, the model has a Brier score of {brier[0].text}, "
        f"{sides[0]} the {brier[1]:.2f} of giving every image the frequencies of the test part; "
        f"its log loss is {log_loss[0].text}, {sides[1]} the {log_loss[1]:.2f} of doing so."
    )


def temperatures(fitted: pd.Series) -> str:
    """Return a sentence on over-confidence, from the temperature that each training fitted."""
    above = fitted > 1
    if above.all():
        return "Every temperature is above 1: the model is over-confident on validation images."
    if not above.any():
        return "No temperature is above 1: the model is not over-confident on validation images."
    return (
        f"Of {len(fitted)} temperatures, {above.sum()} lie above 1: whether the model is "
        "over-confident on validation images depends on the training."
    )


def decision(action: str, gain: Estimate, useful: Estimate, protocol: str) -> str:
    """Answer chapter 07: whether acting on the model beats acting on everyone or on no one.

    Args:
        action: what is acted on, such as "BI-RADS 4 or more".
        gain: net benefit over the better default at a threshold of one half.
        useful: share of thresholds from 0.2 to 0.8 where the model beats both.
        protocol: how the images were split.
    """
    if np.isnan(gain.estimate):
        return split_first(protocol, f"No image here is {action}: there is nothing to decide.")
    words = ("worse than", "not measurably better or worse than", "better than")
    return split_first(
        protocol,
        f"Acting on the model for {action} is {gain.side(*words)} acting on everyone or on no one, "
        "if a needless action costs as much as a needed one is worth: the net benefit differs "
        f"by {gain.signed} from the better of the two. The model beats both at {_share(useful)} of "
        "the thresholds from 0.2 to 0.8.",
    )


def interpretability(
    located: int, hit: Estimate, gain: Estimate, best: str, random: Estimate, protocol: str
) -> str:
    """Answer chapter 08: whether maps point at lesions, and depend on what was learned.

    Args:
        located: explained images whose findings have a known place.
        hit: share of these whose map has its maximum in a finding.
        gain: that share minus the best one without a model.
        best: that way of pointing.
        random: rank correlation of the maps of a random model with those of the trained one.
        protocol: how the images were split.
    """
    words = ("less often than", "not measurably more or less often than", "more often than")
    baseline = _POINTING.get(best, readable(best))
    hit_sentence = (
        f"In the {located} explained images whose findings have a known place, the maximum of the "
        f"map lies in a finding in {hit.text}: {gain.side(*words)} {baseline} {gain.aside}."
    )
    if located < FEWEST_SCORED:
        hit_sentence = (
            f"The place of a finding is known in {located} of the explained images, too few to say "
            "whether maps point at findings."
        )
    dependence = random.side(
        "depend on what was learned", "may or may not depend on what was learned",
        "do not depend on what was learned", than=HARDLY_ALIKE,
    )  # fmt: skip
    random_sentence = (
        "With random weights, no map could be compared with the trained one."
        if np.isnan(random.estimate)
        else f"With all weights random, maps keep a rank correlation of {random.text} with the "
        f"trained ones: they {dependence}."
    )
    return split_first(protocol, f"{hit_sentence} {random_sentence}")


def feature_space(others: Estimate, share: Estimate, patient: Estimate, protocol: str) -> str:
    """Answer chapter 09: whether images lie together by category or by patient, beyond chance.

    Args:
        others: share of same-category neighbours among other patients' images, minus chance.
        share: the same, without chance taken away.
        patient: share of neighbours of the same patient, minus chance.
        protocol: how the images were split.
    """
    words = ("fewer than", "not measurably more or fewer than", "more than")
    frequency_words = ("less often than", "about as often as", "more often than")
    sentence = (
        f"{_together(others, patient)} Among images of other patients, {share.text} of an image's "
        f"nearest neighbours have its category, {others.side(*words)} by chance {others.aside}."
    )
    if not np.isnan(patient.estimate):
        sentence += (
            f" A neighbour comes from the same patient {patient.side(*frequency_words)} by chance."
        )
    return split_first(protocol, sentence)


def _together(others: Estimate, patient: Estimate) -> str:
    """Return a sentence on clustering by category and by patient; the latter only where known."""
    of_patient = {} if np.isnan(patient.estimate) else {"by patient": patient}
    excesses = {"by category": others} | of_patient
    above_chance = [name for name, excess in excesses.items() if excess.low > 0]
    not_above = [name for name in excesses if name not in above_chance]
    if not above_chance:
        return f"Images do not measurably lie together {' or '.join(not_above)}."
    exception = f", but not measurably {not_above[0]}" if not_above else ""
    return f"Images lie together {texts.listing(above_chance)}{exception}."


def leakage(
    honest: Estimate,
    leaky: Mapping[str, tuple[Estimate, Estimate, Estimate]],
    majority: Estimate,
    knows_its_images: bool,
) -> str:
    """Answer chapter 10: what the split does to accuracy.

    Args:
        honest: accuracy by patient.
        leaky: of each leaky protocol, accuracy, its difference from the honest one, and accuracy of
            the lookup table.
        majority: accuracy of always answering the most common category, by patient.
        knows_its_images: whether the backbone learned from images like the study's own.
    """
    parts = []
    for name, (accuracy, difference, _) in leaky.items():
        words = ("lower", "not measurably different", "higher")
        parts.append(
            f"under “{readable(name)}” {accuracy.text}, "
            f"{difference.side(*words)} {difference.aside}"
        )
    sentence = f"By patient, the accuracy is {honest.text}"
    if not parts:
        return f"{sentence}. There is no leaky protocol to compare it with."
    sentence += f"; {'; '.join(parts)}."
    lookup_sentence = _lookups_that_win(leaky, majority)
    if any(difference.low > 0 for _, difference, _ in leaky.values()):
        return (
            f"{sentence} The network, its training and the images are the same; only the split "
            f"differs.{lookup_sentence}"
        )
    reason = (
        "One reason may be that this backbone has learned from thousands of such images, so "
        "that it grades new patients about as well as copies. "
    )
    is_known = knows_its_images and honest.low > majority.estimate
    return (
        f"{sentence} Here, no leaky split raises the accuracy measurably. "
        f"{reason if is_known else ''}That does not make leaks harmless.{lookup_sentence}"
    )


def _lookups_that_win(
    leaky: Mapping[str, tuple[Estimate, Estimate, Estimate]], majority: Estimate
) -> str:
    """Return a sentence on the leaky protocols under which a lookup table beats the network, or "".

    A table without a copy to look up gives the most common category: it has to beat that, too.
    """
    parts = [
        f"{table.text} under “{readable(name)}”, where the network reaches {network.estimate:.2f}"
        for name, (network, _, table) in leaky.items()
        if table.estimate > network.estimate and round(table.estimate - majority.estimate, 3) > 0
    ]
    if not parts:
        return ""
    return f" A lookup table, which reads no pixel, does better: it reaches {'; '.join(parts)}."


def claims(counts: Mapping[str, int], images: str, about: str) -> str:
    """Answer chapter 11: how many claims come out.

    Args:
        counts: claims by verdict, as ``press.report.ledger.counts`` names them.
        images: what these images are, such as "synthetic", which can't reproduce a number; "" for
            those that the claims are about.
        about: the images that the claims are about.
    """
    total, untested = sum(counts.values()), counts["not_testable"]
    if images:
        return (
            f"These images are {images}, and the claims are about {about}: no number that the "
            "paper prints is judged here, unless it is a limit (at least, at most). "
            f"{_that_hold(counts['reproduced'], total - untested)} on these images."
        )
    return (
        f"Of {total} claims, {total - untested} can be tested here. Reproduced by patient: "
        f"{counts['reproduced']}; only under a leaky protocol: {counts['leaky_only']}; by memory "
        f"alone: {counts['memorised']}; not reproduced: {counts['not_reproduced']}."
    )


def _that_hold(count: int, directions: int) -> str:
    if not directions:
        return "None of the directions that it states in words can be tested"
    verb = "none holds" if not count else f"{count} also hold{'s' if count == 1 else ''}"
    return f"Of the directions that it states, {directions} can be tested here, and {verb}"


def elsewhere(home: Estimate, away: Estimate, moved: Estimate, calibrated: Estimate) -> str:
    """Answer chapter 15: whether the accuracy at home holds at another place.

    Args:
        home, away: accuracy at home and elsewhere.
        moved: home minus elsewhere.
        calibrated: calibration error elsewhere.
    """
    return (
        f"At home, the accuracy is {home.text}, {moved.side(*COMPARED)} that elsewhere, which is "
        f"{away.text}. Home minus elsewhere is {moved.signed}. The calibration error elsewhere is "
        f"{calibrated.text}."
    )


def survives(
    paper: float, honest: Estimate, majority: Estimate, leaky: Estimate, verdict: str
) -> str:
    """Answer the book's question: whether a paper's accuracy survives an honest split.

    Args:
        paper: the accuracy that it prints.
        honest: accuracy of the book's code by patient, on the same images.
        majority: accuracy of always giving the most frequent category, on the same images.
        leaky: the book's code where rare images were copied before the split.
        verdict: the ledger's on that accuracy, such as "not reproduced".
    """
    sides = ("No", "Perhaps", "Yes")
    words = ("below", "not measurably different from", "above")
    floor = majority.estimate
    first = (
        f"{honest.side(*sides, than=paper)}. Where no patient is on both sides of the split, this "
        f"code grades {honest.text} of INbreast's images correctly, which is "
        f"{honest.side(*words, than=paper)} the paper's {paper:.3f} and "
        f"{honest.side(*words, than=floor)} the {floor:.2f} of always giving the most frequent "
        "category."
    )
    if not leaky.low > honest.high:
        return (
            f"{first} Copying images of rare categories before the split does not raise that "
            f"({leaky.text})."
        )
    comparison = f"{leaky.side(*words, than=paper)} the paper's value"
    if leaky.high < paper:
        share_closed = (leaky.estimate - honest.estimate) / (paper - honest.estimate)
        comparison += (
            f" but covers {share_closed:.0%} of the distance from the result by patient to it"
        )
    return (
        f"{first} Where images of rare categories are copied before the split, the same code "
        f"reaches {leaky.text}, which is {comparison}; allowing for the sampling error of the "
        f"paper's few test images, the ledger calls its accuracy “{verdict}”."
    )
