"""Decode PNG, JPEG and DICOM files to grey.

A mammogram may come as 8 or 16 bits per pixel, in either polarity, with a display window of its
own. Here each becomes one grey picture, black background, bright tissue.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from birads_lib.errors import DatasetError

COLOUR_TOLERANCE = 3  # grey levels between channels that JPEG rounding alone may cause


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
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except ValueError as error:
        problem = str(error)
    raise DatasetError(problem, repr(str(path)))


def decode(data: bytes) -> np.ndarray:
    """Return the grey image, uint8 or uint16 (H, W), in a file's bytes; the kind is read from them.

    Raises:
        ValueError: with what is wrong and what to do.
    """
    if not data:
        raise ValueError("is empty (zero bytes); copy it again or remove it")
    is_dicom = data[128:132] == b"DICM"
    if not is_dicom and not data.startswith((b"\x89PNG", b"\xff\xd8")):
        raise ValueError(
            "is not a PNG, JPEG or DICOM file, whatever its name; convert or remove it"
        )
    try:
        return _decode_dicom(data) if is_dicom else _decode_picture(data)
    except UnfitError:
        raise
    except Exception as error:  # the decoders raise many kinds on damaged input
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot be decoded ({why}): damaged or cut off; copy it again") from None


class UnfitError(ValueError):
    """The file is whole, and not what is needed."""


def _decode_picture(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("RGB") and "16" in str(image.tile[0][3]):
        raise UnfitError("is a 16-bit colour image; save it as 16-bit grey")
    image.load()  # unlike OpenCV, refuses a file whose end is missing
    if image.mode in ("L", "I;16"):
        return np.asarray(image)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        raise UnfitError("has transparent pixels; save it as grey without an alpha channel")
    return _grey_of(np.asarray(image.convert("RGB")))


def _grey_of(colour: np.ndarray) -> np.ndarray:
    """Return the grey that (H, W, 3) channels share."""
    if int((colour.max(axis=-1) - colour.min(axis=-1)).max()) > COLOUR_TOLERANCE:
        raise UnfitError("is a colour image; a mammogram is grey: export it without colours")
    return np.ascontiguousarray(colour[..., 1])


def _decode_dicom(data: bytes) -> np.ndarray:
    header = pydicom.dcmread(io.BytesIO(data))
    if "PixelData" not in header:
        raise UnfitError("is a DICOM file without pixels, or cut off; copy it again or remove it")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise UnfitError("is a DICOM file of several frames; export the slices one by one")
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
