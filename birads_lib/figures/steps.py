"""Charts of a staircase: each step's metrics, and what it adds to the step before."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import BLUE, DOTTED, INK, MUTED, ZERO, new_axes
from birads_lib.scores.steps import names
from birads_lib.task import BIRADS, Task


def staircase(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    metrics: Sequence[str],
    aims: Mapping[str, float],
    task: Task = BIRADS,
) -> Figure:
    """Draw each step's metrics with their intervals, a panel per metric, and what is aimed at.

    Args:
        table: [step, metric, estimate, low, high].
        titles: step -> what it is called, from the first step to the last.
        metrics: to draw.
        aims: metric -> the value aimed at, a dotted line.
        task: whose metrics these are.
    """
    axes = new_axes(1, len(metrics), height=1.3 + 0.44 * len(titles), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric].set_index("step").reindex([*titles])
        ax.plot(rows["estimate"], range(len(rows)), color=MUTED, linewidth=1, zorder=1)
        draw_intervals(ax, rows, range(len(rows)), colour=BLUE, size=36, width=2)
        if metric in aims:
            ax.axvline(aims[metric], **DOTTED)
        name_rows(ax, [*titles.values()])
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_title(names(task)[metric], fontsize=11)
        ax.set_xlabel("1 is best")
    return axes[0].figure


def gains(
    table: pd.DataFrame, titles: Mapping[str, str], metrics: Sequence[str], task: Task = BIRADS
) -> Figure:
    """Draw what each step adds to the one before, with intervals, a panel per metric.

    Args:
        table: [step, metric, estimate, low, high], paired differences.
        titles: step -> what it is called, those after the first.
        metrics: to draw.
        task: whose metrics these are.
    """
    axes = new_axes(1, len(metrics), height=1.3 + 0.44 * len(titles), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric].set_index("step").reindex([*titles])
        ax.axvline(0, **ZERO)
        draw_intervals(ax, rows, range(len(rows)), colour=INK, marker="D", size=30, width=2)
        name_rows(ax, [*titles.values()])
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.set_title(names(task)[metric], fontsize=11)
        ax.set_xlabel("Difference")
    return axes[0].figure
