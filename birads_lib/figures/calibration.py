"""Charts of calibration: each takes numbers and returns a matplotlib ``Figure``, never shown."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from birads_lib.figures.style import (
    GRADE_COLOURS,
    MUTED,
    VALIDATION,
    label_grades,
    legend_below,
    new_figure,
)
from birads_lib.scores.calibration import CORRECTIONS, HIGH, SCORES
from birads_lib.scores.metrics import checked

_BLACK = "#111111"
_REFERENCES = [{"color": VALIDATION, "linestyle": "--"}, {"color": MUTED, "linestyle": ":"}]
_PRIORS = {  # kind -> label, marker, colour
    "observed": ("Observed in the test part", "_", _BLACK),
    "training": ("In training", "s", MUTED),
    "natural": ("Natural: distinct training images", "o", GRADE_COLOURS[2]),
    "saerens": ("Estimated by Saerens EM", "^", VALIDATION),
}


def reliability(table: pd.DataFrame, p: np.ndarray, errors: pd.DataFrame) -> Figure:
    """Draw the reliability diagram of each grade, and under it how often each probability is given.

    Args:
        table: of ``calibration.reliability``.
        p: (n, 5) probabilities, for the histograms.
        errors: of ``calibration.intervals``, for the titles.
    """
    figure, axes = _panels()
    estimates = errors.set_index("metric")["estimate"]
    for (upper, lower), (grade, colour) in zip(axes, GRADE_COLOURS.items(), strict=True):
        _points(upper, table[table["birads"] == grade], colour)
        upper.set_title(f"BI-RADS {grade}\nerror {estimates[f'ece_{grade}']:.3f}")
        lower.hist(p[:, grade - 1], bins=np.linspace(0, 1, 21), color=colour)
        lower.set_ylim(0.6, None)  # a single image is seen
    return figure


def reliability_before_after(
    before: tuple[pd.DataFrame, np.ndarray], after: tuple[pd.DataFrame, np.ndarray], name: str
) -> Figure:
    """Draw the reliability diagrams before (grey) and after (coloured) a correction.

    Args:
        before, after: the table of ``calibration.reliability`` and the probabilities (n, 5).
        name: of the correction.
    """
    figure, axes = _panels()
    edges = np.linspace(0, 1, 21)
    for (upper, lower), (grade, colour) in zip(axes, GRADE_COLOURS.items(), strict=True):
        for (table, p), own, shape in ((before, "#9a9a9a", "D"), (after, colour, "o")):
            _points(upper, table[table["birads"] == grade], own, shape)
            filled = {"color": own, "histtype": "stepfilled" if own == colour else "step"}
            lower.hist(p[:, grade - 1], bins=edges, zorder=2 if own == colour else 3, **filled)
        lower.set_ylim(0.6, None)
        upper.set_title(f"BI-RADS {grade}")
    handles = [upper.scatter([], [], color="#9a9a9a", marker="D", label="As predicted")]
    handles += [upper.scatter([], [], color=_BLACK, label=f"{name} (in the category's colour)")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _panels() -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Return a figure with, for each grade, axes for a diagram and for a histogram under it."""
    heights = {"height_ratios": [4, 1.2, 4, 1.2]}
    figure, axes = new_figure(4, 3, height=8.4, sharex=True, gridspec_kw=heights)
    pairs = [(axes[row, column], axes[row + 1, column]) for row in (0, 2) for column in range(3)]
    for ax in pairs.pop():
        ax.set_axis_off()
    for number, (upper, lower) in enumerate(pairs):
        upper.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.5)
        upper.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        lower.set(yscale="log", xticks=[0, 0.5, 1], xlabel="Predicted")
        lower.tick_params(labelbottom=True)
        if number % 3 == 0:
            upper.set_ylabel("Observed frequency")
            lower.set_ylabel("Images")
    return figure, pairs


def _points(ax: Axes, rows: pd.DataFrame, colour: str, shape: str = "o") -> None:
    ax.vlines(rows["predicted"], rows["low"], rows["high"], color=colour, linewidth=1.5, zorder=3)
    ax.scatter(rows["predicted"], rows["observed"], color=colour, marker=shape, s=24, zorder=4)


