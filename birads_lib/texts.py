"""Numbers as short texts, for prose, tables and cards, and texts of others, made safe to show."""

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

NOT_ESTIMABLE = "not estimable"  # of no image or patient, or of one patient alone
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # Unicode's names


def interval(estimate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return "0.71 (0.63 to 0.78)", "0.71 (no interval)" without ends, "not estimable"."""
    if np.isnan(estimate):
        return NOT_ESTIMABLE
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


def without_math(text: str) -> str:
    """Return a text that Matplotlib draws as it is, and doesn't set as mathematics."""
    return text.replace("$", r"\$")


def unshowable(text: str) -> str:
    """Return "U+0007" for the first character that pages can't show as it is; "" if there is none.

    These are control characters but for tabs and new lines, line separators, halves of surrogate
    pairs, and what changes the direction of the text after it.
    """
    for sign in text:
        is_bad = unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign not in "\t\n"
        if is_bad or unicodedata.bidirectional(sign) in _TURNING:
            return f"U+{ord(sign):04X}"
    return ""
