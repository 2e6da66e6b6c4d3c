"""Charts of transfer learning: ways to train beside each other, and how many patients they need."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from birads_lib.figures.intervals import (
    draw_beside,
    draw_intervals,
    name_rows,
    within_a_line,
)
from birads_lib.figures.style import BLUE, INK, ORANGE, SERIES, ZERO, new_axes, with_legend
from birads_lib.texts import interval


def arms(
    tables: Mapping[str, pd.DataFrame], names: Mapping[str, str], best: float | None = None
) -> Figure:
    """Draw the AUC of each arm with its interval.

    Args:
        tables: label for the legend -> estimate, low and high by arm.
        names: arm -> what it is called, in the order to draw.
        best: the AUC that no network can pass here, where it is known.
    """
    ax = new_axes(height=1.6 + 0.6 * len(names))
    looks = ((INK, "o"), (BLUE, "D"), (ORANGE, "^"))
    rows = {
        label: table.loc[[n for n in names if n in table.index]] for label, table in tables.items()
    }
    draw_beside(ax, rows, [*names], looks, 0.22, size=50)
    if best is not None:
        look = {"color": ORANGE, "linestyle": "--", "linewidth": 1.5}
        ax.axvline(best, **look, label="The true category's AUC")
    ax.axvline(0.5, **ZERO)
    ax.set(xlabel="AUC, 95 % interval (0.5 is chance)", title="Ways to train, compared")
    name_rows(ax, [*names.values()], margin=0.6)
    return with_legend(ax, columns=2)


def differences(
    table: pd.DataFrame, names: Mapping[str, str], groups: Sequence[str] = ()
) -> Figure:
    """Draw paired differences with their intervals, and the numbers beside them.

    Args:
        table: first, second, estimate, low and high.
        names: arm -> what it is called.
        groups: what stands in a line above each row's name, such as its task.
    """
    ax = new_axes(height=1.4 + (0.62 + 0.2 * bool(groups)) * len(table))
    ax.axvline(0, **ZERO)
    draw_intervals(ax, table, range(len(table)), marker="D", size=45)
    titles = [
        f"{names[a]}\nminus {within_a_line(names[b])}"
        for a, b in zip(table["first"], table["second"], strict=True)
    ]
    if groups:
        titles = [f"{group}\n{title}" for group, title in zip(groups, titles, strict=True)]
    texts = [interval(*row) for row in table[["estimate", "low", "high"]].to_numpy()]
    name_rows(ax, titles, texts, margin=0.6)
    ax.set(xlabel="Difference in AUC, 95 % interval", title="Paired over patients and seeds")
    return ax.figure


def curves(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw the AUC against the number of patients in training, a line for each arm.

    Args:
        table: arm, patients, estimate, low, high.
        names: arm -> what it is called, in the order to draw.
    """
    ax = new_axes(height=4.4)
    step = 0.012 * table["patients"].max()
    for number, ((arm, title), (colour, line, marker)) in enumerate(
        zip(names.items(), SERIES, strict=False)
    ):
        rows = table[table["arm"] == arm].sort_values("patients")
        places = rows["patients"] + (number - 1) * step  # side by side
        ax.plot(places, rows["estimate"], color=colour, linestyle=line)
        draw_intervals(ax, rows, places, colour=colour, marker=marker, label=title, upright=True)
    ax.axhline(0.5, **ZERO)
    ax.set(
        xlabel="Patients in training",
        ylabel="AUC, 95 % interval",
        title="How many patients does it take?",
    )
    ax.set_xlim(0, None)
    ax.grid(axis="y")
    return with_legend(ax, columns=3)
