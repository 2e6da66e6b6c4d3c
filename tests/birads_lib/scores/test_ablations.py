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


@pytest.fixture
def aligned_of_two_seeds():
    """The runs above with seed 0, and with seed 1 other answers of the reference."""
    frozen = pd.concat([run("frozen", [1, 1, 4, 4]), run("frozen", [1, 2, 4, 5]).assign(seed=1)])
    emd = pd.concat([run("emd", [1, 2, 4, 5]), run("emd", [1, 2, 4, 5]).assign(seed=1)])
    return ablations.AlignedRuns.of({"frozen": frozen, "emd": emd}, "frozen")


def test_runs_of_several_seeds_are_compared_seed_by_seed(aligned_of_two_seeds):
    by_fold = aligned_of_two_seeds.fold_differences("accuracy")
    assert by_fold.loc["emd"].to_dict() == {
        "0, seed 0": 0.5, "0, seed 1": 0, "1, seed 0": 0.5, "1, seed 1": 0,
    }  # fmt: skip
    errors = aligned_of_two_seeds.patient_errors()["frozen"]
    assert errors.to_dict() == {"p": 0.25, "q": 0, "d": 0.5}


def test_differences_draw_seeds_too(aligned_of_two_seeds):
    """The reference is wrong about two images with seed 0 alone: a resample may have only that."""
    table = aligned_of_two_seeds.differences(400).set_index("metric")
    row = table.loc["accuracy"]
    assert (row["estimate"], row["low"], row["high"]) == (0.25, 0, pytest.approx(2 / 3, abs=0.1))


def test_images_taken_as_independent_are_so_with_all_seeds(aligned_of_two_seeds):
    """An image that was graded with two seeds is one image: copies of a run change no error."""
    rows = [run(v, a) for v, a in (("frozen", [1, 4, 2, 5]), ("emd", [1, 2, 4, 5]))]
    one = ablations.AlignedRuns.of({"frozen": rows[0], "emd": rows[1]}, "frozen")
    twice = [pd.concat([table, table.assign(seed=1)]) for table in rows]
    both = ablations.AlignedRuns.of({"frozen": twice[0], "emd": twice[1]}, "frozen")
    columns = ["estimate", "standard_error", "p_value"]
    pd.testing.assert_frame_equal(one.auc_differences(4)[columns], both.auc_differences(4)[columns])


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
