"""Attention over tokens: what it sees, what it may choose by, and what it leaves."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from birads_lib import splits
from birads_lib.errors import DatasetError, UserError
from birads_lib.frozen import features, token_answers, token_training, tokens
from birads_lib.frozen.features import FeatureSet
from birads_lib.frozen.token_recipe import Recipe
from birads_lib.frozen.tokens import Tokens
from birads_lib.networks import token_attention
from birads_lib.readers import by_name
from helpers.tiny_network import tiny_resnet

RNG = np.random.default_rng(0)
CELLS, CHANNELS = 6, 5
TINY = Recipe(
    widths=(2,), dropouts=(0.1,), lengths=(1, 2), seen=4, draws=2, token_components=3,
    inner_folds=2, batch_size=8,
)  # fmt: skip


def some_cases(patients=20):
    """Return a table of both breasts, two views each, whose grade is that of the patient."""
    grades = np.arange(patients) % 5 + 1
    rows = [
        (f"p{patient}{side}{view}", f"p{patient}", side, view, grades[patient])
        for patient in range(patients)
        for side in "LR"
        for view in ("CC", "MLO")
    ]
    return pd.DataFrame(rows, columns=["image_id", "patient_id", "laterality", "view", "birads"])


CASES = some_cases()
PARTS = splits.deal(CASES, "patient", 2, [0], balance=False)
BREAST = RNG.random((len(CASES), CELLS)) < 0.8
BREAST[:, 0] = True
PLACES = RNG.normal(size=(CELLS, 2)).astype("float32")
SIGNAL = CASES["birads"].to_numpy()[:, None, None] * 0.5
VALUES = (SIGNAL + RNG.normal(size=(len(CASES), CELLS, CHANNELS))).astype("float16")
TOKENS = Tokens(VALUES, BREAST, PLACES, "made up")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return the answers of both folds, and the folder of their files."""
    folder = tmp_path_factory.mktemp("tokens")
    return token_training.answered(TOKENS, CASES, PARTS, TINY, folder), folder


def test_cells_are_averaged_to_tokens_and_read_from_a_memory_map(tmp_path):
    data = by_name.read("phantoms", tmp_path / "p", patients=2, seed=1, size=96)
    chosen = FeatureSet(
        backbone="small_resnet", weights="phantoms", height=96, width=64, cells=True
    )
    with tiny_resnet(tmp_path / "tiny.weights.h5"):
        files = features.extract(data, chosen, tmp_path, progress=str)
    made = tokens.gathered(files, tmp_path)
    cells, breast = next(features.maps(files))
    side = tokens.CELL // features.grid(files)[2]
    by_hand = cells[:side, :side].astype(float).mean(axis=(0, 1))
    assert isinstance(made.values, np.memmap)
    assert made.values.shape == (len(data.cases), 3 * 2, cells.shape[-1])
    assert made.values[0, 0] == pytest.approx(by_hand, rel=2e-3, abs=2e-3)
    assert made.breast[0, 0] == (breast[:side, :side].mean() >= 0.5)
    assert made.places[[0, 1, -1]].tolist() == [[-1, -1], [-1, 1], [1, 1]]


@pytest.mark.one_backend
def test_components_are_of_the_training_part_alone():
    training = np.arange(40)
    before = tokens.reduced(TOKENS, training, 3)
    other = VALUES.copy()
    other[40:] += 7
    after = tokens.reduced(Tokens(other, BREAST, PLACES, ""), training, 3)
    assert np.array_equal(before[:40], after[:40])
    assert before.shape == (len(CASES), CELLS, 3 + 2)
    assert before[:40][BREAST[:40]][:, :3].var(axis=0).mean() == pytest.approx(1, abs=0.01)
    assert not before[~BREAST].any()
    assert np.array_equal(before[0, 0, 3:], PLACES[0])


def test_pooling_weighs_tokens_as_the_formula_says():
    model = token_attention.build(4, 3, 5, width=2, dropout=0.3)
    x = RNG.normal(size=(2, 4, 3)).astype("float32")
    layers = [model.get_layer(name).output for name in ("encoder1_norm2", "dropout")]
    encoded, pooled = map(np.asarray, keras.Model(model.input, layers)(x))
    (v, bias), (w,) = (model.get_layer(name).get_weights() for name in ("hidden", "scores"))
    weights = softmax(np.tanh(encoded @ v + bias) @ w, axis=1)  # (n, tokens, 1)
    assert pooled == pytest.approx((weights * encoded).sum(axis=1), abs=1e-5)
    assert np.asarray(model(x)) == pytest.approx(np.asarray(model(x[:, ::-1])), abs=1e-5)
    assert np.asarray(model(x)).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.one_backend
def test_breast_is_seen_before_what_lies_beyond_it():
    learner = token_training.Learner(TINY, 2, 0.1, BREAST, 5, 5)
    cells = learner._cells(np.arange(len(CASES)), np.random.default_rng(0))
    assert all(len(set(row)) == TINY.seen for row in cells)
    seen = np.take_along_axis(BREAST, cells, axis=1).sum(axis=1)
    assert np.array_equal(seen, np.minimum(BREAST.sum(axis=1), TINY.seen))


