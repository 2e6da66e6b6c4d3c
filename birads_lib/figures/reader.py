"""Charts of a network beside a reader: one is a curve, the other a point."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import (
    BLUE,
    DOTTED,
    INK,
    MUTED,
    ORANGE,
    ZERO,
    new_axes,
    with_legend,
)
from birads_lib.texts import interval

Point = tuple[float, float]  # sensitivity, specificity


def curve_and_points(
    positive: np.ndarray, score: np.ndarray, table: pd.DataFrame, published: Mapping[str, Point]
) -> Figure:
    """Draw the ROC curve of a network, its threshold, and a reader's point with its intervals.

    The line through the reader's point is the ROC curve that its AUC is of.

    Args:
        positive: (n,) bool.
        score: (n,), of the network.
        table: estimate, low and high of sensitivity, specificity, auc and the reader's, by name.
        published: what the paper prints, by label.
    """
    ax = new_axes(height=6.2)
    ax.plot([0, 1], [0, 1], **DOTTED)
    alarms, hits, _ = roc_curve(positive, score, drop_intermediate=False)
    estimates = table["estimate"]
    ax.plot(alarms, hits, color=BLUE, linewidth=2, label=f"Network, AUC {estimates['auc']:.2f}")
    x, y = 1 - estimates["specificity"], estimates["sensitivity"]
    ax.scatter(x, y, color=BLUE, s=70, zorder=5, label="Network at its threshold")
    x, y = 1 - estimates["reader_specificity"], estimates["reader_sensitivity"]
    through = f'Through the reader\'s point: "AUC" {estimates["reader_auc"]:.2f}'
    ax.plot([0, x, 1], [0, y, 1], color=ORANGE, linestyle="--", label=through)
    spread = table.loc["reader_specificity", ["low", "high"]]
    ax.hlines(y, *(1 - spread), color=ORANGE, linewidth=2.5)
    ax.vlines(x, *table.loc["reader_sensitivity", ["low", "high"]], color=ORANGE, linewidth=2.5)
    ax.scatter(x, y, color=ORANGE, marker="s", s=70, zorder=5, label="Reader, 95 % intervals")
    for (label, (sensitivity, specificity)), marker in zip(published.items(), "PX", strict=False):
        look = {"marker": marker, "s": 80, "facecolor": "white", "edgecolor": INK, "zorder": 6}
        ax.scatter(1 - specificity, sensitivity, label=label, **look)
    ax.set(xlabel="1 - specificity", ylabel="Sensitivity", aspect="equal")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), title="A curve and a point")
    return with_legend(ax, columns=2)


def gains(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw the network's gains over the reader, with intervals.

    Args:
        table: estimate, low and high by metric.
        names: metric -> title, in the order to draw.
    """
    rows = table.loc[[*names]]
    ax = new_axes(height=1.6 + 0.5 * len(rows))
    ax.axvline(0, **ZERO)
    draw_intervals(ax, rows, range(len(rows)), marker="D", size=45)
    texts = [interval(*row) for row in rows[["estimate", "low", "high"]].to_numpy()]
    name_rows(ax, [*names.values()], texts, margin=0.6)
    ax.set(
        xlabel="Network minus reader, 95 % interval", title="The same regions, the same resamples"
    )
    return ax.figure


def predictive_values(
    prevalence: np.ndarray, lines: Mapping[str, np.ndarray], marks: Mapping[str, float]
) -> Figure:
    """Draw positive predictive values against the prevalence, on a logarithmic scale.

    Args:
        prevalence: (n,), above 0.
        lines: label -> values (n,), 0..1.
        marks: label -> a prevalence to point at.
    """
    ax = new_axes(height=4.4)
    for (label, values), (colour, style) in zip(
        lines.items(), ((BLUE, "-"), (ORANGE, "--")), strict=True
    ):
        ax.plot(100 * prevalence, 100 * values, color=colour, linestyle=style, label=label)
    middle = np.sqrt(prevalence.min() * prevalence.max())  # of the logarithmic axis
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # a neighbour's line may be near
    for number, (label, place) in enumerate(sorted(marks.items(), key=lambda mark: mark[1])):
        ax.axvline(100 * place, **DOTTED)
        right = place > middle
        ax.annotate(
            f"{label}, {100 * place:.2g}%",
            (100 * place, 97 - 10 * number),  # two marks may lie close together
            xytext=(-6 if right else 6, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            color=MUTED,
            bbox=box,
        )
    ax.set(xscale="log", xlabel="Malignant among the women examined (%)", ylim=(0, 100))
    ax.set(ylabel="Positive predictive value (%)", title="Equally good at grading, other women")
    ax.set_xticks(ticks := [0.5, 1, 5, 10, 50], [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.grid(axis="y")
    return with_legend(ax, columns=2)


def selection(table: pd.DataFrame, here: float) -> Figure:
    """Draw a reader's sensitivity and specificity among those who were biopsied.

    Args:
        table: share (of BI-RADS 3 that is biopsied, 0..1), sensitivity, specificity and, of all
            lesions whoever was biopsied, all_sensitivity and all_specificity.
        here: the share of this study.
    """
    ax = new_axes(height=4.2)
    looks = {"sensitivity": (BLUE, "o"), "specificity": (ORANGE, "s")}
    for name, (colour, marker) in looks.items():
        label = f"{name.capitalize()} among the biopsied"
        ax.plot(100 * table["share"], 100 * table[name], color=colour, marker=marker, label=label)
        of_all = 100 * table[f"all_{name}"].iloc[0]
        ax.axhline(
            of_all, color=colour, linestyle=":", label=f"{name.capitalize()} among all lesions"
        )
    ax.axvline(100 * here, **DOTTED)
    ax.annotate("this study", (100 * here, 4), ha="right", rotation=90, va="bottom", color=MUTED)
    ax.set(xlabel="Lesions read as BI-RADS 3 that are biopsied (%)", ylabel="Reader's rate (%)")
    ax.set(ylim=(0, 104), title="The reader's numbers depend on who is biopsied")
    ax.grid(axis="y")
    return with_legend(ax, columns=2)


def allowed_accuracies(accuracies: Sequence[float], printed: float) -> Figure:
    """Draw the number of tables of answers by accuracy, and the accuracy that is printed."""
    ax = new_axes(height=3.2)
    ax.hist(accuracies, bins=np.arange(0.6955, 0.771, 0.001), color=BLUE)
    ax.axvspan(printed - 0.005, printed + 0.005, color=ORANGE, alpha=0.35)
    ax.axvline(printed, color=ORANGE, linewidth=2, label=f"Printed: {printed:.2f}")
    ax.set(xlabel="Accuracy", ylabel="Tables of answers", xlim=(0.69, 0.77))
    ax.set_title("Accuracies that the printed rates allow")
    return with_legend(ax)
