"""Charts of the leakage audit: each takes numbers and returns a ``Figure``, never shown."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures.style import GRADE_COLOURS, MUTED, VALIDATION, legend_below, new_figure
from birads_lib.scores.leakage import ANSWERS, CLOSEST, MET, PAPER, PAPER_IMAGES
from birads_lib.scores.metrics import HEADLINE

_BLACK = "#111111"
_ANSWERS = {"model": (_BLACK, "o"), "lookup": (VALIDATION, "s"), "majority": (MUTED, "D")}
_MET = {  # what was met -> label, colour, from close to far
    **dict(
        zip(MET, zip(MET.values(), ["#8a1c1c", "#e0662b", "#f2bd73"], strict=True), strict=True)
    ),
    "nothing": ("Nothing of the patient", GRADE_COLOURS[2]),
    "unknown": ("Unknown", "#cfcfcf"),
}
PROTOCOL_LABELS = {
    "patient": "by patient",
    "image": "by image (leaky)",
    "oversample_first": "oversample first (leaky)",
}
_OUTLINE = {"edgecolor": "white", "linewidth": 0.8}


def three_bars(found: Mapping[str, pd.DataFrame], same_images: bool) -> Figure:
    """Draw the paper's metrics beside those of the same code under each protocol, with intervals.

    Args:
        found: protocol -> its table of ``leakage.metrics_with_nulls``, in the order to draw.
        same_images: whether these are the paper's images; if not, its bar says so.
    """
    values = pd.DataFrame({"estimate": pd.Series(PAPER), "low": np.nan, "high": np.nan})
    label = "The paper" if same_images else f"The paper (on {PAPER_IMAGES}, other images)"
    bars = [(label, values, {"color": "#9a9a9a", "hatch": "" if same_images else "..."})]
    for protocol, rows in found.items():
        own = rows[rows["answer"] == "model"].set_index("metric").loc[list(PAPER)]
        leaky = protocol != "patient"
        look = {"color": VALIDATION if leaky else GRADE_COLOURS[2], "hatch": "//" if leaky else ""}
        bars.append((f"This code, {PROTOCOL_LABELS[protocol]}", own, look))
    figure, ax = new_figure(height=4.8)
    width = 0.8 / len(bars)
    for number, (label, rows, look) in enumerate(bars):
        places = np.arange(len(PAPER)) + (number - (len(bars) - 1) / 2) * width
        ax.bar(places, rows["estimate"], width, label=label, **look, **_OUTLINE)
        ax.vlines(places, rows["low"], rows["high"], color=_BLACK, linewidth=2)
        _numbers(ax, places, rows)
    ax.axhline(0, color=_BLACK, linewidth=1)
    ax.set_xticks(range(len(PAPER)), [HEADLINE[name] for name in PAPER])
    lowest = min(0, *(rows[["estimate", "low"]].min(axis=None) for _, rows, _ in bars))
    ax.set(title="The same code, split two ways" if len(bars) == 3 else "The paper and this code")
    ax.set(
        xlabel="Metric", ylabel="Value (1 is perfect)", ylim=(lowest - 0.03 * (lowest < 0), 1.12)
    )
    ax.set_yticks(np.arange(np.ceil(lowest * 5) / 5, 1.01, 0.2))
    ax.tick_params(axis="x", length=0)
    legend_below(ax)
    return figure


def _numbers(ax: Axes, places: np.ndarray, rows: pd.DataFrame) -> None:
    tops = rows[["estimate", "high"]].max(axis=1)
    for place, top, value in zip(places, tops, rows["estimate"], strict=True):
        undefined = np.isnan(value)
        text = "none" if undefined else f"{value:.2f}"
        above = 0.02 + (0 if undefined else max(top, 0))
        ax.text(place, above, text, ha="center", va="bottom", fontsize=10)


def nulls(found: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the model beside the answers that see no image, by protocol, with 95 % intervals.

    Args:
        found: protocol -> its table of ``leakage.metrics_with_nulls``.
    """
    figure, axes = new_figure(2, 2, height=2.8 + 1.2 * len(found), sharex=True, sharey=True)
    places = np.arange(len(found))
    for ax, metric in zip(axes.ravel(), PAPER, strict=True):
        for offset, (answer, (colour, marker)) in zip(
            [-0.2, 0, 0.2], _ANSWERS.items(), strict=True
        ):
            own = [
                rows.set_index(["answer", "metric"]).loc[(answer, metric)]
                for rows in found.values()
            ]
            own = pd.DataFrame(own)
            ax.hlines(places + offset, own["low"], own["high"], color=colour, linewidth=2.5)
            look = {"color": colour, "marker": marker, "s": 42, "label": ANSWERS[answer]}
            ax.scatter(own["estimate"], places + offset, zorder=3, **look)
        ax.set_title(HEADLINE[metric])
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    names = [PROTOCOL_LABELS[protocol].replace(" (", "\n(") for protocol in found]
    axes[0, 0].set_yticks(places, names)
    axes[0, 0].set_ylim(len(found) - 0.5, -0.5)
    for ax in axes[1]:
        ax.set(xlabel="Value (1 is perfect)", xticks=[0, 0.25, 0.5, 0.75, 1])
    legend_below(axes[0, 0], columns=3)
    return figure


