"""Net benefit equals dcurves and a plain loop; intervals equal resampled copies; rules hold."""

import dcurves
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_lib.errors import UserError
from birads_lib.scores import decision
from birads_lib.scores.bootstrap import Resampling
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY

THRESHOLDS = np.arange(1, 100) / 100


def sample(grades=(1, 2, 3, 4, 5), n=60, seed=0):
    """True grades, probabilities with ties, and patients of two images each."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([grades, rng.choice(grades, size=n - len(grades))])
    p = rng.dirichlet(np.ones(5), size=n) + 0.3 * np.eye(5)[y - 1]
    p = (p / p.sum(1, keepdims=True)).round(2)
    p[:, 0] += 1 - p.sum(1)
    return y, np.abs(p), np.arange(n) // 2


def by_hand(positive, score, threshold, prevalence=None):
    hits = needless = 0
    for needed, probability in zip(positive, score, strict=True):
        if probability >= threshold:
            hits, needless = hits + needed, needless + (not needed)
    share = sum(positive) / len(positive) if prevalence is None else prevalence
    hit_share = share * hits / sum(positive)
    needless_share = (1 - share) * needless / (len(positive) - sum(positive))
    return hit_share - needless_share * threshold / (1 - threshold)


@pytest.mark.parametrize("prevalence", [None, 0.02, 0.6])
@pytest.mark.parametrize("lowest", BIRADS.decisions)
def test_equals_a_plain_loop(lowest, prevalence):
    y, p, _ = sample()
    positive, score = y >= lowest, decision.probability_of_at_least(p, lowest)
    net = decision.net_benefit(positive, score, prevalence=prevalence)
    assert net.shape == (99, 1)
    expected = [by_hand(positive, score, t, prevalence) for t in THRESHOLDS]
    np.testing.assert_allclose(net[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("prevalence", [None, 0.02, 0.6])
@pytest.mark.parametrize("lowest", BIRADS.decisions)
def test_equals_dcurves(lowest, prevalence):
    y, p, _ = sample(n=120, seed=3)
    positive, score = y >= lowest, decision.probability_of_at_least(p, lowest)
    table = dcurves.dca(
        data=pd.DataFrame({"needed": positive, "model": score}),
        outcome="needed",
        modelnames=["model"],
        thresholds=THRESHOLDS,
        prevalence=prevalence,
    )
    theirs = {name: rows["net_benefit"].to_numpy() for name, rows in table.groupby("model")}
    net = decision.net_benefit(positive, score, THRESHOLDS, prevalence=prevalence)
    of_all = decision.treat_all(positive, THRESHOLDS, prevalence=prevalence)
    np.testing.assert_allclose(net[:, 0], theirs["model"], atol=1e-9)
    np.testing.assert_allclose(of_all[:, 0], theirs["all"], atol=1e-9)
    assert (theirs["none"] == 0).all()


def test_a_worked_example():
    # Of 10 images 4 need it; at 0.2 the model finds 3 of them with 2 needless actions.
    positive = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    score = np.array([0.9, 0.5, 0.2, 0.1, 0.7, 0.3, 0.1, 0.1, 0, 0])
    assert decision.net_benefit(positive, score, [0.2])[0, 0] == pytest.approx(0.3 - 0.2 / 4)
    assert decision.treat_all(positive, [0.2])[0, 0] == pytest.approx(0.4 - 0.6 / 4)
    gained = decision.gain(np.array([0.25, 0.25, -0.1]), np.array([0.2, -0.3, -0.3]))
    np.testing.assert_allclose(gained, [0.05, 0.25, -0.1])


def test_a_sum_that_reaches_the_threshold_on_paper_acts():
    p = np.array([[0.7, 0, 0, 0.1, 0.2]])  # 0.1 + 0.2 is more than 0.3 in the last bit
    assert decision.probability_of_at_least(p, 4)[0] == 0.3
    p = np.array([[0.2, 0, 0, 0.7, 0.1]])  # 0.7 + 0.1 is less than 0.8
    assert decision.probability_of_at_least(p, 4)[0] >= 0.8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([None, 0.1]))
def test_weights_are_copies(seed, resamples, prevalence):
    rng = np.random.default_rng(seed)
    positive = np.array([True, False, *(rng.random(10) < 0.4)])
    score = rng.random(12).round(1)
    weights = rng.integers(1, 4, size=(12, resamples))
    net = decision.net_benefit(positive, score, THRESHOLDS, weights, prevalence)
    of_all = decision.treat_all(positive, THRESHOLDS, weights, prevalence)
    assert net.shape == (99, resamples)
    for r in range(resamples):
        copied = np.repeat(positive, weights[:, r]), np.repeat(score, weights[:, r])
        alone = decision.net_benefit(*copied, THRESHOLDS, prevalence=prevalence)
        np.testing.assert_allclose(net[:, [r]], alone, atol=1e-12)
        alone = decision.net_benefit(copied[0], np.ones(len(copied[0])), prevalence=prevalence)
        np.testing.assert_allclose(of_all[:, [r]], alone, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.999))
def test_bounds_of_net_benefit(seed, prevalence):
    rng = np.random.default_rng(seed)
    positive = np.array([True, False, *(rng.random(20) < 0.5)])
    net = decision.net_benefit(positive, rng.random(22), prevalence=prevalence)
    perfect = decision.net_benefit(positive, positive, prevalence=prevalence)
    np.testing.assert_allclose(perfect, prevalence)
    assert (net <= prevalence + 1e-12).all()
    of_all = decision.treat_all(positive, prevalence=prevalence)
    worth_it = prevalence > THRESHOLDS
    assert ((of_all[:, 0] > 0) == worth_it)[np.abs(prevalence - THRESHOLDS) > 1e-9].all()


def test_thresholds_in_any_order_and_zero():
    y, p, _ = sample()
    score = decision.probability_of_at_least(p, 4)
    net = decision.net_benefit(y >= 4, score, [0.5, 0.0, 0.2])
    assert net[1, 0] == pytest.approx((y >= 4).mean())  # needless actions cost nothing
    np.testing.assert_array_equal(net[[2]], decision.net_benefit(y >= 4, score, 0.2))


def test_weighted_to_equal_shares_is_an_oversampled_set():
    y = np.array([1] * 6 + [2] * 3 + [3] * 2 + [4] * 2 + [5])
    p = np.random.default_rng(5).dirichlet(np.ones(5), size=len(y))
    copies = np.array([6 // (y == grade).sum() for grade in y])  # six of each grade
    weights = decision.to_shares(y, np.ones((len(y), 1)), np.full(5, 0.2))
    np.testing.assert_allclose(weights[:, 0], copies / 30)
    score = decision.probability_of_at_least(p, 4)
    oversampled = decision.net_benefit(np.repeat(y >= 4, copies), np.repeat(score, copies))
    weighted = decision.net_benefit(y >= 4, score, weights=weights)
    np.testing.assert_allclose(weighted, oversampled, atol=1e-12)


def test_shares_of_what_a_sample_lacks_go_to_the_rest():
    weights = decision.to_shares(np.array([1, 1, 2]), np.ones((3, 2)), np.full(5, 0.2))
    np.testing.assert_allclose(weights / weights.sum(0), [[0.25] * 2] * 2 + [[0.5] * 2])


def test_shares_at_a_prevalence():
    shares = decision.shares_at(np.array([0.2, 0.3, 0.1, 0.3, 0.1]), 4, 0.04)
    np.testing.assert_allclose(shares, [0.32, 0.48, 0.16, 0.03, 0.01])
    without = decision.shares_at(np.array([0.5, 0.5, 0, 0, 0]), 4, 0.04)
    np.testing.assert_allclose(without, [0.48, 0.48, 0, 0, 0])


@pytest.mark.parametrize("options", [{}, {"prevalence": 0.1}, {"shares": np.full(5, 0.2)}])
def test_intervals_are_percentiles_of_resampled_patients(options):
    y, p, patients = sample(n=40)
    table = decision.curve(y, p, 4, Resampling(patients, 30, seed=2), **options)
    weights = np.concatenate(list(Resampling(patients, 30, 2).weights(40)), axis=1).astype(int)
    nets, gains = [], []
    for r in range(30):
        drawn_y, drawn_p = np.repeat(y, weights[:, r]), np.repeat(p, weights[:, r], axis=0)
        by_image = Resampling(np.arange(len(drawn_y)), 1)
        copied = decision.curve(drawn_y, drawn_p, 4, by_image, **options)
        nets.append(copied["net_benefit"])
        gains.append(copied["gain"])
    np.testing.assert_allclose(table["low"], np.quantile(nets, 0.025, axis=0), atol=1e-9)
    np.testing.assert_allclose(table["gain_high"], np.quantile(gains, 0.975, axis=0), atol=1e-9)
    better = np.maximum(table["treat_all"], 0)
    np.testing.assert_allclose(table["gain"], table["net_benefit"] - better, atol=1e-9)
    assert (table["gain_low"] <= table["gain_high"]).all()


def test_usefulness_reads_the_curve():
    y, p, patients = sample()
    table = decision.curve(y, p, 4, Resampling(patients, 50)).set_index("threshold")
    rows = decision.usefulness(y, p, 4, Resampling(patients, 50)).set_index("metric")
    assert list(rows.index) == ["share_useful_4", "net_benefit_4_at_0.5", "gain_4_at_0.5"]
    assert rows.loc["share_useful_4", "estimate"] == (table.loc[0.2:0.8, "gain"] > 0).mean()
    for row, columns in {
        "net_benefit_4_at_0.5": ["net_benefit", "low", "high"],
        "gain_4_at_0.5": ["gain", "gain_low", "gain_high"],
    }.items():
        np.testing.assert_allclose(rows.loc[row], table.loc[0.5, columns])


def test_a_perfect_model_is_useful_everywhere_and_one_that_says_nothing_nowhere():
    y, _, patients = sample()
    rows = decision.usefulness(y, np.eye(5)[y - 1], 4, Resampling(patients, 20))
    assert rows.iloc[0, 1:].tolist() == [1, 1, 1]
    same = np.tile([0.4, 0, 0, 0.6, 0], (len(y), 1))  # acts on all up to 0.6, then on none
    assert decision.usefulness(y, same, 4, Resampling(patients, 20)).iloc[0, 1] == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("grades", [(1, 2), (4, 5)], ids=["none needs it", "all need it"])
@pytest.mark.parametrize("options", [{}, {"prevalence": 0.1}, {"shares": np.full(5, 0.2)}])
def test_one_class_only_has_no_curve(grades, options):
    y, p, patients = sample(grades)
    table = decision.curve(y, p, 4, Resampling(patients, 10), **options)
    assert table.drop(columns=["decision", "threshold"]).isna().all(axis=None)
    assert decision.usefulness(y, p, 4, Resampling(patients, 10)).iloc[:, 1:].isna().all(axis=None)


@pytest.mark.filterwarnings("error")
def test_resamples_without_positives_count_or_are_left_out():
    y = np.array([5] + [1] * 7)
    resampling = Resampling(np.arange(8), 200)  # a third of resamples lack patient 0
    p = np.tile([0.7, 0, 0, 0, 0.3], (8, 1))
    drawn = decision.curve(y, p, 5, resampling).set_index("threshold").loc[0.2]
    assert drawn["low"] == pytest.approx(-0.25)  # acting on all, where none needs it
    elsewhere = decision.curve(y, p, 5, resampling, prevalence=0.5).set_index("threshold")
    np.testing.assert_allclose(elsewhere.loc[0.2, ["net_benefit", "low", "high"]], 0.375)


def test_one_image_each_of_two_patients():
    table = decision.curve(np.array([1, 5]), np.eye(5)[[0, 4]], 4, Resampling(["a", "b"], 20))
    np.testing.assert_allclose(table["net_benefit"], 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thresholds": [0.5, 1.0]}, "less than 1, where odds are infinite"),
        ({"thresholds": [-0.1]}, "at least 0"),
        ({"thresholds": [np.nan]}, "at least 0"),
        ({"prevalence": 1.5}, "prevalence must lie between 0 and 1, got 1.5"),
        ({"prevalence": 0.0}, "prevalence must lie between 0 and 1"),
        ({"score": [0.1, np.nan]}, "NaN or infinite"),
        ({"score": [0.1]}, "one length"),
        ({"positive": [0, 1]}, "truth must be bool"),
        ({"positive": [], "score": []}, "one length"),
    ],
)
def test_unusable_input_is_named(changes, message):
    usable = {"positive": np.array([True, False]), "score": [0.1, 0.2]}
    with pytest.raises(UserError, match=message):
        decision.net_benefit(**usable | changes)


def test_all_problems_at_once():
    with pytest.raises(UserError, match=r"NaN.*thresholds.*prevalence"):
        decision.net_benefit(np.array([True]), [np.nan], [1], prevalence=-1)


def test_a_curve_needs_two_patients_and_valid_predictions():
    y, p, _ = sample()
    with pytest.raises(UserError, match="one patient"):
        decision.curve(y, p, 4, Resampling(["a"] * len(y)))
    with pytest.raises(UserError, match="sum to 1"):
        decision.curve(y, 2 * p, 4, Resampling(np.arange(len(y))))


def test_decisions_follow_the_task():
    assert BIRADS.decisions == {3: "BI-RADS ≥ 3", 4: "BI-RADS ≥ 4", 5: "BI-RADS 5"}
    assert MALIGNANCY.decisions == {2: "malignant"}
    assert DENSITY.decisions == {}


@pytest.mark.parametrize(("task", "lowest"), [(DENSITY, 3), (MALIGNANCY, 2)])
def test_curves_of_other_tasks_equal_dcurves(task, lowest):
    rng = np.random.default_rng(1)
    labels = len(task.labels)
    y = rng.integers(1, labels + 1, size=80)
    p = rng.dirichlet(np.ones(labels), size=80)
    equal = np.full(labels, 1 / labels)
    curve = decision.curve(y, p, lowest, Resampling(np.arange(80), 20))
    table = pd.DataFrame({"needed": y >= lowest, "model": p[:, lowest - 1 :].sum(1)})
    theirs = dcurves.dca(table, outcome="needed", modelnames=["model"], thresholds=THRESHOLDS)
    expected = theirs[theirs["model"] == "model"]["net_benefit"]
    np.testing.assert_allclose(curve["net_benefit"], expected, atol=1e-9)
    weighted = decision.to_shares(y, np.ones((80, 1)), equal)[:, 0]
    np.testing.assert_allclose(np.bincount(y, weighted)[1:], equal)
    acted = decision.shares_at(equal, lowest, 0.1)[lowest - 1 :]
    assert acted.sum() == pytest.approx(0.1)
