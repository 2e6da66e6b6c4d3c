"""Images: decode PNG, JPEG and DICOM to grey, and prepare them for a network.

A mammogram may come as 8 or 16 bits per pixel, in either polarity, with a display window of its
own. Here each becomes one grey picture, black background, bright tissue.
"""

import hashlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from tqdm import tqdm

from birads_lib.errors import DatasetError, UserError, check_options
from birads_lib.files import new_array, written_whole

COLOUR_TOLERANCE = 3  # grey levels between channels that JPEG rounding alone may cause
CROP_MARGIN = 0.02  # of the longer side: Otsu's threshold loses the faint rim of the skin
MANY_BYTES = 2**25  # of DICOM files; fewer are decoded before worker processes have started
PICTURES = (".png", ".jpg", ".jpeg")  # whose decoder lets other threads work


def read_grey(path: str | Path) -> np.ndarray:
    """Return the image in a PNG, JPEG or DICOM file as grey, tissue brighter than background.

    Colour files whose channels agree count as grey. DICOM: the modality and VOI look-up tables
    (or window) are applied and MONOCHROME1 is inverted (DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

    Returns:
        uint8 (H, W), or uint16 (H, W) where the file holds more than 8 bits.

    Raises:
        DatasetError: the file is missing, truncated, in colour, or not an image.
    """
    try:
        return decode(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise DatasetError(_why(error), repr(str(path))) from None


def _why(error: Exception) -> str:
    return f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)


def decode(data: bytes) -> np.ndarray:
    """Return the grey image, uint8 or uint16 (H, W), in a file's bytes; the kind is read from them.

    Raises:
        ValueError: with what is wrong and what to do.
    """
    if not data:
        raise ValueError("is empty (zero bytes); copy it again or remove it")
    if data[128:132] == b"DICM":
        decoder = _decode_dicom
    elif data.startswith((b"\x89PNG", b"\xff\xd8")):
        decoder = _decode_picture
    else:
        raise ValueError(
            "is not a PNG, JPEG or DICOM file, whatever its name; convert or remove it"
        )
    try:
        return decoder(data)
    except _UnfitError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # the decoders raise many kinds on damaged input
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot be decoded ({why}): damaged or cut off; copy it again") from None


class _UnfitError(Exception):
    """The file is whole, and not what is needed."""


