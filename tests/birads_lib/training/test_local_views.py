"""The network of small windows: its loss, its parts, and that it learns."""

import keras
import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.explain import relevance
from birads_lib.explain.grad_cam import grad_cam
from birads_lib.images.local_views import LABELS, Options, Source
from birads_lib.networks.local_views import asker, at_size, build_windows, without_learning
from birads_lib.training import local_views
from birads_lib.training.local_views import Crops, Schedule, focal_loss, train
from birads_lib.training.settings import Settings
from helpers.tiny_network import tiny_resnet

SETTINGS = Settings(
    backbone="small_resnet", weights="none", image_size=32, dense_1=8, dropout_1=0.0,
    augment=False, batch_size=16,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk():
    with tiny_resnet():
        yield


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def source():
    """Grey breasts, in which a mass is a bright disc, and a calcification a bright cross."""
    images = np.pad(np.full((6, 60, 60), 60, np.uint8), ((0, 0), (2, 2), (2, 2)))
    y, x = np.mgrid[:64, :64]
    disc = (x - 20) ** 2 + (y - 20) ** 2 < 64
    cross = (abs(x - 44) < 2) & (abs(y - 44) < 9) | (abs(y - 44) < 2) & (abs(x - 44) < 9)
    images[:, disc], images[:, cross] = 200, 255
    rows = []
    for number in range(5):
        rows.append((f"i{number}", 0, "mass", "mass", 12, 12, 28, 28))
        rows.append((f"i{number}", 1, "calcification", "calcification", 35, 35, 53, 53))
    images[5, disc | cross] = 60
    columns = ["image_id", "finding", "kind", "lesion_kind", "x0", "y0", "x1", "y1"]
    options = Options(window=32, scales=(0.8, 2.0), aspects=(0.9, 1.1))
    boxes = pd.DataFrame(rows, columns=columns)
    return Source(images, [f"i{n}" for n in range(6)], boxes, options)


def test_the_focal_loss_is_its_formula():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, (5, 4)).astype("float32"), rng.uniform(0.02, 0.98, (5, 4))
    truth, alpha = np.where(y == 1, p, 1 - p), np.where(y == 1, 0.8, 0.2)
    expected = (-alpha * (1 - truth) ** 2 * np.log(truth)).mean()
    np.testing.assert_allclose(numpy(focal_loss()(y, p.astype("float32"))), expected, rtol=1e-5)


def test_batches_draw_each_label_alike_and_anew_in_each_epoch():
    batches = Crops(source(), 64, 16, 3)
    assert len(batches) == 4
    crops, labels = batches[1]
    assert (crops.shape, crops.dtype, labels.shape) == ((16, 32, 32, 1), np.uint8, (16, 4))
    np.testing.assert_array_equal(batches[1][0], crops)
    batches.on_epoch_end()
    assert (batches[1][0] != crops).any()
    many = np.concatenate([batches[n][1] for n in range(4)])
    assert (many.sum(axis=0)[:3] > 10).all()  # none, mass, calcification
    assert not many[:, LABELS.index("distortion")].any()


def test_it_learns_what_its_crops_show():
    given = source()
    model, losses = train(given, SETTINGS, Schedule(epochs=8, crops=96, rate=3e-3), seed=1)
    assert losses[-1] < 0.5 * losses[0]
    table, crops = given.every(3, 3, 9)
    answers = asker(model)(crops)[1]
    assert ((answers > 0.5) == table[LABELS].to_numpy()).mean() > 0.85


def test_without_any_lesion_there_is_nothing_to_learn():
    given = source()
    empty = Source(given.images, given.image_ids, given.boxes.iloc[:0], given.options)
    with pytest.raises(UserError, match="no lesion to learn from; expected some of mass, calc"):
        train(empty, SETTINGS, Schedule())


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    made = build_windows(SETTINGS)
    last = made.get_layer("head").get_layer("probabilities")
    last.set_weights([0.01 * weights for weights in last.get_weights()])  # else all are 0 or 1
    return made


def test_answers_are_of_several_labels_at_once(model):
    x = np.random.default_rng(0).integers(0, 255, (3, 32, 32)).astype(np.uint8)
    features, answers = asker(model)(x)
    assert (features.shape, answers.shape) == ((3, 12), (3, 4))
    assert ((answers > 0) & (answers < 1)).all()
    assert np.abs(answers.sum(axis=1) - 1).max() > 0.1
    np.testing.assert_allclose(answers, model.predict_on_batch(x[..., None]), atol=1e-6)
    hidden = model.get_layer("head").get_layer("penultimate")
    by_hand = np.maximum(features @ hidden.get_weights()[0] + hidden.get_weights()[1], 0)
    last = model.get_layer("head").get_layer("probabilities").get_weights()
    np.testing.assert_allclose(1 / (1 + np.exp(-by_hand @ last[0] - last[1])), answers, atol=1e-5)


def test_the_same_network_takes_larger_images(model):
    larger = at_size(model, 64)
    x = np.random.default_rng(0).integers(0, 255, (2, 64, 64)).astype(np.uint8)
    _, answers = asker(larger)(x)
    assert answers.shape == (2, 4)
    for part in ("trunk", "head"):
        here, there = (m.get_layer(part).get_weights() for m in (larger, model))
        assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))
    maps = grad_cam(larger, x, np.array([2, 3]))
    assert maps.values.shape == (2, 4, 4)


@pytest.mark.parametrize(("part", "changed"), [("head", {"head"}), ("all", {"head", "trunk"})])
def test_what_was_learned_can_be_taken_away(model, part, changed):
    random = without_learning(model, part, seed=3)
    for name in ("trunk", "head"):
        pairs = zip(random.get_layer(name).get_weights(), model.get_layer(name).get_weights(),
                    strict=True)  # fmt: skip
        is_same = all(np.array_equal(a, b) for a, b in pairs)
        assert is_same == (name not in changed)


def test_correlax_asks_a_network(model):
    options = relevance.Options(window=32, stride=16, masks=6, cells=4)
    image = np.random.default_rng(0).integers(0, 255, (48, 64)).astype(np.uint8)
    found = relevance.correlax(asker(model), image, np.ones(image.shape, bool), options)
    n = found.which.sum()
    assert (found.answers.shape, found.by_label.shape) == ((n, 4), (n, 4))
    assert np.isfinite(found.by_label).all()
    assert np.abs(found.by_answers).max() <= 1


def test_schedules_out_of_range_are_refused():
    with pytest.raises(UserError, match="'epochs' is 0, expected at least 1"):
        Schedule.of({"epochs": 0})
    assert local_views.Schedule().weight_decay == 1e-5
