"""Copies before the split lift the score on the test part, and on nobody else."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.scores import copies


@pytest.fixture
def images():
    """Forty patients with four images each; the measurements say nothing of the category."""
    rng = np.random.default_rng(0)
    grade = np.repeat(rng.choice([1, 2, 3], 80, p=[0.2, 0.6, 0.2]), 2)
    x, y = rng.normal(size=(2, 160))
    return pd.DataFrame({"patient": np.repeat(np.arange(40), 4), "grade": grade, "x": x, "y": y})


def test_only_copies_before_the_split_lift_the_test_score(images):
    honest = copies.deals(images, copies_first=False, seeds=range(30)).mean()
    leaky = copies.deals(images, copies_first=True, seeds=range(30)).mean()
    assert abs(honest - 1 / 3).max() < 0.06
    assert leaky["test"] > 0.55
    assert leaky["new"] == pytest.approx(1 / 3, abs=0.06)


def test_what_the_measurements_tell_is_found_under_both(images):
    images["x"] = 100 * images["grade"]
    for copies_first in (False, True):
        assert (copies.deals(images, copies_first=copies_first, seeds=range(3)) == 1).all(axis=None)


def test_a_seed_gives_the_same_deal(images):
    first, again = (copies.deals(images, copies_first=True, seeds=range(4)) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert first["test"].nunique() > 1
