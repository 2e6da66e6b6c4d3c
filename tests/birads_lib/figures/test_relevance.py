"""Charts of local views and CorRELAX: what they draw, from numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import relevance as plots
from birads_lib.figures.restricted import MOST_CELLS
from birads_lib.scores.localisation import DENOMINATORS
from helpers.figures import drawn, legend, texts

IMAGE = np.pad(np.full((60, 60), 150, np.uint8), 2)
BOXES = pd.DataFrame({"x0": [20.0], "y0": [24.0], "x1": [30.0], "y1": [40.0]})


def arrays(figure):
    return [np.shape(picture.get_array()) for ax in figure.axes for picture in ax.images]


def maps(show_pixels):
    plane = np.random.default_rng(0).random((64, 64)).astype("float32")
    planes, points = {"Answers": plane, "RELAX": plane}, {"Answers": (5.0, 6.0), "RELAX": (1, 2)}
    return plots.maps(
        [IMAGE] * 2, [BOXES] * 2, [planes] * 2, [points] * 2, ["mass", "none"],
        show_pixels=show_pixels,
    )  # fmt: skip


def test_maps_stand_beside_their_image_with_boxes_and_maxima():
    figure = maps(True)
    assert len(figure.axes) == 6
    assert arrays(figure).count((64, 64)) == 2 + 2 * 4  # each map over its image
    assert [ax.get_title() for ax in figure.axes[1:3]] == ["Answers", "RELAX"]
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == ["mass", "none"]
    assert all(len(ax.patches) >= 1 for ax in figure.axes)
    line = figure.axes[1].lines[-1]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (5, 6)
    drawn(figure)


def test_no_pixel_and_no_fine_map_of_a_restricted_image_is_drawn():
    figure = maps(False)
    assert len(arrays(figure)) == 4  # no image
    assert max(max(shape) for shape in arrays(figure)) <= MOST_CELLS
    drawn(figure)


def test_crops_stand_in_rows_and_windows_beside_their_masks():
    crop = np.zeros((8, 8), np.uint8)
    figure = plots.crops({"none": [crop] * 3, "mass": [crop]})
    assert [figure.axes[0].get_ylabel(), figure.axes[3].get_ylabel()] == ["None", "Mass"]
    assert len(arrays(figure)) == 4
    drawn(figure)
    figure = plots.masking(crop, [crop] * 2, [0.25, 1.0])
    assert [ax.get_title() for ax in figure.axes] == ["No mask", "s = 0.25", "s = 1.00"]
    drawn(figure)


def test_correlations_name_their_r():
    rng = np.random.default_rng(0)
    values = {"Answer: mass": rng.random(9), "Similarity of answers": rng.random(9)}
    figure = plots.correlations(rng.random(9), values, dict.fromkeys(values, 0.5))
    assert [ax.get_title() for ax in figure.axes] == [f"{title}\nr = 0.50" for title in values]
    drawn(figure)


def interval_rows(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame(columns | {"estimate": [0.5] * n, "low": [0.4] * n, "high": [0.6] * n})


def test_labels_are_drawn_for_each_table_and_one_without_a_score_says_so():
    table = interval_rows(metric=["f1_none", "f1_mass"]).set_index("metric")
    table.loc["f1_mass", :] = np.nan
    figure = plots.by_label({"Crops": table, "Windows": table}, ["none", "mass"], "f1")
    assert set(legend(figure)) == {"Crops", "Windows"}
    assert "not estimable" in texts(figure)
    drawn(figure)


def test_the_game_has_a_row_for_each_way_and_a_mark_for_each_denominator():
    ways = ["by_label", "answers", "chance"]
    rows = [(way, name) for way in ways for name in DENOMINATORS]
    table = interval_rows(way=[w for w, _ in rows], denominator=[d for _, d in rows])
    figure = plots.game(table)
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert names == [plots.WAYS[way] for way in ("answers", "by_label", "chance")]
    assert set(legend(figure)) == {"Hits per image", "Hits per pair", "Mean over kinds"}
    drawn(figure)
    figure = plots.differences(interval_rows(first=["answers"], second=["relax"]))
    assert "CorRELAX, answers\nminus RELAX" in texts(figure)
    drawn(figure)


def test_rules_are_drawn_with_and_without_the_gate():
    table = pd.DataFrame(
        [(w, g, d, 0.1 * d) for w in ("answers", "chance") for g in (True, False) for d in (0, 8)],
        columns=["way", "gated", "dilation", "share"],
    )
    figure = plots.rules(table, 8)
    assert [ax.get_title() for ax in figure.axes] == ["Without a gate", "With the gate"]
    assert len(figure.axes[0].lines) == 3
    drawn(figure)


def test_the_null_is_the_share_of_images_at_or_above_a_value():
    figure = plots.null({"By chance": np.array([0.3, 0.1, 0.2, 0.4])}, 0.05)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert line.get_ydata().tolist() == pytest.approx([1, 0.75, 0.5, 0.25])
    assert "The gate, 0.05" in legend(figure)
    drawn(figure)


def test_masks_alarms_and_settings():
    figure = plots.masks(interval_rows(masks=[8, 128]), pd.Series({8: 0.38, 128: 0.09}))
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["8", "128"]
    drawn(figure)
    figure = plots.alarms(interval_rows(metric=["answers"]), ["Answers"])
    assert "Answers" in texts(figure)
    drawn(figure)
    table = pd.DataFrame({
        "setting": ["grey", "grey", "half"], "way": ["by_label", "by_answers", "by_label"],
        "correlation": [0.5, 0.2, 0.9],
    })  # fmt: skip
    figure = plots.stability(table, {"half": "Half", "grey": "Grey", "other": "Other"})
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["Half", "Grey"]
    drawn(figure)
