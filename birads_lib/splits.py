"""Who is trained on and who is tested under a protocol, and the check that nobody is both.

- ``patient``: whole patients are kept together; only the training part is balanced.
- ``image``: each image by itself, as if patients didn't matter; balanced likewise.
- ``region``: each region of interest by itself, where regions stand in the place of images; as
  ``image``.
- ``oversample_first``: all images are copied to equal category counts, and the *copies* are
  split, so that copies of one image stand in several parts (leaky, by name).
- ``given``: the parts that the data's makers gave; one fold. ``given_leaky``: the same where a
  patient may be in several of them.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from birads_lib.cases import label_numbers
from birads_lib.errors import UserError, did_you_mean
from birads_lib.protocol import (
    GIVEN,
    GIVEN_LEAKY,
    PARTS,
    PATIENT,
    PROTOCOLS,
    Protocol,
    clashes,
)
from birads_lib.task import BIRADS, Task

COLUMNS = ["row", "image_id", "patient_id", "copy", "part"]
_MORE_VALIDATION = "raise validation_share"  # what to do where it takes too little


class LeakageError(UserError):
    """Two parts share a patient or an image, and the protocol doesn't say so by its name."""


def assign_parts(
    cases: pd.DataFrame,
    protocol: str,
    folds: int,
    fold: int,
    seed: int,
    validation_share: float = 0.15,
    balance: bool = True,
    task: Task = BIRADS,
) -> pd.DataFrame:
    """Return one row per image (or copy) with its part in one fold.

    Columns: ``row`` (position in ``cases`` and in the images), ``image_id``, ``patient_id``,
    ``copy`` (0 is the image itself, more an oversampled copy), ``part`` (train, validation, test).
    Each image is in the test part of exactly one of the ``folds``; ``validation_share`` of all
    images, as nearly as whole patients allow, is set aside for validation. Of a given split there
    is one fold; its validation part is drawn from the training part where none is given, and an
    image without a part is left out.

    ``balance`` False leaves the training part as rare as it is. Raises UserError where the cases
    don't allow the split.
    """
    rules, labels = _known(protocol), label_numbers(cases, task)
    split = {"protocol": protocol, "folds": folds, "fold": fold, "balance": balance}
    problems = _impossible(split, validation_share) + _too_little(cases, rules, labels, folds, task)
    if problems:
        raise UserError("\n".join(problems))

    rng = np.random.default_rng([seed, fold])
    rows = _rows(cases, rules, labels, seed)
    groups = _groups(cases, rules, rows)
    if rules.is_given:
        given_parts = cases["split"].to_numpy(object)[rows]
        part = _given_parts(given_parts, labels[rows], groups, validation_share, rng)
    else:
        part = _parts(labels[rows], groups, folds, fold, seed, validation_share, rng)
    if rules.unit is not None and balance:
        chosen = _with_balanced_training(part, labels[rows], rng)
        rows, part = rows[chosen], part[chosen]
    parts = _table(cases, rows, part)
    _check_labels(parts, labels, rules, task)
    check_parts(parts, protocol)
    return parts


def deal(
    cases: pd.DataFrame,
    protocol: str,
    folds: int,
    seeds: Iterable[int],
    validation_share: float = 0.15,
    balance: bool = True,
    task: Task = BIRADS,
) -> dict[tuple[int, int], pd.DataFrame]:
    """Return ``assign_parts`` of every fold by (seed, fold): each seed deals the images anew."""
    options = (validation_share, balance, task)
    return {
        (seed, fold): assign_parts(cases, protocol, folds, fold, seed, *options)
        for seed in seeds
        for fold in range(folds)
    }


def check_parts(parts: pd.DataFrame, protocol: str) -> None:
    """Raise LeakageError if two parts share a patient or image and the protocol hides it."""
    rules = _known(protocol)
    disjoint_keys = ["image_id"] if rules.unit else []
    disjoint_keys += [] if rules.leaks else ["patient_id"]
    for key in disjoint_keys:
        shared = parts.groupby(key)["part"].nunique().loc[lambda n: n > 1].index.tolist()
        if shared:
            names = ", ".join(map(str, shared[:5])) + (", ..." if len(shared) > 5 else "")
            raise LeakageError(
                f"protocol '{protocol}': {len(shared)} {key}s stand in more than one part "
                f"({names}); results would not be an estimate of performance"
            )
        if parts[key].isna().any():
            raise LeakageError(f"protocol '{protocol}': {key} is not known for every image")


