"""CorRELAX, and RELAX, which it extends: the relevance of each part of a large image.

CorRELAX (Mellado et al. 2025, doi 10.3389/fonc.2025.1601929) slides a window over the image. Each
window is masked many times at random. Per mask, s is the similarity of the network's features with
those of the unmasked window, q that of its answers, and p the answers themselves. The window gets
three values: the answers without a mask (no mask enters these), the correlation of s and q, and for
each label the correlation of s and p. Neighbouring windows are then averaged.

RELAX (Wickstrøm et al. 2023, doi 10.1007/s11263-023-01773-2) masks the image as a whole, and gives
each pixel the mean of s over the masks, weighted by the mask at that pixel.

No network is built here: ``ask`` takes images (b, h, w) uint8, and returns the features (b, C) and
the answers (b, K) of the network, 0..1 each, as ``networks.local_views.asker`` does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from pydantic import Field

from birads_lib.checked import Checked

Ask = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
PIXELS = 2**21  # of masked windows in one call: larger calls need more memory, smaller ones time


class Options(Checked):
    """Windows and masks; the paper's values are 256, 32, 1280, 8, no shift and 0."""

    window: int = Field(64, ge=8)  # pixels on each side
    stride: int = Field(16, ge=1)  # pixels from one window to the next
    masks: int = Field(128, ge=2)  # of each window, the same for all
    cells: int = Field(8, ge=1)  # of a mask's grid, on each side
    shift: bool = False  # whether masks are shifted at random by up to a cell, as RELAX's are
    grey: int = Field(0, ge=0, le=255)  # what stands where a mask is 0


