"""Numbers as short texts, for prose, tables and cards."""

from collections.abc import Iterable, Sequence

import numpy as np


def interval(estimate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return "0.71 (0.63 to 0.78)", "0.71 (no interval)" without its ends, or "undefined"."""
    if np.isnan(estimate):
        return "undefined"
    ends = "no interval" if np.isnan([low, high]).any() else f"{low:.2f} to {high:.2f}"
    return f"{estimate:.2f} ({ends})"


def span(values: Iterable[int]) -> str:
    """Return "2 to 10" for numbers from 2 to 10, "4" where all are 4, "unknown" without any."""
    values = list(values)
    if not values:
        return "unknown"
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def ends(names: Sequence[str]) -> str:
    """Return "A to D" for names from A to D, "A" for A alone."""
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def in_words(number: int) -> str:
    """Return "five" for 5; digits above ten."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return words[number] if number < len(words) else str(number)


def listing(values: Iterable[object]) -> str:
    """Return "67, 220 and 23"."""
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