def _known(protocol: str) -> Protocol:
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r} is unknown; {did_you_mean(protocol, PROTOCOLS)}")
    return PROTOCOLS[protocol]


def _impossible(split: dict, validation_share: float) -> list[str]:
    """Return the parameters of a split that are out of range or contradict each other."""
    problems = [problem for _, problem in clashes(split)]
    if split["folds"] < 2 and not PROTOCOLS[split["protocol"]].is_given:
        problems.insert(0, f"folds is {split['folds']}; at least 2 are needed")
    if not 0 < validation_share < 0.5:
        problems.append(f"validation_share is {validation_share}; expected a share in (0, 0.5)")
    return problems


def _too_little(
    cases: pd.DataFrame, protocol: Protocol, labels: np.ndarray, folds: int, task: Task
) -> list[str]:
    """Return what the cases lack for the split. A label may be absent, but not too rare."""
    if protocol.is_given:
        return _unusable(cases, protocol)
    unknown = cases["patient_id"].isna().sum()
    if protocol == PATIENT and unknown:
        return [
            f"protocol 'patient' needs to know whose each image is, and {unknown} of {len(cases)} "
            "images have no patient_id; give the reader a pattern for the names (patient_pattern), "
            "or choose protocol 'image' and say that patients may stand on both sides"
        ]
    if protocol.unit is None:
        return []
    counts = cases.groupby(labels)[protocol.unit].nunique()
    units, fewest = protocol.unit.removesuffix("_id") + "s", len(PARTS)
    problems = []
    for label, count in counts[counts < max(folds, fewest)].items():
        advice = (
            f"set folds to {count} or less" if count >= fewest else "bring more, or leave them out"
        )
        problems.append(
            f"{task.named(label)} has {count} {units}; {folds} folds need at least "
            f"{max(folds, fewest)}, as training, validation and test each need one: {advice}"
        )
    return problems


