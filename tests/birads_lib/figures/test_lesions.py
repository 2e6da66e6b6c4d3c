"""Lesions are shown as large as a page allows, each where its file and the network have it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from birads_lib.cases import Dataset
from birads_lib.figures import lesions
from birads_lib.images import Geometry
from birads_lib.images.regions import CORNERS
from helpers.figures import drawn, texts

pytestmark = pytest.mark.filterwarnings("error")


def data_of(boxes: list[tuple]) -> Dataset:
    """Return images of BI-RADS 1, 2, ... with a finding each: its kind and box, or no place."""
    names = [f"image{number}" for number in range(len(boxes))]
    file = {"path": names, "size_bytes": 1, "sha256": "0" * 64}
    birads = np.arange(1, len(boxes) + 1)
    known = pd.DataFrame({"image_id": names, "birads": birads, **file})
    findings = pd.DataFrame(
        [
            (name, "", *box, *[np.nan] * (5 - len(box)))
            for name, box in zip(names, boxes, strict=True)
        ],
        columns=["image_id", "descriptors", "kind", *CORNERS],
    )
    return Dataset(Path(), known, findings)


def test_each_label_has_one_finding_whose_place_is_known():
    boxes = [("mass", 3, 3, 9, 9), ("calcification",), ("architectural_distortion", 1, 2, 5, 8)]
    shown = lesions.one_per_label(data_of(boxes))
    assert [*shown["title"]] == ["BI-RADS 1\nmass", "BI-RADS 3\narchitectural distortion"]
    many = [("mass", 3, 3, 9, 9)] * (lesions.MOST + 1)
    assert [*lesions.one_per_label(data_of(many))["label"]] == [*range(2, lesions.MOST + 2)]
    assert lesions.one_per_label(data_of([("mass",)])).empty


def test_a_window_is_a_square_around_its_lesion_within_the_image():
    finding = dict(zip(CORNERS, (40, 50, 60, 58), strict=True))
    assert lesions.window(finding, (100, 120)) == (30, 34, 70, 74)
    at_edge = dict(zip(CORNERS, (0, 0, 20, 8), strict=True))
    assert lesions.window(at_edge, (100, 120)) == (0, 0, 40, 40)


def test_a_lesion_is_drawn_where_the_file_and_the_network_have_it():
    file = np.zeros((100, 120), np.uint8)
    file[50:58, 40:60] = 200
    place = Geometry(file.shape, (0, 0, 120, 100), True, (0, 0, 60, 50), 60)
    seen = lesions.window(dict(zip(CORNERS, (40, 50, 60, 58), strict=True)), file.shape)
    rows = {"before": [(file, seen)], "after": [(place.fit(place.cut(file)), place.placed(seen))]}
    figure = lesions.magnified(rows, ["A mass"], marked=[seen])
    drawn(figure)
    assert {"A mass", "before", "after"} <= set(texts(figure))
    for ax in figure.axes:
        picture = ax.images[0].get_array()
        (x0, x1), (y1, y0) = ax.get_xlim(), ax.get_ylim()
        inside = picture[round(y0 + 0.5) : round(y1 + 0.5), round(x0 + 0.5) : round(x1 + 0.5)]
        assert inside.shape[0] == inside.shape[1]
        assert (inside > 0).mean() == pytest.approx(0.1)  # 20 x 8 of 40 x 40 pixels
    assert figure.axes[0].patches[0].get_bbox().bounds == (29.5, 33.5, 40, 40)
