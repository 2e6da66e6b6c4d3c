"""The best honest grade, and the faithful recipe: what their studies set, and what stops them."""

import pytest
import yaml

from birads_lib.errors import UserError
from birads_lib.training.settings import Settings
from press.execution import preflight
from press.paths import CONFIG
from press.rendering import staging
from press.studies.parameters import declared_parameters
from press.studies.study import load

TRUNKS = ("14_patches", "14_tokens")  # that share one
RECIPE = (  # of the paper's text, which the defaults of the settings follow
    "stage1_epochs", "stage1_rate", "stage2_epochs", "stage2_rate", "unfrozen_layers",
    "patience", "restore_best", "batch_size", "loss", "dal_lambda", "encoder_layers", "embed",
    "heads", "dense_1", "dropout_1", "dense_2", "dropout_2",
)  # fmt: skip


def study_of(tmp_path, changes=None, weights="phantoms"):
    """Return the smoke study with some parameters of its notebooks changed."""
    keys = yaml.safe_load((CONFIG / "smoke_best.yaml").read_text())
    keys["notebooks"]["14_best_honest"]["network"] = ""  # that of the smoke study may not be there
    for notebook, values in (changes or {}).items():
        keys["notebooks"][notebook] = keys["notebooks"].get(notebook, {}) | values
    keys["variants"]["small_resnet"]["weights"] = weights
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys | {"name": "mine"}, sort_keys=False))
    return load(path)


@pytest.fixture
def no_prose(monkeypatch):
    """Skip the check of prose around pages: the test of the sound study covers it."""
    monkeypatch.setattr(staging, "check", lambda study: None)


def test_the_study_on_inbreast_has_the_papers_recipe():
    study = load(CONFIG / "inbreast.yaml")
    given = declared_parameters("03_training") | study.values("03_training", "proposed", "patient")
    of_settings = {name: field.default for name, field in Settings.model_fields.items()}
    assert {name: given[name] for name in RECIPE} == {name: of_settings[name] for name in RECIPE}
    assert study.protocols == ["patient", "image", "oversample_first"]
    assert len(study.seeds) == 3


@pytest.mark.parametrize("name", ["inbreast_best", "smoke_best"])
def test_each_trunk_has_its_page_and_one_is_asked_at_all_sizes(name):
    study = load(CONFIG / f"{name}.yaml")
    pages = {f"14_features-{variant}-patient" for variant in study.variants}
    assert {"14_best_honest", "14_patches", "14_tokens", *pages} <= set(study.pages())
    given = declared_parameters("14_features") | study.values("14_features", None, None)
    assert given["at_all_sizes"] == [next(iter(study.variants))]


def test_without_an_intermediate_set_the_study_is_sound():
    assert not load(CONFIG / "inbreast_best.yaml").values("14_patches").get("intermediate")


@pytest.mark.usefixtures("no_prose")
def test_without_an_encoder_the_study_is_sound_too(tmp_path):
    assert preflight.check(study_of(tmp_path, {"14_tokens": {"widths": []}}))


def test_a_network_is_the_name_of_a_study_and_no_path(tmp_path):
    with pytest.raises(UserError, match="network"):
        study_of(tmp_path, {"14_best_honest": {"network": "../elsewhere"}})


def test_a_sound_study_is_understood(tmp_path):
    assert preflight.check(study_of(tmp_path))[0] == "The study 'mine':"


@pytest.mark.usefixtures("no_prose")
@pytest.mark.parametrize(
    ("changes", "weights", "message"),
    [
        (
            {"14_best_honest": {"folds": 40}, "14_tokens": {"folds": 40}},
            "phantoms",
            "40 folds need at least 40",
        ),
        ({"14_best_honest": {"network": "nowhere"}}, "phantoms", "make book STUDY=nowhere"),
        ({"14_best_honest": {"taught": ["elsewhere"]}}, "phantoms", "taught: elsewhere"),
        ({"14_best_honest": {"taught": ["small_resnet"]}}, "phantoms", "taught: small_resnet"),
        ({n: {"weights": "/no/such.weights.h5"} for n in TRUNKS}, "phantoms", "is not a file"),
        ({"14_tokens": {"weights": "imagenet"}}, "phantoms", "weights is"),
        ({"14_patches": {"taps": ["conv9"]}}, "phantoms", "small_resnet has no layer 'conv9'"),
        ({"14_tokens": {"folds": 3}}, "phantoms", "folds is 2 for 14_best_honest"),
        ({"14_tokens": {"rate": 0.0}}, "phantoms", "rate"),
        ({"14_tokens": {"backbone": "resnet50_conv4"}}, "phantoms", "backbone is"),
        ({}, "/no/such.weights.h5", "is not a file"),
    ],
)
def test_what_would_stop_it_later_is_said_before(tmp_path, changes, weights, message):
    with pytest.raises(UserError, match=message):
        preflight.check(study_of(tmp_path, changes, weights))
