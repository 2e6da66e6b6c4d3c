"""Regions hold their finding, lie in their image, and follow from the seed alone."""

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_lib import predictions, splits
from birads_lib.cases import FINDINGS, Dataset
from birads_lib.errors import DatasetError, UserError
from birads_lib.files import sha256
from birads_lib.images import regions
from birads_lib.images.regions import (
    Options,
    as_cases,
    contents,
    cut_regions,
    located,
    masks,
    square,
)
from birads_lib.protocol import PROTOCOLS
from birads_lib.task import LESION_KINDS, MALIGNANCY


def data_set(root, boxes: dict[str, list], shape=(120, 90), grey=None) -> Dataset:
    """Write an image for each name, with findings of these (kind, x0, y0, x1, y1)."""
    rows, findings = [], []
    for number, (name, of_image) in enumerate(boxes.items()):
        drawn = np.random.default_rng(number).integers(0, 255, shape).astype(np.uint8)
        path = root / f"{name}.png"
        cv2.imwrite(str(path), drawn if grey is None else grey)
        rows.append({
            "image_id": name, "patient_id": name[:2], "birads": 1 + number % 5, "path": path.name,
            "size_bytes": path.stat().st_size, "sha256": sha256(path),
        })  # fmt: skip
        for kind, *corners in of_image:
            corners = dict(zip(regions.CORNERS, corners, strict=True))
            findings.append({"image_id": name, "kind": kind, "descriptors": "", **corners})
    columns = list(FINDINGS.columns)
    return Dataset(root, pd.DataFrame(rows), pd.DataFrame(findings, columns=columns))


@settings(max_examples=200, deadline=None)
@given(
    corners=st.tuples(*[st.floats(0, 1)] * 4),
    shape=st.tuples(st.integers(20, 300), st.integers(20, 300)),
    jitter=st.floats(0, 0.5),
    side=st.sampled_from([0, 8, 64, 1000]),
    seed=st.integers(0, 1000),
)
def test_a_square_lies_in_the_image_and_holds_the_middle_of_its_box(
    corners, shape, jitter, side, seed
):
    height, width = shape
    x0, x1 = sorted(width * c for c in corners[::2])
    y0, y1 = sorted(height * c for c in corners[1::2])
    options = Options(jitter=jitter, side=side)
    left, top, got = square((x0, y0, x1, y1), shape, options, np.random.default_rng(seed))
    assert 0 <= left <= left + got <= width
    assert 0 <= top <= top + got <= height
    assert got == min(side, *shape) if side else got <= min(shape)
    assert left - 0.5 <= (x0 + x1) / 2 <= left + got + 0.5
    assert top - 0.5 <= (y0 + y1) / 2 <= top + got + 0.5


def test_a_square_is_as_large_as_box_and_margin_and_moves_no_further_than_the_jitter():
    rng, options = np.random.default_rng(0), Options(margin=0.5, jitter=0.25)
    placed = np.array([square((50, 60, 70, 70), (200, 200), options, rng) for _ in range(300)])
    assert (placed[:, 2] == 40).all()  # 20 is the longer side, and half of it on either side
    shift = placed[:, :2] + 20 - np.array([60, 65])
    assert np.abs(shift).max() <= 10.5
    assert np.ptp(shift, axis=0).min() > 17


def test_what_squares_hold_is_counted():
    rows = {
        "x0": [10.0, 0, np.nan], "y0": [10.0, 0, np.nan],
        "x1": [20.0, 10, np.nan], "y1": [30.0, 10, np.nan],
        "left": [5, 5, 0], "top": [5, 0, 0], "side": [20, 10, 9],
    }  # fmt: skip
    held = contents(pd.DataFrame(rows))
    assert held["inside"][:2].tolist() == [0.75, 0.5]  # 10 x 15 of 10 x 20; 5 x 10 of 10 x 10
    assert held["fills"][:2].tolist() == [150 / 400, 50 / 100]
    assert held["off_centre"][:2].tolist() == [5 / 20, 5 / 10]
    assert held.loc[2].isna().all()


