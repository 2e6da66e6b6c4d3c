"""The studies of breast density: what they set, what they are given, and what stops them."""

import pytest
import yaml

from birads_lib.errors import UserError
from press.execution import preflight
from press.paths import CONFIG
from press.rendering import staging
from press.studies import chapters, given
from press.studies.parameters import declared_parameters
from press.studies.study import load

STUDIES = ("density", "density_gpu", "smoke_density", "density_inbreast", "density_cbis")


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_tells_density_apart_and_has_its_chapters(name):
    study = load(CONFIG / f"{name}.yaml")
    assert study.label_set.name == "density"
    pages = study.pages()
    assert {"51_density", "52_image_and_text", "54_elsewhere"} <= set(pages)
    assert ("53_modalities" in pages) == (study.chapters == chapters.DENSITY)


@pytest.mark.parametrize("notebook", ["52_image_and_text", "53_modalities"])
def test_ways_to_train_share_their_settings(notebook):
    shared = ("backbone", "weights", "train_trunk", "embed", "epochs", "batch_size", "rate")
    here, there = map(declared_parameters, (notebook, "54_elsewhere"))
    assert {name: here[name] for name in shared} == {name: there[name] for name in shared}
    for name in STUDIES:
        study = load(CONFIG / f"{name}.yaml")
        values = [
            {key: study.notebooks.get(n, {}).get(key) for key in shared}
            for n in (notebook, "54_elsewhere")
            if any(row.notebook == n for row in chapters.of_study(study))
        ]
        assert values[0] == values[-1]


def study_of(tmp_path, changes=None, **dataset):
    keys = yaml.safe_load((CONFIG / "smoke_density.yaml").read_text())
    keys["dataset"] |= dataset
    for notebook, values in (changes or {}).items():
        keys["notebooks"][notebook] = keys["notebooks"].get(notebook, {}) | values
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys | {"name": "mine"}))
    return load(path)


def test_a_sound_study_is_understood(tmp_path):
    assert preflight.check(study_of(tmp_path))[0] == "The study 'mine':"


@pytest.mark.parametrize(
    ("changes", "dataset", "message"),
    [
        ({"captions": {"A": ["fat"]}}, {}, "captions: no text for B, C, D; expected a list of"),
        ({"folds": 9}, {}, r"density [A-D] has \d+ patients; 9 folds need at least 9"),
    ],
)
def test_what_stops_encoders_is_said_before_a_run(tmp_path, monkeypatch, changes, dataset, message):
    monkeypatch.setattr(staging, "check", lambda study: None)  # done with the sound study
    trained = ("52_image_and_text", "53_modalities", "54_elsewhere")
    takes = {n: {k: v for k, v in changes.items() if k in declared_parameters(n)} for n in trained}
    study = study_of(tmp_path, takes, **dataset)
    with pytest.raises(UserError, match=message):
        preflight.check(study)


@pytest.mark.parametrize("value", ["CT", "all"])
def test_an_unknown_modality_is_refused(tmp_path, value):
    with pytest.raises(UserError, match=f"'modality' is '{value}'; there is 'DBT', 'DM', 'every'"):
        study_of(tmp_path, modality=value)


def test_a_folder_of_further_images_and_weights_are_reached_by_links(tmp_path):
    other, weights = tmp_path / "other_place", tmp_path / "nets.weights.h5"
    other.mkdir()
    weights.write_bytes(b"")
    changes = {"54_elsewhere": {"elsewhere": {"reader": "cbis_ddsm", "folder": str(other)}}}
    path = tmp_path / "mine.yaml"
    study_of(tmp_path, changes)
    study = load(path, weights=str(weights), root=str(tmp_path / "results"))
    for notebook in ("52_image_and_text", "53_modalities", "54_elsewhere"):
        parameters = study.parameters(notebook)
        assert parameters["weights"] == f"{study.folder}/given/weights/nets.weights.h5"
        assert str(tmp_path) not in str(parameters.get("elsewhere"))
    given.link(study)
    assert given.images_link(f"{study.folder}/elsewhere").resolve() == other.resolve()
