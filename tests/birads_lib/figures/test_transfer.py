"""Charts of transfer learning: what they say can be read."""

from itertools import pairwise

import pandas as pd

from birads_lib.figures import transfer

NAMES = {"single": "ImageNet", "double": "ImageNet, then films by assessment"}


def test_numbers_along_the_axis_stand_apart_beside_long_names():
    pairs = pd.DataFrame({"first": ["double"] * 2, "second": ["single"] * 2})
    pairs = pairs.assign(estimate=[0.005, -0.009], low=[-0.018, -0.028], high=[0.031, 0.009])
    figure = transfer.differences(pairs, NAMES, ["Calcifications", "All images"])
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    shown = [box for box in boxes if ax.bbox.x0 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1]
    assert len(shown) >= 2
    assert all(left.x1 < right.x0 for left, right in pairwise(shown))
