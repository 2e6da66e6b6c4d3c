"""The sizes of a part that are consistent with the numbers that a paper prints of it.

An accuracy is a fraction of n images, an F1 one of a confusion matrix (Brown and Heathers 2017
ask the same of means, as the GRIM test). A number is *possible* if some count of answers rounds to
it at ``DIGITS`` digits; a value half-way may be rounded either way. Fractions are compared as
integers, macro F1 and MCC as floats with ``_SLACK``.

Where a number needs to know how many images each label has, two mixes are tried: that of a
collection, and equal shares. Each label's share of n is rounded up or down, in all ways that sum
to n. ``printed`` maps metrics, as ``metrics.every_metric`` names them, to their values; ``truth``
(K,) is the number of images of each label.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

DIGITS = 3
NEAR = 2  # images by which a part may be off its share, as each label is rounded on its own
_UNIT = 10**DIGITS
_SLACK = 1e-9  # of sums of floats


def rounds_to(numerator: np.ndarray, denominator: np.ndarray, value: float) -> np.ndarray:
    """Return whether fractions of integers round to a value of ``DIGITS`` digits."""
    off = 2 * np.abs(_UNIT * np.asarray(numerator) - round(_UNIT * value) * np.asarray(denominator))
    return off <= denominator


def right_counts(accuracy: float, n: int) -> list[int]:
    """Return the numbers of right answers among n that print as this accuracy."""
    right = np.arange(n + 1)
    return right[rounds_to(right, n, accuracy)].tolist()


def f1_possible(f1: float, n: int, images: int) -> bool:
    """Return whether a label with so many images among n can have this F1."""
    hits, calls = np.indices((images + 1, n + 1))  # right answers, and all answers of the label
    fits = rounds_to(2 * hits, images + calls, f1)
    return bool((fits & (hits <= calls) & (calls - hits <= n - images)).any())


def mixes(shares: Sequence[float], n: int) -> list[tuple[int, ...]]:
    """Return the counts of labels that sum to n, each its share of n rounded up or down.

    Args:
        shares: of the labels, in any unit, such as their images in a collection.
    """
    exact = [n * share / sum(shares) for share in shares]
    low = np.floor(np.round(exact, 9)).astype(int)
    uneven = np.flatnonzero(np.ceil(np.round(exact, 9)) > low)
    raised = combinations(uneven, n - low.sum())
    return [tuple((low + np.isin(np.arange(len(low)), up)).tolist()) for up in raised]


def matrix_possible(printed: Mapping[str, float], truth: Sequence[int]) -> bool:
    """Return whether one confusion matrix with this truth has all of the printed numbers.

    They are the accuracy, macro F1, MCC and F1 of any labels (``f1_<number>``); accuracy is
    needed, as it says how many answers are wrong. All matrices are tried, as far as these numbers
    tell them apart. Every label needs an image.
    """
    return any(
        _matches(printed, np.asarray(truth), _wrong_answers(printed, truth, sum(truth) - right))
        for right in right_counts(printed["accuracy"], sum(truth))
    )


def _wrong_answers(printed: Mapping[str, float], truth: Sequence[int], errors: int) -> np.ndarray:
    """Return all possible counts of each label's misses and wrong answers, (tables, K, 2)."""
    of_labels = [_of_label(printed.get(f"f1_{k}"), t, errors) for k, t in enumerate(truth, 1)]
    order = np.argsort([len(ways) for ways in of_labels], kind="stable")
    tables = np.zeros((1, 0, 2), int)
    for k in order[:-1]:
        pairs = np.indices((len(tables), len(of_labels[k]))).reshape(2, -1)
        tables = np.concatenate([tables[pairs[0]], of_labels[k][pairs[1], None]], axis=1)
        tables = tables[(tables.sum(1) <= errors).all(1)]
    remaining = errors - tables.sum(1)  # what the last label has to have
    last = of_labels[order[-1]]
    is_possible = np.isin(remaining @ [errors + 1, 1], last @ [errors + 1, 1])
    return np.concatenate([tables, remaining[:, None]], axis=1)[is_possible][:, np.argsort(order)]


def _of_label(f1: float | None, images: int, errors: int) -> np.ndarray:
    """Return the pairs (missed, wrongly given), (ways, 2), that a label can have.

    An error that misses the label is none that gives it: together they are ``errors`` at most.
    This suffices for a matrix, as any two other labels can take each other's errors.
    """
    missed, wrongly_given = np.indices((min(images, errors) + 1, errors + 1)).reshape(2, -1)
    fits = missed + wrongly_given <= errors
    if f1 is not None:
        hits = images - missed
        fits &= rounds_to(2 * hits, 2 * hits + missed + wrongly_given, f1)
    return np.stack([missed, wrongly_given], axis=1)[fits]


