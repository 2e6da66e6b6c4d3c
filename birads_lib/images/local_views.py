"""Crops of lesions at many scales, and of healthy tissue, for a network of small windows.

A crop is a rectangle x0, y0, x1, y1 in whole pixels of an image as it lies in the frame, resized to
a square. Around a lesion, its area is 0.05 to 5 times that of the lesion's box, and its width 0.33
to 1.66 times its height, as in Mellado et al. 2025, doi 10.3389/fonc.2025.1601929; the paper's rule
is not printed beyond these ranges. Here both are drawn evenly on a logarithmic scale, and the crop
lies within the box, or holds it, along each side.

A crop may show several kinds of lesion, or none: its labels are a row of a table, a column for each
label of ``LESION_KINDS``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from birads_lib.cases import Dataset
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError
from birads_lib.images.breast import breast_mask
from birads_lib.images.frame import Geometry
from birads_lib.images.regions import CORNERS, label_of, located
from birads_lib.task import LESION_KINDS

LABELS = list(LESION_KINDS.labels)
NONE = LABELS[0]
SMALLEST = 8  # pixels on a side of a crop, however small its lesion is
TRIES = 50  # places of healthy tissue that may touch a finding before another image is taken


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) != 2 or not 0 < values[0] <= values[1]:
        raise ValueError(f"is {values}, expected two positive numbers, the second not smaller")
    return values


Range = Annotated[
    tuple[float, ...], Field(strict=False), AfterValidator(_rising), "two positive numbers"
]


class Options(Checked):
    """Options for drawing crops."""

    window: int = Field(64, ge=8)  # side of a crop as the network sees it, in pixels
    scales: Range = (0.05, 5.0)  # of a crop's area, in areas of the lesion's box
    aspects: Range = (0.33, 1.66)  # width over height
    visible: float = Field(0.25, ge=0, le=1)  # least share of a lesion in the crop, or of the crop


def frame_boxes(data: Dataset, geometries: Mapping[str, Geometry]) -> pd.DataFrame:
    """Return the located findings with their boxes in pixels of the frame.

    Columns: image_id, finding (as ``regions.located`` numbers them), kind, lesion_kind (a label of
    ``LESION_KINDS``; None of kinds without one, such as asymmetries), x0, y0, x1, y1.
    """
    findings = located(data)
    rows = [
        _in_frame([getattr(f, corner) for corner in CORNERS], geometries[f.image_id])
        for f in findings.itertuples()
    ]
    boxes = pd.DataFrame(rows, findings.index, CORNERS, dtype=float)
    labels = pd.Series([label_of(k) for k in findings["kind"]], findings.index, dtype=object)
    facts = findings[["image_id", "finding", "kind"]].assign(lesion_kind=labels)
    return pd.concat([facts, boxes], axis=1)


def unplaced(data: Dataset, boxes: pd.DataFrame) -> set[str]:
    """Return the images of ``data`` with a finding that has no row in ``boxes``.

    ``boxes`` are of ``frame_boxes``. The place of such a finding isn't known: any part may show it.
    """
    listed = data.findings["image_id"].value_counts()
    placed = boxes["image_id"].value_counts().reindex(listed.index, fill_value=0)
    return set(listed.index[listed > placed])


def _in_frame(box: Sequence[float], place: Geometry) -> np.ndarray:
    """Return the corners of a box of an image in its frame, cut at the edge of the image there."""
    start, end = np.reshape(place.inner, (2, 2))
    return np.clip(place.placed(box).reshape(2, 2), start, end).ravel()


def lesion_crop(
    box: Sequence[float], shape: tuple[int, int], options: Options, rng: np.random.Generator
) -> np.ndarray:
    """Return a crop (4,) around a box in an image (H, W), as the module says; moved inside it."""
    low, high = np.reshape(box, (2, 2))
    area = np.prod(high - low) * _even_log(options.scales, rng)
    return _placed(low, high, _sides(area, options, shape, rng), shape, rng)


def _sides(area: float, options: Options, shape: tuple[int, int], rng) -> np.ndarray:
    """Return width and height in whole pixels, of an area and a ratio that is drawn."""
    aspect = _even_log(options.aspects, rng)
    sides = np.rint(np.sqrt([area * aspect, area / aspect]))
    return np.clip(sides, SMALLEST, shape[::-1])


def _even_log(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _placed(low, high, sides, shape, rng) -> np.ndarray:
    """Return a crop within the box from ``low`` to ``high``, or around it, along each side."""
    ends = np.sort([low, high - sides], axis=0)
    start = np.rint(rng.uniform(*ends))
    start = np.clip(start, 0, np.array(shape[::-1]) - sides)
    return np.concatenate([start, start + sides]).astype(int)


def labels_in(crop: Sequence[float], boxes: "Boxes", visible: float) -> np.ndarray:
    """Return the labels of ``LESION_KINDS`` that a rectangle shows, (K,) bool.

    It shows a lesion where at least a share ``visible`` of the lesion's box lies in it, or where
    the box takes at least that share of it. "none" is alone.
    """
    shared, of_box, of_crop = _overlap(crop, boxes)
    shown = (shared > 0) & (shared >= visible * np.minimum(of_box, of_crop))
    labels = np.zeros(len(LABELS), bool)
    labels[boxes.codes[shown]] = True
    labels[0] = not labels[1:].any()
    return labels


class Boxes(NamedTuple):
    """The boxes of one image, as arrays."""

    corners: np.ndarray  # (m, 4) x0, y0, x1, y1
    codes: np.ndarray  # (m,) place of the label in ``LABELS``, 0 for a kind without one

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Boxes":
        """Return rows of ``frame_boxes``."""
        codes = [LABELS.index(label) if label in LABELS else 0 for label in table["lesion_kind"]]
        return cls(table[CORNERS].to_numpy(float), np.array(codes, int))


def _overlap(crop: Sequence[float], boxes: Boxes) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the area that a rectangle shares with each box, those of the boxes, and its own."""
    x0, y0, x1, y1 = boxes.corners.T
    left, top, right, bottom = crop
    width = np.clip(np.minimum(x1, right) - np.maximum(x0, left), 0, None)
    height = np.clip(np.minimum(y1, bottom) - np.maximum(y0, top), 0, None)
    return width * height, (x1 - x0) * (y1 - y0), float((right - left) * (bottom - top))


