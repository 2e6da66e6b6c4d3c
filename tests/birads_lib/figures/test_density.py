"""Charts of breast density: what they draw, from numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import density as plots
from birads_lib.scores.density import READERS_KAPPA
from helpers.figures import drawn, legend, texts


def test_examples_stand_in_rows_and_columns():
    image = np.zeros((8, 8), np.uint8)
    figure = plots.examples({"Density A": [image] * 2, "Density D": [image] * 2}, ["DM", "s2D"])
    assert [ax.get_title() for ax in figure.axes[:2]] == ["DM", "s2D"]
    assert [figure.axes[0].get_ylabel(), figure.axes[2].get_ylabel()] == ["Density A", "Density D"]
    assert drawn(figure).shape[1] == 1050


def test_readers_are_held_against_published_ones():
    table = pd.DataFrame({"disagreement": [0.0, 0.2], "kappa": [1.0, 0.5], "ceiling": [1.0, 0.8]})
    figure = plots.readers(table, 0.1)
    (ax,) = figure.axes
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx(READERS_KAPPA[1:])
    assert "This study" in legend(figure)
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    drawn(figure)


def test_similarities_are_named_by_density():
    matrix = np.eye(4), 14.94
    figure = plots.similarity({"CLIP": matrix, "label-aware": matrix}, np.arange(4))
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == list("ABCD")
    assert figure.axes[0].get_ylabel() == "Image"
    assert figure.axes[-1].get_ylabel() == "Similarity times inverse\ntemperature (14.9)"
    drawn(figure)


def test_loss_curves_have_the_floor_and_the_guess():
    figure = plots.loss_curves({"CLIP": np.array([3.4, 2.5])}, floor=2.08, guess=3.47)
    (ax,) = figure.axes
    levels = {tuple(line.get_ydata()) for line in ax.lines[1:]}
    assert levels == {(2.08, 2.08), (3.47, 3.47)}
    assert {"CLIP", "Floor of plain CLIP", "A guess: ln N"} == set(legend(figure))
    drawn(figure)


def rows(**values) -> pd.DataFrame:
    return pd.DataFrame({"estimate": [0.7], "low": [0.6], "high": [0.8], **values})


def test_arms_and_differences_have_their_names():
    table = pd.concat([rows(arm=[a], metric=["accuracy"]) for a in ("clip", "softmax")])
    figure = plots.arms(table, {"clip": "CLIP", "softmax": "Softmax"}, {"accuracy": "Accuracy"})
    assert legend(figure) == ["CLIP", "Softmax"]
    drawn(figure)
    figure = plots.differences(rows(), ["CLIP, accuracy"], margin=0.03)
    (ax,) = figure.axes
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.03, 0.03))
    assert "CLIP, accuracy" in texts(figure)
    drawn(figure)


def test_home_and_elsewhere_stand_beside_the_readers():
    titles = {"accuracy": "Accuracy", "kappa": "Kappa"}
    table = pd.concat([rows(metric=[m]) for m in titles]).set_index("metric")
    figure = plots.home_and_away({"Home": table, "Elsewhere": table}, titles)
    assert legend(figure) == ["Home", "Elsewhere", "Readers among themselves"]
    drawn(figure)
