"""A trained run grades files: by the command, as its models and their folds say."""

import functools
import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pydicom
import pytest

from birads_lib import images, parallel, predict, predictions
from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import DatasetError, UserError
from birads_lib.explain.grad_cam import grad_cam
from birads_lib.files import sha256
from birads_lib.predict import command_line, grades, heat_maps
from birads_lib.scores import recalibration
from birads_lib.splits import deal
from birads_lib.task import BIRADS, MALIGNANCY, Task
from birads_lib.training.fold import Trainer
from birads_lib.training.run import train_run
from birads_lib.training.settings import Settings
from helpers.dicom_files import mammogram
from helpers.tiny_network import tiny_resnet

SIZE, IMAGES = 32, 48
PREPROCESSING = {"image_size": SIZE, "clip_limit": 3.0}
MODEL = "seed3/fold0/model.keras"
SETTINGS = Settings(
    backbone="small_resnet", weights="phantoms", image_size=SIZE, encoder_layers=0, dense_1=8,
    dense_2=8, augment=False, stage1_epochs=1, stage1_rate=1e-2, stage2_epochs=0, batch_size=8,
)  # fmt: skip
PARAMETERS = {
    "variant": "proposed", "protocol": "patient", "seeds": [3], "folds": 3,
    "validation_share": 0.2, "balance": True, "image_file": "images.npy",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _tiny_trunk(tmp_path_factory):
    with tiny_resnet(tmp_path_factory.mktemp("weights") / "tiny.weights.h5"):
        yield


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder of images that say their patient and side, another folder below it."""
    folder, rng = tmp_path_factory.mktemp("scans"), np.random.default_rng(0)
    (folder / "more").mkdir()
    for number in range(IMAGES):
        below = "more/" if number % 2 else ""
        name = f"{below}p{number // 4:02}_{'LR'[number % 2]}_{number}.png"
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (50, 40), dtype="uint8"))
    return folder


@pytest.fixture(scope="module")
def trained(scans, tmp_path_factory):
    """The folder of a run over those images, of three folds."""
    folder, files = tmp_path_factory.mktemp("run"), sorted(scans.rglob("*.png"))
    prepared = [images.preprocess(images.read_grey(file), **PREPROCESSING) for file in files]
    cases = pd.DataFrame(
        {
            "image_id": [file.name for file in files],
            "patient_id": [file.name[:3] for file in files],
            "laterality": "L",
            "birads": [int(file.name[1:3]) % 4 + 1 for file in files],
        }
    )
    trainer = Trainer(np.stack(prepared), cases, SETTINGS, progress=lambda line: None)
    parts = deal(cases, "patient", 3, [3], 0.2, True, BIRADS)
    train_run(trainer, parts, folder, PARAMETERS, images.Options.of(PREPROCESSING))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _models_loaded_once():
    """A model takes a second to load and to compile: the tests share those of one run."""
    with pytest.MonkeyPatch.context() as patch:
        load = functools.cache(keras.saving.load_model)
        patch.setattr("keras.saving.load_model", lambda path, **_: load(str(path), compile=False))
        yield


def command(*words) -> int:
    before, sys.argv = sys.argv, ["birads", "predict", *map(str, words)]
    try:
        return command_line.main()
    finally:
        sys.argv = before


def by_hand(folder, files, prevalence=None):
    """The mean over models of their probabilities, (n, K), with Keras and NumPy alone."""
    pictures = [images.preprocess(images.read_grey(file), **PREPROCESSING) for file in files]
    table, total = pd.read_parquet(folder / "predictions.parquet"), []
    for path in sorted(folder.rglob("model.keras")):
        seed, fold = int(path.parts[-3][4:]), int(path.parts[-2][4:])
        rows = table[(table["seed"] == seed) & (table["fold"] == fold)]
        validation = rows[rows["part"] == "validation"]
        y, p = validation["y_true"].to_numpy(), predictions.probabilities(validation)
        logits = np.log(
            keras.saving.load_model(path).predict_on_batch(np.stack(pictures)[..., None])
        )
        raised = np.exp(logits / recalibration.fitted_temperature(y, p))
        if prevalence is not None:
            seen = rows[rows["part"] == "train"]["y_true"].unique()
            raised *= np.array(prevalence) * np.isin(BIRADS.numbers, seen)
        total.append(raised / raised.sum(axis=1, keepdims=True))
    return np.mean(total, axis=0)


def test_the_log_of_tensorflow_is_quiet_unless_asked_for(tmp_path, monkeypatch):
    words = (tmp_path, tmp_path / "none.png", "--out", tmp_path / "grades.csv")
    for given, left in ((None, "3"), ("0", "0")):
        monkeypatch.setattr(os, "environ", {} if given is None else {"TF_CPP_MIN_LOG_LEVEL": given})
        assert command(*words) == 2  # there is no such image
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == left


def test_files_and_folders_are_graded_by_all_models(trained, scans, tmp_path, capsys):
    assert command(trained, scans, "--out", tmp_path / "grades.csv") == 0
    table, files = pd.read_csv(tmp_path / "grades.csv"), sorted(scans.rglob("*.png"))
    assert sorted(table["file"]) == sorted(map(str, files))
    expected = by_hand(trained, map(Path, table["file"]))
    np.testing.assert_allclose(table[BIRADS.probabilities], expected, atol=1e-5)
    assert list(table["grade"]) == list(expected.argmax(axis=1) + 1)
    np.testing.assert_allclose(table["expected_grade"], expected @ BIRADS.numbers, atol=1e-4)
    assert table["problem"].isna().all()
    assert f"{IMAGES} of {IMAGES} images graded" in capsys.readouterr().out


def test_a_prevalence_can_be_stated(trained, scans, tmp_path):
    wanted = [0.6, 0.2, 0.1, 0.05, 0.05]
    text = ",".join(map(str, wanted))
    command(trained, scans, "--out", tmp_path / "grades.csv", "--prevalence", text)
    table = pd.read_csv(tmp_path / "grades.csv")
    expected = by_hand(trained, map(Path, table["file"]), wanted)
    np.testing.assert_allclose(table[BIRADS.probabilities], expected, atol=1e-5)


def test_natural_prevalence_is_that_of_distinct_training_images(trained, scans):
    run = predict.TrainedRun.load(trained)
    table = pd.read_parquet(trained / "predictions.parquet")
    for member, (_, rows) in zip(run.members, table.groupby(["seed", "fold"]), strict=True):
        images = rows[rows["part"] == "train"].drop_duplicates("image_id")
        shares = images["y_true"].value_counts(normalize=True).reindex(BIRADS.numbers).fillna(0)
        np.testing.assert_allclose(member.natural, shares)


def test_more_files_than_are_held_at_once_give_the_same(trained, scans, monkeypatch):
    run, files = predict.TrainedRun.load(trained), sorted(scans.rglob("*.png"))
    whole = predict.graded(run, files)
    monkeypatch.setattr(grades, "CHUNK", 5)
    pd.testing.assert_frame_equal(predict.graded(run, files), whole, atol=1e-6)


class Recording:
    """A model whose answers tell images apart, and which notes how many it was given at once."""

    def __init__(self):
        self.sizes = []

    def predict_on_batch(self, images):
        self.sizes.append(len(images))
        means = images.mean(axis=(1, 2, 3))[:, None] + np.arange(5)
        return means / means.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 70, 96])
def test_a_model_is_traced_for_two_numbers_of_images_at_most(count):
    model, pictures = Recording(), np.random.default_rng(0).integers(1, 256, (count, 4, 4, 1))
    answers = predict.trained_run.Member(model, 1.0, None, None).raw(pictures)
    np.testing.assert_allclose(answers, Recording().predict_on_batch(pictures))
    assert model.sizes == [32] * (count // 32) + [count % 32] * (count % 32 > 0)


def test_files_that_cannot_be_read_leave_batches_as_large_as_they_are(
    trained, scans, tmp_path, monkeypatch
):
    run, files = predict.TrainedRun.load(trained), sorted(scans.rglob("*.png"))[:11]
    expected = predict.graded(run, files)
    for number in (0, 3, 4):
        files[number] = tmp_path / f"{number}.png"
        files[number].write_bytes(b"no picture")
    monkeypatch.setattr(grades, "CHUNK", 5)
    answer, sizes = predict.TrainedRun.probabilities, []
    monkeypatch.setattr(
        predict.TrainedRun, "probabilities",
        lambda run, images, shares: sizes.append(len(images)) or answer(run, images, shares),
    )  # fmt: skip
    table = predict.graded(run, files)
    assert sizes == [5, 5, 1]
    assert list(table.index[table["problem"] != ""]) == [0, 3, 4]
    good = table["problem"] == ""
    pd.testing.assert_frame_equal(table[good], expected[good], atol=1e-6)


def test_no_more_images_are_prepared_than_are_soon_graded(trained, scans, monkeypatch):
    run, files = predict.TrainedRun.load(trained), sorted(scans.rglob("*.png"))
    monkeypatch.setattr(grades, "CHUNK", 5)
    monkeypatch.setattr(parallel, "AHEAD", 5)
    ahead, prepared, answered = [], [], []

    def prepare(*given):
        prepared.append(given)
        return np.zeros((SIZE, SIZE), np.uint8)

    def answer(run, images, prevalence):
        ahead.append(len(prepared) - len(answered))
        answered.extend(images)
        return np.full((1, len(images), 5), 0.2)

    monkeypatch.setattr(grades, "prepared", prepare)
    monkeypatch.setattr(predict.TrainedRun, "probabilities", answer)
    assert len(predict.graded(run, files)) == len(answered) == len(prepared) == IMAGES
    assert max(ahead) <= 10


def test_a_run_may_lie_below_folders_that_look_like_its_own(trained, tmp_path):
    inner = tmp_path / "seed7/fold3"
    inner.mkdir(parents=True)
    moved = predict.TrainedRun.load(changed_run(trained, inner, lambda facts: None))
    expected = predict.TrainedRun.load(trained).members
    for member, other in zip(moved.members, expected, strict=True):
        assert member.temperature == other.temperature
        np.testing.assert_array_equal(member.natural, other.natural)


def test_the_first_trace_of_each_of_many_models_is_no_retracing(trained):
    predict.TrainedRun.load(trained).members  # noqa: B018 (loads them)
    log = logging.getLogger("tensorflow")
    said = ("5 out of the last 5 calls to <f> triggered tf.function retracing. Do ...", "no device")
    records = [log.makeRecord(log.name, logging.WARNING, "", 0, text, (), None) for text in said]
    assert [bool(log.filter(record)) for record in records] == [False, True]


def cohort(scans):
    """The images as a data set, in an order of their own."""
    files = sorted(scans.rglob("*.png"))[::-1]
    rows = {"image_id": [file.stem for file in files], "sha256": list(map(sha256, files))}
    rows |= {"path": [file.relative_to(scans).as_posix() for file in files], "size_bytes": 1}
    return Dataset(scans, pd.DataFrame(rows), no_findings())


@pytest.mark.parametrize("chunk", [5, 16, 64])
def test_every_model_grades_a_cohort(trained, scans, monkeypatch, chunk):
    monkeypatch.setattr(grades, "CHUNK", chunk)
    run, images = predict.TrainedRun.load(trained), cohort(scans)
    said = predict.by_every_model(run, images)
    prepared = np.stack([run.prepare(file) for file in images.files()])[..., None]
    expected = [member.model.predict_on_batch(prepared) for member in run.members]
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_a_cohort_that_changed_is_refused_with_all_that_is_wrong(trained, scans, tmp_path):
    for file in sorted(scans.glob("*.png"))[:3]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    images = cohort(tmp_path)
    files = images.files()
    files[0].unlink()
    cv2.imwrite(str(files[2]), np.zeros((9, 9), "uint8"))
    with pytest.raises(DatasetError) as error:
        predict.by_every_model(predict.TrainedRun.load(trained), images)
    said = dict(zip((files[0], files[2]), error.value.problems, strict=True))
    for file, what in zip(said, ("cannot be read", "has changed since"), strict=True):
        assert file.name in said[file]
        assert what in said[file]


def test_breasts_and_patients(trained, scans, tmp_path):
    words = ["--by", "breast", "--pattern", r"(?P<patient>p\d+)_(?P<laterality>[LR])"]
    assert command(trained, scans, "--out", tmp_path / "breasts.csv", *words) == 0
    files = sorted(scans.rglob("*.png"))
    by_image = predict.graded(predict.TrainedRun.load(trained), files)
    breasts = pd.read_csv(tmp_path / "breasts.csv")
    patients = predict.joined(
        by_image, predict.patients_and_sides(files, words[-1]), "patient", BIRADS
    )
    by_image[["patient", "side"]] = by_image["file"].str.extract(r"(p\d+)_([LR])")
    mean = by_image.groupby(["patient", "side"])[BIRADS.probabilities].mean()
    np.testing.assert_allclose(breasts[BIRADS.probabilities], mean, atol=1e-9)
    assert (breasts["images"] == 2).all()
    worse = (mean @ BIRADS.numbers).groupby("patient").max()
    np.testing.assert_allclose(patients["expected_grade"], worse, atol=1e-9)
    assert (patients["breasts"] == 2).all()


UNORDERED = Task("label", "Tissue", "", ("fat", "cyst", "cancer"), ordinal=False)


def of_two_breasts(task: Task, *p: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of grades with an image of each breast of one patient, and whose they are."""
    table = pd.DataFrame(p, columns=task.probabilities).assign(problem="")
    return table, pd.DataFrame({"patient": "p", "laterality": ["L", "R"]})


@pytest.mark.parametrize(
    ("task", "p"),
    [
        (MALIGNANCY, [[0.6, 0.4], [0.9, 0.1]]),
        # Of these the right breast has the higher mean number.
        (replace(UNORDERED, act_from=2),
         [[0.1, 0.9, 0.0], [0.5, 0.0, 0.5]]),
    ],
)  # fmt: skip
def test_of_labels_without_an_order_the_breast_that_calls_for_action_is_the_worse(task, p):
    made = predict.joined(*of_two_breasts(task, *p), "patient", task)
    assert made["laterality"].tolist() == ["L"]
    assert "expected_grade" not in made


def test_breasts_are_not_ranked_by_labels_that_do_not_say_which_is_worse(
    trained, scans, tmp_path, monkeypatch, capsys
):
    given = of_two_breasts(UNORDERED, [0.1, 0.1, 0.8], [0.8, 0.1, 0.1])
    with pytest.raises(UserError, match="fat, cyst, cancer have no order"):
        predict.joined(*given, "patient", UNORDERED)
    assert len(predict.joined(*given, "breast", UNORDERED)) == 2
    folder = changed_run(trained, tmp_path, lambda facts: facts["task"].update(
        ordinal=False, act_from=None
    ))  # fmt: skip
    monkeypatch.setattr(command_line, "graded", None)  # nothing is graded in vain
    words = ["--by", "patient", "--pattern", r"(?P<patient>p\d+)_(?P<laterality>[LR])"]
    assert command(folder, scans, "--out", tmp_path / "grades.csv", *words) == 2
    assert "--by breast" in capsys.readouterr().err


def test_what_cannot_be_read_is_listed_and_the_rest_done(trained, scans, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    (tmp_path / "empty.png").touch()
    good = next(scans.glob("*.png"))
    assert command(trained, tmp_path, good, "--out", tmp_path / "grades.csv") == 1
    table = pd.read_csv(tmp_path / "grades.csv").set_index("file")
    assert "zero bytes" in table.loc[str(tmp_path / "empty.png"), "problem"]
    assert "decoded" in table.loc[str(tmp_path / "broken.png"), "problem"]
    assert table.loc[str(good), "grade"] in BIRADS.numbers
    assert "not graded: " in capsys.readouterr().err


def test_nothing_is_written_over(trained, scans, tmp_path, capsys):
    (tmp_path / "grades.csv").write_text("of yesterday")
    assert command(trained, scans, "--out", tmp_path / "grades.csv") == 2
    assert (tmp_path / "grades.csv").read_text() == "of yesterday"
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prevalence", "0.5,0.5"], "5 shares that sum to 1"),
        (["--prevalence", "0.5,0.5,0.5,0,0"], "5 shares that sum to 1"),
        (["--prevalence", "2,-1,0,0,0"], "5 shares that sum to 1"),
        (["--prevalence", "screening"], "'natural'"),
        (["--by", "breast"], "laterality, such as (?P<patient>P[0-9]+)_(?P<laterality>[LR])"),
        (
            ["--by", "breast", "--pattern", "("],
            "no regular expression (missing ), unterminated subpattern at position 0); expected",
        ),
        (["--by", "patient", "--pattern", "(?P<patient>q)(?P<laterality>L)"], "48 names, such as "),
    ],
)
def test_what_cannot_be_meant_is_refused(trained, scans, tmp_path, capsys, words, message):
    assert command(trained, scans, "--out", tmp_path / "grades.csv", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "grades.csv").exists()


