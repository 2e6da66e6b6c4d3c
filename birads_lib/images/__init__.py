"""Images: decode files to grey, find the breast, prepare what a network sees."""

from birads_lib.images.breast import CROP_MARGIN, breast_box, breast_mask
from birads_lib.images.decode import read_grey, to_8bit
from birads_lib.images.frame import (
    Geometry,
    finding_masks,
    in_frame,
    located_images,
    original,
    read_geometry,
)
from birads_lib.images.prepare import Options, preprocess, preprocess_all, steps, write_options

__all__ = [
    "CROP_MARGIN", "Geometry", "Options", "breast_box", "breast_mask", "finding_masks", "in_frame",
    "located_images", "original", "preprocess", "preprocess_all", "read_geometry", "read_grey",
    "steps", "to_8bit", "write_options",
]  # fmt: skip
