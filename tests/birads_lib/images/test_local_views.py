"""Crops of lesions at many scales: where they lie, and what they show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_lib.cases import Dataset
from birads_lib.errors import DatasetError, UserError
from birads_lib.images import local_views as views
from birads_lib.images.frame import Geometry
from birads_lib.images.local_views import Boxes, Options, Source

COLUMNS = ["image_id", "finding", "kind", "lesion_kind", "x0", "y0", "x1", "y1"]
PIXELS = np.zeros((3, 80, 80), np.uint8)
PIXELS[:, 5:75, 5:75] = np.random.default_rng(0).integers(120, 200, (3, 70, 70))
BOXES = pd.DataFrame(
    [
        ("a", 0, "mass", "mass", 20, 20, 40, 30),
        ("a", 1, "calcification", "calcification", 30, 22, 36, 28),
        ("b", 0, "asymmetry", None, 10, 10, 60, 60),
    ],
    columns=COLUMNS,
)
IDS = ["a", "b", "c"]


def source(**options):
    return Source(PIXELS, IDS, BOXES, Options(**{"window": 16} | options))


def test_an_image_with_a_finding_of_unknown_place_gives_no_healthy_crop():
    hidden = Source(PIXELS, IDS, BOXES, Options(window=16), {"c"})
    assert (source().healthy_rows, hidden.healthy_rows) == ([2], [])
    drawn, _ = hidden.every(1, 3, seed=0)
    assert set(drawn["drawn_for"]) == {"mass", "calcification"}
    rng = np.random.default_rng(0)
    assert {hidden.healthy(rng, hidden.placed_rows)[0] for _ in range(20)} <= {0, 1}
    everywhere = Source(PIXELS, IDS, BOXES, Options(window=16), IDS)
    with pytest.raises(DatasetError, match="place isn't known"):
        everywhere.draw(views.NONE, rng)


def test_a_finding_without_a_box_leaves_its_image_unplaced():
    cases = pd.DataFrame({"image_id": IDS, "path": IDS, "sha256": "0" * 64, "size_bytes": 1})
    findings = pd.DataFrame({"image_id": ["a", "b", "b"], "kind": "mass", "descriptors": ""})
    findings = findings.assign(x0=[1, 1, None], y0=1, x1=[9, 9, None], y1=9)
    data = Dataset(Path(), cases, findings)
    assert views.unplaced(data, BOXES.iloc[[0, 2]]) == {"b"}
    assert views.unplaced(data, BOXES) == {"b"}
    assert views.unplaced(data, BOXES.iloc[:0]) == {"a", "b"}


def boxes(*rows):
    table = pd.DataFrame([("a", 0, "", *row) for row in rows], columns=COLUMNS)
    return Boxes.of(table)


@given(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(4, 30), st.integers(4, 30)),
    st.integers(0, 10**6),
)
def test_crops_lie_in_the_image_and_in_the_box_or_around_it_along_each_side(box, seed):
    x, y, width, height = box
    corners = np.array([x, y, min(x + width, 90), min(y + height, 70)], float)
    options = Options(window=16, scales=(0.05, 5.0), aspects=(0.33, 1.66))
    crop = views.lesion_crop(corners, (70, 90), options, np.random.default_rng(seed))
    assert (crop[:2] >= 0).all()
    assert crop[2] <= 90
    assert crop[3] <= 70
    assert (crop[2:] - crop[:2] >= views.SMALLEST).all()
    for low, high in ((0, 2), (1, 3)):
        within = corners[low] - 1 <= crop[low] and crop[high] <= corners[high] + 1
        around = crop[low] <= corners[low] + 1 and corners[high] - 1 <= crop[high]
        at_edge = crop[low] == 0 or crop[high] == (90, 70)[low]
        assert within or around or at_edge


def test_areas_and_ratios_are_spread_evenly_on_a_logarithmic_scale():
    options, rng = Options(window=16), np.random.default_rng(1)
    box = (400, 400, 600, 600)
    crops = np.array([views.lesion_crop(box, (1000, 1000), options, rng) for _ in range(2000)])
    width, height = (crops[:, 2:] - crops[:, :2]).T
    scales, aspects = np.log(width * height / 200**2), np.log(width / height)
    for found, limits in ((scales, (0.05, 5)), (aspects, (0.33, 1.66))):
        low, high = np.log(limits)
        quarters = np.quantile(found, [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quarters, np.linspace(low, high, 5), atol=0.2)


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        ((0, 0, 40, 40), ["mass"]),  # all of the mass, a tenth of the crop
        ((22, 22, 26, 26), ["mass"]),  # a tenth of the mass, all of the crop
        ((0, 0, 24, 24), ["none"]),  # a twelfth of either
        ((60, 60, 90, 90), ["distortion"]),
        ((0, 0, 100, 100), ["mass", "distortion"]),
        ((45, 0, 58, 12), ["none"]),  # a kind without a label
    ],
)
def test_a_crop_shows_what_lies_in_it_or_fills_it(crop, expected):
    known = boxes(("mass", 20, 20, 35, 35), ("distortion", 60, 60, 80, 80), (None, 45, 0, 58, 12))
    shown = views.labels_in(crop, known, 0.25)
    assert [label for label, is_shown in zip(views.LABELS, shown, strict=True) if is_shown] == (
        expected
    )


def test_crops_drawn_for_a_label_show_it_and_what_lies_beside_it():
    rng, at = np.random.default_rng(0), views.LABELS.index
    crops, shown = zip(*(source().draw("calcification", rng) for _ in range(60)), strict=True)
    shown = np.stack(shown)
    assert {crop.shape for crop in crops} == {(16, 16)}
    assert shown[:, at("calcification")].all()
    assert shown[:, at("mass")].any()  # it lies in the mass
    assert not shown[:, 0].any()


def test_healthy_tissue_touches_no_finding_not_even_one_without_a_label():
    rng, of_all = np.random.default_rng(0), source()
    for _ in range(40):
        row, crop = of_all.healthy(rng, [0, 1, 2])
        assert not views._overlap(crop, of_all.boxes_of[row])[0].any()
    filled = pd.DataFrame([("a", 0, "mass", "mass", 0, 0, 80, 80)], columns=COLUMNS)
    crowded = Source(PIXELS[:1], IDS[:1], filled, Options(window=16))
    with pytest.raises(DatasetError, match="no healthy tissue was found"):
        crowded.healthy(rng, [0])


def test_every_lesion_and_each_image_without_a_finding_has_its_crops():
    table, crops = source().every(3, 2, 0)
    assert crops.shape == (len(table), 16, 16)
    assert table["drawn_for"].value_counts().to_dict() == {
        "mass": 3, "calcification": 3, "none": 2,
    }  # fmt: skip
    assert set(table.loc[table["drawn_for"] == "none", "image_id"]) == {"c"}
    again, _ = source().every(3, 2, 0)
    pd.testing.assert_frame_equal(table, again)
    row = table.iloc[0]
    same = views.cut(PIXELS[0], row[["x0", "y0", "x1", "y1"]].astype(int), 16)
    np.testing.assert_array_equal(crops[0], same)


def test_boxes_lie_in_the_frame_as_the_image_does():
    cases = pd.DataFrame({
        "image_id": ["i"], "patient_id": ["p"], "path": ["i.png"], "size_bytes": [1],
        "sha256": ["a" * 64],
    })  # fmt: skip
    findings = pd.DataFrame({
        "image_id": ["i", "i"], "kind": ["architectural_distortion", "cyst"],
        "descriptors": ["", ""], "x0": [120.0, 0.0], "y0": [30.0, 0.0],
        "x1": [140.0, 110.0], "y1": [50.0, 20.0],
    })  # fmt: skip
    data = Dataset(Path(), cases, findings)
    place = Geometry((200, 300), (100, 0, 300, 200), True, (0, 10, 50, 60), 64)
    found = views.frame_boxes(data, {"i": place})
    assert found["lesion_kind"].tolist() == ["distortion", None]
    assert found[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [
        [40.0, 17.5, 45.0, 22.5],  # mirrored, at a quarter of the size
        [47.5, 10.0, 50.0, 15.0],  # cut where the frame is
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": (5.0, 0.05)}, "'scales' is .*, expected two positive numbers, the second not"),
        ({"scales": (0.0, 1.0)}, "'scales' is .*, expected two positive numbers"),
        ({"aspects": (1.0,)}, "'aspects' is .*, expected two positive numbers"),
        ({"visible": 1.5}, "'visible' is 1.5, expected 0 to 1"),
        ({"window": 4}, "'window' is 4, expected at least 8"),
    ],
)
def test_what_no_options_can_be_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        Options.of(wrong)
