"""Pictures in whose place the things to touch stand, and images as text."""

import base64

import cv2
import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import touch as plots
from helpers.figures import drawn, legend, texts


def image(size=32):
    return np.random.default_rng(0).integers(0, 256, (size, size), np.uint8)


def test_an_image_as_text_is_the_image_and_fits_a_cell_of_a_csv():
    text = plots.as_text(image())
    content = np.frombuffer(base64.b64decode(text), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), image())
    assert not set(text) & set(',"\n')
    assert base64.b64decode(plots.as_text(image(), "jpg"))[:2] == b"\xff\xd8"


def test_the_losses_of_each_example_stand_below_it():
    row = {"example": "Near miss", "truth": 4, "cross_entropy": 0.5, "dal": 0.75, "emd": 0.1}
    row |= {f"p{k}": 0.2 for k in range(1, 6)} | {"sord": 1.25}
    figure = plots.losses(pd.DataFrame([row]))
    drawn(figure)
    assert "Near miss" in texts(figure)
    assert "BI-RADS\nCross-entropy 0.50\nDAL 0.75\nEMD 0.10\nSORD 1.25" in texts(figure)


def test_deals_have_a_dot_for_each_part_and_a_line_for_guessing():
    scores = pd.DataFrame({"test": [0.2, 0.3], "new": [0.2, 0.1]})
    figure = plots.copies({"honest": scores, "leaky": scores + 0.4}, 0.2)
    drawn(figure)
    assert legend(figure) == ["Test part", "New patients", "Guessing"]
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    of_leaky = [line.get_xdata() for line in dots][2:]
    np.testing.assert_allclose(of_leaky, [[0.6, 0.7], [0.6, 0.5]])


def test_pictures_stand_beside_each_other_under_their_names():
    figure = plots.side_by_side({"fine": image(), "coarse": image(8)})
    drawn(figure)
    assert [ax.get_title() for ax in figure.axes] == ["fine", "coarse"]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_each_image_shows_its_finding_and_who_points_where(count):
    mask = np.zeros((32, 32), bool)
    mask[8:16, 8:16] = True
    points = {"model": np.full((count, 2), np.nan), "brightest": np.full((count, 2), 5.0)}
    figure = plots.pointed(np.stack([image()] * count), [mask] * count, points)
    drawn(figure)
    shown = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in shown] == [f"Image {k}" for k in range(1, count + 1)]
    assert legend(figure) == ["The map", "The brightest place"]