def cut(image: np.ndarray, crop: Sequence[int], window: int) -> np.ndarray:
    """Return a crop of an image (H, W) uint8, resized to (window, window)."""
    x0, y0, x1, y1 = crop
    part = image[y0:y1, x0:x1]
    method = cv2.INTER_AREA if part.size > window**2 else cv2.INTER_LINEAR
    return cv2.resize(part, (window, window), interpolation=method)


@dataclass(frozen=True, eq=False)
class Source:
    """Images to draw crops from.

    Attributes:
        images: (n, size, size) uint8, in the frame.
        image_ids: of the n images.
        boxes: of their findings, as ``frame_boxes`` has them.
        options: how crops are drawn.
        unplaced: images that also have a finding of unknown place; no crop of theirs is healthy.
    """

    images: np.ndarray
    image_ids: Sequence[str]
    boxes: pd.DataFrame
    options: Options
    unplaced: Collection[str] = ()

    @cached_property
    def boxes_of(self) -> list[Boxes]:
        """The boxes of each image."""
        of_image = dict(list(self.boxes.groupby("image_id")))
        none = self.boxes.iloc[:0]
        return [Boxes.of(of_image.get(image_id, none)) for image_id in self.image_ids]

    @cached_property
    def lesions(self) -> dict[str, list[tuple[int, np.ndarray]]]:
        """The lesions of each label but "none" that has any: row of the image, and box (4,)."""
        by_label = {label: [] for label in LABELS[1:]}
        for row, boxes in enumerate(self.boxes_of):
            for corners, code in zip(*boxes, strict=True):
                if code:
                    by_label[LABELS[code]].append((row, corners))
        return {label: lesions for label, lesions in by_label.items() if lesions}

    @cached_property
    def placed_rows(self) -> list[int]:
        """Rows of the images whose findings all have a known place, or that have none."""
        numbered = enumerate(self.image_ids)
        return [row for row, image_id in numbered if image_id not in self.unplaced]

    @cached_property
    def healthy_rows(self) -> list[int]:
        """Rows of the images without any finding."""
        return [row for row in self.placed_rows if not len(self.boxes_of[row].codes)]

    @cached_property
    def tissue(self) -> list[np.ndarray]:
        """Pixels of each image's breast, (m, 2) x, y."""
        return [np.argwhere(breast_mask(image))[:, ::-1] for image in self.images]

    @property
    def labels(self) -> list[str]:
        """The labels of which crops can be drawn: "none", and those with a lesion."""
        return [NONE, *self.lesions]

    def lesion(self, row: int, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a crop around a box of an image."""
        return lesion_crop(box, self.images[row].shape, self.options, rng)

    def healthy(self, rng: np.random.Generator, rows: Sequence[int]) -> tuple[int, np.ndarray]:
        """Return the row of one of some images, and a crop that touches no finding there.

        It is centred in the breast, and as large as a crop of a lesion drawn at random would be.
        Raises DatasetError where no such place is found.
        """
        if not rows:
            raise DatasetError(["each has a finding whose place isn't known"], "The images")
        for _ in range(TRIES):
            row = int(rng.choice(rows))
            shape, tissue = self.images[row].shape, self.tissue[row]
            lesions = self.lesions[rng.choice([*self.lesions])]
            low, high = lesions[rng.integers(len(lesions))][1].reshape(2, 2)
            area = np.prod(high - low) * _even_log(self.options.scales, rng)
            sides = _sides(area, self.options, shape, rng)
            start = np.rint(tissue[rng.integers(len(tissue))] - sides / 2)
            start = np.clip(start, 0, np.array(shape[::-1]) - sides)
            crop = np.concatenate([start, start + sides]).astype(int)
            if not _overlap(crop, self.boxes_of[row])[0].any():
                return row, crop
        raise DatasetError(["no healthy tissue was found that touches no finding"], "The images")

    def draw(self, label: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return a crop (window, window) uint8 drawn for a label, and all its labels (K,) bool."""
        if label == NONE:
            row, crop = self.healthy(rng, self.placed_rows)
        else:
            row, box = self.lesions[label][rng.integers(len(self.lesions[label]))]
            crop = self.lesion(row, box, rng)
        return self.seen(row, crop)

    def seen(self, row: int, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a crop as the network sees it, and all its labels (K,) bool."""
        shown = labels_in(crop, self.boxes_of[row], self.options.visible)
        return cut(self.images[row], crop, self.options.window), shown

    def every(self, per_lesion: int, healthy: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Return crops of each lesion, and of each image without any finding, with their labels.

        Returns:
            A table: image_id, drawn_for (the label), x0, y0, x1, y1 and a bool for each label; and
            the crops (m, window, window) uint8.
        """
        rng, made = np.random.default_rng(seed), []
        for label, lesions in self.lesions.items():
            made += [(label, r, self.lesion(r, box, rng)) for r, box in lesions * per_lesion]
        if self.lesions:
            made += [(NONE, *self.healthy(rng, [row])) for row in self.healthy_rows * healthy]
        rows, crops = [], []
        for label, row, crop in made:
            pixels, shown = self.seen(row, crop)
            facts = {"image_id": self.image_ids[row], "drawn_for": label}
            rows.append(facts | dict(zip(CORNERS, crop, strict=True))
                        | dict(zip(LABELS, shown, strict=True)))  # fmt: skip
            crops.append(pixels)
        size = self.options.window
        table = pd.DataFrame(rows, columns=["image_id", "drawn_for", *CORNERS, *LABELS])
        return table, np.array(crops, np.uint8).reshape(-1, size, size)
