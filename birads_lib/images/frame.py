"""The place of an image, and of its findings, in the square frame that a network sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from birads_lib import tables
from birads_lib.cases import Dataset, contour_points
from birads_lib.images.decode import read_grey, to_8bit


@dataclass(frozen=True)
class Geometry:
    """The place of an image's pixels in the square frame that a network sees.

    Coordinates are continuous: x right, y down, 0 at the outer edge of the first pixel.
    """

    shape: tuple[int, int]  # height and width of the image, in its pixels
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 of what is kept of the image, in its pixels
    mirrored: bool  # whether it is flipped left to right
    inner: tuple[int, int, int, int]  # x0, y0, x1, y1 of what that fills, in pixels of the frame
    frame: int  # side of the frame, in pixels

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the kept part of ``image`` (H, W), mirrored if the geometry says so."""
        x0, y0, x1, y1 = self.box
        part = image[y0:y1, x0:x1]
        return np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)

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

        ``mostly`` says which of the frame's pixels are in it.
        """
        return mostly(self.fit(self.cut(np.asarray(mask, np.float32))))

    def placed(self, box: Sequence[float]) -> np.ndarray:
        """Return a box x0, y0, x1, y1 of the image in pixels of the frame, (4,).

        It leaves ``inner`` where it leaves what is kept of the image.
        """
        low, high = np.array(self.box, float).reshape(2, 2)
        start, end = np.array(self.inner, float).reshape(2, 2)
        shares = (np.reshape(box, (2, 2)) - low) / (high - low)
        if self.mirrored:
            shares[:, 0] = 1 - shares[::-1, 0]
        return (start + shares * (end - start)).ravel()


def mostly(share: np.ndarray) -> np.ndarray:
    """Return the pixels or cells that count as covered, bool, from the covered share of each, 0..1.

    At least half of them is. If none is, those with the largest share are, so that a small
    calcification doesn't vanish; where nothing is covered, none.
    """
    return share >= min(0.5, share.max()) if share.any() else share > 0


def write_geometry(geometries: Mapping[str, Geometry], path: str | Path) -> None:
    """Write a table with a row per image: ``image_id`` and the attributes of its ``Geometry``."""
    rows = [{"image_id": image_id, **vars(place)} for image_id, place in geometries.items()]
    tables.write(pd.DataFrame(rows), path)


def read_geometry(path: str | Path) -> dict[str, Geometry]:
    """Return image_id -> geometry, in the order of the images; DatasetError without the table."""
    columns = ["image_id", *(field.name for field in fields(Geometry))]
    table = tables.read(path, "02_preprocessing", columns)
    return {
        image_id: Geometry(tuple(shape), tuple(box), mirrored, tuple(inner), frame)
        for image_id, shape, box, mirrored, inner, frame in table.itertuples(index=False)
    }


def finding_masks(
    data: Dataset, image_ids: Sequence[str], geometries: Mapping[str, Geometry]
) -> list[np.ndarray | None]:
    """Return one mask of all findings of each image, bool (frame, frame).

    A finding is its mask, else its contour, else its box. None where an image has none of these.
    """
    located, masks = data.findings[is_located(data.findings)], []
    for image_id in image_ids:
        findings = located[located["image_id"] == image_id].itertuples()
        parts = [finding_mask(finding, data.root, geometries[image_id]) for finding in findings]
        masks.append(np.any(parts, axis=0) if parts else None)
    return masks


def original(data: Dataset, image_id: str) -> np.ndarray:
    """Return an image of a data set as ``read_grey`` does, (H, W); DatasetError as there."""
    path = data.root / data.cases.set_index("image_id").at[image_id, "path"]
    return read_grey(path, *data.listed()[path])


def in_frame(data: Dataset, image_id: str, place: Geometry) -> np.ndarray:
    """Return an image as it lies in the frame, before CLAHE, uint8 (frame, frame)."""
    return place.fit(place.cut(to_8bit(original(data, image_id))))


def located_images(findings: pd.DataFrame) -> set[str]:
    """Return the ids of the images with a finding whose place is known."""
    return set(findings.loc[is_located(findings), "image_id"])


def is_located(findings: pd.DataFrame) -> pd.Series:
    """Return whether each finding has a mask, a contour or a box."""
    outlined = [len(contour_points(contour)) > 0 for contour in findings["contour"]]
    return findings["mask_path"].notna() | findings["x0"].notna() | np.array(outlined, bool)


def finding_mask(finding, root: Path, place: Geometry) -> np.ndarray:
    """Return the mask of a finding in the frame, bool (frame, frame): its mask, contour or box.

    A contour covers the pixels that it runs through and those within; a box covers those that it
    has any part of, so that one from 2 to 5 covers three, and at least one each way. What lies
    beyond the image is left out.

    Args:
        finding: a row of ``Dataset.findings``.
        root: the data set's folder.
        place: of the image in the frame.
    """
    if not pd.isna(finding.mask_path):
        return place.mask(read_grey(root / finding.mask_path, finding.mask_sha256) > 0)
    mask, points = np.zeros(place.shape, np.uint8), contour_points(finding.contour)
    if len(points):
        last = np.array(place.shape[::-1]) - 1  # a contour may end on the image's outer edge
        pixels = np.clip(np.floor(points), 0, last).astype(np.int32)
        return place.mask(cv2.fillPoly(mask, [pixels], 1))
    x0, y0 = np.floor([finding.x0, finding.y0]).clip(0).astype(int)
    x1, y1 = np.ceil([finding.x1, finding.y1]).clip(0).astype(int)
    mask[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = 1
    return place.mask(mask)
