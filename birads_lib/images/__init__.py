"""Images: decode files to grey, find the breast, prepare what a network sees."""

from birads_lib.images.breast import CROP_MARGIN, breast_box, breast_mask, breast_outline
from birads_lib.images.decode import Inspected, in_parallel, inspect, read_grey, to_8bit
from birads_lib.images.frame import Geometry, finding_masks, geometry, in_frame, located_images
from birads_lib.images.prepare import preprocess, preprocess_all, steps

__all__ = [
    "CROP_MARGIN", "Geometry", "Inspected", "breast_box", "breast_mask", "breast_outline",
    "finding_masks", "geometry", "in_frame", "in_parallel", "inspect", "located_images",
    "preprocess", "preprocess_all", "read_grey", "steps", "to_8bit",
]  # fmt: skip
