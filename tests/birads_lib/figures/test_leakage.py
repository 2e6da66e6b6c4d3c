"""Figures of the feature space and of the audit say what they show, also where data lack."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from birads_lib.figures import leakage as leakage_plots
from birads_lib.figures import neighbours as neighbours_plots
from birads_lib.predictions import cluster_ids, out_of_fold
from birads_lib.scores import leakage, neighbours, printed_numbers
from birads_lib.scores.bootstrap import Resampling
from helpers.figures import check as check_figure
from helpers.figures import texts as all_texts
from helpers.leakage import images, run

PROTOCOLS = ["patient", "image", "oversample_first"]
PAPER = {"accuracy": 0.921, "macro_f1": 0.920, "mean_auc": 0.987, "mcc": 0.903}


def texts(figure: Figure) -> str:
    return "\n".join(all_texts(figure))


def check(figure: Figure) -> None:
    check_figure(figure)
    assert all(ax.get_title() for ax in figure.axes)
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width


@pytest.fixture(scope="module")
def tables():
    return {protocol: run(images(), protocol) for protocol in PROTOCOLS}


@pytest.fixture(scope="module")
def measured(tables):
    return {protocol: leakage.metrics_with_nulls(table, 20) for protocol, table in tables.items()}


def test_three_bars_name_whose_images_the_papers_are(measured):
    shown = {name: measured[name] for name in ("oversample_first", "patient")}
    here = leakage_plots.three_bars(shown, PAPER)
    elsewhere = leakage_plots.three_bars(shown, PAPER, "INbreast")
    for figure in (here, elsewhere):
        check(figure)
        assert len(figure.axes[0].patches) == 12
        assert "oversample first (leaky)" in texts(figure)
    assert "other images" not in texts(here)
    assert "The paper (on INbreast, other images)" in texts(elsewhere)


@pytest.fixture(scope="module")
def with_floors(tables):
    """Metrics where one floor is the model itself, and another one is worse."""
    measured = {}
    for protocol, table in tables.items():
        floor = out_of_fold(table).assign(variant="logistic_regression")
        measured[protocol] = leakage.metrics_with_nulls(table, 20, floors=floor)
    return measured


def test_three_bars_mark_the_best_floor_and_say_where_the_network_stands(with_floors):
    shown = {name: with_floors[name] for name in ("oversample_first", "patient")}
    words = {
        name: f"The network is below its best floor in all five metrics of {name}."
        for name in shown
    }
    figure = leakage_plots.three_bars(shown, PAPER, verdicts=words)
    check(figure)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert (
        "By patient: the network is below its best floor in all five metrics of patient." in title
    )
    marks = [c for c in figure.axes[0].collections if isinstance(c, mpl.collections.PathCollection)]
    heights = [np.asarray(mark.get_offsets())[:, 1] for mark in marks]
    for drawn, rows in zip(heights[1:], shown.values(), strict=True):  # the paper has no floor
        floors = rows[rows["answer"].isin(["majority", "logistic_regression"])]
        best = floors.groupby("metric")["estimate"].max()
        np.testing.assert_allclose(drawn, best[[*leakage.COMPARED]])
    assert "Best floor, without a network" in texts(figure)


def test_nulls_with_floors_draw_each(with_floors):
    figure = leakage_plots.nulls(with_floors)
    check(figure)
    assert "Logistic regression, frozen features" in texts(figure)
    assert "Density and view alone" not in texts(figure)


def test_three_bars_draw_whiskers_and_numbers(measured):
    rows = measured["patient"].set_index(["answer", "metric"])
    figure = leakage_plots.three_bars({"patient": measured["patient"]}, PAPER)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    expected = [rows.loc[("model", name), "estimate"] for name in leakage.COMPARED]
    np.testing.assert_allclose(heights, [*PAPER.values(), *expected])
    whiskers = [c for c in figure.axes[0].collections if hasattr(c, "get_segments")]
    ends = whiskers[1].get_segments()[0][:, 1]
    np.testing.assert_allclose(ends, rows.loc[("model", "accuracy"), ["low", "high"]].tolist())


def test_three_bars_of_undefined_and_negative_values(measured):
    rows = measured["patient"].copy()
    rows.loc[rows["metric"] == "mean_auc", ["estimate", "low", "high"]] = np.nan
    rows.loc[rows["metric"] == "mcc", ["estimate", "low", "high"]] = [-0.2, -0.3, -0.1]
    figure = leakage_plots.three_bars({"patient": rows}, PAPER, "INbreast")
    check(figure)
    assert "none" in texts(figure)
    assert figure.axes[0].get_ylim()[0] < -0.3


@pytest.mark.parametrize("count", [1, 3])
def test_nulls(measured, count):
    figure = leakage_plots.nulls({name: measured[name] for name in PROTOCOLS[:count]})
    check(figure)
    assert "Lookup table" in texts(figure)
    assert "by patient" in texts(figure)


def test_met_in_training_fills_each_bar(tables):
    met = {name: leakage.met_in_training(table, images()) for name, table in tables.items()}
    closest = pd.DataFrame({name: leakage.closest(rows) for name, rows in met.items()}).T
    figure = leakage_plots.met_in_training(closest)
    check(figure)
    widths = pd.Series({bar.get_y(): 0.0 for bar in figure.axes[0].patches})
    for bar in figure.axes[0].patches:
        widths[bar.get_y()] += bar.get_width()
    assert len(widths) == 3
    np.testing.assert_allclose(widths, 100)
    assert "Unknown" not in texts(figure)


def test_met_in_training_says_what_is_unknown():
    cases = images().assign(patient_id=None)
    met = leakage.met_in_training(run(cases, "image"), cases)
    figure = leakage_plots.met_in_training(pd.DataFrame({"image": leakage.closest(met)}).T)
    check(figure)
    assert "Unknown" in texts(figure)
    assert "100 %" in texts(figure)


@pytest.mark.parametrize("absent", [None, 3])
def test_recall_by_images(absent):
    cases = images()
    cases = cases[cases["birads"] != absent].reset_index(drop=True)
    table = run(cases, "oversample_first")
    rows = leakage.by_category(table, leakage.metrics_with_nulls(table, 20)).assign(
        protocol="oversample_first"
    )
    figure = leakage_plots.recall_by_images(rows)
    check(figure)
    assert ("BI-RADS 3" in texts(figure)) == (absent is None)
    assert figure.axes[0].get_xticks().size


@pytest.mark.parametrize("parts", [{"A": {"accuracy": 0.921}, "F": {"f1_3": 0.969}}, {}])
def test_possible_sizes_marks_each_size_and_the_stated_ones(parts):
    table = printed_numbers.possible_sizes(parts, [30, 20, 10], range(30, 120))
    stated = {"a share": range(61, 63), "of copies": range(90, 91)}
    figure = leakage_plots.possible_sizes(table, [*parts], stated)
    check(figure)
    lines = [c for c in figure.axes[0].collections if isinstance(c, mpl.collections.LineCollection)]
    assert sum(len(c.get_segments()) for c in lines) == len(table)
    bands = [patch.get_x() for patch in figure.axes[0].patches]
    assert bands == [60.5, 89.5]
    assert {"a share", "of copies"} <= set(texts(figure).splitlines())


def space(n=40, patients=12):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(n)],
            "patient_id": pd.array([f"p{i}" for i in rng.integers(patients, size=n)], dtype="str"),
            "fold": 0,
            "seed": 0,
            "y_true": rng.integers(1, 6, size=n),
        }
    )
    return rows, rng.normal(size=(n, 4))


@pytest.mark.parametrize("patients", [1, 12, 200])
def test_projections_draw_every_image_twice(patients):
    rows, e = space(patients=patients)
    figure = neighbours_plots.projections({"A": e[:, :2], "B": e[:, 2:]}, rows)
    check(figure)
    for by_grade, by_patient in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        assert sum(sizes(by_grade)) == len(rows)
        assert sizes(by_patient)[0] == len(rows)  # the patients' own lie upon these


def sizes(ax):
    dots = [c for c in ax.collections if isinstance(c, mpl.collections.PathCollection)]
    return [len(c.get_offsets()) for c in dots]


@pytest.mark.parametrize("patients", [1, 12, 200])
def test_projections_join_the_patients_with_most_images(patients):
    rows, e = space(patients=patients)
    ax = neighbours_plots.projections({"A": e[:, :2]}, rows).axes[1]
    counts = rows["patient_id"].value_counts()
    most = counts[counts > 1][: neighbours_plots.JOINED].tolist()
    assert sizes(ax)[1:] == most
    lines = [c for c in ax.collections if isinstance(c, mpl.collections.LineCollection)]
    assert [len(c.get_segments()) for c in lines] == most


def test_projections_of_too_few_images():
    rows, e = space(n=3)
    figure = neighbours_plots.projections({"t-SNE": neighbours.tsne(e)}, rows)
    check(figure)
    assert "3 images:\ntoo few for a picture" in texts(figure)


def test_projections_of_unknown_patients():
    rows, e = space()
    figure = neighbours_plots.projections({"A": e[:, :2]}, rows.assign(patient_id=None))
    check(figure)


@pytest.mark.parametrize("known", [True, False])
def test_neighbourhood(known):
    rows, e = space()
    rows = rows if known else rows.assign(patient_id=None)
    table = neighbours.intervals(
        neighbours.scores(rows, e), rows, Resampling(cluster_ids(rows), 20)
    )
    figure = neighbours_plots.neighbourhood(table, 5)
    check(figure)
    assert "The 5 nearest images" in texts(figure)
    assert ("not estimable" in texts(figure)) == (not known)
