"""Rectangles as high as wide breasts are: the chest wall at the left, one scale for all images.

Cropping to the breast would show a small breast at another scale than a large one; here a lesion
keeps its size relative to the film. What lies beyond the rectangle's right edge is cut off.
"""

from dataclasses import replace

import numpy as np

from birads_lib.images.decode import to_8bit
from birads_lib.images.frame import Geometry
from birads_lib.images.prepare import Options
from birads_lib.images.prepare import placed as placed_in_square


def placed(grey: np.ndarray, height: int, width: int, stretched: bool = False) -> Geometry:
    """Return the place of an 8-bit image (H, W) in a rectangle, the left part of a square.

    Args:
        grey: the image.
        height: of the rectangle, in pixels; the image's longer side becomes this long.
        width: of the rectangle, in pixels, at most its height.
        stretched: whether files hold films stretched to squares; they fill the rectangle.
    """
    options = Options(image_size=height, letterbox=not stretched, flip_to_left=True)
    place = placed_in_square(grey, options)
    x0, y0, x1, y1 = place.inner
    return replace(place, inner=(0, 0, width if stretched else x1 - x0, y1 - y0))


def rectangle(
    image: np.ndarray, height: int, width: int, stretched: bool = False
) -> tuple[np.ndarray, Geometry]:
    """Return an image (H, W) as uint8 (height, width), and how it was placed; see ``placed``."""
    grey = to_8bit(image)
    place = placed(grey, height, width, stretched)
    return place.fit(place.cut(grey))[:, :width], place


def box_share(
    box: tuple[float, float, float, float], place: Geometry, height: int, width: int, cell: int
) -> np.ndarray:
    """Return the share of each square cell that a box covers, (height // cell, width // cell).

    Args:
        box: x0, y0, x1, y1 in pixels of the image.
        place: of the image in the rectangle.
        height: of the rectangle, in pixels.
        width: of the rectangle, in pixels.
        cell: side of a cell, in pixels of the rectangle.
    """
    x_ends, y_ends = place.placed(box).reshape(2, 2).T  # from, to
    return np.outer(_overlap(y_ends, height, cell), _overlap(x_ends, width, cell))


def _overlap(span: np.ndarray, size: int, cell: int) -> np.ndarray:
    """Return the share of each of size // cell intervals that lies within a span."""
    edges = np.arange(size // cell) * cell
    shared = np.minimum(span[1], edges + cell) - np.maximum(span[0], edges)
    return np.clip(shared, 0, None) / cell
