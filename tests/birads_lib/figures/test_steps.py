"""Charts of the staircase: what stands in them."""

import numpy as np
import pandas as pd

from birads_lib.figures import steps as plots

METRICS = ["accuracy", "macro_f1", "mean_auc", "qwk"]
TITLES = {"paper": "The paper", "leaky": "Copies", "best": "Best", "majority": "Majority"}


def test_the_paper_has_no_bar_a_leak_its_own_colour_and_what_is_missing_is_said():
    rows = [("paper", 0.9, np.nan, np.nan), ("leaky", 0.8, 0.7, 0.9), ("best", 0.5, 0.4, 0.6)]
    rows += [("majority", 0.4, 0.3, 0.5)]
    table = pd.DataFrame(rows, columns=["step", "estimate", "low", "high"])
    table = pd.concat([table.assign(metric="accuracy"), table.iloc[1:].assign(metric="qwk")])
    figure = plots.beside_paper(table, TITLES, ["accuracy", "qwk"], ["leaky"], ["majority"])
    accuracy, kappa = figure.axes
    assert [text.get_text() for text in accuracy.texts] == ["0.90", "0.80", "0.50", "0.40"]
    assert [text.get_text() for text in kappa.texts] == ["not given", "0.80", "0.50", "0.40"]
    colours = [tuple(marks.get_facecolor()[0]) for marks in accuracy.collections[1::2]]
    assert len(set(colours)) == 4


def test_a_floor_without_an_interval_does_not_look_like_the_paper():
    rows = [(step, 0.5, np.nan, np.nan) for step in TITLES]
    table = pd.DataFrame(rows, columns=["step", "estimate", "low", "high"]).assign(metric="qwk")
    (ax,) = plots.beside_paper(table, TITLES, ["qwk"], ["leaky"], ["majority"]).axes
    marks = [m for m in ax.collections if len(m.get_offsets()) and len(m.get_facecolor())]
    paper = marks[[*TITLES].index("paper")].get_facecolor()[0]
    assert sum((mark.get_facecolor()[0] == paper).all() for mark in marks) == 1


def test_the_number_of_a_mark_below_0_lies_beside_the_axis():
    rows = [(step, -0.1, -0.15, -0.05) for step in TITLES]
    table = pd.DataFrame(rows, columns=["step", "estimate", "low", "high"])
    table = pd.concat([table.assign(metric=metric) for metric in METRICS])
    figure = plots.beside_paper(table, TITLES, METRICS)
    figure.draw_without_rendering()
    for ax in figure.axes:
        assert min(text.get_window_extent().x0 for text in ax.texts) > ax.bbox.x0


def test_the_line_of_a_staircase_passes_by_steps_that_stand_alone():
    rows = [(step, 0.1 * k, 0.0, 0.5) for k, step in enumerate(TITLES)]
    table = pd.DataFrame(rows, columns=["step", "estimate", "low", "high"]).assign(metric="qwk")
    (ax,) = plots.staircase(table, TITLES, ["qwk"], {"qwk": 0.6}, ["best"]).axes
    assert ax.lines[0].get_ydata().tolist() == [0, 1, 3]
    assert sum(len(marks.get_offsets()) for marks in ax.collections[1::2]) == len(TITLES)
    (ax,) = plots.staircase(table, TITLES, ["qwk"], {}).axes
    assert ax.lines[0].get_ydata().tolist() == [0, 1, 2, 3]
