"""Figures of calibration show the numbers they are given, and say so where data lack."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from birads_lib.figures import calibration as plots
from birads_lib.scores import calibration
from birads_lib.scores.bootstrap import Resampling
from birads_lib.scores.recalibration import tempered
from helpers.figures import drawn, legend

RESAMPLING = Resampling(np.arange(40) // 2, 20)


def sample(grades):
    rng = np.random.default_rng(1)
    y = np.concatenate([grades, rng.choice(grades, size=40 - len(grades))])
    p = rng.dirichlet(np.ones(5), size=40) + 0.5 * np.eye(5)[y - 1]
    return y, p / p.sum(1, keepdims=True)


@pytest.fixture(params=[[1, 2, 3, 4, 5], [1, 2, 4, 5]], ids=["all", "grade 3 absent"])
def predicted(request):
    return sample(request.param)


def check(figure):
    assert isinstance(figure, Figure)
    assert drawn(figure).shape[1] == 1050  # 7 inches at 150 dots
    assert all(ax.get_title() or ax.get_xlabel() for ax in figure.axes if ax.axison)


def dots(ax):
    scatters = [c for c in ax.collections if isinstance(c, mpl.collections.PathCollection)]
    return np.concatenate([collection.get_offsets() for collection in scatters])


@pytest.mark.filterwarnings("error")
def test_reliability(predicted):
    y, p = predicted
    table = calibration.reliability(y, p, RESAMPLING)
    errors = calibration.intervals(y, p, RESAMPLING)
    figure = plots.reliability(table, p, errors)
    check(figure)
    titled = [ax for ax in figure.axes if ax.get_title()]
    error = errors.set_index("metric").loc["ece_2", "estimate"]
    assert titled[1].get_title() == f"BI-RADS 2\nerror {error:.3f}"
    rows = table[table["birads"] == 2]
    np.testing.assert_allclose(dots(titled[1]), rows[["predicted", "observed"]])
    counts = [ax for ax in figure.axes if ax.axison and not ax.get_title()]
    assert sum(bar.get_height() for bar in counts[0].patches) == len(y)


@pytest.mark.filterwarnings("error")
def test_reliability_before_and_after(predicted):
    y, p = predicted
    q = tempered(p, 2)
    pairs = [(calibration.reliability(y, r, RESAMPLING), r) for r in (p, q)]
    figure = plots.reliability_before_after(*pairs, "Temperature scaling")
    check(figure)
    assert legend(figure)[0] == "As predicted"
    assert legend(figure)[1].startswith("Temperature scaling")
    shown = dots(figure.axes[0])
    assert len(shown) == sum((table["birads"] == 1).sum() for table, _ in pairs)


@pytest.mark.filterwarnings("error")
def test_true_class_has_a_dot_an_image(predicted):
    y, p = predicted
    figure = plots.true_class(y, p)
    check(figure)
    of_truth = p[np.arange(len(y)), y - 1]
    np.testing.assert_allclose(np.sort(dots(figure.axes[0])[:, 1]), np.sort(of_truth))
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == [f"{g}\nn = {(y == g).sum()}" for g in range(1, 6)]


@pytest.mark.filterwarnings("error")
def test_scores_of_each_correction(predicted):
    y, p = predicted
    tables = {
        "uncorrected": calibration.intervals(y, p, RESAMPLING),
        "saerens": calibration.intervals(y, tempered(p, 3), RESAMPLING),
    }
    figure = plots.scores(tables, {"Always the same": {"brier": 0.7}})
    check(figure)
    assert [ax.get_title() for ax in figure.axes if ax.axison] == list(calibration.SCORES.values())
    brier = figure.axes[2]
    expected = [t.set_index("metric").loc["brier", "estimate"] for t in tables.values()]
    np.testing.assert_allclose(dots(brier)[:, 0], expected)
    assert brier.lines[0].get_xdata()[0] == 0.7
    assert not figure.axes[3].lines
    assert legend(figure) == ["Always the same"]
    names = [label.get_text() for label in brier.get_yticklabels()]
    assert names == ["As predicted", "Saerens EM"]
    for ax in figure.axes[:5]:  # nothing is cut off
        assert ax.get_xlim()[0] == 0
        assert dots(ax)[:, 0].max() < ax.get_xlim()[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("folds", [1, 3])
def test_fitted_by_fold(folds):
    table = pd.DataFrame({"fold": range(folds), "temperature": np.linspace(0.8, 1.4, folds)})
    for number, kind in enumerate(["observed", "training", "natural", "saerens"]):
        for grade in range(1, 6):
            table[f"{kind}_{grade}"] = 0.1 + 0.05 * number
    figure = plots.fitted_by_fold(table)
    check(figure)
    np.testing.assert_allclose(dots(figure.axes[0])[:, 1], table["temperature"])
    assert len(legend(figure)) == 4
    assert set(dots(figure.axes[1])[:, 1].round(2)) == {0.1, 0.15, 0.2, 0.25}
