"""A study's YAML: what it gives each notebook, and what is wrong with it, all at once."""

import json
import subprocess
import sys

import pytest

from birads_lib import study
from birads_lib.errors import UserError
from birads_lib.paths import CONFIG

GOOD = """name: mine
dataset: {reader: phantoms, patients: 12}
protocols: [patient, image]
notebooks:
  02_preprocessing: {image_size: 64}
  03_training: {folds: 3, stage1_rate: 1}
variants:
  proposed: {}
  plain: {encoder_layers: 0}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def test_parameters_of_each_execution(written):
    mine = study.load(written(GOOD))
    assert mine.title == "mine"
    assert mine.parameters("02_preprocessing")["image_size"] == 64
    plain = mine.parameters("03_training", variant="plain", protocol="image")
    assert plain["encoder_layers"] == 0
    assert plain["folds"] == 3
    assert plain["protocol"] == "image"
    assert plain["study_dir"] == "results/mine"
    assert "protocol" not in mine.parameters("01_data_exploration")
    assert json.loads(mine.arguments("02_preprocessing")) == mine.parameters("02_preprocessing")


def test_data_and_weights_from_the_command_line(written):
    mine = study.load(written(GOOD), data="elsewhere", weights="mine.weights.h5")
    assert mine.dataset["folder"] == "elsewhere"
    assert mine.parameters("03_training", "proposed", "image")["weights"] == "mine.weights.h5"


@pytest.mark.parametrize("name", ["phantoms", "smoke", "inbreast"])
def test_our_own_studies_are_valid(name):
    assert study.load(CONFIG / f"{name}.yaml").name == name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: mine", "", "the key 'name' is missing"),
        ("name: mine", "name: a/b", "line 1: expected a name of letters"),
        ("name: mine", "nmae: mine", "line 1: unknown 'nmae'; did you mean 'name'?"),
        ("reader: phantoms", "raeder: phantoms", "line 2: expected a mapping with at least"),
        ("[patient, image]", "[patients]", "unknown 'patients'; did you mean 'patient'?"),
        ("[patient, image]", "patient", "line 3: expected a list of protocols"),
        ("02_preprocessing", "02_preprocesing", "line 5: unknown '02_preprocesing'; did you mean"),
        ("image_size: 64", "image_siz: 64", "line 5: unknown 'image_siz'; did you mean"),
        ("image_size: 64", "image_size: big", "line 5: 'image_size' is 'big', expected a whole"),
        ("image_size: 64", "image_size: true", "'image_size' is True, expected a whole number"),
        ("encoder_layers: 0", "encoder_layer: 0", "line 9: unknown 'encoder_layer'"),
        ("folds: 3", "study_dir: x", "line 6: unknown 'study_dir'"),
        ("name: mine", "name: [", "is not valid YAML"),
    ],
)
def test_each_mistake_is_named_with_its_line(written, old, new, expected):
    with pytest.raises(UserError) as error:
        study.load(written(GOOD.replace(old, new)))
    assert expected in str(error.value)


def test_all_mistakes_at_once(written):
    text = GOOD.replace("image_size: 64", "a: 1, b: 2").replace("folds: 3", "c: 3")
    with pytest.raises(UserError) as error:
        study.load(written(text))
    assert len(str(error.value).splitlines()) == 3


def test_no_such_study_lists_those_there_are(tmp_path, written):
    written(GOOD)
    with pytest.raises(UserError, match="studies there: mine"):
        study.load(tmp_path / "other.yaml")


def test_a_file_that_is_no_mapping(written):
    with pytest.raises(UserError, match="expected a mapping with the keys name"):
        study.load(written("- 1"))


def test_a_study_runs_once_at_a_time_and_is_free_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "ROOT", tmp_path)
    mine = study.Study("mine", "Mine", {"reader": "phantoms"})
    code = (
        "import pathlib, sys, time; from birads_lib import study; "
        "study.ROOT = pathlib.Path(sys.argv[1]); "
        "study.claim(study.Study('mine', 'Mine', {})); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="already running"):
        study.claim(mine)
    other.kill()
    other.wait()
    study.claim(mine)


def test_numbers_may_be_written_with_an_exponent(written):
    mine = study.load(written(GOOD.replace("stage1_rate: 1", "stage1_rate: 1e-4")))
    assert mine.parameters("03_training", "proposed", "image")["stage1_rate"] == 1e-4


def test_pages_stand_in_the_order_of_reading(written):
    pages = study.load(written(GOOD)).pages()
    assert pages == sorted(pages, key=lambda page: page[:2])
    assert pages[:3] == [
        "01_data_exploration",
        "02_preprocessing",
        "03_training-proposed-patient",
    ]
    assert pages[-2:] == ["10_leakage_audit", "11_claims"]
    once, runs = 4, 2 * 2  # two variants by two protocols
    assert len(pages) == once + runs * (1 + len(study.EVALUATED))


ABLATED = (
    GOOD
    + """ablations:
  frozen: &frozen {stage2_epochs: 0, protocols: [patient, image]}
  small: {<<: *frozen, image_size: 96, protocols: [image]}
  emd: {loss: emd}