def met_in_training(closest: pd.DataFrame) -> Figure:
    """Draw, for each protocol, the share of test rows by the closest they met in training.

    Args:
        closest: a row per protocol, a column per value of ``CLOSEST``, shares that sum to 1.
    """
    figure, ax = new_figure(height=2.4 + 0.55 * len(closest))
    left = np.zeros(len(closest))
    for name in CLOSEST:
        widths = 100 * closest[name].to_numpy()
        if not widths.any():
            continue
        label, colour = _MET[name]
        ax.barh(range(len(closest)), widths, left=left, color=colour, label=label, **_OUTLINE)
        ink = "white" if name in ("copy", "nothing") else _BLACK
        for place, (start, width) in enumerate(zip(left, widths, strict=True)):
            if width >= 6:
                middle = {"ha": "center", "va": "center", "fontsize": 11, "color": ink}
                ax.text(start + width / 2, place, f"{width:.0f} %", **middle)
        left += widths
    ax.set_yticks(range(len(closest)), [PROTOCOL_LABELS[protocol] for protocol in closest.index])
    ax.set_ylim(len(closest) - 0.5, -0.5)
    ax.set(
        title="The closest that a test row met in training", xlabel="Test rows (%)", xlim=(0, 100)
    )
    ax.tick_params(axis="y", length=0)
    legend_below(ax, columns=2)
    return figure


def recall_by_images(table: pd.DataFrame) -> Figure:
    """Draw recall against the number of distinct images of each grade, a panel per protocol.

    The scale of images is logarithmic; grades with equally many are set 6 % apart.

    Args:
        table: of ``leakage.by_category``, with the column ``protocol``.
    """
    table = table[table["images"] > 0]
    equal = table.groupby(["protocol", "answer", "images"]).cumcount()
    table = table.assign(place=table["images"] * 1.06**equal)
    protocols = table["protocol"].unique()
    figure, axes = new_figure(1, len(protocols), height=4.8, sharey=True, squeeze=False)
    hollow = {"marker": "s", "facecolors": "none", "edgecolors": VALIDATION, "linewidths": 1.5}
    for ax, protocol in zip(axes[0], protocols, strict=True):
        own = table[table["protocol"] == protocol]
        lookup = own[own["answer"] == "lookup"]
        ax.scatter(lookup["place"], lookup["recall"], s=90, label=ANSWERS["lookup"], **hollow)
        for row in own[own["answer"] == "model"].itertuples():
            colour = GRADE_COLOURS[row.birads]
            ax.vlines(row.place, row.low, row.high, color=colour, linewidth=2)
            label = f"BI-RADS {row.birads}"
            ax.scatter(row.place, row.recall, color=colour, s=36, zorder=3, label=label)
        title = PROTOCOL_LABELS[protocol].replace(" (", "\n(")
        ax.set(title=title, xlabel="Distinct images", ylim=(-0.05, 1.05))
        _counts_axis(ax, own["images"].min(), own["images"].max())
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("Recall, 95 % interval")
    legend_below(axes[0, 0], columns=3)
    return figure


def _counts_axis(ax: Axes, fewest: int, most: int) -> None:
    """Put a logarithmic scale of counts on the x axis, with round ticks."""
    ax.set_xscale("log")
    ax.set_xlim(fewest / 1.4, most * 1.4)
    steps = (1, 2, 5) if most < 30 * fewest else (1,)
    ticks = [step * 10**power for power in range(7) for step in steps]
    shown = [tick for tick in ticks if fewest / 1.4 <= tick <= most * 1.4]
    ax.set_xticks(shown, [str(tick) for tick in shown])
    ax.minorticks_off()
