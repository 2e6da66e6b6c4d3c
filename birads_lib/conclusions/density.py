"""Answers of the chapters on breast density (51 to 54)."""

from collections.abc import Mapping

from birads_lib import texts
from birads_lib.conclusions.estimate import COMPARED, Estimate
from birads_lib.scores.density import READERS_KAPPA
from birads_lib.scores.repeated_folds import equivalence

PUBLISHED_KAPPA = READERS_KAPPA[0]  # of radiologists among themselves, on breast density
_SIDES = ("measurably less accurate", "not measurably different", "measurably more accurate")


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
    return (
        f"{_beside_softmax(against)} Always answering the most frequent density would be right "
        f"for {constant:.2f} of the patients. {_beside_constant(over_constant, 'ways to train')} "
        f"Weighted CLIP's recall of density D is {recall.side(*COMPARED)} plain CLIP's "
        f"{recall.aside}."
    )


def _beside_softmax(against: Mapping[str, Estimate]) -> str:
    """Return a sentence that compares training with a text to softmax without one, by accuracy."""
    worse, _, better = _by_side(against)
    if better:
        sentence = (
            f"Softmax without a text is measurably less accurate than {texts.listing(better)}"
        )
        return sentence + (f", and more accurate than {texts.listing(worse)}." if worse else ".")
    if worse:
        return (
            "No way to train with a text is measurably more accurate than softmax without one, "
            f"which is measurably more accurate than {texts.listing(worse)}."
        )
    return "No way to train with a text differs measurably in accuracy from softmax without one."


def _beside_constant(over: Mapping[str, Estimate], ways: str) -> str:
    """Return a sentence that compares the accuracy of ``ways`` with that of one constant answer."""
    sides = zip(_SIDES, _by_side(over), strict=True)
    groups = {words: names for words, names in sides if names}
    number = texts.in_words(len(over))
    if len(over) == 1:
        ((words, (name,)),) = groups.items()
        return f"{name} is {words} {'from' if words == _SIDES[1] else 'than'} that."
    if len(groups) > 1:
        parts = [
            f"{texts.in_words(len(names))} {'is' if len(names) == 1 else 'are'} {words} "
            f"({texts.listing(names)})"
            for words, names in groups.items()
        ]
        return f"Compared with that, of the {number} {ways}, {texts.listing(parts)}."
    (words,) = groups
    if words == _SIDES[1]:
        return f"None of the {number} {ways} is measurably more or less accurate than that."
    return f"Each of the {number} {ways} is {words} than that."


def _by_side(differences: Mapping[str, Estimate]) -> list[list[str]]:
    """Return the names of differences below 0, on both sides of it, and above it."""
    return [[n for n, d in differences.items() if d.side(*_SIDES) == side] for side in _SIDES]


def modalities(single: str, gains: Mapping[str, Estimate], margin: float) -> str:
    """Answer chapter 53: whether several kinds of image help.

    Args:
        single: the kind that one network was trained on alone.
        gains: accuracy with all kinds in training minus with that one, by the kind tested on.
        margin: of accuracy, within which two are equivalent.
    """
    words = ("lowers accuracy", "makes no measurable difference to accuracy", "raises accuracy")
    kinds_by_effect = {}
    for kind, gain in gains.items():
        effect = gain.side(*words)
        if equivalence(gain.low, gain.high, margin) == "equivalent":
            effect = f"keeps accuracy within {margin:g}"
        kinds_by_effect.setdefault(effect, []).append(f"on {kind} {gain.aside}")
    parts = [f"{effect} {texts.listing(listed)}" for effect, listed in kinds_by_effect.items()]
    return f"Training on all kinds of image instead of {single} alone {'; it '.join(parts)}."


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
    against_constant = _beside_constant(over_constant, "ways to train that were tested there")
    return (
        f"Trained at home and tested elsewhere, {way} is right for {away.text} of {patients} "
        f"patients; at home, it is right for {home.text}. Always answering the density that is "
        f"most frequent elsewhere would be right for {constant:.2f} there. "
        f"{against_constant} The network and the reader there agree with a kappa of {kappa.text}, "
        f"{kappa.side(*words, than=PUBLISHED_KAPPA)} that of published readers among themselves "
        f"({PUBLISHED_KAPPA})."
    )
