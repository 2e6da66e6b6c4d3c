"""Charts that hold two studies against each other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.style import MUTED, TRAINING, VALIDATION, legend_below, new_figure
from birads_lib.scores.metrics import HEADLINE

_LOOKS = [(TRAINING, "o", -0.16), (VALIDATION, "s", 0.16)]
_INK = "#111111"


def side_by_side(values: pd.DataFrame, differences: pd.DataFrame) -> Figure:
    """Draw metrics of two studies with intervals, and beside them their difference, by protocol.

    The mean absolute error is left out, as it counts grades and not shares.

    Args:
        values: study (the first one's rows first), protocol, metric, estimate, low, high.
        differences: protocol, metric, estimate, low, high of the first minus the second.
    """
    protocols, studies = values["protocol"].unique(), values["study"].unique()
    metrics = [name for name in HEADLINE if name != "ordinal_mae"]
    options = {"height": 1 + 3.6 * len(protocols), "sharex": "col", "sharey": True}
    figure, axes = new_figure(len(protocols), 2, squeeze=False, **options)
    for (left, right), protocol in zip(axes, protocols, strict=True):
        own = values[values["protocol"] == protocol]
        for study, look in zip(studies, _LOOKS, strict=True):
            _dots(left, own[own["study"] == study], metrics, study, *look)
        own = differences[differences["protocol"] == protocol]
        _dots(right, own, metrics, None, _INK, "D", 0)
        right.axvline(0, color=MUTED, linewidth=1, zorder=0)
        left.set_title(f"Protocol {protocol}")
        right.set_title("Difference")
        left.set_yticks(range(len(metrics)), [HEADLINE[name] for name in metrics])
        left.set_ylim(len(metrics) - 0.4, -0.6)
    axes[-1][0].set_xlabel("Value, 95 % interval")
    axes[-1][1].set_xlabel(f"{studies[0]} minus {studies[1]}")
    legend_below(axes[0][0], columns=2)
    return figure


def _dots(ax: Axes, rows: pd.DataFrame, metrics: list[str], label, colour, marker, offset) -> None:
    """Draw the estimates of metrics, a row each, with their intervals."""
    rows = rows.set_index("metric").loc[metrics]
    places = np.arange(len(metrics)) + offset
    ax.hlines(places, rows["low"], rows["high"], color=colour, linewidth=2)
    ax.scatter(rows["estimate"], places, color=colour, marker=marker, s=30, zorder=3, label=label)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
