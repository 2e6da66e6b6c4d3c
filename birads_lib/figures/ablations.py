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

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import BLUE, INK, MUTED, ORANGE, PLUM, legend_below, new_figure
from birads_lib.protocol import PROTOCOLS
from birads_lib.scores.ablations import OTHER, PARTS_OF_METHOD, excludes_zero
from birads_lib.scores.metrics import HEADLINE

_PALE = "#a0a0a0"
_LOOKS = ((INK, "o"), (PLUM, "^"), (ORANGE, "s"))  # of protocols: colour, marker
_PROTOCOLS = dict(zip(PROTOCOLS, _LOOKS, strict=True))
_LESS_IS_BETTER = ("ordinal_mae",)


def readable(variant: str) -> str:
    """Return a variant's name as charts show it."""
    return variant.replace("_", " ")


def changes_table(changed: Mapping[str, Mapping], parts: Mapping[str, str]) -> pd.DataFrame:
    """Return what each variant changes, and to which part of the method that belongs.

    Args:
        changed: of ``ablations.changed_from``.
        parts: variant -> part of the method, of the variants to list.
    """
    texts = {
        variant: ", ".join(f"{name}: {value}" for name, value in changed.get(variant, {}).items())
        for variant in parts
    }
    return pd.DataFrame({"part": parts, "differs in": texts}).rename(readable)


def architectures_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return what ``architectures`` draws as numbers, a row per run, a column per metric."""
    cells = [f"{row.estimate:.3f} ({row.low:.3f} to {row.high:.3f})" for row in table.itertuples()]
    table = table.assign(text=cells, metric=table["metric"].map(HEADLINE))
    return table.pivot_table("text", ["variant", "protocol"], "metric", "first", sort=False)


def differences_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return what ``forest`` draws as numbers, with p-values."""
    columns = {"estimate": "difference", "low": "95 % from", "high": "to"}
    columns |= {"p_value": "p", "holm": "p, Holm-adjusted"}
    table = table.assign(metric=table["metric"].map(HEADLINE)).rename(columns=columns)
    table = table.set_index(["metric", "variant"])[list(columns.values())]
    return table.sort_index(level="metric", sort_remaining=False)


def architectures(table: pd.DataFrame, published: Mapping[str, float]) -> Figure:
    """Draw metrics of variants under each protocol with intervals, and the published values.

    Args:
        table: variant, protocol, metric, estimate, low, high; rows in the order to draw.
        published: "<variant>.<metric>" -> its value, such as those of the paper.
    """
    variants, metrics = list(table["variant"].unique()), table["metric"].unique()
    figure, axes = _panels(metrics, rows=2 * len(variants))
    protocols = table["protocol"].unique()
    offsets = np.linspace(-0.25, 0.25, len(protocols) + 2)[1:-1]
    paper = {"marker": "X", "color": BLUE, "s": 60, "label": "The paper, on INbreast"}
    for ax, metric in zip(axes, metrics, strict=True):
        for protocol, offset in zip(protocols, offsets, strict=True):
            rows = table[(table["metric"] == metric) & (table["protocol"] == protocol)]
            places = [variants.index(variant) + offset for variant in rows["variant"]]
            _intervals(ax, rows, places, *_PROTOCOLS[protocol], readable(protocol), undefined=0)
        values = [published.get(f"{variant}.{metric}", np.nan) for variant in variants]
        ax.scatter(values, range(len(variants)), **paper)
    _name_variants(axes[0], {variant: row for row, variant in enumerate(variants)})
    legend_below(axes[0], columns=len(protocols) + 1)
    return figure


def forest(table: pd.DataFrame, parts: Mapping[str, str], alpha: float = 0.05) -> Figure:
    """Draw paired differences from the reference by part of the method, a panel per metric.

    Intervals that exclude 0 are dark; a diamond marks those that do so after Holm's adjustment.

    Args:
        table: variant, metric, estimate, low, high and holm, the adjusted p-value.
        parts: variant -> the part of the method that it changes.
        alpha: what ``holm`` is held against.
    """
    places, headings = _by_part(list(table["variant"].unique()), parts)
    metrics = table["metric"].unique()
    figure, axes = _panels(metrics, rows=len(places) + len(headings))
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric]
        apart, adjusted = excludes_zero(rows), rows["holm"] < alpha
        for chosen, colour, marker, label in [
            (~apart, _PALE, "o", "Contains 0"),
            (apart & ~adjusted, INK, "o", "Excludes 0"),
            (apart & adjusted, ORANGE, "D", f"Excludes 0, Holm-adjusted p < {alpha:g}"),
        ]:
            where = [places[variant] for variant in rows.loc[chosen, "variant"]]
            _intervals(ax, rows[chosen], where, colour, marker, label, undefined=0)
        ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    _name_variants(axes[0], places, headings)
    legend_below(axes[0], columns=3, handlelength=1)
    return figure


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
    figure, ax = new_figure(height=1.8 + 0.16 * len(ranks))
    names = {variant: readable(variant) for variant in ranks.index}
    drawn = critical_difference_diagram(
        ranks.rename(names),
        p_values.rename(index=names, columns=names),
        ax=ax,
        label_fmt_left="{label} ({rank:.1f})",
        label_fmt_right="({rank:.1f}) {label}",
        label_props={"fontsize": 11},
        elbow_props={"linewidth": 1},
        color_palette={
            name: ORANGE if variant == reference else INK for variant, name in names.items()
        },
    )
    for (bar,) in drawn["crossbars"]:
        # Its points come from a set of names: in another order each time Python starts.
        bar.set_xdata(sorted(bar.get_xdata()))
    ax.set_title("Runs ranked within each patient by grade error")
    ax.set_xlabel(f"Mean rank (1 is best); critical difference {difference:.1f}")
    ax.xaxis.set_label_position("top")
    return figure


