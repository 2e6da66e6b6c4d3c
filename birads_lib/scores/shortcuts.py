"""Shortcuts: does something about a file that is no finding tell its label?

Each fact alone predicts labels of patients that it hasn't seen: it is cut into at most ``BINS``
bins of equally many images (a category is its own bin), and a bin predicts the label that is most
frequent in it among the other folds, relative to the label's own frequency. That is a naive Bayes
classifier with equal priors. Its score is balanced accuracy, so that guessing gets 1/K whatever
the frequencies. A permutation test asks how often guessing does as well: patients swap their labels
(Good 2005, Permutation, Parametric, and Bootstrap Tests of Hypotheses, doi 10.1007/b138696), and
the p-values of all facts are adjusted after Holm. Patients with one label swap among themselves,
whatever the number of their images; those with several swap with others who have several, and as
many images. Of few patients no test can tell much. So it is also said where all values of a label
lie apart from those of the rest, with a wide gap between them.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from birads_lib.cases import label_numbers
from birads_lib.scores.comparisons import holm
from birads_lib.task import BIRADS, Task
from birads_lib.texts import listing

BINS, FOLDS = 8, 5
IMAGES_PER_BIN = 5  # at least, on average
LEVEL = 0.05  # of Holm-adjusted p-values
GAP = 2  # times the larger standard deviation, of values on the two sides of a wide gap
NUMBERS = {  # column -> what it is called, its unit, decimals
    "kilobytes": ("File size", " KB", 0),
    "height": ("Image height", " pixels", 0),
    "width": ("Image width", " pixels", 0),
    "bits": ("Bits per pixel", " bits", 0),
    "spacing_mm": ("Pixel spacing", " mm", 3),
    "border": ("Brightness of the border", " of the grey range", 2),
    "black": ("Share of black pixels", " of the image", 2),
}
CATEGORIES = {
    "format": "File format", "photometric": "Photometric interpretation", "machine": "Machine",
    "view": "View", "laterality": "Side",
}  # fmt: skip


def strengths(
    cases: pd.DataFrame,
    looks: pd.DataFrame,
    task: Task = BIRADS,
    permutations: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the strength with which each fact alone predicts the label, the strongest first.

    Columns: fact (the index), accuracy (balanced, 0..1), chance (mean over permutations), high
    (95th percentile over permutations), p, holm, apart (whether a label's values lie apart from
    the rest, by a wide gap), tells (whether holm is below ``LEVEL``, or apart) and words (which
    label it tells, by which values). Facts that are the same in all images are left out, as they
    tell nothing. Labels that no image has don't count.

    Args:
        cases: the table of images.
        looks: what ``images.looks`` returns, by image_id.
        task: whose labels are told.
        permutations: of the test; p is at least 1 / (permutations + 1).
        seed: of folds and permutations.
    """
    y = label_numbers(cases, task)
    facts = cases.set_index("image_id")[["spacing_mm", "machine", "view", "laterality"]]
    facts = facts.join(looks)[[*NUMBERS, *CATEGORIES]]
    facts = facts.loc[:, facts.nunique(dropna=False) > 1]
    categories = [name for name in facts if name in CATEGORIES]
    facts[categories] = facts[categories].astype(object).fillna("unknown")
    patients = pd.factorize(cases["patient_id"].fillna(cases["image_id"]))[0]
    rng = np.random.default_rng(seed)
    rows = {name: _tested(_bins(facts[name]), y, patients, permutations, rng) for name in facts}
    table = pd.DataFrame(rows, ["accuracy", "chance", "high", "p"]).T.rename_axis("fact")
    table["holm"] = holm(table["p"])
    apart = [_apart(facts[name], y, patients, task) for name in facts]
    table["apart"] = [bool(words) for words in apart]
    table["tells"] = (table["holm"] < LEVEL) | table["apart"]
    table["words"] = [w or _tendency(facts[n], y, task) for n, w in zip(facts, apart, strict=True)]
    return table.sort_values("accuracy", ascending=False, kind="stable")


def title(fact: str) -> str:
    """Return the title of a fact: "File size" of "kilobytes"."""
    return NUMBERS[fact][0] if fact in NUMBERS else CATEGORIES[fact]


def as_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``strengths`` as a table to show, a row per fact."""
    verdict = table["words"].where(table["tells"].astype(bool), "no better than chance")
    shown = table.assign(verdict=verdict).rename(title, axis=0)
    names = {"accuracy": "balanced accuracy", "chance": "by chance", "high": "by chance, 95 %"}
    names |= {"holm": "p, Holm-adjusted", "verdict": "alone it"}
    return shown[[*names]].rename(columns=names)


def sentences(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each fact of ``strengths`` that predicts the label, or one for all."""
    texts = [f"{title(row.Index)} alone {row.words}." for row in table.itertuples() if row.tells]
    if table.empty:
        return ["All images are alike in size, format, machine, side, view and border."]
    names = listing(map(title, table.index)).lower()
    return texts or [f"None of these predicts the label better than chance: {names}."]