def true_class(y: np.ndarray, p: np.ndarray) -> Figure:
    """Draw the probability each image's true grade got: a dot an image, a box a grade.

    Boxes hold the middle half and the median; whiskers end within 1.5 of their height.
    """
    y, p = checked(y, p)
    own = p[np.arange(len(y)), y - 1]
    rng = np.random.default_rng(0)  # places of the dots only
    figure, ax = new_figure(height=4.8)
    ax.axhline(HIGH, color=MUTED, linestyle=":", linewidth=1.5)
    ax.annotate(f"{HIGH}", (5.52, HIGH), va="bottom", ha="right", fontsize=10, color=MUTED)
    for grade, colour in GRADE_COLOURS.items():
        values = own[y == grade]
        places = grade + rng.uniform(-0.26, 0.26, len(values))
        ax.scatter(places, values, color=colour, s=9, alpha=0.45, linewidths=0)
        if len(values):
            line = {"color": _BLACK, "linewidth": 1.5}
            ax.boxplot(
                values, positions=[grade], widths=0.62, showfliers=False, boxprops=line,
                medianprops=line | {"linewidth": 3}, whiskerprops=line, capprops=line,
            )  # fmt: skip
    label_grades(ax)
    ax.set_xticks(list(GRADE_COLOURS), [f"{g}\nn = {(y == g).sum()}" for g in GRADE_COLOURS])
    ax.set(xlabel="True BI-RADS category", ylabel="Probability of the true category")
    ax.set(title="What the true category got", ylim=(-0.03, 1.03), xlim=(0.45, 5.55))
    return figure


def scores(
    tables: Mapping[str, pd.DataFrame], references: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Draw each score under each correction, with its interval where it has one.

    Args:
        tables: name of a correction, of ``CORRECTIONS`` -> table of ``calibration.intervals``.
        references: what to hold them against -> score -> value.
    """
    figure, axes = new_figure(3, 2, height=2.4 + 1.35 * len(tables), sharey=True)
    places = np.arange(len(tables))
    rows = pd.concat({name: table.set_index("metric") for name, table in tables.items()})
    for ax, (score, title) in zip(axes.ravel(), SCORES.items(), strict=False):
        here = rows.xs(score, level=1)  # a row per correction
        ax.hlines(places, here["low"], here["high"], color=_BLACK, linewidth=2.5)
        colours = [MUTED if name == "uncorrected" else _BLACK for name in here.index]
        ax.scatter(here["estimate"], places, c=colours, s=50, zorder=4)
        for values, look in zip(references.values(), _REFERENCES, strict=False):
            if score in values:
                ax.axvline(values[score], **look)
        ax.set(title=title, xlabel="Less is better", ylim=(len(tables) - 0.5, -0.5))
        ax.set_yticks(places, [CORRECTIONS[name] for name in tables])
        ax.set_xlim(0, 1.06 * ax.get_xlim()[1])
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.grid(axis="x")
    axes[2, 1].set_axis_off()
    named = zip(references, _REFERENCES, strict=False)
    handles = [Line2D([], [], label=name, **look) for name, look in named]
    figure.legend(handles=handles, loc="outside lower center")
    return figure


def fitted_by_fold(folds: pd.DataFrame) -> Figure:
    """Draw the temperature of each fold, and the shares of each grade that corrections lean on.

    Args:
        folds: of ``calibration.recalibrated``.
    """
    figure, (left, right) = new_figure(1, 2, height=5.0, width_ratios=[1, 2])
    left.axhline(1, color=MUTED, linestyle=":", linewidth=1.5)
    left.scatter(folds["fold"], folds["temperature"], color=_BLACK, s=50)
    left.set(title="Temperature", xlabel="Fold", ylabel="Temperature (1: no change)")
    left.set(xticks=sorted(set(folds["fold"])), xlim=(-0.5, folds["fold"].max() + 0.5))
    left.set_ylim(min(0.5, folds["temperature"].min() - 0.1), None)
    for number, (kind, (label, marker, colour)) in enumerate(_PRIORS.items()):
        shares = folds[[f"{kind}_{g}" for g in GRADE_COLOURS]].to_numpy()  # (folds, 5)
        places = np.array(list(GRADE_COLOURS)) + 0.2 * (number - 1.5)
        right.vlines(places, shares.min(0), shares.max(0), color=colour, linewidth=2)
        size = 110 if marker == "_" else 36
        right.scatter(
            places, shares.mean(0), color=colour, marker=marker, s=size, label=label, zorder=3
        )
    label_grades(right)
    right.set(title="Shares, mean and range over folds", ylabel="Share of images")
    right.set_ylim(0, None)
    legend_below(right, columns=2)
    return figure
