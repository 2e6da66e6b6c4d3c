"""Families of networks side by side: metrics, tests over folds, printed numbers, cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows
from birads_lib.figures.style import (
    AMBER,
    BLUE,
    DOTTED,
    INK,
    MARKERS,
    MUTED,
    OF_PROTOCOL,
    ORANGE,
    SERIES,
    ZERO,
    new_axes,
    with_legend,
)
from birads_lib.protocol import PROTOCOLS
from birads_lib.scores.comparisons import wilcoxon_floor
from birads_lib.scores.two_classes import NAMES, errors_needed, largest_auc

_AUCS = (0.95, 0.98, 0.998)  # lines in the plane of errors


def by_network(metrics: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw accuracy, AUC and weighted F1 of each network, with intervals, by protocol.

    Args:
        metrics: protocol -> [network, metric, estimate, low, high].
    """
    names = list(next(iter(metrics.values()))["network"].unique())
    axes = new_axes(1, len(NAMES), height=1.7 + 0.6 * len(names), sharey=True)
    looks = [OF_PROTOCOL[protocol] for protocol in metrics]
    for ax, (metric, title) in zip(axes, NAMES.items(), strict=True):
        tables = {
            PROTOCOLS[protocol].label.capitalize(): rows[rows["metric"] == metric].set_index(
                "network"
            )
            for protocol, rows in metrics.items()
        }
        draw_beside(ax, tables, names, looks, 0.3, size=36, width=2)
        name_rows(ax, names)
        ax.set(title=title, xlabel="0 to 1, 1 is best")
    return with_legend(axes[0], columns=2)


def differences(
    tables: Mapping[str, pd.DataFrame], margin: float, metrics: Sequence[str]
) -> Figure:
    """Draw differences of pairs of networks by several methods, and the margin of equivalence.

    Args:
        tables: name of the method -> [pair, metric, estimate, low, high].
        margin: within which networks count as equivalent.
        metrics: names out of ``two_classes.NAMES``, a panel each.
    """
    pairs = list(next(iter(tables.values()))["pair"].unique())
    axes = new_axes(1, len(metrics), height=1.9 + 0.55 * len(pairs), sharey=True, squeeze=False)[0]
    looks = [(BLUE, "o"), (ORANGE, "s"), (INK, "^"), (MUTED, "D")]
    for ax, metric in zip(axes, metrics, strict=True):
        shown = {name: t[t["metric"] == metric].set_index("pair") for name, t in tables.items()}
        ax.axvspan(-margin, margin, color=AMBER, alpha=0.25, linewidth=0, label="margin")
        ax.axvline(0, **ZERO)
        draw_beside(ax, shown, pairs, looks, 0.22, size=30, width=2)
        name_rows(ax, pairs)
        ax.xaxis.set_major_locator(MaxNLocator(3))  # more would touch each other
        ax.set(title=NAMES[metric], xlabel="Difference")
    return with_legend(axes[0], columns=2)


def floors(reached: pd.DataFrame, comparisons: int, alpha: float = 0.05) -> Figure:
    """Draw the smallest p-value of Wilcoxon's test by the number of folds, and those reached.

    Args:
        reached: [folds, p_value, label], a row for each p-value found here.
        comparisons: pairs of networks in the paper, for Holm's first step.
        alpha: what counts as significant.
    """
    ax = new_axes(height=4.2)
    folds = np.arange(3, max(15, int(reached["folds"].max())) + 1)
    lowest = [wilcoxon_floor(int(n)) for n in folds]
    ax.plot(folds, lowest, color=INK, marker=".", label="smallest possible, two-sided")
    ax.axhline(alpha, **DOTTED)
    ax.axhline(alpha / comparisons, **DOTTED)
    for (label, rows), (colour, _, marker) in zip(
        reached.groupby("label", sort=False), SERIES, strict=False
    ):
        look = {"color": colour, "marker": marker, "s": 50, "zorder": 4}
        ax.scatter(rows["folds"], rows["p_value"], label=label, **look)
    ax.text(folds[0], alpha * 0.85, f"{alpha:g}", va="top", fontsize=10, color=MUTED)
    text = f"{alpha:g} / {comparisons}: Holm's first step over {comparisons} pairs"
    ax.text(folds[0], alpha / comparisons * 0.85, text, va="top", fontsize=10, color=MUTED)
    ax.set(yscale="log", xlabel="Folds", ylabel="p-value (log)", xticks=folds)
    return with_legend(ax, columns=2)


def bound(points: pd.DataFrame, printed: Mapping[str, float]) -> Figure:
    """Draw operating points in the plane of errors, with the largest AUC that each place allows.

    Args:
        points: [name, false_positive_rate, miss_rate, auc, leaks], shares in 0..1.
        printed: accuracy and auc of a paper; its line is that of equally frequent classes.
    """
    ax = new_axes(height=6.2)
    limit = _limit(points, printed)
    grid = np.linspace(1e-4, limit, 400)
    for auc in _AUCS:
        line = (1 - auc) / grid
        ax.plot(grid, np.where(line <= limit, line, np.nan), color=MUTED, linewidth=1)
        middle = np.sqrt(1 - auc)  # where both errors are equal
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(middle, middle, f"≤ {auc:g}", fontsize=9, color=MUTED, rotation=-45,
                ha="center", va="center", bbox=box)  # fmt: skip
    wrong = 2 * (1 - printed["accuracy"])
    line = f"accuracy {printed['accuracy']:g}, equally frequent classes"
    ax.plot([0, wrong], [wrong, 0], color=INK, linestyle="--", label=line)
    least_uneven = np.array(errors_needed(printed["accuracy"], printed["auc"])).reshape(-1, 2)
    label = f"least uneven errors that allow an AUC of {printed['auc']:g}"
    ax.scatter(*least_uneven.T, marker="*", s=150, color=INK, label=label, zorder=5)
    for row, marker in zip(points.itertuples(), MARKERS * len(points), strict=False):
        place, colour = (row.false_positive_rate, row.miss_rate), ORANGE if row.leaks else BLUE
        text = f"{row.name}: AUC {row.auc:.3f} of {largest_auc(*place):.3f}"
        ax.scatter(*place, marker=marker, s=60, color=colour, label=text, zorder=4)
    ax.set(xlim=(0, limit), ylim=(0, limit), aspect="equal")
    ax.set(xlabel="False positive rate (f)", ylabel="Miss rate (m)")
    return with_legend(ax, columns=1)


