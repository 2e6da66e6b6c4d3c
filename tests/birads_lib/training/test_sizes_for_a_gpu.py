"""The study for a graphics card: its networks can be built, and take a step."""

import keras
import numpy as np
import yaml

from birads_lib.networks.hybrid import build_model
from birads_lib.task import MALIGNANCY
from birads_lib.training.settings import Settings
from helpers.project import ROOT

GIVEN = yaml.safe_load((ROOT / "config" / "transfer_gpu.yaml").read_text())["notebooks"]
SIDE = 32  # in place of its 224: the layers are the same


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
