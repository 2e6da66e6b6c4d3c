"""Two stages, the trunk cache, and training that goes on after a kill: to the same result."""

import copy
import json
import os
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from birads_lib.errors import UserError
from birads_lib.files import sha256
from birads_lib.networks.backbones import WEIGHTS
from birads_lib.networks.cut import cut
from birads_lib.networks.hybrid import build_model, set_trainable, with_embeddings
from birads_lib.splits import assign_parts
from birads_lib.task import BIRADS
from birads_lib.training.cache import Batches, trunk_features
from birads_lib.training.fold import COLUMNS, Trainer
from birads_lib.training.journal import Journal, schedule
from birads_lib.training.network import Network
from birads_lib.training.run import FILES, train_run
from birads_lib.training.settings import Settings
from helpers.tiny_network import tiny_resnet, without_graphs
from helpers.tiny_training import (
    IMAGES,
    assert_same_training,
    make_cases,
    make_images,
    make_parts,
    tiny,
    train,
    train_to_the_end,
    trainer,
)

# TensorFlow's variables don't yet know NumPy 2's word for copying.
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(tmp_path_factory):
    """The trainings below are much the same graph; JAX can keep what it has compiled."""
    if keras.backend.backend() == "jax" and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        import jax

        options = {
            "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("jax")),
            "jax_persistent_cache_min_compile_time_secs": 0,
            "jax_persistent_cache_min_entry_size_bytes": -1,
        }
        for name, value in options.items():
            jax.config.update(name, value)
            os.environ[name.upper()] = str(value)  # for processes started from here


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk(tmp_path_factory, _compiled_once):
    with tiny_resnet(tmp_path_factory.mktemp("weights") / "tiny.weights.h5"):
        yield


@pytest.fixture(scope="module")
def first():
    """The trainer of the undisturbed fold, and nothing else."""
    return trainer()


@pytest.fixture(scope="module")
def undisturbed(first, tmp_path_factory):
    """A fold trained alone and in one go: its folder, predictions and messages."""
    folder, lines = tmp_path_factory.mktemp("undisturbed"), []
    first.progress = lines.append
    return folder, first.train_fold(make_parts(), folder), lines


@pytest.fixture
def practised(first, undisturbed):
    """A trainer whose network has trained the undisturbed fold.

    To trace a network's graphs takes longer than to train it here. A fold that breaks makes the
    network useless for the next test, so it is for trainings that come to their end.
    """
    trainer = copy.copy(first)
    trainer.progress = lambda line: None
    return trainer


def test_predictions_keep_their_contract(undisturbed):
    folder, table, _ = undisturbed
    parts = make_parts()
    assert list(table.columns) == [*COLUMNS, *BIRADS.probabilities]
    assert len(table) == IMAGES  # the patient protocol: each image once
    part = parts.drop_duplicates("image_id").set_index("image_id")["part"]
    assert (table["part"] == table["image_id"].map(part)).all()
    truth = make_cases().set_index("image_id")["birads"]
    assert (table["y_true"] == table["image_id"].map(truth)).all()
    np.testing.assert_allclose(table[["p1", "p2", "p3", "p4", "p5"]].sum(axis=1), 1, atol=1e-5)
    assert not (folder / "cache").exists()
    assert not (folder / "state.npz").exists()


def test_the_saved_model_predicts_what_was_predicted(tmp_path):
    """Of a network with an encoder, trained with part of its trunk at once."""
    table = train(tmp_path, encoder_layers=1, stage1_epochs=0, stage2_epochs=1)
    model = keras.models.load_model(tmp_path / "model.keras")
    images = make_images()[..., None]
    probabilities, embeddings = with_embeddings(model).predict(images, batch_size=16, verbose=0)
    rows = table["image_id"].str[1:].astype(int)
    saved = table[["p1", "p2", "p3", "p4", "p5"]]
    np.testing.assert_allclose(saved, probabilities[rows], atol=1e-4)
    saved = np.load(tmp_path / "embeddings.npy")
    assert saved.dtype == np.float32
    np.testing.assert_allclose(saved, embeddings[rows], atol=1e-3)


def test_a_fold_is_the_same_alone_and_after_another(tmp_path, undisturbed, practised):
    """Folds share their graphs, and nothing else: weights, moments and dropout begin anew."""
    practised.train_fold(make_parts("image"), tmp_path / "other", fold=1)
    practised.train_fold(make_parts(), tmp_path / "after")
    assert_same_training(tmp_path / "after", undisturbed[0])


