"""Charts that hold two studies against each other."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows, share_names
from birads_lib.figures.style import BLUE, ORANGE, ZERO, new_axes, with_legend
from birads_lib.task import BIRADS, Task


def side_by_side(values: pd.DataFrame, differences: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw metrics of two studies with intervals, and beside them their difference, by protocol.

    The metrics are those of ``share_names``.

    Args:
        values: study (the first one's rows first), protocol, metric, estimate, low, high.
        differences: protocol, metric, estimate, low, high of the first minus the second.
    """
    protocols, names = values["protocol"].unique(), share_names(task)
    first, second = values["study"].unique()
    options = {"height": 1 + 3.6 * len(protocols), "sharex": "col", "sharey": True}
    axes = new_axes(len(protocols), 2, squeeze=False, **options)
    for (left, right), protocol in zip(axes, protocols, strict=True):
        of_protocol = values[values["protocol"] == protocol].set_index(["study", "metric"])
        tables = {study: of_protocol.loc[study].loc[[*names]] for study in (first, second)}
        looks = [(BLUE, "o"), (ORANGE, "s")]
        draw_beside(left, tables, [*names], looks, 0.32, size=30, width=2)
        rows = differences[differences["protocol"] == protocol].set_index("metric").loc[[*names]]
        draw_intervals(right, rows, range(len(names)), marker="D", size=30, width=2)
        right.axvline(0, **ZERO)
        left.set_title(f"Protocol {protocol}")
        right.set_title("Difference")
        for ax in (right, left):
            name_rows(ax, list(names.values()))
            ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[-1, 0].set_xlabel("Value, 95 % interval")
    axes[-1, 1].set_xlabel(f"{first} minus {second}")
    return with_legend(axes[0, 0], columns=2)
