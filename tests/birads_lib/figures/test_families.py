"""Charts of families of networks: what they draw, from numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import families as plots
from birads_lib.scores import two_classes
from helpers.figures import drawn, legend, texts

PRINTED = {"accuracy": 0.869, "auc": 0.998, "weighted_f1": 0.869}
NETWORKS = ("one", "two")


def metrics(shift: float = 0.0) -> pd.DataFrame:
    rows = [
        {"network": network, "metric": metric, "estimate": 0.7 + shift}
        for network in NETWORKS
        for metric in [*two_classes.NAMES, *two_classes.ERRORS]
    ]
    return pd.DataFrame(rows).assign(low=0.6 + shift, high=0.8 + shift)


def marks(ax) -> list[np.ndarray]:
    return [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]


def test_metrics_of_both_splits_stand_beside_each_other():
    figure = plots.by_network({"patient": metrics(), "region": metrics(0.1)})
    assert [ax.get_title() for ax in figure.axes] == [*two_classes.NAMES.values()]
    assert legend(figure) == ["By patient", "By region (leaky)"]
    honest, leaky = (m for m in marks(figure.axes[0]) if len(m) == len(NETWORKS))
    np.testing.assert_allclose(honest[:, 0], 0.7)
    np.testing.assert_allclose(leaky[:, 0], 0.8)
    assert drawn(figure).shape[1] == 1050


def test_a_difference_stands_beside_its_margin():
    table = pd.DataFrame({"pair": ["two - one"], "metric": ["auc"], "estimate": [0.02]})
    table = table.assign(low=-0.01, high=0.05)
    figure = plots.differences({"Patients": table, "Folds": table}, 0.03, ["auc"])
    (ax,) = figure.axes
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.03, 0.03))
    assert set(legend(figure)) == {"margin", "Patients", "Folds"}
    drawn(figure)


def test_the_floor_of_wilcoxons_test_is_drawn_for_each_number_of_folds():
    reached = pd.DataFrame({"folds": [5, 5], "p_value": [0.0625, 0.8], "label": ["F1", "AUC"]})
    figure = plots.floors(reached, comparisons=21)
    (ax,) = figure.axes
    folds, lowest = ax.lines[0].get_data()
    np.testing.assert_allclose(lowest, 2 / 2.0**folds)
    assert lowest[folds == 5] > 0.05
    levels = {line.get_ydata()[0] for line in ax.lines[1:]}
    assert levels == {0.05, 0.05 / 21}
    assert {"F1", "AUC"} <= set(legend(figure))
    assert drawn(figure).shape[1] == 1050


def test_the_bound_is_drawn_with_each_point_and_what_the_printed_auc_needs():
    points = pd.DataFrame(
        {"name": ["a", "b"], "false_positive_rate": [0.2, 0.1], "miss_rate": [0.3, 0.1]}
    ).assign(auc=[0.8, 0.9], leaks=[False, True])
    figure = plots.bound(points, PRINTED)
    (ax,) = figure.axes
    assert {"a: AUC 0.800 of 0.940", "b: AUC 0.900 of 0.990"} <= set(legend(figure))
    (x, y) = next(line.get_data() for line in ax.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(x + y, 2 * (1 - 0.869))
    stars = next(m for m in marks(ax) if len(m) == 2)
    np.testing.assert_allclose(1 - stars.prod(axis=1), 0.998)
    assert ax.get_xlim()[1] == ax.get_ylim()[1] > 0.3
    assert {"≤ 0.95", "≤ 0.98", "≤ 0.998"} <= set(texts(figure))
    drawn(figure)


def test_shares_at_which_the_numbers_are_possible_are_shaded():
    table = two_classes.shares_allowing(PRINTED, np.arange(0.3, 0.71, 0.05))
    figure = plots.shares(table, PRINTED)
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), table["largest_auc"])
    assert "printed: 0.998" in texts(figure)
    drawn(figure)


def timed() -> pd.DataFrame:
    rows = [
        {"network": n, "family": f, "setting": s, "batch": b, "gmacs": g, "milliseconds": t}
        for n, f, g, t in (("r", "ResNet", 4.0, 100.0), ("e", "EfficientNet", 0.4, 40.0))
        for s in ("equal size", "native size")
        for b in (1, 32)
    ]
    return pd.DataFrame(rows).assign(low=30.0, high=120.0)


def test_time_stands_against_arithmetic_a_panel_for_each_batch():
    figure = plots.speed(timed())
    assert [ax.get_title() for ax in figure.axes] == ["Batch of 1", "Batch of 32"]
    assert "EfficientNet, native size" in legend(figure)
    assert figure.axes[0].get_xscale() == "log"
    assert drawn(figure).shape[1] == 1050


def test_the_front_holds_what_nothing_beats_in_both():
    table = pd.DataFrame({"network": list("abcd"), "milliseconds": [10, 20, 30, 10.0]}).assign(
        estimate=[0.7, 0.6, 0.8, 0.65], low=0.5, high=0.9
    )
    assert plots.front(table)["network"].tolist() == ["a", "c"]
    figure = plots.pareto(table, "Weighted F1")
    assert set("abcd") <= set(texts(figure))
    assert figure.axes[0].get_xlim()[0] == 0
    drawn(figure)
