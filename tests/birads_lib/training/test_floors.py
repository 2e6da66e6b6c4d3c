"""Floors: fitted on distinct training images alone, for exactly the rows of a run."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import predictions
from birads_lib.errors import UserError
from birads_lib.scores.leakage import answers
from birads_lib.task import DENSITY
from birads_lib.training import floors
from birads_lib.training.settings import Settings
from helpers.leakage import images, run
from helpers.tiny_network import tiny_resnet

PROTOCOLS = ["patient", "image", "oversample_first"]


def cohort(seed=0):
    """Cases, and features that hold the category with noise: (cases, (n, 6))."""
    cases = images(seed=seed).assign(view=["CC", "MLO"] * 60, density=None)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(len(cases), 6))
    features[:, :5] += 4 * np.eye(5)[cases["birads"] - 1]
    return cases, features.astype("float32")


@pytest.fixture(scope="module", params=PROTOCOLS)
def made(request):
    """A run, its cohort and its floors."""
    cases, features = cohort()
    table = run(cases, request.param).assign(variant="proposed").drop(columns="row")
    return table, cases, features, floors.of_run(table, cases, features)


def test_floors_are_predictions_of_exactly_the_runs_test_rows(made):
    table, _, _, floors_of_run = made
    checked = predictions.check(floors_of_run)
    key = [*predictions.KEY, "y_true", "patient_id"]
    tests = predictions.out_of_fold(table)[key]
    for name, rows in checked.groupby("variant", sort=False):
        pd.testing.assert_frame_equal(rows[key].reset_index(drop=True), tests, obj=name)
    assert list(checked["variant"].unique()) == [*floors.FLOORS]


def test_the_majority_is_that_of_the_audit(made):
    table, _, _, made_floors = made
    rows = made_floors[made_floors["variant"] == "majority"]
    np.testing.assert_array_equal(predictions.probabilities(rows), answers(table)["majority"])


def test_a_floor_that_reads_telling_features_is_nearly_right(made):
    right = made[3]["y_true"] == predictions.probabilities(made[3]).argmax(1) + 1
    accuracy = right.groupby(made[3]["variant"]).mean()
    assert accuracy["logistic_regression"] > 0.9 > accuracy["majority"] + 0.2


@pytest.mark.parametrize("protocol", ["patient", "image"])
def test_what_is_tested_decides_nothing(protocol):
    """Labels and features of other parts leave what fold 0's models say of an image alone."""
    cases, features = cohort()
    table = run(cases, protocol).query("fold == 0").assign(variant="a").drop(columns="row")
    before = floors.of_run(table, cases, features)
    image = before["image_id"].iloc[0]
    is_trained = cases["image_id"].isin(table.loc[table["part"] == "train", "image_id"])
    noise = features.copy()
    noise[~is_trained & (cases["image_id"] != image)] = 1e3
    other_labels = table["y_true"].where(table["part"] == "train", 1)
    after = floors.of_run(table.assign(y_true=other_labels), cases, noise)
    rows = [made[made["image_id"] == image] for made in (before, after)]
    np.testing.assert_array_equal(*map(predictions.probabilities, rows))


def test_copies_in_training_weigh_nothing(made):
    table, cases, features, before = made
    training = table[table["part"] == "train"]
    copied = training.sample(50, random_state=0).assign(copy=99)
    doubled = pd.concat([table, copied], ignore_index=True)
    pd.testing.assert_frame_equal(floors.of_run(doubled, cases, features), before)