def _matches(printed: Mapping[str, float], truth: np.ndarray, tables: np.ndarray) -> bool:
    """Return whether any table of wrong answers has the macro F1 and the MCC."""
    missed, wrongly_given = tables[..., 0], tables[..., 1]
    hits, n = truth - missed, truth.sum()
    calls = hits + wrongly_given
    values = {"macro_f1": (2 * hits / (truth + calls)).mean(1)}
    covariance = n * hits.sum(1) - calls @ truth
    spread = (n**2 - (calls**2).sum(1)) * (n**2 - (truth**2).sum())
    values["mcc"] = covariance / np.sqrt(np.maximum(spread, 1))  # without spread both are 0
    fits = np.ones(len(tables), bool)
    for name in values.keys() & printed.keys():
        fits &= np.abs(values[name] - printed[name]) <= 0.5 / _UNIT + _SLACK
    return bool(fits.any())


def possible_sizes(
    parts: Mapping[str, Mapping[str, float]], collection: Sequence[int], sizes: Iterable[int]
) -> pd.DataFrame:
    """Return [name, mix, n]: a row for each size and mix at which what was printed is possible.

    The mix is "collection", "equal", or "any" where an accuracy alone asks for none.

    Args:
        parts: name -> what was printed of one part: an accuracy alone, the F1 of a label alone, or
            numbers with an accuracy that are to hold together.
        collection: images of each label.
        sizes: of the part, to try; each label needs an image in it.
    """
    shares = {"collection": collection, "equal": [1] * len(collection)}
    rows = []
    for n in sizes:
        truths = {mix: mixes(of_labels, n) for mix, of_labels in shares.items()}
        for name, printed in parts.items():
            if printed.keys() == {"accuracy"}:
                fitting = ["any"] * bool(right_counts(printed["accuracy"], n))
            else:
                fitting = [mix for mix in truths if any(_possible(printed, t) for t in truths[mix])]
            rows += [{"name": name, "mix": mix, "n": n} for mix in fitting]
    return pd.DataFrame(rows, columns=["name", "mix", "n"])


def _possible(printed: Mapping[str, float], truth: Sequence[int]) -> bool:
    if "accuracy" in printed:
        return matrix_possible(printed, truth)
    ((metric, value),) = printed.items()
    label = int(metric.removeprefix("f1_"))
    return f1_possible(value, sum(truth), truth[label - 1])


def part_sizes(share: float, images: int, around: int = 0) -> range:
    """Return a share of so many images, rounded down and up, and ``around`` less and more."""
    exact = round(share * images, 9)
    return range(math.floor(exact) - around, math.ceil(exact) + around + 1)


def impossible(table: pd.DataFrame, names: Iterable[str], mix: str, sizes: range) -> list[str]:
    """Return the names without a row of ``possible_sizes`` at any of the sizes, with this mix."""
    is_possible = table["mix"].isin(["any", mix]) & table["n"].isin(sizes)
    return [name for name in names if name not in set(table.loc[is_possible, "name"])]


def near_sizes(
    parts: Mapping[str, Mapping[str, float]],
    shares: Mapping[str, float],
    collection: Sequence[int],
) -> pd.DataFrame:
    """Return, in texts, which sizes near the stated share allow what was printed, a row a part.

    Near is up to ``NEAR`` images less or more. There is a column for the distinct images, with the
    collection's mix of labels, and one for images that are first copied until all labels have as
    many as the most frequent.

    Args:
        parts: as for ``possible_sizes``.
        shares: name -> the part's share of all images.
        collection: images of each label.
    """
    totals = {"collection": sum(collection), "equal": balanced(collection)}
    columns = {"collection": "of {:,} images", "equal": "of {:,}, copies among them"}
    table = pd.DataFrame(index=[*parts])
    for mix, total in totals.items():
        cells = []
        for name, printed in parts.items():
            sizes = part_sizes(shares[name], total, NEAR)
            rows = possible_sizes({name: printed}, collection, sizes)
            allowed = rows.loc[rows["mix"].isin(["any", mix]), "n"]
            allowed_text = ", ".join(map(str, allowed)) or "none"
            cells.append(f"{allowed_text} (of {sizes[0]} to {sizes[-1]})")
        table[columns[mix].format(total)] = cells
    return table


def balanced(collection: Sequence[int]) -> int:
    """Return the number of images once each label is copied to as many as the most frequent."""
    return max(collection) * len(collection)
