"""Charts that hold two studies against each other."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.intervals import draw_intervals, name_rows, share_names
from birads_lib.figures.style import BLUE, MUTED, ORANGE, legend_below, new_figure
from birads_lib.task import BIRADS, Task

_LOOKS = [(BLUE, "o", -0.16), (ORANGE, "s", 0.16)]


def side_by_side(values: pd.DataFrame, differences: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw metrics of two studies with intervals, and beside them their difference, by protocol.

    The metrics are those of ``share_names``.

    Args:
        values: study (the first one's rows first), protocol, metric, estimate, low, high.
        differences: protocol, metric, estimate, low, high of the first minus the second.
        task: what the labels are.
    """
    protocols, studies = values["protocol"].unique(), values["study"].unique()
    names = share_names(task)
    places = np.arange(len(names))
    options = {"height": 1 + 3.6 * len(protocols), "sharex": "col", "sharey": True}
    figure, axes = new_figure(len(protocols), 2, squeeze=False, **options)
    for (left, right), protocol in zip(axes, protocols, strict=True):
        named = values[values["protocol"] == protocol].set_index(["study", "metric"])
        for study, (colour, marker, offset) in zip(studies, _LOOKS, strict=True):
            look = {"colour": colour, "marker": marker, "label": study, "size": 30, "width": 2}
            draw_intervals(left, named.loc[study].loc[[*names]], places + offset, **look)
        rows = differences[differences["protocol"] == protocol].set_index("metric")
        draw_intervals(right, rows.loc[[*names]], places, marker="D", size=30, width=2)
        right.axvline(0, color=MUTED, linewidth=1, zorder=0)
        left.set_title(f"Protocol {protocol}")
        right.set_title("Difference")
        for ax in (right, left):
            name_rows(ax, list(names.values()))
            ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[-1][0].set_xlabel("Value, 95 % interval")
    axes[-1][1].set_xlabel(f"{studies[0]} minus {studies[1]}")
    legend_below(axes[0][0], columns=2)
    return figure
