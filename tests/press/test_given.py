"""Whose machine images and weights lie on is written nowhere that leaves it."""

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from birads_lib.errors import UserError
from birads_lib.networks.backbones import PHANTOM_WEIGHTS
from helpers.project import copy_project, run_in
from press import given
from press.paths import ROOT
from press.study import Study, load

TELLTALE = "share_of_st_elsewhere"
WEIGHTS = f"/home/somebody/{TELLTALE}/nets.weights.h5"
MINE = {"name": "mine", "dataset": {"reader": "class_folders", "folder": f"/mnt/{TELLTALE}/images"}}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A project in which a study on a folder with a telltale name was explored and trained."""
    home = tmp_path_factory.mktemp("given")
    elsewhere = home / TELLTALE
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = elsewhere / "images" / str(number % 5 + 1)
        folder.mkdir(parents=True, exist_ok=True)
        png = cv2.imencode(".png", rng.integers(0, 255, (64, 64), np.uint8))[1].tobytes()
        (folder / f"P{number // 2:02d}_{number}.png").write_bytes(png)
    shutil.copyfile(PHANTOM_WEIGHTS, elsewhere / "nets.weights.h5")
    project = copy_project(home / "project")
    (home / "link").symlink_to(elsewhere)
    dataset = {"reader": "class_folders", "folder": str(elsewhere / "images")}
    training = {"weights": str(elsewhere / "nets.weights.h5"), "folds": 2}
    training |= {"stage1_epochs": 1, "stage2_epochs": 0, "views": 1, "augment": False}
    notebooks = {"02_preprocessing": {"image_size": 32}, "03_training": training}
    keys = {"name": "mine", "dataset": dataset, "protocols": ["image"], "notebooks": notebooks}
    (project / "mine.yaml").write_text(yaml.safe_dump(keys))
    target = "book/mine/03_training-proposed-image.ipynb"
    command = ["snakemake", "--profile", "profiles/local", "--config", "study=mine.yaml"]
    done = run_in(project, *command, "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_no_file_that_a_study_leaves_names_the_folder_of_images_or_of_weights(executed):
    files = [p for name in ("results", "book") for p in (executed / name).rglob("*")]
    files = [path for path in files if path.is_file() and not path.is_symlink()]
    assert any(path.name == "run.json" for path in files)
    assert any(path.name == "03_training-proposed-image.ipynb" for path in files)
    for path in files:
        contents = [path.read_bytes()]
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as model:
                contents += [model.read(name) for name in model.namelist()]
        assert not any(TELLTALE.encode() in content for content in contents), path


def test_a_passport_keeps_name_and_hash_of_the_weights(executed):
    page = executed / "book/mine/03_training-proposed-image.ipynb"
    assert "nets.weights.h5" in page.read_text()
    assert given.images_link(executed / "results/mine").is_symlink()


def test_parameters_name_links_and_no_paths():
    changes = {"wide": {"weights": WEIGHTS}, "near": {"weights": "imagenet"}}
    inside = {"weights": str(ROOT / "results/pre/a.weights.h5")}
    study = Study(**MINE, variants=changes | {"inside": inside})
    link = "results/mine/given/weights/nets.weights.h5"
    assert study.parameters("03_training", "wide", "patient")["weights"] == link
    assert study.parameters("03_training", "near", "patient")["weights"] == "imagenet"
    assert study.parameters("03_training", "inside", "patient")["weights"] == (
        "results/pre/a.weights.h5"
    )
    for notebook in ("01_data_exploration", "03_training", "05_ablations", "11_claims"):
        assert TELLTALE not in str(study.parameters(notebook)), notebook
        assert TELLTALE not in str(study.parameters(notebook, "wide", "patient")), notebook
    assert TELLTALE in str(study.values("01_data_exploration"))


def test_a_point_of_a_sweep_is_not_called_by_a_folder(tmp_path):
    keys = {"name": "mine", "dataset": {"reader": "phantoms"}, "sweep": {"weights": [WEIGHTS]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(keys))
    assert list(load(tmp_path / "mine.yaml").variants) == ["proposed", "weights_netspweightsph5"]


def test_links_are_made_anew_and_two_files_of_one_name_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "ROOT", tmp_path)
    study = Study(**MINE, notebooks={"03_training": {"weights": WEIGHTS}})
    given.link(study)
    images, weights = (tmp_path / "results/mine/given" / n for n in ("images", "weights"))
    assert images.readlink() == Path(MINE["dataset"]["folder"])
    assert (weights / "nets.weights.h5").readlink() == Path(WEIGHTS)
    given.link(Study(name="mine", dataset={"reader": "phantoms"}))
    assert not images.is_symlink()
    assert not list(weights.iterdir())
    other = {"03_training": {"weights": "/mnt/other/nets.weights.h5"}}
    twice = study.model_copy(update={"variants": {"a": {}, "b": other["03_training"]}})
    with pytest.raises(UserError, match=r"two files of weights are called 'nets\.weights\.h5'"):
        given.link(twice)
