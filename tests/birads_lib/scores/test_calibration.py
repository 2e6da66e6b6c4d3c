"""Calibration against plain loops, scikit-learn, relplot and copied rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relplot import smECE
from scipy import stats
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from birads_lib.errors import UserError
from birads_lib.predictions import out_of_fold, probabilities
from birads_lib.scores import recalibration
from birads_lib.scores.bootstrap import Resampling, patient_bootstrap
from birads_lib.scores.calibration import (
    SCORES,
    differences,
    error_if_calibrated,
    every_score,
    intervals,
    reliability,
    smooth_ece,
    true_class_spread,
)
from birads_lib.scores.metrics import PredictionError
from birads_lib.scores.recalibration import (
    CORRECTIONS,
    estimated_priors,
    fitted_temperature,
    recalibrated,
    records,
    references,
    reweighted,
    shares,
    tempered,
)
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY

GRADES = [1, 2, 3, 4, 5]


def sample(seed=0, n=60, grades=GRADES, decimals=3):
    rng = np.random.default_rng(seed)
    y = np.concatenate([grades, rng.choice(grades, size=n - len(grades))])
    p = (rng.dirichlet(np.ones(5), size=n) + 0.6 * np.eye(5)[y - 1]).round(decimals) + 0.001
    return y, p / p.sum(1, keepdims=True)


def scored(y, p):
    return {k: v[0] for k, v in every_score(y, p, np.ones((len(y), 1))).items()}


def bins_by_sorting(score, bins=10):
    """Equally filled bins of scores that don't tie, as lists of positions."""
    return np.array_split(np.argsort(score), bins)


def by_hand(y, p):
    """Every score in plain loops, for scores that don't tie and n divisible by ten."""
    n = len(y)
    scores = {}
    for g in GRADES:
        gaps = []
        for rows in bins_by_sorting(p[:, g - 1]):
            observed = np.mean([y[i] == g for i in rows])
            gaps.append(len(rows) / n * abs(observed - np.mean([p[i, g - 1] for i in rows])))
        scores[f"ece_{g}"] = sum(gaps)
    scores["classwise_ece"] = np.mean([scores[f"ece_{g}"] for g in GRADES])
    rps = []
    for i in range(n):
        steps = [(sum(p[i, :k]) - (y[i] <= k)) ** 2 for k in (1, 2, 3, 4)]
        rps.append(sum(steps) / 4)
    scores["rps"] = np.mean(rps)
    scores["brier"] = sk.brier_score_loss(y, p, labels=GRADES)
    scores["log_loss"] = sk.log_loss(y, p, labels=GRADES)
    scores["true_class_high"] = np.mean([p[i, y[i] - 1] >= 0.8 for i in range(n)])
    low = [i for i in range(n) if p[i, 1] < 0.5]
    scores["low_confidence_gap_2"] = np.mean([y[i] == 2 for i in low]) - np.mean(p[low, 1])
    return scores


@given(st.integers(0, 10_000), st.sampled_from([20, 60]))
@settings(max_examples=20, deadline=None)
def test_scores_equal_plain_loops_and_scikit_learn(seed, n):
    y, p = sample(seed, n, decimals=15)
    assert scored(y, p) == pytest.approx(by_hand(y, p), abs=1e-12)


def test_perfect_predictions_score_zero():
    y = np.array(GRADES)
    scores = scored(y, np.eye(5))
    assert scores["true_class_high"] == 1
    assert [v for k, v in scores.items() if k != "true_class_high"] == pytest.approx([0] * 10)