def test_crops_are_those_pixels_of_the_image(tmp_path):
    data = data_set(tmp_path, {"p1a": [("mass", 20, 30, 40, 50)]})
    rois, crops = cut_regions(data, crop_size=30, side=30, jitter=0.3, slices=3)
    image = cv2.imread(str(tmp_path / "p1a.png"), cv2.IMREAD_GRAYSCALE)
    assert list(rois["roi_id"]) == ["p1a_f0_s0", "p1a_f0_s1", "p1a_f0_s2"]
    assert rois[["left", "top"]].drop_duplicates().shape[0] == 3
    for roi, crop in zip(rois.itertuples(), crops, strict=True):
        there = image[roi.top : roi.top + 30, roi.left : roi.left + 30]
        np.testing.assert_array_equal(crop, there)
    half, small = cut_regions(data, crop_size=15, side=30, jitter=0.3)
    np.testing.assert_array_equal(small[0], cv2.resize(crops[0], (15, 15), interpolation=3))
    assert list(half["birads"]) == [1]
    assert list(half["patient_id"]) == ["p1"]


def test_a_region_is_the_same_whatever_else_is_cut(tmp_path):
    boxes = {"p1a": [("mass", 20, 30, 40, 50), ("calcification", 5, 5, 9, 9)], "p2a": []}
    data = data_set(tmp_path, boxes | {"p3a": [("calcification", 50, 60, 70, 90)]})
    every, crops = cut_regions(data, crop_size=16, background=2)
    some, of_some = cut_regions(data, ["calcification"], crop_size=16, workers=1)
    both = every["roi_id"].isin(some["roi_id"])
    assert list(some["kind"]) == ["calcification"] * 2
    pd.testing.assert_frame_equal(every[both].reset_index(drop=True), some)
    np.testing.assert_array_equal(crops[both], of_some)
    other, _ = cut_regions(data, ["calcification"], crop_size=16, seed=1)
    assert not (other[["left", "top"]] == some[["left", "top"]]).all(axis=None)


def test_healthy_tissue_is_cut_within_the_breast_at_the_findings_sizes(tmp_path):
    grey = np.zeros((120, 90), np.uint8)
    grey[:, :45] = np.random.default_rng(0).integers(90, 200, (120, 45))
    boxes = {"p1a": [("mass", 10, 40, 20, 60)], "p2a": [], "p3a": [("cyst", 5, 5, 40, 40)]}
    rois, _ = cut_regions(data_set(tmp_path, boxes, grey=grey), ["mass"], background=8)
    healthy = rois[rois["finding"] < 0]
    assert list(healthy["image_id"]) == ["p2a"] * 8  # an image with another finding isn't healthy
    assert set(healthy["side"]) == {30}
    assert set(healthy[LESION_KINDS.name]) == {"none"}
    assert (healthy["left"] + 15 <= 50).all()
    assert healthy[regions.CORNERS].isna().all(axis=None)


def test_a_finding_with_a_contour_or_a_mask_alone_has_their_box(tmp_path):
    data = data_set(tmp_path, {"p1a": [("mass", *[np.nan] * 4)] * 3})
    mask = np.zeros((120, 90), np.uint8)
    mask[30:40, 50:55] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    findings = data.findings.copy()
    findings["contour"] = pd.Series([[3, 4, 9.5, 4, 9.5, 20], None, None], dtype=object)
    findings.loc[1, "mask_path"] = "mask.png"
    findings.loc[1, "mask_sha256"] = sha256(tmp_path / "mask.png")
    data = Dataset(tmp_path, data.cases, findings)
    assert located(data)[regions.CORNERS].to_numpy().tolist() == [[3, 4, 9.5, 20], [50, 30, 55, 40]]
    rois, _ = cut_regions(data, crop_size=20, side=20, jitter=0.2)
    assert list(rois["finding"]) == [0, 1]  # the third is nowhere
    (_, shown) = masks(data, rois, 20)
    top, left = (int(rois[name][1]) for name in ("top", "left"))
    np.testing.assert_array_equal(shown, mask[top : top + 20, left : left + 20] > 0)


