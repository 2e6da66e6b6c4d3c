"""Charts of explanations: maps beside images, and how maps score."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures import style
from birads_lib.figures.exploration import draw_outline, fit_to
from birads_lib.figures.heat import add_colour_bar, draw_map, mark_peak, outline_finding
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows
from birads_lib.figures.style import AMBER, BLUE, INK, MUTED, PLUM, new_axes, with_legend
from birads_lib.task import BIRADS, Task

_GREEN = "#0a8a6a"
_WIDE = 1.5  # pictures, beside a chart of width 1
Ways = dict[str, tuple[str, str, str]]  # of pointing: metric -> label, colour, marker
REFERENCES: Ways = {
    "pointing_game": ("Maximum of Grad-CAM", INK, "o"),
    "pointing_game_attention": ("Maximum of the attention", _GREEN, "P"),
    "pointing_game_brightness": ("Brightest place", AMBER, "s"),
    "pointing_game_breast_centre": ("Centre of the breast", PLUM, "^"),
    "pointing_game_centre": ("Centre of the image", BLUE, "D"),
    "pointing_game_chance": ("Random point of the breast", MUTED, "x"),
    "pointing_game_ceiling": ("Most that any such coarse map could", "#b02020", "|"),
}
OUTSIDE: Ways = {
    "outside": ("Maximum of Grad-CAM", INK, "o"),
    "outside_attention": ("Maximum of the attention", _GREEN, "P"),
    "outside_chance": ("Random point of the image", MUTED, "x"),
}


@dataclass(frozen=True)
class Example:
    """One explained image, (size, size) uint8."""

    truth: int  # its label, 1..K
    original: np.ndarray  # in the frame before CLAHE
    prepared: np.ndarray  # as the model sees it
    heat: np.ndarray  # its map, (h, w), 0..1
    peak: np.ndarray  # x, y where the map is largest, NaN if it is constant
    mask: np.ndarray | None  # its findings, (size, size) bool; None: not known
    probabilities: np.ndarray  # (K,)

    def graded(self, task: Task) -> str:
        """Return the true and the predicted label in two lines."""
        return f"{task.named(self.truth)}\ngraded {task.labels[self.probabilities.argmax()]}"


def five_panels(
    examples: Sequence[Example], *, show_pixels: bool = True, task: Task = BIRADS
) -> Figure:
    """Draw a row per example: original, CLAHE, heat map, probabilities, histogram of the map.

    A cross marks the maximum of the map, lines mark the findings.
    """
    titles = ["Original", "CLAHE", "Heat map", "Probability", "Map's cells"]
    if not show_pixels:
        titles[:2] = ["Breast, findings"]  # the outline of either image is the same
    rows = max(1, len(examples))
    widths = {"width_ratios": [*[_WIDE] * (len(titles) - 2), 1, 1]}
    shape = {"height": 1.2 + 1.4 * rows, "gridspec_kw": widths, "squeeze": False}
    axes = new_axes(rows, len(titles), **shape)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=11)
    for row, example in zip(axes, examples, strict=False):
        *pictures, heat, probabilities, cells = row
        images = [example.original, example.prepared][-len(pictures) :]
        for ax, image in zip(pictures, images, strict=True):
            _picture(ax, image, example.mask, show_pixels)
        cell_values = _heat(heat, example.heat, example, show_pixels)
        mark_peak(heat, *example.peak)
        _probabilities(probabilities, example, task)
        _histogram(cells, cell_values)
        _beside(row[0], example.graded(task), fontsize=10)
    for ax in axes[:, -2:].ravel():
        ax.set_box_aspect(1)  # as high as the pictures
    for ax in axes[:-1, -2:].ravel():
        ax.tick_params(labelbottom=False)
    axes[-1, -2].set_xlabel(style.short_title(task), fontsize=10)
    axes[-1, -1].set_xlabel("Grad-CAM", fontsize=10)
    if not examples:
        middle = {"ha": "center", "va": "center", "fontsize": 10}
        axes[0, 0].text(0.5, 0.5, "no such image", transform=axes[0, 0].transAxes, **middle)
    return _with_colour_bar(axes, "Grad-CAM of the heat map, largest = 1", shrink=0.3, aspect=20)


def heat_by_tap(
    example: Example,
    maps: Mapping[str, np.ndarray],
    *,
    show_pixels: bool = True,
    task: Task = BIRADS,
) -> Figure:
    """Draw one image and its maps, name of the layer -> (h, w), 0..1, cell by cell."""
    axes = new_axes(1, 1 + len(maps), height=2.6)
    _picture(axes[0], example.prepared, example.mask, show_pixels)
    axes[0].set_title(example.graded(task), fontsize=11)
    for ax, (name, heat) in zip(axes[1:], maps.items(), strict=True):
        heat = _heat(ax, heat, example, show_pixels, "nearest")
        stage = name.split("_")[0]
        empty = "\nempty: all 0" if np.ptp(heat) == 0 else ""
        ax.set_title(f"{stage}\n{heat.shape[0]} x {heat.shape[1]} cells{empty}", fontsize=11)
    return _with_colour_bar(axes, "Grad-CAM, largest = 1")


def attention_maps(
    examples: Sequence[Example],
    received: Sequence[np.ndarray],
    *,
    show_pixels: bool = True,
    task: Task = BIRADS,
) -> Figure:
    """Draw Grad-CAM (above) and the attention that each place gets (below), image by image.

    ``received`` is the attention (h, w) of each, of sum 1; drawn relative to its largest value.
    """
    axes = new_axes(2, max(1, len(examples)), height=4.2, squeeze=False)
    for (upper, lower), example, attention in zip(axes.T, examples, received, strict=False):
        _heat(upper, example.heat, example, show_pixels)
        attention = _heat(lower, attention / attention.max(), example, show_pixels)
        upper.set_title(task.named(example.truth), fontsize=11)
        lower.set_title(f"largest: x{attention.max() / attention.mean():.1f}", fontsize=10)
    _beside(axes[0, 0], "Grad-CAM")
    _beside(axes[1, 0], "Attention")
    return _with_colour_bar(axes, "Value, largest = 1")


def overlay(image: np.ndarray, heat: np.ndarray, title: str, warning: str) -> Figure:
    """Draw a map (h, w), 0..1, over the image (size, size) that it explains, and a warning below.

    Bright is high; where the map is 0, the image shows.
    """
    ax = new_axes(height=7.4)
    fit_to(ax, image)
    draw_map(ax, heat, image, show_pixels=True)
    ax.set_title(title)
    ax.set_xlabel("\n".join(textwrap.wrap(warning, 80)), fontsize=10)
    add_colour_bar(ax, "Grad-CAM, largest = 1", shrink=0.6)
    return ax.figure


def randomisation_curve(table: pd.DataFrame) -> Figure:
    """Draw the rank correlation with the trained model's maps while layers are made random.

    Constant maps are counted under the axis. The table is that of ``explain.randomisation``.
    """
    by_step = table.groupby(["step", "layers"], sort=True)
    spread = by_step["correlation"].quantile([0.25, 0.5, 0.75]).unstack()  # (steps, 3)
    mean, constant = by_step["correlation"].mean(), by_step["constant"].sum()
    steps = spread.index.get_level_values("step")
    ax = new_axes(height=4.6)
    ax.axhline(0, label="No relation", **style.DOTTED)
    band = {"color": style.TINT, "label": "Middle half of the images"}
    ax.fill_between(steps, spread[0.25], spread[0.75], **band)
    ax.plot(steps, mean, color=BLUE, marker="o", label="Mean of the images")
    names = pd.Series(["trained", *spread.index.get_level_values("layers")[1:]])
    counts = [f" ({count} constant)" if count else "" for count in constant]
    ax.set_xticks(steps, names + counts, rotation=40, ha="right", rotation_mode="anchor")
    ax.set(title="Do the maps depend on what was learned?", ylim=(-1.05, 1.1))
    ax.set_xlabel("Layers made random, with all to their left")
    ax.set_ylabel("Rank correlation with\nthe trained model's map")
    ax.grid(axis="y")
    return with_legend(ax, columns=3)


def pointing_game(table: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the share of images in which each way of pointing hits, in all and by category.

    The table is that of ``bootstrap.mean_intervals``, with the rows of ``REFERENCES`` and of the
    same names with ``_1`` to ``_K``; a way that it lacks is left out.
    """
    ax = _shares(table, REFERENCES, task)
    ax.set(title="Pointing Game: who hits a finding?", xlabel="Share of images hit, 95 % interval")
    return with_legend(ax, columns=2)


