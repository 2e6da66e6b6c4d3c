"""Chapters of a study that tells something else apart than BI-RADS, on made-up predictions."""

import contextlib
import io
import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import press.run
from birads_lib import cases, predictions
from birads_lib.errors import UserError
from birads_lib.scores import neighbours
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY, OWN, TASKS, Task, label_set_of
from birads_lib.training.settings import Settings
from helpers.figures import texts
from helpers.image_folders import write_images
from press.paths import CONFIG, source_notebook
from press.report import claims
from press.studies import chapters, study

CLAIMS = cache(claims.load)  # the same for each chapter, and takes as long as what is tested
READING_PREDICTIONS = [
    "04_evaluation", "05_ablations", "06_calibration", "07_decision_curves", "09_feature_space",
    "10_leakage_audit", "12_comparison",
]  # fmt: skip


def made_up_study(home, task: Task, protocol="patient", present: tuple[int, ...] = ()) -> None:
    """Write what a study of the task leaves: 24 patients with two images each, runs of two seeds.

    Only labels whose numbers are ``present`` occur, if any are given; patients are known under
    the protocol patient.
    """
    rng, number = np.random.default_rng(0), np.arange(48)
    labels = np.resize(present or task.numbers, 48)
    grades = labels if task is BIRADS else number % 5 + 1
    table = pd.DataFrame({"image_id": [f"i{n}" for n in number], "birads": grades})
    patients = [f"p{n // 2}" for n in number] if protocol == "patient" else None
    table = table.assign(
        patient_id=patients, birads_original="", path=table["image_id"],
        laterality="L", view="CC", density=DENSITY.labels[0], malignancy=MALIGNANCY.labels[0],
        label="low",
        size_bytes=1, sha256=[f"{n + 1:064x}" for n in number],
    )  # fmt: skip
    cases.Dataset(home, table, cases.no_findings()).write(home)
    rows = table[["image_id", "patient_id"]].assign(seed=0, copy=0, y_true=labels)
    part_of = np.array(["test", "validation", "train", "train"])
    folds = [rows.assign(fold=k, part=part_of[(number // 2 + k) % 4]) for k in range(4)]
    rows = pd.concat([*folds, *(fold.assign(seed=1) for fold in folds)], ignore_index=True)
    one_hot = np.eye(len(task.labels))[rows["y_true"] - 1]
    epochs = {"stage": [1, 2], "epoch": [1, 2], "rate": [1e-3, 1e-4], "loss": [2.0, 1.0]}
    epochs |= {"val_loss": [2.0, 1.5], "accuracy": [0.3, 0.5], "val_accuracy": [0.3, 0.4]}
    for variant in ("proposed", "frozen"):
        folder = home / "runs" / variant / protocol
        p = rng.dirichlet(np.ones(len(task.labels)), size=len(rows)) + 0.5 * one_hot
        table = rows.assign(variant=variant, protocol=protocol)
        table[task.probabilities] = p / p.sum(1, keepdims=True)
        predictions.write(table, folder / "predictions.parquet", task)
        pd.DataFrame(epochs).assign(fold=0, seed=0).to_csv(folder / "history.csv")
        np.save(folder / "embeddings.npy", rng.normal(size=(len(rows), 4)))
        floors = [
            table[table["part"] == "test"].assign(variant=name)
            for name in ("majority", "density_and_view", "logistic_regression")
        ]
        predictions.write(pd.concat(floors), folder / "floors.parquet", task)
        settings = Settings(weights="none").model_dump(mode="json")
        facts = {"balance": True, "settings": settings}
        (folder / "run.json").write_text(json.dumps(facts))


class Shown:
    """A stand-in for ``press.run.Run`` that collects what a notebook shows."""

    def __init__(self, notebook, values, inputs=()):
        self.folder = Path(values["study_dir"])
        self.inputs = {Path(path) for path in dict(inputs).values()}
        self.texts, self.metrics, self.exhibits = [], [], []

    def value(self, name, text):
        self.texts += [name, text]

    def answer(self, text):
        self.texts.append(text)

    def facts(self, facts):
        self.texts += facts.values()

    def read_files(self, kind, hashes):
        self.texts.append(kind)

    def output(self, path):
        self.exhibits.append(path.name)

    def record(self, table):
        self.metrics += list(table["metric"])

    def publish(self, what, id, caption, alt="", data=None, protocols=None):
        drawn = texts(what) if isinstance(what, Figure) else [what.to_string()]
        self.texts += [caption, alt, *drawn]
        self.exhibits.append(id)


TARGET = {"classes": ["low", "middle", "high"], "act_from": "high", "title": "Risk"}


@pytest.fixture(
    scope="module", params=[DENSITY, MALIGNANCY, label_set_of(TARGET)], ids=lambda task: task.name
)
def task(request):
    return request.param


def executing(home, task: Task, protocol: str = "patient", **further):
    """Return a function that runs a notebook's code cells on the made-up study, once."""
    home.with_name("other").symlink_to(home)
    given = {"study_dir": str(home), "resamples": 10, "other": "other"}
    given["task"] = TARGET if task.name == OWN else task.name
    given |= {"protocol": protocol, "protocols": [protocol], **further}

    opened = set()

    def listening(read):
        def reading(path, *given, **options):
            opened.add(Path(path))
            return read(path, *given, **options)

        return reading

    @cache
    def run(notebook: str) -> tuple[Shown, str]:
        opened.clear()
        names, printed = {}, io.StringIO()
        # Only while it runs: two studies at hand would undo each other's patches in any order.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(press.run, "Run", Shown)
            patch.setattr(pd, "read_parquet", listening(pd.read_parquet))
            patch.setattr(np, "load", listening(np.load))
            patch.setattr(Path, "read_text", listening(Path.read_text))
            patch.setattr(neighbours, "umap", neighbours.tsne)  # takes seconds to import
            patch.setattr(claims, "load", CLAIMS)
            for cell in json.loads(source_notebook(notebook).read_text())["cells"]:
                if cell["cell_type"] == "code":
                    with contextlib.redirect_stdout(printed):
                        exec("".join(cell["source"]), names)
                    if "parameters" in cell["metadata"].get("tags", []):
                        names |= given
        if "run" in names:  # else the chapter refused the task
            assert {path for path in opened if home.parent in path.parents} <= names["run"].inputs
        return names["run"], printed.getvalue()

    return run


@pytest.fixture(scope="module")
def execute(task, tmp_path_factory):
    """A function that runs a notebook's code cells on a study of the task, once."""
    home = tmp_path_factory.mktemp("made_up") / task.name
    made_up_study(home, task)
    return executing(home, task)


SCARCE = {  # of five grades, those that images have; the protocol, under "image" without patients
    "three grades": ((1, 3, 5), "patient"),
    "four grades, no patients": ((1, 3, 4, 5), "image"),
}


@pytest.fixture(scope="module", params=SCARCE)
def execute_scarce(request, tmp_path_factory):
    """A function that runs a notebook on a study that lacks grades, or patients, too."""
    present, protocol = SCARCE[request.param]
    home = tmp_path_factory.mktemp("scarce") / "study"
    made_up_study(home, BIRADS, protocol, present)
    return executing(home, BIRADS, protocol)


@pytest.mark.parametrize("notebook", READING_PREDICTIONS)
def test_a_study_may_lack_grades_and_patients(execute_scarce, notebook):
    shown, printed = execute_scarce(notebook)
    assert shown.exhibits
    assert "nan" not in printed.lower().split()


@pytest.mark.parametrize("notebook", READING_PREDICTIONS)
def test_a_chapter_is_of_the_tasks_labels(execute, task, notebook):
    if not chapters.chapter(notebook).fits(task):
        with pytest.raises(UserError, match="no density category calls for action"):
            execute(notebook)
        return
    shown, printed = execute(notebook)
    everything = "\n".join([*shown.texts, printed])
    assert "BI-RADS" not in everything
    assert "birads" not in everything
    assert shown.exhibits
    assert not [name for name in shown.metrics if name.endswith(f"_{len(task.labels) + 1}")]


def test_what_needs_an_order_or_an_action_is_left_out_with_a_sentence(execute, task):
    shown, printed = execute("04_evaluation")
    assert ("have no order" in printed) != task.ordinal
    assert ("qwk" in shown.metrics) == task.ordinal
    shown, printed = execute("05_ablations")
    assert ("calls for action" in printed) != bool(task.decisions)
    assert ("delong" in shown.exhibits) == bool(task.decisions)
    shown, printed = execute("10_leakage_audit")
    assert "The paper has no values for these categories." in printed
    assert not {"paper-table", "possible-sizes", "near-sizes"} & set(shown.exhibits)


def test_a_chapter_says_where_the_network_stands_beside_its_floors(execute):
    shown, _ = execute("04_evaluation")
    text = "\n".join(shown.texts)
    assert "the network is not measurably different from its best floor in any of the" in text
    assert "The backbone starts from random numbers." in text
    assert "floors" in shown.exhibits
    assert {"minus_best_floor.mcc", "majority.accuracy"} <= set(shown.metrics)


def test_floors_stand_among_the_architectures_and_the_answers_of_the_audit(execute):
    shown, printed = execute("05_ablations")
    assert "floor: density and view" in shown.texts
    assert "The backbone starts from random numbers.\nMost frequent category: 0." in printed
    shown, _ = execute("10_leakage_audit")
    text = "\n".join(shown.texts)
    assert (
        "By patient: After Holm's adjustment, the network is not measurably different from its "
        "best floor in any of the" in text
    )
    assert "Logistic regression, frozen features" in shown.texts
    assert {"patient.minus_best_floor.mcc", "patient.density_and_view.mcc"} <= set(shown.metrics)


def test_a_study_has_the_chapters_that_make_sense_for_its_task(tmp_path):
    text = (CONFIG / "smoke.yaml").read_text()
    paper = study.load(CONFIG / "smoke.yaml").pages()
    left_out = {}
    for task in TASKS.keys() - {"lesion_kind"}:  # which is of regions
        path = tmp_path / f"{task}.yaml"
        path.write_text(f"task: {task}\n{text}")
        pages = study.load(path).pages()
        left_out[task] = {page.split("-")[0] for page in paper if page not in pages}
    assert left_out == {
        "birads": set(),
        "density": {"07_decision_curves", "11_claims", "16_touch"},
        "malignancy": {"11_claims", "16_touch"},
    }


def explored(home, task: Task, **further):
    """Return what the chapter on the data shows of twelve images a label, and prints.

    Those of the first label are larger files; one image is flat, one has white air, one is a text.
    """
    first, *others = [
        [f"images/{label}/P{label}{n // 2}_{n % 2}.png" for n in range(12)] for label in task.labels
    ]
    write_images(home.parent, first, (60, 50))
    write_images(home.parent, [name for names in others for name in names], (30, 25))
    last = home.parent / "images" / task.labels[-1]
    (last / "notes.txt").write_text("of the ward")
    cv2.imwrite(str(last / f"P{task.labels[-1]}0_0.png"), np.full((30, 25), 9, np.uint8))
    white = np.pad(np.full((20, 15), 60, np.uint8), 5, constant_values=250)
    white[12, 12] = 0
    cv2.imwrite(str(last / f"P{task.labels[-1]}1_0.png"), white)
    dataset = {"reader": "class_folders", "folder": str(home.parent / "images")}
    dataset["patient_pattern"] = "P(.+)_"
    home.mkdir()
    return executing(home, task, dataset=dataset, **further)("01_data_exploration")


@pytest.mark.parametrize("names", [False, True])
def test_the_data_chapter_says_what_is_odd_and_what_tells_the_label(tmp_path, names):
    shown, printed = explored(tmp_path / "study", DENSITY, show_pixels=False, show_names=names)
    assert {"image-formats", "shortcuts", "samples"} <= set(shown.exhibits)
    assert "File size alone tells density A from the rest: " in printed
    assert "1 of 48 images seem flat" in printed
    assert "1 of 48 images seem inverted" in printed
    assert "left out, as they are no images (1 files)" in printed
    for name in ("D/PD0_0.png", "D/PD1_0.png", "D/notes.txt"):
        assert (name in printed) == names
    assert "50 x 60" in "\n".join(shown.texts)
    assert "BI-RADS" not in "\n".join([*shown.texts, printed])


def test_a_sweep_has_a_table_of_its_variants(tmp_path):
    home, runs = tmp_path / "study", ["proposed/patient", "frozen/patient"]
    made_up_study(home, BIRADS)
    for name, accuracy in zip(runs, (0.5, 0.25), strict=True):
        value = {"estimate": accuracy, "low": accuracy - 0.1, "high": None}
        recorded = json.dumps({"accuracy": value, "recall_2": value})
        (home / "runs" / name / "04_evaluation.metrics.json").write_text(recorded)
    run = executing(home, BIRADS, runs=runs, changes={"frozen": {"stage2_epochs": 0}})
    shown, printed = run("05_sweep")
    table = " ".join(shown.texts)
    assert shown.exhibits == ["variants"]
    assert "0.50 (no interval)" in table
    assert "stage2_epochs" in table
    assert "recall" not in table
    assert "0.25 between the variants" in printed
