"""The dual encoder: unit vectors, similarities and temperature by hand; captions; a local model."""

import contextlib
import json
import sys
import types

import keras
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import image_text
from birads_lib.networks.captions import DENSITY_TEXTS, HELD_OUT_TEXTS, Captions
from birads_lib.task import DENSITY
from helpers.tiny_network import tiny_resnet

CAPTIONS = Captions.of(DENSITY_TEXTS, DENSITY)


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk(tmp_path_factory):
    with tiny_resnet(tmp_path_factory.mktemp("weights") / "tiny.weights.h5"):
        yield


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    texts = image_text.text_encoder(len(CAPTIONS.words), CAPTIONS.length, 5)
    return image_text.dual_encoder(image_text.projection(7, 5), texts)


def inputs(n=3):
    features = np.random.default_rng(1).normal(size=(n, 7)).astype("float32")
    return features, CAPTIONS.of_labels()


def by_hand(model, features, tokens):
    """Both encoders in NumPy, from the layers' own weights."""
    levelled = model.get_layer("projection").get_layer("levelled")
    gamma, beta = map(numpy, levelled.trainable_variables)
    centred = features - features.mean(1, keepdims=True)
    x = gamma * centred / np.sqrt(features.var(1, keepdims=True) + levelled.epsilon) + beta
    vectors = []
    encoder = model.get_layer("text_encoder")
    words = numpy(encoder.get_layer("words").embeddings)
    t = np.stack([words[row[row > 0]].mean(0) for row in tokens])
    for values, part in ((x, model.get_layer("projection")), (t, encoder)):
        kernel, bias = part.get_layer("projected").get_weights()
        y = values @ kernel + bias
        vectors.append(y / np.linalg.norm(y, axis=1, keepdims=True))
    return vectors[0] @ vectors[1].T / 0.07


def test_similarities_are_those_of_numpy(model):
    features, tokens = inputs()
    ours = numpy(model([features, tokens]))
    assert ours.shape == (3, len(tokens))
    np.testing.assert_allclose(ours, by_hand(model, features, tokens), rtol=2e-4, atol=2e-4)


def test_the_inverse_temperature_begins_at_1_over_0_07_and_is_100_at_most(model):
    layer = model.get_layer("similarity")
    assert layer.scale == pytest.approx(1 / 0.07, rel=1e-6)
    before = numpy(model(inputs()))
    layer.log_scale.assign(np.log(1000.0))
    assert layer.scale == pytest.approx(100, rel=1e-5)
    np.testing.assert_allclose(numpy(model(inputs())), before * 7, rtol=1e-4, atol=1e-4)


def test_a_saved_model_comes_back(model, tmp_path):
    model.save(tmp_path / "dual.keras")
    again = keras.models.load_model(tmp_path / "dual.keras")
    np.testing.assert_allclose(numpy(again(inputs())), numpy(model(inputs())), rtol=1e-6)


def test_an_image_encoder_takes_raw_grey_pixels():
    keras.utils.set_random_seed(0)
    trunk = image_text.image_features("small_resnet", 64, "none")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), dtype=np.uint8)
    assert trunk.output_shape == (None, 12)
    grey = pixels.astype("float32") - np.array([103.939, 116.779, 123.68], "float32")
    maps = numpy(trunk.get_layer("small_resnet")(grey, training=False))
    np.testing.assert_allclose(numpy(trunk(pixels)), maps.mean((1, 2)), rtol=1e-4, atol=1e-5)


# Captions


@pytest.mark.one_backend
def test_words_have_numbers_and_texts_are_padded():
    captions = Captions.of({label: [f"text {label}", "more"] for label in "ABCD"}, DENSITY)
    assert captions.words == ("a", "b", "c", "d", "more", "text")
    assert captions.tokens(["Text, B!", "unheard more text and more"]).tolist() == [[7, 3], [1, 6]]
    assert captions.of_labels()[:2].tolist() == [[7, 2], [6, 0]]
    assert captions.owners().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.one_backend
