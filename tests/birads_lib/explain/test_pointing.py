"""The Pointing Game: where maps point, where findings lie, and how sure the shares are."""

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import DatasetError
from birads_lib.explain import pointing
from birads_lib.files import sha256
from birads_lib.images import (
    Geometry,
    breast_mask,
    finding_masks,
    in_frame,
    located_images,
    preprocess_all,
    read_geometry,
)
from birads_lib.images.frame import finding_mask


def one_hot(cell: int, cells: int = 49) -> np.ndarray:
    return np.eye(cells)[cell].reshape(1, 7, -1)


def test_a_peak_is_the_centre_of_the_largest_cell():
    np.testing.assert_array_equal(pointing.peaks(one_hot(0), 224), [[16, 16]])
    np.testing.assert_array_equal(pointing.peaks(one_hot(2 * 7 + 5), 224), [[176, 80]])  # x, y
    oblong = np.zeros((1, 2, 4))
    oblong[0, 1, 3] = 1
    np.testing.assert_array_equal(pointing.peaks(oblong, 8), [[7, 6]])


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(49)))
def test_an_enlarged_map_has_its_maximum_there_too(order):
    """Within a pixel; at the border the enlarged map is flat from the cell's centre outwards."""
    small = np.array(order, float).reshape(7, 7)
    small[small == 48] = 60  # else the next largest may win, once enlarging has smoothed both
    large = cv2.resize(small, (224, 224), interpolation=cv2.INTER_LINEAR)
    ((x, y),) = pointing.peaks(small[None], 224).astype(int)
    assert large[y - 1 : y + 1, x - 1 : x + 1].max() == pytest.approx(large.max())


def test_equal_cells_give_the_first_and_a_constant_map_gives_none():
    twice = one_hot(10) + one_hot(30)
    np.testing.assert_array_equal(pointing.peaks(twice, 224), pointing.peaks(one_hot(10), 224))
    assert np.isnan(pointing.peaks(np.full((2, 7, 7), 0.3), 224)).all()


def disc(x, y, radius, size=64):
    return cv2.circle(np.zeros((size, size), np.uint8), (x, y), radius, 1, -1) > 0


def test_hits_by_brute_force_with_tolerance():
    mask = disc(20, 30, 4)
    inside = np.argwhere(mask)  # y, x
    rng = np.random.default_rng(0)
    for x, y in rng.integers(0, 64, (60, 2)):
        distance = np.hypot(*(inside - (y, x)).T).min()
        for tolerance in (0, 5.5):
            (hit,) = pointing.hits(np.array([[x, y]], float), pointing.grown([mask], tolerance))
            if abs(distance - tolerance) > 0.1:  # OpenCV's distances are good to 2 %
                assert hit == (distance <= tolerance)


def test_no_mask_is_undefined_and_no_peak_misses():
    points = np.array([[20.0, 30.0], [np.nan, np.nan], [20, 30]])
    hit = pointing.hits(points, [disc(20, 30, 4), disc(20, 30, 4), None])
    np.testing.assert_array_equal(hit, [1, 0, np.nan])


def test_ceiling_is_whether_any_cell_can_hit():
    masks = [disc(16, 16, 2), disc(32, 32, 3), None, disc(32, 32, 30)]
    reachable = pointing.ceiling(masks, (2, 2))  # centres at 16 and 48
    np.testing.assert_array_equal(reachable, [1, 0, np.nan, 1])
    assert pointing.ceiling(pointing.grown([masks[1]], 25), (2, 2))[0] == 1


def breast() -> np.ndarray:
    """A bright ellipse at the left, with one brighter blob."""
    image = np.zeros((64, 64), np.uint8)
    cv2.ellipse(image, (0, 32), (40, 24), 0, 0, 360, 120, -1)
    cv2.circle(image, (15, 40), 6, 250, -1)
    return image


