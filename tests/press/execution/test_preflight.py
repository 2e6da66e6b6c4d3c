"""The preflight: a study's images are described, and its problems found, before it runs."""

import re

import numpy as np
import pytest
from PIL import Image

from birads_lib.errors import DatasetError, UserError
from birads_lib.images.decode import read_grey, shape_by_header
from birads_lib.readers import by_name, image_files, phantoms
from helpers.image_folders import category_folders, write_images
from press.execution import preflight
from press.paths import CONFIG
from press.rendering import staging
from press.studies import study

PATIENT = "'(P[0-9]+)_'"
CHECK_BOOK = staging.check


@pytest.fixture(autouse=True)
def _images_alone(monkeypatch):
    """Skip the check of prose around pages: it is the same for all studies, tested elsewhere."""
    monkeypatch.setattr(staging, "check", lambda study: None)


@pytest.fixture
def load(tmp_path):
    """A function that writes and loads a study of a folder; further lines are of the YAML."""

    def write(folder, pattern=PATIENT, further="", dataset=""):
        known = f", patient_pattern: {pattern}" if pattern else ""
        keys = f"reader: class_folders, folder: {folder}{known}{dataset}"
        path = tmp_path / "mine.yaml"
        path.write_text(f"name: mine\ndataset: {{{keys}}}\n{further}")
        return study.load(path)

    return write


def problems(mine):
    with pytest.raises(UserError) as error:
        preflight.check(mine)
    return str(error.value)


def test_what_was_understood_is_said(load, tmp_path):
    folder = category_folders(tmp_path / "images", labels="1345")
    (folder / "1" / "P10_CC.png").rename(folder / "1" / "P11_again.png")
    text = "\n".join(preflight.check(load(folder)))
    assert "48 images of 24 patients (patients with 1 image: 1, 2 images: 22, 3 images: 1)" in text
    assert "each taken for a BI-RADS category: 1: 12, 3: 12, 4: 12, 5: 12" in text
    assert "No image of BI-RADS 2" in text
    assert "'3/P30_CC.png': patient 'P30', BI-RADS 3" in text


def test_labels_that_may_be_densities_are_asked_about(load, tmp_path):
    folder = category_folders(tmp_path / "images", labels="123")
    question = "Are these breast densities, 1 to 4? Then write 'task: density'"
    assert question in "\n".join(preflight.check(load(folder)))
    text = "\n".join(preflight.check(load(folder, further="task: density\n")))
    assert question not in text
    assert "each taken for a density category: A: 12, B: 12, C: 12" in text
    assert "No image of density D" in text


def test_files_that_are_left_out_are_named(load, tmp_path):
    folder = category_folders(tmp_path / "images")
    (folder / "3" / "notes.txt").write_text("of the radiologist")
    assert "no images (1 files): 3/notes.txt" in "\n".join(preflight.check(load(folder)))


def test_nothing_is_said_of_a_patient_that_nobody_knows(load, tmp_path):
    folder = category_folders(tmp_path / "images")
    text = "\n".join(preflight.check(load(folder, pattern="", further="protocols: [image]\n")))
    assert "60 images; whose they are is not known" in text
    assert "'1/P10_CC.png': patient unknown" in text


def test_a_pattern_that_makes_a_patient_of_each_image_stops(load, tmp_path):
    folder = category_folders(tmp_path / "images")
    text = problems(load(folder, pattern="'(.+)'"))
    assert "each of 60 images is of a patient of its own" in text
    assert "'1/P10_CC.png' of 'P10_CC.png'" in text
    assert "correct patient_pattern" in text
    assert "one_image_per_patient: true" in text


def test_one_image_per_patient_holds_where_the_study_says_so(load, tmp_path):
    names = [f"{label}/{label}{n}.png" for label in range(1, 6) for n in range(6)]
    folder = write_images(tmp_path / "images", names)
    key = ", one_image_per_patient: true"
    for pattern in ("'([0-9]+)'", ""):  # without one, each image is its patient
        text = "\n".join(preflight.check(load(folder, pattern, dataset=key)))
        assert "30 images of 30 patients (patients with 1 image: 30)" in text
    assert "each of 30 images" in problems(load(folder, pattern="'([0-9]+)'"))
    siblings = category_folders(tmp_path / "siblings")
    assert "patient 'P10' has 2 images; remove the key" in problems(load(siblings, dataset=key))


