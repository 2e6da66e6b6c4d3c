"""Each network of the study for a graphics card takes a step of both stages, on tiny images."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import category_groups, splits
from birads_lib.training.fold import Trainer
from birads_lib.training.settings import Settings
from press.paths import CONFIG
from press.studies.parameters import declared_parameters
from press.studies.study import load

SIDE = 32
STUDY = load(CONFIG / "backbones_gpu.yaml")


@pytest.mark.parametrize("variant", STUDY.variants)
def test_a_network_is_built_and_takes_a_step_of_each_stage(variant, tmp_path):
    number = np.arange(16) // 2
    table = pd.DataFrame({"birads": np.where(number >= 4, 5, 2)}).astype({"birads": "Int64"})
    table["image_id"] = [f"s{k}" for k in range(16)]
    table["patient_id"] = [f"p{k}" for k in number]
    table = category_groups.in_groups(table, [2], [5])
    task = category_groups.label_set(table)
    values = declared_parameters("21_training") | STUDY.values("21_training", variant, "patient")
    given = {k: v for k, v in values.items() if k in Settings.model_fields}
    few = {"weights": "none", "views": 1, "stage1_epochs": 1, "stage2_epochs": 1}
    settings = Settings(**given | few, image_size=SIDE)
    images = np.random.default_rng(0).integers(0, 256, (16, SIDE, SIDE), np.uint8)
    parts = splits.assign_parts(table, "patient", 2, 0, 0, task=task)
    trainer = Trainer(images, table, settings, task=task, save_models=False, progress=len)
    rows = trainer.train_fold(parts, tmp_path)
    np.testing.assert_allclose(rows[["p1", "p2"]].sum(axis=1), 1, atol=1e-5)
