"""The limit on the resolution of maps of images that may not be shown.

A map with about as many cells as an image has pixels shows the image, whatever it is a map of: the
features of a shallow layer follow its edges. One of few cells shows only where its values lie.
"""

import cv2
import numpy as np

MOST_CELLS = 28  # on a side: 8 pixels of the paper's 224 in a cell, about 8 mm of a breast
LEAST_PIXELS = 8  # of the model's image, on each side of a cell


def most_cells(size: int) -> int:
    """Return how many cells on a side a map of a restricted image may have; ``size`` in pixels."""
    return max(1, min(MOST_CELLS, size // LEAST_PIXELS))


def drawable(values: np.ndarray, size: int, show_pixels: bool) -> np.ndarray:
    """Return a map (h, w) as it may be drawn: where pixels may not be shown, no finer than that.

    Args:
        values: of the map's cells.
        size: of the model's image, pixels on a side.
        show_pixels: whether the image itself may be shown; then the map is returned as it is.

    Returns:
        The map itself, or the means of its values over at most ``most_cells`` x ``most_cells``.
    """
    cells = tuple(min(side, most_cells(size)) for side in values.shape)
    if show_pixels or cells == values.shape:
        return values
    return cv2.resize(values.astype(np.float32), cells[::-1], interpolation=cv2.INTER_AREA)