def test_reference_points():
    image = breast()
    image[5, 60] = 255  # a speck is no brightest place
    images = np.stack([image, np.zeros_like(image)])
    places = pointing.reference_points(images, [breast_mask(image) for image in images])
    np.testing.assert_array_equal(places["centre"], [[31, 31], [31, 31]])
    np.testing.assert_allclose(places["brightness"][0], [15, 40], atol=2)
    y, x = np.argwhere(breast() > 0).mean(axis=0)
    np.testing.assert_allclose(places["breast_centre"][0], [x, y], atol=2)
    np.testing.assert_allclose(places["breast_centre"][1], [32, 32], atol=1)  # none seen: the frame


def test_chance_is_the_findings_share_of_the_breast():
    mask = disc(15, 40, 6)
    shares = pointing.chance([breast_mask(breast())] * 2, [mask, None])
    np.testing.assert_allclose(shares[0], mask.sum() / (breast() > 0).sum(), rtol=0.15)
    assert np.isnan(shares[1])


def test_the_best_way_without_a_model_is_what_a_map_is_held_against():
    masks = [disc(20, 30, 4), disc(40, 30, 4), None]
    breasts = [disc(32, 32, 30)] * 3
    at = {"": [(20, 30), (40, 30), (1, 1)], "centre": [(31, 31)] * 3}
    at |= {"breast_centre": [(20, 30), (31, 31), (31, 31)], "brightness": [(0, 0)] * 3}
    points = {name: np.array(place, float) for name, place in at.items()}
    table, best = pointing.pointing_game(points, masks, breasts, (2, 2))
    assert best == "breast_centre"
    np.testing.assert_array_equal(table["pointing_game"], [1, 1, np.nan])
    np.testing.assert_array_equal(table["pointing_game_over_best_baseline"], [0, 1, np.nan])
    np.testing.assert_array_equal(table["pointing_game_ceiling"], [0, 0, np.nan])
    near, _ = pointing.pointing_game(points, masks, breasts, (2, 2), tolerance=30)
    assert near["pointing_game_centre"].tolist()[:2] == [1, 1]


def test_a_map_without_a_maximum_points_neither_inside_nor_outside_the_breast():
    points = {"": np.array([[20.0, 30], [np.nan, np.nan]]), "attention": np.array([[0.0, 0]] * 2)}
    table = pointing.outside_breast(points, [disc(20, 30, 4)] * 2)
    np.testing.assert_array_equal(table["outside"], [0, np.nan])
    assert table["outside_attention"].tolist() == [1, 1]
    assert table["outside_chance"].tolist() == [1 - disc(20, 30, 4).mean()] * 2


def test_counts_tell_the_least_rise_of_sharpness_from_the_second_label_on():
    rows = {"pointing_game": 0.5} | {f"sharpness_{k}": v for k, v in enumerate("93576", 1)}
    scores = pd.DataFrame({"metric": rows.keys(), "estimate": map(float, rows.values()), "n": 7})
    table = pointing.counts(scores, np.array([True, False, True])).set_index("metric")["estimate"]
    assert table.to_dict() == {
        "pointing_game_images": 7,
        "constant_maps": 2,
        "sharpness_least_step": -1,
    }
    scores.loc[scores["metric"] == "sharpness_4", "estimate"] = np.nan
    assert np.isnan(pointing.counts(scores, np.zeros(3))["estimate"].iloc[-1])


def test_answers_are_listed_by_true_label():
    table = pointing.answers(np.eye(5), {2: 4, 5: 0})
    assert table.loc[2].tolist() == [0, 0, 0, 0, 1]
    assert table.loc[5, "p1"] == 1


def test_the_smallest_known_finding_of_allowed_images():
    masks = [disc(20, 30, 2), disc(20, 30, 9), None, disc(20, 30, 5)]
    assert pointing.smallest_finding(masks, np.array([False, True, True, True])) == 3
    assert pointing.smallest_finding(masks, np.array([False, False, True, False])) is None


