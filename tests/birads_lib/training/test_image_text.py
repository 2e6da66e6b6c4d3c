"""Training of image and text encoders, on features that hold the label."""

import keras
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.losses.contrastive import clip_floor
from birads_lib.networks.captions import DENSITY_TEXTS, HELD_OUT_TEXTS, Captions
from birads_lib.scores.density import ARMS
from birads_lib.task import DENSITY
from birads_lib.training import image_text
from birads_lib.training.image_text import PairBatches, Settings, scores, train
from helpers.tiny_network import without_graphs

CAPTIONS = Captions.of(DENSITY_TEXTS, DENSITY)
SETTINGS = Settings(embed=8, epochs=16, batch_size=16, rate=0.005)


def labelled(n=96, seed=0):
    """Features (n, 6) whose first four tell the label, and the labels 0..3."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 4)
    features = rng.normal(0, 0.3, (n, 6))
    features[np.arange(n), labels] += 2
    return features.astype("float32"), labels


def tiny_trunk():
    """As ``image_text.image_features`` builds one, of a single convolution."""
    image = keras.Input((16, 16, 1), dtype="uint8")
    x = keras.layers.Conv2D(3, 3)(keras.ops.cast(image, "float32"))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_learns_what_features_tell(arm):
    inputs, labels = labelled()
    trained = train(arm, inputs, labels, CAPTIONS, SETTINGS, seed=1)
    others, truth = labelled(seed=9)
    found = scores(trained, others, CAPTIONS)
    assert found.shape == (96, 4)
    assert (found.argmax(1) == truth).mean() > 0.9
    assert trained.losses[-1] < trained.losses[0]
    assert len(trained.losses) == len(trained.floors) == SETTINGS.epochs
    if arm != "softmax":
        held_out = scores(trained, others, CAPTIONS.saying(HELD_OUT_TEXTS, DENSITY))
        assert (held_out.argmax(1) == truth).mean() > 0.7


def test_plain_clip_with_one_text_for_a_label_never_goes_below_its_floor():
    inputs, labels = labelled()
    single = Captions.of({label: texts[:1] for label, texts in DENSITY_TEXTS.items()}, DENSITY)
    trained = train("clip", inputs, labels, single, SETTINGS, seed=1)
    assert (trained.losses >= trained.floors - 1e-4).all()
    assert trained.losses[-1] < (trained.floors[-1] + np.log(16)) / 2  # nearer to it than a guess


@pytest.mark.one_backend
def test_training_is_the_same_with_the_same_seed_and_another_with_another():
    inputs, labels = labelled(48)
    short = Settings(embed=8, epochs=1, batch_size=16)
    with without_graphs():
        same, again, other = (
            scores(train("prompts", inputs, labels, CAPTIONS, short, seed), inputs, CAPTIONS)
            for seed in (1, 1, 2)
        )
    np.testing.assert_array_equal(same, again)
    assert np.abs(same - other).max() > 1e-3


def test_a_trunk_learns_too_where_it_is_asked_to():
    trunk = tiny_trunk()
    before = trunk.get_weights()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), dtype=np.uint8)
    labels = np.arange(8) % 4
    asked = Settings(embed=8, epochs=1, batch_size=8, train_trunk=True)
    with without_graphs():
        trained = train("label_aware", pixels, labels, CAPTIONS, asked, seed=0, trunk=trunk)
        assert scores(trained, pixels, CAPTIONS).shape == (8, 4)
    after = trunk.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_features_are_those_of_the_trunk():
    trunk = tiny_trunk()
    pixels = np.random.default_rng(0).integers(0, 256, (35, 16, 16), dtype=np.uint8)
    found = image_text.features(trunk, pixels)
    np.testing.assert_allclose(found[33:], trunk(pixels[33:, ..., None]), rtol=1e-4, atol=1e-4)


@pytest.mark.one_backend
def test_batches_hold_a_text_of_each_images_label():
    inputs, labels = labelled(40)
    weights = np.arange(40, dtype="float32")
    batches = PairBatches("weighted", inputs, labels, weights, CAPTIONS, 16, (3,))
    assert len(batches) == 2
    (images, tokens), target = batches[1]
    rows = target.astype(int)  # each weight is its row
    np.testing.assert_array_equal(images, inputs[rows])
    texts = CAPTIONS.of_labels().tolist()
    owners = [CAPTIONS.owners()[texts.index(row.tolist())] for row in tokens]
    np.testing.assert_array_equal(owners, labels[rows])
    counts = [np.bincount(labels[batches[i][1].astype(int)]) for i in range(2)]
    assert batches.floors == [pytest.approx(np.mean([clip_floor(c) for c in counts]))]
    batches.on_epoch_end()
    assert not np.array_equal(batches[1][1], target)
    prompted = PairBatches("prompts", inputs, labels, weights, CAPTIONS, 16, (3,))
    (_, tokens), target = prompted[0]
    owners = [CAPTIONS.owners()[texts.index(row.tolist())] for row in tokens]
    assert owners == [0, 1, 2, 3]
    assert set(target) <= {0, 1, 2, 3}


@pytest.mark.one_backend
def test_what_cant_be_trained_is_said():
    inputs, labels = labelled(32)
    with pytest.raises(UserError, match="arm 'clipp' is unknown; did you mean 'clip'"):
        train("clipp", inputs, labels, CAPTIONS, SETTINGS, 0)
    with pytest.raises(UserError, match="no image to train with is of the label of 'the breasts"):
        train("clip", inputs, labels % 3, CAPTIONS, SETTINGS, 0)
    with pytest.raises(UserError, match="8 images to train with don't fill a batch of 16; lower"):
        train("clip", inputs[:8], labels[:8], CAPTIONS, SETTINGS, 0)
    with pytest.raises(UserError, match="epochs"):
        Settings.of({"epochs": 0})