def test_images_that_are_not_there(trained, tmp_path, capsys):
    assert command(trained, tmp_path / "none", "--out", tmp_path / "grades.csv") == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    assert command(trained, tmp_path / "folder", "--out", tmp_path / "grades.csv") == 2
    assert "no images" in capsys.readouterr().err


def changed_run(trained, folder, change):
    """A copy of the run's folder, by links, with another run.json."""
    for path in trained.rglob("*"):
        if path.is_file() and path.name != "run.json":
            (folder / path.relative_to(trained)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(trained)).symlink_to(path)
    facts = json.loads((trained / "run.json").read_text())
    change(facts)
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts.pop("preprocessing"), "train it again"),
        (lambda facts: facts["left_by_folds"].clear(), "kept no model"),
        (
            lambda facts: facts["left_by_folds"].update({"seed3/fold0/model.keras": "0"}),
            "not the model",
        ),
        (lambda facts: facts["left_by_folds"].update({"seed9/fold0/model.keras": "0"}), "is gone"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(trained, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        predict.TrainedRun.load(changed_run(trained, tmp_path, change))


def test_a_folder_without_run_json_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds no run\.json"):
        predict.TrainedRun.load(tmp_path)


def test_heat_maps_and_reports_go_into_folders(trained, scans, tmp_path, capsys):
    pixels = np.random.default_rng(1).integers(0, 4000, (50, 40), dtype="uint16")
    mammogram(pixels).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    (tmp_path / "empty.png").touch()
    given = [tmp_path / "one.dcm", tmp_path / "empty.png", next(scans.glob("*.png"))]
    folders = ["--heat", tmp_path / "maps", "--dicom", tmp_path / "reports"]
    assert command(trained, *given, "--out", tmp_path / "grades.csv", *folders) == 1
    maps = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert maps == ["0001_one.png", f"0002_{given[2].stem}.png"]
    reports = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert reports == ["0001_one_grade.dcm", "0001_one_heat.dcm"]
    report = pydicom.dcmread(tmp_path / "reports/0001_one_grade.dcm")
    assert report.PatientID == "p01"
    capture = pydicom.dcmread(tmp_path / "reports/0001_one_heat.dcm").pixel_array
    drawn = cv2.imread(str(tmp_path / "maps/0001_one.png"))[..., ::-1]
    assert np.abs(capture.mean((0, 1)) - drawn.mean((0, 1))).max() < 5  # at another resolution


def test_an_image_without_a_study_gets_its_grade_and_no_report(trained, tmp_path, capsys):
    for name in ("whole", "nameless"):
        image = mammogram()
        if name == "nameless":
            del image.StudyInstanceUID
        image.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    given = [tmp_path / "nameless.dcm", tmp_path / "whole.dcm"]
    words = ["--out", tmp_path / "grades.csv", "--dicom", tmp_path / "reports"]
    assert command(trained, *given, *words) == 1
    assert pd.read_csv(tmp_path / "grades.csv")["problem"].isna().all()
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["0002_whole_grade.dcm"]
    assert f"no report: {given[0]}: no StudyInstanceUID" in capsys.readouterr().err


def test_what_is_no_image_is_left_out_by_name_and_odd_suffixes_are_tried(
    trained, scans, tmp_path, capsys
):
    good = next(scans.glob("*.png"))
    (tmp_path / "scan.bin").write_bytes(good.read_bytes())
    (tmp_path / "notes.txt").write_text("of the radiographer")
    assert command(trained, tmp_path, "--out", tmp_path / "grades.csv") == 0
    assert [Path(f).name for f in pd.read_csv(tmp_path / "grades.csv")["file"]] == ["scan.bin"]
    assert "notes.txt" in capsys.readouterr().err


def test_a_map_is_the_mean_of_the_models_maps_of_the_grade(trained, scans, monkeypatch):
    run, drawn = predict.TrainedRun.load(trained), []
    table = predict.graded(run, sorted(scans.rglob("*.png"))[:3])
    monkeypatch.setattr("birads_lib.figures.explain.overlay", lambda *given: drawn.append(given))
    assert len(list(heat_maps.overlays(run, table))) == 3
    pictures = np.stack([run.prepare(Path(file)) for file in table["file"]])
    labels = table["grade"].astype(int).to_numpy()
    maps = [grad_cam(member.model, pictures, labels).values for member in run.members]
    for (image, shown, title, _), picture, expected, label in zip(
        drawn, pictures, np.mean(maps, axis=0), labels, strict=True
    ):
        np.testing.assert_array_equal(image, picture)
        np.testing.assert_allclose(shown, expected, atol=1e-5)
        assert f"BI-RADS {label}" in title


def test_a_heat_map_warns_with_the_studys_scores(tmp_path):
    assert "Nobody has scored" in heat_maps.warning(tmp_path)
    of_others = {"qwk": {"estimate": 0.7}}
    (tmp_path / "04_evaluation.metrics.json").write_text(json.dumps(of_others))
    assert "Nobody has scored" in heat_maps.warning(tmp_path)
    scores = {"pointing_game": {"estimate": 0.14}, "pointing_game_brightness": {"estimate": 0.21}}
    (tmp_path / "where_maps_look.metrics.json").write_text(json.dumps(scores))
    said = heat_maps.warning(tmp_path)
    assert "the map in 14%" in said
    assert "the brightest place in 21%" in said
    assert "not a medical device" in said
    unknown = {"pointing_game": {"estimate": None}}
    (tmp_path / "where_maps_look.metrics.json").write_text(json.dumps(unknown))
    assert "no findings" in heat_maps.warning(tmp_path)


def test_a_patient_in_two_unicode_forms_is_one():
    files = [Path(f"{name}_L.png") for name in ("M\u00fcller", "Mu\u0308ller")]
    names = predict.patients_and_sides(files, r"(?P<patient>\w+)_(?P<laterality>[LR])")
    assert names["patient"].tolist() == ["M\u00fcller"] * 2