def test_few_images_may_each_have_a_patient(tmp_path):
    names = [f"1/{n}.png" for n in range(by_name.FEW + 1)]
    folder = write_images(tmp_path, names)
    options = {"patient_pattern": "([0-9]+)"}
    with pytest.raises(DatasetError):
        by_name.read("class_folders", folder, **options)
    (folder / "1" / "0.png").unlink()
    assert len(by_name.read("class_folders", folder, **options).cases) == by_name.FEW


@pytest.mark.parametrize(
    ("folds", "patients", "expected"),
    [
        (2, 2, "BI-RADS 1 has 2 patients; 2 folds need at least 3, as training, validation and "
         "test each need one: bring more, or leave them out"),
        (5, 4, "BI-RADS 5 has 4 patients; 5 folds need at least 5, as training, validation and "
         "test each need one: set folds to 4 or less"),
    ],
)  # fmt: skip
def test_folds_are_dealt_beforehand(load, tmp_path, folds, patients, expected):
    folder = category_folders(tmp_path / "images", patients=patients)
    further = f"protocols: [patient, image]\nnotebooks: {{03_training: {{folds: {folds}}}}}\n"
    assert f"protocol 'patient': {expected}" in problems(load(folder, further=further))


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ("backbone: resnet50, weights: phantoms", '"phantoms" is not for the backbone resnet50'),
        ("weights: no.weights.h5", "'no.weights.h5' is not a file"),
        ("taps: [conv9, last]", "taps: small_resnet has no layer 'conv9'"),
    ],
)
def test_weights_and_taps_are_tried_beforehand(load, tmp_path, training, expected):
    folder = category_folders(tmp_path / "images")
    further = f"notebooks: {{03_training: {{{training}}}}}\n"
    assert expected in problems(load(folder, further=further))


def test_weights_in_a_home_are_found(load, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "wrong.weights.h5").write_bytes(b"no weights")
    further = "notebooks: {03_training: {weights: ~/wrong.weights.h5}}\n"
    said = problems(load(category_folders(tmp_path / "images"), further=further))
    assert "doesn't fit the backbone small_resnet" in said


