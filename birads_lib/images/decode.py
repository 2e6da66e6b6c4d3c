"""Decode PNG, JPEG, PGM, TIFF and DICOM files to grey.

A mammogram may come as 8 or 16 bits per pixel, in either polarity, with a display window of its
own. Here each becomes one grey picture, black background, bright tissue.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from birads_lib.errors import DatasetError
from birads_lib.files import sha256_of
from birads_lib.images import dicom_checks, dicom_file, dicom_pixels
from birads_lib.images.dicom_header import check_modality
from birads_lib.images.grey import UnfitError, grey_of, in_a_line

FORMATS = "PNG, JPEG, PGM, TIFF or DICOM"
_PICTURES = (b"\x89PNG", b"\xff\xd8", b"P5", b"II*\0", b"MM\0*")  # how their files begin
ORIENTATION = 274  # the EXIF tag
PHOTOMETRIC = 262  # the TIFF tag that says whether 0 is white
_OTHERS = {  # how files of other formats begin -> what they are
    b"P2": "a PGM file in text", b"GIF8": "a GIF file", b"BM": "a BMP file", b"%PDF": "a PDF file",
    b"\0\0\0\x0cjP": "a JPEG 2000 file", b"\xff\x4f\xff\x51": "a JPEG 2000 stream",
    b"RIFF": "a WebP file", b"PK": "an archive", b"\x1f\x8b": "a compressed file (gzip)",
    b"II+\0": "a BigTIFF file",
}  # fmt: skip


def read_grey(path: str | Path, expected_sha256: str | None = None, frame: str = "") -> np.ndarray:
    """Return the image in a file of ``FORMATS`` as grey, tissue brighter than background.

    Colour files whose channels agree count as grey, and a picture is turned as its EXIF orientation
    says. A DICOM file is shown as ``dicom_pixels`` has it.

    Args:
        path: the file.
        expected_sha256: of its bytes, as a table of images lists it; None: any.
        frame: which frame, of a DICOM file of several (``dicom_frames.frame_named``).

    Returns:
        uint8 (H, W), or uint16 (H, W) where the file holds more than 8 bits.

    Raises:
        DatasetError: the file is missing, truncated, in colour, not an image, or another one than
            the table lists.
    """
    try:
        data = Path(path).read_bytes()
        if expected_sha256 is not None and sha256_of(data) != expected_sha256:
            raise ValueError("has changed since 01_data_exploration listed it; run that again")
        return decode(data, frame)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except ValueError as error:
        problem = str(error)
    raise DatasetError(problem, repr(str(path)))


def decode(data: bytes, frame: str = "") -> np.ndarray:
    """Return the grey image, uint8 or uint16 (H, W), in a file's bytes; the kind is read from them.

    ``frame`` says which, of a DICOM file of several.

    Raises:
        ValueError: with what is wrong and what to do.
    """
    is_dicom = has_dicom_head(data)
    with in_words():
        if is_dicom:
            header = dicom_file.opened(data)
            check_modality(header)
            return dicom_pixels.shown_grey(header, frame)
        return _decode_picture(data)


def shape_by_header(path: str | Path, frame: str = "") -> tuple[int, int]:
    """Return (H, W) of the image in a file of ``FORMATS``, as its header has it.

    No pixel is read: a file that is cut off, or in colour, is noticed by ``decode`` alone. A file
    of several frames needs a ``frame``, as there.

    Raises:
        OSError: the file can't be read.
        ValueError: with what is wrong and what to do.
    """
    with open(path, "rb") as file:
        is_dicom = has_dicom_head(file.read(dicom_file.HEAD))
        file.seek(0)
        with in_words():
            if not is_dicom:
                image = Image.open(file)
                exif = Image.Image.getexif(image)  # a PNG's own method reads all pixels
                # By a quarter turn, which Pillow takes into account for TIFF alone.
                is_turned = image.format != "TIFF" and exif.get(ORIENTATION, 1) >= 5
                return image.size if is_turned else image.size[::-1]
            header = dicom_file.opened(file, stop_before_pixels=True)
            check_modality(header)
            return dicom_checks.checked_size(header, frame)


def has_dicom_head(data: bytes) -> bool:
    """Return whether a file that begins so is DICOM; ValueError where it is no picture, either."""
    if not data:
        raise ValueError("is empty (zero bytes); copy it again or remove it")
    is_dicom = dicom_file.is_dicom(data)
    if not is_dicom and not data.startswith(_PICTURES):
        kind = next((kind for head, kind in _OTHERS.items() if data.startswith(head)), "")
        problem = f"is {kind}, not a {FORMATS} file" if kind else f"is not a {FORMATS} file"
        raise ValueError(f"{problem}, whatever its name; convert or remove it")
    return is_dicom


@contextmanager
def in_words() -> Iterator[None]:
    """Raise ValueError, in words, for whatever decoders raise on damaged input."""
    try:
        yield
    except UnfitError:
        raise
    except UnidentifiedImageError:  # its own words are of an object in memory
        reason = "cannot be decoded: of a kind that isn't read, or damaged at its beginning"
        raise ValueError(f"{reason}; save it as PNG, or copy it again") from None
    except Image.DecompressionBombError:
        raise ValueError("has too many pixels for a mammogram, or a damaged header") from None
    except Exception as error:  # many kinds
        reason = in_a_line(error)
        raise ValueError(
            f"cannot be decoded ({reason}): damaged or cut off; copy it again"
        ) from None


def _decode_picture(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    if getattr(image, "n_frames", 1) > 1:
        raise UnfitError("has several pages; save each as a file of its own")
    layout = image.tile[0][3]
    stored = layout[0] if isinstance(layout, tuple) else layout  # such as "RGB;16B"
    if image.mode.startswith("RGB") and "16" in str(stored):
        raise UnfitError("is a 16-bit colour image; save it as 16-bit grey")
    white_is_zero = image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC) == 0
    image.load()  # unlike OpenCV, refuses a file whose end is missing
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "L":
        return np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM"):
        grey = np.asarray(image).astype(np.uint16)  # of a PGM, its white becomes 65535
        return 65535 - grey if white_is_zero else grey  # which Pillow does for 8 bits only
    if image.mode in ("I", "F"):
        raise UnfitError("has 32 bits a pixel; save it as 16-bit grey")
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        raise UnfitError("has transparent pixels; save it as grey without an alpha channel")
    return grey_of(np.asarray(image.convert("RGB")))


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
    """Return percentiles as ``np.percentile`` does, from a histogram, which is faster than sorting.

    Between two values it interpolates (Hyndman and Fan 1996, definition 7).
    """
    up_to = np.bincount(image.ravel()).cumsum()  # how many pixels are no brighter
    place = np.asarray(wanted, float) / 100 * (image.size - 1)
    lower, upper = (up_to.searchsorted(to(place), side="right") for to in (np.floor, np.ceil))
    return lower + (upper - lower) * (place - np.floor(place))
