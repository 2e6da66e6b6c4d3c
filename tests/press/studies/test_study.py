"""A study's YAML: what it gives each notebook, and what is wrong with it, all at once."""

import re
import shlex
import subprocess
import sys

import pytest
from snakemake.cli import parse_config

from birads_lib.errors import UserError
from birads_lib.task import label_set_of
from press.execution import preflight
from press.paths import CONFIG, ROOT
from press.studies import chapters, given, study, study_file, yaml_file

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


def test_data_and_weights_from_the_command_line(written):
    mine = study.load(written(GOOD), data="elsewhere", weights="mine.weights.h5")
    assert mine.dataset["folder"] == "elsewhere"
    assert mine.parameters("03_training", "proposed", "image")["weights"] == "mine.weights.h5"


@pytest.mark.parametrize("name", ["phantoms", "smoke", "inbreast", "speed", "phantoms_elsewhere"])
def test_our_own_studies_are_valid(name):
    assert study.load(CONFIG / f"{name}.yaml").name == name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: mine", "", "line 1: 'name' is missing"),
        ("name: mine", "name: a/b", "line 1: 'name' is 'a/b', expected a name of letters"),
        ("name: mine", "name: images", "line 1: 'name' is the name of a folder in book/"),
        (
            "name: mine",
            "name: mine\ntask: birad",
            "line 2: 'task' is 'birad'; did you mean 'birads'?",
        ),
        ("name: mine", "name: mine\nchapters: a", "line 2: 'chapters' is 'a'; "),
        ("name: mine", "name: mine\n3: a", "unknown '3'"),
        ("name: mine", "nmae: mine", "line 1: unknown 'nmae'; did you mean 'name'?"),
        (
            "reader: phantoms",
            "raeder: phantoms",
            "line 2: 'reader' is missing",
        ),
        (
            "[patient, image]",
            "[patients]",
            "line 3: 'protocols' has 'patients'; did you mean 'patient'?",
        ),
        ("[patient, image]", "[region]", "line 3: 'protocols' has 'region'; "),
        (
            "[patient, image]",
            "patient",
            "line 3: 'protocols' is 'patient', expected a list of protocols",
        ),
        ("02_preprocessing", "02_preprocesing", "line 5: unknown '02_preprocesing'; did you mean"),
        ("image_size: 64", "image_siz: 64", "line 5: unknown 'image_siz'; did you mean"),
        ("image_size: 64", "image_size: big", "line 5: 'image_size' is 'big', expected a whole"),
        ("image_size: 64", "image_size: true", "'image_size' is True, expected a whole number"),
        ("encoder_layers: 0", "encoder_layer: 0", "line 9: unknown 'encoder_layer'"),
        ("folds: 3", "study_dir: x", "line 6: unknown 'study_dir'"),
        ("name: mine", "name: [", "is not valid YAML"),
        ("name: mine", "name: mine\ntitle: 3", "line 2: 'title' is 3, expected a text"),
        (
            "[patient, image]",
            "[image, image]",
            "line 3: 'protocols' has 'image' twice",
        ),
        (
            "name: mine",
            "name: mine\nseeds: 3",
            "line 2: 'seeds' is 3, expected a list of",
        ),
        ("name: mine", "name: mine\nseeds: []", "line 2: 'seeds' is [], expected at least one"),
        ("name: mine", "name: mine\nseeds: [0, 2, 0]", "line 2: 'seeds' has 0 twice"),
        ("name: mine", "name: mine\nseeds: [0, -1]", "line 2: 'seeds' has -1, expected a list of"),
        ("name: mine", "name: mine\nseeds: [1.5]", "line 2: 'seeds' has 1.5, expected a list of"),
        ("name: mine", "name: mine\nseeds: [true]", "line 2: 'seeds' has True, expected a list of"),
        ("name: mine", "name: mine\nseeds: [a]", "line 2: 'seeds' has 'a', expected a list of"),
        ("name: mine", "name: mine\nseeds: [4294967296]", "line 2: 'seeds' has 4294967296"),
        ("name: mine", "name: mine\nseeds:", "line 2: 'seeds' is None, expected a list of"),
        ("name: mine", "name: mine\nseed: 1", "line 2: unknown 'seed'; did you mean 'seeds'?"),
        ("folds: 3", "seed: 1", "line 6: 'seed' can't be set here, as all runs of a study share"),
        ("encoder_layers: 0", "seeds: [1]", "line 9: 'seeds' can't be set here"),
        ("variants:", "sweep: {seed: [1, 2]}\nvariants:", "line 7: 'seed' can't be set here"),
        ("variants:", "ablations: {a: {seed: 1}}\nvariants:", "line 7: 'seed' can't be set here"),
        ("image_size: 64", "image_size: 16", "line 5: 'image_size' is 16, expected 32 to 4096"),
        ("folds: 3", "folds: 1", "line 6: 'folds' is 1, expected at least 2"),
        ("folds: 3", "dal_lambda: .nan", "line 6: 'dal_lambda' is nan, expected a finite number"),
        ("folds: 3", "dal_lambda: -.inf", "line 6: 'dal_lambda' is -inf, expected a finite"),
        ("folds: 3", "loss: dall", "line 6: 'loss' is 'dall'; did you mean 'dal'?"),
        ("folds: 3", "heads: 3", "line 6: 3 heads can't share embed=128 equally"),
        ("encoder_layers: 0", "dropout_1: 1.5", "line 9: 'dropout_1' is 1.5, expected 0 to 0.99"),
        (
            "encoder_layers: 0",
            "distance_power: 0",
            "line 9: 'distance_power' is 0, expected at least 0.1",
        ),
        ("encoder_layers: 0", "embed: 5", "line 9: 2 heads can't share embed=5 equally"),
        (
            "  proposed: {}\n  plain: {encoder_layers: 0}",
            "  {}",
            "line 7: 'variants' is {}, expected at least one",
        ),
        (
            "patients: 12",
            "patient: 12",
            "line 2: unknown 'patient'; did you mean 'patients'",
        ),
        ("patients: 12", "patients: many", "line 2: 'patients' is 'many', expected a whole number"),
        ("patients: 12", "patients: 0", "line 2: 'patients' is 0, expected at least 1"),
        ("patients: 12", "prevalence: [1]", "line 2: 'prevalence' is (1.0,), expected five shares"),
        ("patients: 12", "folder: 3", "line 2: 'folder' is 3, expected a text"),
        ("reader: phantoms", "reader: phantom", "line 2: 'reader' is 'phantom'; did you mean"),
        ("phantoms, patients: 12", "inbreast, images: 1", "line 2: 'images' is 1, expected a text"),
        (
            "phantoms, patients: 12",
            "class_folders, workers: 0, patient_pattern: (x)",
            "line 2: 'workers' is 0, expected at least 1",
        ),
        (
            "phantoms, patients: 12",
            "class_folders, patient_pattern: x",
            "line 2: 'patient_pattern'",
        ),
        ("phantoms, patients: 12", "class_folders", "line 2: protocol 'patient' needs to know"),
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


