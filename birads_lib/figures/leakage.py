"""Charts of the leakage audit. Metrics are protocol -> table of ``leakage.metrics_with_nulls``."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows
from birads_lib.figures.style import (
    BLUE,
    INK,
    ORANGE,
    colours,
    new_axes,
    with_legend,
)
from birads_lib.protocol import PROTOCOLS
from birads_lib.scores.floors import FLOORS
from birads_lib.scores.leakage import ANSWERS, CLOSEST, COMPARED, MET
from birads_lib.scores.metrics import headline_names
from birads_lib.task import BIRADS, Task

_CLOSEST = {  # what a test row met -> label, colour, from close to far
    "copy": (MET["copy"], "#8a1c1c"),
    "sibling_view": (MET["sibling_view"], ORANGE),
    "sibling_image": (MET["sibling_image"], "#f2bd73"),
    "nothing": ("Nothing of the patient", BLUE),
    "unknown": ("Unknown", "#cfcfcf"),
}
_MIXES = {  # of labels -> what it is called, colour, how far below its row it is drawn
    "any": ("Possible, whatever the categories", INK, 0.0),
    "collection": ("Possible with the categories as frequent as in all images", BLUE, -0.19),
    "equal": ("Possible with all categories equally frequent", ORANGE, 0.19),
}
_FLOOR = {"marker": "D", "s": 34, "color": "white", "edgecolor": INK, "linewidth": 1.2}
_OUTLINE = {"edgecolor": "white", "linewidth": 0.8}


def three_bars(
    metrics: Mapping[str, pd.DataFrame],
    paper: Mapping[str, float],
    other_images: str = "",
    verdicts: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the paper's metrics beside those of the same code under each protocol, with intervals.

    Args:
        metrics: in the order to draw.
        paper: metric -> its value in the paper, in the order to draw; nothing where the paper has
            none for these labels.
        other_images: the collection that the paper's values are of, where it is another one; its
            bars say so.
        verdicts: protocol -> where the network stands beside its floors, in words.
    """
    bars, names = {}, [*(paper or COMPARED)]
    if paper:
        rows = pd.DataFrame({"estimate": pd.Series(paper), "low": np.nan, "high": np.nan})
        label = f"The paper (on {other_images}, other images)" if other_images else "The paper"
        bars[label] = (rows, {"color": style.GREY, "hatch": "..." if other_images else ""})
    for protocol, table in metrics.items():
        leaky = PROTOCOLS[protocol].leaks
        look = {"color": ORANGE if leaky else BLUE, "hatch": "//" if leaky else ""}
        rows = table[table["answer"] == "model"].set_index("metric").loc[names]
        bars[f"This code, {PROTOCOLS[protocol].label}"] = (rows, look)
    floors = [pd.Series(np.nan, names)] * bool(paper)
    floors += [_best_floors(table)[names] for table in metrics.values()]
    lines = _verdict_lines(verdicts or {})
    ax = new_axes(height=4.8 + 0.2 * len(lines))
    width = 0.8 / len(bars)
    for number, (label, (rows, look)) in enumerate(bars.items()):
        places = np.arange(len(rows)) + (number - (len(bars) - 1) / 2) * width
        ax.bar(places, rows["estimate"], width, label=label, **look, **_OUTLINE)
        ax.vlines(places, rows["low"], rows["high"], color=INK, linewidth=2)
        _numbers(ax, places, rows)
        label = "Best floor, without a network" if number == len(bars) - 1 else None
        ax.scatter(places - width / 4, floors[number], label=label, zorder=4, **_FLOOR)
    _metrics_axes(ax, names, pd.concat(rows for rows, _ in bars.values()))
    subject = "The paper and this code" if paper else "This code"
    title = "The same code, split two ways" if len(metrics) == 2 else subject
    ax.set_title("\n".join([title, *lines]), fontsize=11 if lines else None)
    return with_legend(ax)


def _best_floors(table: pd.DataFrame) -> pd.Series:
    """Return the highest estimate of any floor by metric, NaN where there is none."""
    floors = table[table["answer"].isin(FLOORS)]
    best = floors.groupby("metric")["estimate"].max()
    return best.reindex(table["metric"].unique())


def _verdict_lines(verdicts: Mapping[str, str]) -> list[str]:
    """Return the verdict on each protocol, in lines that fit above a figure."""
    sentences = (
        f"{PROTOCOLS[protocol].label.capitalize()}: {sentence[:1].lower()}{sentence[1:]}"
        for protocol, sentence in verdicts.items()
    )
    return [line for text in sentences for line in textwrap.wrap(text, 84)]


def _numbers(ax: Axes, places: np.ndarray, rows: pd.DataFrame) -> None:
    """Write each bar's number above it, or "none"."""
    tops = rows[["estimate", "high"]].max(axis=1).clip(lower=0).fillna(0) + 0.02
    for place, top, value in zip(places, tops, rows["estimate"], strict=True):
        text = "none" if np.isnan(value) else f"{value:.2f}"
        ax.text(place, top, text, ha="center", va="bottom", fontsize=10)


def _metrics_axes(ax: Axes, names: list[str], rows: pd.DataFrame) -> None:
    """Name metrics on the x axis, and let the y axis hold all rows."""
    ax.axhline(0, color=INK, linewidth=1)
    ax.set_xticks(range(len(names)), [headline_names()[name] for name in names])
    ax.tick_params(axis="x", length=0)
    lowest = min(0, rows[["estimate", "low"]].min(axis=None))
    ax.set(xlabel="Metric", ylabel="Value (1 is perfect)")
    ax.set_ylim(lowest - 0.03 * (lowest < 0), 1.12)
    ax.set_yticks(np.arange(np.ceil(lowest * 5) / 5, 1.01, 0.2))


