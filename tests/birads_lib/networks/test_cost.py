"""Costs of networks, counted by hand; BatchNorms that have no weights to start from."""

import keras
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import backbones, cost
from helpers.tiny_network import short_efficientnet

SIDE = 64


def test_multiply_adds_by_hand():
    image = keras.Input((8, 6, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)  # 4 x 3 places, 27 x 4 weights
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(8, 1, groups=2)(x)  # 12 places, 2 x 8 weights
    x = keras.layers.DepthwiseConv2D(3, padding="valid")(x)  # 2 x 1 places, 9 x 8 weights
    inner = keras.Model(image, x)
    outer = keras.Sequential([inner, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5)])
    outer.build((None, 8, 6, 3))
    by_hand = 12 * 27 * 4 + 12 * 2 * 8 + 2 * 9 * 8
    assert cost.multiply_adds(inner) == by_hand
    assert cost.multiply_adds(outer) == by_hand + 8 * 5
    maps = 12 * 4 + 12 * 4 + 12 * 8 + 2 * 8
    assert cost.feature_bytes(inner) == 4 * maps
    assert cost.weight_bytes(inner) == 4 * (27 * 4 + 4 + 4 * 4 + 2 * 8 + 8 + 9 * 8 + 8)


def test_multiply_adds_of_efficientnet_are_its_papers():
    b0 = backbones.build("efficientnetb0", 224, "none")
    # The paper counts the classifier, too: 1280 x 1000.
    assert cost.multiply_adds(b0) + 1_280_000 == pytest.approx(0.39e9, rel=0.02)


def test_a_layer_that_is_not_known_is_not_counted_as_nothing():
    tokens = keras.Input((4, 8))
    model = keras.Model(tokens, keras.layers.MultiHeadAttention(2, 4)(tokens, tokens))
    with pytest.raises(UserError, match="a MultiHeadAttention, are not known"):
        cost.multiply_adds(model)


def test_what_warms_up_does_not_count():
    done = []
    taken = cost.seconds(lambda: done.append(1), rounds=3, warm_up=2)
    assert len(done) == 5
    assert taken.shape == (3,)
    assert (taken >= 0).all()


def test_latency_is_of_the_batch_asked_for():
    seen = []

    class Watched:
        input_shape = (None, SIDE, SIDE, 3)

        def predict_on_batch(self, images):
            seen.append(images.shape)

    assert cost.latency(Watched(), batch=3, rounds=2).shape == (2,)
    assert set(seen) == {(3, SIDE, SIDE, 3)}


def test_norms_forget_soon_without_weights_and_keep_a_files_pace(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.applications, "EfficientNetB0", short_efficientnet)
    trunk = backbones.build("efficientnetb0", SIDE, "none")
    assert {n.momentum for n in norms_of(trunk)} == {backbones.MOMENTUM}
    trunk.save_weights(tmp_path / "b0.weights.h5")
    trained = backbones.build("efficientnetb0", SIDE, tmp_path / "b0.weights.h5")
    assert {n.momentum for n in norms_of(trained)} == {0.99}


def norms_of(trunk: keras.Model) -> list:
    return [x for x in trunk.layers if isinstance(x, keras.layers.BatchNormalization)]


def test_a_backbone_is_measured_at_each_batch_size():
    said = []
    rows = cost.measured("small_mbconv", 32, {1: 2, 4: 3}, said.append)
    assert [(row["batch"], row["rounds"]) for row in rows] == [(1, 2), (4, 3)]
    assert len(said) == 2
    trunk = backbones.build("small_mbconv", 32, "none")
    for row in rows:
        assert row["weights"] == trunk.count_params()
        assert row["multiply_adds"] == cost.multiply_adds(trunk)
        assert 0 < row["low"] <= row["milliseconds"] <= row["high"]
