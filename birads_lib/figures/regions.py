"""Pictures of regions of interest: what they hold, and what is left of a finding at each size."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures.explain import Example
from birads_lib.figures.exploration import samples
from birads_lib.figures.heat import add_colour_bar, lay_over, mark_peak, outline_finding
from birads_lib.figures.style import MARKERS, SERIES, new_axes, with_legend
from birads_lib.images.regions import CORNERS
from birads_lib.task import Task


def examples(
    rois: pd.DataFrame, crops: np.ndarray, task: Task, *, show_pixels: bool = True
) -> Figure:
    """Draw regions with the box of their finding, in the grid of ``exploration.samples``.

    Args:
        rois: some rows of a table of regions, as ``images.regions.as_cases`` has them.
        crops: (n, size, size) uint8, theirs.
        task: whose labels they have.
    """
    return samples(
        list(crops), rois, in_crops(rois, crops.shape[1]), show_pixels=show_pixels, task=task
    )


def in_crops(rois: pd.DataFrame, crop_size: int) -> pd.DataFrame:
    """Return a table of findings whose boxes are in pixels of the crops."""
    scale = crop_size / rois["side"].to_numpy(float)
    moved = {
        corner: (rois[corner] - rois["left" if corner[0] == "x" else "top"]) * scale
        for corner in CORNERS
    }
    boxes = pd.DataFrame(moved).clip(0, crop_size - 1)
    return rois[["image_id", "kind"]].assign(**boxes, contour=None)


def sizes(rows: Mapping[str, Sequence[np.ndarray]], sides: Sequence[int]) -> Figure:
    """Draw one finding in squares of several sides, a row for each of some findings.

    Args:
        rows: title -> a crop (size, size) for each side.
        sides: of the squares, pixels of the image.
    """
    axes = new_axes(len(rows), len(sides), height=0.5 + 2.0 * len(rows), squeeze=False)
    for line, (title, crops) in zip(axes, rows.items(), strict=True):
        for ax, crop in zip(line, crops, strict=True):
            _draw(ax, crop)
        line[0].set_ylabel(title, fontsize=11)
    for ax, side in zip(axes[0], sides, strict=True):
        ax.set_title(f"{side} x {side} pixels", fontsize=11)
    return axes[0, 0].figure


def maps(examples: Sequence[Example], titles: Sequence[str]) -> Figure:
    """Draw regions, and below each its heat map, with the finding's outline and the maximum.

    Args:
        examples: as of ``figures.explain``; ``prepared`` is the region.
        titles: of the regions.
    """
    axes = new_axes(2, max(1, len(examples)), height=4.6, squeeze=False)
    for (upper, lower), example, title in zip(axes.T, examples, titles, strict=False):
        _draw(upper, example.prepared)
        lay_over(lower, example.heat, example.prepared, "nearest")
        mark_peak(lower, *example.peak)
        for ax in (upper, lower):
            outline_finding(ax, example.mask)
            ax.set(xticks=[], yticks=[])
        upper.set_title(title, fontsize=10)
    axes[0, 0].set_ylabel("Region", fontsize=11)
    axes[1, 0].set_ylabel("Grad-CAM", fontsize=11)
    if examples:
        add_colour_bar(axes[1], "Largest = 1", shrink=0.8)
    return axes[0, 0].figure


def _draw(ax: Axes, crop: np.ndarray) -> None:
    ax.imshow(crop, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def held(table: pd.DataFrame) -> Figure:
    """Draw the share of a finding that lies in its square, and the share of the square it takes.

    Args:
        table: side (pixels), jitter (share of the side), inside and fills (means, 0..1).
    """
    axes = new_axes(1, 2, height=3.8, sharex=True)
    titles = {"inside": "Of the finding, in the square", "fills": "Of the square, the finding"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for (jitter, rows), (colour, line, _), marker in zip(
            table.groupby("jitter"), SERIES, MARKERS, strict=False
        ):
            label = f"Shift up to {100 * jitter:.0f} % of the side" if jitter else "No shift"
            look = {"color": colour, "linestyle": line, "marker": marker, "label": label}
            ax.plot(rows["side"], 100 * rows[name], **look)
        ax.set(title=title, xlabel="Side of the square (pixels)", ylabel="Mean share (%)")
        ax.set_xscale("log", base=2)
        ax.set_xticks(sides := sorted(table["side"].unique()), sides)
        ax.set_ylim(0, 105)
        ax.grid(axis="y")
    return with_legend(axes[0], columns=3)