FINDING = {"kind": "mass", "descriptors": "", "contour": None, "mask_path": None}
FINDING |= {"mask_sha256": None}
FINDING |= dict.fromkeys(("x0", "y0", "x1", "y1"), np.nan)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    ids = ["box", "contour", "mask", "point", "described", "two", "none"]
    for name in ids:
        pixels = rng.integers(0, 255, (40, 80), dtype="uint8")
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    drawn = np.zeros((40, 80), np.uint8)
    drawn[10:20, 40:60] = 255
    cv2.imwrite(str(tmp_path / "drawn.png"), drawn)
    drawn_sha256 = sha256(tmp_path / "drawn.png")
    box = {"x0": 40.0, "y0": 10.0, "x1": 60.0, "y1": 20.0}
    findings = [
        FINDING | {"image_id": "box"} | box,
        FINDING | {"image_id": "contour", "contour": [40, 10, 59, 10, 59, 19, 40, 19]},
        FINDING | {"image_id": "mask", "mask_path": "drawn.png", "mask_sha256": drawn_sha256} | box,
        FINDING | {"image_id": "point", "contour": [60.4, 30.2]},
        FINDING | {"image_id": "described"},
        FINDING | {"image_id": "two"} | box,
        FINDING | {"image_id": "two", "contour": [60.4, 30.2]},
    ]
    cases = pd.DataFrame({"image_id": ids, "path": [f"{i}.png" for i in ids]})
    cases = cases.assign(patient_id=None, laterality=None, view=None, birads=2)
    cases = cases.assign(birads_original="2", density=None, modality=None, size_bytes=1)
    cases["sha256"] = [sha256(tmp_path / path) for path in cases["path"]]
    return Dataset(tmp_path, cases, pd.DataFrame(findings))


def placed(data: Dataset, **options) -> dict[str, Geometry]:
    """Return where each image lies in the frame, as chapter 02 writes it and 08 reads it."""
    folder = data.root / "prepared"
    preprocess_all(data, folder / "images.npy", folder / "geometry.parquet", **options)
    return read_geometry(folder / "geometry.parquet")


def test_masks_from_box_contour_and_mask_agree_in_the_frame(data):
    masks = finding_masks(data, ["box", "contour", "mask"], placed(data, image_size=40))
    expected = np.zeros((40, 40), bool)
    expected[10:20, 20:30] = True  # 80 pixels across became 40
    for mask in masks:
        np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((5, 7, 6, 8), slice(7, 8), slice(5, 6)),
        ((5, 7, 8, 10), slice(7, 10), slice(5, 8)),
        ((5.6, 7.2, 7.1, 9), slice(7, 9), slice(5, 8)),
        ((-3, -2, 4, 3), slice(0, 3), slice(0, 4)),
        ((75, 77, 81, 81), slice(77, 80), slice(75, 80)),
        ((5, 7, 5, 9), slice(7, 9), slice(5, 6)),
    ],
)
def test_a_box_covers_the_pixels_that_it_has_a_part_of(tmp_path, box, rows, columns):
    finding = pd.Series(FINDING | dict(zip(("x0", "y0", "x1", "y1"), map(float, box), strict=True)))
    whole = Geometry((80, 80), (0, 0, 80, 80), False, (0, 0, 80, 80), 80)
    expected = np.zeros((80, 80), bool)
    expected[rows, columns] = True
    np.testing.assert_array_equal(finding_mask(finding, tmp_path, whole), expected)


def test_a_point_is_one_pixel_and_findings_are_joined(data):
    point, box, two = finding_masks(data, ["point", "box", "two"], placed(data, image_size=40))
    np.testing.assert_array_equal(np.argwhere(point), [[30, 30]])  # y, x
    np.testing.assert_array_equal(two, point | box)


def test_a_finding_without_a_place_has_no_mask(data):
    assert finding_masks(data, ["described", "none"], {}) == [None, None]
    assert located_images(data.findings) == {"box", "contour", "mask", "point", "two"}


def test_a_data_set_without_findings_has_no_masks(data):
    bare = Dataset(data.root, data.cases, no_findings())
    assert finding_masks(bare, ["box", "none"], {}) == [None, None]
    assert located_images(bare.findings) == set()


