"""Prepare images for a network: crop, resize, CLAHE; one image or a whole data set."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from birads_lib.errors import DatasetError, UserError, check_options
from birads_lib.files import new_array, written_whole
from birads_lib.images.decode import in_parallel, read_grey, to_8bit
from birads_lib.images.frame import geometry


def steps(
    image: np.ndarray,
    *,
    image_size: int = 224,
    letterbox: bool = False,
    crop: bool = False,
    flip_to_left: bool = False,
    clahe: bool = True,
    clahe_before_resize: bool = False,
    clip_limit: float = 2.0,
    tiles: int = 8,
    window_percentiles: Sequence[float] = (0.0, 99.9),
) -> dict[str, np.ndarray]:
    """Return each step of the preprocessing by its name, in order; the last is the result.

    Args:
        image: uint8 or uint16 (H, W).
        image_size: side of the square result, in pixels.
        letterbox: keep the aspect ratio and pad with black, instead of stretching.
        crop: cut to the breast first (``breast_box``).
        flip_to_left: mirror images whose brighter half is the right one.
        clahe: contrast-limited adaptive histogram equalisation (Zuiderveld 1994, Graphics Gems IV).
        clahe_before_resize: CLAHE at the image's own size, instead of after resizing.
        clip_limit: CLAHE's limit, in multiples of a flat histogram's bin, > 0.
        tiles: CLAHE works on ``tiles`` x ``tiles`` parts of the image.
        window_percentiles: how 16 bits become 8, see ``to_8bit``.

    Raises:
        UserError: lists every option that is out of range.
    """
    _check_ranges(image_size, clip_limit, tiles, window_percentiles)
    grey = to_8bit(image, window_percentiles)
    place = geometry(
        grey, image_size=image_size, letterbox=letterbox, crop=crop, flip_to_left=flip_to_left
    )
    equalise = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply
    done = {"grey": grey}
    now = done["cropped"] = place.cut(grey)
    if not (crop or place.mirrored):
        del done["cropped"]
    if clahe and clahe_before_resize:
        now = done["clahe"] = equalise(now)
    now = done["resized"] = place.fit(now)
    if clahe and not clahe_before_resize:
        done["clahe"] = equalise(now)
    return done


def _check_ranges(
    image_size: int, clip_limit: float, tiles: int, window_percentiles: Sequence[float]
) -> None:
    low, high = window_percentiles
    rules = {
        f"image_size is {image_size}, not a whole number from 8": image_size >= 8
        and image_size == int(image_size),
        f"clip_limit is {clip_limit}, not above 0": clip_limit > 0,
        f"tiles is {tiles}, not a whole number from 1": tiles >= 1 and tiles == int(tiles),
        f"window_percentiles are {low}, {high}, not rising within 0..100": 0 <= low < high <= 100,
    }
    wrong = [line for line, holds in rules.items() if not holds]
    if wrong:
        raise UserError("\n".join(wrong))


def preprocess(image: np.ndarray, **options: object) -> np.ndarray:
    """Return uint8 (image_size, image_size): the last of ``steps``, whose options it takes."""
    check_options(steps, options)
    return list(steps(image, **options).values())[-1]


def preprocess_all(dataset, out_path: str | Path, *, workers: int = 2, **options: object) -> None:
    """Preprocess every image of a ``cases.Dataset`` into one .npy file, uint8 (N, S, S).

    One image per worker is in memory at a time. The file appears whole or not at all.

    Raises:
        DatasetError: lists every image that could not be read.
    """
    frame = preprocess(np.zeros((16, 16), np.uint8), **options)  # bad options end it here
    files = dataset.files()
    with written_whole(out_path) as temporary:
        shape = (len(files), *frame.shape)
        array = new_array(temporary, shape, np.uint8)
        problems = []
        results = in_parallel(partial(_try_preprocess, **options), files, workers, "preprocessing")
        for index, result in enumerate(results):
            if isinstance(result, str):
                problems.append(result)
            else:
                array[index] = result
        if problems:
            raise DatasetError(problems, str(dataset.root))
        array.flush()


def _try_preprocess(path: Path, **options: object) -> np.ndarray | str:
    try:
        return preprocess(read_grey(path), **options)
    except DatasetError as error:
        return str(error)
