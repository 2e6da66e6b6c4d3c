"""Two groups of BI-RADS categories as a label set, such as 1-2 against 5-6.

Categories in between are left out. That makes the task easier than a reader's, as the doubtful
cases are gone (spectrum bias; Ransohoff and Feinstein 1978, doi 10.1056/NEJM197810262991705).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.task import BIRADS, OWN, Task


def in_groups(cases: pd.DataFrame, low: Sequence[int], high: Sequence[int]) -> pd.DataFrame:
    """Return the rows of both groups, their group in the column "label".

    Args:
        cases: images or regions, with ``birads`` 1..5 (in which 6 is 5).
        low, high: categories of each group, all of ``low`` below all of ``high``.

    Raises:
        UserError: the groups aren't apart, or no row is of one of them.
    """
    valid = set(BIRADS.numbers)
    if not {*low, *high} <= valid or not low or not high or max(low) >= min(high):
        raise UserError(
            f"low: {[*low]}, high: {[*high]}; expected categories out of 1 to 5, all in low below "
            "all in high"
        )
    names = {category: _named(group) for group in (low, high) for category in group}
    labels = cases["birads"].map(names)
    table = cases.assign(**{OWN: labels})[labels.notna()]
    missing = [_named(group) for group in (low, high) if not (labels == _named(group)).any()]
    if missing:
        raise UserError(f"nothing of BI-RADS {' and of BI-RADS '.join(missing)} to tell apart")
    return table


def _named(group: Sequence[int]) -> str:
    """Return the label of a group: "1-2", or "5"."""
    return "-".join(map(str, dict.fromkeys((min(group), max(group)))))


def label_set(table: pd.DataFrame) -> Task:
    """Return the two labels of a table of ``in_groups``, the lower group first."""
    labels = tuple(np.unique(table[OWN].astype(str)))
    if len(labels) != 2:
        raise UserError(f"expected rows of two groups, got the labels {', '.join(labels)}")
    return Task(OWN, BIRADS.title, BIRADS.prefix, labels, ordinal=False, act_from=2)
