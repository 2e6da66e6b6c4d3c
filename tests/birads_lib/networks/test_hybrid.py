"""The hybrid's shapes, parts, trainable sets and settings."""

import keras
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import backbones
from birads_lib.networks.cut import cut
from birads_lib.networks.hybrid import (
    Augmentation,
    build_head,
    build_model,
    build_preparation,
    build_trunk,
    set_trainable,
    with_embeddings,
)
from birads_lib.training.settings import Settings
from helpers.tiny_network import SIZE, TINY, tiny_resnet


def tiny(**changes) -> Settings:
    return Settings(**TINY | changes)


def grey(n: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, SIZE, SIZE), dtype="uint8")


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def model():
    """Of six convolutions; what a test changes of it are flags that each such test sets."""
    keras.utils.set_random_seed(0)
    with tiny_resnet():
        return build_model(tiny())


@pytest.fixture
def tiny_trunk():
    with tiny_resnet():
        yield


def test_raw_grey_in_probabilities_out(model):
    flat, with_channel = numpy(model(grey())), numpy(model(grey()[..., None]))
    assert flat.shape == (3, 5)
    np.testing.assert_allclose(flat.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(flat, with_channel)


def test_augmentation_is_active_only_in_training(model):
    inference, by_default = numpy(model(grey(), training=False)), numpy(model(grey()))
    np.testing.assert_array_equal(inference, by_default)
    preparation = model.get_layer("preparation")
    still, moved = (numpy(preparation(grey(), training=t)) for t in (False, True))
    assert np.abs(still - moved).max() > 1


def test_a_saved_model_is_the_same_model(model, tmp_path):
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(copy(grey())), numpy(model(grey())), atol=1e-6)
    assert copy.get_layer("preparation").get_layer("augmentation").config["rotation"] == 10.0


def test_embeddings_are_what_the_last_layer_sees(model):
    probabilities, embeddings = map(numpy, with_embeddings(model)(grey()))
    last = model.get_layer("head").get_layer("probabilities")
    logits = embeddings @ numpy(last.kernel) + numpy(last.bias)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities, numpy(model(grey())), atol=1e-6)


def test_preparation_is_caffes():
    image = grey()
    prepared = numpy(build_preparation(tiny())(image))  # (n, h, w, 3), blue green red
    expected = image[..., None].astype("float32") - np.float32([103.939, 116.779, 123.68])
    np.testing.assert_allclose(prepared, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("densenet121", "torch"),
        ("efficientnetb0", "torch"),
        ("resnet101", "caffe"),
        ("small_resnet", "caffe"),
    ],
)
def test_normalisation_is_keras_applications_own(name, mode):
    image = np.repeat(grey()[..., None], 3, axis=-1).astype("float32")
    module = {"torch": keras.applications.densenet, "caffe": keras.applications.resnet}[mode]
    layer = backbones.normalisation(name)
    expected = module.preprocess_input(image.copy())
    np.testing.assert_allclose(numpy(layer(image)), expected, atol=1e-3)


def test_each_backbone_names_its_normalisation_and_an_unknown_one_has_none():
    assert {b.normalisation for b in backbones.BACKBONES.values()} <= {*backbones.NORMALISATIONS}
    with pytest.raises(UserError, match="backbone: 'resnet' is unknown; did you mean"):
        backbones.normalisation("resnet")


def test_flip_and_rotation_are_drawn_apart_and_seeded():
    ramp = np.tile(np.arange(32, dtype="float32"), (64, 32, 1))[..., None]  # brighter to the right
    views = [numpy(Augmentation(True, 10.0, seed=5)(ramp, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*views)
    centre = views[0][:, 12:20, 12:20, 0]
    flipped = centre[..., -1].mean(axis=1) < centre[..., 0].mean(axis=1)
    turned = centre[:, -1].mean(axis=1) < centre[:, 0].mean(axis=1)
    pairs = {(bool(f), bool(t)) for f, t in zip(flipped, turned ^ flipped, strict=True)}
    assert len(pairs) == 4  # either way of turning, flipped or not


def test_black_and_nearest_fill_differ():
    white = np.full((4, 32, 32, 1), 255, "float32")
    black, nearest = (
        numpy(Augmentation(False, 40.0, fill, seed=1)(white, training=True))
        for fill in ("black", "nearest")
    )
    assert black.min() == 0
    assert nearest.min() > 254


@pytest.mark.one_backend  # sizes of maps
def test_several_taps_become_tokens_on_the_coarsest_grid():
    trunk = build_trunk(tiny(taps=("conv3_block2_out", "conv4_block2_out", "last")))
    assert [o.shape[1:] for o in trunk.outputs] == [(2, 2, 48), (2, 2, 96), (2, 2, 128)]
    head = build_head(tiny(), trunk)
    assert head.get_layer("positions").vectors.shape == (1, 12, 16)


def test_pooled_taps_are_averages(tiny_trunk):
    settings = tiny(taps=("conv2_block1_out", "last"))
    trunk = build_trunk(settings)
    x = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 3)).astype("float32")
    full = keras.Model(trunk.input, trunk.get_layer("conv2_block1_out").output)
    fine = numpy(full(x)).reshape(2, 4, 4, 4, 4, 8)  # (n, row, in row, column, in column, c)
    np.testing.assert_allclose(numpy(trunk(x)[0]), fine.mean(axis=(2, 4)), rtol=1e-4, atol=1e-5)


