"""Heat maps over the images that they explain: bright is high, and marks are seen on any ground."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke

from birads_lib.figures.exploration import draw_outline
from birads_lib.figures.restricted import drawable
from birads_lib.figures.style import FINDING

COLOURS = "inferno"  # of a map, from 0 (black) to 1 (pale yellow)
MARK = "white"
_OPACITY = 0.65  # of a map where it is 1; where it is 0, the image shows
_RIM = [withStroke(linewidth=3.5, foreground="black")]


def draw_map(
    ax: Axes, heat: np.ndarray, image: np.ndarray, show_pixels: bool, interpolation="bilinear"
) -> np.ndarray:
    """Draw a map (h, w), 0..1, and the outline of the breast; return its cells as drawn (h, w).

    The map lies over the image (size, size). Where pixels may not be shown, it stands alone, no
    finer than ``restricted`` allows.
    """
    heat = drawable(heat, len(image), show_pixels)
    if show_pixels:
        lay_over(ax, heat, image, interpolation)
    else:
        ax.imshow(heat, **_look(image, interpolation))
    draw_outline(ax, image, edgecolor="#bbbbbb")
    return heat


def lay_over(ax: Axes, heat: np.ndarray, image: np.ndarray, interpolation="bilinear") -> None:
    """Draw an image (size, size) that may be shown, and over it a map (h, w), 0..1."""
    ax.imshow(image, "gray", vmin=0, vmax=255)
    ax.imshow(heat, alpha=_OPACITY * heat.clip(0, 1), **_look(image, interpolation))


def _look(image: np.ndarray, interpolation: str) -> dict:
    """Return the arguments for drawing a map over the whole frame of an image."""
    height, width = image.shape
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    look = {"cmap": COLOURS, "vmin": 0, "vmax": 1, "extent": extent}
    return look | {"interpolation": interpolation}


def add_colour_bar(axes: Axes | Sequence[Axes] | np.ndarray, label: str, **look) -> None:
    """Draw the scale of maps, 0..1, beside one or several axes of a figure.

    ``look`` goes to matplotlib's ``Figure.colorbar``, such as ``location`` and ``shrink``.
    """
    figure = np.ravel(axes)[0].figure
    figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=axes, label=label, **look)


def mark_peak(ax: Axes, x: float, y: float) -> None:
    """Mark the largest value of a map with a cross; NaN: no mark."""
    ax.plot(x, y, "x", color=MARK, markersize=7, markeredgewidth=2, path_effects=_RIM)


def outline_finding(ax: Axes, mask: np.ndarray | None) -> None:
    """Draw the outlines of findings (size, size) bool; None: they are not known."""
    if mask is not None and mask.any() and not mask.all():
        extent = (-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5)
        lines = ax.contour(np.pad(mask, 1), [0.5], colors=[FINDING], linewidths=1.3, extent=extent)
        lines.set_path_effects(_RIM)
