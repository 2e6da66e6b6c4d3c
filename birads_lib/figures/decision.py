"""Charts of decision curves.

A curve is a table of ``decision.curve``; one that is all NaN is told in words. Decisions are named
by the lowest label acted on, of ``Task.decisions``.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures import style
from birads_lib.figures.style import BLUE, INK, MUTED, ORANGE, new_axes, with_legend
from birads_lib.scores.decision import RANGE
from birads_lib.task import BIRADS, Task

_EXCHANGE = {0.1: "9", 0.2: "4", 0.5: "1", 0.8: "1/4", 0.9: "1/9"}  # (1 - t) / t
_MODEL = "The model, 95 % interval"
_NET = ("net_benefit", "low", "high")
_GAIN = ("gain", "gain_low", "gain_high")


def curves(tables: Mapping[int, pd.DataFrame], task: Task = BIRADS) -> Figure:
    """Draw each decision's net benefit with its interval, and those of the two defaults."""
    rows = len(tables)
    axes = new_axes(rows, 1, height=1.6 + 2.4 * rows, sharex=True, squeeze=False)
    for ax, (lowest, table) in zip(axes[:, 0], tables.items(), strict=True):
        _defaults(ax, table)
        _line(ax, table, (style.colours(task)[lowest], "-"), _MODEL, _NET)
        _panel(ax, table, f"Decision: {task.decisions[lowest]}")
        _top_at(ax, table["net_benefit"], table["high"])
        ax.set(xlabel="", ylabel="Net benefit")
        ax.tick_params(labelbottom=True)
    _exchange(axes[0, 0])
    ax.set_xlabel("Threshold probability")
    return with_legend(axes[0, 0], columns=3)


def gains(tables: Mapping[int, pd.DataFrame], task: Task = BIRADS) -> Figure:
    """Draw each decision's gain over the better default with its interval; ``RANGE`` is shaded."""
    axes = new_axes(1, len(tables), height=3.9, sharey=True, squeeze=False)
    for ax, (lowest, table) in zip(axes[0], tables.items(), strict=True):
        ax.axvspan(*RANGE, color="#f0f0f0", label=f"Thresholds {RANGE[0]} to {RANGE[1]}")
        ax.axhline(0, color=INK, linewidth=1, label="The better default")
        _line(ax, table, (style.colours(task)[lowest], "-"), _MODEL, _GAIN)
        _panel(ax, table, task.decisions[lowest])
    _top_at(axes[0, 0], *(table["gain_high"] for table in tables.values()))
    axes[0, 0].set_ylabel("Net benefit over\nthe better default")
    return with_legend(axes[0, 0], columns=2)


def populations(tables: Mapping[str, Mapping[int, pd.DataFrame]], task: Task = BIRADS) -> Figure:
    """Draw each decision's curves in several populations, name -> decision -> curve."""
    decisions = list(next(iter(tables.values())))
    axes = new_axes(1, len(decisions), height=4.3, sharey=True, squeeze=False)
    looks = [(INK, "-"), (ORANGE, "--"), (BLUE, "-.")]
    for ax, lowest in zip(axes[0], decisions, strict=True):
        ax.axhline(0, label="Act on none", **style.DOTTED)
        for (name, curve_of), look in zip(tables.items(), looks, strict=False):
            _line(ax, curve_of[lowest], look, f"The model, {name}")
            _line(ax, curve_of[lowest], look, f"Act on all, {name}", ["treat_all"], linewidth=0.9)
        _panel(ax, curve_of[lowest], task.decisions[lowest])
    drawn = [table for curve_of in tables.values() for table in curve_of.values()]
    _top_at(axes[0, 0], *(table["net_benefit"] for table in drawn))
    axes[0, 0].set_ylabel("Net benefit")
    return with_legend(axes[0, 0], columns=2)


def elsewhere(
    tables: Mapping[float, Mapping[str, pd.DataFrame]], lowest: int = 4, task: Task = BIRADS
) -> Figure:
    """Draw a decision's curve where it is needed more or less often, at thresholds up to 0.5.

    Above, few false positives outweigh all that is found: the lines would show their number.
    ``tables`` are prevalence of ``lowest`` or more -> name of the probabilities -> the curve.
    """
    axes = new_axes(1, len(tables), height=4.1, squeeze=False)
    looks = [(BLUE, "-."), (style.colours(task)[lowest], "-")]
    for ax, (prevalence, curves_by_name) in zip(axes[0], tables.items(), strict=True):
        _defaults(ax, next(iter(curves_by_name.values())))
        for (name, table), look in zip(curves_by_name.items(), looks, strict=False):
            _line(ax, table, look, name, _NET)
        _panel(ax, table, f"{task.decisions[lowest]} in {100 * prevalence:.3g} %")
        ax.set(xlim=(0, 0.5), xticks=np.arange(6) / 10)
        ax.set_ylim(-0.5 * prevalence, 1.05 * prevalence)
    axes[0, 0].set_ylabel("Net benefit")
    return with_legend(axes[0, 0], columns=2)


def _line(ax: Axes, table: pd.DataFrame, look, label, columns=("net_benefit",), **options) -> None:
    """Draw a column of a curve, in a band between its bounds where these are named."""
    (column, *bounds), (colour, line) = columns, look
    if bounds:
        band = [table[bound] for bound in bounds]
        ax.fill_between(table["threshold"], *band, color=colour, alpha=0.22, linewidth=0)
    ax.plot(table["threshold"], table[column], color=colour, linestyle=line, label=label, **options)


def _defaults(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the net benefit of acting on none and on all."""
    ax.axhline(0, label="Act on none", **style.DOTTED | {"color": INK})
    _line(ax, table, (MUTED, "--"), "Act on all", ["treat_all"])


def _panel(ax: Axes, table: pd.DataFrame, title: str) -> None:
    """Label the axes of a curve, and say where there is none."""
    ax.set(title=title, xlabel="Threshold probability", xlim=(0, 1), xticks=[0, 0.2, 0.5, 0.8, 1])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.grid(axis="y")
    if table["net_benefit"].isna().all():
        middle = {"ha": "center", "va": "center", "fontsize": 10, "transform": ax.transAxes}
        ax.text(0.5, 0.5, "no curve: no image\nneeds it, or all do", **middle)


def _top_at(ax: Axes, *values: pd.Series) -> None:
    """End the axis a little below 0: acting on all falls without bound as odds rise."""
    top = np.nanmax(np.concatenate(values), initial=0.01)
    ax.set_ylim(-0.35 * top, 1.08 * top)


def _exchange(ax: Axes) -> None:
    """Put above the axes how many needless actions each threshold takes for one needed one."""
    top = ax.secondary_xaxis("top")
    top.set_xticks(list(_EXCHANGE), list(_EXCHANGE.values()))
    top.set_xlabel("Needless actions that one needed action is worth")
    top.spines[:].set_visible(False)
    top.tick_params(length=0)
