"""Where an image, and its findings, lie in the square frame that a network sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from birads_lib.cases import Dataset, contour_points
from birads_lib.images.breast import breast_box
from birads_lib.images.decode import read_grey, to_8bit


@dataclass(frozen=True)
class Geometry:
    """Where the pixels of an image lie in the square frame a network sees.

    Coordinates are continuous: x right, y down, 0 at the outer edge of the first pixel.

    Attributes:
        box: x0, y0, x1, y1 of what is kept of the image, in its pixels.
        mirrored: whether it is flipped left to right.
        inner: x0, y0, x1, y1 of what that fills of the frame, in the frame's pixels.
        frame: side of the frame, in pixels.
    """

    box: tuple[int, int, int, int]
    mirrored: bool
    inner: tuple[int, int, int, int]
    frame: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the kept part of ``image`` (H, W), mirrored where so wanted."""
        x0, y0, x1, y1 = self.box
        kept = image[y0:y1, x0:x1]
        return np.ascontiguousarray(kept[:, ::-1] if self.mirrored else kept)

    def fit(self, kept: np.ndarray) -> np.ndarray:
        """Return ``kept`` resized into the (frame, frame) square, padded with black."""
        x0, y0, x1, y1 = self.inner
        smaller = kept.shape[0] * kept.shape[1] > (x1 - x0) * (y1 - y0)
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        square = np.zeros((self.frame, self.frame), kept.dtype)
        square[y0:y1, x0:x1] = cv2.resize(kept, (x1 - x0, y1 - y0), interpolation=method)
        return square

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Return a boolean mask (H, W) of the image as one of the frame (frame, frame).

        A frame's pixel is in where half of it is; the largest is, if none is, so that a small
        calcification doesn't vanish.
        """
        share = self.fit(self.cut(np.asarray(mask, np.float32)))
        return share >= min(0.5, share.max()) if share.any() else share > 0

    def points(self, points: np.ndarray) -> np.ndarray:
        """Return points x, y (n, 2) of the image in the frame's pixels (n, 2)."""
        x0, y0, x1, y1 = self.box
        left, top, right, bottom = self.inner
        across = (np.asarray(points, float) - (x0, y0)) / (x1 - x0, y1 - y0)  # 0..1 in the box
        if self.mirrored:
            across = across * (-1, 1) + (1, 0)
        return across * (right - left, bottom - top) + (left, top)


def geometry(
    grey: np.ndarray,
    *,
    image_size: int = 224,
    letterbox: bool = False,
    crop: bool = False,
    flip_to_left: bool = False,
) -> Geometry:
    """Return how an 8-bit image (H, W) is placed in the frame; options as in ``steps``."""
    height, width = grey.shape
    box = breast_box(grey) if crop else (0, 0, width, height)
    kept = grey[box[1] : box[3], box[0] : box[2]]
    middle = kept.shape[1] // 2
    mirrored = flip_to_left and kept[:, -middle:].sum() > kept[:, :middle].sum()
    wide, high = image_size, image_size
    if letterbox:
        scale = image_size / max(kept.shape)
        high, wide = (max(1, round(side * scale)) for side in kept.shape)
    left, top = (image_size - wide) // 2, (image_size - high) // 2
    return Geometry(box, bool(mirrored), (left, top, left + wide, top + high), image_size)


def finding_masks(
    data: Dataset, image_ids: Sequence[str], options: dict
) -> list[np.ndarray | None]:
    """Return where each image's findings lie in the frame, all in one mask, bool (size, size).

    A finding is its mask, else its contour, else its box. None where an image has none of these.

    Args:
        data: the images and findings.
        image_ids: whose masks.
        options: how the images were placed, see ``frame_options``.
    """
    by_image = _located(data.findings)
    masks = []
    for image_id in image_ids:
        mask = None
        if image_id in by_image:
            grey, place = _placed(data, image_id, options)
            own = [_finding_mask(row, data.root, grey.shape, place) for row in by_image[image_id]]
            mask = np.any(own, axis=0)
        masks.append(mask)
    return masks


def in_frame(data: Dataset, image_id: str, options: dict) -> np.ndarray:
    """Return an image as it lies in the frame, before CLAHE, uint8 (size, size)."""
    grey, place = _placed(data, image_id, options)
    return place.fit(place.cut(grey))


def _placed(data: Dataset, image_id: str, options: dict) -> tuple[np.ndarray, Geometry]:
    path = data.cases.set_index("image_id").at[image_id, "path"]
    grey = to_8bit(read_grey(data.root / path))
    return grey, geometry(grey, **options)


def located_images(findings: pd.DataFrame) -> set[str]:
    """Return the ids of the images with a finding whose place is known."""
    return set(_located(findings))


def _located(findings: pd.DataFrame) -> dict[str, list]:
    """Return image_id -> the rows of its findings whose place is known."""
    found: dict[str, list] = {}
    for row in findings.itertuples():
        if _is_located(row):
            found.setdefault(row.image_id, []).append(row)
    return found


def _is_located(finding) -> bool:
    outlined = len(contour_points(finding.contour)) > 0 or not np.isnan(finding.x0)
    return not pd.isna(finding.mask_path) or outlined


def _finding_mask(finding, root: Path, shape: tuple[int, int], place: Geometry) -> np.ndarray:
    if not pd.isna(finding.mask_path):
        return place.mask(read_grey(root / finding.mask_path) > 0)
    points = contour_points(finding.contour)
    if not len(points):
        x0, y0, x1, y1 = finding.x0, finding.y0, finding.x1, finding.y1
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    pixels = np.clip(np.floor(points), 0, np.array(shape[::-1]) - 1).astype(np.int32)
    return place.mask(cv2.fillPoly(np.zeros(shape, np.uint8), [pixels], 1))
