"""Who is trained on and who is tested: the three protocols, and the check that nobody is both."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from birads_lib.errors import UserError, did_you_mean

PROTOCOLS = ("patient", "image", "oversample_first")
PARTS = ("train", "validation", "test")
COLUMNS = ["row", "image_id", "patient_id", "copy", "part"]


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
) -> pd.DataFrame:
    """Return one row per image (or copy) with its part in one fold.

    Columns: ``row`` (position in ``cases`` and in the images), ``image_id``, ``patient_id``,
    ``copy`` (0 is the image itself, more an oversampled copy), ``part`` (train, validation, test).
    Each image is in the test part of exactly one of the ``folds``; ``validation_share`` of all
    images, as nearly as whole patients allow, is set aside for validation.

    - ``patient``: whole patients are kept together; only the training part is balanced.
    - ``image``: each image by itself, as if patients didn't matter; balanced likewise.
    - ``oversample_first``: all images are copied to equal category counts, and the *copies* are
      split, so that copies of one image stand in several parts (leaky, by name).

    ``balance`` False leaves the training part as rare as it is.

    Raises UserError where the cases don't allow the split.
    """
    _check_request(cases, protocol, folds, fold, validation_share, balance)
    rng = np.random.default_rng([seed, fold])
    grades = cases["birads"].to_numpy()
    rows = np.arange(len(cases))
    if protocol == "oversample_first":
        rows = _oversampled(rows, grades, np.random.default_rng(seed))  # the same in every fold
    groups = pd.factorize(cases["patient_id"])[0][rows] if protocol == "patient" else None

    part = np.full(len(rows), "train", dtype=object)
    kept, test = _nth_split(grades[rows], groups, folds, fold, seed)
    part[test] = "test"
    splits = max(2, round((1 - 1 / folds) / validation_share))
    inner = None if groups is None else groups[kept]
    _, validation = _nth_split(grades[rows][kept], inner, splits, 0, int(rng.integers(2**31)))
    part[kept[validation]] = "validation"
    if protocol != "oversample_first":
        train = np.flatnonzero(part == "train")
        train = _oversampled(train, grades, rng) if balance else train
        rows = np.concatenate([np.flatnonzero(part != "train"), train])
        part = part[rows]
    parts = _table(cases, rows, part)
    _check_grades(parts, grades)
    check_parts(parts, protocol)
    return parts


def check_parts(parts: pd.DataFrame, protocol: str) -> None:
    """Raise LeakageError if two parts share a patient or image and the protocol hides it."""
    _check_protocol(protocol)
    for key, allowed in (
        ("image_id", ("oversample_first",)),
        ("patient_id", ("image", "oversample_first")),
    ):
        if protocol in allowed:
            continue
        shared = parts.groupby(key)["part"].nunique().loc[lambda n: n > 1].index.tolist()
        if shared:
            names = ", ".join(map(str, shared[:5])) + (", ..." if len(shared) > 5 else "")
            raise LeakageError(
                f"protocol '{protocol}': {len(shared)} {key}s stand in more than one part "
                f"({names}); results would not be an estimate of performance"
            )
        if parts[key].isna().any():
            raise LeakageError(f"protocol '{protocol}': {key} is not known for every image")


def leak_report(parts: pd.DataFrame, cases: pd.DataFrame) -> dict[str, int]:
    """Count the test rows that training has met, by how closely; NA where that can't be known.

    ``same_image``: the image itself is in the training part; ``sibling_view``: another image of
    the same breast is; ``sibling_image``: another image of the same patient is, the sibling view
    among them. Unknown patients (or lateralities) make these counts NA: they are not zero.
    """
    table = parts.assign(laterality=cases["laterality"].to_numpy()[parts["row"]])
    train = table[table["part"] == "train"].drop_duplicates("image_id")
    test = table[table["part"] == "test"]
    same = test["image_id"].isin(train["image_id"])

    def met_another(keys: list[str]):
        if table[keys].isna().any(axis=None):
            return pd.NA
        seen = train.groupby(keys).size().rename("seen").reset_index()
        counts = test.reset_index(drop=True).merge(seen, on=keys, how="left")["seen"].fillna(0)
        return int((counts.to_numpy() - same.to_numpy() > 0).sum())

    return {
        "test_rows": len(test),
        "same_image": int(same.sum()),
        "sibling_view": met_another(["patient_id", "laterality"]),
        "sibling_image": met_another(["patient_id"]),
    }


def _nth_split(grades, groups, splits: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the kept and held-out positions of the n-th of several stratified splits."""
    kind: Callable = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(splits, shuffle=True, random_state=seed)
    try:
        return list(splitter.split(grades, grades, groups))[n]
    except ValueError as error:
        raise UserError(f"too few images to be split into {splits} parts: {error}") from None


