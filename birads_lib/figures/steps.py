"""Charts of a staircase: its steps' metrics, what each adds, and where the paper stands."""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import BLUE, DOTTED, INK, MUTED, ORANGE, ZERO, new_axes
from birads_lib.scores.steps import names
from birads_lib.task import BIRADS, Task


def staircase(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    metrics: Sequence[str],
    aims: Mapping[str, float],
    alone: Collection[str] = (),
    task: Task = BIRADS,
) -> Figure:
    """Draw each step's metrics with their intervals, a panel per metric, and what is aimed at.

    A line joins the steps that build on one another.

    Args:
        table: [step, metric, estimate, low, high].
        titles: step -> what it is called, from the first step to the last.
        metrics: to draw.
        aims: metric -> the value aimed at, a dotted line.
        alone: steps that no other builds on, in grey.
        task: whose metrics these are.
    """
    axes = new_axes(1, len(metrics), height=1.3 + 0.44 * len(titles), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric].set_index("step").reindex([*titles])
        places = pd.Series(range(len(rows)), rows.index)
        joined, single = rows.drop([*alone]), rows.loc[[*alone]]
        ax.plot(joined["estimate"], places[joined.index], color=MUTED, linewidth=1, zorder=1)
        for part, colour in ((joined, BLUE), (single, MUTED)):
            draw_intervals(ax, part, [*places[part.index]], colour=colour, size=36, width=2)
        if metric in aims:
            ax.axvline(aims[metric], **DOTTED)
        name_rows(ax, [*titles.values()])
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.set_title(names(task)[metric], fontsize=11)
        ax.set_xlabel("1 is best")
    return axes[0].figure


def gains(
    table: pd.DataFrame, titles: Mapping[str, str], metrics: Sequence[str], task: Task = BIRADS
) -> Figure:
    """Draw the gain of each step over the one before, with intervals, a panel per metric.

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


def beside_paper(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    metrics: Sequence[str],
    leaky: Collection[str] = (),
    floors: Collection[str] = (),
    task: Task = BIRADS,
) -> Figure:
    """Draw the paper's metrics above those found here, a row each and a panel per metric.

    Args:
        table: [step, metric, estimate, low, high]; those of the step "paper" have no interval.
        titles: step -> what it is called, from the top.
        metrics: to draw.
        leaky: steps whose split leaks.
        floors: steps that need no network.
        task: whose metrics these are.
    """
    axes = new_axes(1, len(metrics), height=1.3 + 0.55 * len(titles), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric].set_index("step").reindex([*titles])
        for place, step in enumerate(titles):
            of_step = rows.loc[[step]]
            look = (ORANGE, "s") if step in leaky else (MUTED if step in floors else BLUE, "o")
            look = (INK, "D") if step == "paper" else look
            draw_intervals(ax, of_step, [place], colour=look[0], marker=look[1], size=40, width=2)
            _number(ax, of_step["estimate"].item(), place)
        name_rows(ax, [*titles.values()], margin=0.7)
        room = rows["estimate"].min() - 0.25  # for the number of the leftmost mark
        ax.set_xlim(min(-0.08, rows["low"].min() - 0.05, room), 1.08)
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.set_title(names(task)[metric], fontsize=10)
        ax.set_xlabel("1 is best")
    return axes[0].figure


def _number(ax: Axes, value: float, place: int) -> None:
    """Write a number above its mark, or that there is none."""
    text, x = ("not given", 0.5) if pd.isna(value) else (f"{value:.2f}", value)
    ax.annotate(text, (x, place), (0, 7), textcoords="offset points", ha="center", fontsize=10)