def test_a_clash_is_told_once_and_where_it_was_made(written):
    text = GOOD.replace("plain: {encoder_layers: 0}", "plain: {encoder_layers: 0, heads: 3}")
    with pytest.raises(UserError) as error:
        study.load(written(text.replace("folds: 3", "folds: 3, embed: 64")))
    (line,) = str(error.value).splitlines()  # one variant of two, under two protocols
    assert line.endswith("line 9: 3 heads can't share embed=64 equally")


def test_no_such_study_lists_those_there_are(tmp_path, written):
    written(GOOD)
    with pytest.raises(UserError, match="studies there: mine"):
        study.load(tmp_path / "other.yaml")


def test_a_file_that_is_no_mapping(written):
    with pytest.raises(UserError, match="expected a mapping with the keys name"):
        study.load(written("- 1"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: mine\ndataset: &a [*a]", "line 2: an alias stands within what it repeats"),
        ("name: mine\ndataset: {reader: &r {x: [1, *r]}}", "line 2: an alias stands within"),
        ("a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n"
         for i in range(1, 12)), "its aliases make"),
        ("name: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
    ids=["itself", "further in", "a bomb", "deep"],
)  # fmt: skip
def test_aliases_without_end_and_bombs_are_refused(tmp_path, text, says):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=says):
        study.load(tmp_path / "mine.yaml")