def nulls(metrics: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the answers that there are beside each other, by protocol, with 95 % intervals."""
    table = pd.concat(metrics, names=["protocol"]).droplevel(1)
    present = [answer for answer in style.ANSWERS if (table["answer"] == answer).any()]
    height = 2.8 + (0.6 + 0.2 * len(present)) * len(metrics)
    axes = new_axes(2, 2, height=height, sharex=True, sharey=True)
    names = [PROTOCOLS[protocol].label.replace(" (", "\n(") for protocol in metrics]
    for ax, metric in zip(axes.ravel(), COMPARED, strict=True):
        rows = table[table["metric"] == metric]
        answers = {ANSWERS[answer]: rows[rows["answer"] == answer] for answer in present}
        looks = [style.ANSWERS[answer] for answer in present]
        draw_beside(ax, answers, [*metrics], looks, 0.7 / (len(present) + 1), size=42)
        ax.set_title(headline_names()[metric])
        name_rows(ax, names)
    for ax in axes[1]:
        ax.set(xlabel="Value (1 is perfect)", xticks=[0, 0.25, 0.5, 0.75, 1])
    return with_legend(ax, columns=2)


def met_in_training(closest: pd.DataFrame) -> Figure:
    """Draw, for each protocol, the share of test rows by the closest they met in training.

    ``closest`` has a row per protocol, a column per value of ``leakage.CLOSEST``; shares sum to 1.
    """
    ax = new_axes(height=2.4 + 0.55 * len(closest))
    left = np.zeros(len(closest))
    for name in [name for name in CLOSEST if closest[name].any()]:
        widths, (label, colour) = 100 * closest[name].to_numpy(), _CLOSEST[name]
        look = {"color": colour, "label": label, **_OUTLINE}
        bars = ax.barh(range(len(closest)), widths, left=left, **look)
        texts = [f"{width:.0f} %" if width >= 6 else "" for width in widths]
        ink = "white" if name in ("copy", "nothing") else INK
        ax.bar_label(bars, texts, label_type="center", fontsize=11, color=ink)
        left += widths
    name_rows(ax, [PROTOCOLS[protocol].label for protocol in closest.index])
    ax.grid(False)
    ax.set(title="Closest relative that a test row met in training", xlabel="Test rows (%)")
    ax.set_xlim(0, 100)
    return with_legend(ax, columns=2)


def recall_by_images(table: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw recall against the number of distinct images of each label, a panel per protocol.

    The scale of images is logarithmic; labels with equally many are set 6 % apart. The table is
    that of ``leakage.by_category``, with the column ``protocol``.
    """
    table = table[table["images"] > 0].rename(columns={"recall": "estimate"})
    ties = table.groupby(["protocol", "answer", "images"]).cumcount()
    table = table.assign(place=table["images"] * 1.06**ties)
    panels = table.groupby("protocol", sort=False)
    axes = new_axes(1, len(panels), height=4.8, sharey=True, squeeze=False)
    lookup_look = {
        "marker": style.ANSWERS["lookup"][1],
        "facecolors": "none",
        "edgecolors": ORANGE,
        "linewidths": 1.5,
    }
    for ax, (protocol, shown) in zip(axes[0], panels, strict=True):
        lookup = shown[shown["answer"] == "lookup"]
        ax.scatter(
            lookup["place"], lookup["estimate"], s=90, label=ANSWERS["lookup"], **lookup_look
        )
        for number, rows in shown[shown["answer"] == "model"].groupby(task.name):
            look = {"colour": colours(task)[number], "label": task.named(number)}
            draw_intervals(ax, rows, rows["place"], size=36, width=2, upright=True, **look)
        title = PROTOCOLS[protocol].label.replace(" (", "\n(")
        ax.set(title=title, xlabel="Distinct images", ylim=(-0.05, 1.05))
        _counts_axis(ax, shown["images"].min(), shown["images"].max())
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("Recall, 95 % interval")
    return with_legend(axes[0, 0], columns=3)


def possible_sizes(table: pd.DataFrame, names: list[str], stated: Mapping[str, range]) -> Figure:
    """Draw at which sizes of a part each printed number is possible, a row for each.

    Args:
        table: of ``printed_numbers.possible_sizes``.
        names: of the rows, from the top.
        stated: label -> the sizes to mark.
    """
    ax = new_axes(height=2.6 + 0.45 * len(names))
    for (label, sizes), shade in zip(stated.items(), (style.SHADE, "#f2d3a2"), strict=True):
        ax.axvspan(sizes[0] - 0.5, sizes[-1] + 0.5, color=shade, label=label, zorder=0)
    for mix, (label, colour, below) in _MIXES.items():
        rows = table[table["mix"] == mix]
        places = pd.Index(names).get_indexer(rows["name"]) + below
        half = 0.3 if mix == "any" else 0.15
        look = {"color": colour, "linewidth": 1.7, "label": label}
        ax.vlines(rows["n"], places - half, places + half, **look)
    name_rows(ax, names)
    ax.set(title="Which sizes allow the printed numbers?", xlabel="Size of the part (images)")
    return with_legend(ax)


def _counts_axis(ax: Axes, fewest: int, most: int) -> None:
    """Put a logarithmic scale of counts on the x axis, with round ticks."""
    limits = fewest / 1.4, most * 1.4
    steps = (1, 2, 5) if most < 30 * fewest else (1,)
    ticks = [step * 10**power for power in range(7) for step in steps]
    ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    ax.set(xscale="log", xlim=limits)
    ax.set_xticks(ticks, map(str, ticks))
    ax.minorticks_off()