def test_weights_that_have_a_name_are_asked_for_by_it(load, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(preflight.backbones, "check", lambda *given: asked.append(given))
    further = "notebooks: {03_training: {backbone: resnet50_conv4, weights: imagenet}}\n"
    preflight.check(load(category_folders(tmp_path / "images"), further=further))
    assert ("resnet50_conv4", "imagenet") in [(backbone, weights) for backbone, weights, _ in asked]


def test_weights_that_do_not_fit_stop(load, tmp_path):
    folder, file = category_folders(tmp_path / "images"), tmp_path / "wrong.weights.h5"
    file.write_bytes(b"no weights")
    further = f"variants: {{proposed: {{weights: {file}}}}}\n"
    assert "doesn't fit the backbone small_resnet" in problems(load(folder, further=further))


def test_all_problems_at_once_below_what_was_understood(load, tmp_path):
    folder = category_folders(tmp_path / "images", patients=4)
    text = problems(load(folder, further="notebooks: {03_training: {weights: no.weights.h5}}\n"))
    assert text.count("has 4 patients") == 5
    assert "is not a file" in text
    assert text.startswith("The study 'mine':\n  40 images of 20 patients")


def test_the_default_study_is_looked_at_without_drawing_an_image(monkeypatch):
    monkeypatch.setattr("birads_lib.readers.phantoms.ProcessPoolExecutor", None)  # which draws them
    mine = study.load(CONFIG / "phantoms.yaml")
    assert "480 images of 120 patients" in preflight.check(mine)[1]


def test_phantoms_are_known_before_they_are_drawn(tmp_path):
    options = {"patients": 3, "size": 64, "workers": 1, "disagreement": 0.5}
    foreseen = phantoms.read(tmp_path / "none", pixels=False, **options)
    assert not (tmp_path / "none").exists()
    drawn = phantoms.read(tmp_path / "some", **options)
    of_files = ["size_bytes", "sha256"]
    assert foreseen.cases.drop(columns=of_files).equals(drawn.cases.drop(columns=of_files))
    with pytest.raises(ValueError, match="not read"):
        foreseen.write(tmp_path / "none")


def test_headers_alone_are_read(tmp_path):
    folder = write_images(tmp_path, ["1/a.png", "2/b.png"], size=(90, 80))
    cut = (folder / "1" / "a.png").read_bytes()[:-900]
    (folder / "1" / "a.png").write_bytes(cut)
    assert len(by_name.read("class_folders", folder, pixels=False).cases) == 2
    with pytest.raises(DatasetError, match="cut off"):
        by_name.read("class_folders", folder)
    inspected = image_files.inspect_header(folder / "2" / "b.png")
    assert (inspected.height, inspected.width) == (90, 80)
    (folder / "2" / "b.png").write_bytes(b"")
    (folder / "1" / "a.png").write_bytes(b"text")
    with pytest.raises(DatasetError) as error:
        by_name.read("class_folders", folder, pixels=False)
    starts = ("'1/a.png' is not a PNG", "'2/b.png' is empty")
    for line, start in zip(error.value.problems, starts, strict=True):
        assert line.startswith(start)


def test_a_header_tells_the_shape_of_a_turned_picture(tmp_path):
    image = Image.fromarray(np.zeros((20, 16), np.uint8))
    for suffix in ("png", "jpg", "tif"):
        exif = Image.Exif()
        exif[274] = 6  # orientation: to be turned by a quarter
        image.save(tmp_path / f"a.{suffix}", exif=exif)
        path = tmp_path / f"a.{suffix}"
        assert shape_by_header(path) == read_grey(path).shape == (16, 20), suffix


def given_table(folder, shared: int = 0, unlisted: int = 0):
    """Write a table of 60 patients with two images each; the last image of some is moved."""
    rows = ["image,patient,birads,part"]
    for number in range(60):
        part = "" if number < unlisted else "test" if number % 4 == 3 else "train"
        for view in ("CC", "MLO"):
            moved = part == "test" and view == "MLO" and number < 4 * shared
            name = f"P{number:02}_{view}.png"
            rows.append(f"{name},P{number:02},{number % 5 + 1},{'train' if moved else part}")
    write_images(folder, [row.split(",")[0] for row in rows[1:]])
    (folder / "list.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def load_given(tmp_path):
    def write(folder, protocols="[given]", columns="columns: {split: part}"):
        path = tmp_path / "mine.yaml"
        keys = f"reader: table, folder: {folder}, {columns}".rstrip(", ")
        path.write_text(f"name: mine\ndataset: {{{keys}}}\nprotocols: {protocols}\n")
        return study.load(path)

    return write


def test_a_given_split_is_counted_and_has_one_fold(load_given, tmp_path):
    mine = load_given(given_table(tmp_path / "images", unlisted=2), "[patient, given]")
    text = "\n".join(preflight.check(mine))
    counts = "train: 86, validation: drawn from training, test: 30; 4 images have no part"
    assert f"Images by given part: {counts} and are left out" in text
    folds = {p: mine.values("03_training", "proposed", p).get("folds") for p in mine.protocols}
    assert folds == {"patient": None, "given": 1}
    assert mine.values("03_training_floors")["trainings"]["proposed/given"]["folds"] == 1


def test_a_given_split_that_leaks_stops_with_its_count_unless_it_is_named_so(load_given, tmp_path):
    folder = given_table(tmp_path / "images", shared=3)
    said = problems(load_given(folder))
    assert "protocol 'given': 3 patients are in several of the given parts: it leaks" in said
    leaky = "\n".join(preflight.check(load_given(folder, "[given_leaky]")))
    assert "3 patients are in several parts: it leaks" in leaky


def test_a_study_without_a_split_of_its_own_cannot_ask_for_it(load_given, tmp_path):
    said = problems(load_given(given_table(tmp_path / "images"), columns=""))
    assert "the data set has no split of its own; name its column" in said


def test_a_book_that_could_not_be_put_together_stops(load, tmp_path, monkeypatch):
    (tmp_path / "broken.yml").write_text("checklists: [")
    monkeypatch.setattr(staging.reporting, "CHECKLISTS", tmp_path / "broken.yml")
    monkeypatch.setattr(staging, "check", CHECK_BOOK)
    said = problems(load(category_folders(tmp_path / "images")))
    assert "broken.yml is not valid YAML" in said


@pytest.mark.parametrize(
    ("name", "told"),
    [("relevance_inbreast", "41_local_views: learned_from: the reader 'cbis_ddsm' needs the"),
     ("transfer_inbreast", "35_real_transfer: intermediate: the reader 'cbis_ddsm' needs the"),
     ("density_inbreast", "54_elsewhere: elsewhere: there is no folder '../cbis_ddsm'"),
     ("density_cbis", "54_elsewhere: elsewhere: there is no folder '../inbreast'")],
)  # fmt: skip
def test_other_images_are_asked_for_before_anything_runs(tmp_path, name, told):
    mine = study.load(CONFIG / f"{name}.yaml", str(tmp_path))
    with pytest.raises(UserError, match=re.escape(told)):
        preflight.check_there(mine)
