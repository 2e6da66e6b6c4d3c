"""Answers that see no image, and what test rows met: against plain loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_lib.errors import UserError
from birads_lib.predictions import out_of_fold
from birads_lib.scores import leakage
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.leakage import leak_report
from birads_lib.task import BIRADS
from helpers.leakage import images, run


@pytest.fixture(scope="module", params=["patient", "image", "oversample_first"])
def table(request):
    return run(images(), request.param)


def looked_up(table):
    """The lookup table's and the majority's answers, row by row."""
    answers = []
    for row in table[table["part"] == "test"].itertuples():
        training = table[(table["part"] == "train") & (table["fold"] == row.fold)]
        training = training[training["seed"] == row.seed]
        labels = dict(zip(training["image_id"], training["y_true"], strict=True))
        counts = [list(labels.values()).count(grade) for grade in range(1, 6)]
        most = int(np.argmax(counts)) + 1
        answers.append((labels.get(row.image_id, most), most))
    return np.array(answers)


def test_nulls_equal_plain_loops(table):
    expected = looked_up(table)
    nulls = leakage.answers(table)
    for column, p in enumerate([nulls["lookup"], nulls["majority"]]):
        assert p.shape == (len(expected), 5)
        np.testing.assert_array_equal(p, np.eye(5)[expected[:, column] - 1])


def test_lookup_is_the_majority_without_copies(table):
    answers = leakage.answers(table)
    same = (answers["lookup"] == answers["majority"]).all()
    assert same == (table["protocol"].iloc[0] != "oversample_first")


def test_each_model_looks_in_its_own_training_part():
    first = run(images(), "oversample_first")
    second = run(images(seed=1), "oversample_first", seed=1)
    both = pd.concat([first, second], ignore_index=True)
    for null in ("lookup", "majority"):
        apart = [leakage.answers(alone)[null] for alone in (first, second)]
        np.testing.assert_array_equal(leakage.answers(both)[null], np.concatenate(apart))


def test_copies_in_training_do_not_make_a_category_frequent():
    cases = images()
    table = run(cases, "oversample_first")
    assert (leakage.answers(table)["majority"].argmax(1) + 1 == 2).all()


def met_by_loops(table, cases):
    """Return what each test row met in its fold's training part, by plain loops."""
    side = dict(zip(cases["image_id"], cases["laterality"], strict=True))
    rows = []
    for row in table[table["part"] == "test"].itertuples():
        training = table[(table["part"] == "train") & (table["fold"] == row.fold)]
        others = [t for t in training.itertuples() if t.image_id != row.image_id]
        hers = [t for t in others if t.patient_id == row.patient_id]
        rows.append(
            {
                "copy": row.image_id in set(training["image_id"]),
                "sibling_view": any(side[t.image_id] == side[row.image_id] for t in hers),
                "sibling_image": bool(hers),
            }
        )
    return pd.DataFrame(rows)


def test_met_in_training_and_leak_report_equal_plain_loops(table):
    cases = images()
    expected = met_by_loops(table, cases)
    met = leakage.met_in_training(table, cases)
    pd.testing.assert_frame_equal(met.astype(bool), expected)
    counts = expected.groupby(out_of_fold(table)["fold"]).sum()
    for fold, parts in table.groupby("fold"):
        report = leak_report(parts, cases)
        assert report["test_rows"] == (parts["part"] == "test").sum()
        assert report["same_image"] == counts.loc[fold, "copy"]
        assert report["sibling_view"] == counts.loc[fold, "sibling_view"]
        assert report["sibling_image"] == counts.loc[fold, "sibling_image"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["image", "oversample_first"]))
def test_what_is_not_known_is_na_and_not_zero(seed, protocol):
    cases = images()
    table = run(cases, protocol)
    whole = leakage.met_in_training(table, cases)
    rng = np.random.default_rng(seed)
    nameless = rng.choice(cases["image_id"], size=3, replace=False)
    table["patient_id"] = table["patient_id"].mask(table["image_id"].isin(nameless))
    met = leakage.met_in_training(table, cases)
    known = met.notna()
    assert (met[known] == whole[known]).where(known, True).all(axis=None)
    assert met["copy"].notna().all()
    test = out_of_fold(table)
    of_nameless = test["image_id"].isin(nameless)
    assert met.loc[of_nameless, ["sibling_view", "sibling_image"]].isna().all(axis=None)
    training = table[(table["part"] == "train") & table["image_id"].isin(nameless)]
    in_doubt = test["fold"].isin(training["fold"])  # a nameless one may be of the patient
    assert not met.loc[in_doubt, "sibling_image"].eq(False).any()


def test_unknown_patients():
    cases = images().assign(patient_id=None, laterality=None)
    table = run(cases, "image")
    met = leakage.met_in_training(table, cases)
    assert leakage.shares(met).isna().tolist() == [False, True, True]
    assert leakage.closest(met)["unknown"] == 1
    metrics = leakage.metrics_with_nulls(table, 20)  # each image is then a cluster of its own
    assert metrics["estimate"].notna().all()


def test_unknown_laterality_leaves_the_patient_known():
    cases = images()
    table = run(cases, "image")
    met = leakage.met_in_training(table, cases.assign(laterality=None))
    whole = leakage.met_in_training(table, cases)
    assert met["sibling_view"].isna().all()
    pd.testing.assert_series_equal(met["sibling_image"], whole["sibling_image"])
    assert leakage.closest(met)["sibling_view"] == 0
    assert leakage.closest(met)["sibling_image"] == leakage.shares(whole)["sibling_image"]