def folds(table: pd.DataFrame, p_values: Mapping[str, float], metric: str) -> Figure:
    """Draw the difference from the reference in each fold, and the p-values at the right.

    Args:
        table: a row per variant, a column per fold.
        p_values: variant -> of Wilcoxon's signed-rank test over its folds.
        metric: the name of what differs.
    """
    figure, ax = new_figure(height=1.8 + 0.3 * len(table))
    values = table.to_numpy()  # (variants, folds)
    rows = np.repeat(np.arange(len(table))[:, None], values.shape[1], axis=1)
    ax.scatter(values, rows, s=30, facecolors="none", edgecolors=BLUE, label="A fold")
    mean = table.mean(axis=1)
    ax.scatter(mean, rows[:, 0], marker="|", s=200, color=INK, linewidths=2.5, label="Their mean")
    ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    ax.set(title="The same comparison, fold by fold", xlabel=f"{metric}, difference from reference")
    _name_variants(ax, {variant: row for row, variant in enumerate(table.index)})
    numbers = ax.secondary_yaxis("right")
    numbers.set_yticks(range(len(table)), [f"p = {p_values[v]:.2f}" for v in table.index])
    numbers.tick_params(axis="y", length=0)
    numbers.spines[:].set_visible(False)
    legend_below(ax, columns=2)
    return figure


def auc_differences(table: pd.DataFrame, title: str) -> Figure:
    """Draw differences of AUCs with an interval for each form of DeLong's test.

    Args:
        table: variant, form, estimate, low, high.
        title: says which AUC and which reference.
    """
    variants = list(table["variant"].unique())
    figure, ax = new_figure(height=2 + 0.36 * len(variants))
    looks = [(INK, "o", -0.14), (_PALE, "s", 0.14)]
    for (form, rows), (colour, marker, offset) in zip(
        table.groupby("form", sort=False), looks, strict=True
    ):
        places = [variants.index(variant) + offset for variant in rows["variant"]]
        _intervals(ax, rows, places, colour, marker, form, undefined=0)
    ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    ax.set(title=title, xlabel="Difference of AUC, 95 % interval")
    _name_variants(ax, {variant: row for row, variant in enumerate(variants)})
    legend_below(ax)
    return figure


def _panels(metrics: Sequence[str], rows: int) -> tuple[Figure, np.ndarray]:
    """Return a panel per metric, side by side, that share their rows."""
    options = {"height": 2 + 0.27 * rows, "sharey": True, "squeeze": False}
    figure, axes = new_figure(1, len(metrics), **options)
    for ax, metric in zip(axes[0], metrics, strict=True):
        ax.set_title("\n".join(textwrap.wrap(HEADLINE[metric], 14)), fontsize=12)
        less = metric in _LESS_IS_BETTER
        ax.set_xlabel("less is better" if less else "more is better", fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(2 if len(metrics) > 3 else 3, min_n_ticks=2))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.tick_params(axis="x", labelsize=10)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
    return figure, axes[0]


def _intervals(ax: Axes, rows: pd.DataFrame, places, colour, marker, label, **options) -> None:
    """Draw estimates in this module's sizes."""
    look = {"colour": colour, "marker": marker, "label": label, "size": 30, "width": 2}
    draw_intervals(ax, rows, places, **look, **options)


def _by_part(variants: Sequence[str], parts: Mapping[str, str]) -> tuple[dict, dict]:
    """Return the place of each variant and of each part's heading, from 0 at the top.

    Where no part is known, nothing stands above the variants.
    """
    places, headings = {}, {}
    for part in (*PARTS_OF_METHOD, OTHER):
        members = [variant for variant in variants if parts.get(variant, OTHER) == part]
        if members and (headings or part != OTHER):
            headings[part] = len(places) + len(headings)
        for variant in members:
            places[variant] = len(places) + len(headings)
    return places, headings


def _name_variants(ax: Axes, places: Mapping[str, int], headings: Mapping | None = None) -> None:
    """Name the rows at the left, headings in bold."""
    headings = headings or {}
    names, rows = [*map(readable, places), *headings], [*places.values(), *headings.values()]
    name_rows(ax, names, rows, margin=0.6)
    for label in ax.get_yticklabels()[len(places) :]:
        label.set_fontweight("bold")