def grid_masks(
    count: int, size: int, cells: int, shift: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return random masks (count, size, size) float32, 0..1: 1 keeps a pixel, 0 hides it.

    A mask is a grid of ``cells`` x ``cells``, each 1 with a chance of one half, enlarged bilinearly
    (RISE, Petsiuk et al. 2018, arXiv:1806.07421). With ``shift``, one cell more is drawn, and the
    mask is cut at a random place up to a cell off.
    """
    drawn = rng.integers(0, 2, (count, cells + shift, cells + shift)).astype(np.float32)
    if not shift:
        spread = _interpolation(cells, size)  # (size, cells)
        return spread @ drawn @ spread.T
    step = -(-size // cells)  # pixels of a cell, rounded up
    spread = _interpolation(cells + 1, step * (cells + 1))
    starts = rng.integers(0, step, (count, 2))
    pairs = zip(drawn, starts, strict=True)
    return np.stack([spread[y : y + size] @ g @ spread[x : x + size].T for g, (y, x) in pairs])


def _interpolation(cells: int, size: int) -> np.ndarray:
    """Return the weights (size, cells) by which cells make pixels, bilinearly."""
    return cv2.resize(np.eye(cells, dtype=np.float32), (cells, size))


def masked(image: np.ndarray, masks: np.ndarray, grey: int = 0) -> np.ndarray:
    """Return an image (h, w) uint8 under masks (m, h, w), uint8 (m, h, w); 0 shows ``grey``."""
    return np.rint(grey + masks * (image.astype(np.float32) - grey)).astype(np.uint8)


def cosine(rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the cosine similarity (m,) of rows (m, C) with one row (C,); 0 with a row of zeros."""
    rows, row = np.asarray(rows, float), np.asarray(row, float)
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    return np.divide(rows @ row, norms, out=np.zeros(len(rows)), where=norms > 0)


def pearson(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    """Return Pearson's correlation along an axis, -1..1; 0 where either is constant."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    is_flat = (np.ptp(a, axis=axis) == 0) | (np.ptp(b, axis=axis) == 0)
    a, b = (x - x.mean(axis=axis, keepdims=True) for x in (a, b))
    norm = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    usable = ~is_flat & (norm > 0)
    return np.divide((a * b).sum(axis=axis), norm, out=np.zeros(norm.shape), where=usable)


@dataclass(frozen=True)
class Grid:
    """The places of windows in an image: centred on cells of ``stride`` x ``stride`` pixels."""

    shape: tuple[int, int]  # height and width of the image
    window: int
    stride: int

    @property
    def size(self) -> tuple[int, int]:
        """The number of rows and columns of windows."""
        return tuple(-(-side // self.stride) for side in self.shape)

    @cached_property
    def centres(self) -> np.ndarray:
        """Centres of the windows, (rows, columns, 2) x, y."""
        y, x = (self.stride * np.arange(n) + self.stride // 2 for n in self.size)
        return np.stack(np.meshgrid(x, y), axis=-1)

    def inside(self, breast: np.ndarray) -> np.ndarray:
        """Return the windows whose centre is in the breast (H, W) bool, (rows, columns) bool."""
        x, y = np.moveaxis(self.centres, -1, 0)
        height, width = self.shape
        return breast[np.minimum(y, height - 1), np.minimum(x, width - 1)]

    def boxes(self) -> np.ndarray:
        """Return x0, y0, x1, y1 of each window, (rows, columns, 4); they may leave the image."""
        low = self.centres - self.window // 2
        return np.concatenate([low, low + self.window], axis=-1)

    def cut(self, image: np.ndarray, which: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the windows (window, window) of an image where ``which`` (rows, columns) is true.

        What lies outside the image is 0.
        """
        edge = self.window
        padded = np.pad(image, edge)
        for x, y in self.boxes()[which][:, :2] + edge:
            yield padded[y : y + self.window, x : x + self.window]

    def spread(self, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Return values (n, ..) of windows as a map (rows, columns, ..), 0 where none was asked."""
        maps = np.zeros((*self.size, *values.shape[1:]))
        maps[which] = values
        return maps

    def fused(self, maps: np.ndarray) -> np.ndarray:
        """Return maps (rows, columns, ..), each window averaged with those that it overlaps.

        The weights are ``overlap_kernel``; there is nothing outside the image, which counts as 0.
        """
        kernel = overlap_kernel(self.window, self.stride)
        flat = np.ascontiguousarray(maps, float).reshape(*self.size, -1)
        planes = [
            cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_CONSTANT)
            for plane in np.moveaxis(flat, -1, 0)
        ]
        return np.stack(planes, axis=-1).reshape(maps.shape)

    def enlarged(self, plane: np.ndarray) -> np.ndarray:
        """Return a map (rows, columns) at the size of the image, bilinearly; float32 (H, W)."""
        return enlarged(plane, self.shape, self.stride)


def enlarged(plane: np.ndarray, shape: tuple[int, int], cell: int) -> np.ndarray:
    """Return a map (h, w), each value in the middle of a cell of so many pixels, at a shape."""
    height, width = plane.shape
    large = cv2.resize(plane.astype(np.float32), (width * cell, height * cell))
    return large[: shape[0], : shape[1]]


def overlap_kernel(window: int, stride: int) -> np.ndarray:
    """Return the weights of neighbouring windows, (2r + 1, 2r + 1): their IoU, of sum 1.

    The IoU (intersection over union) is that of two windows so many strides apart.
    """
    reach = (window - 1) // stride
    shared = window - stride * np.abs(np.arange(-reach, reach + 1)).astype(float)
    overlap = np.outer(shared, shared)
    iou = overlap / (2 * window**2 - overlap)
    return iou / iou.sum()


@dataclass(frozen=True)
class Relevance:
    """CorRELAX's values for the n windows of one image that were asked: K labels, m masks."""

    grid: Grid
    which: np.ndarray  # (rows, columns) bool: the windows that were asked
    answers: np.ndarray  # (n, K) without a mask
    similarity: np.ndarray  # (n, m) s: of the features, masked and not
    agreement: np.ndarray  # (n, m) q: of the answers, masked and not
    masked_answers: np.ndarray  # (n, m, K) p

    @property
    def by_answers(self) -> np.ndarray:
        """The correlation of s and q of each window, (n,)."""
        return pearson(self.similarity, self.agreement, axis=1)

    @property
    def by_label(self) -> np.ndarray:
        """The correlation of s and p of each window and label, (n, K)."""
        return pearson(self.similarity[..., None], self.masked_answers, axis=1)


def correlax(
    ask: Ask, image: np.ndarray, breast: np.ndarray, options: Options, seed: int = 0
) -> Relevance:
    """Return CorRELAX's values for an image (H, W) uint8; masks follow from the seed.

    All masks of one window, or of several small ones, are one call of ``ask``, so that memory
    depends on the window and not on the image.

    Args:
        ask: see the module.
        image: of any size.
        breast: (H, W) bool; windows centred outside it aren't asked.
        options: windows and masks.
    """
    grid = Grid(image.shape, options.window, options.stride)
    which = grid.inside(breast)
    rng = np.random.default_rng(seed)
    masks = grid_masks(options.masks, options.window, options.cells, options.shift, rng)
    windows = list(grid.cut(image, which))
    features, answers = in_passes(ask, windows, options.masks)
    rows = []
    masked_outputs = _under_masks(ask, windows, masks, options.grey)
    for (f, p), feature, answer in zip(masked_outputs, features, answers, strict=True):
        rows.append((cosine(f, feature), cosine(p, answer), p))
    similarity, agreement, masked_answers = map(np.stack, zip(*rows, strict=True))
    return Relevance(grid, which, answers, similarity, agreement, masked_answers)


def _under_masks(
    ask: Ask, windows: list[np.ndarray], masks: np.ndarray, grey: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield features (m, C) and answers (m, K) of each window under m masks.

    Windows that are left over are asked one by one: two shapes are compiled, whatever the image.
    """
    group_size = max(1, PIXELS // masks.size)
    grouped = len(windows) - len(windows) % group_size
    groups = [windows[i : i + group_size] for i in range(0, grouped, group_size)]
    for group in groups + [[window] for window in windows[grouped:]]:
        f, p = ask(np.concatenate([masked(window, masks, grey) for window in group]))
        yield from zip(np.split(f, len(group)), np.split(p, len(group)), strict=True)


def in_passes(ask: Ask, images: list[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, C) and answers (n, K) of images, asked ``size`` at a time.

    The last call repeats its last image: one shape is compiled once.
    """
    parts = []
    for start in range(0, len(images), size):
        part = images[start : start + size]
        filled = np.stack(part + [part[-1]] * (size - len(part)))
        parts.append([output[: len(part)] for output in ask(filled)])
    return tuple(map(np.concatenate, zip(*parts, strict=True)))


def relax(
    ask: Ask, image: np.ndarray, masks: Iterator[np.ndarray], feature: np.ndarray
) -> np.ndarray:
    """Return RELAX's importance (H, W) of each pixel of an image (H, W) uint8.

    The estimate is a running one, as the authors', but a batch at a time: it equals
    sum(m s) / sum(m) over all masks, and is 0 where every mask is 0.

    Args:
        ask: see the module.
        masks: in batches, (b, H, W) each.
        feature: (C,) of the unmasked image.
    """
    importance, weight = np.zeros(image.shape), np.zeros(image.shape)
    for batch in masks:
        s = cosine(ask(masked(image, batch))[0], feature)  # (b,)
        of_batch = batch.sum(axis=0)
        weight += of_batch
        change = np.tensordot(s, batch, axes=1) - importance * of_batch
        importance += np.divide(change, weight, out=np.zeros_like(weight), where=weight > 0)
    return importance


def peak(values: np.ndarray, breast: np.ndarray) -> tuple[float, float, float]:
    """Return x, y and value of the largest pixel of a map (H, W) within the breast.

    The first in order of reading where several are; x and y are NaN where the map is constant.
    """
    inside = np.where(breast, values, -np.inf)
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    largest = float(values[y, x])
    if np.ptp(values[breast]) == 0:
        return np.nan, np.nan, largest
    return float(x), float(y), largest
