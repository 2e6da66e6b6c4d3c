"""Errors of published numbers, against SciPy, printed values and simulation."""

import numpy as np
import pytest
from scipy import stats

from birads_lib.scores import published
from birads_lib.scores.metrics import headline

IMAGES = np.array([67, 220, 23, 44, 57])


def test_an_accuracy_has_the_interval_of_its_images():
    expected = stats.binomtest(57, 62).proportion_ci(0.95, "wilson").low
    of_all = np.array([10, 33, 3, 7, 9])
    assert published.lower_bound("accuracy", 57 / 62, of_all) == pytest.approx(expected)
    assert published.lower_bound("macro_f1", 57 / 62, of_all) == pytest.approx(expected)
    of_four = stats.binomtest(6, 7).proportion_ci(0.95, "wilson").low
    assert published.lower_bound("f1_4", 6 / 7, of_all) == pytest.approx(of_four)


def test_the_error_of_an_auc_is_hanleys_and_mcneils_example():
    assert published.auc_error(0.893, 51, 58) == pytest.approx(0.032, abs=6e-4)  # their table II


@pytest.mark.parametrize("auc", [0.7, 0.95, 1.0])
def test_the_bound_of_an_auc_is_1_96_errors_below(auc):
    low = published.auc_bound(auc, 10, 40)
    assert auc - low == pytest.approx(1.959964 * published.auc_error(low, 10, 40), rel=1e-5)
    assert low < auc


def test_an_mcc_is_the_accuracy_above_chance():
    chance = ((IMAGES / IMAGES.sum()) ** 2).sum()
    accuracy = published.lower_bound("accuracy", chance + 0.9 * (1 - chance), IMAGES)
    expected = (accuracy - chance) / (1 - chance)
    assert published.lower_bound("mcc", 0.9, IMAGES) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "mcc"])
def test_few_test_parts_of_a_model_lie_below_the_bound_of_its_true_value(metric):
    """Of 400 test parts of the paper's size, about 2.5 % print a value that excludes the truth."""
    rng = np.random.default_rng(0)
    images = np.array([10, 33, 4, 7, 9])
    y = np.repeat(np.arange(1, 6), images)

    def drawn(y):
        wrong = np.clip(y + rng.choice([-1, 1], len(y)), 1, 5)
        return headline(y, np.eye(5)[np.where(rng.random(len(y)) < 0.9, y, wrong) - 1])[metric]

    truth = np.mean([drawn(np.tile(y, 50)) for _ in range(5)])
    above = np.mean([published.lower_bound(metric, drawn(y), images) > truth for _ in range(400)])
    assert above < 0.05


def test_a_metric_without_a_formula_has_no_bound():
    assert np.isnan(published.lower_bound("qwk", 0.9, IMAGES))


def test_independent_errors_add_in_squares():
    assert published.margin(0.9, 0.6, 0.5, 0.9) == pytest.approx(0.5)
    assert published.margin(0.9, np.nan, 0.5, 0.9) == pytest.approx(0.4)
    assert published.margin(0.9, 0.6, 0.5, np.nan) == pytest.approx(0.3)
