"""Charts of a run on images of another place: what they draw, with groups that few are in."""

import numpy as np
import pandas as pd

from birads_lib.figures import external as plots
from birads_lib.task import BIRADS, MALIGNANCY
from helpers.figures import texts


def groups_of(values, task=BIRADS):
    rows = [
        {"what": "density", "group": group, "images": 9, "patients": 5, "metric": metric,
         "estimate": value, "low": value - 0.1, "high": value + 0.1}
        for group, value in values.items() for metric in ("accuracy", "qwk", "mean_auc")
        if metric != "qwk" or task.ordinal
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_shares_stand_beside_each_other():
    table = pd.DataFrame({"estimate": [0.2] * 5, "low": 0.1, "high": 0.3})
    shares = np.array([[0.2] * 5, [0.4, 0.3, 0.1, 0.1, 0.1]])
    figure = plots.prevalence({"At home": table, "There": table}, shares, shares)
    shown = texts(figure)
    assert {"At home", "There", "In training", "Estimated there, without labels"} <= set(shown)
    (ax,) = figure.axes
    places = [marks.get_offsets()[:, 0] for marks in ax.collections[1::2]]
    assert len(places) == 4
    assert (np.diff([x[0] for x in places]) > 0.1).all()


def test_groups_of_both_places_share_their_rows():
    tables = {"home": groups_of({"A": 0.8, "B": 0.7}), "there": groups_of({"B": 0.6, "C": 0.5})}
    figure = plots.groups(tables)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "Density: A", "Density: B", "Density: C",
    ]  # fmt: skip
    marks = [marks.get_offsets() for marks in figure.axes[0].collections[1::2]]
    np.testing.assert_allclose(marks[0][:, 0], [0.8, 0.7])
    np.testing.assert_allclose(marks[1][:, 0], [0.6, 0.5])
    assert marks[0][1, 1].round() == marks[1][0, 1].round() == 1


def test_a_place_without_groups_and_labels_without_order():
    tables = {"home": pd.DataFrame(), "there": groups_of({"A": 0.8}, MALIGNANCY)}
    assert len(plots.groups(tables, MALIGNANCY).axes) == 2
    assert list(plots.groups_table(tables, MALIGNANCY).index) == [("there", "Density: A")]


def test_numbers_of_groups_say_what_is_too_few():
    tables = {"there": groups_of({"A": 0.8, "B": np.nan})}
    table = plots.groups_table(tables).droplevel(0)
    assert table.loc["Density: A", "Accuracy"] == "0.80 (0.70 to 0.90)"
    assert table.loc["Density: B", "Accuracy"] == "too few"
    assert table.loc["Density: A", "patients"] == 5
