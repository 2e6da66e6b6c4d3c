"""Chains of trainings: what a stage leaves is what the next begins with, and is made once."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import backbones, resnext
from birads_lib.splits import assign_parts
from birads_lib.task import MALIGNANCY
from birads_lib.training import transfer
from birads_lib.training.digits import DIGITS, digits
from birads_lib.training.settings import Settings
from birads_lib.training.transfer import Stage, thinned, train_chain
from helpers.tiny_network import without_graphs

SETTINGS = Settings(
    backbone="small_resnext", weights="none", image_size=32, encoder_layers=0, dense_1=8, dense_2=4,
    loss="cross_entropy", augment=False, trunk_cache=False, stage1_epochs=0, stage2_epochs=1,
    stage2_rate=1e-3, unfrozen_layers=1000, unfreeze_batchnorm=True, batch_size=32,
)  # fmt: skip
STILL = SETTINGS.model_copy(update={"stage2_rate": 0.0, "unfreeze_batchnorm": False})


def stage(name="digits", settings=SETTINGS, n=100):  # two whole batches: JAX compiles for each size
    images, table = digits(settings.image_size, n)
    return Stage(name, images, table, DIGITS, settings)


def values(path):
    return backbones.build("small_resnext", 32, path).get_weights()


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """Give the small network one block, so that its graphs are built in a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resnext.SIZES, "small_resnext", ((1,), 8, 2, 3))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a chain of two stages, its trunks and what was said."""
    folder, said = tmp_path_factory.mktemp("chain"), []
    with without_graphs():
        trunks = train_chain([stage(), stage("again", STILL)], folder, progress=said.append)
    return folder, trunks, said


def test_each_stage_begins_with_the_trunk_of_the_last(made):
    _, (first, second), said = made
    assert [line.split(" · ")[0] for line in said] == ["digits", "again"]
    for one, other in zip(values(first.path), values(second.path), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)  # the second stage learned nothing
    random = backbones.build("small_resnext", 32, "none").get_weights()
    assert not all(np.allclose(a, b) for a, b in zip(values(first.path), random, strict=True))
    assert second.record["weights_sha256"] == first.record["trunk_sha256"]
    assert 0 <= first.accuracy <= 1


@pytest.fixture
def begun(made, monkeypatch):
    """Names of the stages that are trained and their folders; none of them is to its end."""
    names, places = [], []

    def begin(stage, place, *_):
        names.append(stage.name)
        places.append(place)
        return made[1][0]

    monkeypatch.setattr(transfer, "_train", begin)
    return names, places


@pytest.mark.one_backend
def test_what_is_there_is_not_trained_again_and_chains_share_their_beginning(made, begun):
    folder, trunks, _ = made
    said = []
    again = train_chain([stage(), stage("again", STILL)], folder, progress=said.append)
    assert [t.path for t in again] == [t.path for t in trunks]
    assert not said
    train_chain([stage(), stage("other", STILL)], folder)
    assert begun[0] == ["other"]


@pytest.mark.one_backend
@pytest.mark.parametrize("change", ["seed", "labels"])
def test_a_change_trains_anew_and_elsewhere(made, begun, change):
    folder, (first, _), _ = made
    asked, options = stage(), {"seed": 1} if change == "seed" else {}
    if change == "labels":
        table = asked.cases.assign(digit=asked.cases["digit"].to_numpy()[::-1])
        asked = Stage(asked.name, asked.images, table, DIGITS, SETTINGS)
    train_chain([asked], folder, **options)
    assert begun[0] == ["digits"]
    assert begun[1] != [first.path.parent]


@pytest.mark.one_backend
def test_a_trunk_that_changed_is_written_anew(made):
    """The fold's own outputs are whole: the file is written from them."""
    folder, (first, _), _ = made
    said = []
    first.path.write_bytes(first.path.read_bytes()[:-1] + b"x")
    (trunk,) = train_chain([stage()], folder, progress=said.append)
    assert not said
    assert json.loads((trunk.path.parent / "stage.json").read_text())["trunk_sha256"]
    assert values(trunk.path)


def test_stages_that_do_not_fit_are_named(tmp_path):
    large = SETTINGS.model_copy(update={"image_size": 64})
    with pytest.raises(UserError, match="image_size: the stages of a chain share one; here are"):
        train_chain([stage(), stage("large", large)], tmp_path)


@pytest.mark.one_backend
def test_weights_of_another_network_stop(tmp_path):
    keras.utils.set_random_seed(0)
    path = tmp_path / "other.weights.h5"
    backbones.build("small_resnet", 32, "none").save_weights(path)
    with pytest.raises(UserError, match="doesn't fit the backbone small_resnext"):
        train_chain([stage()], tmp_path, weights=path)
    with pytest.raises(UserError, match="is not a file"):
        train_chain([stage()], tmp_path, weights=tmp_path / "gone.weights.h5")


def test_too_few_patients_of_a_label_are_named(tmp_path):
    few = stage(n=30)
    with pytest.raises(UserError, match="digit 0 has 3 patients; 5 folds need at least 5"):
        train_chain([few], tmp_path)


def cases(patients=20):
    names = [(f"p{p}_{view}", f"p{p}") for p in range(patients) for view in "ab"]
    table = pd.DataFrame(names, columns=["image_id", "patient_id"])
    return table.assign(malignancy=np.resize(np.repeat(MALIGNANCY.labels, 2), len(table)))


def test_smaller_shares_of_training_patients_are_nested():
    parts = assign_parts(cases(), "patient", 4, 0, 0, balance=False, task=MALIGNANCY)
    kept = {share: thinned(parts, share, 0) for share in (0.25, 0.5, 1.0)}
    people = [set(p.loc[p["part"] == "train", "patient_id"]) for p in kept.values()]
    assert people[0] < people[1] < people[2]
    held = parts[parts["part"] != "train"].reset_index(drop=True)
    for part in kept.values():
        others = part[part["part"] != "train"].reset_index(drop=True)
        pd.testing.assert_frame_equal(others, held)
    with pytest.raises(UserError, match="leaves none to train on"):
        thinned(parts, 0.001, 0)


def test_a_class_in_one_fold_only_is_named():
    table = cases().assign(malignancy="benign")
    table.loc[table["patient_id"] == "p0", "malignancy"] = "malignant"
    with pytest.raises(UserError, match="malignant has 1 patients; 4 folds need at least 4"):
        assign_parts(table, "patient", 4, 0, 0, task=MALIGNANCY)