def test_held_out_texts_are_new_sentences_of_mostly_known_words():
    held = CAPTIONS.saying(HELD_OUT_TEXTS, DENSITY)
    assert held.words == CAPTIONS.words
    assert held.length == CAPTIONS.length
    for label, texts in HELD_OUT_TEXTS.items():
        assert not {*texts} & {*DENSITY_TEXTS[label]}
        tokens = held.tokens(texts)
        assert (tokens == 1).sum() <= 1 < (tokens > 1).sum()


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"A": ["fat"], "B": ["some"], "C": []}, "no text for C, D"),
        ({label: ["x"] for label in "ABCDE"}, "E is no label"),
        ({"A": ["x"], "B": ["x"], "C": ["x"], "D": ["--"]}, "'--' is no text with words"),
    ],
)
def test_captions_with_a_label_missing_are_refused(texts, message):
    with pytest.raises(UserError, match=message + ".*; expected a list of texts for each of A, B"):
        Captions.of(texts, DENSITY)


# A model of open_clip


def folder(path):
    config = {"model_cfg": {}, "preprocess_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}}
    (path / image_text.OPEN_CLIP).write_text(json.dumps(config))
    (path / image_text.OPEN_CLIP_WEIGHTS[0]).write_bytes(b"weights")
    return path


@pytest.mark.one_backend
def test_a_folder_without_the_model_says_what_belongs_there(tmp_path):
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match=r"is no folder with open_clip_config\.json and"):
            image_text.open_clip_encoders(place)


@pytest.mark.one_backend
def test_without_its_package_a_model_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(UserError, match="run `uv pip install open_clip_torch`"):
        image_text.open_clip_encoders(folder(tmp_path))


class _Tensor(np.ndarray):
    """As much of a tensor as is asked for."""

    detach = cpu = lambda self: self
    numpy = lambda self: np.asarray(self)  # noqa: E731


@pytest.mark.one_backend
def test_encoders_of_a_folder_give_unit_vectors(tmp_path, monkeypatch):
    asked = {}

    class Model:
        def eval(self):
            asked["eval"] = True

        def encode_image(self, batch):
            return np.array([[3.0, 4.0 * batch.mean()]]).view(_Tensor)

        def encode_text(self, tokens):
            return np.array([[len(t), 0.0] for t in tokens]).view(_Tensor)

    def create(name, pretrained, **given):
        asked.update(given, pretrained=pretrained)
        return Model(), None, lambda image: np.asarray(image)[:1, :1] / 255

    library = types.SimpleNamespace(
        factory=types.SimpleNamespace(_MODEL_CONFIGS={}),
        create_model_and_transforms=create,
        get_tokenizer=lambda name: list,
    )
    monkeypatch.setitem(sys.modules, "open_clip", library)
    torch = types.SimpleNamespace(no_grad=contextlib.nullcontext)
    monkeypatch.setitem(sys.modules, "torch", torch)
    encoders = image_text.open_clip_encoders(folder(tmp_path))
    np.testing.assert_allclose(encoders.texts(["ab", "c"]), [[1, 0], [1, 0]])
    pixels = np.full((2, 4, 4), 255, np.uint8)
    np.testing.assert_allclose(encoders.images(pixels), [[0.6, 0.8]] * 2)
    assert asked["image_mean"] == [0, 0, 0]
    assert asked["eval"]
    assert asked["pretrained"].endswith("open_clip_pytorch_model.bin")


@pytest.mark.parametrize("arm", ["dual", "softmax"])
def test_as_one_classifier_it_gives_the_same_answers(arm):
    keras.utils.set_random_seed(0)
    features = image_text.image_features("small_resnet", 64, "phantoms")
    images = image_text.projection(12, 5)
    texts = image_text.text_encoder(len(CAPTIONS.words), CAPTIONS.length, 5)
    made = image_text.dual_encoder(images, texts) if arm == "dual" else None
    made = made or image_text.softmax_head(images, 4)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), dtype=np.uint8)
    pooled = numpy(features(pixels))
    tokens, owners = CAPTIONS.of_labels(), CAPTIONS.owners()
    scores = numpy(made([pooled, tokens] if arm == "dual" else pooled))
    if arm == "dual":
        scores = np.stack([scores[:, owners == k].mean(1) for k in range(4)], axis=1)
    expected = np.exp(scores - scores.max(1, keepdims=True))
    whole = image_text.as_classifier(made, CAPTIONS, "small_resnet", "phantoms", 64)
    found = numpy(whole(pixels))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-4)