def _limit(points: pd.DataFrame, printed: Mapping[str, float]) -> float:
    """Return the end of both axes: all points lie inside, and the line of the accuracy."""
    farthest = points[["false_positive_rate", "miss_rate"]].to_numpy().max()
    return float(min(1, 1.1 * max(farthest, 2 * (1 - printed["accuracy"]))))


def shares(table: pd.DataFrame, printed: Mapping[str, float]) -> Figure:
    """Draw the largest AUC that a printed accuracy and weighted F1 allow, by share of positives.

    Args:
        table: of ``two_classes.shares_allowing``.
        printed: accuracy, weighted_f1 and auc.
    """
    ax = new_axes(height=3.8)
    ax.plot(table["positives"], table["largest_auc"], color=BLUE, label="largest possible AUC")
    ax.axhline(printed["auc"], **DOTTED)
    ax.text(0.99, printed["auc"], f"printed: {printed['auc']:g}", va="bottom", ha="right",
            color=MUTED, fontsize=10, transform=ax.get_yaxis_transform())  # fmt: skip
    inside = table["possible"].to_numpy()
    label = "all three numbers possible"
    ax.fill_between(table["positives"], 0, 1, where=inside, color=AMBER, alpha=0.35, linewidth=0,
                    transform=ax.get_xaxis_transform(), label=label)  # fmt: skip
    ax.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    ax.set(xlabel="Share of BI-RADS 5-6 among the slices", ylabel="AUC")
    return with_legend(ax, columns=2)


def speed(table: pd.DataFrame) -> Figure:
    """Draw seconds per image against multiply-adds, a panel for each batch size.

    Args:
        table: [network, family, setting, batch, gmacs, milliseconds, low, high]; times are per
            image, medians with the extremes of all rounds.
    """
    batches = sorted(table["batch"].unique())
    axes = new_axes(1, len(batches), height=4.8, sharey=True, squeeze=False)[0]
    # Names stand above the marks of one family and below those of the other, and don't meet.
    looks = dict(zip(table["family"].unique(), ((BLUE, "o", 4), (ORANGE, "s", -11)), strict=False))
    for ax, batch in zip(axes, batches, strict=True):
        for (family, setting), rows in table[table["batch"] == batch].groupby(
            ["family", "setting"], sort=False
        ):
            colour, marker, lift = looks[family]
            is_native = setting == "native size"
            fill = colour if is_native else "none"
            ax.vlines(rows["gmacs"], rows["low"], rows["high"], color=colour, linewidth=1)
            ax.scatter(rows["gmacs"], rows["milliseconds"], marker=marker, s=45, color=fill,
                       edgecolor=colour, label=f"{family}, {setting}", zorder=3)  # fmt: skip
            for row in rows.itertuples() if is_native else ():
                short = row.network.removeprefix("efficientnet").removeprefix("resnet").upper()
                offset = {"xytext": (5, lift), "textcoords": "offset points"}
                ax.annotate(short, (row.gmacs, row.milliseconds), fontsize=9, **offset)
        ax.set(xscale="log", yscale="log", xlabel="Multiply-adds, billions (log)")
        ax.set_title(f"Batch of {batch}")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("Milliseconds per image (log)")
    return with_legend(axes[0], columns=2)


def pareto(table: pd.DataFrame, metric: str) -> Figure:
    """Draw a metric against the time of one image; what nothing else beats has a ring.

    Args:
        table: [network, milliseconds, estimate, low, high].
        metric: its title.
    """
    ax = new_axes(height=4.0)
    draw_intervals(ax, table, table["milliseconds"], colour=BLUE, upright=True)
    best = front(table)
    place, ring = (best["milliseconds"], best["estimate"]), {"s": 220, "facecolor": "none"}
    ax.step(*place, where="post", color=MUTED, linestyle="--")
    ax.scatter(*place, edgecolor=MUTED, label="no other is both faster and better", **ring)
    for row in table.itertuples():
        ax.annotate(row.network, (row.milliseconds, row.estimate), xytext=(7, 5),
                    textcoords="offset points", fontsize=10)  # fmt: skip
    ax.set(xlabel="Milliseconds per image, batch of 1", ylabel=metric)
    ax.set_xlim(0, 1.35 * table["milliseconds"].max())
    return with_legend(ax)


def front(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no other row beats in time and metric, the fastest first."""
    ordered = table.sort_values(["milliseconds", "estimate"], ascending=[True, False])
    best_so_far = ordered["estimate"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["estimate"] > best_so_far]
