"""Grad-CAM against hand, finite differences and tf-keras-vis; attention and randomisation."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from scipy.stats import spearmanr

from birads_lib.errors import UserError
from birads_lib.explain import grad_cam as explain
from birads_lib.explain import randomisation
from birads_lib.networks.hybrid import build_model
from birads_lib.training.settings import Settings
from helpers.tiny_network import TINY, tiny_resnet

SIZE = 32
TAP, DEEPEST = "conv2_block1_out", "conv3_block1_out"  # 8 x 8 cells of 8 channels; 2 x 2 cells


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk():
    with tiny_resnet():
        yield


def grey(n: int = 3, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size), dtype="uint8")


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def hybrid(**changes) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(Settings(**TINY | {"image_size": SIZE} | changes))


@pytest.fixture(scope="module")
def model():
    return hybrid()


@pytest.fixture(scope="module")
def plain():
    """Without an encoder, which is most of what a gradient is compiled of."""
    return hybrid(encoder_layers=0)


@pytest.fixture(scope="module")
def two_taps():
    return hybrid(taps=(TAP, "last"))


@pytest.fixture(scope="module")
def linear():
    """Convolution, mean, dense: Grad-CAM is then Zhou's CAM, which can be had by hand."""
    keras.utils.set_random_seed(2)
    image = keras.Input((8, 8, 1), dtype="uint8")
    cast = keras.ops.cast(image, "float32")
    preparation = keras.Model(image, layers.Rescaling(1 / 255)(cast), name="preparation")
    x = keras.Input((8, 8, 1))
    trunk = keras.Model(x, layers.Conv2D(3, 2, strides=2, name="conv1_conv")(x), name="trunk")
    maps = keras.Input((4, 4, 3))
    mean = layers.GlobalAveragePooling2D()(maps)
    dense = layers.Dense(5, "softmax", name="probabilities", bias_initializer="normal")
    head = keras.Model(maps, dense(mean), name="head")
    return keras.Model(image, head(trunk(preparation(image))))


def test_on_a_linear_model_it_is_the_class_activation_map(linear):
    images, labels = grey(4, 8), np.array([1, 5, 3, 2])
    kernel, bias = linear.get_layer("trunk").get_layer("conv1_conv").get_weights()
    weights, _ = linear.get_layer("head").get_layer("probabilities").get_weights()
    expected = np.zeros((4, 4, 4))
    for n, label in enumerate(labels):
        for row in range(4):
            for column in range(4):
                patch = images[n, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] / 255
                channels = [(patch * kernel[:, :, 0, k]).sum() + bias[k] for k in range(3)]
                cell = sum(channels[k] * weights[k, label - 1] for k in range(3))
                expected[n, row, column] = max(cell, 0)
        expected[n] /= expected[n].max() or 1
    maps = explain.grad_cam(linear, images, labels)
    np.testing.assert_allclose(maps.values, expected, atol=1e-5)
    np.testing.assert_array_equal(maps.labels, labels)


def scores_above(model, maps: list) -> np.ndarray:
    """Return the scores before softmax from the trunk's maps, by the weights of the last layer."""
    head = model.get_layer("head")
    kernel, bias = head.get_layer("probabilities").get_weights()
    penultimate = keras.Model(head.inputs, head.get_layer("penultimate").output)
    return penultimate.predict_on_batch(maps) @ kernel + bias


def settled(model):
    """Give a model's BatchNorms the statistics of some images, as training does.

    With a fresh network's, activations grow from layer to layer, and rounding with them.
    """
    trunk = model.get_layer("trunk")
    trunk.trainable = True
    for layer in trunk.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    trunk(model.get_layer("preparation")(grey(4)), training=True)
    trunk.trainable = False
    return model