def test_worst_predictions_have_the_stated_maxima():
    scores = scored(np.array([1, 1]), np.eye(5)[[4, 4]])
    assert (scores["brier"], scores["rps"], scores["ece_1"], scores["ece_5"]) == (2, 1, 1, 1)
    assert scores["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_rps_counts_distance_and_brier_does_not():
    near, far = scored(np.array([1]), np.eye(5)[[1]]), scored(np.array([1]), np.eye(5)[[3]])
    assert near["brier"] == far["brier"]
    assert near["rps"] == 0.25
    assert far["rps"] == 0.75


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_scores_stay_in_their_ranges(seed):
    y, p = sample(seed, 30, decimals=1)  # ties
    scores = scored(y, p)
    assert all(0 <= scores[f"ece_{g}"] <= 1 for g in GRADES)
    assert 0 <= scores["brier"] <= 2
    assert 0 <= scores["rps"] <= 1
    assert -1 <= scores["low_confidence_gap_2"] <= 1


def test_frequencies_for_every_image_are_calibrated():
    y, _ = sample()
    always = np.tile(shares(y), (len(y), 1))
    scores = scored(y, always)
    assert scores["classwise_ece"] == pytest.approx(0)
    assert scores["brier"] > 0.5
    assert smooth_ece(y, always) == pytest.approx(0, abs=1e-3)


def test_no_image_with_a_low_probability_has_no_gap():
    assert np.isnan(scored(np.array([2]), np.eye(5)[[1]])["low_confidence_gap_2"])


def test_smooth_error_is_the_mean_of_relplots():
    y, p = sample()
    expected = np.mean([smECE(p[:, g - 1], (y == g).astype(float)) for g in GRADES])
    assert smooth_ece(y, p) == pytest.approx(expected)


def test_absent_grade_is_scored():
    y, p = sample(grades=[1, 2, 4, 5])
    assert scored(y, p)["ece_3"] == pytest.approx(p[:, 2].mean())
    table = true_class_spread(y, p)
    assert table.loc[3, "images"] == 0
    assert np.isnan(table.loc[3, "iqr"])


def test_a_single_image_is_scored():
    y, p = np.array([2]), np.full((1, 5), 0.2)
    assert scored(y, p)["ece_2"] == pytest.approx(0.8)
    assert np.isfinite(smooth_ece(y, p))
    assert true_class_spread(y, p).loc[2, "iqr"] == 0


def test_spread_equals_numpy():
    y, p = sample()
    table = true_class_spread(y, p)
    for g in GRADES:
        quartiles = np.quantile(p[y == g, g - 1], [0.25, 0.5, 0.75])
        np.testing.assert_allclose(table.loc[g, ["q1", "median", "q3"]].astype(float), quartiles)
    assert table["images"].sum() == len(y)


PATIENTS = np.repeat([f"p{i:02d}" for i in range(15)], 4)


def copied_rows(resamples, seed):
    """The rows of each resample, copied as often as their patient was drawn."""
    names = np.unique(PATIENTS)
    draws = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    return [np.concatenate([np.flatnonzero(names[i] == PATIENTS) for i in d]) for d in draws]


def bootstrap(*arguments, **options):
    return patient_bootstrap(*arguments, measure=every_score, **options)


def test_bootstrap_equals_copied_rows(monkeypatch):
    y, p = sample()
    drawn = bootstrap(y, p, Resampling(PATIENTS, 30, seed=5))
    bins = {g: bins_by_sorting(p[:, g - 1]) for g in GRADES}
    for (_, row), rows in zip(drawn.iterrows(), copied_rows(30, 5), strict=True):
        assert row["log_loss"] == pytest.approx(sk.log_loss(y[rows], p[rows], labels=GRADES))
        assert row["brier"] == pytest.approx(sk.brier_score_loss(y[rows], p[rows], labels=GRADES))
        for g in GRADES:
            inside = [rows[np.isin(rows, b)] for b in bins[g]]
            gaps = [abs(np.sum((y[r] == g) - p[r, g - 1])) for r in inside]
            assert row[f"ece_{g}"] == pytest.approx(sum(gaps) / len(rows))
    monkeypatch.setattr("birads_lib.scores.bootstrap._CELLS", 7 * len(y))
    pd.testing.assert_frame_equal(bootstrap(y, p, Resampling(PATIENTS, 30, seed=5)), drawn)


def test_intervals_are_percentiles():
    y, p = sample()
    table = intervals(y, p, Resampling(PATIENTS, 50)).set_index("metric")
    drawn = bootstrap(y, p, Resampling(PATIENTS, 50))
    assert list(table.columns) == ["estimate", "low", "high"]
    assert set(SCORES) < set(table.index)
    np.testing.assert_allclose(
        table.loc["rps"], [scored(y, p)["rps"], *drawn["rps"].quantile([0.025, 0.975])]
    )
    assert table.loc["smooth_ece", ["low", "high"]].isna().all()


def test_differences_are_paired():
    y, p = sample()
    table = differences(y, p, p, Resampling(PATIENTS, 20)).set_index("metric")
    bounded = table.drop("smooth_ece")
    assert (bounded[["estimate", "low", "high"]] == 0).all(axis=None)
    assert (bounded["p_value"] == 1).all()
    q = tempered(p, 2)
    resampling = Resampling(PATIENTS, 40)
    table = differences(y, q, p, resampling).set_index("metric")
    drawn = bootstrap(y, q, resampling)["brier"] - bootstrap(y, p, resampling)["brier"]
    assert table.loc["brier", "estimate"] == pytest.approx(
        scored(y, q)["brier"] - scored(y, p)["brier"]
    )
    assert table.loc["brier", "high"] == pytest.approx(drawn.quantile(0.975))


def test_calibrated_error_shrinks_with_images_and_is_met_by_calibrated_truth():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(5), size=400)
    y = (rng.random((400, 1)) > p.cumsum(1)).sum(1) + 1
    table = error_if_calibrated(p, draws=200).set_index("metric")
    scores = scored(y, p)
    for name in table.index:
        assert table.loc[name, "low"] * 0.7 < scores[name] < table.loc[name, "high"] * 1.3
    of_50 = error_if_calibrated(p[:50], draws=200).set_index("metric")
    assert of_50.loc["classwise_ece", "estimate"] > 1.5 * table.loc["classwise_ece", "estimate"]