@pytest.mark.parametrize("weights", ["phantoms", "none"])
def test_a_reset_network_is_a_new_one(weights):
    """Also where only the head is drawn anew, as the trunk comes from a file."""
    settings = tiny(weights=weights, encoder_layers=1)
    reset = Network(settings, BIRADS, seed=1)
    reset.model.set_weights([w + 1 for w in reset.model.get_weights()])
    reset.reset(2)
    new = Network(settings, BIRADS, seed=2)
    for before, after in zip(new.model.variables, reset.model.variables, strict=True):
        np.testing.assert_array_equal(np.array(before), np.array(after))


def test_a_fold_trained_in_bfloat16_comes_near_and_is_not_taken_for_the_other(
    tmp_path, undisturbed
):
    said = []
    half = trainer(said.append, precision="bfloat16")
    shutil.copytree(undisturbed[0], tmp_path / "fold")
    table = half.train_fold(make_parts(), tmp_path / "fold")
    assert any("changed: trained anew" in line for line in said)
    pd.testing.assert_frame_equal(table[COLUMNS], undisturbed[1][COLUMNS])
    exact, rounded = (t[BIRADS.probabilities].to_numpy() for t in (undisturbed[1], table))
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded, exact, atol=0.05)
    model = keras.models.load_model(tmp_path / "fold" / "model.keras")
    rows = table["image_id"].str[1:].astype(int)
    predicted = model.predict(make_images()[..., None], batch_size=16, verbose=0)[rows]
    np.testing.assert_allclose(predicted, rounded, atol=0.01)


@pytest.mark.one_backend  # folds with a trunk cache are compared on both
def test_a_fold_without_trunk_cache_is_the_same_alone_and_after_another(tmp_path):
    """Here the augmentation is drawn in each step: it begins anew, too."""
    folds = trainer(trunk_cache=False, stage2_epochs=0, taps=("conv2_block1_out",))
    folds.train_fold(make_parts(), tmp_path / "alone")
    folds.train_fold(make_parts("image"), tmp_path / "other", fold=1)
    folds.train_fold(make_parts(), tmp_path / "after")
    assert_same_training(tmp_path / "after", tmp_path / "alone")


def test_history_and_messages_say_every_epoch(undisturbed):
    folder, _, lines = undisturbed
    history = pd.read_csv(folder / "history.csv")
    assert list(zip(history["stage"], history["epoch"], strict=True)) == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    assert {"loss", "val_loss", "accuracy", "val_accuracy", "rate"} <= set(history.columns)
    epochs = [line for line in lines if "epoch" in line]
    assert len(epochs) == 4
    assert epochs[2].startswith("seed 3 · fold 1/1 · stage 2 · epoch 1/2 · loss ")


@pytest.mark.one_backend
def test_a_finished_fold_is_not_trained_again(undisturbed):
    folder, table, _ = undisturbed
    lines = []
    pd.testing.assert_frame_equal(train(folder, progress=lines.append), table)
    assert lines == []


def parameters_of_a_run(seeds) -> dict:
    return {
        "variant": "proposed", "protocol": "patient", "seeds": seeds, "folds": 3,
        "validation_share": 0.2, "balance": True, "image_file": "images.npy",
    }  # fmt: skip


@pytest.mark.one_backend
def test_a_run_of_several_seeds_is_its_seeds_joined(undisturbed, practised, tmp_path):
    """Seed 3, trained after another by the same trainer, is as it is alone; so are its files."""
    folder, alone, _ = undisturbed
    of_seed_4 = assign_parts(make_cases(), "patient", folds=3, fold=0, seed=4)
    parts = {(4, 0): of_seed_4, (3, 0): make_parts()}
    train_run(practised, parts, tmp_path, parameters_of_a_run([4, 3]))
    assert_same_training(tmp_path / "seed3/fold0", folder)
    run = pd.read_parquet(tmp_path / "predictions.parquet")
    assert run["seed"].tolist() == [4] * len(make_images()) + [3] * len(alone)
    of_seed = run[run["seed"] == 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_seed[alone.columns], alone, check_dtype=False)
    saved = np.load(tmp_path / "embeddings.npy")
    np.testing.assert_array_equal(saved[run["seed"] == 3], np.load(folder / "embeddings.npy"))
    history = pd.read_csv(tmp_path / "history.csv")
    assert history.groupby("seed")["epoch"].agg(list).to_dict() == {
        3: [1, 2, 3, 4],
        4: [1, 2, 3, 4],
    }
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["seeds"] == [4, 3]
    assert "seed" not in facts["settings"]
    lines = []
    train_run(trainer(lines.append, seed=4), parts, tmp_path, parameters_of_a_run([4, 3]))
    assert lines == []  # nothing is trained again


