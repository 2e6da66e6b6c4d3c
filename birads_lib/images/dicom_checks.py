"""Checks that the header of a DICOM file describes one grey image.

Sections are of DICOM PS3.3.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pydicom
from pydicom.pixels import get_decoder

from birads_lib.images import dicom_frames
from birads_lib.images.grey import UnfitError, in_a_line

NEEDED = (  # C.7.6.3, type 1
    "Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation",
    "PhotometricInterpretation",
)  # fmt: skip
OPTIONAL = (
    "HighBit", "NumberOfFrames", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "PresentationLUTShape", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
    "VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth",
)  # fmt: skip
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")
UNCOMPRESSED = "export it again, uncompressed (Explicit VR Little Endian)"


@contextmanager
def saying(what: str, to_do: str) -> Iterator[None]:
    """Raise ``UnfitError`` for whatever is raised within."""
    try:
        yield
    except UnfitError:
        raise
    except Exception as error:  # many kinds
        raise UnfitError(f"{what} ({in_a_line(error)}); {to_do}") from None


def checked_size(header: pydicom.Dataset, frame: str = "") -> tuple[int, int]:
    """Return (H, W) as the header has it; ``UnfitError`` where it isn't of one grey image.

    Tags without a value are removed, and rescaling is completed.
    """
    with saying("has a value in its header that can't be read", "correct it, or export it again"):
        for name in OPTIONAL:
            if name in header and header[name].is_empty:
                del header[name]
        _check(header, frame)
        return int(header.Rows), int(header.Columns)


def _check_present(header: pydicom.Dataset, names: tuple[str, ...]) -> None:
    kind = header.get("SOPClassUID")
    if absent := [name for name in names if name not in header or header[name].is_empty]:
        kind_text = f" (it is of {kind.name!r})" if kind else ""
        raise UnfitError(
            f"is a DICOM file without {', '.join(absent)} in its header{kind_text}; export it "
            "again, or remove it"
        )


def check_pixels(header: pydicom.Dataset) -> None:
    """Raise ``UnfitError`` for a file without pixels, or with fractions for pixels."""
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        raise UnfitError("is a DICOM file whose pixels are fractions; export it as whole numbers")
    if "PixelData" not in header:
        kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
        kind_text = f" (it is of {kind.name!r})" if kind else ""
        raise UnfitError(
            f"is a DICOM file without pixels, or cut off{kind_text}; copy it again or remove it"
        )


def _check(header: pydicom.Dataset, frame: str) -> None:
    """Raise ``UnfitError`` where a header can't be of one grey image, and complete it."""
    _check_present(header, NEEDED)
    dicom_frames.check(header, frame)
    _check_bits(header)
    _check_colours(header)
    _check_syntax(header)
    complete(header)


def complete(header: pydicom.Dataset) -> None:
    """Add the default of a missing slope or intercept; drop a centre or width that stands alone."""
    if "RescaleSlope" in header or "RescaleIntercept" in header:
        header.RescaleSlope = header.get("RescaleSlope", 1)
        header.RescaleIntercept = header.get("RescaleIntercept", 0)
    if ("WindowCenter" in header) != ("WindowWidth" in header):
        del header["WindowCenter" if "WindowCenter" in header else "WindowWidth"]


def _check_bits(header: pydicom.Dataset) -> None:
    allocated, stored = header.BitsAllocated, header.BitsStored
    high = header.get("HighBit", stored - 1)
    if not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        raise UnfitError(
            f"says BitsAllocated {allocated}, BitsStored {stored}, HighBit {high}, which can't be; "
            "correct its header"
        )


def _check_colours(header: pydicom.Dataset) -> None:
    kind, samples = str(header.PhotometricInterpretation), header.SamplesPerPixel
    supported = {1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 3: COLOURS}.get(samples, ())
    if kind not in supported:
        raise UnfitError(
            f"says PhotometricInterpretation {kind} with SamplesPerPixel {samples}, which isn't "
            "read; export it as MONOCHROME2 with 1"
        )
    if samples == 3:
        _check_present(header, ("PlanarConfiguration",))  # C.7.6.3.1.3


def _check_syntax(header: pydicom.Dataset) -> None:
    """Raise ``UnfitError`` where nothing here reads the way in which pixels are written."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise UnfitError(
            "has no TransferSyntaxUID (0002,0010), which says how its pixels are written; export "
            "it again"
        )
    try:
        is_read = get_decoder(syntax).is_available
    except NotImplementedError:  # what pydicom says of a syntax that it doesn't know
        is_read = False
    if not is_read:
        syntax_text = str(syntax) if syntax.name == syntax else f"{syntax} ({syntax.name})"
        raise UnfitError(
            f"has the TransferSyntaxUID {syntax_text}, which isn't read; {UNCOMPRESSED}"
        )
