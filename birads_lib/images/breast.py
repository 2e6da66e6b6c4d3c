"""Find the breast in a mammogram: its bounding box, its outline, its mask."""

import cv2
import numpy as np

CROP_MARGIN = 0.02  # of the longer side: Otsu's threshold loses the faint rim of the skin
SEARCH_SIZE = 512  # longest side, in pixels, of the image in which the box is looked for


def breast_box(grey: np.ndarray) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 around the breast in an 8-bit image (H, W).

    The breast is the largest connected part above Otsu's threshold (Otsu 1979,
    doi 10.1109/TSMC.1979.4310076), so labels and markers beside it fall out.
    The whole image where nothing stands out.
    """
    height, width = grey.shape
    longest = max(grey.shape)
    scale = min(1.0, SEARCH_SIZE / longest)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, mask = cv2.threshold(cv2.blur(small, (3, 3)), 0, 1, cv2.THRESH_OTSU)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return 0, 0, width, height
    left, top, box_width, box_height = stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax(), :4]
    edges = np.array([left, top, left + box_width, top + box_height]) * longest / max(small.shape)
    edges += np.array([-1, -1, 1, 1]) * CROP_MARGIN * longest
    limits = [width, height, width, height]
    return tuple(int(edge) for edge in np.clip(np.rint(edges), 0, limits))


def breast_outline(image: np.ndarray) -> np.ndarray:
    """Return the outline of the breast, (points, 2) of x, y: the largest bright region.

    The threshold lies between background and skin: a quarter of Otsu's, which itself would cut
    off fat. The outline is smoothed to 0.3 % of its length, so that nothing of texture is left.
    """
    grey = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    size = max(3, min(image.shape) // 50 | 1)
    grey = cv2.GaussianBlur(grey, (size, size), 0)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    mask = (grey > max(otsu / 4, 1)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((size, size)))  # bright film edges
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.empty((0, 2))
    contour = max(contours, key=cv2.contourArea)
    return cv2.approxPolyDP(contour, 0.003 * cv2.arcLength(contour, True), True)[:, 0].astype(float)


def breast_mask(image: np.ndarray) -> np.ndarray:
    """Return the mask of the breast's inside, bool (H, W); all True where it has no outline."""
    outline = breast_outline(image)
    if len(outline) < 3:
        return np.ones(image.shape, bool)
    return cv2.fillPoly(np.zeros(image.shape, np.uint8), [outline.astype(np.int32)], 1) > 0
