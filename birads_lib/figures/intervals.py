"""Estimates with their intervals: every figure of the book that has some draws them here.

Rows have estimate, low and high, a row for each mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from birads_lib.figures.style import INK, MUTED
from birads_lib.scores.metrics import headline_names
from birads_lib.task import BIRADS, Task
from birads_lib.texts import NOT_ESTIMABLE


def share_names(task: Task = BIRADS) -> dict[str, str]:
    """Return name -> title of the headline metrics that share an axis: 1 is perfect for each.

    The mean absolute error is left out, as it counts grades.
    """
    return {name: title for name, title in headline_names(task).items() if name != "ordinal_mae"}


def draw_intervals(
    ax: Axes,
    rows: pd.DataFrame,
    places: Sequence[float],
    *,
    colour: str | Sequence[str] = INK,
    marker: str = "o",
    label: str | None = None,
    size: float = 50,
    width: float = 2.5,
    upright: bool = False,
    undefined: float | None = None,
) -> None:
    """Draw each estimate as a mark and its interval as a bar; what is NaN isn't drawn.

    A bar has ends of its own, as percentiles needn't enclose the estimate.

    Args:
        places: of the rows on the other axis.
        colour: of all rows, or one for each.
        size: of a mark, square points.
        width: of a bar, points.
        upright: whether the estimates lie on the y axis, and the places on the x axis.
        undefined: where on the estimates' axis one that is not estimable says so; None: nowhere.
    """
    draw_bars = ax.vlines if upright else ax.hlines
    draw_bars(places, rows["low"], rows["high"], color=colour, linewidth=width)
    x, y = (places, rows["estimate"]) if upright else (rows["estimate"], places)
    ax.scatter(x, y, color=colour, marker=marker, s=size, label=label, zorder=4)
    if undefined is not None:
        for place in pd.Series(places)[rows["estimate"].isna().to_numpy()]:
            ax.annotate(NOT_ESTIMABLE, (undefined, place), va="center", fontsize=10, color=MUTED)


def draw_beside(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    looks: Iterable[tuple[str, str]],
    step: float,
    **options,
) -> None:
    """Draw tables side by side, at places 0, 1, .. of their rows' names.

    Args:
        tables: label for the legend -> rows, by name.
        names: of the rows in their order; a table may lack some.
        looks: colour and marker of each table.
        step: from one table to the next, in rows.
        options: of ``draw_intervals``.
    """
    sides = step * (np.arange(len(tables)) - (len(tables) - 1) / 2)
    for (label, rows), (colour, marker), side in zip(tables.items(), cycle(looks), sides):
        places = pd.Index(names).get_indexer(rows.index) + side
        draw_intervals(ax, rows, places, colour=colour, marker=marker, label=label, **options)


def name_rows(
    ax: Axes, names: Sequence[str], texts: Sequence[str] = (), margin: float = 0.5
) -> None:
    """Name rows at the left, the first at the top, with lines to read values by.

    Args:
        texts: to stand at the right of the rows.
        margin: above the first row and below the last, in rows.
    """
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 1 + margin, -margin)
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    if texts:
        right = ax.secondary_yaxis("right")
        right.set_yticks(range(len(texts)), texts)
        right.tick_params(axis="y", length=0)
        right.spines[:].set_visible(False)


def within_a_line(title: str) -> str:
    """Return a title as it stands within a line; names of methods keep their capitals."""
    return title if title[1:] != title[1:].lower() else title.lower()