"""
)


def test_ablations_are_trained_by_the_first_protocol_or_their_own(written):
    mine = study.load(written(ABLATED))
    ablated = [run for run in mine.runs() if run[0] in mine.ablations]
    assert ablated == [
        ("frozen", "patient"),
        ("frozen", "image"),
        ("small", "image"),
        ("emd", "patient"),
    ]
    assert "03_training-emd-patient" in mine.pages()
    assert "04_evaluation-emd-patient" not in mine.pages()
    assert "05_ablations" in mine.pages()
    assert "protocols" not in mine.parameters("03_training", "frozen", "image")


def test_what_changes_the_images_gets_its_own(written):
    mine = study.load(written(ABLATED))
    assert "02_preprocessing-small" in mine.pages()
    assert "02_preprocessing-emd" not in mine.pages()
    preprocessing = mine.parameters("02_preprocessing", "small")
    assert (preprocessing["image_size"], preprocessing["variant"]) == (96, "small")
    training = mine.parameters("03_training", "small", "image")
    assert training["image_file"] == preprocessing["image_file"] == "images-small.npy"
    assert mine.parameters("03_training", "emd", "patient")["image_file"] == "images.npy"
    assert mine.parameters("02_preprocessing")["image_file"] == "images.npy"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{loss: emd}", "{loss: 3}", "line 13: 'loss' is 3, expected a text"),
        ("image_size: 96", "image_siz: 96", "line 12: unknown 'image_siz'; did you mean"),
        ("protocols: [image]", "protocols: [imag]", "line 12: unknown 'imag'; did you mean"),
        ("protocols: [image]", "protocols: image", "line 12: expected a list of protocols"),
        ("  emd:", "  plain:", "line 13: 'plain' is a variant, too"),
        ("  emd: {loss: emd}", "  emd: emd", "line 13: expected a mapping of parameters"),
    ],
)
def test_mistakes_in_ablations(written, old, new, expected):
    with pytest.raises(UserError) as error:
        study.load(written(ABLATED.replace(old, new)))
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"reader": "class_foldres", "folder": "."}, "did you mean 'class_folders'"),
        ({"reader": "class_folders", "folder": ".", "patients": "x"}, "unknown option 'patients'"),
        ({"reader": "class_folders"}, "needs the folder of the images"),
        ({"reader": "class_folders", "folder": "no/such"}, "does not exist"),
        ({"reader": "class_folders", "folder": "."}, "needs to know whose each image is"),
    ],
)
def test_the_data_set_is_checked_before_anything_runs(dataset, expected):
    with pytest.raises(UserError, match=expected):
        study.check_dataset(study.Study("mine", "Mine", dataset))
