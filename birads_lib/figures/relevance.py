"""Charts of local views, CorRELAX and the Pointing Game over pairs of image and kind."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from birads_lib.figures import style
from birads_lib.figures.exploration import draw_outline, fit_to
from birads_lib.figures.heat import draw_map, mark_peak
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows, within_a_line
from birads_lib.figures.style import AMBER, BLUE, INK, MUTED, ORANGE, PLUM, new_axes, with_legend
from birads_lib.images.regions import CORNERS
from birads_lib.scores.localisation import MACRO, OF_IMAGES, OF_PAIRS

WAYS = {  # of pointing -> what it is called
    "answers": "CorRELAX, answers",
    "by_label": "CorRELAX, correlation by label",
    "by_answers": "CorRELAX, correlation without label",
    "windows": "Best window alone",
    "relax": "RELAX",
    "grad_cam": "Grad-CAM",
    "breast_centre": "Centre of the breast",
    "brightness": "Brightest place",
    "chance": "Random point of the breast",
}
SHORT = {  # the same above a picture
    "answers": "Answers",
    "by_label": "Correlation\nby label",
    "by_answers": "Correlation\nwithout label",
    "relax": "RELAX",
    "grad_cam": "Grad-CAM",
}
_LOOKS = ((INK, "o"), (ORANGE, "s"), (BLUE, "D"), (PLUM, "^"), (AMBER, "v"))


def crops(rows: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw crops (size, size) uint8, a row for each label."""
    columns = max(map(len, rows.values()))
    axes = new_axes(len(rows), columns, height=0.3 + 1.15 * len(rows), squeeze=False)
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[])
        ax.axis("off")
    for line, (label, pictures) in zip(axes, rows.items(), strict=True):
        for ax, picture in zip(line, pictures, strict=False):
            ax.axis("on")
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        line[0].set_ylabel(label.capitalize(), fontsize=11)
    return axes[0, 0].figure


def by_label(tables: Mapping[str, pd.DataFrame], labels: Sequence[str], metric: str) -> Figure:
    """Draw a metric of each label with its interval, tables side by side.

    Args:
        tables: title -> estimate, low, high, by metric and label such as "f1_mass".
        metric: "f1", say.
    """
    names = [f"{metric}_{label}" for label in labels]
    ax = new_axes(height=1.5 + 0.5 * len(labels))
    rows = {title: table.loc[names] for title, table in tables.items()}
    draw_beside(ax, rows, names, _LOOKS, 0.24, size=40, undefined=0.02)
    name_rows(ax, [label.capitalize() for label in labels])
    ax.set(xlim=(0, 1.02), xlabel=f"{metric.upper()}, 95 % interval")
    return with_legend(ax, columns=2)


def masking(
    window: np.ndarray, hidden: Sequence[np.ndarray], similarity: Sequence[float]
) -> Figure:
    """Draw a window and the same under some masks, with the similarity of their features."""
    axes = new_axes(1, 1 + len(hidden), height=2.0)
    titles = ["No mask", *(f"s = {value:.2f}" for value in similarity)]
    for ax, picture, title in zip(axes, [window, *hidden], titles, strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=11)
    return axes[0].figure


def correlations(
    similarity: np.ndarray, values: Mapping[str, np.ndarray], r: Mapping[str, float]
) -> Figure:
    """Draw answers of one window against the similarity of its features, mask by mask.

    Args:
        similarity: (m,) s.
        values: title -> (m,) on the y axis.
        r: title -> the correlation.
    """
    axes = np.ravel(new_axes(1, len(values), height=3.0, sharex=True))
    for ax, (title, y) in zip(axes, values.items(), strict=True):
        ax.scatter(similarity, y, s=9, color=BLUE, alpha=0.6)
        ax.set_title(f"{title}\nr = {r[title]:.2f}", fontsize=11)
        ax.set_xlabel("Similarity of features, s", fontsize=10)
    axes[0].set_ylabel("Answer under a mask")
    return axes[0].figure