def test_an_alias_may_repeat_what_stands_elsewhere(tmp_path):
    text = "name: mine\ndataset: {reader: phantoms}\nvariants: {a: &a {folds: 3}, b: *a}\n"
    (tmp_path / "mine.yaml").write_text(text)
    assert study.load(tmp_path / "mine.yaml").variants["b"] == {"folds": 3}


def test_a_study_runs_once_at_a_time_and_is_free_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "ROOT", tmp_path)
    mine = study.Study(name="mine", dataset={"reader": "phantoms"})
    code = (
        "import pathlib, sys, time; from press.studies import study; "
        "study.ROOT = pathlib.Path(sys.argv[1]); "
        "lock = study.claim(study.Study(name='mine', dataset={})); "
        "print('held', flush=True); time.sleep(60)"
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
    of_paper = [row for row in chapters.CHAPTERS if chapters.PAPER in row.sets]
    for_ablations, runs = ("together", "every"), 2 * 2  # two variants by two protocols, no ablation
    made = [r for r in of_paper if r.pages != "elsewhere" and r.runs not in for_ablations]
    assert list(dict.fromkeys(page.split("-")[0] for page in pages)) == [r.notebook for r in made]
    per_run = [row for row in made if row.pages == "per run"]
    assert len(pages) == len(made) - len(per_run) + runs * len(per_run)


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


def test_ablations_trained_together_share_one_page(written):
    mine = study.load(written(ABLATED + "ablations_together: true\n"))
    assert "03_training_ablations" in mine.pages()
    assert "03_training-emd-patient" not in mine.pages()
    assert "03_training-plain-image" in mine.pages()
    trainings = mine.parameters("03_training_ablations")["trainings"]
    assert list(trainings) == ["frozen/patient", "frozen/image", "small/image", "emd/patient"]
    assert trainings["emd/patient"] == mine.parameters("03_training", "emd", "patient")
    assert trainings["small/image"]["image_file"] == "images-small.npy"
    apart = study.load(written(ABLATED))
    assert "03_training_ablations" not in apart.pages()
    with pytest.raises(UserError, match="'ablations_together' is 1, expected true or false"):
        study.load(written(ABLATED + "ablations_together: 1\n"))


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
        (
            "protocols: [image]",
            "protocols: [imag]",
            "line 12: 'protocols' has 'imag'; did you mean",
        ),
        (
            "protocols: [image]",
            "protocols: image",
            "line 12: 'protocols' is 'image', expected a list of protocols",
        ),
        ("  emd:", "  plain:", "line 13: 'plain' is a variant, too"),
        (
            "  emd: {loss: emd}",
            "  emd: emd",
            "line 13: 'ablations' has 'emd', expected a mapping of names",
        ),
    ],
)
def test_mistakes_in_ablations(written, old, new, expected):
    with pytest.raises(UserError) as error:
        study.load(written(ABLATED.replace(old, new)))
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"reader": "class_folders"}, "needs the folder of the images"),
        ({"reader": "class_folders", "folder": "no/such"}, "does not exist"),
    ],
)
def test_the_folder_is_checked_before_anything_runs(dataset, expected):
    with pytest.raises(UserError, match=expected):
        preflight.check_there(study.Study(name="mine", dataset=dataset))


