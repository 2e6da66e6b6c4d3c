"""Charts of the feature space: each takes numbers and returns a ``Figure``, never shown."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from birads_lib.cases import GRADES
from birads_lib.figures.style import GRADE_COLOURS, MUTED, VALIDATION, new_figure
from birads_lib.scores.neighbours import SCORES

_BLACK = "#111111"
_GRADE_MARKERS = dict(zip(GRADES, "os^Dv", strict=True))
_OTHERS = "#b8b8b8"
JOINED = 6  # patients whose images are joined: as many as colours can tell apart


def projections(places: Mapping[str, np.ndarray], rows: pd.DataFrame) -> Figure:
    """Draw pictures of one space, a row each: coloured by grade at the left, by patient at right.

    At the right, the ``JOINED`` patients with most images have a colour each.

    Args:
        places: name of the picture -> coordinates (n, 2); NaN where there are too few images.
        rows: the images, with y_true and patient_id.
    """
    figure, axes = new_figure(len(places), 2, height=1.0 + 3.3 * len(places), squeeze=False)
    for row, (name, xy) in zip(axes, places.items(), strict=True):
        for ax, title in zip(row, ["by BI-RADS category", "by patient"], strict=True):
            ax.set(xticks=[], yticks=[], title=f"{name}, {title}", xlabel=f"{name} 1 (no unit)")
            ax.set_ylabel(f"{name} 2 (no unit)")
            if np.isnan(xy).any():
                note = f"{len(xy)} images:\ntoo few for a picture"
                ax.text(0.5, 0.5, note, ha="center", va="center", transform=ax.transAxes)
        _by_grade(row[0], xy, rows["y_true"].to_numpy())
        _by_patient(row[1], xy, rows["patient_id"])
    grades = [
        Line2D(
            [],
            [],
            color=GRADE_COLOURS[g],
            marker=_GRADE_MARKERS[g],
            linestyle="",
            label=f"BI-RADS {g}",
        )
        for g in GRADES
    ]
    patients = [
        Line2D([], [], color="#444444", marker="o", linewidth=1, label="one patient's images"),
        Line2D([], [], color=_OTHERS, marker=".", linestyle="", label="images of others"),
    ]
    figure.legend(handles=grades + patients, loc="outside lower center", ncols=3)
    return figure


def _by_grade(ax: Axes, xy: np.ndarray, y: np.ndarray) -> None:
    for grade in GRADES:
        look = {"color": GRADE_COLOURS[grade], "marker": _GRADE_MARKERS[grade]}
        ax.scatter(*xy[y == grade].T, s=22, linewidths=0, alpha=0.85, **look)


def _by_patient(ax: Axes, xy: np.ndarray, patients: pd.Series) -> None:
    """Join the images of the patients who have most to their middle; those of all would hide it."""
    ax.scatter(*xy.T, color=_OTHERS, marker=".", s=30, linewidths=0)
    counts = patients.value_counts(sort=False).sort_values(ascending=False, kind="stable")
    colours = sns.husl_palette(JOINED, l=0.5)
    for patient, colour in zip(counts.index[counts > 1], colours, strict=False):
        own = xy[(patients == patient).to_numpy()]
        spokes = [(own.mean(axis=0), place) for place in own]
        ax.add_collection(LineCollection(spokes, colors=[colour], linewidths=1))
        ax.scatter(*own.T, color=[colour], marker="o", s=26, linewidths=0)


def neighbourhood(table: pd.DataFrame, k: int) -> Figure:
    """Draw shares of neighbours beside their chance levels, and silhouettes below.

    Args:
        table: of ``neighbours.intervals``.
        k: neighbours of an image.
    """
    rows = table.set_index("metric")
    names = ["silhouette_grade", *(f"silhouette_{grade}" for grade in GRADES)]
    ratios = {"height_ratios": [len(SCORES) + 1, len(names)]}
    figure, (upper, lower) = new_figure(2, 1, height=6.4, gridspec_kw=ratios)
    _dots(upper, rows.loc[list(SCORES)], [_BLACK] * len(SCORES))
    chance = rows.loc[[f"{name}_chance" for name in SCORES], "estimate"]
    upper.scatter(chance, range(len(SCORES)), color=VALIDATION, marker="D", s=40, zorder=3)
    labels = ["Same category", "Same category,\nother patients only", "Same patient"]
    upper.set_yticks(range(len(SCORES)), labels)
    upper.set(title=f"The {k} nearest images", xlabel="Share of neighbours", xlim=(-0.02, 1.02))
    upper.set_ylim(len(SCORES) - 0.5, -0.5)
    _dots(lower, rows.loc[names], [_BLACK, *GRADE_COLOURS.values()])
    lower.axvline(0, color=MUTED, linestyle=":", linewidth=1.5)
    lower.set_yticks(range(len(names)), ["All images", *(f"BI-RADS {grade}" for grade in GRADES)])
    lower.set(title="Silhouette by category", xlabel="Mean silhouette (-1 to 1)", xlim=(-1, 1))
    lower.set_ylim(len(names) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=_BLACK, marker="o", label="Mean, 95 % interval"),
        Line2D([], [], color=VALIDATION, marker="D", linestyle="", label="By chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _dots(ax: Axes, rows: pd.DataFrame, colours: list[str]) -> None:
    """Draw estimates with their intervals, and "unknown" where there is none."""
    places = np.arange(len(rows))
    ax.hlines(places, rows["low"], rows["high"], color=colours, linewidth=2.5)
    ax.scatter(rows["estimate"], places, color=colours, s=50, zorder=4)
    for place in places[rows["estimate"].isna()]:
        ax.text(
            0.5, place, "undefined", color=MUTED, va="center", transform=ax.get_yaxis_transform()
        )
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
