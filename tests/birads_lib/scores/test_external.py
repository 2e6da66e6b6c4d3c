"""A run on images of another place: corrections, groups, and what it was not trained with."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.scores import external
from birads_lib.scores.metrics import every_metric
from birads_lib.scores.recalibration import tempered
from birads_lib.task import BIRADS, DENSITY

N, MODELS = 60, 3


@pytest.fixture
def answers():
    """Truth (n,), answers of three models (M, n, K) and cases: 20 patients of three images each."""
    rng, number = np.random.default_rng(0), np.arange(N)
    y = number // 3 % 5 + 1
    by_model = rng.dirichlet(np.ones(5), (MODELS, N)) + np.eye(5)[y - 1]
    cases = pd.DataFrame({"image_id": [f"i{n}" for n in number], "sha256": number.astype(str)})
    cases = cases.assign(patient_id=[f"p{n // 3}" for n in number], machine=None, modality=None)
    cases["density"] = np.where(number < 3 * 12, "A", np.where(number < 3 * 17, "B", None))
    return y, by_model / by_model.sum(-1, keepdims=True), cases


def test_each_model_is_corrected_for_itself(answers):
    y, by_model, _ = answers
    temperatures, trained = [1.0, 2.0, 0.5], np.tile(0.2, (MODELS, 5))
    natural = np.array([[0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.6, 0.1, 0.1, 0.1], [0.2] * 5])
    mean, estimated = external.corrected(by_model, temperatures, trained, natural, y)
    assert list(mean) == list(external.CORRECTIONS)
    np.testing.assert_allclose(mean["uncorrected"], by_model.mean(0))
    warm = np.array([tempered(p, t) for p, t in zip(by_model, temperatures, strict=True)])
    np.testing.assert_allclose(mean["tempered"], warm.mean(0))
    for name, shares in {"home": natural, "estimated": estimated}.items():
        raised = warm * shares[:, None]  # training saw all labels equally often
        raised /= raised.sum(-1, keepdims=True)
        np.testing.assert_allclose(mean[name], raised.mean(0))
    assert not np.allclose(estimated[0], estimated[1])


def test_shares_are_estimated_without_labels(answers):
    y, by_model, _ = answers
    given = (by_model, np.ones(MODELS), np.tile(0.2, (MODELS, 5)), np.tile(0.2, (MODELS, 5)))
    (mean, estimated), (other, same) = (
        external.corrected(*given, y),
        external.corrected(*given, y[::-1] % 2 + 1),
    )
    np.testing.assert_array_equal(estimated, same)
    np.testing.assert_array_equal(mean["estimated"], other["estimated"])
    assert not np.allclose(mean["counted"], other["counted"])
    assert (other["counted"][:, 2:] == 0).all()  # nobody elsewhere has these labels


def test_single_models_are_scored_together_and_patients_drawn_with_all_their_answers(answers):
    y, by_model, cases = answers
    truth, p, drawn = external.by_single_models(by_model, y, external.resampling_of(cases, 5))
    each = [every_metric(y, of_model, np.ones((N, 1)))["accuracy"][0] for of_model in by_model]
    whole = every_metric(truth, p, np.ones((MODELS * N, 1)))["accuracy"][0]
    assert whole == pytest.approx(np.mean(each))
    weights = next(iter(drawn.weights(MODELS * N))).reshape(MODELS, N, 5)
    assert (weights == weights[0]).all()
    assert (weights[:, ::3] == weights[:, 1::3]).all()


def test_shares_of_labels_have_intervals_over_patients(answers):
    y, _, cases = answers
    table = external.prevalence(y, external.resampling_of(cases, 200))
    np.testing.assert_allclose(table["estimate"], 0.2)
    assert (table["low"] < 0.2).all()
    assert (table["high"] > 0.2).all()


def test_accuracy_at_other_shares_is_that_of_recalls():
    y = np.array([1, 1, 1, 2, 2])
    p = np.eye(5)[[0, 0, 1, 1, 0]]  # recall 2/3 of label 1, 1/2 of label 2
    assert external.standardised(y, p, np.array([0.5, 0.5, 0, 0, 0])) == pytest.approx(7 / 12)
    assert external.standardised(y, p, np.array([0.6, 0.4, 0, 0, 0])) == pytest.approx(0.6)
    assert np.isnan(external.standardised(y, p, np.array([0.5, 0, 0.5, 0, 0])))


def test_groups_are_scored_for_themselves_and_small_ones_not_at_all(answers):
    y, by_model, cases = answers
    p = by_model[0]
    table = external.by_group(cases, y, p, external.resampling_of(cases, 50))
    facts = table.drop_duplicates("group").set_index("group")
    assert list(facts.index) == ["A", "B", external.NOT_KNOWN]  # of machines nothing is known
    assert facts["images"].tolist() == [36, 15, 9]
    assert facts["patients"].tolist() == [12, 5, 3]
    here = (cases["density"] == "A").to_numpy()
    expected = every_metric(y[here], p[here], np.ones((36, 1)))["accuracy"][0]
    accuracy = table[table["metric"] == "accuracy"].set_index("group")
    assert accuracy.loc["A", "estimate"] == pytest.approx(expected)
    assert accuracy.loc["A", "low"] < accuracy.loc["A", "high"]
    assert accuracy.loc[["B", external.NOT_KNOWN], "estimate"].isna().all()
    assert external.not_known(cases) == ["Machine", "Modality"]


def test_answers_of_several_models_are_of_one_image(answers):
    y, by_model, cases = answers
    repeated = pd.concat([cases] * MODELS, ignore_index=True)
    sample = external.by_single_models(by_model, y, external.resampling_of(cases, 20))
    table = external.by_group(repeated, *sample)
    assert table.drop_duplicates("group")["images"].tolist() == [36, 15, 9]


def test_what_is_told_apart_makes_no_groups(answers):
    y, by_model, cases = answers
    p = by_model[0, :, :4]
    sample = (y % 4 + 1, p / p.sum(1, keepdims=True), external.resampling_of(cases, 5))
    assert external.by_group(cases, *sample, DENSITY).empty


def test_images_that_home_has_are_left_out(answers):
    cases = answers[2]
    assert list(external.unseen(cases[:50], cases)["image_id"]) == [f"i{n}" for n in range(50, 60)]
    with pytest.raises(UserError, match="a study of other images"):
        external.unseen(cases, cases[10:])
    assert BIRADS.name not in cases  # the files decide, not what is said of them
