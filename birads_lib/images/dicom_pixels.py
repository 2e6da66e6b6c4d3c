"""The grey values of a DICOM file, as its header says that they are to be shown.

Sections are of DICOM PS3.3 and PS3.5.
"""

from collections.abc import Sequence

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, get_decoder

from birads_lib.images import dicom_checks, dicom_frames
from birads_lib.images.grey import UnfitError, grey_of, in_a_line


def shown_grey(header: pydicom.Dataset, frame: str = "") -> np.ndarray:
    """Return the image in a file's data set as grey, black background, bright tissue.

    What lies outside the stored bits, such as an overlay, is dropped (PS3.5 8.1.1). The modality
    and VOI look-up tables, or rescaling and the first window, are applied (C.11.1, C.11.2), and
    MONOCHROME1 is inverted (C.7.6.3.1.2), as is the presentation shape INVERSE (C.8.11.1). Padding
    (C.7.5.1.1.2) becomes background. A tag without a value counts as absent.

    Args:
        header: the data set.
        frame: of ``dicom_frames.frame_named``, where it has several; no other is decoded, and of a
            projection one at a time.

    Returns:
        uint8 or uint16 (H, W). A projection is of what each frame shows: its brightest value, or
        their mean.

    Raises:
        UnfitError: the file is whole, and no single grey image that can be shown.
        Exception: of many kinds, from decoders, where it is damaged.
    """
    dicom_checks.check_pixels(header)
    dicom_checks.checked_size(header, frame)
    indices = dicom_frames.indices(header, frame)
    if len(indices) > 1:
        return _projected(header, indices, frame)
    samples = _samples(header, indices[0])
    if header.SamplesPerPixel == 3:
        return grey_of(samples)
    header = _of_frame(header, indices[0])
    stored, is_padding, shown = _displayed(samples, header)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        return grey_of(shown)
    _check_contrast(_seen(stored, is_padding), _seen(shown, is_padding), header)
    return _unsigned(shown, is_padding, header)


