"""Figures of explanations: what they show, what they hide, and where data lack."""

import ast
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from birads_lib.explain import pointing
from birads_lib.figures import explain as plots
from birads_lib.figures import heat as heat_maps
from birads_lib.figures.style import new_axes
from birads_lib.scores.bootstrap import Resampling, mean_intervals
from helpers.figures import drawn as pixels
from helpers.figures import texts

SIZE = 64


def example(truth=3, answer=4, mask=True, heat=None) -> plots.Example:
    rng = np.random.default_rng(truth)
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[10:54, :40] = rng.integers(90, 200, (44, 40))
    finding = np.zeros((SIZE, SIZE), bool)
    finding[20:30, 10:20] = True
    p = np.where(np.arange(1, 6) == answer, 0.6, 0.1)
    heat = rng.random((7, 7)) if heat is None else heat
    peak = pointing.peaks(heat[None], SIZE)[0]
    return plots.Example(truth, image, image, heat, peak, finding if mask else None, p)


def drawn(figure: Figure) -> Figure:
    pixels(figure)
    assert figure.get_figwidth() == 7
    return figure


def shown(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.findobj(mpl.image.AxesImage)]


def test_five_panels_have_titles_and_name_truth_and_answer():
    written = texts(drawn(plots.five_panels([example(3, 4), example(5, 5, mask=False)])))
    for title in ["Original", "CLAHE", "Heat map", "Probability", "BI-RADS 3\ngraded 4"]:
        assert title in written
    assert "BI-RADS 5\ngraded 5" in written


def test_five_panels_say_what_a_colour_means():
    figure = drawn(plots.five_panels([example(3, 4)]))
    bars = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    assert [ax.get_xlabel() for ax in bars] == ["Grad-CAM of the heat map, largest = 1"]


def test_the_scale_of_maps_is_that_of_their_colours():
    upper, lower = axes = new_axes(2)
    heat_maps.add_colour_bar(axes, "Largest = 1", shrink=0.5)
    bar = upper.figure.axes[-1]
    assert (bar.get_ylabel(), bar.get_ylim()) == ("Largest = 1", (0, 1))
    (mesh,) = [drawn for drawn in bar.collections if drawn.get_cmap().name == heat_maps.COLOURS]
    assert mesh.get_clim() == (0, 1)
    assert bar.get_position().x0 > lower.get_position().x1  # beside both


def test_restricted_images_show_no_pixel():
    cases = [example(2), example(4)]
    for figure in (
        plots.five_panels(cases, show_pixels=False),
        plots.heat_by_tap(cases[0], {"conv4": cases[0].heat}, show_pixels=False),
        plots.attention_maps(cases, [np.ones((7, 7)) / 49] * 2, show_pixels=False),
    ):
        arrays = shown(drawn(figure))
        assert arrays
        assert all(array.shape == (7, 7) for array in arrays)  # maps only
    assert "Original" not in texts(plots.five_panels(cases, show_pixels=False))


@pytest.mark.parametrize("size", [64, 224, 448])
def test_no_map_of_a_restricted_image_is_fine_enough_to_show_it(size):
    image = np.random.default_rng(0).integers(0, 256, (size, size), np.uint8)
    heat = image / 255  # the worst of maps: the image itself
    p = np.full(5, 0.2)
    example = plots.Example(3, image, image, heat, np.array([9.0, 9.0]), None, p)
    for figure in (
        plots.five_panels([example], show_pixels=False),
        plots.heat_by_tap(example, {"conv1_relu": heat}, show_pixels=False),
        plots.attention_maps([example], [heat / heat.sum()], show_pixels=False),
    ):
        arrays = shown(drawn(figure))
        assert arrays
        for array in arrays:
            assert max(array.shape) == min(28, size // 8)
            enlarged = cv2.resize(np.asarray(array, float), (size, size))
            assert abs(np.corrcoef(enlarged.ravel(), image.ravel())[0, 1]) < 0.15
    free = shown(drawn(plots.heat_by_tap(example, {"conv1_relu": heat})))
    assert all(array.shape == (size, size) for array in free)


def test_bright_is_high_and_the_image_shows_where_a_map_is_0():
    heat = np.zeros((7, 7))
    heat[3, 3] = 1
    figure = drawn(plots.heat_by_tap(example(heat=heat), {"conv4": heat}))
    image, over = figure.axes[1].images
    assert image.get_array().shape == (SIZE, SIZE)
    assert [over.get_alpha()[0, 0], over.get_alpha()[3, 3]] == [0, pytest.approx(0.65)]
    lightness = [sum(over.cmap(over.norm(value))[:3]) for value in (0, 0.5, 1)]
    assert lightness == sorted(lightness)
    alone = drawn(plots.heat_by_tap(example(heat=heat), {"conv4": heat}, show_pixels=False))
    assert [picture.get_alpha() for picture in alone.axes[1].images] == [None]


@pytest.mark.parametrize("ground", [0, 255])
def test_a_marker_is_seen_on_any_ground(ground):
    figure = Figure()
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    ax.imshow(np.full((9, 9), ground, np.uint8), "gray", vmin=0, vmax=255)
    ax.set_axis_off()

    def picture():
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)

    before = picture()
    heat_maps.mark_peak(ax, 4, 4)
    changed = np.abs(picture() - before).max(axis=-1)
    assert (changed > 200).sum() > 20  # white on black, its black rim on white


