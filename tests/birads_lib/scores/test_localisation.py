"""The Pointing Game over pairs, held against counting by hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.scores import localisation as game
from birads_lib.scores.bootstrap import wilson

BOXES = np.array([[10, 10, 20, 20], [40, 40, 44, 60]])


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((10, 19), 0), ((9, 15), 0.5), ((20, 15), 0.5), ((5, 0), 9.5), ((30, 50), 9.5),
        ((np.nan, np.nan), np.inf),
    ],
)  # fmt: skip
def test_the_distance_is_how_far_a_box_must_grow(point, expected):
    assert game.distance(*point, BOXES) == expected
    assert game.distance(*point, BOXES[:0]) == np.inf


def test_a_box_grown_by_the_distance_holds_the_pixel():
    rng = np.random.default_rng(0)
    for x, y in rng.integers(0, 80, (50, 2)):
        d = game.distance(x, y, BOXES)
        grown = BOXES + np.array([-d, -d, d, d])
        inside = (grown[:, 0] <= x + 0.5) & (x + 0.5 <= grown[:, 2])
        inside &= (grown[:, 1] <= y + 0.5) & (y + 0.5 <= grown[:, 3])
        assert inside.any()


def test_the_chance_of_a_random_pixel_is_the_share_that_would_hit():
    breast = np.zeros((80, 80), bool)
    breast[:70, :65] = True
    for dilation in (0, 7.5):
        places = np.argwhere(breast)
        expected = np.mean([game.distance(x, y, BOXES) <= dilation for y, x in places])
        assert game.within(breast, BOXES, dilation) == pytest.approx(expected)


def pairs():
    """Seven pairs of five images and four patients; image b has two."""
    return pd.DataFrame(
        [
            ("a", "p", "mass", 0.0, 0.9, 4.0, 0.02),
            ("b", "p", "mass", 3.0, 0.9, 0.0, 0.3),
            ("b", "p", "calcification", 0.0, 0.2, 0.0, 0.3),
            ("c", "q", "mass", np.inf, 0.9, 9.0, 0.3),
            ("d", "r", "calcification", 0.0, 0.3, 9.0, 0.3),
            ("e", "s", "mass", 0.0, 0.9, 9.0, 0.3),
            ("e", "s", "calcification", 9.0, 0.9, 0.0, 0.3),
        ],
        columns=["image_id", "patient_id", "kind", "d1", "v1", "d2", "v2"],
    )


def points():
    table = pairs()
    parts = [
        table[game.PAIR].assign(way=way, distance=table[f"d{n}"], value=table[f"v{n}"])
        for n, way in ((1, "answers"), (2, "centre"))
    ]
    return pd.concat(parts, ignore_index=True)


def test_hits_are_those_within_the_dilation_that_reach_the_gate():
    found = game.hits(points(), 3, {"answers": 0.25})
    assert found.columns.tolist() == [*game.PAIR, "answers", "centre"]
    by_pair = found.set_index(["image_id", "kind"])["answers"].to_dict()
    assert by_pair == {
        ("a", "mass"): 1, ("b", "mass"): 1, ("b", "calcification"): 0, ("c", "mass"): 0,
        ("d", "calcification"): 1, ("e", "mass"): 1, ("e", "calcification"): 0,
    }  # fmt: skip
    assert game.hits(points(), 3, {})["answers"].sum() == 5
    assert game.hits(points(), 0, {})["answers"].sum() == 4


def test_the_three_denominators_are_those_counted_by_hand():
    hit = game.hits(points(), 3, {"answers": 0.25})
    found = game.scores(hit, 50, 0).set_index(["way", "denominator"])["estimate"]
    assert found["answers", game.OF_IMAGES] == pytest.approx(4 / 5)
    assert found["answers", game.OF_PAIRS] == pytest.approx(4 / 7)
    assert found["answers", game.MACRO] == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert found["centre", game.OF_IMAGES] == pytest.approx(3 / 5)


def test_intervals_draw_patients_with_all_their_pairs():
    hit, rng = game.hits(points(), 3, {"answers": 0.25}), np.random.default_rng(1)
    expected = {name: [] for name in game.DENOMINATORS}
    for _ in range(300):
        drawn = rng.choice(list("pqrs"), 4)
        rows = pd.concat([hit[hit["patient_id"] == p].assign(image_id=lambda t, n=n:
                          t["image_id"] + str(n)) for n, p in enumerate(drawn)])  # fmt: skip
        expected[game.OF_IMAGES].append(rows["answers"].sum() / rows["image_id"].nunique())
        expected[game.OF_PAIRS].append(rows["answers"].mean())
        expected[game.MACRO].append(rows.groupby("kind")["answers"].mean().mean())
    found = game.scores(hit, 4000, 0).set_index(["way", "denominator"])
    for name, values in expected.items():
        bounds = found.loc[("answers", name), ["low", "high"]].to_numpy(float)
        np.testing.assert_allclose(bounds, np.quantile(values, [0.025, 0.975]), atol=0.08)


def test_differences_are_paired_and_none_has_no_width():
    hit = game.hits(points(), 3, {"answers": 0.25}).assign(same=lambda t: t["answers"], all=1.0)
    rows = game.differences(hit, [("answers", "centre"), ("answers", "same")], 200, 0)
    gain = rows[rows["denominator"] == game.OF_PAIRS].set_index("second")
    assert gain.loc["centre", "estimate"] == pytest.approx(1 / 7)
    assert gain.loc["same", "estimate"] == 0
    assert np.isnan(gain.loc["same", ["low", "high"]].to_numpy(float)).all()
    whole = game.scores(hit, 200, 0).set_index(["way", "denominator"]).loc["all"]
    np.testing.assert_allclose(
        whole.loc[game.OF_PAIRS, ["low", "high"]].to_numpy(float), wilson(1.0, 4)
    )
    assert np.isnan(whole.loc[game.MACRO, "low"])


@pytest.mark.parametrize(("masks", "windows"), [(128, 60), (1280, 60), (128, 1)])
def test_the_gate_is_passed_by_noise_as_often_as_in_a_simulation(masks, windows):
    rng = np.random.default_rng(0)
    largest = []
    for _ in range(300):
        a, b = rng.normal(size=(2, windows, masks))
        a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        largest.append(r.max())
    expected = np.mean(np.array(largest) > 0.05)
    assert game.chance_above(0.05, masks, windows) == pytest.approx(expected, abs=0.06)
