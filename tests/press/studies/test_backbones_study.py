"""The studies of two families of networks: what they set, and what stops them."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import category_groups, predictions, splits
from birads_lib.errors import UserError
from birads_lib.networks import backbones
from birads_lib.scores import repeated_folds
from birads_lib.training.frozen import regress_run
from birads_lib.training.settings import Settings
from press.execution import preflight
from press.paths import CONFIG
from press.rendering import staging
from press.studies.parameters import declared_parameters
from press.studies.study import load

SIDE = 32
TITLES = ("backbones", "backbones_gpu", "backbones_inbreast", "smoke_backbones")


def slices(patients: int = 12, of_high: int = 4, each: int = 2) -> pd.DataFrame:
    """Slices of some patients, of whom the last ones are of the upper group."""
    number = np.repeat(np.arange(patients), each)
    table = pd.DataFrame({"birads": np.where(number >= patients - of_high, 5, 2)})
    table["image_id"] = [f"s{k}" for k in range(len(table))]
    table["patient_id"] = [f"p{k}" for k in number]
    return category_groups.in_groups(table.astype({"birads": "Int64"}), [2], [5])


def settings_of(study: str, variant: str, **changes) -> Settings:
    values = declared_parameters("21_training")
    values = values | load(CONFIG / f"{study}.yaml").values("21_training", variant, "patient")
    given = {k: v for k, v in values.items() if k in Settings.model_fields}
    return Settings(**given | {"image_size": SIDE} | changes)


@pytest.mark.parametrize("name", TITLES)
def test_each_study_names_a_family_for_each_network_and_times_it(name):
    study = load(CONFIG / f"{name}.yaml")
    for notebook in ("21_backbones", "22_speed_and_accuracy"):
        families = {**declared_parameters(notebook), **study.values(notebook)}["families"]
        assert set(families) >= set(study.variants)
    timed = {**declared_parameters("22_latency"), **study.values("22_latency")}["trained"]
    assert timed == list(study.variants)
    for variant in study.variants:
        values = study.values("21_training", variant, "patient")
        assert values["backbone"] == variant  # times are found by the backbone's name
        settings_of(name, variant)


def test_the_papers_networks_are_in_the_study_for_a_gpu():
    papers = ["resnet50", "resnet101", *(f"efficientnetb{n}" for n in range(5))]
    assert list(load(CONFIG / "backbones_gpu.yaml").variants) == papers
    timed = declared_parameters("22_latency")
    names = [f"resnet{name}" for name in timed["resnets"]]
    assert names + [f"efficientnet{name}" for name in timed["efficientnets"]] == papers


def test_regions_are_dealt_out_in_these_studies_alone(tmp_path):
    text = (CONFIG / "backbones.yaml").read_text()
    assert "region" in load(CONFIG / "backbones.yaml").protocols
    other = tmp_path / "other.yaml"
    other.write_text(
        text.replace("chapters: backbones\n", "").replace("name: backbones", "name: o")
    )
    with pytest.raises(UserError, match="'protocols' has 'region'"):
        load(other)


@pytest.mark.parametrize(
    ("patients", "of_high", "message"),
    [
        (12, 4, "BI-RADS 5 has 4 patients; 5 folds need at least 5, .*: set folds to 4 or less"),
        (8, 1, "BI-RADS 5 has 1 patients; 5 folds need at least 5, .*: bring more, or leave them"),
    ],
)
def test_fewer_patients_than_folds_stop(patients, of_high, message):
    table = slices(patients, of_high)
    with pytest.raises(UserError, match=message) as error:
        splits.deal(table, "patient", 5, [0], task=category_groups.label_set(table))
    assert len(str(error.value).splitlines()) == 1


def test_weights_of_another_network_stop_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "check", lambda study: None)
    file = tmp_path / "other.weights.h5"
    backbones.build("small_mbconv", SIDE, "none").save_weights(file)
    text = (CONFIG / "smoke_backbones.yaml").read_text()
    text = text.replace("name: smoke_backbones", "name: other_weights")
    text = text.replace(
        "backbone: small_resnet, weights: none", f"backbone: small_resnet, weights: {file}"
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        preflight.check(load(path))
    lines = [line for line in str(error.value).splitlines() if line.startswith("weights")]
    assert len(lines) == 1
    assert "doesn't fit the backbone small_resnet; choose" in lines[0]


def test_a_regression_grades_each_test_slice_once_for_each_seed(tmp_path):
    table = slices(16, 8)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (len(table), SIDE, SIDE), np.uint8)
    images[(table["birads"] == 5).to_numpy()] += 150  # which any features show
    task = category_groups.label_set(table)
    given = {"backbone": "small_resnet", "weights": "phantoms", "augment": False}
    settings = Settings(**given, image_size=SIDE)
    parts = splits.deal(table, "patient", 4, [0, 1], task=task)
    names = {"variant": "small_resnet", "protocol": "patient"}
    path = regress_run(
        images, table, settings, parts, tmp_path, names, task=task, cache=tmp_path / "cache",
        progress=len,
    )  # fmt: skip
    every = predictions.read(path, task)
    rows = predictions.out_of_fold(every)
    assert len(rows) == 2 * len(table)
    assert not rows.duplicated(["image_id", "seed"]).any()
    assert ((rows["p2"] > 0.5) == (rows["y_true"] == 2)).mean() > 0.9
    dealt = pd.concat(
        part.query("part == 'test'").assign(seed=s, fold=f) for (s, f), part in parts.items()
    )
    key = ["image_id", "seed", "fold"]
    assert set(map(tuple, rows[key].to_numpy())) == set(map(tuple, dealt[key].to_numpy()))
    trained = sum(part.query("part == 'train'")["row"].nunique() for part in parts.values())
    assert repeated_folds.tested_per_trained(every) == pytest.approx(2 * len(table) / trained)