def _bins(values: pd.Series) -> np.ndarray:
    """Return the bin (n,) of each value, 0 ..: a category, or one of equally many numbers."""
    if values.name in CATEGORIES:
        return pd.factorize(values)[0]
    count = int(np.clip(len(values) // IMAGES_PER_BIN, 2, BINS))
    bins = pd.qcut(values.rank(method="average"), count, labels=False, duplicates="drop")
    if bins.nunique() < 2:  # one value outweighs all others
        bins = (values != values.mode()[0]).astype(int)
    return bins.fillna(bins.max() + 1).to_numpy(int)  # what is unknown may tell the label, too


def _tested(
    bins: np.ndarray, y: np.ndarray, patients: np.ndarray, permutations: int, rng
) -> tuple[float, float, float, float]:
    """Return balanced accuracy, its mean and 95th percentile where labels are permuted, and p."""
    labels = np.unique(y, return_inverse=True)[1]
    accuracy = _accuracy(bins, labels, patients, rng)
    null = [
        _accuracy(bins, dealt, patients, rng)
        for dealt in _swapped(labels, patients, permutations, rng)
    ]
    p = (1 + np.sum(np.array(null) >= accuracy - 1e-12)) / (1 + permutations)
    return accuracy, float(np.mean(null)), float(np.quantile(null, 0.95)), float(p)


def _swapped(labels: np.ndarray, patients: np.ndarray, times: int, rng) -> Iterator[np.ndarray]:
    """Yield the labels (n,) after patients have swapped them, as the module says."""
    images, by_patient = np.bincount(patients), np.argsort(patients, kind="stable")
    of_patient = pd.Series(labels).groupby(patients)
    # Patients swap within a group: 0 is those who have one label.
    group = np.where(of_patient.nunique() > 1, images, 0)
    position = np.where(group[patients] > 0, of_patient.cumcount(), 0)
    first, donor = np.cumsum(images) - images, np.empty_like(images)
    for _ in range(times):
        order = np.lexsort((rng.permutation(len(group)), group))
        donor[np.argsort(group, kind="stable")] = order
        yield labels[by_patient[first[donor[patients]] + position]]


def _accuracy(bins: np.ndarray, labels: np.ndarray, patients: np.ndarray, rng) -> float:
    """Return the balanced accuracy of the labels that bins predict, of patients in other folds."""
    fold = _folds(labels, patients, rng)[patients]
    shape = (fold.max() + 1, bins.max() + 1, labels.max() + 1)
    flat = np.ravel_multi_index((fold, bins, labels), shape)
    held_out = np.bincount(flat, minlength=np.prod(shape)).reshape(shape)
    training_counts = held_out.sum(axis=0) - held_out
    totals = training_counts.sum(axis=1, keepdims=True)
    rates = training_counts / np.maximum(totals, 1)  # share of the label's images in each bin
    best = rates == rates.max(axis=2, keepdims=True)
    shares = best * (rates > 0)  # a tie is shared out; a bin that was empty predicts nothing
    shares = shares / np.maximum(shares.sum(axis=2, keepdims=True), 1)
    return float(np.mean((held_out * shares).sum(axis=(0, 1)) / held_out.sum(axis=(0, 1))))


def _folds(labels: np.ndarray, patients: np.ndarray, rng) -> np.ndarray:
    """Return the fold of each patient: those with like labels are spread over all folds."""
    highest = np.zeros(patients.max() + 1, int)
    np.maximum.at(highest, patients, labels)
    order = np.lexsort((rng.random(len(highest)), highest))
    fold = np.empty_like(order)
    fold[order] = np.arange(len(order)) % min(FOLDS, len(order))
    return fold


def _sides(values: pd.Series, y: np.ndarray) -> Iterator[tuple[int, pd.Series, pd.Series]]:
    """Yield each label's number, its known values, and those of the rest; both have some."""
    is_known = values.notna().to_numpy()
    for number in np.unique(y):
        inside, outside = values[is_known & (y == number)], values[is_known & (y != number)]
        if len(inside) and len(outside):
            yield int(number), inside, outside


def _apart(values: pd.Series, y: np.ndarray, patients: np.ndarray, task: Task) -> str:
    """Return "tells BI-RADS 1 from the rest: 283 to 503 KB against 21 to 50 KB"; "" if none is."""
    for number, inside, outside in _sides(values, y):
        if min(len(np.unique(patients[y == number])), len(np.unique(patients[y != number]))) < 2:
            continue
        prefix = f"tells {task.named(number)} from the rest:"
        if values.name in CATEGORIES:
            if inside.nunique() == 1 and not outside.isin(inside).any():
                other_values = listing(repr(value) for value in outside.unique()[:3])
                return f"{prefix} {inside.iloc[0]!r} against {other_values}"
            continue
        gap = max(inside.min() - outside.max(), outside.min() - inside.max())
        if gap > GAP * max(inside.std(), outside.std(), 0):
            return f"{prefix} {_span(inside)} against {_span(outside)}"
    return ""


def _span(values: pd.Series) -> str:
    """Return "283 to 503 KB" for the values of a fact."""
    _, unit, decimals = NUMBERS[values.name]
    ends = dict.fromkeys(f"{end:.{decimals}f}" for end in (values.min(), values.max()))
    return " to ".join(ends) + unit


def _tendency(values: pd.Series, y: np.ndarray, task: Task) -> str:
    """Return "goes with the label: a median of 40 KB in BI-RADS 5, 25 KB in the rest"."""
    sides = list(_sides(values, y))
    if not sides:
        return "goes with the label: it is known of one label alone"
    if values.name in CATEGORIES:
        shares = {
            (number, value): ((inside == value).mean(), (outside == value).mean())
            for number, inside, outside in sides
            for value in values.dropna().unique()
        }
        number, value = max(shares, key=lambda key: abs(np.subtract(*shares[key])))
        first, second = (f"{share:.0%}" for share in shares[number, value])
        comparison = f"{value!r} in {first} of {task.named(number)}, {second} of the rest"
        return f"goes with the label: {comparison}"
    medians = {number: (inside.median(), outside.median()) for number, inside, outside in sides}
    number = max(medians, key=lambda key: abs(np.subtract(*medians[key])))
    _, unit, decimals = NUMBERS[values.name]
    first, second = (f"{median:.{decimals}f}" for median in medians[number])
    return (
        f"goes with the label: a median of {first}{unit} in {task.named(number)}, {second} in the "
        "rest"
    )
