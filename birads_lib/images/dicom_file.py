"""Open a DICOM file, with or without the preamble that it should begin with."""

import io
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import VR

HEAD = 132  # bytes of the preamble and of "DICM" (PS3.10 7.1)
_LONGEST = 512  # bytes of a first element's value: names of character sets, UIDs, or a length
_ENCODINGS = {  # (implicit VR, little endian) -> transfer syntax
    (True, True): ImplicitVRLittleEndian, (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}  # fmt: skip


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins so is DICOM."""
    return has_preamble(head) or is_bare(head)


def has_preamble(head: bytes) -> bool:
    """Return whether a file begins as PS3.10 wants it."""
    return head[128:HEAD] == b"DICM"


def is_bare(head: bytes) -> bool:
    """Return whether a file begins with an element of the groups 0002 or 0008, as older ones do.

    Group 0002 is always explicit and little endian (PS3.10 7.1); a data set may be either way, or
    implicit (PS3.5 7.1).
    """
    if has_preamble(head) or head[:2] not in (b"\x02\0", b"\x08\0", b"\0\x08"):
        return False
    if head[4:6].decode("latin-1") in set(VR):
        return True
    return head[:2] == b"\x08\0" and 0 < int.from_bytes(head[4:8], "little") <= _LONGEST


def opened(source: bytes | str | Path | BinaryIO, **options: object) -> pydicom.FileDataset:
    """Return a file's data set, as ``pydicom.dcmread`` does with these options.

    Of a bare file that doesn't say how its elements are written, that is taken from how they are.
    Compressed pixels need to be told apart, so there nothing is taken.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return opened(file, **options)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    head = file.read(HEAD)
    file.seek(0)
    header = pydicom.dcmread(file, force=is_bare(head), **options)
    pixels = header.get_item("PixelData")
    is_compressed = pixels is not None and pixels.length == 0xFFFFFFFF
    if is_bare(head) and "TransferSyntaxUID" not in header.file_meta and not is_compressed:
        header.file_meta.TransferSyntaxUID = _ENCODINGS[header.original_encoding]
    return header