@pytest.mark.one_backend  # sizes of maps
def test_taps_of_odd_sizes_share_a_grid():
    trunk = build_trunk(tiny(image_size=72, taps=("conv3_block2_out", "last")))
    assert [o.shape[1:3] for o in trunk.outputs] == [(3, 3), (3, 3)]  # from 9 and 3


def test_an_encoder_layer_is_the_textbooks(model):
    """One post-norm layer in NumPy, from the Keras layer's own weights."""
    head, rng = model.get_layer("head"), np.random.default_rng(0)
    names = ["attention", "norm1", "expand", "contract", "norm2"]
    attention, norm1, expand, contract, norm2 = (head.get_layer(f"encoder1_{n}") for n in names)
    encoder = keras.Model(attention.input[0], norm2.output)
    x = rng.normal(size=(2, 16, 16)).astype("float32")  # (n, tokens, embed)

    def normed(values, layer):
        centred = values - values.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(values.var(axis=-1, keepdims=True) + 1e-6)
        return scaled * numpy(layer.gamma) + numpy(layer.beta)

    wq, bq, wk, bk, wv, bv, wo, bo = (numpy(w) for w in attention.weights)
    q, k, v = (
        np.einsum("nte,ehd->nhtd", x, w) + b[:, None] for w, b in ((wq, bq), (wk, bk), (wv, bv))
    )
    scores = np.einsum("nhtd,nhsd->nhts", q, k) / np.sqrt(8)
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    attended = np.einsum("nhts,nhsd,hde->nte", weights, v, wo) + bo
    y = normed(x + attended, norm1)
    z = y @ numpy(expand.kernel) + numpy(expand.bias)
    z = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    expected = normed(y + z @ numpy(contract.kernel) + numpy(contract.bias), norm2)
    np.testing.assert_allclose(numpy(encoder(x)), expected, atol=1e-4)


def test_no_encoder_is_the_papers_baseline(tiny_trunk):
    head = build_model(tiny(encoder_layers=0)).get_layer("head")
    kinds = [type(layer).__name__ for layer in head.layers]
    assert kinds[1:] == ["GlobalAveragePooling2D", "Dense", "Dropout", "Dense", "Dropout", "Dense"]


def trained(model) -> list[str]:
    trunk = model.get_layer("trunk")
    return [layer.name for layer in trunk.layers if layer.trainable_weights]


def test_stage_1_trains_the_head_alone(model):
    set_trainable(model, tiny(), stage=1)
    assert trained(model) == []
    assert len(model.trainable_weights) == len(model.get_layer("head").trainable_weights) > 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"unfrozen_layers": 9},
            ["conv3_block1_1_conv", "conv3_block1_0_conv", "conv3_block1_2_conv"],
        ),
        ({"unfrozen_layers": 2, "unfrozen_unit": "convolutions"}, 2),
        ({"unfrozen_layers": 0}, []),
        ({"unfrozen_layers": 0, "unfrozen_unit": "convolutions"}, []),
        ({"unfrozen_layers": 10_000, "unfreeze_batchnorm": True}, 6 * 2),
        ({"unfrozen_layers": 10_000, "unfreeze_batchnorm": False}, 6),
    ],
)
def test_stage_2_trains_the_last_layers_too(model, changes, expected):
    set_trainable(model, tiny(**changes), stage=2)
    names = trained(model)
    if isinstance(expected, int):
        assert len(names) == expected
    else:
        assert sorted(names) == sorted(expected)


