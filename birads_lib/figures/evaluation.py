"""Charts of evaluation: of all test images, of each label, of the parts of the data, of training.

A history has one row per fold, seed and epoch: fold, seed, stage (1 or 2), epoch (1.. over both
stages), rate, loss, accuracy, val_loss and val_accuracy.
"""

import textwrap
from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_curve

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows, share_names
from birads_lib.figures.style import (
    AMBER,
    BLUE,
    MUTED,
    ORANGE,
    new_axes,
    with_legend,
)
from birads_lib.predictions import MODEL
from birads_lib.scores.floors import ANSWERS
from birads_lib.scores.metrics import PER_CLASS, checked, headline_names
from birads_lib.task import BIRADS, Task

_COUNTS = LinearSegmentedColormap.from_list("counts", ["#e9e9ee", BLUE])
RADAR = ["accuracy", "macro_precision", "macro_recall", "macro_f1", "mean_auc", "mcc"]


def confusion(matrix: np.ndarray, task: Task = BIRADS, unit: str = "images") -> Figure:
    """Draw a confusion matrix (K, K) of counts, and beside it the share of each true label.

    ``unit`` says what is counted.
    """
    counts = pd.DataFrame(matrix, task.labels, task.labels)
    shares = counts.div(counts.sum(axis=1), axis=0)  # NaN where no image has the label
    texts = shares.map(lambda share: "none" if np.isnan(share) else f"{share:.2f}")
    axes = new_axes(1, 2, height=4.1)
    look = {"cmap": _COUNTS, "cbar": False, "square": True, "vmin": 0, "fmt": ""}
    sns.heatmap(counts, ax=axes[0], annot=counts.astype(str), **look)
    sns.heatmap(shares.fillna(0), ax=axes[1], annot=texts, vmax=1, **look)
    name = style.short_title(task)
    for ax, title in zip(
        axes, [textwrap.fill(unit.capitalize(), 30), "Share of the true category"], strict=True
    ):
        ax.set(title=title, xlabel=f"Predicted {name}", ylabel=f"True {name}")
    return ax.figure


