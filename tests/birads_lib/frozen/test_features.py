"""Frozen features: pooled by hand, made once, and of nobody else's images."""

import keras
import numpy as np
import pytest

from birads_lib.errors import DatasetError, UserError
from birads_lib.frozen import arrays, features
from birads_lib.frozen.features import FeatureSet
from birads_lib.images.chest_wall import rectangle
from birads_lib.images.decode import read_grey
from birads_lib.networks import backbones
from birads_lib.readers import by_name
from helpers.tiny_network import tiny_resnet

TAPS = ("conv2_block1_out", "last")
TINY = FeatureSet(backbone="small_resnet", weights="phantoms", taps=TAPS, height=96, width=64)
WITH_CELLS = TINY.model_copy(update={"cells": True})


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk(tmp_path_factory):
    with tiny_resnet(tmp_path_factory.mktemp("weights") / "tiny.weights.h5"):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return by_name.read("phantoms", tmp_path_factory.mktemp("p"), patients=3, seed=1, size=96)


@pytest.fixture(scope="module")
def files(data, tmp_path_factory):
    return features.extract(data, WITH_CELLS, tmp_path_factory.mktemp("f"), progress=str)


def test_features_are_means_and_maxima_of_the_trunks_maps(data, files):
    trunk = backbones.build("small_resnet", 96, "phantoms")
    taps = [trunk.get_layer(TAPS[0]).output, trunk.output]
    of_rectangles = keras.models.clone_model(
        keras.Model(trunk.input, taps), input_tensors=keras.Input((96, 64, 3))
    )
    of_rectangles.set_weights(trunk.get_weights())
    frame, _ = rectangle(read_grey(data.files()[0]), 96, 64)
    x = backbones.normalisation("small_resnet")(np.repeat(frame[None, ..., None], 3, -1) * 1.0)
    maps = [np.asarray(m)[0] for m in of_rectangles(x)]
    by_hand = np.concatenate([pool(axis=(0, 1)) for m in maps for pool in (m.mean, m.max)])
    assert features.pooled(files)[0] == pytest.approx(by_hand, rel=1e-4, abs=1e-4)
    cells, breast = next(features.maps(files))
    assert cells == pytest.approx(maps[1], rel=2e-3, abs=2e-3)  # kept with 16 bits
    assert breast.shape == cells.shape[:2]
    assert breast.any()


def test_what_is_there_is_not_made_again(data, files, tmp_path):
    said = []
    assert features.extract(data, WITH_CELLS, files[0].parent, progress=said.append) == files
    assert not said
    features.extract(data, WITH_CELLS, tmp_path, progress=said.append)
    assert said == [f"small_resnet · {len(data.cases)} of {len(data.cases)} images"]


@pytest.mark.parametrize("changed", [{"height": 64}, {"cells": False}, {"taps": ("last",)}])
def test_other_features_have_other_files(data, files, tmp_path, changed):
    other = WITH_CELLS.model_copy(update=changed)
    assert features.extract(data, other, tmp_path, progress=str)[0].name != files[0].name


def test_random_weights_follow_the_seed(data, tmp_path):
    random = TINY.model_copy(update={"weights": "none"})
    made = [
        features.pooled(features.extract(data, random, tmp_path / f"{k}", seed=s, progress=str))
        for k, s in enumerate((0, 0, 1))
    ]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_places_and_grid_are_kept(data, files):
    _, place = rectangle(read_grey(data.files()[0]), 96, 64)
    assert features.places(files)[0] == place
    assert features.grid(files)[:2] == (96, 64)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"height": 100}, "height"),
        ({"backbone": "resnet5"}, "backbone"),
        ({"taps": []}, "taps"),
        ({"size": 3}, "size"),
        ({"height": 224, "width": 320}, "'width' is 320, expected at most 'height', 224"),
    ],
)
def test_what_no_feature_set_can_be_is_said(wrong, message):
    with pytest.raises(UserError, match=message):
        FeatureSet.of({"backbone": "small_resnet"} | wrong)


def test_features_of_other_images_are_refused(data, files, tmp_path):
    path, ids = tmp_path / "features.npz", data.cases["image_id"]
    arrays.write(path, ids, {"96": features.pooled(files)})
    read = arrays.read(path, ids, "14_features")
    assert np.array_equal(read["96"], features.pooled(files))
    with pytest.raises(DatasetError, match="run 14_features again"):
        arrays.read(path, ids[::-1], "14_features")
    (tmp_path / "broken.npz").write_bytes(b"no array")
    (tmp_path / "half.npz").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("none.npz", "broken.npz", "half.npz", "empty.npz"):
        with pytest.raises(DatasetError, match=rf"{name}: can't be read .* run 14_features again"):
            arrays.read(tmp_path / name, ids, "14_features")