@pytest.mark.parametrize("taps", [("last",), (TAP, "last")])
def test_gradient_by_finite_differences(taps):
    """A channel's weight is how the score moves when that channel rises everywhere."""
    model = settled(hybrid(taps=taps))
    trunk, images = model.get_layer("trunk"), grey(1)
    below = keras.Model(trunk.input, trunk.get_layer(TAP).output)
    above = keras.Model(trunk.get_layer(TAP).output, trunk.get_layer(DEEPEST).output)
    tapped = numpy(below(model.get_layer("preparation")(images)))  # (1, 8, 8, 8)
    maps = explain.grad_cam(model, images, np.array([4]), TAP)

    step = 0.0003 * tapped.std()  # larger: other ReLUs switch; smaller: float32 shows
    moved = [tapped + sign * step * np.eye(8)[:, None, None, :] for sign in (1, -1)]
    scores = []
    for x in moved:  # each (8, 8, 8, 8)
        pooled = x.reshape(8, 2, 4, 2, 4, 8).mean(axis=(2, 4)).astype("float32")
        last = above.predict_on_batch(x.astype("float32"))
        scores.append(scores_above(model, [pooled, last] if len(taps) > 1 else [last])[:, 3])
    weights = (scores[0] - scores[1]) / (2 * step * 64)
    expected = np.maximum((tapped[0] * weights).sum(axis=-1), 0)
    np.testing.assert_allclose(maps.values[0], expected / expected.max(), atol=0.05)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf-keras-vis needs TensorFlow")
@pytest.mark.parametrize("name", [TAP, DEEPEST])
def test_as_tf_keras_vis(model, name):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    images, labels = grey(3), np.array([2, 5, 1])
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    trunk, head = copy.get_layer("trunk"), copy.get_layer("head")
    head.get_layer("probabilities").activation = keras.activations.linear  # ReplaceToLinear
    flat = keras.Model(trunk.input, head(trunk.outputs))
    theirs = Gradcam(flat)(
        CategoricalScore(list(labels - 1)),
        copy.get_layer("preparation")(images),
        penultimate_layer=flat.get_layer(name),
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    top = np.asarray(theirs).max(axis=(1, 2), keepdims=True)
    ours = explain.grad_cam(model, images, labels, name)
    np.testing.assert_allclose(ours.values, theirs / np.where(top > 0, top, 1), atol=1e-4)


def test_probabilities_are_the_models_and_the_predicted_label_is_explained(plain):
    maps = explain.grad_cam(plain, grey())
    np.testing.assert_allclose(maps.probabilities, numpy(plain(grey())), atol=1e-5)
    np.testing.assert_array_equal(maps.labels, maps.probabilities.argmax(axis=1) + 1)
    same = explain.grad_cam(plain, grey(), maps.labels)
    np.testing.assert_allclose(maps.values, same.values, atol=1e-6)


def test_maps_do_not_depend_on_the_batch(plain, monkeypatch):
    images, labels = grey(5), np.arange(1, 6)
    whole = explain.grad_cam(plain, images, labels)
    assert not whole.constant.all()
    monkeypatch.setattr(explain, "BATCH", 2)
    apart = explain.grad_cam(plain, images, labels)
    np.testing.assert_allclose(apart.values, whole.values, atol=1e-4)


def test_maps_lie_in_0_to_1_and_the_largest_is_1(plain):
    values = explain.grad_cam(plain, grey(5), np.arange(1, 6)).values
    assert values.min() >= 0
    assert 1.0 in set(values.max(axis=(1, 2)).round(6)) <= {0.0, 1.0}


def test_a_map_without_gradient_is_zero_and_counts_as_constant(linear):
    copy = keras.models.clone_model(linear)
    last = copy.get_layer("head").get_layer("probabilities")
    last.set_weights([0 * w for w in last.get_weights()])
    maps = explain.grad_cam(copy, grey(2, 8))
    assert not maps.values.any()
    assert maps.constant.all()
    assert np.isnan(explain.sharpness(maps.values)).all()


def test_last_is_the_deepest_layer_also_beside_other_taps(two_taps):
    deepest = explain.grad_cam(two_taps, grey(2), tap=DEEPEST).values
    np.testing.assert_allclose(explain.grad_cam(two_taps, grey(2)).values, deepest, atol=1e-6)
    assert deepest.shape == (2, 2, 2)


def test_taps_by_size_names_the_deepest_layer_of_each(model):
    taps = explain.taps_by_size(model)
    assert list(taps.items())[-2:] == [(TAP, 8), (DEEPEST, 2)]


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tap": "conv2_block1_outt"}, "did you mean 'conv2_block1_out'"),
        ({"labels": np.array([0, 1, 2])}, "labels 1..5"),
        ({"labels": np.array([1])}, "as many labels"),
        ({"images": grey(0)}, "expected images"),
    ],
)
def test_wrong_input_is_named(model, arguments, says):
    with pytest.raises(UserError, match=says.replace("..", r"\.\.")):
        explain.grad_cam(model, **{"images": grey()} | arguments)


