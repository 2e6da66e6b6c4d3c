"""Decision curves say what they show; also where a decision has no curve."""

import numpy as np
import pytest

from birads_lib.figures import decision as plots
from birads_lib.scores import decision
from birads_lib.scores.bootstrap import Resampling
from birads_lib.task import BIRADS
from helpers.figures import check, legend, texts

pytestmark = pytest.mark.filterwarnings("error")


def tables(grades=(1, 2, 3, 4, 5), **options):
    rng = np.random.default_rng(0)
    y = np.concatenate([grades, rng.choice(grades, size=35)])
    p = rng.dirichlet(np.ones(5), size=len(y)) * 0.7 + 0.3 * np.eye(5)[y - 1]
    resampling = Resampling(np.arange(len(y)) // 2, 20)
    return {k: decision.curve(y, p, k, resampling, **options) for k in BIRADS.decisions}


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_curves_beside_their_defaults():
    drawn = tables()
    figure = plots.curves(drawn)
    check(figure)
    assert legend(figure) == ["Act on none", "Act on all", "The model, 95 % interval"]
    for ax, (lowest, table) in zip(figure.axes, drawn.items(), strict=True):
        assert ax.get_title() == f"Decision: {BIRADS.decisions[lowest]}"
        assert ax.get_ylabel() == "Net benefit"
        model = line(ax, "The model, 95 % interval")
        np.testing.assert_array_equal(model.get_ydata(), table["net_benefit"])
        np.testing.assert_array_equal(line(ax, "Act on all").get_ydata(), table["treat_all"])
        assert len(ax.collections) == 1  # the band
    assert figure.axes[-1].get_xlabel() == "Threshold probability"
    assert "Needless actions that one needed action is worth" in texts(figure)


def test_exchange_is_the_inverse_of_the_odds():
    for threshold, words in plots._EXCHANGE.items():
        above, _, below = words.partition("/")
        assert int(above) / int(below or 1) == pytest.approx((1 - threshold) / threshold)


def test_gains_mark_the_range_of_the_paper():
    drawn = tables()
    figure = plots.gains(drawn)
    check(figure)
    assert legend(figure)[0] == "Thresholds 0.2 to 0.8"
    for ax, table in zip(figure.axes, drawn.values(), strict=True):
        model = line(ax, "The model, 95 % interval")
        np.testing.assert_array_equal(model.get_ydata(), table["gain"])
        assert ax.patches[0].get_extents().width == pytest.approx(0.6 * ax.bbox.width)


def test_populations_are_apart_in_line_and_name():
    equal = tables(shares=np.full(5, 0.2))
    figure = plots.populations({"natural shares": tables(), "equal shares": equal})
    check(figure)
    assert "The model, equal shares" in legend(figure)
    assert "Act on all, natural shares" in legend(figure)
    model = line(figure.axes[1], "The model, equal shares")
    np.testing.assert_array_equal(model.get_ydata(), equal[4]["net_benefit"])


def test_elsewhere_has_a_panel_per_prevalence():
    drawn = {rate: {"As given": tables(prevalence=rate)[4]} for rate in (0.1, 0.025)}
    figure = plots.elsewhere(drawn)
    check(figure)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["BI-RADS ≥ 4 in 10 %", "BI-RADS ≥ 4 in 2.5 %"]
    assert legend(figure) == ["Act on none", "Act on all", "As given"]


@pytest.mark.parametrize(("grades", "absent"), [((1, 2, 3, 4), 1), ((1, 2), 3)])
def test_a_decision_without_a_curve_says_so(grades, absent):
    drawn = tables(grades)
    figures = [
        plots.curves(drawn),
        plots.gains(drawn),
        plots.populations({"as drawn": drawn}),
        plots.elsewhere({0.1: {"As given": drawn[5]}}, lowest=5),
    ]
    for figure, expected in zip(figures, [absent, absent, absent, 1], strict=True):
        check(figure)
        assert sum("no curve" in text for text in texts(figure)) == expected
