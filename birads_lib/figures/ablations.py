"""Charts that compare runs: rows are variants, named as in the study with spaces for underscores.

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

from birads_lib.figures.style import (
    GRADE_COLOURS,
    MUTED,
    TRAINING,
    VALIDATION,
    legend_below,
    new_figure,
)
from birads_lib.scores.metrics import HEADLINE

_INK, _PALE = "#111111", "#a0a0a0"
_PROTOCOLS = {  # colour and marker
    "patient": (_INK, "o"),
    "image": (GRADE_COLOURS[3], "^"),
    "oversample_first": (VALIDATION, "s"),
}
_LESS_IS_BETTER = ("ordinal_mae",)
_PARAMETERS = {  # which parameters belong to which part of the method; all others: architecture
    "Architecture": {"encoder_layers", "stage2_epochs"},  # whatever else changes with these
    "Loss": {"loss", "dal_lambda", "dal_stop_gradient", "dal_normalise", "distance_power"},
    "Data": {"image_size", "letterbox", "crop", "clahe", "clahe_before_resize", "clip_limit"}
    | {"tiles", "augment", "flip", "rotation", "rotation_fill", "views", "balance"},
}
_GROUPS = ("Architecture", "Loss", "Data", "Other")


def readable(variant: str) -> str:
    """Return a variant's name as charts show it."""
    return variant.replace("_", " ")


def changed_from(changes: Mapping[str, Mapping], reference: str) -> dict[str, dict]:
    """Return what each variant changes from the reference: {variant: {parameter: value}}.

    Args:
        changes: what each variant changes from the notebooks' defaults. What the reference changes
            and a variant doesn't is "default" there.
        reference: the variant that the others are held against.
    """
    base = changes.get(reference, {})
    return {
        variant: {key: value for key, value in own.items() if base.get(key) != value}
        | {key: "default" for key in base if key not in own}
        for variant, own in changes.items()
    }


def group_of(changed: Mapping[str, object]) -> str:
    """Return the part of the method that a variant's changed parameters belong to."""
    for group, parameters in _PARAMETERS.items():
        if parameters & changed.keys():
            return group
    return "Architecture" if changed else "Other"


