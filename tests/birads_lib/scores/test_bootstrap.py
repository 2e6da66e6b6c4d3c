"""The bootstrap against a loop over scikit-learn, DeLong against its definition, and tests
of differences against SciPy and printed tables.
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from birads_lib.errors import UserError
from birads_lib.scores import bootstrap, comparisons
from birads_lib.scores.bootstrap import Resampling, intervals, mean_intervals, patient_bootstrap
from birads_lib.scores.comparisons import delong, paired_differences
from birads_lib.scores.metrics import PredictionError, headline, headline_names

GRADES = [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def study():
    """80 images of 20 patients, a rare grade 3, coarse probabilities that tie."""
    rng = np.random.default_rng(7)
    patients = np.repeat([f"p{i:02d}" for i in range(20)], 4)
    y = np.repeat(rng.choice([1, 2, 4, 5], size=20), 4)
    y[:4] = 3  # one patient only: many resamples lack the grade
    p = (rng.dirichlet(np.ones(5), size=80) + np.eye(5)[y - 1] * 0.3).round(1) + 0.01
    return y, p / p.sum(1, keepdims=True), patients


def resampled(study, *options, **named):
    """The study with a resampling in place of its patients."""
    y, p, patients = study
    return y, p, Resampling(patients, *options, **named)


def drawn_rows(patients, seed, n_resamples):
    """The rows of each resample, copied as often as their patient was drawn."""
    names = np.unique(patients)
    draws = np.random.default_rng(seed).integers(len(names), size=(n_resamples, len(names)))
    return [np.concatenate([np.flatnonzero(patients == names[i]) for i in d]) for d in draws]


OF_ONE_PATIENT = ["recall_3", "f1_3", "auc_3"]  # in ``study``


def estimable(table):
    """The rows of differences in ``study`` that rest on several patients; the others have none."""
    is_of_one = table["metric"].isin(OF_ONE_PATIENT)
    assert table.loc[is_of_one, ["low", "high", "p_value"]].isna().all(axis=None)
    return table[~is_of_one]


def by_scikit_learn(y, p):
    called = p.argmax(1) + 1
    average = {"average": "macro", "zero_division": 0}
    auc = [sk.roc_auc_score(y == g, p[:, g - 1]) if (y == g).any() else np.nan for g in GRADES]
    result = {
        "accuracy": sk.accuracy_score(y, called),
        "macro_precision": sk.precision_score(y, called, **average),
        "macro_recall": sk.recall_score(y, called, **average),
        "macro_f1": sk.f1_score(y, called, **average),
        "mean_auc": np.nanmean(auc),
        "mcc": sk.matthews_corrcoef(y, called),
        "qwk": sk.cohen_kappa_score(y, called, labels=GRADES, weights="quadratic"),
        "ordinal_mae": sk.mean_absolute_error(y, called),
        "adjacent_accuracy": np.mean(np.abs(y - called) <= 1),
        "auc_4_or_5": sk.roc_auc_score(y >= 4, (p[:, 3] + p[:, 4]).round(12)),
    }
    scores = {
        "precision": sk.precision_score(y, called, labels=GRADES, average=None, zero_division=0),
        "recall": sk.recall_score(y, called, labels=GRADES, average=None, zero_division=0),
        "f1": sk.f1_score(y, called, labels=GRADES, average=None, zero_division=0),
        "auc": auc,
    }
    occurs = np.isin(GRADES, np.union1d(y, called))
    for name, values in scores.items():
        values = np.where(occurs, values, np.nan)
        result |= {f"{name}_{g}": value for g, value in zip(GRADES, values, strict=True)}
    return result


def test_equals_a_loop_over_scikit_learn(study):
    y, p, patients = study
    drawn = patient_bootstrap(y, p, Resampling(patients, 20, seed=11))
    rows = drawn_rows(patients, 11, 20)
    expected = pd.DataFrame([by_scikit_learn(y[r], p[r]) for r in rows])
    assert drawn["auc_3"].isna().any()  # the rule for a missing grade is exercised
    pd.testing.assert_frame_equal(drawn, expected, rtol=0, atol=1e-10)


@pytest.fixture(scope="module")
def study_of_seeds(study):
    """The study trained from three seeds: each image graded once with each, in mixed order."""
    rng = np.random.default_rng(3)
    y, p, patients = (np.concatenate([values] * 3) for values in study)
    p = p * rng.uniform(0.5, 1.5, p.shape).round(1) + 0.01
    order = rng.permutation(len(y))
    seeds = np.repeat([40, 7, 0], len(study[0]))[order]
    return y[order], (p / p.sum(1, keepdims=True))[order], patients[order], seeds


def test_patients_and_seeds_are_drawn_as_copies_of_rows_would_be(study_of_seeds):
    y, p, patients, seeds = study_of_seeds
    drawn = patient_bootstrap(y, p, Resampling(patients, 20, 11, seeds))
    of_seeds = np.random.default_rng([11, 0, 7, 40]).integers(3, size=(20, 3))
    expected = []
    for rows, numbers in zip(drawn_rows(patients, 11, 20), of_seeds, strict=True):
        chosen = [rows[seeds[rows] == (0, 7, 40)[number]] for number in numbers]
        rows = np.concatenate(chosen)  # a seed that was drawn twice stands there twice
        expected.append(by_scikit_learn(y[rows], p[rows]))
    assert len({tuple(sorted(numbers)) for numbers in of_seeds}) > 5
    pd.testing.assert_frame_equal(drawn, pd.DataFrame(expected), rtol=0, atol=1e-10)


def test_one_seed_changes_nothing(study):
    y, p, patients = study
    one = Resampling(patients, 20, 4, np.full(len(y), 9))
    pd.testing.assert_frame_equal(
        patient_bootstrap(y, p, one), patient_bootstrap(y, p, Resampling(patients, 20, 4))
    )
    assert one.over == "patients"
    assert "one seed" in one.covers


def test_chunks_do_not_change_the_draws_of_seeds(study_of_seeds, monkeypatch):
    y, p, *drawn_by = study_of_seeds
    resampling = Resampling(drawn_by[0], 30, seeds=drawn_by[1])
    whole = patient_bootstrap(y, p, resampling)
    monkeypatch.setattr(bootstrap, "_CELLS", 7 * len(y))
    pd.testing.assert_frame_equal(patient_bootstrap(y, p, resampling), whole, rtol=1e-12)


def test_seeds_that_disagree_widen_an_interval(study):
    y, p, patients = study
    y, patients = np.tile(y, 3), np.tile(patients, 3)
    p = np.concatenate([p, p, np.roll(p, 1, axis=1)])  # the third seed is wrong about all
    seeds = np.repeat([0, 1, 2], len(study[0]))
    tables = [
        intervals(y, p, Resampling(patients, 300, seeds=of_rows)).set_index("metric")
        for of_rows in (None, seeds)
    ]
    width = [table.loc["accuracy", "high"] - table.loc["accuracy", "low"] for table in tables]
    assert width[1] > 1.5 * width[0]
    assert tables[0].loc["accuracy", "estimate"] == tables[1].loc["accuracy", "estimate"]


def test_what_intervals_cover_is_said(study_of_seeds):
    *_, patients, seeds = study_of_seeds
    rows = pd.DataFrame({"patient_id": patients, "image_id": "i", "seed": seeds})
    resampling = Resampling.of(rows, 10)
    assert resampling.over == "patients and 3 seeds"
    assert "3 training seeds (0, 7 and 40)" in resampling.covers
    with pytest.raises(PredictionError, match="got 2 predictions and 3 seeds"):
        next(Resampling(["a", "b"], seeds=[0, 1, 2]).weights(2))


def test_models_with_the_same_seeds_share_their_draws(study_of_seeds):
    y, p, patients, seeds = study_of_seeds
    a = (y, p, Resampling(patients, 40, 1, seeds))
    same = comparisons.differences(a, a, paired=True)
    assert (same[["low", "high"]].fillna(0) == 0).all(axis=None)
    other_seeds = comparisons.differences(a, (y, p, Resampling(patients, 40, 1, seeds + 1)), True)
    assert (other_seeds["high"] > other_seeds["low"]).any()


def test_chunks_do_not_change_the_result(study, monkeypatch):
    whole = patient_bootstrap(*resampled(study, 50))
    monkeypatch.setattr(bootstrap, "_CELLS", 7 * len(study[0]))
    pd.testing.assert_frame_equal(patient_bootstrap(*resampled(study, 50)), whole, rtol=1e-14)


def test_row_order_does_not_matter(study):
    y, p, patients = study
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = intervals(y[order], p[order], Resampling(patients[order], 50))
    pd.testing.assert_frame_equal(intervals(y, p, Resampling(patients, 50)), shuffled)


def test_seeds(study):
    first = patient_bootstrap(*resampled(study, 20, seed=1))
    pd.testing.assert_frame_equal(first, patient_bootstrap(*resampled(study, 20, seed=1)))
    assert not first.equals(patient_bootstrap(*resampled(study, 20, seed=2)))


def test_intervals_are_percentiles_around_the_estimate(study):
    y, p, patients = study
    table = intervals(y, p, Resampling(patients, 400, seed=3)).set_index("metric")
    resamples = patient_bootstrap(y, p, Resampling(patients, 400, seed=3))
    estimates = pd.Series(headline(y, p))
    np.testing.assert_array_equal(table.loc[list(headline_names()), "estimate"], estimates)
    expected = np.nanpercentile(resamples, [2.5, 97.5], axis=0)
    is_of_one = table.index.isin(OF_ONE_PATIENT)
    np.testing.assert_allclose(table[["low", "high"]].T, np.where(is_of_one, np.nan, expected))
    assert table.loc["accuracy", "resamples_used"] == 400
    used = table.loc["auc_3", "resamples_used"]
    assert 150 < used < 350  # a patient is in a resample with probability 1 - 1/e
    assert used == resamples["auc_3"].notna().sum()


@pytest.mark.parametrize(("hits", "n"), [(0, 2), (0, 10), (10, 10), (3, 10), (1, 400)])
def test_wilson_is_scipys(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(bootstrap.wilson(np.array(hits / n), np.array(n)), expected)


def test_none_or_all_of_ten_patients_is_no_certainty():
    """Ten patients of each grade, two images each; those of grade 1 are all missed."""
    y, patients = np.repeat([1, 2], 20), np.repeat(np.arange(20), 2)
    p = np.eye(5)[np.where(y == 1, 3, 2) - 1]
    table = intervals(y, p, Resampling(patients, 50)).set_index("metric")
    of_ten = stats.binomtest(0, 10).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(table.loc["recall_1", ["estimate", "low", "high"]], [0, *of_ten])
    np.testing.assert_allclose(table.loc["precision_3", ["estimate", "low", "high"]], [0, *of_ten])
    right = [1, 1 - of_ten[1], 1]
    np.testing.assert_allclose(table.loc["recall_2", ["estimate", "low", "high"]], right)
    assert table.loc[["f1_1", "f1_2", "auc_2"], ["low", "high"]].isna().all(axis=None)
    assert table.loc["accuracy", "low"] < 0.5 < table.loc["accuracy", "high"]
    perfect = intervals(y, np.eye(5)[y - 1], Resampling(patients, 50)).set_index("metric")
    of_twenty = stats.binomtest(20, 20).proportion_ci(0.95, "wilson")
    for name in ("accuracy", "adjacent_accuracy"):
        np.testing.assert_allclose(perfect.loc[name, ["low", "high"]].astype(float), of_twenty)
    assert perfect.loc[["mcc", "qwk", "macro_f1", "mean_auc", "ordinal_mae"], "low"].isna().all()


@pytest.mark.parametrize("rare", [4, 1])
def test_an_auc_with_one_patient_on_either_side_has_no_bounds(rare):
    y, patients = np.full(40, 5 - rare), np.repeat(np.arange(20), 2)
    y[:2] = rare
    p = np.random.default_rng(0).dirichlet(np.ones(5), 40)
    table = intervals(y, p, Resampling(patients, 60)).set_index("metric")
    rows = table.loc[["auc_4_or_5", "auc_4", "auc_1", "mean_auc", f"recall_{rare}"]]
    assert rows["estimate"].notna().all()
    assert rows[["low", "high"]].isna().all(axis=None)
    y[2:4] = rare
    several = intervals(y, p, Resampling(patients, 60)).set_index("metric")
    assert several.loc[["auc_4_or_5", "auc_4", "auc_1"], "low"].notna().all()


def test_a_mean_that_never_varies_has_wilsons_bounds_if_it_is_a_share_and_else_none():
    values = pd.DataFrame({"hit": [0.0] * 8, "other": 0.0, "mixed": [0, 1.0] * 4})
    values.loc[:1, "hit"] = np.nan  # all that is known of a patient
    patients = np.repeat(list("abcd"), 2)
    table = mean_intervals(values, Resampling(patients, 50), ["hit", "mixed"]).set_index("metric")
    expected = stats.binomtest(0, 3).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(table.loc["hit", ["low", "high"]].astype(float), expected)
    assert table.loc["other", ["low", "high"]].isna().all()
    half = stats.binomtest(2, 4).proportion_ci(0.95, "wilson")  # each patient is hit in one of two
    np.testing.assert_allclose(table.loc["mixed", ["low", "high"]].astype(float), half)


def test_absent_grade_has_no_interval(study):
    y, p, patients = study
    table = intervals(np.where(y == 3, 2, y), p, Resampling(patients, 20)).set_index("metric")
    assert table.loc["auc_3", ["estimate", "low", "high"]].isna().all()
    assert table.loc["auc_3", "resamples_used"] == 0
    assert table.loc["mean_auc"].notna().all()


def test_clustering_widens_intervals(study):
    y, p, patients = study
    y = y.copy()
    y[:40] = p[:40].argmax(1) + 1  # ten patients all right, whole patients swing the accuracy
    by_patient = intervals(y, p, Resampling(patients, 400)).set_index("metric").loc["accuracy"]
    by_image = intervals(y, p, Resampling(np.arange(len(y)), 400)).set_index("metric")
    by_image = by_image.loc["accuracy"]
    assert by_patient.high - by_patient.low > 1.2 * (by_image.high - by_image.low)


@pytest.mark.parametrize(
    ("patients", "message"),
    [
        (["a", "b", None, "a"], "patient of 1 of 4 images is unknown"),
        ([1, np.nan, np.nan, 2], "patient of 2 of 4 images"),
        (["a"] * 4, "all 4 images are of one patient"),
        (["a", "b"], "4 predictions and 2 patients"),
    ],
)
def test_unusable_patients_are_refused(patients, message):
    y, p = np.array([1, 2, 3, 4]), np.full((4, 5), 0.2)
    with pytest.raises(PredictionError, match=message):
        intervals(y, p, Resampling(patients))


def test_no_resamples_are_refused(study):
    with pytest.raises(PredictionError, match="resamples must be at least 1, got 0"):
        patient_bootstrap(*resampled(study, 0))


@pytest.fixture(scope="module")
def other(study):
    """Probabilities of a second model for the images of ``study``."""
    noise = np.random.default_rng(8).dirichlet(np.ones(5), size=len(study[0]))
    return 0.6 * study[1] + 0.4 * noise


def test_paired_differences_equal_a_loop_over_scikit_learn(study, other):
    y, p, patients = study
    table = paired_differences(y, other, p, Resampling(patients, 20, seed=11))
    rows = drawn_rows(patients, 11, 20)
    a, b = ([by_scikit_learn(y[r], values[r]) for r in rows] for values in (other, p))
    expected = (pd.DataFrame(a) - pd.DataFrame(b)).round(10)
    whole = pd.Series(by_scikit_learn(y, other)) - pd.Series(by_scikit_learn(y, p))
    np.testing.assert_allclose(table["estimate"], whole, atol=1e-9)
    table = estimable(table)
    low, high = np.nanpercentile(expected[table["metric"]], [2.5, 97.5], axis=0)
    np.testing.assert_allclose(table["low"], low, atol=1e-9)
    np.testing.assert_allclose(table["high"], high, atol=1e-9)
    for name, p_value in zip(table["metric"], table["p_value"], strict=True):
        d = [value for value in expected[name] if not np.isnan(value)]
        counts = [sum(v <= 0 for v in d), sum(v >= 0 for v in d)]
        assert p_value == pytest.approx(min(1, 2 * (min(counts) + 1) / (len(d) + 1)))


@pytest.mark.parametrize("paired", [True, False])
def test_differences_of_unlike_rows_equal_a_loop_over_scikit_learn(study, other, paired):
    y, p, patients = study
    rows = np.concatenate([np.arange(0, 80, 2), [0, 0, 6]])  # half the images, some of them again
    seed = [11, 5]
    b = (y[rows], other[rows], Resampling(patients[rows]))
    a = (y, p, Resampling(patients, 20, seed))
    table = comparisons.differences(a, b, paired)
    drawn_a = drawn_rows(patients, seed, 20)
    drawn_b = drawn_rows(patients[rows], seed if paired else [*seed, 1], 20)
    loop_a = pd.DataFrame([by_scikit_learn(y[r], p[r]) for r in drawn_a])
    loop_b = pd.DataFrame([by_scikit_learn(b[0][r], b[1][r]) for r in drawn_b])
    whole = pd.Series(by_scikit_learn(y, p)) - pd.Series(by_scikit_learn(*b[:2]))
    np.testing.assert_allclose(table["estimate"], whole, atol=1e-9)
    table = estimable(table)
    low, high = np.nanpercentile((loop_a - loop_b)[table["metric"]], [2.5, 97.5], axis=0)
    np.testing.assert_allclose(table["low"], low, atol=1e-9)
    np.testing.assert_allclose(table["high"], high, atol=1e-9)


def test_differences_of_independent_samples_have_the_sum_of_their_variances():
    """Accuracy over patients of one image each: the normal approximation is known."""
    rng = np.random.default_rng(0)
    samples = []
    for n, share in ((400, 0.7), (300, 0.5)):
        right = rng.random(n) < share
        p = np.eye(5)[np.where(right, 0, 1)]
        samples.append((np.ones(n, int), p, Resampling([f"p{i}" for i in range(n)], 4000)))
    table = comparisons.differences(*samples, False).set_index("metric")
    shares = [p[:, 0].mean() for _, p, _ in samples]
    variance = sum(q * (1 - q) / len(y) for q, (y, _, _) in zip(shares, samples, strict=True))
    row = table.loc["accuracy"]
    assert row["estimate"] == pytest.approx(shares[0] - shares[1])
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.96 * variance**0.5, rel=0.06)


def test_other_patients_are_not_paired(study):
    y, p, patients = study
    with pytest.raises(PredictionError, match="other patients"):
        comparisons.differences(
            (y, p, Resampling(patients)), (y[4:], p[4:], Resampling(patients[4:])), True
        )


def test_a_model_does_not_differ_from_itself(study):
    y, p, patients = study
    table = estimable(paired_differences(y, p, p, Resampling(patients, 30)))
    assert (table[["estimate", "low", "high"]] == 0).all(axis=None)
    assert (table["p_value"] == 1).all()


def one_patient_apart():
    """Truth, probabilities of two models, patients: only the one patient of BI-RADS 4 differs."""
    y, patients = np.repeat([4, *[1, 2] * 9, 1], 2), np.repeat(np.arange(20), 2)
    p = np.full((40, 5), 0.2)
    better = p.copy()
    better[:2] = np.eye(5)[3]
    return y, better, p, patients


def test_a_difference_that_rests_on_one_patient_is_not_estimable():
    y, better, p, patients = one_patient_apart()
    table = paired_differences(y, better, p, Resampling(patients, 100)).set_index("metric")
    rows = table.loc[["auc_4_or_5", "auc_4", "recall_4", "f1_4", "precision_4"]]
    assert rows["estimate"].tolist() == [0.5, 0.5, 1, 1, 1]
    assert rows[["low", "high", "p_value"]].isna().all(axis=None)
    assert table.loc["accuracy", ["low", "high", "p_value"]].notna().all()
    assert np.isnan(delong(y >= 4, better[:, 3], p[:, 3], patients)["p_value"])


def test_a_difference_that_is_the_same_in_all_resamples_is_not_estimable():
    y, patients = np.tile([1, 2], 10), np.arange(20)
    right, wrong = np.eye(5)[y - 1], np.eye(5)[2 - y]
    table = paired_differences(y, right, wrong, Resampling(patients, 50)).set_index("metric")
    row = table.loc["accuracy", ["estimate", "low", "high", "p_value"]].astype(float)
    np.testing.assert_array_equal(row, [1, np.nan, np.nan, np.nan])
    drawn = pd.DataFrame({"same": np.ones(50), "equal": np.zeros(50)})
    np.testing.assert_array_equal(bootstrap.p_values(drawn), [np.nan, 1])


def test_swapping_models_turns_the_sign(study, other):
    y, p, patients = study
    there = paired_differences(y, p, other, Resampling(patients, 50))
    back = paired_differences(y, other, p, Resampling(patients, 50))
    np.testing.assert_allclose(there["estimate"], -back["estimate"])
    np.testing.assert_allclose(there["low"], -back["high"], atol=1e-12)
    np.testing.assert_array_equal(there["p_value"], back["p_value"])


def test_pairing_narrows_the_interval(study):
    y, p, patients = study
    better = p.copy()
    better[20:28] = np.eye(5)[y[20:28] - 1]  # right on two patients, the rest as before
    paired = paired_differences(y, better, p, Resampling(patients, 300)).set_index("metric")
    alone = intervals(y, p, Resampling(patients, 300)).set_index("metric")
    width = paired.loc["accuracy", "high"] - paired.loc["accuracy", "low"]
    assert 0 < width < (alone.loc["accuracy", "high"] - alone.loc["accuracy", "low"])


def test_differences_of_absent_grades_are_undefined(study, other):
    y, p, patients = study
    y = np.where(y == 3, 2, y)
    table = paired_differences(y, p, other, Resampling(patients, 20)).set_index("metric")
    assert table.loc["auc_3", ["estimate", "low", "high", "p_value"]].isna().all()
    assert table.loc["auc_3", "resamples_used"] == 0
    assert table.loc["mean_auc"].notna().all()


def test_differences_with_one_grade_only(study, other):
    _, p, patients = study
    y = np.full(len(p), 2)
    table = paired_differences(y, p, other, Resampling(patients, 20)).set_index("metric")
    assert table.loc[["mean_auc", "auc_4_or_5"], "estimate"].isna().all()
    assert table.loc["accuracy", ["estimate", "low", "high"]].notna().all()


def spoiled(p, row):
    p = p.copy()
    p[0] = row
    return p


@pytest.mark.parametrize(
    ("row", "message"),
    [([np.nan] * 5, "NaN, infinite or negative"), ([0.5] * 5, "don't sum to 1")],
)
@pytest.mark.parametrize("second", [False, True])
def test_differences_refuse_bad_probabilities(study, row, message, second):
    y, p, patients = study
    pair = (p, spoiled(p, row)) if second else (spoiled(p, row), p)
    with pytest.raises(PredictionError, match=message):
        paired_differences(y, *pair, Resampling(patients, 5))


def test_differences_refuse_one_image_one_patient_and_unequal_lengths(study):
    y, p, patients = study
    with pytest.raises(PredictionError, match="all 1 images are of one patient"):
        paired_differences(y[:1], p[:1], p[:1], Resampling(patients[:1]))
    with pytest.raises(PredictionError, match="all 4 images are of one patient"):
        paired_differences(y[:4], p[:4], p[:4], Resampling(patients[:4]))
    with pytest.raises(PredictionError, match="as many rows of probabilities"):
        paired_differences(y, p, p[1:], Resampling(patients))


def predicted(variant="frozen", images=6):
    """Rows of a test part as ``predictions.out_of_fold`` gives them, two images a patient."""
    table = pd.DataFrame({"image_id": [f"i{n}" for n in range(images)]})
    table = table.assign(patient_id=[f"p{n // 2}" for n in range(images)], variant=variant)
    table = table.assign(protocol="patient", fold=[n % 2 for n in range(images)], seed=0)
    table = table.assign(part="test", copy=0, y_true=[1 + n % 5 for n in range(images)])
    return table.assign(p1=1.0, p2=0.0, p3=0.0, p4=0.0, p5=0.0)


def test_aligned_brings_rows_into_the_order_of_the_reference():
    shuffled = predicted("emd").iloc[[3, 1, 0, 5, 4, 2]].reset_index(drop=True)
    tables = comparisons.aligned({"emd": shuffled, "frozen": predicted()}, "frozen")
    assert list(tables) == ["emd", "frozen"]
    for name, table in tables.items():
        assert table["image_id"].tolist() == predicted()["image_id"].tolist()
        assert (table["variant"] == name).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[1:], "1 rows are missing and 0 are extra"),
        (lambda t: t.assign(image_id="x" + t["image_id"]), "6 rows are missing and 6 are extra"),
        (lambda t: t.assign(fold=1 - t["fold"]), "6 are extra .*of the same images"),
        (lambda t: t.assign(seed=1), "of the same images"),
        (lambda t: t.assign(copy=1), "of the same images"),
        (lambda t: t.assign(y_true=[1, 2, 3, 4, 5, 2]), "1 rows have a different true category"),
    ],
)
def test_aligned_refuses_other_rows(change, message):
    tables = {"frozen": predicted(), "emd": change(predicted("emd")), "oll": predicted("oll")}
    with pytest.raises(UserError, match=message) as error:
        comparisons.aligned(tables, "frozen")
    assert "\nemd: " in str(error.value)
    assert "oll" not in str(error.value)


def test_aligned_needs_the_reference_and_another():
    with pytest.raises(UserError, match="'frozen' is not among the runs: emd, oll"):
        comparisons.aligned({"emd": predicted(), "oll": predicted()}, "frozen")
    with pytest.raises(UserError, match="it is the only run"):
        comparisons.aligned({"frozen": predicted()}, "frozen")


def pair_score(a, b):
    return 1.0 if a > b else 0.5 if a == b else 0.0


def by_definition(positive, score_a, score_b, clusters):
    """Obuchowski 1997 in plain loops: placements of every pair, sums over clusters."""
    cases, controls = np.flatnonzero(positive), np.flatnonzero(~positive)
    areas, of_case, of_control = [], [], []
    for score in (score_a, score_b):
        won = {(i, j): pair_score(score[i], score[j]) for i, j in product(cases, controls)}
        of_case.append({i: np.mean([won[i, j] for j in controls]) for i in cases})
        of_control.append({j: np.mean([won[i, j] for i in cases]) for j in controls})
        areas.append(np.mean(list(won.values())))
    names = sorted(set(clusters))
    covariance = np.zeros((2, 2))
    for r, s in product(range(2), range(2)):
        tens, ones, mixed = [], [], []
        for name in names:
            x, y = (
                [
                    sum(values[k][i] - areas[k] for i in values[k] if clusters[i] == name)
                    for k in range(2)
                ]
                for values in (of_case, of_control)
            )
            tens.append(x[r] * x[s])
            ones.append(y[r] * y[s])
            mixed.append(x[r] * y[s] + y[r] * x[s])
        m, n, i = len(cases), len(controls), len(names)
        i10, i01 = len({clusters[c] for c in cases}), len({clusters[c] for c in controls})
        covariance[r, s] = (
            i10 / (i10 - 1) * sum(tens) / m**2
            + i01 / (i01 - 1) * sum(ones) / n**2
            + i / (i - 1) * sum(mixed) / (m * n)
        )
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return areas[0] - areas[1], np.sqrt(max(variance, 0))


@given(st.integers(0, 10_000), st.integers(8, 30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_delong_equals_its_definition(seed, n, by_patient):
    rng = np.random.default_rng(seed)
    positive = np.array([True, True, False, False, *(rng.random(n - 4) < 0.4)])
    a, b = rng.integers(6, size=(2, n)) / 5 + 0.2 * positive  # many ties
    patients = np.array([0, 1, 0, 1, *rng.integers(5, size=n - 4)]) if by_patient else None
    test = delong(positive, a, b, patients)
    clusters = np.arange(n) if patients is None else patients
    difference, error = by_definition(positive, a, b, clusters)
    assert test["estimate"] == pytest.approx(difference, abs=1e-12)
    assert test["standard_error"] == pytest.approx(error, abs=1e-7)
    areas = sk.roc_auc_score(positive, a) - sk.roc_auc_score(positive, b)
    assert test["estimate"] == pytest.approx(areas, abs=1e-12)
    if error > 1e-6:
        low, high = stats.norm.interval(0.95, difference, error)
        assert (test["low"], test["high"]) == pytest.approx((low, high), abs=1e-6)
        z = difference / error
        assert test["p_value"] == pytest.approx(2 * stats.norm.cdf(-abs(z)), abs=1e-6)


@pytest.fixture
def scored():
    rng = np.random.default_rng(5)
    positive = np.arange(40) % 3 == 0
    return positive, rng.normal(size=40) + positive, rng.normal(size=40) + positive


def test_delong_with_a_patient_per_image_is_plain(scored):
    by_image = delong(*scored, clusters=[f"p{n}" for n in range(40)])
    assert by_image == pytest.approx(delong(*scored))


def test_copies_of_images_fool_the_plain_form_only(scored):
    twice = [np.tile(values, 2) for values in scored]
    patients = np.tile(np.arange(40), 2)
    assert delong(*twice)["standard_error"] < 0.75 * delong(*scored)["standard_error"]
    assert delong(*twice, patients) == pytest.approx(delong(*scored, np.arange(40)))


def test_delong_where_nothing_can_be_said(scored):
    positive, a, b = scored
    assert all(np.isnan(v) for v in delong(np.zeros(40, bool), a, b).values())
    assert all(np.isnan(v) for v in delong(np.ones(1, bool), a[:1], b[:1]).values())
    single = delong(np.arange(40) == 3, a, b)
    assert not np.isnan(single["estimate"])
    assert all(np.isnan(single[name]) for name in ("standard_error", "low", "high", "p_value"))
    patients = np.where(positive, 0, np.arange(40))  # all positives are of one patient
    assert np.isnan(delong(positive, a, b, patients)["standard_error"])


def test_delong_without_spread(scored):
    positive, a, _ = scored
    same = delong(positive, a, a)
    assert (same["estimate"], same["standard_error"], same["p_value"]) == (0, 0, 1)
    perfect = delong(positive, positive, np.zeros(40))
    assert (perfect["estimate"], perfect["standard_error"]) == (0.5, 0)
    assert np.isnan([perfect[name] for name in ("low", "high", "p_value")]).all()


def test_delong_refuses_what_it_cannot_use(scored):
    positive, a, b = scored
    for bad in (np.nan, np.inf):
        with pytest.raises(PredictionError, match="NaN or infinite"):
            delong(positive, a, np.where(np.arange(40) == 2, bad, b))
    with pytest.raises(PredictionError, match="of one length"):
        delong(positive, a, b[1:])
    with pytest.raises(PredictionError, match="of one length"):
        delong([], [], [])
    with pytest.raises(PredictionError, match="of one patient"):
        delong(positive, a, b, ["p"] * 40)
    with pytest.raises(PredictionError, match="patient of 40 of 40 images is unknown"):
        delong(positive, a, b, [None] * 40)


@pytest.mark.parametrize("pairs", range(1, 9))
def test_wilcoxon_floor_is_reached_where_all_folds_agree(pairs):
    assert comparisons.wilcoxon(np.arange(1, pairs + 1)) == comparisons.wilcoxon_floor(pairs)
    assert comparisons.wilcoxon(-np.ones(pairs)) == pytest.approx(comparisons.wilcoxon_floor(pairs))


def test_wilcoxon_floor_of_five_folds():
    assert comparisons.wilcoxon_floor(5) == 0.0625
    assert comparisons.wilcoxon_floor(0) == 1


@pytest.mark.filterwarnings("error")
def test_wilcoxon_leaves_out_what_says_nothing():
    assert comparisons.wilcoxon([0, 0, 0]) == 1
    assert comparisons.wilcoxon([]) == 1
    assert comparisons.wilcoxon([np.nan, np.nan]) == 1
    differences = [0.1, -0.2, 0.3, 0.5, np.nan, 0, 1e-17]
    assert comparisons.wilcoxon(differences) == stats.wilcoxon([0.1, -0.2, 0.3, 0.5]).pvalue


def test_holm_by_hand():
    np.testing.assert_allclose(comparisons.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(comparisons.holm([0.01, np.nan, 0.4]), [0.02, np.nan, 0.4])
    assert np.isnan(comparisons.holm([np.nan, np.nan])).all()
    assert len(comparisons.holm([])) == 0


def test_holm_counts_comparisons_of_the_same_page_that_are_adjusted_elsewhere():
    """0.01 x 5 and 0.02 x 4 by hand, where two further ones are taken for not significant."""
    p = [0.02, 0.01, 0.5]
    np.testing.assert_allclose(comparisons.holm(p, further=2), [0.08, 0.05, 1])
    tables = [pd.DataFrame({"p_value": p[:1]}), pd.DataFrame({"p_value": p[1:]}, index=[7, 9])]
    first, second = comparisons.adjusted(tables, further=2)
    assert first["holm"].tolist() == pytest.approx([0.08])
    assert second["holm"].to_dict() == pytest.approx({7: 0.05, 9: 1})


@pytest.mark.parametrize("count", [1, 7, 86])
def test_so_many_resamples_can_reach_significance_among_so_many(count):
    resamples = comparisons.enough_resamples(count)
    above = np.linspace(1, 2, resamples)
    least = bootstrap.p_values(pd.DataFrame({"always above 0": above}))
    assert comparisons.holm(least, further=count - 1)[0] < 0.05
    fewer = bootstrap.p_values(pd.DataFrame({"always above 0": above[2:]}))
    assert comparisons.holm(fewer, further=count - 1)[0] > 0.05


def test_friedman_is_scipys_and_critical_difference_demsars():
    errors = pd.DataFrame(np.random.default_rng(0).integers(4, size=(30, 4)), columns=list("abcd"))
    test = comparisons.friedman(errors)
    expected = stats.friedmanchisquare(*(errors[name] for name in errors))
    assert (test["statistic"], test["p_value"]) == pytest.approx(tuple(expected))
    assert test["critical_difference"] == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 30)), abs=1e-3)
    weak = comparisons.friedman(errors, alpha=0.1)["critical_difference"]  # Demsar 2006, table 5
    assert weak == pytest.approx(2.291 * np.sqrt(4 * 5 / (6 * 30)), abs=1e-3)


@pytest.mark.filterwarnings("error")
def test_friedman_where_all_are_equal():
    errors = pd.DataFrame({name: [0.0, 1.0, 0.5] for name in "abc"})
    test = comparisons.friedman(errors)
    assert (test["statistic"], test["p_value"]) == (0, 1)
    assert test["critical_difference"] > 0


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({"a": [1, 2], "b": [2, 1]}, "got 2 and 2"),
        ({"a": [1], "b": [2], "c": [3]}, "got 3 and 1"),
        ({"a": [1, 2], "b": [2, np.nan], "c": [3, 1]}, "no error for some patient"),
    ],
)
def test_friedman_refuses_too_little(errors, message):
    with pytest.raises(PredictionError, match=message):
        comparisons.friedman(pd.DataFrame(errors))


def test_mean_intervals_as_a_loop_over_resamples():
    rng = np.random.default_rng(0)
    patients = np.repeat(list("abcdefgh"), 3)
    values = pd.DataFrame({"hit": rng.integers(0, 2, 24).astype(float), "some": rng.random(24)})
    values.loc[rng.random(24) < 0.4, "some"] = np.nan
    table = mean_intervals(values, Resampling(patients, 3000)).set_index("metric")
    by_patient = {name: rows for name, rows in values.groupby(patients)}
    draws = [pd.concat([by_patient[k] for k in rng.choice(list(by_patient), 8)]).mean()
             for _ in range(1500)]  # fmt: skip
    expected = pd.DataFrame(draws).quantile([0.025, 0.975])
    np.testing.assert_allclose(table["estimate"], values.mean())
    np.testing.assert_allclose(table[["low", "high"]].T, expected, atol=0.03)
    assert table["n"].to_dict() == values.notna().sum().to_dict()


def test_intervals_say_nothing_where_there_is_nothing_to_say():
    values = pd.DataFrame({"one_patient": [1, 0, np.nan, np.nan], "none": [np.nan] * 4})
    values["two"] = [1.0, 1, 0, np.nan]
    table = mean_intervals(values, Resampling(["a", "a", "b", "c"], 200)).set_index("metric")
    assert table.loc["one_patient", "estimate"] == 0.5
    assert table.loc[["one_patient", "none"], ["low", "high"]].isna().all(axis=None)
    assert table.loc["two", ["low", "high"]].tolist() == [0, 1]
    assert np.isnan(table.loc["none", "estimate"])
    alone = mean_intervals(values[:1], Resampling(["a"], 50))
    assert alone["low"].isna().all()
