"""Frozen features of a data set, image by image, kept on disk.

A feature set is one trunk at one size. Of each tap, the mean and the maximum over the image are
kept; on request also the last tap's map, a vector for each cell of the image. Files hold
``BLOCK`` images each and are named after all that they depend on, so that an extraction that was
stopped goes on where it was, and a larger data set uses again what a smaller one has left.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from birads_lib.cases import Dataset
from birads_lib.checked import Checked
from birads_lib.files import one_at_a_time, written_whole
from birads_lib.images.breast import breast_mask
from birads_lib.images.chest_wall import rectangle
from birads_lib.images.decode import read_grey
from birads_lib.images.frame import Geometry
from birads_lib.networks import backbones

BLOCK = 32  # images in a file
SQUARE = 224  # side for which a trunk is built, before its layers are laid on rectangles
STEP = 4  # images the trunk sees at once: at 1024 pixels, more would not fit small machines
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=32)]


class FeatureSet(Checked):
    """The choice of features: the trunk, the size at which it sees images, the output it keeps."""

    backbone: Literal[*backbones.BACKBONES]
    weights: str = "imagenet"  # or none, phantoms, a .weights.h5 file
    taps: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("last",)
    height: Side = 224  # of the rectangle, in pixels
    width: Side = 160
    cells: bool = False  # whether the map of the last tap is kept

    @model_validator(mode="after")
    def _is_upright(self) -> "FeatureSet":
        if self.width > self.height:  # a rectangle is part of a square of its height
            raise ValueError(f"'width' is {self.width}, expected at most 'height', {self.height}")
        return self


def extract(
    data: Dataset,
    chosen: FeatureSet,
    folder: str | Path,
    *,
    stretched: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = print,
) -> list[Path]:
    """Make the features of a data set where they aren't there yet; return their files in order.

    Args:
        data: the images.
        chosen: the feature set.
        folder: of the files.
        stretched: whether the files are films stretched to squares (``chest_wall.placed``).
        seed: of a trunk without weights.
        progress: called with a line per file that is made.
    """
    import keras

    keras.utils.set_random_seed(seed)
    network, files = build(chosen), data.files()
    options = chosen.model_dump(exclude={"weights", "cells"})
    fingerprint = hashlib.sha256(repr((options, stretched)).encode())
    for array in network.get_weights():
        fingerprint.update(np.ascontiguousarray(array))
    paths = []
    for start in range(0, len(files), BLOCK):
        rows = data.cases.iloc[start : start + BLOCK]
        digest = fingerprint.copy()
        digest.update(repr(rows[["sha256", "frame"]].fillna("").to_numpy().tolist()).encode())
        first, place = _rectangle(data, next(rows.itertuples()), chosen, stretched)
        digest.update(first.tobytes() + repr(place).encode())  # how images are prepared, too
        stem = f"{chosen.backbone}_{digest.hexdigest()[:16]}"
        path = Path(folder) / f"{stem}_cells.npz"  # serves whoever needs no cells, too
        if not (chosen.cells or path.exists()):
            path = path.with_name(f"{stem}.npz")
        with one_at_a_time(path.with_suffix(".lock"), "waiting for the same features"):
            if not path.exists():
                _write(path, network, data, rows, chosen, stretched)
                progress(f"{chosen.backbone} · {start + len(rows)} of {len(files)} images")
        paths.append(path)
    return paths


def build(chosen: FeatureSet):
    """Return the Keras model from (n, height, width, 1) uint8 to pooled features (n, f) float32.

    With ``cells``, its second output is the last tap's map, (n, h, w, channels).
    """
    import keras
    from keras import layers, ops

    trunk = backbones.build(chosen.backbone, SQUARE, chosen.weights)
    backbones.check_taps(trunk, chosen.backbone, chosen.taps)
    taps = [
        trunk.output if tap == backbones.LAST_STAGE else trunk.get_layer(tap).output
        for tap in chosen.taps
    ]
    trunk = keras.Model(trunk.input, taps)
    image = keras.Input((chosen.height, chosen.width, 1), dtype="uint8")
    grey = ops.cast(image, "float32")
    x = backbones.normalisation(chosen.backbone)(ops.concatenate([grey] * 3, axis=-1))
    of_rectangles = keras.models.clone_model(trunk, input_tensors=keras.Input(x.shape[1:]))
    of_rectangles.set_weights(trunk.get_weights())
    maps = keras.tree.flatten(of_rectangles(x))
    pools = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    pooled = ops.concatenate([pool()(m) for m in maps for pool in pools], axis=-1)
    return keras.Model(image, [pooled, maps[-1]] if chosen.cells else [pooled])


def pooled(paths: list[Path]) -> np.ndarray:
    """Return the pooled features of all images, (n, features) float32."""
    return np.concatenate([_read(path, "pooled") for path in paths])


def maps(paths: list[Path]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield of each image its map (h, w, channels) and which cells hold breast, bool (h, w)."""
    for path in paths:
        yield from zip(_read(path, "cells"), _read(path, "breast"), strict=True)


def _read(path: Path, name: str) -> np.ndarray:
    with np.load(path) as file:
        return file[name]


def _write(
    path: Path, network, data: Dataset, rows: pd.DataFrame, chosen: FeatureSet, stretched: bool
) -> None:
    """Write the features of some images: pooled, and with ``cells`` their maps."""
    rectangles = [_rectangle(data, row, chosen, stretched) for row in rows.itertuples()]
    frames = np.stack([frame for frame, _ in rectangles])  # (n, height, width)
    steps = [
        network.predict_on_batch(frames[start : start + STEP, ..., None])
        for start in range(0, len(frames), STEP)
    ]
    made = [np.concatenate(parts) for parts in zip(*map(_listed, steps), strict=True)]
    arrays = {"pooled": made[0], "places": np.array([_as_numbers(p) for _, p in rectangles])}
    if chosen.cells:
        arrays["cells"] = made[1].astype(np.float16)  # (n, h, w, channels)
        arrays["breast"] = np.stack([_breast_cells(f, made[1].shape[1:3]) for f in frames])
    with written_whole(path) as temporary:
        np.savez(temporary, **arrays)


def _rectangle(
    data: Dataset, row, chosen: FeatureSet, stretched: bool
) -> tuple[np.ndarray, Geometry]:
    frame = "" if pd.isna(row.frame) else row.frame
    image = read_grey(data.root / row.path, row.sha256, frame)
    return rectangle(image, chosen.height, chosen.width, stretched)


def _as_numbers(place: Geometry) -> list[int]:
    return [*place.shape, *place.box, place.mirrored, *place.inner, place.frame]


def places(paths: list[Path]) -> list[Geometry]:
    """Return the geometry of each image, in order."""
    return [
        Geometry(tuple(row[:2]), tuple(row[2:6]), bool(row[6]), tuple(row[7:11]), row[11])
        for path in paths
        for row in _read(path, "places").tolist()
    ]


def grid(paths: list[Path]) -> tuple[int, int, int]:
    """Return height and width of the rectangle of maps, and the side of a cell, all in pixels."""
    height = places(paths[:1])[0].frame
    rows, columns = _read(paths[0], "breast").shape[1:]
    cell = height // rows
    return height, columns * cell, cell


def _listed(outputs) -> list[np.ndarray]:
    return outputs if isinstance(outputs, list) else [outputs]


def _breast_cells(frame: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the cells of a grid that lie at least half within the breast, bool (h, w)."""
    share = cv2.resize(
        breast_mask(frame).astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA
    )
    return share >= min(0.5, share.max())
