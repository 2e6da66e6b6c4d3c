"""Conversion of channels to grey, and its error: shared by pictures and DICOM files."""

import numpy as np

COLOUR_TOLERANCE = 3  # grey levels between channels that JPEG rounding alone may cause


class UnfitError(ValueError):
    """The file is whole, and not what is needed."""


def grey_of(colour: np.ndarray) -> np.ndarray:
    """Return the grey that (H, W, 3) channels share; raise ``UnfitError`` where they don't."""
    if int((colour.max(axis=-1) - colour.min(axis=-1)).max()) > COLOUR_TOLERANCE:
        raise UnfitError("is a colour image; a mammogram is grey: export it without colours")
    return np.ascontiguousarray(colour[..., 1])


def in_a_line(error: Exception) -> str:
    """Return an error's message without line breaks; the error's type where it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