@pytest.mark.one_backend
def test_a_run_leaves_the_files_of_its_folds_joined(undisturbed, tmp_path):
    folder, table, _ = undisturbed
    shutil.copytree(folder, tmp_path / "seed3/fold0")  # finished: it is not trained again
    written = train_run(trainer(), {(3, 0): make_parts()}, tmp_path, parameters_of_a_run([3]))
    assert written == [tmp_path / "seed3/fold0/model.keras", *(tmp_path / name for name in FILES)]
    run = pd.read_parquet(tmp_path / "predictions.parquet")
    assert set(run["variant"]) == {"proposed"}
    assert set(run["protocol"]) == {"patient"}
    pd.testing.assert_frame_equal(run[table.columns], table, check_exact=True, check_dtype=False)
    splits = pd.read_parquet(tmp_path / "splits.parquet")
    assert set(splits["seed"]) == {3}
    pd.testing.assert_frame_equal(splits[make_parts().columns], make_parts().reset_index(drop=True))
    assert len(pd.read_csv(tmp_path / "history.csv")) == 4
    assert len(np.load(tmp_path / "embeddings.npy")) == IMAGES


@pytest.mark.one_backend
def test_a_run_lists_what_its_folds_left_and_the_features_they_read(undisturbed, tmp_path):
    shutil.copytree(undisturbed[0], tmp_path / "seed3/fold0")
    train_run(trainer(), {(3, 0): make_parts()}, tmp_path, parameters_of_a_run([3]))
    listed = json.loads((tmp_path / "run.json").read_text())
    names = {"run.json", "model.keras", "history.csv", "embeddings.npy", "predictions.parquet"}
    assert listed["left_by_folds"].keys() == {f"seed3/fold0/{name}" for name in names}
    for name, digest in listed["left_by_folds"].items():
        assert sha256(tmp_path / name) == digest
    assert len(listed["features"]) == 2  # of either stage


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["predictions.parquet", "embeddings.npy", "history.csv"])
def test_a_fold_whose_files_were_changed_is_trained_anew(undisturbed, tmp_path, name):
    shutil.copytree(undisturbed[0], tmp_path / "fold")
    path = tmp_path / "fold" / name
    path.write_bytes(path.read_bytes() + b"?")

    def stop(line):
        raise Killed(line)

    with pytest.raises(Killed, match="what it left has changed: trained anew"):
        train(tmp_path / "fold", progress=stop)


class Killed(BaseException):
    """Stands for a kill: nothing in the library catches it."""


def train_and_kill(trainer, folder, epochs):
    """Kill the training of a fold after so many of its epochs."""
    lines = []

    def interrupt(line):
        lines.append(line)
        if sum("epoch" in line for line in lines) == epochs:
            raise Killed

    trainer.progress = interrupt
    with pytest.raises(Killed):
        trainer.train_fold(make_parts(), folder)


def test_an_interrupted_training_ends_as_if_undisturbed(undisturbed, practised, tmp_path):
    """Killed in each stage and between them; the fold after a broken one begins clean."""
    folds = trainer()
    train_and_kill(folds, tmp_path / "killed", 1)  # within stage 1
    assert train_to_the_end(folds, tmp_path / "next") == 4
    train_and_kill(folds, tmp_path / "killed", 1)  # between the stages
    train_and_kill(folds, tmp_path / "killed", 1)  # within stage 2, by a new network
    assert train_to_the_end(practised, tmp_path / "killed") == 1
    for name in ("next", "killed"):
        assert_same_training(tmp_path / name, undisturbed[0])


@pytest.mark.one_backend
def test_other_code_trains_anew_and_without_save_models_no_model_is_left(
    undisturbed, practised, tmp_path
):
    shutil.copytree(undisturbed[0], tmp_path / "fold")
    lines = []
    practised.code, practised.progress, practised.save_models = "another", lines.append, False
    practised.train_fold(make_parts(), tmp_path / "fold")
    assert "changed" in lines[0]
    assert sum("epoch" in line for line in lines) == 4
    assert_same_training(tmp_path / "fold", undisturbed[0])
    assert sorted(path.name for path in (tmp_path / "fold").iterdir()) == [
        "embeddings.npy", "history.csv", "predictions.parquet", "run.json",
    ]  # fmt: skip