def test_each_model_of_a_run_has_floors_of_its_own():
    cases, features = cohort()
    runs = [run(cases, "patient", seed=seed).assign(variant="a") for seed in (0, 1)]
    both = floors.of_run(pd.concat(runs, ignore_index=True), cases, features)
    for table in runs:
        alone = floors.of_run(table, cases, features)
        rows = both[both["seed"] == table["seed"].iloc[0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone)


def test_what_is_told_apart_is_no_fact_for_telling_it():
    cases = cohort()[0]
    assert floors.known_facts(cases) == ["view", "laterality"]
    known = cases.assign(density="A")
    assert floors.known_facts(known) == ["density", "view", "laterality"]
    assert floors.known_facts(known, DENSITY) == ["view", "laterality"]


def test_without_facts_there_is_no_floor_of_facts():
    cases, features = cohort()
    table = run(cases, "patient").assign(variant="a")
    nothing = cases.assign(view=None, laterality=None)
    names = floors.of_run(table, nothing, features)["variant"].unique()
    assert list(names) == ["majority", "logistic_regression"]


def test_an_unknown_fact_is_a_value_of_its_own():
    cases, features = cohort()
    cases["view"] = np.where(cases["birads"] == 5, None, "CC")
    rows = floors.of_run(run(cases, "patient").assign(variant="a"), cases, features)
    facts = rows[(rows["variant"] == "density_and_view") & (rows["y_true"] == 5)]
    assert (predictions.probabilities(facts).argmax(1) == 4).all()


def test_a_category_that_no_image_has_gets_no_probability():
    cases, features = cohort()
    cases["birads"] = cases["birads"].replace({3: 2})
    table = run(cases, "patient").assign(variant="a")
    made = floors.of_run(table, cases, features)
    assert (made["p3"] == 0).all()
    alone = floors.of_run(table.assign(y_true=2), cases, features)
    assert (alone["p2"] == 1).all()


def test_images_of_other_cases_are_refused():
    cases, features = cohort()
    table = run(cases, "patient").assign(variant="a")
    with pytest.raises(UserError, match=r"not in cases\.parquet, such as i0"):
        floors.of_run(table, cases.iloc[40:], features[40:])


@pytest.fixture
def _tiny_trunk(tmp_path):
    with tiny_resnet(tmp_path / "tiny.weights.h5"):
        yield


@pytest.mark.usefixtures("_tiny_trunk")
@pytest.mark.parametrize("cached", [True, False])
def test_frozen_features_are_the_backbones_maps_averaged(tmp_path, cached):
    from birads_lib.networks.hybrid import build_preparation, build_trunk

    settings = Settings(
        backbone="small_resnet", weights="phantoms", image_size=64, views=1, batch_size=4,
        taps=["conv2_block1_out", "last"], trunk_cache=cached,
    )  # fmt: skip
    pixels = np.random.default_rng(0).integers(0, 255, (35, 64, 64), np.uint8)
    features = floors.frozen_features(pixels, settings, tmp_path, lambda line: None)
    prepared = build_preparation(settings)(pixels[..., None], training=False)
    maps = build_trunk(settings).predict_on_batch(prepared)
    expected = np.concatenate([m.mean(axis=(1, 2)) for m in maps], axis=1)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_tiny_trunk")
def test_features_are_read_from_what_training_cached(tmp_path, monkeypatch):
    """The trunk runs no second time: the first stage's cache has its maps."""

    class Cached(Exception):
        """Ends the training where its features are there."""

    def end(*_, **__):
        raise Cached

    monkeypatch.setattr("keras.Model.fit", end)
    from birads_lib.training.fold import Trainer

    settings = Settings(
        backbone="small_resnet", weights="phantoms", image_size=64, views=1, batch_size=16,
        stage1_epochs=1, stage2_epochs=0,
    )  # fmt: skip
    cases = cohort()[0]
    pixels = np.random.default_rng(0).integers(0, 255, (len(cases), 64, 64), np.uint8)
    trainer = Trainer(pixels, cases, settings, cache=tmp_path / "cache", progress=lambda line: None)
    parts = run(cases, "patient")
    with pytest.raises(Cached):
        trainer.train_fold(parts[parts["fold"] == 0], tmp_path / "fold0")
    before = sorted((tmp_path / "cache").iterdir())
    lines = []
    floors.frozen_features(pixels, settings, tmp_path / "cache", lines.append)
    assert sorted((tmp_path / "cache").iterdir()) == before
    assert lines == []