def test_answers_are_probabilities_of_breasts(left):
    for key, answers in left[0].items():
        rows = PARTS[key]
        assert answers.test.sum(axis=1) == pytest.approx(np.ones(len(answers.test)))
        assert len(answers.inner) == (rows["part"] != "test").sum()
        tested = CASES.iloc[rows.loc[rows["part"] == "test", "row"]].reset_index()
        for _, views in tested.groupby(["patient_id", "laterality"]):
            assert np.ptp(answers.test[views.index], axis=0) == pytest.approx(np.zeros(5))


@pytest.mark.one_backend
def test_no_test_patient_has_a_say_in_anything_but_its_own_answer(left, tmp_path):
    key = (0, 1)  # after another fold, by the same networks
    part = PARTS[key]
    rows = part.loc[part["part"] == "test", "row"].to_numpy()
    changed, other = VALUES.copy(), CASES.copy()
    mine = CASES.iloc[rows]["patient_id"] == CASES["patient_id"][rows[0]]
    changed[rows[~mine]] *= -3
    other.loc[rows, "birads"] = CASES.loc[rows, "birads"].to_numpy()[::-1]
    given = Tokens(changed, BREAST, PLACES, "changed")
    after = token_training.answered(given, other, {key: part}, TINY, tmp_path)[key]
    before = left[0][key]
    assert after.chosen == before.chosen
    assert after.inner == pytest.approx(before.inner, abs=1e-6)
    assert after.test[mine] == pytest.approx(before.test[mine], abs=1e-6)
    assert after.test[~mine] != pytest.approx(before.test[~mine], abs=1e-6)


@pytest.mark.one_backend
def test_a_stopped_call_goes_on_to_the_same_answers(left, tmp_path, monkeypatch):
    answers, folder = left
    first, second = sorted(folder.glob("*.npz"))
    (tmp_path / first.name).write_bytes(first.read_bytes())
    trained, nested = [], token_training._nested
    monkeypatch.setattr(
        token_training, "_nested", lambda *given: trained.append(given[-2]) or nested(*given)
    )
    again = token_training.answered(TOKENS, CASES, PARTS, TINY, tmp_path)
    assert trained == [(0, 1)]
    assert (tmp_path / second.name).exists()
    for key, before in answers.items():
        assert again[key].chosen == before.chosen
        assert again[key].test == pytest.approx(before.test, abs=1e-6)


@pytest.mark.one_backend
@pytest.mark.parametrize("changed", ["recipe", "tokens", "labels", "sides", "code"])
def test_what_other_facts_have_left_is_not_taken(left, monkeypatch, changed):
    given = {"recipe": TINY, "tokens": TOKENS, "labels": CASES, "code": ""} | {
        "recipe": {"recipe": TINY.model_copy(update={"rate": 0.01})},
        "tokens": {"tokens": Tokens(VALUES, BREAST, PLACES, "others")},
        "labels": {"labels": CASES.assign(birads=CASES["birads"].to_numpy()[::-1])},
        "sides": {"labels": CASES.assign(laterality="L")},
        "code": {"code": "another"},
    }[changed]
    monkeypatch.setattr(token_training, "_nested", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        token_training.answered(
            given["tokens"], given["labels"], PARTS, given["recipe"], left[1], code=given["code"]
        )


@pytest.mark.one_backend
def test_answers_survive_their_table(left, tmp_path):
    path = tmp_path / "tokens.parquet"
    token_answers.as_table(left[0], PARTS, CASES).to_parquet(path)
    again = token_answers.read(path, PARTS, CASES)
    for key, before in left[0].items():
        assert np.array_equal(again[key].test, before.test)
        assert np.array_equal(again[key].inner, before.inner)
        assert again[key].chosen == before.chosen
    other = splits.deal(CASES, "patient", 2, [1], balance=False)
    for wrong in (other, {(0, fold): other[1, fold] for fold in (0, 1)}):
        with pytest.raises(DatasetError, match="14_tokens"):
            token_answers.read(path, wrong, CASES)


@pytest.mark.one_backend
def test_without_a_width_nothing_is_trained(tmp_path):
    none = TINY.model_copy(update={"widths": ()})
    answers = token_training.answered(TOKENS, CASES, PARTS, none, tmp_path)
    assert answers == {}
    path = tmp_path / "tokens.parquet"
    token_answers.as_table(answers, PARTS, CASES).to_parquet(path)
    assert token_answers.read(path, PARTS, CASES) == {}


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": [3]}, "widths"),
        ({"dropouts": []}, "dropouts"),
        ({"dropouts": [1.0]}, "dropouts"),
        ({"lengths": [0]}, "lengths"),
        ({"inner_folds": 1}, "inner_folds"),
        ({"rate": 0.0}, "rate"),
        ({"loss": "mse"}, "loss"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(wrong, message):
    with pytest.raises(UserError, match=message):
        Recipe.of(wrong)