@pytest.mark.one_backend
def test_the_same_weights_in_another_place_train_nothing_anew(undisturbed, tmp_path):
    shutil.copytree(undisturbed[0], tmp_path / "fold")
    moved = shutil.copy(WEIGHTS["phantoms"], tmp_path / "moved.weights.h5")
    lines = []
    train(tmp_path / "fold", progress=lines.append, weights=str(moved))
    assert lines == []


@pytest.mark.one_backend
def test_other_settings_train_anew(undisturbed, tmp_path):
    """Nothing of the former training is left when the trunk's features are made."""
    shutil.copytree(undisturbed[0], tmp_path / "fold")
    lines = []

    def interrupt(line):
        lines.append(line)
        if "frozen trunk" in line:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path / "fold", progress=interrupt, dal_lambda=2.0)
    assert "changed" in lines[0]
    assert {path.name for path in (tmp_path / "fold").iterdir()} <= {"cache", "run.json"}


def test_the_trunk_cache_changes_no_prediction(tmp_path):
    """Augmentation off, in the protocol whose copies are predicted one by one."""
    options = {"augment": False, "stage1_epochs": 0, "unfrozen_layers": 13}  # across a block
    with without_graphs():
        on, off = (
            train(tmp_path / str(cached), "oversample_first", trunk_cache=cached, **options)
            for cached in (True, False)
        )
    pd.testing.assert_frame_equal(on, off, check_exact=False, atol=1e-4, rtol=0)
    parts = make_parts("oversample_first")
    held_out = parts[parts["part"] != "train"]
    assert (on["part"] != "train").sum() == len(held_out)
    train_images = parts.loc[parts["part"] == "train", "image_id"].nunique()
    assert (on["part"] == "train").sum() == train_images


def test_features_are_those_of_the_frozen_trunk(tmp_path):
    settings, images = tiny(), make_images()
    model = build_model(settings)
    set_trainable(model, settings, stage=2)
    frozen, _ = cut(model)
    features = trunk_features(images, frozen, settings, tmp_path, lambda line: None)
    prepared = model.get_layer("preparation")(images[..., None])
    for cached, expected in zip(features, keras.tree.flatten(frozen(prepared)), strict=True):
        expected = keras.ops.convert_to_numpy(expected)
        assert cached.shape == (IMAGES, 3, *expected.shape[1:])  # view 0 and two augmented ones
        np.testing.assert_allclose(cached[:, 0], expected, rtol=1e-4, atol=1e-3)
        assert not np.allclose(cached[:, 1], cached[:, 2])
    half = trunk_features(images, frozen, tiny(cache_dtype="float16"), tmp_path, lambda line: None)
    np.testing.assert_allclose(half[0], features[0], rtol=2e-3, atol=1e-3)
    inputs, _ = Batches(half, np.zeros(IMAGES), np.arange(8), 8)[0]
    assert {x.dtype.name for x in inputs} == {"float32"}
    lines = []
    again = trunk_features(images, frozen, settings, tmp_path, lines.append)
    assert lines == []  # read, not computed
    np.testing.assert_array_equal(again[0], features[0])
    trunk_features(255 - images, frozen, settings, tmp_path, lines.append)
    assert lines != []


@pytest.mark.one_backend
def test_features_that_were_changed_are_computed_again(tmp_path):
    settings, images = tiny(), make_images()
    model = build_model(settings)
    set_trainable(model, settings, stage=2)
    frozen, _ = cut(model)
    features = trunk_features(images, frozen, settings, tmp_path, lambda line: None)
    before = [np.array(array) for array in features]
    forged = np.load(features[0].filename, mmap_mode="r+")
    forged[0] += 1
    forged.flush()
    lines = []
    again = trunk_features(images, frozen, settings, tmp_path, lines.append)
    assert lines != []
    np.testing.assert_array_equal(again[0], before[0])