def test_closest_counts_each_row_once(table):
    met = leakage.met_in_training(table, images())
    shares = leakage.closest(met)
    assert list(shares.index) == list(leakage.CLOSEST)
    assert shares.sum() == pytest.approx(1)
    names = ["copy", "sibling_view", "sibling_image"]
    of_rows = [next((n for n in names if row[n]), "nothing") for _, row in met.iterrows()]
    for name in (*names, "nothing"):
        assert shares[name] == pytest.approx(of_rows.count(name) / len(met))
    if table["protocol"].iloc[0] == "patient":
        assert shares["nothing"] == 1


def test_measured_are_intervals_of_each_answer(table):
    metrics = leakage.metrics_with_nulls(table, 30, seed=2)
    test = out_of_fold(table)
    assert metrics["answer"].unique().tolist() == ["model", "lookup", "majority"]
    for answer, p in leakage.answers(table).items():
        expected = intervals(test["y_true"], p, Resampling(test["patient_id"], 30, 2))
        rows = metrics[metrics["answer"] == answer].drop(columns="answer").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected)


def test_floors_are_answers_like_the_others(table):
    test = out_of_fold(table)
    floor = test.assign(variant="logistic_regression")  # as good as the model
    shuffled = floor.sample(frac=1, random_state=0)
    metrics = leakage.metrics_with_nulls(table, 30, floors=shuffled).set_index("answer")
    assert set(metrics.index) == {"model", "lookup", "majority", "logistic_regression"}
    model, same = (metrics.loc[name].reset_index(drop=True) for name in ("model", floor.variant[0]))
    pd.testing.assert_frame_equal(model, same)
    rows = leakage.by_category(table, metrics.reset_index())
    assert set(rows["answer"]) == set(metrics.index)


def test_by_category(table):
    metrics = leakage.metrics_with_nulls(table, 20)
    rows = leakage.by_category(table, metrics).set_index(["answer", "birads"])
    test = out_of_fold(table)
    assert len(rows) == 15
    for grade in range(1, 6):
        graded = test[test["y_true"] == grade]
        called = graded[BIRADS.probabilities].to_numpy().argmax(1) + 1
        row = rows.loc[("model", grade)]
        assert row["images"] == graded["image_id"].nunique()
        assert row["rows"] == len(graded)
        assert row["recall"] == pytest.approx((called == grade).mean())
    assert rows.loc[("majority", 2), "recall"] == 1


def test_an_absent_category_has_no_recall():
    cases = images()
    cases = cases[cases["birads"] != 3].reset_index(drop=True)
    table = run(cases, "image")
    rows = leakage.by_category(table, leakage.metrics_with_nulls(table, 20)).set_index(
        ["answer", "birads"]
    )
    assert rows.loc[("lookup", 3), "images"] == 0
    assert np.isnan(rows.loc[("lookup", 3), "recall"])


def test_against_paper():
    paper = {"accuracy": 0.921, "macro_f1": 0.920, "mean_auc": 0.987, "mcc": 0.903}
    rows = pd.DataFrame({"metric": list(paper), "answer": "model"})
    rows["low"], rows["high"] = [0.93, 0.90, 0.5, np.nan], [0.95, 0.93, 0.6, np.nan]
    table = leakage.against_paper({"patient": rows}, paper)
    assert table["the paper"].tolist() == ["0.921", "0.920", "0.987", "0.903"]
    places = [
        "below 0.930 to 0.950",
        "inside 0.900 to 0.930",
        "above 0.500 to 0.600",
        "not estimable",
    ]
    assert table["patient"].tolist() == places


def test_counted_says_what_is_unknown():
    cases = images()
    table = run(cases, "image")
    known = leakage.met_in_training(table, cases)
    unknown = leakage.met_in_training(table.assign(patient_id=None), cases)
    counts = leakage.counted({"a": known, "b": unknown})
    assert counts["test rows"].tolist() == [len(cases)] * 2
    assert counts.loc["a", "The image itself"] == "0 (0%)"
    siblings = known["sibling_image"]
    assert counts.loc["a", leakage.MET["sibling_image"]].startswith(f"{siblings.sum()} (")
    assert counts.loc["b", leakage.MET["sibling_image"]] == "unknown"


def test_records_have_the_names_of_the_ledger(table):
    protocol = table["protocol"].iloc[0]
    metrics = leakage.metrics_with_nulls(table, 20)
    met = leakage.met_in_training(table, images())
    rows = leakage.records({protocol: metrics}, {protocol: met}).set_index("metric")
    assert rows.index.is_unique
    assert len(rows) == len(metrics) + 3
    accuracy = metrics[metrics["metric"] == "accuracy"].set_index("answer")
    assert rows.loc[f"{protocol}.accuracy", "low"] == accuracy.loc["model", "low"]
    assert rows.loc[f"{protocol}.lookup.accuracy", "estimate"] == accuracy.loc["lookup", "estimate"]
    assert rows.loc[f"{protocol}.test_with_copy", "estimate"] == met["copy"].mean()
    assert np.isnan(rows.loc[f"{protocol}.test_with_sibling_view", "low"])


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_part_is_refused(missing):
    table = run(images(), "patient")
    table = table[table["part"] != missing]
    with pytest.raises(UserError, match="lacks test or training rows"):
        leakage.answers(table)


def test_images_of_another_study_are_refused():
    table = run(images(), "patient")
    with pytest.raises(UserError, match="1 predicted images are not in cases"):
        leakage.met_in_training(table, images().iloc[1:])
