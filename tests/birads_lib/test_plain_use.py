"""The library in a plain Keras script: no study, no Snakemake, no papermill, no press."""

import os
import subprocess

from helpers.forking.start import RUN_MODULE
from press.paths import ROOT

SCRIPT = """
import sys

def is_absent(name):
    return name.split(".")[0] in ("press", "snakemake", "papermill")

class Absent:
    def find_spec(self, name, path=None, target=None):
        if is_absent(name):
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Absent())
for name in filter(is_absent, list(sys.modules)):  # a fork has them already
    del sys.modules[name]

import keras
import numpy as np

from birads_lib.images import preprocess
from birads_lib.losses import DistanceAwareLoss
from birads_lib.networks import hybrid
from birads_lib.training import Settings

rng = np.random.default_rng(0)
scans = [rng.integers(0, 256, (90, 70), dtype="uint8") for _ in range(8)]
images = np.stack([preprocess(scan, image_size=64) for scan in scans])[..., None]
labels = np.arange(8) % 5
settings = Settings(
    backbone="small_resnet", weights="phantoms", image_size=64, encoder_layers=0,
    taps=["conv3_block2_out"], dense_1=16, dense_2=8,
)
model = hybrid.build_model(settings)
hybrid.set_trainable(model, settings, stage=1)
model.compile(keras.optimizers.Adam(1e-3), DistanceAwareLoss(), metrics=["accuracy"])
history = model.fit(images, labels, batch_size=4, epochs=2, verbose=0).history
assert np.isfinite(history["loss"]).all()
assert model.predict(images, verbose=0).shape == (8, 5)
print("done")
"""


def test_loss_network_and_images_work_in_a_plain_keras_loop(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*RUN_MODULE.split(), "script"], cwd=tmp_path, env=os.environ | environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