def _rows(cases: pd.DataFrame, protocol: Protocol, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the images that are dealt out, copies included, in the order of the cases."""
    if protocol.is_given:
        return np.flatnonzero(cases["split"].notna())
    rows = np.arange(len(cases))
    # The same copies in every fold.
    return rows if protocol.unit else _oversampled(rows, labels, np.random.default_rng(seed))


def _groups(cases: pd.DataFrame, protocol: Protocol, rows: np.ndarray) -> np.ndarray | None:
    """Return a number (n,) for each row: those with the same one stay together; None: each may go.

    What is drawn from a given training part is drawn by patient, however the makers split.
    """
    all_known = cases["patient_id"].iloc[rows].notna().all()
    is_kept = protocol == PATIENT or (protocol.is_given and all_known)
    return pd.factorize(cases["patient_id"])[0][rows] if is_kept else None


def given_counts(cases: pd.DataFrame) -> dict[str, int]:
    """Return the number of images of each given part, and of those with ``none``.

    ``shared``: patients who are in several parts.
    """
    counts = {part: int((cases["split"] == part).sum()) for part in PARTS}
    parts = cases.dropna(subset=["split", "patient_id"]).groupby("patient_id")["split"].nunique()
    return counts | {"none": int(cases["split"].isna().sum()), "shared": int((parts > 1).sum())}


def _unusable(cases: pd.DataFrame, protocol: Protocol) -> list[str]:
    """Return why a given split can't be used."""
    counts = given_counts(cases)
    if counts["none"] == len(cases):
        return [
            "the data set has no split of its own; name its column (columns: {split: ...}), or "
            f"choose protocol '{PATIENT.name}'"
        ]
    problems = [
        f"no image has the given part '{part}'; choose protocol '{PATIENT.name}'"
        for part in ("train", "test")
        if not counts[part]
    ]
    knowingly = f"choose protocol '{GIVEN_LEAKY.name}' and read its mark, or '{PATIENT.name}'"
    dealt = cases.dropna(subset="split")
    if protocol == GIVEN and (unknown := int(dealt["patient_id"].isna().sum())):
        problems.append(
            f"{unknown} of {len(dealt)} images have no patient_id, so nobody knows whether a "
            f"patient is in several parts; {knowingly}"
        )
    elif protocol == GIVEN and counts["shared"]:
        problems.append(
            f"{counts['shared']} patients are in several of the given parts: it leaks; {knowingly}"
        )
    return problems


def _given_parts(given, labels, groups, validation_share, rng) -> np.ndarray:
    """Return the given part (n,) of each row; without a validation part, one from training."""
    part = given.copy()
    if "validation" not in part:
        training = np.flatnonzero(part == "train")
        splits = max(2, round(len(training) / (validation_share * len(part))))
        inner = None if groups is None else groups[training]
        seed = int(rng.integers(2**31))
        _, validation = _nth_split(labels[training], inner, splits, 0, seed, _MORE_VALIDATION)
        part[training[validation]] = "validation"
    return part


def _parts(labels, groups, folds, fold, seed, validation_share, rng) -> np.ndarray:
    """Return the part (n,) of each row in one fold; rows of one group stay together."""
    part = np.full(len(labels), "train", dtype=object)
    remaining, test = _nth_split(labels, groups, folds, fold, seed, "lower folds")
    part[test] = "test"
    splits = max(2, round((1 - 1 / folds) / validation_share))
    inner = None if groups is None else groups[remaining]
    seed = int(rng.integers(2**31))
    _, validation = _nth_split(labels[remaining], inner, splits, 0, seed, _MORE_VALIDATION)
    part[remaining[validation]] = "validation"
    return part


def _nth_split(
    labels, groups, splits: int, n: int, seed: int, do: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kept and held-out positions of the n-th of several stratified splits.

    Raises UserError where no label has so many images, which says what to ``do``.
    """
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(splits, shuffle=True, random_state=seed)
    try:
        return list(splitter.split(labels, labels, groups))[n]
    except ValueError:
        raise UserError(
            f"too few images: the most frequent label has {np.bincount(labels).max()} to be split "
            f"into {splits} parts, which need {splits}; {do}, or bring more images"
        ) from None


def _oversampled(rows: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ``rows`` and random repeats of them, each category as frequent as the largest."""
    present, counts = np.unique(labels[rows], return_counts=True)
    extra = [
        rng.choice(rows[labels[rows] == label], counts.max() - count)
        for label, count in zip(present, counts, strict=True)
    ]
    return np.concatenate([rows, *extra])


def _with_balanced_training(part: np.ndarray, labels: np.ndarray, rng) -> np.ndarray:
    """Return all rows, those of the training part repeated to equal category counts."""
    train = _oversampled(np.flatnonzero(part == "train"), labels, rng)
    return np.concatenate([np.flatnonzero(part != "train"), train])


def _table(cases: pd.DataFrame, rows: np.ndarray, part: np.ndarray) -> pd.DataFrame:
    table = cases[["image_id", "patient_id"]].iloc[rows].reset_index(drop=True)
    table["row"], table["part"] = rows, part
    table["copy"] = table.groupby("row").cumcount()
    return table.sort_values(["row", "copy"], ignore_index=True)[COLUMNS]


def _check_labels(parts: pd.DataFrame, labels: np.ndarray, protocol: Protocol, task: Task) -> None:
    """Raise UserError where training lacks a label of an image that is dealt out, or a part any."""
    dealt = pd.Series(labels[parts["row"]], parts.index)
    advice = "choose other folds or another seed"
    if protocol.is_given:
        advice = (
            "give it some, leave that label out, or choose protocol "
            f"'{PATIENT.name}'; another seed helps where only validation, drawn from it, has them"
        )
    for name in PARTS:
        present = set(dealt[parts["part"] == name])
        missing = sorted(set(dealt) - present) if name == "train" else []
        if missing or not present:
            lack = f"no image of {', '.join(map(task.named, missing))}" if present else "no image"
            raise UserError(f"the {name} part has {lack}; {advice}")
