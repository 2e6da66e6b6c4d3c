"""Runs beside a reference: what chapter 05 measures equals what a count by hand gives."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.scores import ablations
from birads_lib.scores.metrics import headline, headline_names
from birads_lib.task import BIRADS


def run(variant, answers, protocol="patient", y=(1, 2, 4, 5)):
    """The test rows of a run over two patients and two folds that is sure of its answers."""
    rows = pd.DataFrame({"image_id": list("abcd"), "patient_id": ["p", "p", "q", None]})
    rows = rows.assign(variant=variant, protocol=protocol, fold=[0, 0, 1, 1], seed=0, copy=0)
    certain = pd.DataFrame(np.eye(5)[np.array(answers) - 1], columns=BIRADS.probabilities)
    return rows.assign(y_true=y, **certain)


@pytest.fixture
def aligned():
    tables = {"frozen": run("frozen", [1, 1, 4, 4]), "emd": run("emd", [1, 2, 4, 5]).iloc[::-1]}
    return ablations.AlignedRuns.of(tables, "frozen")


def test_runs_are_sorted_by_protocol_and_variant():
    tables = [run("a", [1, 2, 4, 5]), run("b", [1, 2, 4, 5], "image"), run("b", [1, 1, 1, 1])]
    tests = ablations.by_protocol(tables)
    assert {protocol: list(runs) for protocol, runs in tests.items()} == {
        "patient": ["a", "b"],
        "image": ["b"],
    }


def test_rows_of_all_runs_are_in_the_order_of_the_reference(aligned):
    assert aligned.variants == ["emd"]
    assert (aligned.p["emd"].argmax(axis=1) + 1).tolist() == [1, 2, 4, 5]
    assert aligned.clusters.tolist() == ["p", "p", "q", "d"]


def test_runs_without_the_reference_are_refused():
    with pytest.raises(UserError, match="'frozen' is not among the runs: emd"):
        ablations.AlignedRuns.of({"emd": run("emd", [1, 2, 4, 5])}, "frozen")


def test_labels_that_a_run_never_predicts(aligned):
    assert aligned.never_predicted() == {"frozen": [2, 3, 5], "emd": [3]}


def test_errors_of_patients_are_mean_distances(aligned):
    assert aligned.patient_errors()["frozen"].to_dict() == {"p": 0.5, "q": 0, "d": 1}
    assert not aligned.patient_errors()["emd"].any()


def test_differences_in_folds_are_those_of_their_metrics(aligned):
    table = aligned.fold_differences("accuracy")
    assert table.loc["emd"].tolist() == [0.5, 0.5]
    assert table.index.tolist() == ["emd"]


def test_differences_of_headline_metrics_by_protocol(aligned):
    tests = {"patient": {"frozen": run("frozen", [1, 1, 4, 4]), "emd": run("emd", [1, 2, 4, 5])}}
    tests["image"] = {"frozen": run("frozen", [1, 1, 4, 4], "image")}  # nothing to compare
    table = ablations.differences_by_protocol(tests, "frozen", 50, 0)
    assert table["protocol"].unique().tolist() == ["patient"]
    assert table["metric"].tolist() == list(headline_names())
    whole = {v: headline(aligned.y, p)["accuracy"] for v, p in aligned.p.items()}
    accuracy = table.set_index("metric").loc["accuracy", "estimate"]
    assert accuracy == whole["emd"] - whole["frozen"] == 0.5


def test_auc_differences_have_both_forms(aligned):
    table = aligned.auc_differences(BIRADS.act_from)
    assert table["form"].tolist() == list(ablations.FORMS)
    assert table["estimate"].tolist() == [0, 0]  # both tell 4 and 5 from the others


def test_records_name_variant_protocol_and_metric():
    metrics = ablations.headline_intervals([run("emd", [1, 2, 4, 5])], 20)
    names = ablations.records(metrics, metrics)["metric"].tolist()
    assert names[0] == "emd.patient.accuracy"
    assert names[len(headline_names())] == "emd.patient.difference.accuracy"


def test_a_variant_from_random_numbers_is_held_against_its_twin():
    changed = {
        "frozen": {},
        "plain": {"augment": False},
        "bare": {"augment": False, "weights": "none"},
        "bare_too": {"weights": "none"},
        "no_twin": {"weights": "none", "loss": "emd"},
        "imagenet": {"weights": "imagenet"},
    }
    assert ablations.without_weights(changed) == {"bare": "plain", "bare_too": "frozen"}