def test_frozen_batchnorms_keep_their_statistics_in_training(tiny_trunk):
    model = build_model(tiny(unfrozen_layers=10_000))
    set_trainable(model, tiny(unfrozen_layers=10_000), stage=2)
    norm = model.get_layer("trunk").get_layer("conv2_block1_1_bn")
    before = numpy(norm.moving_mean).copy()
    model(grey(), training=True)
    np.testing.assert_array_equal(numpy(norm.moving_mean), before)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize(
    "changes",
    [
        {"unfrozen_layers": 12},
        {"unfrozen_layers": 13},  # across a block
        {"unfrozen_layers": 10_000},
        {"taps": ("conv1_relu", "conv2_block1_out", "last"), "unfrozen_layers": 12},
        {"encoder_layers": 0},
        {"precision": "bfloat16", "unfrozen_layers": 12},
    ],
)
def test_a_cut_model_is_the_same_model(tiny_trunk, changes, stage):
    settings = tiny(**changes)
    model = build_model(settings)
    set_trainable(model, settings, stage)
    frozen, tail = cut(model)
    features = frozen(model.get_layer("preparation")(grey()))
    np.testing.assert_allclose(numpy(tail(features)), numpy(model(grey())), atol=1e-6)
    assert frozen.trainable_weights == []
    assert {id(w) for w in tail.trainable_weights} == {id(w) for w in model.trainable_weights}


def test_in_bfloat16_the_trunk_alone_computes_and_nothing_is_kept_in_it(model, tiny_trunk):
    settings = tiny(precision="bfloat16")
    half = build_model(settings)
    half.set_weights(model.get_weights())
    assert keras.config.dtype_policy().name == "float32"  # of whatever is built next
    layers = {name: half.get_layer(name) for name in ("preparation", "trunk", "head")}
    assert {layer.compute_dtype for layer in layers["head"].layers} == {"float32"}
    convolutions = [x for x in layers["trunk"].layers if isinstance(x, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert {v.dtype for v in half.trainable_variables} == {"float32"}
    assert {output.dtype for output in layers["trunk"].outputs} == {"float32"}
    prepared = model.get_layer("preparation")(grey())
    exact, rounded = (numpy(m.get_layer("trunk")(prepared)) for m in (model, half))
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.02  # each of six layers keeps 8 bits of a number: 2**-9, often


def test_a_network_follows_the_dtype_policy_of_a_script_as_a_whole(tiny_trunk):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        built = build_model(tiny())
    finally:
        keras.config.set_dtype_policy("float32")
    parts = [built.get_layer(name) for name in ("trunk", "head")]
    kinds = keras.layers.Conv2D | keras.layers.Dense
    wide = [x for part in parts for x in part.layers if isinstance(x, kinds)]
    assert {layer.compute_dtype for layer in wide} == {"bfloat16"}
    assert {layer.variable_dtype for layer in wide} == {"float32"}


@pytest.mark.one_backend  # what is built
def test_small_resnet_is_small_and_named():
    trunk = backbones.build("small_resnet", 64, "none")
    assert trunk.count_params() < 700_000
    assert trunk.output_shape == (None, 2, 2, 128)
    assert trunk.get_layer("conv3_block2_out").output.shape[1:] == (8, 8, 48)


@pytest.mark.one_backend  # what a layer is called
def test_the_stages_in_the_table_are_layers_of_the_trunk():
    for name, row in backbones.BACKBONES.items():
        if row.stages:
            backbones.check_taps(backbones.build(name, 64, "none"), name, row.stages)


def test_an_unknown_tap_stops_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'conv4_block2_out'"):
        build_trunk(tiny(taps=("conv4_block2_ou",)))


def test_settings_list_all_problems_at_once():
    wrong = {
        "dal_lamda": 1.0,
        "heads": 0,
        "dropout_1": float("nan"),
        "augment": 1,
        "batch_size": True,
        "backbone": "resnet5",
        "taps": [],
        "rotation": "10",
    }
    with pytest.raises(UserError) as caught:
        Settings(**wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(wrong)
    assert "unknown 'dal_lamda'; did you mean 'dal_lambda'?" in lines
    assert any("did you mean 'resnet50'" in line for line in lines)


def test_settings_take_what_yaml_gives():
    settings = Settings(**{"taps": ["last"], "dal_lambda": 2})
    assert settings.taps == ("last",)
    assert settings == Settings(dal_lambda=2)


@pytest.mark.parametrize("wrong", [{"heads": 3}, {"stage1_epochs": 0, "stage2_epochs": 0}])
def test_settings_that_contradict_each_other(wrong):
    with pytest.raises(UserError, match="|".join(wrong)):
        Settings(**wrong)