def _oversampled(rows: np.ndarray, grades: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ``rows`` and random repeats of them, each category as frequent as the largest."""
    present, counts = np.unique(grades[rows], return_counts=True)
    extra = [
        rng.choice(rows[grades[rows] == grade], counts.max() - count)
        for grade, count in zip(present, counts, strict=True)
    ]
    return np.concatenate([rows, *extra])


def _table(cases: pd.DataFrame, rows: np.ndarray, part: np.ndarray) -> pd.DataFrame:
    table = cases[["image_id", "patient_id"]].iloc[rows].reset_index(drop=True)
    table["row"], table["part"] = rows, part
    table["copy"] = table.groupby("row").cumcount()
    return table.sort_values(["row", "copy"], ignore_index=True)[COLUMNS]


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r} is unknown; {did_you_mean(protocol, PROTOCOLS)}")


def _check_request(
    cases, protocol: str, folds: int, fold: int, validation_share: float, balance: bool
) -> None:
    _check_protocol(protocol)
    problems = []
    if protocol == "oversample_first" and not balance:
        problems.append("oversample_first balances before the split: balance=False is 'image'")
    if folds < 2:
        problems.append(f"folds is {folds}; at least 2 are needed")
    if not 0 <= fold < max(folds, 1):
        problems.append(f"fold is {fold}; expected 0..{folds - 1} for folds={folds}")
    if not 0 < validation_share < 0.5:
        problems.append(f"validation_share is {validation_share}; expected a share in (0, 0.5)")
    unknown = int(cases["patient_id"].isna().sum())
    if protocol == "patient" and unknown:
        problems.append(
            f"protocol 'patient' needs to know whose each image is, and {unknown} of {len(cases)} "
            "images have no patient_id; give the reader a pattern for the names (patient_pattern), "
            "or choose protocol 'image' and say that patients may stand on both sides"
        )
    elif protocol != "oversample_first":
        problems += _too_few(cases, "patient_id" if protocol == "patient" else "image_id", folds)
    if problems:
        raise UserError("\n".join(problems))


def _too_few(cases: pd.DataFrame, key: str, folds: int) -> list[str]:
    """A category absent from the data is no problem; one too rare for the folds is."""
    needed = max(folds, len(PARTS))
    counts = cases.groupby("birads")[key].nunique()
    what = key.removesuffix("_id") + "s"
    return [
        f"BI-RADS {grade} has {count} {what}; {folds} folds need at least {needed}: choose fewer "
        "folds or bring more cases"
        for grade, count in counts.items()
        if count < needed
    ]


def _check_grades(parts: pd.DataFrame, grades: np.ndarray) -> None:
    for name in PARTS:
        found = set(grades[parts.loc[parts["part"] == name, "row"]])
        missing = sorted(set(grades) - found) if name == "train" else []
        if missing or not found:
            what = f"no image of BI-RADS {', '.join(map(str, missing))}" if found else "no image"
            raise UserError(f"the {name} part has {what}; choose fewer folds or another seed")
