"""Prepare images for a network: crop, resize, CLAHE; one image or a whole data set."""

from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from pydantic import AfterValidator, Field

from birads_lib.cases import Dataset
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError
from birads_lib.files import new_array, written_whole
from birads_lib.images.breast import breast_box
from birads_lib.images.decode import read_grey, to_8bit
from birads_lib.images.dicom_frames import frame_named
from birads_lib.images.frame import Geometry, write_geometry
from birads_lib.parallel import WORKERS, in_parallel


def _rising(window: tuple[float, ...]) -> tuple[float, ...]:
    if len(window) != 2 or not 0 <= window[0] < window[1] <= 100:
        raise ValueError(f"is {window}, expected two percentiles that rise within 0..100")
    return window


class Options(Checked):
    """Options for preparing an image for a network."""

    image_size: int = Field(224, ge=8)  # side of the square result, in pixels
    letterbox: bool = False  # keep the aspect ratio and pad with black, instead of stretching
    crop: bool = False  # cut to the breast first (``breast_box``)
    flip_to_left: bool = False  # mirror images whose brighter half is the right one
    clahe: bool = True  # contrast-limited adaptive histogram equalisation (Zuiderveld 1994)
    clahe_before_resize: bool = False  # CLAHE at the image's own size, instead of after resizing
    clip_limit: float = Field(2.0, ge=0.01)  # CLAHE's, in multiples of a flat histogram's bin
    tiles: int = Field(8, ge=1)  # CLAHE works on ``tiles`` x ``tiles`` parts of the image
    window_percentiles: Annotated[
        tuple[float, ...], Field(strict=False), AfterValidator(_rising)
    ] = (0.0, 99.9)  # how 16 bits become 8, see ``to_8bit``
    # Of files of several frames, which one; for files that no table of images lists.
    frame: Annotated[str, AfterValidator(frame_named)] = ""


def preprocess(image: np.ndarray, **options: object) -> np.ndarray:
    """Return an image as a network sees it: the last of its ``steps``.

    Args:
        image: uint8 or uint16 (H, W).
        options: as ``Options`` has them.

    Returns:
        uint8 (image_size, image_size).

    Raises:
        UserError: lists every option that doesn't exist, or is out of range.
    """
    return list(steps(image, **options).values())[-1]


def steps(image: np.ndarray, **options: object) -> dict[str, np.ndarray]:
    """Return each step of ``preprocess`` by its name, in order; the last is the result."""
    return _steps(image, Options.of(options))[0]


def preprocess_all(
    dataset: Dataset,
    images_path: str | Path,
    geometry_path: str | Path,
    *,
    workers: int = WORKERS,
    **options: object,
) -> None:
    """Preprocess every image of a data set into one .npy file, uint8 (N, image_size, image_size).

    One image per worker is in memory at a time, and the results of ``parallel.AHEAD`` at most.
    Files appear whole or not at all.

    Args:
        dataset: N images, in the order of its cases.
        images_path: where the array is written.
        geometry_path: where each image's place in the frame is written, see ``read_geometry``.
        workers: images preprocessed side by side.
        options: as ``preprocess`` takes them.

    Raises:
        DatasetError: lists every image that could not be read, or isn't the one that was listed.
    """
    checked, files, listed = Options.of(options), dataset.files(), dataset.listed().values()
    prepared = in_parallel(partial(_prepared, checked), files, workers, "preprocessing", listed)
    problems, places = [], []
    with written_whole(images_path) as temporary:
        array = new_array(temporary, (len(files), *2 * (checked.image_size,)), np.uint8)
        for index, (result, place) in enumerate(prepared):
            if place is None:
                problems.append(result)
            else:
                array[index] = result
                places.append(place)
        if problems:
            raise DatasetError(problems, str(dataset.root))
        array.flush()
        geometries = dict(zip(dataset.cases["image_id"], places, strict=True))
        write_geometry(geometries, geometry_path)


def write_options(path: str | Path, **options: object) -> None:
    """Write all options of ``preprocess``, given ones and defaults, as JSON."""
    with written_whole(path) as temporary:
        temporary.write_text(Options.of(options).model_dump_json(indent=1))


def _prepared(
    options: Options, path: Path, listed: tuple[str, str]
) -> tuple[np.ndarray | str, Geometry | None]:
    """Return a file's image as a network sees it and its geometry, or what is wrong, and None.

    ``listed`` is the file's in ``Dataset.listed``.
    """
    try:
        results, place = _steps(read_grey(path, *listed), options)
    except DatasetError as error:
        return str(error), None
    return list(results.values())[-1], place


def _steps(image: np.ndarray, options: Options) -> tuple[dict[str, np.ndarray], Geometry]:
    grey = to_8bit(image, options.window_percentiles)
    place = placed(grey, options)
    equalise = cv2.createCLAHE(options.clip_limit, (options.tiles, options.tiles)).apply
    results, image = {"grey": grey}, place.cut(grey)
    if options.crop or place.mirrored:
        results["cropped"] = image
    if options.clahe and options.clahe_before_resize:
        image = results["clahe"] = equalise(image)
    image = results["resized"] = place.fit(image)
    if options.clahe and not options.clahe_before_resize:
        results["clahe"] = equalise(image)
    return results, place


def placed(grey: np.ndarray, options: Options) -> Geometry:
    """Return the place of an 8-bit image (H, W) in the frame."""
    height, width = grey.shape
    x0, y0, x1, y1 = breast_box(grey) if options.crop else (0, 0, width, height)
    cropped, size = grey[y0:y1, x0:x1], options.image_size
    middle = cropped.shape[1] // 2
    mirrored = options.flip_to_left and cropped[:, -middle:].sum() > cropped[:, :middle].sum()
    inner_height, inner_width = size, size
    if options.letterbox:
        scale = size / max(cropped.shape)
        inner_height, inner_width = (max(1, round(side * scale)) for side in cropped.shape)
    left, top = (size - inner_width) // 2, (size - inner_height) // 2
    inner = (left, top, left + inner_width, top + inner_height)
    return Geometry((height, width), (x0, y0, x1, y1), bool(mirrored), inner, size)