def test_an_image_has_one_truth_for_all_seeds():
    """Graded twice alike, an image leaves the noise of one image, not that of two."""
    p = sample(n=200, decimals=15)[1]
    twice, images = np.concatenate([p, p]), np.tile(np.arange(len(p)), 2)
    once = error_if_calibrated(p, draws=50).set_index("metric")
    as_one = error_if_calibrated(twice, draws=50, images=images).set_index("metric")
    as_two = error_if_calibrated(twice, draws=50).set_index("metric")
    pd.testing.assert_frame_equal(once, as_one, rtol=1e-6)
    assert as_two.loc["classwise_ece", "estimate"] < 0.8 * once.loc["classwise_ece", "estimate"]


def test_certain_predictions_leave_no_noise():
    assert (error_if_calibrated(np.eye(5), draws=5)["high"] == 0).all()


def test_reliability_equals_plain_loops():
    y, p = sample(decimals=15)
    table = reliability(y, p, Resampling(PATIENTS, 40, seed=3))
    drawn = copied_rows(40, 3)
    for g in GRADES:
        bins = table[table["birads"] == g]
        assert bins["images"].sum() == len(y)
        for (_, row), rows in zip(bins.iterrows(), bins_by_sorting(p[:, g - 1]), strict=True):
            assert row["observed"] == np.mean(y[rows] == g)
            assert row["predicted"] == pytest.approx(p[rows, g - 1].mean())
            inside = [d[np.isin(d, rows)] for d in drawn]
            shares = [np.mean(y[i] == g) for i in inside if len(i)]
            bounds = np.quantile(shares, [0.025, 0.975])
            if bounds[0] == bounds[1]:
                n = len({PATIENTS[row] for row in rows})
                hits = round(row["observed"] * n)  # none or all
                bounds = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
            np.testing.assert_allclose(row[["low", "high"]].astype(float), bounds)


def test_scores_that_tie_share_a_bin():
    y, _ = sample()
    table = reliability(y, np.full((60, 5), 0.2), Resampling(PATIENTS, 10))
    assert table["images"].tolist() == [60] * 5


