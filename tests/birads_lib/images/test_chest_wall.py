"""Rectangles with the chest wall at the left, and boxes on their cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_lib.images.chest_wall import box_share, placed, rectangle


def film(height: int = 40, width: int = 30, right: bool = False) -> np.ndarray:
    """A black film with a bright breast at one side."""
    grey = np.zeros((height, width), np.uint8)
    grey[5:35, :12] = 200
    return grey[:, ::-1].copy() if right else grey


@pytest.mark.parametrize("right", [False, True])
def test_the_breast_lies_at_the_left_and_keeps_its_shape(right):
    made, place = rectangle(film(right=right), 40, 20)
    assert made.shape == (40, 20)
    assert place.mirrored == right
    assert np.array_equal(made, film()[:, :20])  # nothing is scaled: the height is the same


def test_a_larger_rectangle_scales_both_sides_alike():
    _, place = rectangle(film(), 80, 64)
    assert place.inner == (0, 0, 60, 80)


def test_a_stretched_film_fills_the_rectangle():
    made, place = rectangle(film(40, 40), 32, 20, stretched=True)
    assert made.shape == (32, 20)
    assert place.inner == (0, 0, 20, 32)


def test_an_image_wider_than_high_fits_too():
    made, place = rectangle(np.full((20, 40), 9, np.uint8), 32, 24)
    assert made.shape == (32, 24)
    assert place.inner == (0, 0, 32, 16)


@given(st.tuples(*[st.floats(0, 1) for _ in range(4)]), st.booleans())
def test_shares_of_cells_are_those_of_a_mask_of_many_pixels(corners, right):
    grey = film(40, 30, right)
    (x0, x1), (y0, y1) = sorted(corners[:2]), sorted(corners[2:])
    box = (x0 * 30, y0 * 40, x1 * 30, y1 * 40)
    share = box_share(box, placed(grey, 64, 32), 64, 32, 16)
    # By hand: points of a fine grid of the rectangle, carried back to the image
    fine = (np.arange(64 * 20) + 0.5) / 20
    scale = 64 / 40
    across = fine[: 32 * 20] / scale
    across = 30 - across if right else across
    in_x = (across >= box[0]) & (across <= box[2])
    in_y = (fine / scale >= box[1]) & (fine / scale <= box[3])
    by_hand = np.outer(in_y, in_x).reshape(4, 320, 2, 320).mean(axis=(1, 3))
    assert share == pytest.approx(by_hand, abs=0.02)
