"""The study for a graphics card: its networks can be built, and take a step."""

import keras
import numpy as np
import yaml

from birads_lib.networks.captions import DENSITY_TEXTS, Captions
from birads_lib.networks.hybrid import build_model
from birads_lib.networks.local_views import asker, build_windows
from birads_lib.task import DENSITY, MALIGNANCY
from birads_lib.training import image_text
from birads_lib.training.local_views import focal_loss
from birads_lib.training.settings import Settings
from helpers.project import ROOT

GIVEN = yaml.safe_load((ROOT / "config" / "transfer_gpu.yaml").read_text())["notebooks"]
WINDOWS = yaml.safe_load((ROOT / "config" / "relevance_gpu.yaml").read_text())["notebooks"]
TEXTS = yaml.safe_load((ROOT / "config" / "density_gpu.yaml").read_text())["notebooks"]
SIDE = 32  # in place of its 224: the layers are the same


def rescaling(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)]


def test_its_network_takes_a_step():
    asked = GIVEN["32_double_transfer"]
    taken = {name: value for name, value in asked.items() if name in Settings.model_fields}
    settings = Settings(
        weights="none", image_size=SIDE, encoder_layers=0, loss="cross_entropy", **taken
    )
    keras.utils.set_random_seed(0)
    model = build_model(settings, MALIGNANCY)
    assert model.get_layer("trunk").count_params() > 22_000_000
    rate = asked["target_rate"]
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", run_eagerly=True)
    x = np.random.default_rng(0).integers(0, 255, (2, SIDE, SIDE, 1)).astype("uint8")
    kernel = model.get_layer("trunk").get_layer("conv5_block3_2_conv")
    before = kernel.get_weights()[0]
    assert np.isfinite(model.train_on_batch(x, np.array([0, 1])))
    moved = np.abs(kernel.get_weights()[0] - before)
    assert 0 < moved.max() < 2 * rate  # Adam's first step is as long as the rate


def test_the_network_of_windows_takes_a_step_and_answers():
    asked = WINDOWS["41_local_views"]
    taken = {name: value for name, value in asked.items() if name in Settings.model_fields}
    settings = Settings(image_size=SIDE, **taken | {"weights": "none"})
    keras.utils.set_random_seed(0)
    model = build_windows(settings)
    trunk = model.get_layer("trunk")
    assert trunk.outputs[0].shape[-1] == 1280  # as the paper's
    assert not rescaling(trunk)  # it is done once, in the preparation
    own = keras.applications.EfficientNetV2S(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
    )
    image = np.array([0.0, 64.0, 255.0], "float32").reshape(1, 1, 1, 3)
    np.testing.assert_allclose(
        rescaling(model.get_layer("preparation"))[0](image), rescaling(own)[0](image), atol=1e-6
    )
    model.compile(keras.optimizers.Adam(asked["rate"]), focal_loss(), run_eagerly=True)
    x = np.random.default_rng(0).integers(0, 255, (2, SIDE, SIDE, 1)).astype("uint8")
    before = trunk.get_layer("stem_conv").get_weights()[0]
    assert np.isfinite(model.train_on_batch(x, np.eye(4, dtype="float32")[:2]))
    moved = np.abs(trunk.get_layer("stem_conv").get_weights()[0] - before)
    assert 0 < moved.max() < 2 * asked["rate"]
    assert [part.shape for part in asker(model)(x[..., 0])] == [(2, 1280), (2, 4)]


def test_the_papers_windows_are_in_the_study_for_a_gpu():
    chosen = WINDOWS["42_correlax"]
    assert (chosen["window"], chosen["stride"], chosen["masks"]) == (256, 32, 1280)
    assert {k: WINDOWS["41_local_views"][k] for k in ("window", "stride")} == {
        k: chosen[k] for k in ("window", "stride")
    }


def test_both_encoders_of_density_take_a_step(monkeypatch):
    asked, compiled = TEXTS["52_image_and_text"], keras.Model.compile
    monkeypatch.setattr(  # to compile a graph takes longer than its one step
        keras.Model, "compile", lambda model, *how: compiled(model, *how, run_eagerly=True)
    )
    taken = {n: v for n, v in asked.items() if n in image_text.Settings.model_fields}
    settings = image_text.Settings(**taken | {"epochs": 1, "batch_size": 4})
    x = np.random.default_rng(0).integers(0, 255, (4, SIDE, SIDE)).astype("uint8")
    captions = Captions.of(DENSITY_TEXTS, DENSITY)
    inputs, build = image_text.prepared(x, asked["backbone"], "none", settings)
    trunk = build()
    assert trunk.count_params() > 23_000_000
    (inner,) = [layer for layer in trunk.layers if isinstance(layer, keras.Model)]
    kernel = inner.get_layer("conv5_block3_2_conv")
    before = kernel.get_weights()[0]
    trained = image_text.train(
        "label_aware", inputs, np.arange(4), captions, settings, 0, trunk=trunk
    )
    assert np.isfinite(trained.losses).all()
    moved = np.abs(kernel.get_weights()[0] - before)
    assert 0 < moved.max() < 2 * asked["rate"]
    assert image_text.scores(trained, inputs, captions).shape == (4, 4)