def maps(
    images: Sequence[np.ndarray],
    boxes: Sequence[pd.DataFrame],
    planes: Sequence[Mapping[str, np.ndarray]],
    points: Sequence[Mapping[str, tuple[float, float]]],
    titles: Sequence[str],
    *,
    show_pixels: bool = True,
) -> Figure:
    """Draw a row per image: the image, then maps by their titles, each with its maximum.

    Args:
        images: (size, size) uint8.
        boxes: of the kind that is looked for, x0, y0, x1, y1 in pixels.
        planes: title -> map (h, w) of each image, drawn from its least to its largest value.
        points: title -> x, y of each image's maximum.
        titles: of the images.
    """
    ways = [*planes[0]]
    shape = {"height": 0.5 + 1.5 * len(images), "squeeze": False}
    axes = new_axes(len(images), 1 + len(ways), **shape)
    rows = zip(axes, images, boxes, planes, points, titles, strict=True)
    for line, image, image_boxes, image_planes, maxima, title in rows:
        _image(line[0], image, show_pixels)
        line[0].set_ylabel(title, fontsize=9)
        for ax, way in zip(line[1:], ways, strict=True):
            _map(ax, image_planes[way], image, show_pixels)
            mark_peak(ax, *maxima[way])
        for ax in line:
            fit_to(ax, image)
            _draw_boxes(ax, image_boxes)
    for ax, name in zip(axes[0, 1:], ways, strict=True):
        ax.set_title(name, fontsize=9)
    return axes[0, 0].figure


def _image(ax: Axes, image: np.ndarray, show_pixels: bool) -> None:
    """Draw an image, or where its pixels may not be shown the outline of its breast."""
    if show_pixels:
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    else:
        draw_outline(ax, image, style.PALE)


def _map(ax: Axes, plane: np.ndarray, image: np.ndarray, show_pixels: bool) -> None:
    """Draw a map over its image, as fine as may be shown, from its least to its largest value."""
    low, high = plane.min(), plane.max()
    spread = high - low
    draw_map(ax, (plane - low) / (spread if spread > 0 else 1), image, show_pixels)


def _draw_boxes(ax: Axes, boxes: pd.DataFrame) -> None:
    for x0, y0, x1, y1 in boxes[CORNERS].to_numpy(float):
        look = {"fill": False, "edgecolor": style.FINDING, "linewidth": 1.3}
        ax.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, **look))


def game(scores: pd.DataFrame) -> Figure:
    """Draw the scores of each of ``WAYS`` under its three denominators, with intervals.

    ``scores`` are of ``scores.localisation.scores``; ways that are missing are left out.
    """
    ways = [way for way in WAYS if way in set(scores["way"])]
    ax = new_axes(height=1.5 + 0.5 * len(ways))
    legend = {OF_IMAGES: "Hits per image", OF_PAIRS: "Hits per pair", MACRO: "Mean over kinds"}
    tables = {
        legend[name]: rows.set_index("way")
        for name, rows in scores.groupby("denominator", sort=False)
    }
    draw_beside(ax, tables, ways, _LOOKS, 0.22, size=32, width=2)
    name_rows(ax, [WAYS[way] for way in ways])
    ax.set(xlim=(-0.02, max(1.02, scores["high"].max() + 0.02)), xlabel="Score, 95 % interval")
    return with_legend(ax, columns=3)


def differences(table: pd.DataFrame) -> Figure:
    """Draw differences of ways of pointing, of pairs; of ``scores.localisation.differences``."""
    ax = new_axes(height=1.3 + 0.55 * len(table))
    ax.axvline(0, **style.ZERO)
    draw_intervals(ax, table, range(len(table)), marker="D", size=38, width=2.2)
    names = [
        f"{WAYS[a]}\nminus {within_a_line(WAYS[b])}"
        for a, b in zip(table["first"], table["second"], strict=True)
    ]
    name_rows(ax, names)
    ax.set_xlabel("Difference in hits per pair, 95 % interval")
    return ax.figure


