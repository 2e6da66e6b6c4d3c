"""Breast density of phantoms: whose it is, how readers differ, and how modalities show it."""

import cv2
import numpy as np
import pytest

from birads_lib.phantoms import anatomy, phantom, render
from birads_lib.task import DENSITY


def read(patients: int, **options) -> list[tuple[phantom.Truth, ...]]:
    return [[phantom.describe(5, p, side, **options) for side in "LR"] for p in range(patients)]


@pytest.mark.parametrize("rate", [0.0, 0.2, 1.0])
def test_readers_disagree_with_the_truth_by_one_category_at_the_rate_asked_for(rate):
    truths = [breasts[0] for breasts in read(1500, density_disagreement=rate)]
    steps = [DENSITY.labels.index(t.density) - DENSITY.labels.index(t.density_true) for t in truths]
    assert set(np.abs(steps)) <= {0, 1}
    assert np.mean(np.abs(steps)) == pytest.approx(rate, abs=0.03)


def test_a_patient_has_one_density_and_a_reader_says_one():
    for left, right in read(60, density_disagreement=0.5):
        assert (left.density, left.density_true) == (right.density, right.density_true)


def test_readers_err_independently():
    own = [phantom.read_density(5, p, "B", 0.3, reader=0) for p in range(2000)]
    other = [phantom.read_density(5, p, "B", 0.3, reader=1) for p in range(2000)]
    both = np.mean([a != "B" and b != "B" for a, b in zip(own, other, strict=True)])
    assert both == pytest.approx(0.3 * 0.3, abs=0.03)
    assert own == [phantom.read_density(5, p, "B", 0.3) for p in range(2000)]


def test_disagreement_on_density_changes_no_image():
    images = [render(3, 1, "L", "CC", size=64, density_disagreement=q).image for q in (0.0, 1.0)]
    assert np.array_equal(*images)


def test_densities_come_at_the_shares_asked_for():
    shares = (0.05, 0.25, 0.40, 0.30)
    drawn = [left.density_true for left, _ in read(3000, density_shares=shares)]
    counts = [drawn.count(label) / 3000 for label in DENSITY.labels]
    assert counts == pytest.approx(shares, abs=0.03)


def shown(modality, **options):
    return render(8, 4, "L", "CC", modality=modality, **options).image.astype(float)


def edges(image):
    return np.abs(cv2.Laplacian(cv2.GaussianBlur(image, (0, 0), 1.5), cv2.CV_64F)).mean()


def test_modalities_differ_as_they_say():
    dm, s2d, dbt = map(shown, ("DM", "s2D", "DBT"))
    assert edges(s2d) > 1.15 * edges(dm)  # edges enhanced
    inside = dm > 40
    assert dbt[inside].mean() < dm[inside].mean()  # a slice shows less tissue
    fine = [np.std((i - cv2.GaussianBlur(i, (0, 0), 1))[inside]) for i in (dm, dbt)]
    assert fine[1] > fine[0]  # and more noise
    assert set(anatomy.RENDERING) == set(anatomy.MODALITY_SHARES)


def test_gamma_darkens_and_noise_is_a_multiple():
    plain, dark = shown("DM"), shown("DM", gamma=1.8)
    assert dark.mean() < plain.mean()
    quiet, loud = shown("DM", noise=0.0), shown("DM", noise=2.0)
    inside = (quiet > 60) & (quiet < 200)
    noise = [np.std((i - quiet)[inside]) for i in (plain, loud)]
    assert noise[1] == pytest.approx(2 * noise[0], rel=0.1)