def _decode_picture(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("RGB") and "16" in str(image.tile[0][3]):
        raise _UnfitError("is a 16-bit colour image; save it as 16-bit grey")
    image.load()  # unlike OpenCV, refuses a file whose end is missing
    if image.mode in ("L", "I;16"):
        return np.asarray(image)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        raise _UnfitError("has transparent pixels; save it as grey without an alpha channel")
    return _grey_of(np.asarray(image.convert("RGB")))


def _grey_of(colour: np.ndarray) -> np.ndarray:
    """Return the grey that (H, W, 3) channels share."""
    if int((colour.max(axis=-1) - colour.min(axis=-1)).max()) > COLOUR_TOLERANCE:
        raise _UnfitError("is a colour image; a mammogram is grey: export it without colours")
    return np.ascontiguousarray(colour[..., 1])


def _decode_dicom(data: bytes) -> np.ndarray:
    header = pydicom.dcmread(io.BytesIO(data))
    if "PixelData" not in header:
        raise _UnfitError("is a DICOM file without pixels, or cut off; copy it again or remove it")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise _UnfitError("is a DICOM file of several frames; export the slices one by one")
    stored = header.pixel_array
    if stored.ndim == 3:
        return _grey_of(stored)
    return _unsigned(apply_voi_lut(apply_modality_lut(stored, header), header), header)


def _unsigned(shown: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """Return displayed values (H, W) as uint8 or uint16, black background."""
    is_bright = header.PhotometricInterpretation != "MONOCHROME1"
    if is_bright and shown.dtype in (np.uint8, np.uint16):  # nothing to do: no table, no window
        return shown.astype(np.uint8 if max(2**header.BitsStored - 1, shown.max()) < 256 else "u2")
    shown = np.asarray(shown, np.float32)  # exact up to 24 bits
    shown = shown - min(0.0, shown.min())  # a modality LUT may go below zero
    top = max(2.0**header.BitsStored - 1, shown.max())
    if not is_bright:
        shown = top - shown
    if top > 65535:
        shown = shown * (65535 / top)
    return np.rint(shown).astype(np.uint8 if top <= 255 else np.uint16)


def to_8bit(image: np.ndarray, window_percentiles: Sequence[float] = (0.0, 99.9)) -> np.ndarray:
    """Return uint8 (H, W): 16-bit values between two percentiles of the image fill 0..255.

    8-bit images pass unchanged: whoever made them chose a window already.
    """
    if image.dtype == np.uint8:
        return image
    low, high = _percentiles(image, window_percentiles)
    levels = np.arange(int(image.max()) + 1, dtype=np.float32)
    scaled = (levels - low) * (255 / max(high - low, 1))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)[image]


def _percentiles(image: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """Return what ``np.percentile`` does of whole numbers: a histogram is made faster than sorted.

    Between two values it interpolates (Hyndman and Fan 1996, definition 7).
    """
    up_to = np.bincount(image.ravel()).cumsum()  # how many pixels are no brighter
    place = np.asarray(wanted, float) / 100 * (image.size - 1)
    lower, upper = (up_to.searchsorted(to(place), side="right") for to in (np.floor, np.ceil))
    return lower + (upper - lower) * (place - np.floor(place))


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


def breast_box(grey: np.ndarray) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 around the breast in an 8-bit image (H, W).

    The breast is the largest connected part above Otsu's threshold (Otsu 1979,
    doi 10.1109/TSMC.1979.4310076), so labels and markers beside it fall out.
    The whole image where nothing stands out.
    """
    height, width = grey.shape
    small = cv2.blur(_shrunk(grey), (3, 3))
    _, mask = cv2.threshold(small, 0, 1, cv2.THRESH_OTSU)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return 0, 0, width, height
    left, top, wide, high = stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax(), :4]
    edges = np.array([left, top, left + wide, top + high]) * max(grey.shape) / max(small.shape)
    edges += np.array([-1, -1, 1, 1]) * CROP_MARGIN * max(grey.shape)
    limits = [width, height, width, height]
    return tuple(int(edge) for edge in np.clip(np.rint(edges), 0, limits))


def _shrunk(grey: np.ndarray, longest: int = 512) -> np.ndarray:
    scale = min(1.0, longest / max(grey.shape))
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


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


@dataclass(frozen=True)
class Inspected:
    """What a file holds, or ``problem``: what is wrong with it.

    ``pixels`` is a digest of the decoded image, equal for equal pictures whatever the format.
    """

    size_bytes: int = 0
    sha256: str = ""
    height: int = 0
    width: int = 0
    pixels: str = ""
    problem: str = ""


def inspect(path: Path) -> Inspected:
    """Read a file once: hash its bytes and decode its image."""
    try:
        data = path.read_bytes()
        image = decode(data)
    except (OSError, ValueError) as error:
        return Inspected(problem=_why(error))
    pixels = hashlib.sha256(f"{image.shape}{image.dtype}".encode() + image.tobytes()).hexdigest()
    return Inspected(len(data), hashlib.sha256(data).hexdigest(), *image.shape, pixels)


def in_parallel(
    function: Callable[[Path], Any], files: Sequence[Path], workers: int, what: str
) -> Iterator[Any]:
    """Yield ``function(file)`` of each file in order, with a progress bar on standard output.

    Pictures and few bytes go to threads, which start at once; many bytes of DICOM to processes, as
    JPEG 2000 decodes under Python's lock. They are spawned: a forked one hangs in OpenCV if the
    parent has used it. Each keeps OpenCV to one thread, as all cores are busy.
    """
    if not files:
        return
    dicom = [file for file in files if file.suffix.lower() not in PICTURES and file.exists()]
    if sum(file.stat().st_size for file in dicom) < MANY_BYTES:
        pool = ThreadPool(workers)
    else:
        pool = get_context("spawn").Pool(workers, cv2.setNumThreads, (1,))
    with pool:
        yield from tqdm(
            pool.imap(function, files, chunksize=4),
            total=len(files),
            desc=what,
            unit="image",
            mininterval=1,  # a line each, where the output is a log
            file=sys.stdout,
        )
