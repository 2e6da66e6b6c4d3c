"""Nested choices: no test row has a say, and models are those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

from birads_lib.frozen import nested
from birads_lib.frozen.nested import Blocks, Candidate

RNG = np.random.default_rng(0)
PATIENTS = np.repeat(np.arange(40), 2)
Y = np.repeat(RNG.integers(1, 6, 40), 2)
SIGNAL = Y[:, None] + RNG.normal(0, 0.5, (80, 3))
NOISE = RNG.normal(0, 1, (80, 150))
TRAINING, TESTED = np.arange(60), np.arange(60, 80)
OF_SIGNAL = Candidate((("signal", 1.0),))
OF_NOISE = Candidate((("noise", 1.0),))


def blocks(**changed: np.ndarray) -> Blocks:
    return Blocks({"signal": SIGNAL, "noise": NOISE} | changed, components=20)


def test_a_block_is_standardised_reduced_and_scaled_as_scikit_learn_does():
    made = blocks().inputs(OF_NOISE, TRAINING)
    x = StandardScaler().fit(NOISE[TRAINING]).transform(NOISE)
    by_hand = PCA(20, svd_solver="full").fit(x[TRAINING]).transform(x)
    by_hand /= np.sqrt(by_hand[TRAINING].var(axis=0).sum())
    assert np.abs(made) == pytest.approx(np.abs(by_hand), abs=1e-4)  # signs are free
    assert made[TRAINING].var(axis=0).sum() == pytest.approx(1, abs=1e-5)


def test_weights_scale_whole_blocks():
    both = Candidate((("signal", 2.0), ("noise", 1.0)))
    made = blocks().inputs(both, TRAINING)
    assert made[TRAINING, :3].var(axis=0).sum() == pytest.approx(4, abs=1e-4)
    assert made.shape == (80, 23)


def test_answers_are_those_of_a_regression_on_the_training_rows():
    made = nested.answers(blocks(), [OF_SIGNAL], Y, PATIENTS, TRAINING, TESTED)
    x = blocks().inputs(OF_SIGNAL, TRAINING)
    model = LogisticRegression(C=30, class_weight="balanced", max_iter=1000, tol=1e-3)
    assert made.test == pytest.approx(model.fit(x[:60], Y[:60]).predict_proba(x[60:]), abs=1e-6)


def test_the_choice_goes_to_what_holds_within_the_training_part():
    made = nested.answers(blocks(), [OF_NOISE, OF_SIGNAL], Y, PATIENTS, TRAINING, TESTED)
    assert made.chosen == OF_SIGNAL


def test_no_test_row_has_a_say_in_anything_but_its_own_answer():
    tried = [OF_NOISE, OF_SIGNAL, Candidate(OF_SIGNAL.weights, ordinal=True)]
    before = nested.answers(blocks(), tried, Y, PATIENTS, TRAINING, TESTED)
    signal, labels = SIGNAL.copy(), Y.copy()
    signal[61:], labels[61:] = 99, 1
    other = blocks(signal=signal)
    after = nested.answers(other, tried, labels, PATIENTS, TRAINING, TESTED)
    assert after.chosen == before.chosen
    assert np.array_equal(after.inner, before.inner)
    assert np.array_equal(after.test[0], before.test[0])


def test_inner_answers_are_by_models_that_never_saw_the_patient():
    dealt = nested.inner_folds(Y[TRAINING], PATIENTS[TRAINING], 4, 0)
    assert len(set(zip(PATIENTS[TRAINING], dealt, strict=True))) == 30
    inner = nested.inner_answers(blocks(), OF_SIGNAL, Y, TRAINING, dealt, 5)
    held = TRAINING[dealt == 1]
    by_hand = nested.predicted(blocks(), OF_SIGNAL, Y, TRAINING[dealt != 1], held, 5)
    assert np.array_equal(inner[dealt == 1], by_hand)


def test_a_rare_label_takes_fewer_inner_folds():
    y = np.array([1] * 10 + [2] * 4)
    assert set(nested.inner_folds(y, np.arange(14) // 2, 4, 0)) == {0, 1}


def test_a_regression_for_each_threshold_is_that_of_scikit_learn():
    x, y, tested = SIGNAL[:60], Y[:60], SIGNAL[60:]
    p = nested.by_threshold(x, y, tested, 1.0, 5)
    model = LogisticRegression(C=1.0, max_iter=1000, tol=1e-3)
    alike = [60 / (5 * np.sum(y == label)) for label in y]
    above = [model.fit(x, y > k, alike).predict_proba(tested)[:, 1] for k in range(1, 5)]
    by_hand = -np.diff(np.stack([np.ones(20), *above, np.zeros(20)], axis=1), axis=1)
    assert (by_hand > 0).all()
    assert p == pytest.approx(by_hand, abs=1e-3)
    assert p.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("fit", [nested.multinomial, nested.by_threshold])
def test_noise_gives_all_labels_alike_and_calibrated_their_shares(fit):
    rng, shares = np.random.default_rng(0), [0.15, 0.48, 0.08, 0.11, 0.18]
    y = np.repeat([1, 2, 3, 4, 5], np.rint(np.multiply(shares, 2000)).astype(int))
    x, tested = rng.normal(size=(2, 2000, 3))
    p = fit(x, y, tested, 1.0, 5)
    assert p.mean(axis=0) == pytest.approx(0.2, abs=0.02)
    assert nested.calibrated(p, y, p).mean(axis=0) == pytest.approx(shares, abs=0.02)


def test_thresholds_that_contradict_each_other_leave_no_label_impossible():
    y = np.random.default_rng(1).choice([1, 2, 4, 5], 60)
    p = nested.by_threshold(NOISE[:60], y, NOISE[60:], 1e4, 5)
    assert (p[:, [0, 1, 3, 4]] > 0).all()
    assert p[:, [0, 1, 3, 4]].min() < nested.LEAST  # there is such a contradiction
    assert (p[:, 2] == 0).all()
    assert p.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("fit", [nested.multinomial, nested.by_threshold])
def test_labels_that_training_lacks_have_no_probability(fit):
    y = np.where(Y[:60] > 3, 4, 2)
    p = fit(SIGNAL[:60], y, SIGNAL[60:], 1.0, 5)
    assert p.shape == (20, 5)
    assert p[:, [0, 2, 4]].max() < 1e-12
    assert fit(SIGNAL[:60], np.full(60, 3), SIGNAL[60:], 1.0, 5)[:, 2].tolist() == [1] * 20


def test_the_criterion_is_the_mean_of_what_is_aimed_at():
    p = np.abs(RNG.normal(size=(80, 5)))
    p /= p.sum(axis=1, keepdims=True)
    action = roc_auc_score(Y >= 4, p[:, 3:].sum(axis=1))
    means = np.mean([roc_auc_score(k == Y, p[:, k - 1]) for k in range(1, 6)])
    kappa = cohen_kappa_score(Y, p.argmax(axis=1) + 1, weights="quadratic")
    assert nested.criterion(Y, p) == pytest.approx((action + means + kappa) / 3)


@given(st.integers(0, 1000))
def test_decoding_calls_each_label_as_often_as_training_has_it(seed):
    rng = np.random.default_rng(seed)
    inner = rng.dirichlet(np.ones(5), 400)
    y = rng.choice(5, 400, p=[0.2, 0.4, 0.05, 0.2, 0.15]) + 1
    called = nested.called_alike(inner, y, inner)
    assert np.bincount(called, minlength=6) == pytest.approx(np.bincount(y, minlength=6), abs=2)
    order = np.argsort(nested.grades(inner))
    assert (np.diff(called[order]) >= 0).all()


def test_calibration_gives_probabilities_of_balanced_models_their_shares_again():
    y = np.repeat([1, 2, 3, 4, 5], [20, 40, 5, 20, 15])
    p = np.full((100, 5), 0.1) + 0.5 * np.eye(5)[y - 1]
    made = nested.calibrated(p, y, p)
    assert made.sum(axis=1) == pytest.approx(1)
    assert log_loss(y, made) < log_loss(y, p)
    unknown = np.full((3, 5), 0.2)
    assert nested.calibrated(p, y, unknown).argmax(axis=1).tolist() == [1] * 3


def test_an_ensemble_is_the_mean_of_its_members():
    several = [
        nested.Answers(np.full((2, 2), v), np.full((3, 2), v / 2), OF_SIGNAL) for v in (0.2, 0.6)
    ]
    test, inner = nested.mean_of(several)
    assert test == pytest.approx(np.full((2, 2), 0.4))
    assert inner == pytest.approx(np.full((3, 2), 0.2))