def test_a_study_of_what_another_command_makes_says_which(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "ROOT", tmp_path)
    with pytest.raises(UserError, match=r"nothing there of results/speed.*run `make bench` first"):
        preflight.check_there(study.load(CONFIG / "speed.yaml"))


SWEPT = (
    GOOD
    + """sweep:
  dal_lambda: [0.5, 1]
  image_size:
    - 64
    - 96
"""
)


def test_a_grid_becomes_variants_with_all_that_variants_have(written):
    mine = study.load(written(SWEPT))
    names = [f"dal_lambda_{x}_image_size_{n}" for x in ("0p5", "1") for n in (64, 96)]
    assert list(mine.variants) == ["proposed", "plain", *names]
    assert mine.changes(names[1]) == {"dal_lambda": 0.5, "image_size": 96}
    assert [run for run in mine.runs() if run[0] == names[3]] == [
        (names[3], "patient"),
        (names[3], "image"),
    ]
    pages = set(mine.pages())
    assert {f"02_preprocessing-{names[0]}", f"04_evaluation-{names[3]}-image"} <= pages
    assert mine.parameters("03_training", names[1], "image")["dal_lambda"] == 0.5
    training = mine.parameters("03_training", names[1], "image")
    assert training["image_file"] == f"images-{names[1]}.npy"


def test_several_variants_have_a_page_that_sets_them_side_by_side(written):
    mine = study.load(written(SWEPT))
    assert "05_sweep" in mine.pages()
    given = mine.parameters("05_sweep")
    assert len(given["runs"]) == 2 * len(mine.variants)  # under either protocol
    assert given["changes"]["dal_lambda_1_image_size_64"] == {"dal_lambda": 1, "image_size": 64}
    row = chapters.chapter("05_sweep")
    assert "runs/plain/image/04_evaluation.metrics.json" in chapters.inputs(row, mine)
    ablated = study.load(written(ABLATED.replace("  plain: {encoder_layers: 0}\n", "")))
    assert "05_sweep" not in ablated.pages()


def test_a_sweep_alone_stands_beside_proposed(written):
    mine = study.load(written("name: a\ndataset: {reader: phantoms}\nsweep: {heads: [1, 2]}\n"))
    assert list(mine.variants) == ["proposed", "heads_1", "heads_2"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ("{stage1_rate: [1e-4, 1.0e-05]}", ["stage1_rate_0p0001", "stage1_rate_1em05"]),
        ("{clahe: [true, false]}", ["clahe_true", "clahe_false"]),
        ("{taps: [[last], [conv4_block2_out, last]]}", ["taps_last", "taps_conv4_block2_out_last"]),
        ("{weights: [a/b-c.weights.h5]}", ["weights_bmcpweightsph5"]),
    ],
)
def test_names_of_swept_values(written, values, names):
    mine = study.load(written(GOOD + f"sweep: {values}\n"))
    assert list(mine.variants)[2:] == names
    assert all(re.fullmatch(study_file.NAME, name) for name in names)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[0.5, 1]", "[]", "line 11: 'dal_lambda' is [], expected at least one"),
        ("[0.5, 1]", "0.5", "line 11: 'dal_lambda' is 0.5, expected a list"),
        ("[0.5, 1]", "[1, 1.0]", "line 11: 'dal_lambda' has 1.0 twice"),
        ("[0.5, 1]", "[0.5, x]", "line 11: 'dal_lambda' has 'x', expected a finite number"),
        ("dal_lambda: [", "dal_lamda: [", "line 11: unknown 'dal_lamda'; did you mean"),
        ("- 96", "- 9", "line 14: 'image_size' has 9, expected 32 to 4096"),
        ("plain:", "dal_lambda_1_image_size_64:", "line 10: 'dal_lambda_1_image_size_64' is a var"),
        ("  dal_lambda: [0.5, 1]", "  heads: [2, 3]", "line 11: 3 heads can't share embed=128"),
        ("[0.5, 1]", f"{list(range(60))}", "line 10: 120 variants, each trained by itself"),
        ("[0.5, 1]", "[0.5, 1]\n  loss: [dal]\n  weights: [" + 90 * "x" + ".h5]",
         "line 10: a name may have 100 characters"),
    ],
)  # fmt: skip
def test_mistakes_in_sweeps(written, old, new, expected):
    with pytest.raises(UserError) as error:
        study.load(written(SWEPT.replace(old, new)))
    assert expected in str(error.value)