@pytest.mark.parametrize("tap", ["last", TAP])
def test_maps_of_a_trunk_in_bfloat16_are_float32_and_like_those_of_float32(plain, tap):
    half = hybrid(precision="bfloat16", encoder_layers=0)
    half.set_weights(plain.get_weights())
    labels = np.arange(1, 6)
    exact, rounded = (explain.grad_cam(m, grey(5), labels, tap) for m in (plain, half))
    assert rounded.values.dtype == rounded.probabilities.dtype == np.float32
    pairs = zip(exact.values[~exact.constant], rounded.values[~exact.constant], strict=True)
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]
    assert len(alike) > 1
    assert min(alike) > 0.95
    assert (rounded.values != exact.values).any()


def test_a_loaded_model_gives_the_same_maps(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = explain.grad_cam(model, grey(2)).values
    np.testing.assert_allclose(explain.grad_cam(loaded, grey(2)).values, expected, atol=1e-4)


def test_attention_received_by_hand():
    """Softmax of query times key, from the layer's own weights, in loops over heads."""
    model = hybrid()
    project = model.get_layer("head").get_layer("project1")
    project.set_weights([w * 1e-3 for w in project.get_weights()])  # or it looks at one place only
    trunk, head = model.get_layer("trunk"), model.get_layer("head")
    layer = head.get_layer("encoder1_attention")
    before = keras.Model(head.inputs, head.get_layer("positions").output)
    x = numpy(before(trunk(model.get_layer("preparation")(grey(2)))))  # (2, 4, 16)
    wq, bq, wk, bk = layer.get_weights()[:4]  # (16, heads, 8), (heads, 8), ...
    expected = np.zeros((2, 4))
    for n in range(2):
        for h in range(2):
            query, key = x[n] @ wq[:, h] + bq[h], x[n] @ wk[:, h] + bk[h]
            rows = np.exp(query @ key.T / np.sqrt(8))
            expected[n] += (rows / rows.sum(axis=1, keepdims=True)).mean(axis=0) / 2
    received = explain.attention(model, grey(2))
    assert 0.02 < received.min() < received.max() < 0.9
    np.testing.assert_allclose(received, expected.reshape(2, 2, 2), atol=1e-5)


def test_attention_of_several_taps_is_added_and_sums_to_one(two_taps):
    received = explain.attention(two_taps, grey(2))
    assert received.shape == (2, 2, 2)
    np.testing.assert_allclose(received.sum(axis=(1, 2)), 1, atol=1e-5)


def test_a_model_without_encoder_has_no_attention(linear):
    assert explain.attention(linear, grey(2, 8)) is None


@pytest.mark.one_backend
def test_each_image_is_explained_by_the_model_of_its_fold(model, two_taps, linear):
    images, of_fold = grey(3), np.array([1, 0, 1])
    models = {0: two_taps, 1: model}
    maps = explain.grad_cam_by_fold(models, images, of_fold)
    attended = explain.attention_by_fold(models, images, of_fold)
    alone = {fold: explain.grad_cam(models[fold], images) for fold in models}
    received = {fold: explain.attention(models[fold], images) for fold in models}
    for row, fold in enumerate(of_fold):
        np.testing.assert_allclose(maps.values[row], alone[fold].values[row], atol=1e-5)
        said = alone[fold].probabilities[row]
        np.testing.assert_allclose(maps.probabilities[row], said, atol=1e-5)
        np.testing.assert_allclose(attended[row], received[fold][row], atol=1e-5)
    assert explain.attention_by_fold({0: linear}, grey(2, 8), np.zeros(2)) is None


@pytest.mark.one_backend
def test_maps_at_layers_that_are_too_fine_are_left_out(plain):
    maps = explain.grad_cam_by_tap(plain, grey(1)[0], most_cells=8)
    assert TAP in maps
    assert max(len(cells) for cells in maps.values()) == 8


@pytest.mark.one_backend
def test_randomisation_goes_through_all_that_is_learnt_from_the_top(model):
    stages = randomisation._stages_from_the_top(model)
    head = ["probabilities", "penultimate", "dense", "encoder1", "positions", "project1"]
    assert [*stages] == [*head, "conv3", "conv2", "conv1"]
    parts = {part: model.get_layer(part).layers for part in ("head", "trunk")}
    learnt = {(part, x.name) for part, layers in parts.items() for x in layers if x.weights}
    assert {place for places in stages.values() for place in places} == learnt


@pytest.mark.one_backend
def test_randomisation_ends_with_a_wholly_fresh_model_and_leaves_the_given_one_alone():
    model = hybrid(encoder_layers=0)
    norm = model.get_layer("trunk").get_layer("conv2_block1_1_bn")
    norm.set_weights([w + 0.5 for w in norm.get_weights()])  # as training would
    before = [w.copy() for w in model.get_weights()]
    table = randomisation.randomisation(model, grey(4), seed=3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

    stages = table.drop_duplicates("step")["layers"].tolist()
    head = ["probabilities", "penultimate", "dense"]
    assert stages == ["none", *head, "conv3", "conv2", "conv1"]
    assert (table.groupby("step")["image"].count() == 4).all()

    trained = explain.grad_cam(model, grey(4))
    itself = np.where(trained.constant, np.nan, 1)
    np.testing.assert_allclose(table.loc[table["step"] == 0, "correlation"], itself)
    keras.utils.set_random_seed(3)
    fresh = explain.grad_cam(keras.models.clone_model(model), grey(4), trained.labels)
    last = table[table["step"] == table["step"].max()]
    assert last["correlation"].notna().any()
    for row, (a, b) in enumerate(zip(trained.values, fresh.values, strict=True)):
        expected = spearmanr(a.ravel(), b.ravel()).statistic
        np.testing.assert_allclose(last["correlation"].iloc[row], expected, atol=1e-4)
    np.testing.assert_array_equal(last["constant"], fresh.constant)


@pytest.mark.one_backend
def test_rank_correlation_as_scipy_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (2, 6, 3, 3)).astype(float)
    a[5] = 1  # constant
    correlations = randomisation.rank_correlation(a, b)
    expected = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a[:5], b, strict=False)]
    np.testing.assert_allclose(correlations[:5], expected)
    assert np.isnan(correlations[5])


@pytest.mark.one_backend
def test_sharpness_of_a_peak_a_flat_map_and_one_by_hand():
    peak = np.zeros((7, 7))
    peak[2, 3] = 1
    ramp = np.arange(49.0).reshape(7, 7)  # the top tenth: 44..48
    shares = explain.sharpness(np.stack([peak, np.ones((7, 7)), ramp]))
    np.testing.assert_allclose(shares, [1, 5 / 49, (44 + 45 + 46 + 47 + 48) / (48 * 49 / 2)])


@pytest.mark.one_backend
@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=16, max_size=16), st.floats(0.1, 10))
def test_sharpness_has_bounds_and_no_scale(cells, scale):
    maps = np.array(cells).reshape(1, 4, 4)
    value = explain.sharpness(maps)
    if maps.max() < 1e-6:
        return
    assert 2 / 16 - 1e-9 <= value[0] <= 1 + 1e-9
    np.testing.assert_allclose(explain.sharpness(maps * scale), value)