def outside_breast(table: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the share of points outside the breast; as ``pointing_game``, of OUTSIDE."""
    ax = _shares(table, OUTSIDE, task)
    ax.set(title="Who points outside the breast?", xlabel="Share outside the breast, 95 % interval")
    return with_legend(ax, columns=2)


def _shares(table: pd.DataFrame, ways: Ways, task: Task) -> Axes:
    """Draw a share for each way of pointing, of all images and by category."""
    rows = table.set_index("metric")
    groups = {"all": ""} | {task.named(number): f"_{number}" for number in task.numbers}
    counts = {name: int(rows.loc[next(iter(ways)) + end, "n"]) for name, end in groups.items()}
    shown = [name for name in groups if counts[name]]
    ways = {metric: way for metric, way in ways.items() if metric in rows.index}
    ax = new_axes(height=2.2 + (0.11 + 0.12 * len(ways)) * len(shown))
    shares = {
        label: rows.loc[[metric + groups[name] for name in shown]].set_axis(shown)
        for metric, (label, _, _) in ways.items()
    }
    looks = [look for _, *look in ways.values()]
    draw_beside(ax, shares, shown, looks, 0.84 / len(ways), size=45, width=2)
    for place in range(1, len(shown)):
        ax.axhline(place - 0.5, color=style.RULE, linewidth=1)
    name_rows(ax, [f"{name}\n{counts[name]} image{'s' * (counts[name] != 1)}" for name in shown])
    ax.set_xlim(-0.02, 1.02)
    return ax


def sharpness(table: pd.DataFrame, flat: float, task: Task = BIRADS) -> Figure:
    """Draw the share of the map in its top tenth of cells by category, with 95 % intervals.

    Args:
        table: of ``bootstrap.mean_intervals``, with the rows ``sharpness_1`` to ``sharpness_K``.
        flat: what a flat map would have.
    """
    rows = table.set_index("metric").loc[[f"sharpness_{number}" for number in task.numbers]]
    ax = new_axes(height=3.8)
    ax.axhline(flat, label="A flat map", **style.DOTTED)
    shades = list(style.colours(task).values())
    draw_intervals(ax, rows, task.numbers, colour=shades, size=55, upright=True)
    labels = [f"{label}\n{n} maps" for label, n in zip(task.labels, rows["n"], strict=True)]
    style.label_axis(ax, task, labels)
    ax.set(title="How concentrated are the maps?", ylim=(0, 1.02), xlim=(0.5, len(shades) + 0.5))
    ax.set_ylabel("Share in the top tenth\nof cells, 95 % interval")
    ax.grid(axis="y")
    return with_legend(ax)


def _picture(ax: Axes, image: np.ndarray, mask: np.ndarray | None, show_pixels: bool) -> None:
    """Draw an image, or the outline of its breast, with its findings."""
    _frame(ax, image)
    if show_pixels:
        ax.imshow(image, vmin=0, vmax=255)
    else:
        draw_outline(ax, image, style.PALE)
    outline_finding(ax, mask)


def _heat(
    ax: Axes, heat: np.ndarray, example: Example, show_pixels: bool, interpolation="bilinear"
) -> np.ndarray:
    """Draw a map and the outlines of findings; return its cells as drawn (h, w)."""
    _frame(ax, example.prepared)
    heat = draw_map(ax, heat, example.prepared, show_pixels, interpolation)
    outline_finding(ax, example.mask)
    return heat


def _frame(ax: Axes, image: np.ndarray) -> None:
    fit_to(ax, image)
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.RULE)


def _probabilities(ax: Axes, example: Example, task: Task) -> None:
    """Draw the probability of each label, the true one in a frame."""
    bars = ax.bar(task.numbers, example.probabilities, color=list(style.colours(task).values()))
    bars[example.truth - 1].set(edgecolor="black", linewidth=2)
    ax.set(ylim=(0, 1.05), yticks=[0, 0.5, 1])
    ax.set_xticks(task.numbers, task.labels)
    ax.tick_params(labelsize=9)


def _histogram(ax: Axes, heat: np.ndarray) -> None:
    """Draw the share of the map's cells by their value."""
    counts, edges = np.histogram(heat, bins=10, range=(0, 1))
    ax.stairs(100 * counts / heat.size, edges, fill=True, color=MUTED)
    ax.set(ylim=(0, 105), xlim=(0, 1), xticks=[0, 0.5, 1])
    ax.set_yticks([0, 50, 100], ["0", "50", "100 %"])
    ax.tick_params(labelsize=9)


def _beside(ax: Axes, text: str, **look: float) -> None:
    """Write upright at the left of the axes."""
    middle = {"ha": "right", "va": "center", "rotation": 90}
    ax.text(-0.12, 0.5, text, transform=ax.transAxes, **middle, **look)


def _with_colour_bar(axes: np.ndarray, label: str, shrink=0.5, aspect=40) -> Figure:
    add_colour_bar(axes, label, location="bottom", shrink=shrink, aspect=aspect)
    return axes.flat[0].figure
