"""A number with its interval, and the words that are true of it.

Every function of this package returns a chapter's answer, one to three sentences: numbers from
results, and words that these choose. A difference is called one only where its 95 % interval lies
on one side of 0.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from birads_lib import texts
from birads_lib.protocol import PROTOCOLS

COMPARED = (
    "lower than",
    "not measurably different from",
    "higher than",
)  # for ``side``, of one number beside another


class Estimate(NamedTuple):
    """A number with the ends of its 95 % interval, NaN where it has none."""

    estimate: float
    low: float = np.nan
    high: float = np.nan

    @property
    def text(self) -> str:
        """The number and its interval, as "0.71 (0.63 to 0.78)"."""
        return texts.interval(*self)

    @property
    def signed(self) -> str:
        """The same for a difference: three decimals, and a sign before what is above 0."""
        if np.isnan(self.estimate):
            return texts.NOT_ESTIMABLE
        rounded = [np.round(value, 3) for value in self]
        number, low, high = (f"{value:+.3f}" if value else "0.000" for value in rounded)
        return number if np.isnan(self.low) else f"{number} ({low} to {high})"

    @property
    def aside(self) -> str:
        """The same in parentheses: "(+0.020, from -0.010 to +0.050)"."""
        number, _, bounds = self.signed.partition(" (")
        return f"({number}{', from ' + bounds[:-1] if bounds else ''})"

    def side(self, below: str, alike: str, above: str, than: float = 0.0) -> str:
        """Return the words for an interval that lies below ``than``, holds it, or lies above it."""
        if np.isnan([self.low, self.high]).any():
            return alike
        return below if self.high < than else above if self.low > than else alike


def of(table: pd.DataFrame, metric: str, **named: object) -> Estimate:
    """Return a row of a table with the columns estimate, low and high; not estimable without one.

    Args:
        table: rows by metric, in a column of that name or as the index.
        metric: which one.
        named: what other columns of the row have to hold, {column: value}.
    """
    table = table if "metric" in table else table.rename_axis("metric").reset_index()
    rows = table["metric"] == metric
    for column, value in named.items():
        rows &= table[column] == value
    if not rows.any():
        return Estimate(np.nan)
    return Estimate(*table.loc[rows, ["estimate", "low", "high"]].iloc[0].astype(float))


def readable(name: str) -> str:
    """Return a name of parameters or protocols as a sentence shows it."""
    return name.replace("_", " ")


def split_first(protocol: str, answer: str) -> str:
    """Return an answer, after a warning where its numbers come from a protocol that leaks."""
    if not PROTOCOLS[protocol].leaks:
        return answer
    return f"This split leaks ({protocol}), so nothing here estimates performance. {answer}"


def times(ratio: float) -> str:
    """Return a ratio in words, with two digits that count: "1.8 times", "1,200 times"."""
    return f"{float(f'{ratio:.2g}'):,g} times"