def test_masks_are_mirrored_and_letterboxed_with_the_image(data):
    options = {"image_size": 40, "letterbox": True, "flip_to_left": True}
    image = np.zeros((40, 80), np.uint8)
    image[:, 50:] = 200  # bright at the right: it is mirrored
    cv2.imwrite(str(data.root / "mask.png"), image)
    of_mask = data.cases["image_id"] == "mask"
    data.cases.loc[of_mask, "sha256"] = sha256(data.root / "mask.png")
    geometries = placed(data, **options)
    assert geometries["mask"].mirrored
    (mask,) = finding_masks(data, ["mask"], geometries)
    expected = np.zeros((40, 40), bool)
    expected[15:20, 10:20] = True  # halved, mirrored, 10 rows of padding above
    np.testing.assert_array_equal(mask, expected)
    framed = in_frame(data, "mask", geometries["mask"])
    assert framed[20, 2] == 200
    assert not framed[:10].any()


@pytest.mark.parametrize("name", ["drawn.png", "mask.png"])
def test_an_image_or_a_mask_that_was_exchanged_is_refused(data, name):
    geometries = placed(data, image_size=40)
    cv2.imwrite(str(data.root / name), np.full((40, 80), 255, np.uint8))
    look = {
        "drawn.png": lambda: finding_masks(data, ["mask"], geometries),
        "mask.png": lambda: in_frame(data, "mask", geometries["mask"]),
    }
    with pytest.raises(DatasetError, match=rf"{name}.*has changed since 01_data_exploration"):
        look[name]()


def rows_of_two_folds() -> pd.DataFrame:
    rows = [
        {"image_id": f"{fold}_{n}", "fold": fold, "copy": 0, "y_true": 1 + (n % 10 == 0)}
        for fold in range(2)
        for n in range(20)
    ]
    return pd.DataFrame(rows)


def test_chosen_images_keep_the_shares_of_the_categories():
    chosen = pointing.choose_images(rows_of_two_folds(), set(), per_fold=10)
    counts = chosen.groupby(["fold", "y_true"]).size()
    assert counts.to_dict() == {(0, 1): 9, (0, 2): 1, (1, 1): 9, (1, 2): 1}
    same = pointing.choose_images(rows_of_two_folds(), set(), per_fold=10)
    pd.testing.assert_frame_equal(chosen, same)
    other = pointing.choose_images(rows_of_two_folds(), set(), per_fold=10, seed=1)
    assert set(chosen["image_id"]) != set(other["image_id"])


def test_located_findings_come_first_and_all_are_taken_where_there_is_room():
    located = {"0_3", "1_7"}
    chosen = pointing.choose_images(rows_of_two_folds(), located, per_fold=5)
    assert located <= set(chosen["image_id"])
    assert len(pointing.choose_images(rows_of_two_folds(), located, per_fold=99)) == 40


def test_copies_are_explained_once_by_the_first_fold():
    copies = rows_of_two_folds().assign(
        image_id=lambda t: "i" + (t.index % 7).astype(str), copy=range(40)
    )
    chosen = pointing.choose_images(copies, set(), per_fold=50)
    assert sorted(chosen["image_id"]) == [f"i{n}" for n in range(7)]
    assert set(chosen["fold"]) == {0}


def test_typical_is_the_median_of_the_right_and_worst_the_surest_of_the_wrong():
    y = np.array([2, 2, 2, 2, 3, 3])
    confidence = [0.9, 0.5, 0.7, 0.8, 0.6, 0.95]
    answer = [2, 2, 2, 4, 1, 1]
    p = np.array([np.where(np.arange(1, 6) == a, c, (1 - c) / 4)
                  for a, c in zip(answer, confidence, strict=True)])  # fmt: skip
    assert pointing.typical(y, p) == {2: 2}
    assert pointing.worst(y, p) == {2: 3, 3: 5}
    assert pointing.typical(y[:2], p[:2]) == {2: 1}  # of two, the lower


def test_by_grade_adds_columns_that_hold_one_grade_only():
    table = pointing.by_grade(pd.DataFrame({"hit": [1.0, 0.0, 1.0]}), np.array([2, 5, 2]))
    assert list(table) == ["hit", *[f"hit_{g}" for g in range(1, 6)]]
    np.testing.assert_array_equal(table["hit_2"], [1, np.nan, 1])
    assert table["hit_1"].isna().all()
