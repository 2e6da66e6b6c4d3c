"""Charts of what work takes: ratios to what else does it, growth with its size, start-up."""

import pandas as pd
from matplotlib.figure import Figure

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import BLUE, ORANGE, ZERO, new_axes, with_legend

_LOOKS = [(BLUE, "o", "-"), (ORANGE, "s", "--"), ("#0f7a5a", "D", ":")]


def ratios(table: pd.DataFrame) -> Figure:
    """Draw the ratio of others' time to this project's for the same work.

    Args:
        table: work, against, ratio (median over rounds), low, high (the extremes), at_least (NaN
            where nothing was asked for); a row each.
    """
    ax = new_axes(height=1.3 + 0.36 * len(table))
    places, rows = range(len(table)), table.rename(columns={"ratio": "estimate"})
    draw_intervals(ax, rows, places, colour=BLUE, label="measured, median", size=34, width=2)
    limit = {"marker": "|", "s": 160, "linewidths": 2.5, "label": "asked for"}
    ax.scatter(table["at_least"], places, color=ORANGE, **limit)
    ax.axvline(1, **ZERO)
    name_rows(ax, [f"{row.work}: {row.against}" for row in table.itertuples()])
    ax.set(xscale="log", xlabel="Time of the other / time of this project (log)")
    ax.xaxis.set_major_formatter("{x:g}")
    return with_legend(ax, columns=2)


def growth(table: pd.DataFrame) -> Figure:
    """Draw seconds and memory of each work by the number of images, on logarithmic axes.

    Args:
        table: work, images, seconds, peak_mb, at_most_mb (NaN without a limit).
    """
    left, right = new_axes(1, 2, height=4.2)
    for (work, rows), (colour, marker, line) in zip(table.groupby("work"), _LOOKS, strict=False):
        look = {"color": colour, "marker": marker, "linestyle": line}
        left.plot(rows["images"], rows["seconds"], label=work, **look)
        right.plot(rows["images"], rows["peak_mb"], **look)
        right.hlines(rows["at_most_mb"].iloc[-1], *right.get_xlim(), color=colour, alpha=0.4)
        linear = rows["seconds"].iloc[0] * rows["images"] / rows["images"].iloc[0]
        left.plot(rows["images"], linear, color=colour, linewidth=1, alpha=0.4)
    for ax, label in ((left, "Seconds (log)"), (right, "Memory, MB (log)")):
        ax.set(xscale="log", yscale="log", xlabel="Images (log)", ylabel=label)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.grid(True)
    return with_legend(left, columns=3)


def startup(table: pd.DataFrame) -> Figure:
    """Draw the seconds of each start, one dot a round, and the most it may take.

    Args:
        table: name, seconds, at_most; a row for each round.
    """
    starts = table.groupby("name", sort=False)
    axes = new_axes(len(starts), 1, height=1.5 * len(starts) + 0.4, squeeze=False)
    for ax, (name, rows) in zip(axes[:, 0], starts, strict=True):
        ax.scatter(rows["seconds"], [0] * len(rows), color=BLUE, label="a round")
        ax.axvline(rows["at_most"].iloc[0], color=ORANGE, linewidth=2.5, label="at most")
        ax.set(xlim=(0, None), yticks=[], title=name)
        ax.grid(True, axis="x")
    ax.set_xlabel("Seconds")
    return with_legend(ax, columns=2)
