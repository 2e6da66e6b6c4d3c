"""Charts and tables that compare runs: rows are variants, with spaces for underscores.

Tables are long: a row per variant and metric (or fold, or form), with an estimate and its interval.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scikit_posthocs import critical_difference_diagram

from birads_lib import texts
from birads_lib.figures.intervals import draw_beside, name_rows
from birads_lib.figures.style import (
    BLUE,
    INK,
    OF_PROTOCOL,
    ORANGE,
    ZERO,
    new_axes,
    with_legend,
)
from birads_lib.scores.ablations import OTHER, PARTS_OF_METHOD, excludes_zero
from birads_lib.scores.metrics import headline_names
from birads_lib.task import BIRADS, Task

_PALE = "#a0a0a0"
_DIFFERENCES = ((_PALE, "o"), (INK, "o"), (ORANGE, "D"))  # contain 0, exclude it, still do so
_FORMS = ((INK, "o"), (_PALE, "s"))  # of DeLong's test
_SIZES = {"size": 30, "width": 2, "undefined": 0}  # of marks and bars


def readable(variant: str) -> str:
    """Return a variant's name as charts show it."""
    return variant.replace("_", " ")


def changes_table(changed: Mapping[str, Mapping], parts: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of variants: their part of the method, and changes from the reference."""
    differing = {
        variant: ", ".join(f"{name}: {value}" for name, value in changed.get(variant, {}).items())
        for variant in parts
    }
    return pd.DataFrame({"part": parts, "differs in": differing}).rename(readable)


def architectures_table(table: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return the numbers that ``architectures`` draws, a row per run, a column per metric."""
    cells = [texts.interval(row.estimate, row.low, row.high) for row in table.itertuples()]
    table = table.assign(text=cells, metric=table["metric"].map(headline_names(task)))
    table = table.assign(variant=table["variant"].map(readable))
    return table.pivot_table("text", ["variant", "protocol"], "metric", "first", sort=False)


def differences_table(table: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return the numbers that ``forest`` draws, with p-values."""
    columns = {"estimate": "difference", "low": "95 % from", "high": "to"}
    columns |= {"p_value": "p", "holm": "p, Holm-adjusted"}
    table = table.assign(metric=table["metric"].map(headline_names(task))).rename(columns=columns)
    table = table.assign(variant=table["variant"].map(readable))
    table = table.set_index(["metric", "variant"])[list(columns.values())]
    return table.sort_index(level="metric", sort_remaining=False)


def architectures(
    table: pd.DataFrame, published: Mapping[str, float], task: Task = BIRADS
) -> Figure:
    """Draw metrics of variants under each protocol with intervals, and the published values.

    Args:
        table: variant, protocol, metric, estimate, low, high; rows in the order to draw.
        published: "<variant>.<metric>" -> its value in the paper; nothing where it has none.
    """
    variants, protocols = list(table["variant"].unique()), table["protocol"].unique()
    panels = _panels(table["metric"].unique(), 2 * len(variants), task)
    looks = [OF_PROTOCOL[protocol] for protocol in protocols]
    paper = {"marker": "X", "color": INK, "s": 60, "label": "The paper, on INbreast"}
    for metric, ax in panels.items():
        tables = _by_variant(table[table["metric"] == metric], "protocol")
        draw_beside(ax, tables, variants, looks, 0.5 / (len(protocols) + 1), **_SIZES)
        if published:
            values = [published.get(f"{variant}.{metric}", np.nan) for variant in variants]
            ax.scatter(values, range(len(variants)), **paper)
    name_rows(ax.figure.axes[0], list(map(readable, variants)), margin=0.6)
    return with_legend(ax, columns=len(protocols) + 1)


def forest(table: pd.DataFrame, parts: Mapping[str, str], task: Task = BIRADS) -> Figure:
    """Draw paired differences from the reference by part of the method, a panel per metric.

    Intervals that exclude 0 are dark; a diamond marks those that do so after Holm's adjustment.

    Args:
        table: variant, metric, estimate, low, high and holm, the adjusted p-value.
        parts: variant -> the part of the method that it changes.
    """
    names = _by_part(list(table["variant"].unique()), parts)
    panels = _panels(table["metric"].unique(), len(names), task)
    for metric, ax in panels.items():
        rows = table[table["metric"] == metric].set_index("variant")
        nonzero, adjusted = excludes_zero(rows), rows["holm"] < 0.05
        kinds = {"Contains 0": rows[~nonzero], "Excludes 0": rows[nonzero & ~adjusted]}
        kinds["Excludes 0, Holm-adjusted p < 0.05"] = rows[nonzero & adjusted]
        draw_beside(ax, kinds, names, _DIFFERENCES, 0, **_SIZES)
        ax.axvline(0, **ZERO)
    first = ax.figure.axes[0]
    name_rows(first, list(map(readable, names)), margin=0.6)
    for name, label in zip(names, first.get_yticklabels(), strict=True):
        label.set_fontweight("normal" if name in set(table["variant"]) else "bold")
    return with_legend(ax, columns=3, handlelength=1)


def critical_difference(
    ranks: pd.Series, p_values: pd.DataFrame, difference: float, reference: str
) -> Figure:
    """Draw mean ranks on a line; a bar joins runs that the pairwise test can't tell apart.

    Args:
        ranks: variant -> mean rank, 1 is best. They must not all be equal.
        p_values: of each pair, as ``scikit_posthocs.posthoc_nemenyi_friedman`` returns them.
        difference: the critical difference in mean rank.
        reference: the variant to draw in colour.
    """
    ax = new_axes(height=1.8 + 0.16 * len(ranks))
    colours = {readable(name): ORANGE if name == reference else INK for name in ranks.index}
    drawn = critical_difference_diagram(
        ranks.rename(readable),
        p_values.rename(index=readable, columns=readable),
        ax=ax,
        label_fmt_left="{label} ({rank:.1f})",
        label_fmt_right="({rank:.1f}) {label}",
        label_props={"fontsize": 11},
        elbow_props={"linewidth": 1},
        color_palette=colours,
    )
    for (bar,) in drawn["crossbars"]:
        # Its points come from a set of names: in another order each time Python starts.
        bar.set_xdata(sorted(bar.get_xdata()))
    ax.set_title("Runs ranked within each patient by grade error")
    ax.set_xlabel(f"Mean rank (1 is best); critical difference {difference:.1f}")
    ax.xaxis.set_label_position("top")
    return ax.figure


def folds(table: pd.DataFrame, p_values: Mapping[str, float], metric: str) -> Figure:
    """Draw the difference of a metric from the reference in each fold, p-values at the right.

    Args:
        table: a row per variant, a column per fold.
        p_values: variant -> of Wilcoxon's signed-rank test over its folds.
    """
    ax = new_axes(height=1.8 + 0.3 * len(table))
    rows = np.indices(table.shape)[0]  # (variants, folds)
    ax.scatter(table, rows, s=30, facecolors="none", edgecolors=BLUE, label="A fold")
    mean = {"marker": "|", "s": 200, "color": INK, "linewidths": 2.5, "label": "Their mean"}
    ax.scatter(table.mean(axis=1), rows[:, 0], **mean)
    ax.axvline(0, **ZERO)
    ax.set(title="The same comparison, fold by fold", xlabel=f"{metric}, difference from reference")
    ps = (p_values[variant] for variant in table.index)
    p_texts = ["p < 0.01" if p < 0.01 else f"p = {p:.2f}" for p in ps]
    name_rows(ax, list(map(readable, table.index)), p_texts, margin=0.6)
    return with_legend(ax, columns=2)


def auc_differences(table: pd.DataFrame, title: str) -> Figure:
    """Draw differences of AUCs with an interval for each form of DeLong's test.

    The table has variant, form, estimate, low and high.
    """
    variants = list(table["variant"].unique())
    ax = new_axes(height=2 + 0.36 * len(variants))
    draw_beside(ax, _by_variant(table, "form"), variants, _FORMS, 0.28, **_SIZES)
    ax.axvline(0, **ZERO)
    ax.set(title=title, xlabel="Difference of AUC, 95 % interval")
    name_rows(ax, list(map(readable, variants)), margin=0.6)
    return with_legend(ax)


def _panels(metrics: Sequence[str], rows: int, task: Task) -> dict[str, Axes]:
    """Return a panel per metric, side by side, that share their rows."""
    options = {"height": 2 + 0.27 * rows, "sharey": True, "squeeze": False}
    axes = new_axes(1, len(metrics), **options)
    for ax, metric in zip(axes[0], metrics, strict=True):
        ax.set_title("\n".join(textwrap.wrap(headline_names(task)[metric], 14)), fontsize=12)
        ax.set_xlabel(f"{'less' if metric == 'ordinal_mae' else 'more'} is better", fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(2 if len(metrics) > 3 else 3, min_n_ticks=2))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.tick_params(axis="x", labelsize=10)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
    return dict(zip(metrics, axes[0], strict=True))


def _by_variant(table: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Return the rows of each value of a column, by variant."""
    groups = table.set_index("variant").groupby(column, sort=False)
    return {readable(value): rows for value, rows in groups}


def _by_part(variants: Sequence[str], parts: Mapping[str, str]) -> list[str]:
    """Return the variants by part of the method, each part's heading above its own.

    Where no part is known, nothing stands above the variants.
    """
    names = []
    for part in (*PARTS_OF_METHOD, OTHER):
        members = [variant for variant in variants if parts.get(variant, OTHER) == part]
        if members and (names or part != OTHER):
            names.append(part)
        names += members
    return names