def architectures(table: pd.DataFrame, published: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw metrics of variants under each protocol with intervals, and the published values.

    Args:
        table: variant, protocol, metric, estimate, low, high; rows in the order to draw.
        published: variant -> {metric: value}, such as those of the paper.
    """
    variants, metrics = table["variant"].unique(), table["metric"].unique()
    figure, axes = _panels(metrics, rows=2 * len(variants))
    protocols = table["protocol"].unique()
    offsets = np.linspace(-0.25, 0.25, len(protocols) + 2)[1:-1]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric]
        for protocol, offset in zip(protocols, offsets, strict=True):
            own = rows[rows["protocol"] == protocol]
            places = [list(variants).index(variant) + offset for variant in own["variant"]]
            colour, marker = _PROTOCOLS[protocol]
            _intervals(ax, own, places, colour=colour, marker=marker, label=readable(protocol))
        values = [published.get(variant, {}).get(metric, np.nan) for variant in variants]
        ax.scatter(
            values,
            range(len(variants)),
            marker="X",
            color=TRAINING,
            s=60,
            label="The paper, on INbreast",
        )
    _name_rows(axes[0], dict(zip(variants, range(len(variants)), strict=True)))
    legend_below(axes[0], columns=len(protocols) + 1)
    return figure


def forest(table: pd.DataFrame, groups: Mapping[str, str], alpha: float = 0.05) -> Figure:
    """Draw paired differences from the reference, variants by group, a panel per metric.

    Intervals that exclude 0 are dark; a diamond marks those that do so after Holm's adjustment.

    Args:
        table: variant, metric, estimate, low, high and holm, the adjusted p-value.
        groups: variant -> the part of the method that it changes.
        alpha: what ``holm`` is held against.
    """
    places, headings = _grouped(list(table["variant"].unique()), groups)
    metrics = table["metric"].unique()
    figure, axes = _panels(metrics, rows=len(places) + len(headings))
    for ax, metric in zip(axes, metrics, strict=True):
        rows = table[table["metric"] == metric]
        apart, adjusted = excludes_zero(rows), rows["holm"] < alpha
        for chosen, colour, marker, label in [
            (~apart, _PALE, "o", "Contains 0"),
            (apart & ~adjusted, _INK, "o", "Excludes 0"),
            (apart & adjusted, VALIDATION, "D", f"Excludes 0, Holm-adjusted p < {alpha:g}"),
        ]:
            own = rows[chosen]
            where = [places[variant] for variant in own["variant"]]
            _intervals(ax, own, where, colour=colour, marker=marker, label=label)
        ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    _name_rows(axes[0], places, headings)
    legend_below(axes[0], columns=3, handlelength=1)
    return figure


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Say of each interval (low, high) whether 0 lies outside; an undefined one doesn't say so."""
    return (table["low"] > 0) | (table["high"] < 0)


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
            name: VALIDATION if variant == reference else _INK for variant, name in names.items()
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
    places = {variant: place for place, variant in enumerate(table.index)}
    values = table.to_numpy()  # (variants, folds)
    rows = np.repeat(np.arange(len(table))[:, None], values.shape[1], axis=1)
    ax.scatter(values, rows, s=30, facecolors="none", edgecolors=TRAINING, label="A fold")
    mean = table.mean(axis=1)
    ax.scatter(mean, rows[:, 0], marker="|", s=200, color=_INK, linewidths=2.5, label="Their mean")
    ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    ax.set(title="The same comparison, fold by fold", xlabel=f"{metric}, difference from reference")
    _name_rows(ax, places)
    numbers = ax.secondary_yaxis("right")
    numbers.set_yticks(range(len(table)), [f"p = {p_values[v]:.2f}" for v in table.index])
    numbers.tick_params(axis="y", length=0)
    numbers.spines[:].set_visible(False)
    ax.grid(axis="x")
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
    styles = [(_INK, "o", -0.14), (_PALE, "s", 0.14)]
    for (form, rows), style in zip(table.groupby("form", sort=False), styles, strict=True):
        colour, marker, offset = style
        places = [variants.index(variant) + offset for variant in rows["variant"]]
        _intervals(ax, rows, places, colour=colour, marker=marker, label=form)
    ax.axvline(0, color=MUTED, linewidth=1, zorder=0)
    ax.set(title=title, xlabel="Difference of AUC, 95 % interval")
    _name_rows(ax, {variant: place for place, variant in enumerate(variants)})
    ax.grid(axis="x")
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


def _intervals(ax: Axes, rows: pd.DataFrame, places, *, colour, marker, label) -> None:
    """Draw estimates with their intervals; where there is none, say so."""
    ax.hlines(places, rows["low"], rows["high"], color=colour, linewidth=2)
    ax.scatter(rows["estimate"], places, color=colour, marker=marker, s=30, zorder=3, label=label)
    for place, missing in zip(places, rows["estimate"].isna(), strict=True):
        if missing:
            ax.annotate("undefined", (0, place), va="center", fontsize=9, color=MUTED)


def _grouped(variants: list[str], groups: Mapping[str, str]) -> tuple[dict, dict]:
    """Return the place of each variant and of each group's heading, from 0 at the top.

    Where no group is known, nothing stands above the variants.
    """
    places, headings = {}, {}
    for group in _GROUPS:
        members = [variant for variant in variants if groups.get(variant, "Other") == group]
        if members and (headings or group != "Other"):
            headings[group] = len(places) + len(headings)
        for variant in members:
            places[variant] = len(places) + len(headings)
    return places, headings


def _name_rows(ax: Axes, places: Mapping[str, int], headings: Mapping | None = None) -> None:
    """Name the rows at the left, headings in bold."""
    headings = headings or {}
    names = [*map(readable, places), *headings]
    ax.set_yticks([*places.values(), *headings.values()], names)
    ax.tick_params(axis="y", length=0)
    for label in ax.get_yticklabels()[len(places) :]:
        label.set_fontweight("bold")
    ax.set_ylim(len(names) - 0.4, -0.6)