@pytest.mark.parametrize("sweep", ["[1]", "{}", "3"])
def test_a_sweep_that_is_no_grid(written, sweep):
    expected = r"line 10: 'sweep' is .*, expected a mapping of parameters to lists"
    with pytest.raises(UserError, match=expected):
        study.load(written(GOOD + f"sweep: {sweep}\n"))


TARGET = "name: mine\ndataset: {reader: phantoms}\ntarget: {classes: [0, 1, 2], act_from: 2}\n"


def test_a_study_may_have_a_label_set_of_its_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(TARGET)
    mine = study.load(path)
    assert mine.label_set.labels == ("0", "1", "2")
    assert mine.label_set.ordinal
    assert list(mine.label_set.decisions) == [2, 3]
    given = mine.parameters("01_data_exploration")["task"]
    assert label_set_of(given) == mine.label_set
    pages = {page.split("-")[0] for page in mine.pages()}
    assert "07_decision_curves" in pages
    assert "11_claims" not in pages
    path.write_text(TARGET.replace(", act_from: 2", ", ordinal: false, title: Kind"))
    mine = study.load(path)
    assert (mine.label_set.title, mine.label_set.ordinal) == ("Kind", False)
    assert not any(page.startswith("07") for page in mine.pages())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{classes: [a]}", "'classes' is ['a'], expected"),
        ("{classes: [a, a]}", "'classes' has 'a' twice"),
        ("{clases: [a, b]}", "unknown 'clases'; did you mean 'classes'?"),
        ("{classes: [a, b], act_from: c}", "has act_from: c, which is none of its classes"),
        ("{classes: [a, b], ordinal: 3}", "'ordinal' is 3, expected true or false"),
        ("[a, b]", "'target' is ['a', 'b'], expected a mapping such as {classes: [low, high]"),
        ("{classes: [a, b]}\ntask: density", "'task' and 'target' both say what is told apart"),
    ],
)
def test_a_label_set_that_is_wrong_is_refused_with_its_line(tmp_path, target, message):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ndataset: {{reader: phantoms}}\ntarget: {target}\n")
    with pytest.raises(UserError) as caught:
        study.load(path)
    assert "line 3: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("folds: 010", "line 1: YAML reads 010 as 8; write that, or '010' in quotes for a text"),
        ("folds: 1_000", "line 1: YAML reads 1_000 as 1000;"),
        ("folds: 0x1f", "line 1: YAML reads 0x1f as 31;"),
        ("folds: 0b11", "line 1: YAML reads 0b11 as 3;"),
        ("title: 1:30", "line 1: YAML reads 1:30 as 90;"),
        ("title: 2023_11", "line 1: YAML reads 2023_11 as 202311;"),
        ("title: 2024-01-02", "line 1: YAML reads 2024-01-02 as a date; write '2024-01-02' in"),
        ("title: 2024-13-45", "line 1: YAML reads 2024-13-45 as a date;"),
        ("title: off", "line 1: YAML reads off as false; write false, or 'off' in quotes"),
        ("variants:\n  on: {}", "line 2: YAML reads on as true; write true, or 'on' in quotes"),
        ("variants:\n  No: {}", "line 2: YAML reads No as false;"),
        ("title: a\ntitle: b", "line 2: 'title' is given twice, first in line 1; remove one"),
        ("a: {b: 1,\n b: 2}", "line 2: 'b' is given twice, first in line 1; remove one"),
        ("a:\n- {b: 1, b: 1}", "line 2: 'b' is given twice"),
        ("a:\n\tb: 1", "indent by blanks, not by tabs"),
        ("a: \0", "is not valid YAML"),
        ("a: " + "9" * 5000, "is not valid YAML"),
    ],
)
def test_what_yaml_takes_for_another_is_refused_with_its_line(written, text, says):
    with pytest.raises(UserError) as caught:
        study.load(written(text))
    assert says in str(caught.value)