def rules(table: pd.DataFrame, chosen: float) -> Figure:
    """Draw the share of pairs hit against the dilation, without the gate and with it.

    Args:
        table: way, gated (bool), dilation (pixels), share (0..1).
        chosen: the dilation of the study.
    """
    axes = new_axes(1, 2, height=4.2, sharey=True)
    ways = [way for way in WAYS if way in set(table["way"])]
    for ax, gated in zip(axes, (False, True), strict=True):
        for number, way in enumerate(ways):
            rows = table[(table["way"] == way) & (table["gated"] == gated)]
            colour, dashes = _LOOKS[number % 5][0], style.LINES[number // 5]
            look = {"color": colour, "linestyle": dashes, "linewidth": 1.8}
            ax.plot(rows["dilation"], rows["share"], **look, label=WAYS[way])
        ax.axvline(chosen, **style.DOTTED)
        ax.set(title="With the gate" if gated else "Without a gate", ylim=(0, 1.02))
        ax.set_xlabel("Boxes grown by (pixels)")
        ax.grid(axis="y")
    axes[0].set_ylabel("Share of pairs hit")
    return with_legend(axes[0], columns=2)


def null(values: Mapping[str, np.ndarray], gate: float) -> Figure:
    """Draw how often the largest correlation of an image is as high, and the gate.

    Args:
        values: title -> largest values, one per image or shuffle.
    """
    ax = new_axes(height=3.8)
    for (title, of_title), (colour, line) in zip(
        values.items(), ((MUTED, "--"), (BLUE, "-"), (ORANGE, "-.")), strict=False
    ):
        high = np.sort(of_title)
        share = 1 - np.arange(len(high)) / len(high)
        ax.step(high, share, where="pre", color=colour, linestyle=line, label=title)
    ax.axvline(gate, **style.DOTTED, label=f"The gate, {gate:g}")
    ax.set(ylim=(0, 1.03), xlabel="Largest correlation in the image")
    ax.set_ylabel("Share of images at\nor above it")
    ax.grid(axis="y")
    return with_legend(ax, columns=2)


def masks(table: pd.DataFrame, error: pd.Series) -> Figure:
    """Draw hits by the number of masks, and the standard error of a correlation of nothing.

    Args:
        table: masks, estimate, low, high: the share of pairs hit.
        error: by the number of masks.
    """
    axes = new_axes(1, 2, height=3.4)
    places = np.arange(len(table))
    draw_intervals(axes[0], table, places, upright=True)
    axes[0].set_ylabel("Share of pairs hit,\n95 % interval")
    axes[0].set_xticks(places, table["masks"])
    axes[0].set(xlim=(-0.5, len(table) - 0.5), ylim=(-0.02, 1.02))
    axes[1].plot(error.index, error, color=BLUE, marker="o")
    axes[1].set(xscale="log", ylim=(0, None))
    axes[1].set_xticks(error.index, [str(n) for n in error.index])
    axes[1].minorticks_off()
    axes[1].set_ylabel("Standard error of r")
    for ax in axes:
        ax.set_xlabel("Masks of a window")
        ax.grid(axis="y")
    return axes[0].figure


def alarms(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw shares of images with an alarm, with intervals, a row for each name."""
    ax = new_axes(height=1.3 + 0.5 * len(table))
    draw_intervals(ax, table, range(len(table)), size=45)
    name_rows(ax, list(names))
    ax.set(xlim=(-0.02, 1.02), xlabel="Share of images with an alarm, 95 % interval")
    return ax.figure


def stability(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw rank correlations of windows' values with those of the study's own settings.

    Args:
        table: setting, way, correlation: one per image.
        names: setting -> what it is called.
    """
    settings = [name for name in names if name in set(table["setting"])]
    ax = new_axes(height=1.5 + 0.5 * len(settings))
    ax.axvline(0, **style.ZERO)
    ways = [way for way in WAYS if way in set(table["way"])]
    for number, way in enumerate(ways):
        side = 0.22 * (number - (len(ways) - 1) / 2)
        colour, marker = _LOOKS[[*WAYS].index(way)]
        rows = table[table["way"] == way]
        places = rows["setting"].map(settings.index) + side
        label = WAYS[way]
        ax.scatter(rows["correlation"], places, color=colour, marker=marker, s=28, label=label)
    name_rows(ax, [names[name] for name in settings])
    ax.set(xlim=(-1.03, 1.03), xlabel="Rank correlation over the windows of an image")
    return with_legend(ax, columns=2)