def test_a_contour_of_one_point_is_a_pixel_large(tmp_path):
    spots = [("calcification", x, y, x, y) for x, y in ((40.5, 50), (0, 0), (90, 120))]
    line = ("calcification", 20, 30, 40, 30)
    data = data_set(tmp_path, {"p1a": [*spots, line, ("mass", *[np.nan] * 4)]})
    contours = [[40.5, 50], [0, 0], [90, 120], [20, 30, 40, 30], [7, 8, 7, 8]]
    data.findings["contour"] = pd.Series(contours, dtype=object)
    assert located(data)[regions.CORNERS].to_numpy().tolist() == [
        [40, 49.5, 41, 50.5], [-0.5, -0.5, 0.5, 0.5], [89.5, 119.5, 90.5, 120.5],
        [20, 29.5, 40, 30.5], [6.5, 7.5, 7.5, 8.5],
    ]  # fmt: skip
    rois, crops = cut_regions(data, crop_size=16, jitter=0)
    assert rois["side"].tolist() == [8, 8, 8, 30, 8]
    assert np.isfinite(contents(rois)).all(axis=None)
    assert all(mask.any() for mask in masks(data, rois, 16))
    assert len(crops) == 5


def test_boxes_beyond_the_edge_are_named_at_once(tmp_path):
    boxes = {
        "p1a": [("mass", 90, 10, 120, 30), ("mass", 80, 100, 200, 200)],
        "p2a": [("mass", -30, 10, -2, 20)],
        "p3a": [("mass", 10, 10, 10, 20)],
    }
    with pytest.raises(DatasetError) as error:
        cut_regions(data_set(tmp_path, boxes))
    assert len(error.value.problems) == 3
    assert "finding 0 of p1a: its box (90, 10, 120, 30)" in str(error.value)
    assert "90 x 120 pixels" in str(error.value)
    assert "finding 1" not in str(error.value)


def test_what_else_is_wrong_is_said(tmp_path):
    data = data_set(tmp_path, {"p1a": [("mass", 10, 10, 30, 20)]})
    with pytest.raises(UserError, match=r"'jitter' is 0\.7, expected 0 to 0\.5"):
        cut_regions(data, jitter=0.7)
    with pytest.raises(DatasetError, match="no located finding of the kind calcification"):
        cut_regions(data, ["calcification"])
    (tmp_path / "p1a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="has changed since"):
        cut_regions(data)


def test_regions_are_split_by_patient_or_marked_as_leaky(tmp_path):
    box = ("calcification", 20, 30, 40, 50)
    boxes = {f"{number:02}{view}": [box] for number in range(24) for view in "ab"}
    rois, _ = cut_regions(data_set(tmp_path, boxes, shape=(80, 80)), crop_size=8, slices=2)
    rois["malignancy"] = np.where(rois["patient_id"].astype(int) % 2, "malignant", "benign")
    table = as_cases(rois)
    assert list(table["source_id"]) == list(rois["image_id"])
    assert table["image_id"].is_unique
    task = MALIGNANCY
    apart = splits.assign_parts(table, "patient", 4, 0, 0, task=task)
    assert apart.groupby("patient_id")["part"].nunique().max() == 1
    mixed = splits.assign_parts(table, "region", 4, 0, 0, task=task)
    assert mixed.groupby("patient_id")["part"].nunique().max() > 1
    assert mixed.groupby("image_id")["part"].nunique().max() == 1
    assert PROTOCOLS["region"].leaks
    made = mixed[mixed["copy"] == 0].assign(variant="a", protocol="region", fold=0, seed=0)
    made = made.assign(y_true=1, p1=0.5, p2=0.5).drop(columns="row")
    assert len(predictions.check(made, task=task)) == len(rois)
    with pytest.raises(DatasetError, match="'given' a patient may stand in"):
        predictions.check(made.assign(protocol="patient"), task=task)
