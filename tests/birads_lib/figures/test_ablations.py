"""Charts that compare runs: rows stand where they should, also where little can be drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scikit_posthocs import posthoc_nemenyi_friedman

from birads_lib.figures import ablations as plots
from birads_lib.scores import ablations
from birads_lib.scores.comparisons import friedman
from birads_lib.scores.metrics import headline_names
from helpers.figures import drawn as pixels
from helpers.figures import legend, texts
from press.studies.parameters import declared_parameters

SHOWN = ["accuracy", "mean_auc", "qwk", "ordinal_mae"]


def differences(variants, metrics=SHOWN, **columns):
    """A long table of intervals of width 0.2, the first of them far above 0."""
    rows = [(v, m) for v in variants for m in metrics]
    table = pd.DataFrame(rows, columns=["variant", "metric"])
    estimate = np.where(table["variant"] == variants[0], 0.5, 0.02)
    table = table.assign(estimate=estimate, low=estimate - 0.1, high=estimate + 0.1)
    return table.assign(holm=np.where(estimate > 0.1, 0.01, 1), **columns)


def drawn(figure: Figure) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels(figure)).convert("L"))


def check(figure: Figure) -> None:
    pixels = drawn(figure)
    assert pixels.shape[1] == 1050  # 7 inches at 150 dots
    assert all((pixels[edge] == 255).all() for edge in (0, -1))  # nothing is cut off
    assert (pixels[:, [0, -1]] == 255).all()
    assert all(ax.get_title() and ax.get_xlabel() for ax in figure.axes)


def row_names(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def dots(ax, label) -> np.ndarray:
    """The points (n, 2) of a scatter, by its label."""
    return next(c for c in ax.collections if c.get_label() == label).get_offsets().data


def test_tables_name_variants_as_charts_do():
    table = differences(["dal_double", "floor: density_and_view"], protocol="patient", p_value=0.5)
    built, minus = plots.architectures_table(table), plots.differences_table(table)
    names = ["dal double", "floor: density and view"]
    assert list(built.index.unique("variant")) == names
    assert list(minus.index.unique("variant")) == names


def test_changes_are_those_from_the_reference():
    changes = {
        "proposed": {},
        "frozen": {"stage2_epochs": 0, "heads": 2},
        "emd": {"stage2_epochs": 0, "heads": 2, "loss": "emd"},
        "deep": {"stage2_epochs": 0, "heads": 4},
    }
    assert ablations.changed_from(changes, "frozen") == {
        "proposed": {"stage2_epochs": "default", "heads": "default"},
        "frozen": {},
        "emd": {"loss": "emd"},
        "deep": {"heads": 4},
    }
    assert ablations.changed_from({}, "frozen") == {}
    assert ablations.changed_from({"emd": {"loss": "emd"}}, "frozen") == {"emd": {"loss": "emd"}}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"loss": "emd"}, "Loss"),
        ({"dal_lambda": 2.0}, "Loss"),
        ({"clahe": False}, "Data"),
        ({"balance": False}, "Data"),
        ({"encoder_layers": 2, "heads": 4}, "Architecture"),
        ({"stage1_epochs": "default", "augment": "default", "stage2_epochs": 4}, "Training"),
        ({"weights": "none", "augment": False}, "Architecture"),
        ({"batch_size": 4}, "Training"),
        ({"unheard_of": 1}, "Other"),
        ({}, "Other"),
    ],
)
def test_the_part_of_the_method_follows_what_is_changed(changed, part):
    assert ablations.part_of_method(changed) == part


@pytest.mark.parametrize("notebook", ["02_preprocessing", "03_training"])
def test_every_parameter_that_a_variant_can_change_belongs_to_one_part(notebook):
    about_the_run = {"study_dir", "dataset", "task", "note", "show_pixels", "image_file"}
    about_the_run |= {"variant", "protocol", "seeds"}
    declared = declared_parameters(notebook).keys() - about_the_run
    belonging = [name for names in ablations.PARTS_OF_METHOD.values() for name in names]
    assert declared <= set(belonging)
    assert len(belonging) == len(set(belonging))


def test_names_are_readable():
    assert plots.readable("dal_stop_gradient") == "dal stop gradient"


def test_zero_is_excluded_on_either_side_only():
    table = pd.DataFrame({"low": [0.1, -0.2, -0.1, 0, np.nan], "high": [0.2, -0.1, 0.1, 0, np.nan]})
    assert ablations.excludes_zero(table).tolist() == [True, True, False, False, False]


@pytest.mark.filterwarnings("error")
def test_architectures_stand_beside_the_published_values():
    table = pd.concat(
        differences(["baseline", "frozen"], SHOWN[:3], protocol=protocol)
        for protocol in ("patient", "oversample_first")
    )
    figure = plots.architectures(table, {"baseline.accuracy": 0.9, "elsewhere.qwk": 1})
    check(figure)
    assert row_names(figure) == ["baseline", "frozen"]
    assert legend(figure) == ["patient", "oversample first", "The paper, on INbreast"]
    assert [ax.get_title().replace("\n", " ") for ax in figure.axes] == [
        headline_names()[metric] for metric in SHOWN[:3]
    ]
    paper = dots(figure.axes[0], "The paper, on INbreast")
    assert paper[0].tolist() == [0.9, 0]
    assert np.isnan(paper[1, 0])
    assert (
        dots(figure.axes[0], "patient")[:, 1] < dots(figure.axes[0], "oversample first")[:, 1]
    ).all()


@pytest.mark.filterwarnings("error")
def test_forest_groups_rows_and_marks_what_is_apart():
    table = differences(["emd", "deep", "no_clahe"])
    figure = plots.forest(table, {"emd": "Loss", "deep": "Architecture", "no_clahe": "Data"})
    check(figure)
    places = figure.axes[0].get_yticks()
    order = [name for _, name in sorted(zip(places, row_names(figure), strict=True))]
    assert order == ["Architecture", "deep", "Loss", "emd", "Data", "no clahe"]
    assert figure.axes[-1].get_xlabel() == "less is better"
    for ax in figure.axes:
        pale, dark, adjusted = (dots(ax, label) for label in legend(figure))
        assert pale[:, 1].tolist() == [1, 5]
        assert len(dark) == 0
        assert adjusted.tolist() == [[0.5, 3]]


def test_forest_without_adjusted_differences_draws_dark_circles():
    figure = plots.forest(differences(["emd", "deep"]).assign(holm=0.3), {})
    check(figure)
    assert row_names(figure) == ["emd", "deep"]  # no group is known, so none is named
    assert dots(figure.axes[0], "Excludes 0").tolist() == [[0.5, 0]]


@pytest.mark.filterwarnings("error")
def test_undefined_differences_are_said_to_be():
    table = differences(["emd"]).assign(estimate=np.nan, low=np.nan, high=np.nan, holm=np.nan)
    figure = plots.forest(table, {"emd": "Loss"})
    check(figure)
    assert texts(figure).count("not estimable") == len(SHOWN)


@pytest.mark.parametrize("runs", [3, 19])
def test_critical_difference_names_every_run(runs):
    names = ["frozen", *(f"another_run_{n}" for n in range(runs - 1))]
    errors = pd.DataFrame(np.random.default_rng(0).integers(4, size=(30, runs)), columns=names)
    difference = friedman(errors)["critical_difference"]
    ranks = errors.rank(axis=1).mean()
    figure = plots.critical_difference(
        ranks, posthoc_nemenyi_friedman(errors), difference, "frozen"
    )
    check(figure)
    shown = " ".join(texts(figure))
    assert all(
        f"({rank:.1f}) {plots.readable(name)}" in shown
        or f"{plots.readable(name)} ({rank:.1f})" in shown
        for name, rank in ranks.items()
    )
    assert f"critical difference {difference:.1f}" in figure.axes[0].get_xlabel()
    bars = [line.get_xdata() for line in figure.axes[0].lines if line.get_linewidth() == 2]
    assert bars
    assert all(list(bar) == sorted(bar) for bar in bars)  # whatever Python's hash seed


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("missing", [False, True])
def test_folds_show_each_difference_and_its_p_value(missing):
    table = pd.DataFrame([[0.1, 0.2], [-0.1, 0.0]], index=["emd", "no_clahe"])
    if missing:
        table.iloc[1] = np.nan
    figure = plots.folds(table, {"emd": 0.004, "no_clahe": 1.0}, "Quadratic kappa")
    check(figure)
    assert row_names(figure) == ["emd", "no clahe"]
    assert {"p < 0.01", "p = 1.00"} <= set(texts(figure))
    assert dots(figure.axes[0], "A fold")[:2].tolist() == [[0.1, 0], [0.2, 0]]
    assert dots(figure.axes[0], "Their mean")[0].tolist() == pytest.approx([0.15, 0])


@pytest.mark.filterwarnings("error")
def test_auc_differences_have_an_interval_of_each_form():
    forms = [differences(["emd", "oll"], ["auc"], form=form) for form in ("Clustered", "Plain")]
    table = pd.concat(forms)
    table.loc[table["variant"] == "oll", ["low", "high"]] = np.nan
    figure = plots.auc_differences(table, "AUC of BI-RADS 4 or 5, minus frozen")
    check(figure)
    assert legend(figure) == ["Clustered", "Plain"]
    assert row_names(figure) == ["emd", "oll"]
    ax = figure.axes[0]
    assert (dots(ax, "Clustered")[:, 1] < dots(ax, "Plain")[:, 1]).all()
    assert "not estimable" not in texts(figure)
