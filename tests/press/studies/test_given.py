"""Whose machine images and weights lie on is written nowhere that leaves it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from birads_lib.errors import UserError
from helpers.forking.start import RUN_MODULE
from helpers.project import copy_project, run_in
from press.paths import ROOT
from press.sharing import disclosure
from press.studies import given
from press.studies.study import Study, load

TELLTALE = "share_of_st_elsewhere"
WEIGHTS = f"/home/somebody/{TELLTALE}/nets.weights.h5"
MINE = {"name": "mine", "dataset": {"reader": "class_folders", "folder": f"/mnt/{TELLTALE}/images"}}


def test_no_file_that_a_study_leaves_names_the_folder_of_its_images(tmp_path):
    elsewhere = tmp_path / TELLTALE
    rng = np.random.default_rng(0)
    for number in range(10):
        folder = elsewhere / str(number % 5 + 1)
        folder.mkdir(parents=True, exist_ok=True)
        png = cv2.imencode(".png", rng.integers(0, 255, (64, 64), np.uint8))[1].tobytes()
        (folder / f"{number}.png").write_bytes(png)
    project = copy_project(tmp_path / "project")
    weights = {"03_training": {"weights": str(elsewhere / "nets.weights.h5")}}
    dataset = {"reader": "class_folders", "folder": str(elsewhere)}
    keys = {"name": "mine", "dataset": dataset, "protocols": ["image"], "notebooks": weights}
    (project / "mine.yaml").write_text(yaml.safe_dump(keys))
    command = [*RUN_MODULE.split(), "snakemake", "--profile", "profiles/local"]
    command += ["--config", "study=mine.yaml"]
    done = run_in(project, *command, "--", "book/mine/01_data_exploration.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    assert given.images_link(project / "results/mine").resolve() == elsewhere
    files = [p for name in ("results", "book") for p in (project / name).rglob("*")]
    files = [path for path in files if path.is_file() and not path.is_symlink()]
    assert {"01_data_exploration.ipynb", "cases.parquet", "samples.json"} <= {p.name for p in files}
    assert [path for path in files if TELLTALE.encode() in path.read_bytes()] == []


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


def test_a_home_is_no_folder_of_the_project(monkeypatch, tmp_path):
    monkeypatch.setattr(given, "ROOT", tmp_path)
    monkeypatch.setenv("HOME", f"/home/{TELLTALE}")
    parameters = {"03_training": {"weights": "~/nets.weights.h5"}}
    dataset = MINE["dataset"] | {"folder": "~/images"}
    study = Study(name="mine", dataset=dataset, notebooks=parameters)
    link = "results/mine/given/weights/nets.weights.h5"
    assert study.parameters("03_training", "proposed", "patient")["weights"] == link
    given.link(study)
    assert (tmp_path / link).readlink() == Path(f"/home/{TELLTALE}/nets.weights.h5")
    assert (tmp_path / "results/mine/given/images").readlink() == Path(f"/home/{TELLTALE}/images")


def test_a_run_may_be_called_as_a_parameter_is():
    study = Study(**MINE, ablations={"folder": {"loss": "emd"}, "weights": {"weights": WEIGHTS}})
    changes = study.parameters("05_ablations")["changes"]
    assert changes["folder"] == {"loss": "emd"}
    assert changes["weights"] == {"weights": "results/mine/given/weights/nets.weights.h5"}


def test_a_point_of_a_sweep_is_not_called_by_a_folder(tmp_path):
    keys = {"name": "mine", "dataset": {"reader": "phantoms"}, "sweep": {"weights": [WEIGHTS]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(keys))
    assert list(load(tmp_path / "mine.yaml").variants) == ["proposed", "weights_netspweightsph5"]


@pytest.mark.parametrize("quoted", ["{}", "'{}'", '"{}"'])
def test_the_yaml_of_a_study_leaves_without_its_paths(quoted):
    folder = MINE["dataset"]["folder"]
    text = f"# of {folder}\nname: mine\ndataset: {{reader: class_folders, folder: FOLDER}}\n"
    text += f"sweep: {{weights: [imagenet, {WEIGHTS}]}}\n"
    kept = disclosure.yaml_without_paths(text.replace("FOLDER", quoted.format(folder)))
    assert TELLTALE not in kept
    assert kept.startswith("# of given/images\nname: mine\n")
    assert yaml.safe_load(kept)["sweep"] == {"weights": ["imagenet", "nets.weights.h5"]}


def test_a_path_that_is_written_with_escapes_leaves_no_study_either():
    text = 'dataset: {folder: "/mnt/\\x73hare_of_st_elsewhere"}\n'
    assert TELLTALE in yaml.safe_load(text)["dataset"]["folder"]
    kept = yaml.safe_load(disclosure.yaml_without_paths(text))
    assert kept == {"dataset": {}}


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


def test_a_further_data_set_and_weights_of_a_companion_have_links_too(tmp_path, monkeypatch):
    monkeypatch.setattr(given, "ROOT", tmp_path)
    further = {"reader": "cbis_ddsm", "folder": f"/mnt/{TELLTALE}/films"}
    parameters = {"intermediate": further, "weights": WEIGHTS}
    keys = MINE | {"chapters": "transfer_inbreast", "notebooks": {"35_real_transfer": parameters}}
    study = Study(**keys)
    assert TELLTALE not in str(study.parameters("35_real_transfer"))
    given.link(study)
    link = given.images_link(f"{study.folder}/intermediate")
    assert link.readlink() == Path(further["folder"])
    assert (tmp_path / "results/mine/given/weights/nets.weights.h5").readlink() == Path(WEIGHTS)
    given.link(Study(**MINE))
    assert not link.is_symlink()


def test_a_file_of_weights_is_for_the_notebooks_of_the_set_that_take_one(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nchapters: transfer\ndataset: {reader: phantoms}\n"
    )
    loaded = load(tmp_path / "mine.yaml", weights=WEIGHTS)
    assert loaded.notebooks == {"32_double_transfer": {"weights": WEIGHTS}}
