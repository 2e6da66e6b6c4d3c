"""What differs between two makings of a figure or table: numbers, picture, what is behind it."""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from press.outputs import digest_of, lasting
from press.page import Exhibit


@dataclass(frozen=True)
class NumbersCompared:
    """How the numbers of a figure, made again, compare."""

    count: int  # compared
    beyond: int  # of them, further apart than the tolerance; -1: tables of another shape
    largest: float  # absolute difference


def of_numbers(before: Exhibit, after: Exhibit) -> NumbersCompared | None:
    """Compare the numbers of two makings of an exhibit; None where it has none to download."""
    name = f"{before.id}.csv"
    if name not in before.files:
        return None
    old, new = (pd.read_csv(io.BytesIO(exhibit.files[name])) for exhibit in (before, after))
    if old.shape != new.shape or list(old.columns) != list(new.columns):
        return NumbersCompared(old.size, -1, float("nan"))
    tolerance = before.passport.get("tolerance", 0.0)
    beyond, largest = 0, 0.0
    for column in old:
        a, b = old[column], new[column]
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            a, b = a.to_numpy(float), b.to_numpy(float)
            near = np.isclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
            largest = max(largest, np.nanmax(np.abs(a - b), initial=0.0))
        else:
            near = (a == b) | (a.isna() & b.isna())
        beyond += int((~near).sum())
    return NumbersCompared(old.size, beyond, largest)


def of_passports(before: dict, after: dict) -> dict[str, list[str]]:
    """Return what differs between two passports, by kind: input, code, parameters, ..."""
    old, new = _by_kind(before), _by_kind(after)
    return {
        kind: [
            f"{name}: {_short(old[kind].get(name))} -> {_short(new[kind].get(name))}"
            for name in old[kind] | new[kind]
            if old[kind].get(name) != new[kind].get(name)
        ]
        for kind in old
    }


def _by_kind(facts: dict) -> dict[str, dict]:
    changed = facts["parameters_changed"]
    return {
        "input": {read["name"]: digest_of(read) for read in facts["inputs"]},
        "code": lasting(facts["code"]),
        "parameters": {k: v for k, v in changed.items() if k != "study_dir"},  # the scratch folder
        "environment": facts["environment"],
        "device": {"device": facts["device"]},
    }


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text[:12] if len(text) == 64 else text


def print_all(before: Exhibit, after: Exhibit) -> bool:
    """Print how an exhibit compares with its second making; return whether its numbers hold."""
    numbers = of_numbers(before, after)
    holds = numbers is None or numbers.beyond == 0
    if numbers is None:
        print("numbers: none to download")
    elif numbers.beyond < 0:
        print("numbers: DIFFER, the table has other rows or columns")
    else:
        is_equal = holds and numbers.largest == 0
        size = "equal" if is_equal else f"largest difference {numbers.largest:.3g}"
        verdict = "hold" if holds else f"DIFFER in {numbers.beyond} of them"
        tolerance = before.passport.get("tolerance", 0.0)
        print(f"numbers: {numbers.count} compared, {size}, tolerance {tolerance:g}: {verdict}")
    picture = f"{before.id}.png"
    if picture in before.files:
        same = before.files[picture] == after.files.get(picture)
        print(f"picture: {'equal byte for byte' if same else 'not the same bytes'}")
    for kind, lines in of_passports(before.passport, after.passport).items():
        print(f"{kind}: {'differs' if lines else 'equal'}")
        for line in lines:
            print(f"  {line}")
    return holds