def test_all_that_yaml_misreads_is_told_at_once(written):
    with pytest.raises(UserError) as caught:
        study.load(written("a: no\nb: 010\na: 1_0\n"))
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0][-6:] for line in lines] == [
        "line 1",
        "line 2",
        "line 3",
        "line 3",
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_study_that_is_not_utf8_is_refused_with_its_line(tmp_path, encoding):
    path = tmp_path / "mine.yaml"
    path.write_bytes("name: mine\ntitle: Brüste\n".encode(encoding))
    with pytest.raises(UserError, match=r"line [12]: the byte 0x(fc|ff) is no UTF-8; save"):
        study.load(path)
    path.write_bytes(GOOD.replace("name: mine", "name: mine\ntitle: Brüste").encode("utf-8-sig"))
    assert study.load(path).title == "Brüste"


BARE = [
    "1.5",
    "-1",
    "+3",
    "1e-4",
    ".5",
    "1.",
    "0",
    "true",
    "False",
    "'010'",
    "null",
    "~",
    "plain",
    '"no"',
    ".inf",
    "-0",
    "10",
    "2024",
]


@pytest.mark.parametrize("text", BARE)
def test_values_as_people_write_them_are_read(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(f"a: {text}\n")
    assert "a" in yaml_file.read(path, ["a"])[0]


def test_a_number_where_a_text_belongs_is_to_be_quoted(written):
    text = "name: mine\ndataset: {reader: phantoms, folder: 2024}\n"
    with pytest.raises(UserError, match=r"line 2: 'folder' is 2024, expected a text \(in quotes\)"):
        study.load(written(text))


FOLDERS = ["2024", "2023_11", "1e3", "true", "None", "it's", "a: b", "a #b", "[a]", "x\\y", "a, b"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_means_itself_to_snakemake(folder):
    config = parse_config([given.as_item("data", folder)])
    assert given.of_item(config, "data") == folder
    make = ["make", "-n", "book", "STUDY=smoke", f"DATA={folder}"]
    shown = subprocess.run(make, cwd=ROOT, capture_output=True, text=True).stdout
    command = next(line for line in shown.splitlines() if line.startswith("snakemake"))
    arguments = shlex.split(command.partition(" || ")[0])
    items = arguments[arguments.index("--config") + 1 :]
    assert given.of_item(parse_config(items), "data") == folder


def test_a_folder_that_snakemake_took_for_a_number_is_refused():
    assert given.of_item({}, "data") is None
    assert given.of_item({"data": "elsewhere"}, "data") == "elsewhere"
    with pytest.raises(UserError, match=r"took data for 202311; write the path so: --config"):
        given.of_item(parse_config(["data=2023_11"]), "data")


@pytest.mark.parametrize("chapters", ["", "chapters: images\n"])
def test_kinds_of_lesions_are_no_task_of_whole_images(tmp_path, chapters):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ndataset: {{reader: phantoms}}\ntask: lesion_kind\n{chapters}")
    with pytest.raises(UserError) as error:
        study.load(path)
    assert "line 3: 'lesion_kind' is told of regions around findings" in str(error.value)
    assert "Choose birads, density, malignancy, or say by 'target'" in str(error.value)
