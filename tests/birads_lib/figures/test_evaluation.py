"""Figures say what they show: titles, axis labels with units, legends; also where data lack."""

from itertools import combinations

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from birads_lib.figures import evaluation as plots
from birads_lib.figures import exploration as panels
from birads_lib.figures import style
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.metrics import confusion_matrix, headline_names
from helpers.figures import check, drawn, legend, texts

MISSING = pytest.param([1, 2, 4, 5], id="grade 3 absent")


def sample(grades, seed=1):
    rng = np.random.default_rng(seed)
    y = np.concatenate([grades, rng.choice(grades, size=36)])
    p = rng.dirichlet(np.ones(5), size=len(y)) + 0.5 * np.eye(5)[y - 1]
    p /= p.sum(1, keepdims=True)
    return y, p, intervals(y, p, Resampling(np.arange(len(y)) // 2, 50))


def history(folds=3):
    rows = [(f, 0, 1 + (e > 2), e) for f in range(folds) for e in range(1, 6 + f)]
    table = pd.DataFrame(rows, columns=["fold", "seed", "stage", "epoch"])
    for name in ["loss", "accuracy", "val_loss", "val_accuracy"]:
        table[name] = 1 / table["epoch"] + table["fold"]
    return table.assign(rate=np.where(table["stage"] == 1, 1e-3, 3e-4))


# What an eye without one kind of cone sees, in linear RGB (Machado, Oliveira, Fernandes 2009).
EYES = {
    "usual": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanope": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, eye) -> np.ndarray:
    """CIE L*a*b* of an sRGB colour as an eye sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(eye) @ linear, 0, 1).astype(np.float32)
    encoded = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(encoded.astype(np.float32)[None, None], cv2.COLOR_RGB2Lab)[0, 0]


@pytest.mark.parametrize("eye", EYES.values(), ids=EYES)
def test_grades_are_ordered_and_apart_for_every_eye(eye):
    assert list(style.colours()) == [1, 2, 3, 4, 5]
    colours = [lab(colour, eye) for colour in style.colours().values()]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) > 20


def test_grades_read_in_grey():
    lightness = [lab(colour, np.eye(3))[0] for colour in style.colours().values()]
    assert (np.diff(lightness) > 10).all()
    assert lightness[-1] < 75  # still seen on white


@pytest.mark.parametrize("grades", [[1, 2, 3, 4, 5], MISSING])
@pytest.mark.filterwarnings("error")
def test_confusion_shows_counts_and_shares(grades):
    y, p, _ = sample(grades)
    matrix = confusion_matrix(y, p)
    figure = plots.confusion(matrix)
    check(figure)
    left, right = figure.axes
    assert [int(text.get_text()) for text in left.texts] == matrix.ravel().tolist()
    row = [text.get_text() for text in right.texts[10:15]]
    assert row == ["none"] * 5 if 3 not in grades else sum(map(float, row)) == pytest.approx(1)
    assert left.get_ylabel() == "True BI-RADS"
    assert left.get_xlabel() == "Predicted BI-RADS"


@pytest.mark.parametrize("grades", [[1, 2, 3, 4, 5], MISSING])
@pytest.mark.filterwarnings("error")
def test_roc_has_a_curve_and_an_area_for_each_grade(grades):
    y, p, table = sample(grades)
    figure = plots.roc_per_class(y, p, table)
    check(figure)
    entries = legend(figure)
    assert len(entries) == 5
    area = table.set_index("metric").loc["auc_2"]
    assert entries[1] == f"BI-RADS 2: AUC {area.estimate:.2f} ({area.low:.2f}–{area.high:.2f})"  # noqa: RUF001
    x, height = figure.axes[0].lines[2].get_data()
    assert np.trapezoid(height, x) == pytest.approx(area.estimate)
    assert (entries[2] == "BI-RADS 3: AUC not estimable") == (3 not in grades)


@pytest.mark.parametrize("grades", [[1, 2, 3, 4, 5], MISSING])
@pytest.mark.filterwarnings("error")
def test_per_class_dots(grades):
    figure = plots.per_class_dots(sample(grades)[2])
    check(figure)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["Precision", "Recall", "F1", "One-vs-rest AUC"]
    assert "Value, 95 % interval" in texts(figure)


def test_metric_intervals_of_a_network_and_its_floors():
    table, floor = sample([1, 2, 3, 4, 5])[2], sample([1, 2, 3, 4, 5], seed=2)[2]
    said = "The network is below its best floor in accuracy; above it in MCC and quadratic kappa."
    figure = plots.metric_intervals({"model": table, "logistic_regression": floor}, said)
    check(figure)
    assert legend(figure) == ["The network", "Logistic regression, frozen features"]
    assert figure.axes[0].get_title().replace("\n", " ") == said
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == [text for name, text in headline_names().items() if name != "ordinal_mae"]
    estimate = table.set_index("metric").loc["accuracy", "estimate"]
    assert any(text.startswith(f"{estimate:.2f} (") for text in texts(figure))


def test_metric_intervals_with_an_undefined_metric():
    y = np.full(6, 2)
    table = intervals(y, np.eye(5)[y - 1], Resampling(np.arange(6), 20))
    figure = plots.metric_intervals({"model": table})
    check(figure)
    assert "not estimable" in texts(figure)


@pytest.mark.parametrize("folds", [1, 3])
def test_training_curves(folds):
    figure = plots.training_curves(history(folds))
    check(figure)
    top, bottom = figure.axes
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("Loss", "Accuracy")
    assert bottom.get_xlabel() == "Epoch, both stages"
    suffix = ", mean of 3 folds" if folds == 3 else ""
    assert legend(figure) == ["Training" + suffix, "Validation" + suffix, "Backbone unfrozen"]
    mean = next(line for line in top.lines if line.get_label() == "Training" + suffix)
    assert mean.get_xdata().tolist() == [1, 2, 3, 4, 5]  # where every fold still runs
    assert top.lines[-1].get_xdata()[0] == 2.5  # after the last epoch of stage 1


def test_folds_of_several_seeds_have_a_line_and_a_row_each():
    table = pd.concat([history(2), history(2).assign(seed=7)])
    figure = plots.training_curves(table)
    check(figure)
    assert legend(figure)[0] == "Training, mean of 2 folds with 2 seeds"
    assert len(figure.axes[0].lines) == 2 * (4 + 1) + 1
    figure = plots.optimisation(table)
    check(figure)
    rows = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert rows == ["0, 0", "0, 7", "1, 0", "1, 7"]
    assert figure.axes[1].get_ylabel() == "Fold, seed"


def test_confusion_says_what_it_counts():
    figure = plots.confusion(np.eye(5, dtype=int), unit="images, each graded with 3 seeds")
    check(figure)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert title == "Images, each graded with 3 seeds"


PARTS = ["Training", "Validation", "Test"]


@pytest.mark.parametrize("grades", [[1, 2, 3, 4, 5], MISSING])
@pytest.mark.filterwarnings("error")
def test_summary_by_split_has_intervals(grades):
    table = sample(grades)[2]
    figure = plots.summary_by_split(dict.fromkeys(PARTS, table))
    check(figure)
    assert legend(figure) == PARTS
    (ax,) = figure.axes
    names = [name for name in headline_names() if name != "ordinal_mae"]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        headline_names()[name] for name in names
    ]
    rows = table.set_index("metric").loc[names]
    bars = [line for line in ax.collections if len(line.get_paths()) == len(names)]
    ends = np.array([path.vertices[:, 0] for path in bars[0].get_paths()])  # (metrics, 2)
    np.testing.assert_allclose(ends, rows[["low", "high"]])


def radar(**estimates):
    known = dict.fromkeys(plots.RADAR, 0.8) | estimates
    return pd.DataFrame({"metric": list(known), "estimate": list(known.values())})


@pytest.mark.filterwarnings("error")
def test_radar_by_split_closes_each_line():
    figure = plots.radar_by_split(dict(zip(PARTS, [radar(mcc=0.5), radar(), radar()], strict=True)))
    assert drawn(figure).shape[1] == 1050
    assert legend(figure) == PARTS
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        headline_names()[m] for m in plots.RADAR
    ]
    assert ax.lines[0].get_ydata().tolist() == [0.8] * 5 + [0.5, 0.8]
    assert ax.get_ylim() == (0, 1)


@pytest.mark.filterwarnings("error")
def test_radar_with_a_negative_and_an_undefined_metric():
    figure = plots.radar_by_split({"Test": radar(mcc=-0.13, mean_auc=np.nan)})
    drawn(figure)
    assert figure.axes[0].get_ylim() == (-0.2, 1)


@pytest.mark.parametrize("folds", [1, 3])
@pytest.mark.filterwarnings("error")
def test_optimisation_shows_rates_and_stages(folds):
    table = history(folds)
    figure = plots.optimisation(table)
    check(figure)
    above, below = figure.axes
    assert above.get_yscale() == "log"
    assert [text.get_text() for text in above.get_yticklabels()] == ["0.0003", "0.001"]
    assert [len(line.get_xdata()) for line in above.lines] == [5, 6, 7][:folds]
    spans = [(bar.get_x(), bar.get_width()) for bar in below.patches]
    assert spans == [(0.5, 2), (2.5, 3), (0.5, 2), (2.5, 4), (0.5, 2), (2.5, 5)][: 2 * folds]
    assert len(legend(figure)) == 3


def test_optimisation_of_one_stage_without_validation_loss():
    table = history().query("stage == 1").assign(val_loss=np.nan)
    figure = plots.optimisation(table)
    check(figure)
    assert legend(figure) == ["Backbone frozen"]


@pytest.fixture
def cases():
    rng = np.random.default_rng(0)
    birads = [1, 1, 2, 2, 2, 4, 4, 5]
    return pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(8)],
            "patient_id": ["a", "a", "b", "b", "c", "d", "d", None],
            "laterality": ["L", "R"] * 3 + ["L", None],
            "view": ["CC", "MLO", "FB", None] * 2,
            "birads": birads,
            "density": [*rng.choice(list("ABCD"), size=7), None],
        }
    )


@pytest.mark.filterwarnings("error")
def test_data_set_figures(cases):
    for draw in (panels.counts_by_grade, panels.density_by_grade, panels.images_per_patient):
        check(draw(cases))
    assert "2\n1 patients" in texts(panels.counts_by_grade(cases))
    assert "Density unknown" in legend(panels.density_by_grade(cases))
    assert "Images of each of 4 patients (1 images: patient unknown)" in texts(
        panels.images_per_patient(cases)
    )


def test_data_set_figures_without_patients_or_density(cases):
    cases[["patient_id", "density"]] = None
    for draw in (panels.counts_by_grade, panels.density_by_grade, panels.images_per_patient):
        check(draw(cases))
    assert not any("patients" in text for text in texts(panels.counts_by_grade(cases)))


def test_views_table_counts_what_is_unknown(cases):
    table = panels.views_table(cases)
    assert table.loc["all", "all"] == 8
    assert table.loc["L", "CC"] == 2
    assert table.loc["all", "unknown"] == 2
    assert table.loc["unknown", "all"] == 1


def test_pick_per_grade_is_seeded(cases):
    picked = panels.pick_per_grade(cases, per_grade=2, seed=4)
    assert picked["birads"].tolist() == [1, 1, 2, 2, 4, 4, 5]
    pd.testing.assert_frame_equal(picked, panels.pick_per_grade(cases, per_grade=2, seed=4))
    assert (cases.loc[picked.index, "image_id"] == picked["image_id"]).all()


def half_disc(height=200, width=160, *, dtype=np.uint8, radius=70):
    """A textured breast on black, at the left edge, and its true mask."""
    y, x = np.mgrid[:height, :width]
    mask = (y - height / 2) ** 2 + x**2 < radius**2
    texture = np.random.default_rng(0).uniform(0.4, 0.9, size=mask.shape)
    return (mask * texture * np.iinfo(dtype).max).astype(dtype), mask


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_breast_outline_encloses_the_breast(dtype):
    image, mask = half_disc(dtype=dtype)
    outline = panels.breast_outline(image)
    x, y = outline.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(mask.sum(), rel=0.06)
    assert len(outline) < 60  # an outline, not an image


def test_breast_outline_of_an_empty_image():
    assert panels.breast_outline(np.zeros((50, 40), np.uint8)).shape == (0, 2)


FINDINGS = pd.DataFrame(
    {
        "image_id": ["i0", "i2", "i5"],
        "x0": [20.0, np.nan, 10],
        "y0": [90.0, np.nan, 95],
        "x1": [40.0, np.nan, 30],
        "y1": [110.0, np.nan, 115],
        "contour": [None, [10.0, 90, 40, 95, 30, 110], [25.0, 100]],
    }
)


@pytest.mark.parametrize("show", [True, False])
def test_pixels_are_shown_only_where_allowed(cases, show):
    image = half_disc()[0]
    picked = panels.pick_per_grade(cases, per_grade=2)
    figures = [
        panels.samples([image] * len(picked), picked, FINDINGS, show_pixels=show),
        panels.preprocessing_steps({"Read": image, "Resized": image[::2]}, show_pixels=show),
        panels.samples([np.zeros((50, 40), np.uint8)], picked[:1], show_pixels=show),
    ]
    for figure in figures:
        check(figure)
        assert bool(figure.findobj(mpl.image.AxesImage)) == show


def test_findings_are_drawn_as_contour_or_box(cases):
    picked = cases.loc[[0, 2]]
    figure = panels.samples([half_disc()[0]] * 2, picked, FINDINGS, show_pixels=False)
    first, second = (ax for ax in figure.axes if ax.get_title())
    boxes = [patch.get_bbox().bounds for patch in first.patches if isinstance(patch, Rectangle)]
    assert (20, 90, 20, 20) in boxes
    assert second.lines[0].get_xdata().tolist() == [10, 40, 30, 10]
    assert first.get_title() == "BI-RADS 1\nL CC"


def test_histograms_lie_under_their_steps():
    names = ["Read", "Resized", "CLAHE", "Cropped", "Again"]
    figure = panels.preprocessing_steps({name: half_disc()[0] for name in names})
    check(figure)
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == names
    assert texts(figure).count("Grey level") == len(names)


def test_grey_levels_are_the_shares_that_a_count_by_hand_gives():
    image = np.array([[0, 0, 0, 255]], np.uint8)
    levels = panels.grey_levels({"Read": image, "Twice": np.repeat(image, 2, axis=0)})
    assert len(levels) == 2 * 64
    for _, step in levels.groupby("step"):
        assert step["percent"].iloc[0] == 75
        assert step["percent"].iloc[-1] == 25
        assert step["percent"].sum() == 100
        assert (step["from"].iloc[0], step["to"].iloc[-1]) == (0, 255)