def test_every_map_is_drawn_by_the_function_that_keeps_the_rule_of_fineness():
    """A further chapter's figure can't draw an array of an image past the rule unnoticed."""
    drawing = {"imshow", "pcolormesh", "pcolor", "matshow", "contourf", "figimage", "hexbin"}
    found = set()
    for path in Path(plots.__file__).parent.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = {n.func.attr for n in ast.walk(function) if is_method_call(n)}
                found |= {f"{path.stem}.{function.name}"} if calls & drawing else set()
    pixels = {"exploration._draw_image", "explain._picture"}  # only where they may be shown
    # Chapters call these only where pixels may be shown.
    pixels |= {"heat.lay_over", "regions._draw", "density.examples"}
    pixels |= {"lesions._draw"}
    pixels |= {"density.similarity"}  # of images and texts: no array of an image
    pixels |= {"touch.side_by_side", "touch.pointed"}  # only of synthetic studies that show them
    pixels |= {"relevance.crops", "relevance.masking", "relevance._image"}
    assert found == pixels | {"heat.draw_map"}


def is_method_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def test_no_example_and_a_constant_map_are_drawn():
    assert "no such image" in texts(drawn(plots.five_panels([])))
    empty = example(heat=np.zeros((7, 7)))
    assert np.isnan(empty.peak).all()
    drawn(plots.five_panels([empty]))
    figure = drawn(plots.heat_by_tap(empty, {"conv4_block2_out": empty.heat}))
    assert "conv4\n7 x 7 cells\nempty: all 0" in texts(figure)


def test_the_randomisation_curve_counts_constant_maps():
    table = pd.DataFrame(
        [
            {"step": step, "layers": name, "image": image, "correlation": value, "constant": False}
            for step, (name, value) in enumerate([("none", 1), ("dense", 0.4), ("conv1", 0.1)])
            for image in range(4)
        ]
    )
    table.loc[table.index[-2:], ["correlation", "constant"]] = [np.nan, True]
    figure = drawn(plots.randomisation_curve(table))
    written = texts(figure)
    assert {"trained", "dense", "conv1 (2 constant)"} <= set(written)
    assert figure.axes[0].get_xlabel()
    assert figure.axes[0].get_ylabel()


def scores(known=(1, 2, 3, 4, 5), attention=True) -> pd.DataFrame:
    y = np.repeat(np.arange(1, 6), 6)
    rng = np.random.default_rng(0)
    names = [name for name in plots.REFERENCES if attention or name != "pointing_game_attention"]
    values = pd.DataFrame({name: rng.integers(0, 2, 30).astype(float) for name in names})
    values[~np.isin(y, known)] = np.nan
    values["sharpness"] = rng.random(30)
    return mean_intervals(pointing.by_grade(values, y), Resampling(np.arange(30) // 2, 50))


def test_the_pointing_game_shows_every_reference_and_how_many_images():
    written = texts(drawn(plots.pointing_game(scores())))
    for label, _, _ in plots.REFERENCES.values():
        assert label in written
    assert "all\n30 images" in written
    assert "BI-RADS 2\n6 images" in written


def test_categories_without_findings_and_attention_without_encoder_are_left_out():
    written = texts(drawn(plots.pointing_game(scores(known=[4], attention=False))))
    assert "BI-RADS 4\n6 images" in written
    assert "BI-RADS 2\n0 images" not in written
    assert "Maximum of the attention" not in written


def test_points_outside_the_breast_by_category_without_that_of_constant_maps():
    grades = np.repeat([1, 2, 3], 4)
    values = pd.DataFrame({"outside": [1.0, 0] * 6, "outside_chance": 0.6})
    values.loc[grades == 3, "outside"] = np.nan  # all constant
    table = mean_intervals(pointing.by_grade(values, grades), Resampling(np.arange(12), 20))
    figure = drawn(plots.outside_breast(table))
    written = texts(figure)
    assert "all\n8 images" in written
    assert "BI-RADS 2\n4 images" in written
    assert not any(text.startswith("BI-RADS 3") for text in written)
    assert "Maximum of the attention" not in written
    dots = [c for c in figure.axes[0].collections if isinstance(c, mpl.collections.PathCollection)]
    assert [c.get_offsets()[:, 0].tolist() for c in dots] == [
        [0.5, 0.5, 0.5],
        pytest.approx([0.6, 0.6, 0.6]),
    ]


@pytest.mark.parametrize("missing", [False, True])
def test_sharpness_by_category(missing):
    table = scores()
    if missing:
        row = table["metric"] == "sharpness_3"
        table.loc[row, ["estimate", "low", "high"]] = np.nan
        table.loc[row, "n"] = 0
    written = texts(drawn(plots.sharpness(table, 0.1)))
    assert "A flat map" in written
    assert f"3\n{0 if missing else 6} maps" in written