class Fixed(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose features are its log-probabilities."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x):
        return x if x.shape[1] > 2 else x[:, 1] - x[:, 0]

    def predict(self, x):
        return self.classes_[x.argmax(1)]


@pytest.mark.parametrize("sharpness", [0.4, 1, 3])
def test_temperature_equals_scikit_learn(sharpness):
    y, p = sample(3, 80)
    y[::4] = 1 + y[::4] % 5  # some answers are wrong, so that a best temperature exists
    p = tempered(p, 1 / sharpness)
    x, encoded = np.log(p), y - 1  # the library wants classes from 0
    model = FrozenEstimator(Fixed().fit(x, encoded))
    model = CalibratedClassifierCV(model, method="temperature").fit(x, encoded)
    temperature = fitted_temperature(y, p)
    assert 0.1 < temperature < 10
    np.testing.assert_allclose(tempered(p, temperature), model.predict_proba(x), atol=1e-6)


@given(st.floats(0.2, 5), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_temperature_keeps_the_order_and_undoes_itself(temperature, seed):
    _, p = sample(seed)
    q = tempered(p, temperature)
    np.testing.assert_allclose(q.sum(1), 1)
    np.testing.assert_array_equal(q.argmax(1), p.argmax(1))
    np.testing.assert_allclose(tempered(q, 1 / temperature), p, atol=1e-9)


@pytest.mark.parametrize(("y", "bound"), [([1, 2], 0.05), ([2, 1], 20)])
def test_temperature_ends_on_its_bounds(y, bound):
    p = np.eye(5)[:2] * 0.5 + 0.1
    assert fitted_temperature(np.array(y), p) == pytest.approx(bound, rel=0.05)  # flat there


def test_reweighting_by_hand():
    p = np.array([[0.5, 0.2, 0.1, 0.1, 0.1]])
    after = np.array([0.1, 0.6, 0.1, 0.1, 0.1])
    expected = np.array([0.05, 0.12, 0.01, 0.01, 0.01]) / 0.2
    np.testing.assert_allclose(reweighted(p, np.full(5, 0.2), after)[0], expected)
    np.testing.assert_allclose(reweighted(p, after, after), p)
    back = reweighted(reweighted(p, np.full(5, 0.2), after), after, np.full(5, 0.2))
    np.testing.assert_allclose(back, p)


def test_reweighting_without_a_prior():
    before = np.array([0.25, 0.25, 0, 0.25, 0.25])
    p = np.array([[0.2] * 5, [0, 0, 1, 0, 0]])
    moved = reweighted(p, before, before)
    np.testing.assert_allclose(moved, [[0.25, 0.25, 0, 0.25, 0.25], [0, 0, 1, 0, 0]])


def em_by_hand(p, training, steps):
    priors = list(training)
    for _ in range(steps):
        sums = [0.0] * 5
        for row in p:
            raised = [row[j] * priors[j] / training[j] for j in range(5)]
            for j in range(5):
                sums[j] += raised[j] / sum(raised)
        priors = [s / len(p) for s in sums]
    return priors


def test_em_equals_plain_loops_and_stops_at_the_cap(monkeypatch):
    _, p = sample()
    training = np.array([0.1, 0.3, 0.2, 0.2, 0.2])
    priors, iterations = estimated_priors(p, training)
    assert iterations < recalibration.MOST_ITERATIONS
    np.testing.assert_allclose(reweighted(p, training, priors).mean(0), priors, atol=2e-6)
    monkeypatch.setattr(recalibration, "TOLERANCE", 0)
    monkeypatch.setattr(recalibration, "MOST_ITERATIONS", 7)
    priors, iterations = estimated_priors(p, training)
    assert iterations == 7
    np.testing.assert_allclose(priors, em_by_hand(p, training, 7))


def test_em_finds_the_priors_of_a_shifted_population():
    rng = np.random.default_rng(0)
    true = np.array([0.1, 0.5, 0.1, 0.1, 0.2])
    y = rng.choice(5, size=6000, p=true)
    x = y + rng.normal(scale=0.6, size=len(y))
    p = np.exp(-((x[:, None] - np.arange(5)) ** 2) / (2 * 0.36))  # right at equal priors
    priors, _ = estimated_priors(p / p.sum(1, keepdims=True), np.full(5, 0.2))
    np.testing.assert_allclose(priors, true, atol=0.03)


def predictions(seed=0, grades=GRADES):
    """Two folds, balanced-training probabilities, two images a patient."""
    tables = []
    for fold in range(2):
        for part, n in (("train", 40), ("validation", 20), ("test", 30)):
            y, p = sample(seed + 10 * fold + n, n, grades)
            names = [f"{fold}{part}{i}" for i in range(n)]
            key = {"image_id": names, "fold": fold, "seed": 0, "part": part, "copy": 0, "y_true": y}
            tables.append(pd.DataFrame(key).join(pd.DataFrame(p, columns=BIRADS.probabilities)))
    return pd.concat(tables, ignore_index=True)


def test_recalibrated_fits_each_fold_on_its_own_parts():
    table = predictions().sample(frac=1, random_state=0)  # rows in any order
    corrected, folds = recalibrated(table)
    test = out_of_fold(table)
    assert list(corrected) == list(CORRECTIONS)
    np.testing.assert_array_equal(corrected["uncorrected"], probabilities(test))
    for row in folds.itertuples():
        parts = {part: rows for part, rows in table[table["fold"] == row.fold].groupby("part")}
        p = probabilities(test)[test["fold"] == row.fold]
        validation = parts["validation"]["y_true"].to_numpy(), probabilities(parts["validation"])
        assert row.temperature == pytest.approx(fitted_temperature(*validation))
        natural = [(parts["train"]["y_true"] == g).mean() for g in GRADES]
        expected = {
            "temperature_scaled": tempered(p, row.temperature),
            "prior_corrected": reweighted(p, np.full(5, 0.2), natural),
            "saerens": reweighted(p, np.full(5, 0.2), estimated_priors(p, np.full(5, 0.2))[0]),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(corrected[name][test["fold"] == row.fold], values)
        assert [getattr(row, f"natural_{g}") for g in GRADES] == pytest.approx(natural)
        observed = (parts["test"]["y_true"] == 2).mean()
        assert row.observed_2 == pytest.approx(observed)


def test_no_correction_learns_from_the_truth_of_the_test_part():
    table = predictions()
    first, _ = recalibrated(table)
    test = table["part"] == "test"
    table.loc[test, "y_true"] = 6 - table.loc[test, "y_true"]
    for name, p in recalibrated(table)[0].items():
        np.testing.assert_array_equal(p, first[name])


def test_copies_do_not_count_for_natural_shares():
    table = predictions()
    copies = table[(table["part"] == "train") & (table["y_true"] == 3)].assign(copy=1)
    more = pd.concat([table, copies], ignore_index=True)
    np.testing.assert_allclose(
        recalibrated(more)[0]["prior_corrected"], recalibrated(table)[0]["prior_corrected"]
    )


def test_unbalanced_training_needs_no_prior_correction():
    corrected, folds = recalibrated(predictions(), balance=False)
    np.testing.assert_allclose(corrected["prior_corrected"], corrected["uncorrected"])
    assert (folds["training_2"] == folds["natural_2"]).all()


def test_a_grade_absent_from_training_gets_nothing():
    corrected, folds = recalibrated(predictions(grades=[1, 2, 4, 5]))
    assert (corrected["prior_corrected"][:, 2] == 0).all()
    assert (corrected["saerens"][:, 2] == 0).all()
    assert folds["training_1"].tolist() == [0.25, 0.25]
    for p in corrected.values():
        np.testing.assert_allclose(p.sum(1), 1)


def test_every_missing_part_is_named():
    table = predictions()
    gone = (table["fold"] == 1) & (table["part"] != "test")
    with pytest.raises(UserError) as caught:
        recalibrated(table[~gone])
    assert all(
        f"fold 1, seed 0: no predictions of the {p}" in str(caught.value)
        for p in ("train", "validation")
    )
    with pytest.raises(UserError, match="no predictions"):
        recalibrated(table[:0])


@pytest.mark.parametrize("score", [bootstrap, intervals, reliability])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": np.full((60, 5), 0.3)}, "sum to 1"),
        ({"p": np.full((60, 5), np.nan)}, "NaN"),
        ({"y": np.full(60, 7)}, "not in 1..5"),
        ({"clusters": ["a"] * 60}, "one patient"),
        ({"clusters": ["a"] * 59 + [None]}, "unknown"),
        ({"resamples": 0}, "resamples must be at least 1"),
    ],
)
def test_bad_input_is_refused(score, change, message):
    y, p = sample()
    values = {"y": y, "p": p, "clusters": PATIENTS, "resamples": 5} | change
    with pytest.raises(PredictionError, match=message):
        score(values["y"], values["p"], Resampling(values["clusters"], values["resamples"]))


def test_bad_probabilities_have_no_temperature():
    with pytest.raises(PredictionError, match="sum to 1"):
        fitted_temperature(np.array([1]), np.ones((1, 5)))


def sample_of(task, n=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = len(task.labels)
    y = np.concatenate([task.numbers, rng.integers(1, labels + 1, size=n - labels)])
    p = rng.dirichlet(np.ones(labels), size=n) + 0.6 * np.eye(labels)[y - 1]
    return y, p / p.sum(1, keepdims=True)


@pytest.mark.parametrize("task", [DENSITY, MALIGNANCY], ids=lambda task: task.name)
def test_scores_of_other_tasks_equal_plain_loops_and_scikit_learn(task):
    y, p = sample_of(task)
    n, labels = p.shape
    expected = {f"ece_{k}": 0.0 for k in task.numbers}
    for k in task.numbers:
        for rows in bins_by_sorting(p[:, k - 1]):
            expected[f"ece_{k}"] += abs(sum((y[i] == k) - p[i, k - 1] for i in rows)) / n
    expected["classwise_ece"] = np.mean(list(expected.values()))
    by_label = [sk.brier_score_loss(y == k, p[:, k - 1]) for k in task.numbers]
    expected |= {"brier": sum(by_label), "log_loss": sk.log_loss(y, p, labels=task.numbers)}
    expected["true_class_high"] = np.mean([p[i, y[i] - 1] >= 0.8 for i in range(n)])
    if task is DENSITY:
        steps = [[(sum(p[i, :k]) - (y[i] <= k)) ** 2 for k in (1, 2, 3)] for i in range(n)]
        expected["rps"] = np.sum(steps) / 3 / n
    scores = {k: v[0] for k, v in every_score(y, p, np.ones((n, 1)), task).items()}
    assert scores == pytest.approx(expected, abs=1e-12)
    resampling = Resampling(PATIENTS, 20)
    rows = intervals(y, p, resampling, task).set_index("metric")
    assert set(rows.index) == {*expected, "smooth_ece"}
    smooth = [smECE(p[:, k - 1], (y == k).astype(float)) for k in task.numbers]
    assert rows.loc["smooth_ece", "estimate"] == pytest.approx(np.mean(smooth))
    assert (differences(y, p, p, resampling, task)["estimate"] == 0).all()
    diagram = reliability(y, p, resampling, task)
    assert diagram.groupby(task.name)["images"].sum().to_dict() == dict.fromkeys(task.numbers, n)
    assert list(true_class_spread(y, p, task).index) == list(task.numbers)
    assert len(error_if_calibrated(p, draws=5)) == labels + 1


@pytest.mark.parametrize("task", [DENSITY, MALIGNANCY], ids=lambda task: task.name)
def test_predictions_of_other_tasks_are_recalibrated(task):
    tables = []
    for seed, part in enumerate(("train", "validation", "test")):
        y, p = sample_of(task, 50, seed)
        y[::4] = 1 + y[::4] % len(task.labels)  # some answers are wrong: a best temperature exists
        rows = pd.DataFrame(p, columns=task.probabilities)
        key = {"image_id": [f"{part}{i}" for i in range(50)], "fold": 0, "seed": 0, "part": part}
        tables.append(rows.assign(**key, copy=0, y_true=y))
    corrected, folds = recalibrated(pd.concat(tables), task=task)
    x, encoded = np.log(probabilities(tables[1])), tables[1]["y_true"].to_numpy() - 1
    model = FrozenEstimator(Fixed().fit(x, encoded))
    model = CalibratedClassifierCV(model, method="temperature").fit(x, encoded)
    expected = model.predict_proba(np.log(probabilities(tables[2])))
    np.testing.assert_allclose(corrected["temperature_scaled"], expected, atol=1e-4)
    natural = [(tables[0]["y_true"] == k).mean() for k in task.numbers]
    shares_of_labels = folds[[f"natural_{k}" for k in task.numbers]].iloc[0]
    np.testing.assert_allclose(shares_of_labels, natural)
    assert f"natural_{len(task.labels) + 1}" not in folds
    assert all(p.shape == (50, len(task.labels)) for p in corrected.values())


def test_references_are_scores_of_frequencies_and_the_noise_of_a_calibrated_model():
    y, p = sample()
    frequencies, calibrated = references(y, p, seed=3).values()
    same_for_all = scored(y, np.tile(shares(y), (len(y), 1)))
    assert frequencies == {name: same_for_all[name] for name in ("brier", "rps", "log_loss")}
    noise = error_if_calibrated(p, seed=3).set_index("metric")["estimate"]
    assert calibrated == {"classwise_ece": noise["classwise_ece"]}


def test_records_name_corrections_and_differences():
    y, p = sample()
    resampling = Resampling(np.arange(len(y)), 20)
    scores = {"uncorrected": intervals(y, p, resampling)}
    scores["temperature_scaled"] = intervals(y, tempered(p, 2), resampling)
    changes = {"temperature_scaled": differences(y, tempered(p, 2), p, resampling)}
    folds = pd.DataFrame({"temperature": [1.0, 2.0]})
    spread = true_class_spread(y, p)
    table = records(scores, changes, folds, spread)
    estimates = table.set_index("metric")["estimate"]
    assert estimates["temperature"] == 1.5
    assert estimates["true_class_iqr_2"] == spread.loc[2, "iqr"]
    change = estimates["temperature_scaled.brier"] - estimates["brier"]
    assert estimates["temperature_scaled.difference.brier"] == pytest.approx(change)
