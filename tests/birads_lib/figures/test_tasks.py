"""Figures of other label sets: words, ticks and colours are the task's, whatever their number."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import calibration as calibration_figures
from birads_lib.figures import decision as decision_figures
from birads_lib.figures import evaluation, exploration, intervals, style
from birads_lib.scores import bootstrap, calibration, decision
from birads_lib.scores.metrics import confusion_matrix, every_metric
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY
from helpers.figures import check, legend, texts

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=[DENSITY, MALIGNANCY], ids=lambda task: task.name)
def task(request):
    return request.param


@pytest.fixture
def predicted(task):
    """Labels, probabilities and resampling of 40 images."""
    k, rng = len(task.labels), np.random.default_rng(0)
    y = np.concatenate([task.numbers, rng.integers(1, k + 1, 40 - k)])
    p = rng.dirichlet(np.ones(k), size=40) + 0.5 * np.eye(k)[y - 1]
    return y, p / p.sum(1, keepdims=True), bootstrap.Resampling(np.arange(40) // 2, 20)


def test_colours_are_even_steps_along_one_scale(task):
    assert tuple(style.colours(BIRADS).values()) == style.SCALE
    colours = style.colours(task)
    assert list(colours) == list(task.numbers)
    assert colours[1] == style.SCALE[0]
    assert colours[len(colours)] == style.SCALE[-1]
    assert len({*colours.values()}) == len(colours)


def test_confusion_is_of_the_tasks_labels(task, predicted):
    y, p, _ = predicted
    figure = evaluation.confusion(confusion_matrix(y, p), task)
    check(figure)
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == list(task.labels)


def test_evaluation_names_the_tasks_labels_and_metrics(task, predicted):
    y, p, resampling = predicted
    table = bootstrap.intervals(y, p, resampling, partial(every_metric, task=task))
    roc = evaluation.roc_per_class(y, p, table, task)
    assert [entry.partition(":")[0] for entry in legend(roc)] == [*map(task.named, task.numbers)]
    figures = [
        roc,
        evaluation.metric_intervals({"model": table}, task=task),
        evaluation.per_class_dots(table, task),
        evaluation.summary_by_split({"Test": table}, task),
    ]
    for figure in figures:
        check(figure)
        assert not any("BI-RADS" in text for text in texts(figure))
    rows = [label.get_text() for label in figures[1].axes[0].get_yticklabels()]
    assert rows == list(intervals.share_names(task).values())


def test_calibration_has_a_panel_a_label(task, predicted):
    y, p, resampling = predicted
    table = calibration.reliability(y, p, resampling, task=task)
    figure = calibration_figures.reliability(
        table, p, calibration.intervals(y, p, resampling, task=task), task
    )
    check(figure)
    titled = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title().partition("\n")[0] for ax in titled] == [*map(task.named, task.numbers)]
    check(calibration_figures.true_class(y, p, task))


def test_decisions_are_those_of_the_task(task, predicted):
    y, p, resampling = predicted
    tables = {lowest: decision.curve(y, p, lowest, resampling) for lowest in task.decisions}
    if not tables:
        pytest.skip("density calls for no action")
    figure = decision_figures.curves(tables, task)
    check(figure)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == [f"Decision: {words}" for words in task.decisions.values()]


def test_images_are_counted_and_shown_by_the_tasks_labels(task):
    labels = ["malignant", "benign"] if task is MALIGNANCY else ["D", "B"]
    facts = {"image_id": list("abc"), "density": "A", task.name: [*labels, labels[1]]}
    table = pd.DataFrame(facts).assign(patient_id="p", laterality="L", view="CC")
    counts = exploration.counts_by_grade(table, task)
    check(counts)
    assert [tick.get_text() for tick in counts.axes[0].get_xticklabels()] == list(task.labels)
    assert {"1\n1 patients", "2\n1 patients"} < set(texts(counts))
    check(exploration.density_by_grade(table, task))
    picked = exploration.pick_per_grade(table, 1, task=task)
    assert list(picked[task.name]) == labels[::-1]
    shown = exploration.samples([np.full((8, 8), 200, np.uint8)] * 2, picked, task=task)
    titles = [ax.get_title().partition("\n")[0] for ax in shown.axes]
    assert titles == [task.prefix + label for label in labels[::-1]]
