"""The choice among several frames of a DICOM file: one, such as a slice of tomosynthesis, or all.

Sections are of DICOM PS3.3.
"""

from collections.abc import Iterable, Sequence

import pydicom

from birads_lib.images.grey import UnfitError

PROJECTIONS, MIDDLE = ("maximum", "mean"), "middle"
FRAMES = "expected the number of a frame, from 1, or middle, maximum or mean (projections of all)"
# What a functional group says of all frames, or of one (C.7.6.16).
_GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def frame_named(frame: int | str) -> str:
    """Return the choice of a frame as a text; raise ValueError for anything else.

    That is a number from 1, "middle", or a projection of all: "maximum" or "mean".
    """
    text = str(frame)
    if text in ("", MIDDLE, *PROJECTIONS) or (text.isdecimal() and int(text) > 0):
        return text
    raise ValueError(f"is {frame!r}; {FRAMES}")


def count_of(header: pydicom.Dataset) -> int:
    """Return the number of frames of a file."""
    return int(header.get("NumberOfFrames", 1))


def check(header: pydicom.Dataset, frame: str) -> None:
    """Raise ``UnfitError`` where no frame is there, or ``frame`` doesn't choose one of several."""
    count = count_of(header)
    if count < 1:
        raise UnfitError(f"says NumberOfFrames {count}; correct its header")
    if count > 1 and not frame:
        raise UnfitError(
            f"is a DICOM file of several frames ({count}), such as tomosynthesis; say which counts "
            f"under 'dataset' of the study, as in 'frame: {MIDDLE}': {FRAMES}"
        )
    if count > 1 and frame.isdecimal() and int(frame) > count:
        raise UnfitError(f"has {count} frames, and 'frame' is {frame}; choose one that all have")
    if count > 1 and header.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnfitError("has several frames in colour; export them as MONOCHROME2")


def indices(header: pydicom.Dataset, frame: str) -> Sequence[int]:
    """Return the indices of the frames that count, from 0; a single frame always counts."""
    count = count_of(header)
    if count == 1 or frame in PROJECTIONS:
        return range(count)
    return [count // 2 if frame == MIDDLE else int(frame) - 1]


def of_frame(header: pydicom.Dataset, index: int, names: Iterable[str]) -> pydicom.Dataset:
    """Return a header's values of one frame under these names; functional groups go first."""
    groups = list(header.get("SharedFunctionalGroupsSequence") or [])
    groups += (header.get("PerFrameFunctionalGroupsSequence") or [])[index : index + 1]
    if not groups:
        return header
    flat = pydicom.Dataset()
    flat.update({header[name].tag: header[name] for name in names if name in header})
    items = (item for group in groups for name in _GROUPS for item in group.get(name) or [])
    for element in (element for item in items for element in item):
        if element.keyword in names and not element.is_empty:
            flat[element.tag] = element
    return flat