def _displayed(
    samples: np.ndarray, header: pydicom.Dataset
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return stored values (H, W), where they are padding, and what tables make of them."""
    with dicom_checks.saying(
        "has look-up tables, a window or padding that can't be applied", "correct them"
    ):
        is_padding = _is_padding(samples, header)
        stored = _stored(samples, header)
        if header.PhotometricInterpretation == "PALETTE COLOR":
            return stored, is_padding, apply_color_lut(stored, header)
        shown = apply_voi_lut(apply_modality_lut(stored, header), header)
        return stored, is_padding, shown


def _projected(header: pydicom.Dataset, indices: Sequence[int], kind: str) -> np.ndarray:
    """Return the brightest or the mean displayed value of all frames, padding apart."""
    shape = (header.Rows, header.Columns)
    total, count = np.full(shape, np.nan, np.float32), np.zeros(shape, np.int32)
    ends = []  # of stored values, for a window that leaves nothing of them
    for index in indices:
        of_frame = _of_frame(header, index)
        stored, is_padding, shown = _displayed(_samples(header, index), of_frame)
        is_seen = np.ones(shape, bool) if is_padding is None else ~is_padding
        if is_seen.any():
            ends += [stored[is_seen].min(), stored[is_seen].max()]
        shown = np.where(is_seen, shown, np.nan).astype(np.float32)
        brighter = np.fmin if _is_dark(of_frame) else np.fmax
        total = brighter(total, shown) if kind == "maximum" else np.nansum([total, shown], axis=0)
        count += is_seen
    if kind == "mean":
        total /= np.maximum(count, 1)
    _check_contrast(np.array(ends), total[count > 0], of_frame)
    return _unsigned(np.nan_to_num(total), count == 0, of_frame)


def _of_frame(header: pydicom.Dataset, index: int) -> pydicom.Dataset:
    """Return a header with what it says of one frame alone."""
    flat = dicom_frames.of_frame(header, index, (*dicom_checks.NEEDED, *dicom_checks.OPTIONAL))
    dicom_checks.complete(flat)
    return flat


def _samples(header: pydicom.Dataset, index: int) -> np.ndarray:
    """Return decoded values (H, W), or (H, W, 3) as RGB, of one frame."""
    syntax = header.file_meta.TransferSyntaxUID
    try:
        # Of grey, ``_stored`` drops the unused bits: pydicom takes the lowest for the stored ones.
        is_colour = header.SamplesPerPixel == 3
        frame_index = index if dicom_frames.count_of(header) > 1 else None
        decoder = get_decoder(syntax)
        samples = decoder.as_array(header, index=frame_index, correct_unused_bits=is_colour)[0]
    except Exception as error:  # many kinds, of several packages
        if not syntax.is_compressed:
            raise
        raise UnfitError(
            f"cannot be decoded as {syntax.name} ({in_a_line(error)}): damaged, cut off, or of a "
            f"kind that isn't read; copy it again, or {dicom_checks.UNCOMPRESSED}"
        ) from None
    if samples.ndim > (3 if is_colour else 2):  # pydicom then returns all that there is
        raise UnfitError(
            f"holds more pixels than its header tells, {header.Rows} x {header.Columns} in one "
            "frame; export it again"
        )
    return samples


def _stored(samples: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """Return samples without what lies outside their stored bits, with their sign."""
    unused = 8 * samples.dtype.itemsize - header.BitsStored
    if header.BitsAllocated == 1 or samples.dtype.kind not in "iu" or not unused:
        return samples
    lowest = header.get("HighBit", header.BitsStored - 1) + 1 - header.BitsStored
    shifted = samples << (unused - lowest)
    return np.right_shift(shifted, unused, out=shifted)


def _seen(values: np.ndarray, is_padding: np.ndarray | None) -> np.ndarray:
    """Return the values of an image (H, W) that are no padding."""
    return values if is_padding is None else values[~is_padding]


def _is_padding(samples: np.ndarray, header: pydicom.Dataset) -> np.ndarray | None:
    """Return the mask of an image's padding, bool (H, W); None where it has none."""
    if "PixelPaddingValue" not in header:
        return None
    stored = _stored(samples, header)
    ends = [header.PixelPaddingValue, header.get("PixelPaddingRangeLimit")]
    ends = sorted(_as_stored(end, stored.dtype) for end in ends if end is not None)
    is_beyond = max(map(abs, ends)) >= 2**header.BitsStored  # padding among the unused bits
    values = samples if is_beyond else stored
    return (values >= ends[0]) & (values <= ends[-1])


def _as_stored(value: int, kind: np.dtype) -> int:
    """Return a value that was read with the other sign as one of the pixels' kind."""
    return int(np.array([int(value) % 2 ** (8 * kind.itemsize)], "u8").astype(f"u{kind.itemsize}")
               .view(kind)[0])  # fmt: skip


def _check_contrast(stored: np.ndarray, shown: np.ndarray, header: pydicom.Dataset) -> None:
    """Raise ``UnfitError`` where rescaling or a window leaves one grey value of several."""
    if not stored.size:
        raise UnfitError("has nothing but padding (PixelPaddingValue); correct or remove it")
    if shown is not stored and np.ptp(shown) == 0 and np.ptp(stored) > 0:
        tags = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth")
        values = ", ".join(f"{name} {header[name].value}" for name in tags if name in header)
        raise UnfitError(
            f"has one grey value after its look-up tables or window ({values or 'LUTData'}); "
            "correct or remove them"
        )


def _unsigned(
    shown: np.ndarray, is_padding: np.ndarray | None, header: pydicom.Dataset
) -> np.ndarray:
    """Return displayed values (H, W) as uint8 or uint16, black background."""
    is_dark = _is_dark(header)
    visible = _seen(shown, is_padding)
    if not is_dark and shown.dtype in (np.uint8, np.uint16):  # nothing to do: no table, no window
        top = max(2**header.BitsStored - 1, visible.max())
    else:
        black, white = _display_range(visible, header)
        shown, top = np.asarray(shown, np.float32) - black, abs(white - black)  # exact to 24 bits
        np.abs(shown, out=shown)
        if is_dark:
            shown = top - shown
        if top > 65535:
            shown *= 65535 / top
        np.rint(shown, out=shown)
    grey = shown.astype(np.uint8 if top <= 255 else np.uint16)
    if is_padding is not None:
        grey[is_padding] = 0
    return grey


def _is_dark(header: pydicom.Dataset) -> bool:
    """Return whether low displayed values are bright."""
    is_inverse = "INVERSE" in str(header.get("PresentationLUTShape", "")).upper()
    return header.PhotometricInterpretation == "MONOCHROME1" or is_inverse


def _display_range(seen: np.ndarray, header: pydicom.Dataset) -> tuple[float, float]:
    """Return black and white among displayed values: of a window, the ends of what it yields.

    Without a window they are 0, or what is darkest below it, and the brightest that bits may hold.
    """
    if "WindowCenter" not in header or "VOILUTSequence" in header:
        black = min(0.0, float(seen.min()))
        return black, black + max(2.0**header.BitsStored - 1, float(seen.max()) - black)
    ends = np.array([0, 2.0**header.BitsStored - 1]) - header.PixelRepresentation * (
        2.0 ** (header.BitsStored - 1)
    )
    if "ModalityLUTSequence" in header:
        ends = np.array([0, 2.0 ** header.ModalityLUTSequence[0].LUTDescriptor[2] - 1])
    ends = ends * float(header.get("RescaleSlope", 1)) + float(header.get("RescaleIntercept", 0))
    return float(ends[0]), float(ends[1])
