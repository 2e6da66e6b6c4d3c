"""Charts of the feature space."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import INK, ORANGE, new_axes, with_legend
from birads_lib.scores.neighbours import SCORES
from birads_lib.task import BIRADS, Task

_OTHERS = "#b8b8b8"
JOINED = 6  # patients whose images are joined: as many as colours can tell apart


def projections(
    places: Mapping[str, np.ndarray], rows: pd.DataFrame, task: Task = BIRADS
) -> Figure:
    """Draw pictures of one space, a row each: coloured by label at the left, by patient at right.

    At the right, the ``JOINED`` patients with most images have a colour each.

    Args:
        places: name of the picture -> coordinates (n, 2); NaN where there are too few images.
        rows: the images, with y_true and patient_id.
    """
    axes = new_axes(len(places), 2, height=1.0 + 3.3 * len(places), squeeze=False)
    for row, (name, xy) in zip(axes, places.items(), strict=True):
        for ax, title in zip(row, [f"by {task.title}", "by patient"], strict=True):
            ax.set(xticks=[], yticks=[], title=f"{name}, {title}", xlabel=f"{name} 1 (no unit)")
            ax.set_ylabel(f"{name} 2 (no unit)")
            if np.isnan(xy).any():
                note = f"{len(xy)} images:\ntoo few for a picture"
                ax.text(0.5, 0.5, note, ha="center", va="center", transform=ax.transAxes)
        _by_label(row[0], xy, rows["y_true"].to_numpy(), task)
        _by_patient(row[1], xy, rows["patient_id"])
    marks = [(task.named(k), {"linestyle": "", **look}) for k, look in _looks(task).items()]
    marks += [
        ("one patient's images", {"color": style.EDGE, "marker": "o", "linewidth": 1}),
        ("images of others", {"color": _OTHERS, "marker": ".", "linestyle": ""}),
    ]
    handles = [Line2D([], [], label=label, **look) for label, look in marks]
    return with_legend(axes[0, 0], columns=3, handles=handles)


def _looks(task: Task) -> dict[int, dict[str, str]]:
    """Return colour and marker of each label, by its number."""
    looks = zip(style.colours(task).items(), cycle(style.MARKERS))
    return {number: {"color": colour, "marker": marker} for (number, colour), marker in looks}


def _by_label(ax: Axes, xy: np.ndarray, y: np.ndarray, task: Task) -> None:
    """Draw a point for each image, coloured by its label."""
    for number, look in _looks(task).items():
        ax.scatter(*xy[y == number].T, s=22, linewidths=0, alpha=0.85, **look)


def _by_patient(ax: Axes, xy: np.ndarray, patients: pd.Series) -> None:
    """Join the images of the patients who have most to their middle; those of all would hide it."""
    ax.scatter(*xy.T, color=_OTHERS, marker=".", s=30, linewidths=0)
    counts = patients.value_counts(sort=False).sort_values(ascending=False, kind="stable")
    hues = sns.husl_palette(JOINED, l=0.5)
    for patient, colour in zip(counts.index[counts > 1], hues, strict=False):
        joined = xy[(patients == patient).to_numpy()]
        spokes = [(joined.mean(axis=0), place) for place in joined]
        ax.add_collection(LineCollection(spokes, colors=[colour], linewidths=1))
        ax.scatter(*joined.T, color=[colour], marker="o", s=26, linewidths=0)


def neighbourhood(table: pd.DataFrame, k: int, task: Task = BIRADS) -> Figure:
    """Draw shares of the ``k`` nearest beside their chance levels, and silhouettes below.

    The table is that of ``neighbours.intervals``.
    """
    rows = table.set_index("metric")
    silhouettes = ["silhouette_grade", *(f"silhouette_{number}" for number in task.numbers)]
    ratios = {"height_ratios": [len(SCORES) + 1, len(silhouettes)]}
    upper, lower = new_axes(2, 1, height=6.4, gridspec_kw=ratios)
    draw_intervals(upper, rows.loc[list(SCORES)], range(len(SCORES)), undefined=0.5)
    chance = rows.loc[[f"{name}_chance" for name in SCORES], "estimate"]
    upper.scatter(chance, range(len(SCORES)), color=ORANGE, marker="D", s=40, zorder=3)
    name_rows(upper, ["Same category", "Same category,\nother patients only", "Same patient"])
    upper.set(title=f"The {k} nearest images", xlabel="Share of neighbours", xlim=(-0.02, 1.02))
    shades, places = [INK, *style.colours(task).values()], range(len(silhouettes))
    draw_intervals(lower, rows.loc[silhouettes], places, colour=shades, undefined=0)
    lower.axvline(0, **style.DOTTED)
    name_rows(lower, ["All images", *map(task.named, task.numbers)])
    lower.set(title="Silhouette by category", xlabel="Mean silhouette (-1 to 1)", xlim=(-1, 1))
    handles = [
        Line2D([], [], color=INK, marker="o", label="Mean, 95 % interval"),
        Line2D([], [], color=ORANGE, marker="D", linestyle="", label="By chance"),
    ]
    return with_legend(lower, columns=2, handles=handles)