def roc_per_class(y: np.ndarray, p: np.ndarray, table: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the one-vs-rest ROC curve of each label; a table of intervals has the areas."""
    y, p = checked(y, p)
    areas = table.set_index("metric")
    ax = new_axes(height=6.8)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    for (number, colour), line in zip(style.colours(task).items(), cycle(style.LINES)):
        label = f"{task.named(number)}: AUC {_with_interval(areas.loc[f'auc_{number}'])}"
        curve = ([], [])  # keeps its place in the legend
        if 0 < (y == number).sum() < len(y):
            curve = roc_curve(y == number, p[:, number - 1], drop_intermediate=False)[:2]
        ax.plot(*curve, color=colour, linestyle=line, label=label)
    ax.set(title="ROC, each category against the rest", aspect="equal")
    ax.set(xlabel="False positive rate", ylabel="True positive rate")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return with_legend(ax)


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy by epoch: a thin line per fold and seed, a thick one for their mean.

    The mean ends with the fold that stops first, as later it would be of other folds.
    """
    axes = new_axes(2, 1, height=6.4, sharex=True)
    ends = history[history["stage"] == 1].groupby(MODEL)["epoch"].max()
    for ax, name in zip(axes, ["loss", "accuracy"], strict=True):
        _curves(ax, history, name, BLUE, "-", "Training")
        _curves(ax, history, f"val_{name}", ORANGE, "--", "Validation")
        for number, end in enumerate(sorted(ends.unique())):
            ax.axvline(end + 0.5, label=None if number else "Backbone unfrozen", **style.DOTTED)
        ax.set(ylabel=name.capitalize())
        ax.grid(axis="y")
    axes[0].set_title("Training, by fold")
    axes[1].set(xlabel="Epoch, both stages")
    axes[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return with_legend(axes[0], columns=2)


def _curves(ax: Axes, history: pd.DataFrame, column: str, colour, line, label: str) -> None:
    """Draw one column of the history by epoch, by fold and in the mean."""
    folds = history.pivot_table(index="epoch", columns=MODEL, values=column)  # (epochs, folds)
    if folds.shape[1] > 1:
        ax.plot(folds.index, folds, color=colour, linewidth=0.8, alpha=0.5)
        counts = [folds.columns.unique(name).size for name in MODEL]
        seeds = f" with {counts[1]} seeds" if counts[1] > 1 else ""
        label = f"{label}, mean of {counts[0]} folds{seeds}"
    mean = folds.dropna().mean(axis=1)
    ax.plot(mean.index, mean, color=colour, linestyle=line, linewidth=2.5, label=label)


def optimisation(history: pd.DataFrame) -> Figure:
    """Draw the learning rate by epoch, and below it the two stages of each fold and seed."""
    folds = dict(list(history.sort_values("epoch").groupby(MODEL)))
    several = history["seed"].nunique() > 1
    names = [f"{fold}, {seed}" if several else fold for fold, seed in folds]
    rate_ax, stage_ax = new_axes(2, 1, height=3.9 + 0.3 * len(folds), sharex=True)
    for place, rows in enumerate(folds.values()):
        rate_ax.step(rows["epoch"], rows["rate"], where="mid", color=BLUE, linewidth=1.5, alpha=0.6)
        _stages(stage_ax, rows, place)
    rate_ax.set(yscale="log", ylabel="Learning rate", title="Learning rate, a line per fold")
    rates = sorted({f"{rate:.2g}" for rate in history["rate"]}, key=float)
    rate_ax.set_yticks([float(rate) for rate in rates], rates)
    rate_ax.minorticks_off()
    rate_ax.grid(axis="y")
    stage_ax.set(
        xlabel="Epoch, both stages", ylabel="Fold, seed" if several else "Fold", title="Stages"
    )
    stage_ax.set_yticks(range(len(folds)), names)
    stage_ax.set_ylim(len(folds) - 0.4, -0.6)
    stage_ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    # Every fold labels its own bars and mark; each label is shown once.
    handles = {handle.get_label(): handle for handle in stage_ax.get_legend_handles_labels()[0]}
    return with_legend(stage_ax, columns=2, handles=list(handles.values()))


def _stages(ax: Axes, rows: pd.DataFrame, place: int) -> None:
    """Draw one fold's stages as bars, and a mark at its least validation loss."""
    looks = {1: (style.TINT, "Backbone frozen"), 2: (BLUE, "Its last layers unfrozen")}
    for stage, epochs in rows.groupby("stage")["epoch"]:
        colour, label = looks[stage]
        ax.barh(place, len(epochs), 0.6, epochs.min() - 0.5, color=colour, label=label)
    if rows["val_loss"].notna().any():
        best = rows.loc[rows["val_loss"].idxmin(), "epoch"]
        look = {"color": AMBER, "marker": "D", "s": 36, "zorder": 3}
        ax.scatter(best, place, label="Least validation loss", **look)


def metric_intervals(
    tables: Mapping[str, pd.DataFrame], verdict: str = "", task: Task = BIRADS
) -> Figure:
    """Draw the metrics of ``share_names`` of each answer with their 95 % intervals.

    Args:
        tables: answer, a key of ``floors.ANSWERS`` -> table of intervals; the numbers of the first
            stand at the right.
        verdict: where the first stands beside the others, in words.
        task: whose metrics these are.
    """
    names, title = share_names(task), textwrap.wrap(verdict, 72) or ["Metrics with 95 % intervals"]
    rows = {ANSWERS[name]: t.set_index("metric").loc[[*names]] for name, t in tables.items()}
    looks = [style.ANSWERS[name] for name in tables]
    row_height = 0.32 + 0.06 * len(rows)
    ax = new_axes(height=1.4 + row_height * len(names) + 0.2 * (len(rows) + len(title)))
    draw_beside(ax, rows, [*names], looks, 0.8 / (len(rows) + 1), size=40, width=2)
    ax.set_title("\n".join(title), fontsize=11 if verdict else None)
    ax.set_xlabel("Value (1 is perfect)" + (", 95 % interval" if verdict else ""))
    texts = [_with_interval(row) for _, row in next(iter(rows.values())).iterrows()]
    name_rows(ax, [*names.values()], texts)
    return with_legend(ax, columns=2)


def per_class_dots(table: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw precision, recall, F1 and AUC of each label with their 95 % intervals."""
    rows, shades = table.set_index("metric"), list(style.colours(task).values())
    axes = new_axes(2, 2, height=5.6, sharex=True, sharey=True)
    right = len(shades) + 0.5
    for ax, (name, title) in zip(axes.ravel(), PER_CLASS.items(), strict=True):
        shown = rows.loc[[f"{name}_{number}" for number in task.numbers]]
        draw_intervals(ax, shown, task.numbers, colour=shades, size=55, upright=True)
        if name == "auc":
            ax.axhline(0.5, **style.DOTTED)
            look = {"ha": "right", "va": "top", "fontsize": 10, "color": MUTED}
            ax.annotate("chance", (right - 0.05, 0.48), **look)
        ax.set(title=title, ylim=(-0.03, 1.03), xlim=(0.5, right))
        ax.grid(axis="y")
    for ax in axes[1]:
        style.label_axis(ax, task)
    ax.figure.supylabel("Value, 95 % interval", fontsize=12)
    return ax.figure


def summary_by_split(tables: Mapping[str, pd.DataFrame], task: Task = BIRADS) -> Figure:
    """Draw the metrics of ``share_names`` of each part of the data with their 95 % intervals.

    ``tables`` are a part's name -> its table of intervals.
    """
    names = share_names(task)
    ax = new_axes(height=1.8 + 0.55 * len(names))
    rows = {part: table.set_index("metric").loc[[*names]] for part, table in tables.items()}
    looks = [(colour, marker) for colour, _, marker in style.SERIES]
    draw_beside(ax, rows, [*names], looks, 0.22, size=55)
    ax.set(title="Metrics by part of the data", xlabel="Value (1 is perfect), 95 % interval")
    name_rows(ax, list(names.values()))
    return with_legend(ax, columns=len(tables))


def radar_by_split(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the six metrics of ``RADAR`` around a circle, a closed line per part of the data.

    A metric that is undefined leaves a gap. The circle begins at 0, or below the least MCC.
    ``tables`` are as in ``summary_by_split``.
    """
    values = {part: table.set_index("metric")["estimate"][RADAR] for part, table in tables.items()}
    angles = np.linspace(0, 2 * np.pi, len(RADAR) + 1)  # the last is the first again
    ax = new_axes(height=5.6, subplot_kw={"projection": "polar"})
    for (part, row), (colour, line, marker) in zip(values.items(), style.SERIES, strict=False):
        closed = row.to_numpy()[[*range(len(RADAR)), 0]]
        ax.plot(angles, closed, color=colour, linestyle=line, marker=marker, label=part)
    ax.set_theta_zero_location("N")
    ax.set_theta_direction(-1)
    ax.set_xticks(angles[:-1], [headline_names()[name] for name in RADAR])
    for label, angle in zip(ax.get_xticklabels(), angles, strict=False):
        side = round(np.sin(angle), 6)
        label.set_ha("center" if not side else "left" if side > 0 else "right")
    lowest = pd.DataFrame(values).min(axis=None)
    ax.set_ylim(np.floor(10 * lowest) / 10 if lowest < 0 else 0, 1)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"], fontsize=10)
    ax.set_rlabel_position(30)
    ax.set_title("Six metrics by part of the data", pad=18)
    return with_legend(ax, columns=len(tables))


def _with_interval(row: pd.Series) -> str:
    """Return "0.68 (0.62-0.74)" with an en dash, or "not estimable"."""
    if np.isnan(row["estimate"]):
        return "not estimable"
    to = "–" if row["low"] >= 0 else " to "  # noqa: RUF001
    return f"{row['estimate']:.2f} ({row['low']:.2f}{to}{row['high']:.2f})"
