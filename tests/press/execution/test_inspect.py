"""The page of what was understood of images, before anything is trained."""

import re
import shutil

import pytest
import yaml

from birads_lib.errors import UserError
from helpers.forking.start import RUN_MODULE
from helpers.image_folders import category_folders, write_images
from helpers.pictures import mammogram, write
from helpers.project import run_in
from press.execution import inspect
from press.paths import CONFIG
from press.studies import study

PHANTOMS = str(CONFIG / "phantoms.yaml")


def test_a_folder_has_a_page_and_nothing_else_is_touched(clean_copy, tmp_path):
    folder = category_folders(tmp_path / "images", labels="24", patients=3)
    write_images(folder, [f"5/P5{n}.png" for n in range(4)], (90, 80))
    (folder / "5" / "notes.txt").write_text("of the ward")
    before = sorted(folder.rglob("*"))
    command = [*RUN_MODULE.split(), "press.execution.inspect", "config/phantoms.yaml"]
    done = run_in(clean_copy, *command, str(folder))
    assert done.returncode == 0, done.stderr
    assert "Read as 'class_folders'" in done.stdout
    assert "16 images; whose they are is not known" in done.stdout
    assert sorted(folder.rglob("*")) == before
    results = clean_copy / "results"
    assert [path.name for path in results.iterdir() if path.is_dir()] == ["inspected.inspect"]
    page = (results / "inspected.inspect/01_data_exploration.html").read_text()
    assert "File size alone tells BI-RADS 5 from the rest" in page
    assert "5/notes.txt" in page  # though its pixels may not be shown
    assert page.count('src="data:image/webp;base64,') >= 4
    assert 'href="data:image' not in page  # each picture once
    assert not re.search("(src|href)=.(http|//)", page)  # it stands alone
    assert "show_pixels = " not in page  # no code
    assert not (clean_copy / "book/inspected").exists()
    shutil.rmtree(results)


@pytest.fixture
def guessed(tmp_path, monkeypatch):
    monkeypatch.setattr(inspect, "RESULTS", tmp_path / "results")
    return lambda folder: study.load(inspect._guessed(folder))


def test_a_folder_is_read_as_what_lies_in_it(tmp_path, guessed):
    folder = write(tmp_path / "1", {"4/a.dcm": mammogram(1)})
    assert guessed(folder).dataset["reader"] == "dicom"
    folder = write(tmp_path / "2", {"a.png": b"", "our list.csv": "path,birads", ".x.csv": ""})
    assert guessed(folder).dataset == {"reader": "table", "table": "our list.csv"}
    folder = write(tmp_path / "3", {"4/a.png": b""})
    assert guessed(folder).dataset == {"reader": "class_folders"}
    assert not guessed(folder).show_pixels


@pytest.mark.parametrize(
    ("table", "text", "reader", "task"),
    [
        ("INbreast.csv", "", "inbreast", "birads"),
        ("breast-level_annotations.csv", "", "vindr_mammo", "birads"),
        ("mass_case_description_train_set.csv", "", "cbis_ddsm", "birads"),
        ("Calc_Case_Description_Test_Set.CSV", "", "cbis_ddsm", "birads"),
        ("Info.txt", "mdb001 G CIRC B", "mini_mias", "malignancy"),
    ],
)
def test_a_published_collection_is_known_by_its_table(tmp_path, guessed, table, text, reader, task):
    of_folder = guessed(write(tmp_path / "a", {table: text, "notes.csv": "", "a.png": b""}))
    assert (of_folder.reader.name, of_folder.task) == (reader, task)
    assert of_folder.title == of_folder.reader.collection


def test_a_text_that_names_no_film_is_no_published_table(tmp_path, guessed):
    folder = write(tmp_path / "a", {"Info.txt": "Exported on Monday.", "4/a.png": b""})
    assert guessed(folder).dataset == {"reader": "class_folders"}


def test_the_beginning_of_a_study_leaks_only_where_patients_are_not_known(tmp_path, guessed):
    assert guessed(write(tmp_path / "1", {"4/a.dcm": mammogram(1)})).protocols == ["patient"]
    assert guessed(write(tmp_path / "2", {"4/a.png": b""})).protocols == ["image"]


def test_a_title_is_text():
    page = inspect.rendered(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "<b>&"
    )
    assert "<title>&lt;b&gt;&amp;</title>" in page
    assert "<b>&" not in page


def test_there_have_to_be_images(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        inspect.inspect(PHANTOMS, str(tmp_path / "none"))
    with pytest.raises(UserError, match="no study at"):
        inspect.inspect(str(tmp_path / "none.yaml"))
    with pytest.raises(UserError, match="the study 'speed' is of no images"):
        inspect.inspect(str(CONFIG / "speed.yaml"))
    empty = tmp_path / "empty.yaml"
    (tmp_path / "images").mkdir()
    dataset = {"reader": "class_folders", "folder": str(tmp_path / "images")}
    empty.write_text(yaml.safe_dump({"name": "empty", "protocols": ["image"], "dataset": dataset}))
    with pytest.raises(UserError, match="there are no images"):
        inspect.inspect(str(empty))