@pytest.mark.one_backend
def test_batches_draw_every_row_once_and_any_of_its_views():
    labels = np.arange(10, dtype="int32")
    features = [labels[:, None].repeat(3, axis=1) * 10 + np.arange(3)]  # image * 10 + view
    rows = np.array([0, 1, 2, 3, 4, 4, 4])

    def read(batches):
        pairs = [batches[i] for i in range(len(batches))]
        return tuple(np.concatenate(column) for column in zip(*pairs, strict=True))

    batches = Batches(features, labels, rows, 3, seed=(1, 2))
    x, y = read(batches)
    assert sorted(y) == sorted(rows)
    assert (x // 10 == y).all()
    batches.start_epoch(1)
    later, labels_later = read(batches)
    assert not np.array_equal(labels_later, y)
    assert {*(x % 10), *(later % 10)} == {0, 1, 2}
    batches.start_epoch(0)
    np.testing.assert_array_equal(read(batches)[0], x)
    plain = read(Batches(features, labels, rows, 3))
    np.testing.assert_array_equal(plain[1], rows)
    assert set(plain[0] % 10) == {0}


def test_a_stage_ends_with_its_best_or_its_last_epoch(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    data = Batches([np.ones((2, 1, 1))], np.ones(2), np.arange(2), 1)

    def ends_with(restore_best):
        settings = Settings(stage1_epochs=2, restore_best=restore_best)
        journal = Journal(tmp_path / "state.npz", "f", settings, 1, [], data, lambda line: None)
        journal.set_model(model)
        for epoch, val_loss in enumerate([1.0, 2.0]):  # the first is the best
            model.set_weights([np.full(w.shape, epoch) for w in model.get_weights()])
            journal.on_epoch_end(epoch, {"loss": 1.0, "val_loss": val_loss})
        return float(journal.best[0].ravel()[0])

    assert (ends_with(True), ends_with(False)) == (0.0, 1.0)


def test_a_journal_puts_back_all_that_a_network_is(tmp_path):
    """Of an encoder, too, the seeds of dropout in its attention among it."""
    network, data = Network(tiny(encoder_layers=1), BIRADS, seed=1), Batches([], None, [], 1)
    _, learner = network.of_stage(2)
    journal = Journal(tmp_path / "state.npz", "f", network.settings, 2, [], data)
    journal.set_model(learner)
    journal.best = [np.array(v) for v in learner.variables]
    journal.save()
    optimizer = learner.optimizer.variables
    variables = [*learner.variables, *optimizer]
    before = [np.array(v) for v in variables]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value + 1)
    journal.restore(learner)
    assert sum("seed_generator" in v.path for v in learner.variables) == 4  # two of the head
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("losses", "rate", "best", "stop"),
    [
        ([], 1.0, -1, False),
        ([3, 2, 1], 1.0, 2, False),
        ([1, 2], 1.0, 0, False),
        ([1, 2, 2], 0.5, 0, False),  # plateau_patience 2
        ([1, 2, 2, 2, 2], 0.25, 0, False),
        ([1, 2, 2, 2, 2, 2], 0.25, 0, True),  # patience 5
        ([1, 2, 2, 2, 2, 0.5], 0.25, 5, False),
        ([1, 1, 1], 0.5, 0, False),  # no better is worse
    ],
)
def test_schedule_by_hand(losses, rate, best, stop):
    plan = schedule(losses, 1.0, Settings(plateau_patience=2, plateau_factor=0.5, patience=5))
    assert (plan.rate, plan.best, plan.stop) == (rate, best, stop)


@pytest.mark.one_backend
@examples(max_examples=50, deadline=None)
@given(
    losses=st.lists(st.integers(0, 6), min_size=1, max_size=25),
    patience=st.integers(1, 6),
    plateau=st.integers(1, 4),
)
def test_schedule_is_that_of_keras_own_callbacks(losses, patience, plateau):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=patience)
    falling = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=plateau, min_delta=0, min_lr=0
    )
    settings = Settings(patience=patience, plateau_patience=plateau, plateau_factor=0.5)
    for callback in (stopping, falling):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        for callback in (stopping, falling):
            callback.on_epoch_end(epoch, {"val_loss": loss})
        plan = schedule(losses[: epoch + 1], 1.0, settings)
        assert plan.rate == pytest.approx(float(model.optimizer.learning_rate))
        assert plan.stop == bool(model.stop_training)
        assert plan.best == stopping.best_epoch
        if plan.stop:
            break


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (make_images()[:5], "for 32 cases"),
        (make_images()[:, :32, :32], "image_size 64"),
        (make_images().astype("float32"), "expected raw grey uint8"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(UserError, match=message):
        Trainer(images, make_cases(), tiny())


@pytest.mark.one_backend
def test_a_loss_that_is_not_finite_stops_with_advice(tmp_path):
    with without_graphs(), pytest.raises(UserError, match="lower stage1_rate"):
        train(tmp_path, stage1_rate=1e30, stage1_epochs=3)
