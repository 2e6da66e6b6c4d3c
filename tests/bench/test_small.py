"""The works that are timed, on a few small inputs: each does what it is timed for."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("psutil")

from bench import growth, preprocessing, rebuilding, startup
from birads_lib.readers import phantoms
from birads_lib.source_code import code_of
from press.pages.sources import modules_of
from press.paths import ROOT
from press.rendering.manifest import ROOT_FILES


@pytest.mark.parametrize("kind", ["png", "dcm", "jp2"])
def test_all_pipelines_take_the_same_files(tmp_path, monkeypatch, kind):
    for name, value in {"IMAGES": 2, "HEIGHT": 128, "WIDTH": 96}.items():
        monkeypatch.setattr(preprocessing, name, value)
    folder = tmp_path / kind
    folder.mkdir()
    preprocessing.write_images(folder, kind)
    ours, loop = preprocessing.ours(folder), preprocessing.opencv_loop(folder)
    assert ours.shape == loop.shape == (2, preprocessing.SIDE, preprocessing.SIDE)
    preprocessing.decoding(folder)


def test_more_images_than_were_drawn_are_preprocessed(tmp_path):
    phantoms.read(tmp_path / "drawn", patients=1, seed=1)  # four images
    own = tmp_path / "own"
    own.mkdir()
    growth.preprocessing(own, 6)
    made = np.load(own / "images.npy")
    assert len(made) == 6
    assert np.array_equal(made[0], made[4])


def test_evaluation_and_one_epoch_on_cached_features_run(tmp_path):
    growth.evaluation(tmp_path, 40)
    growth.training(tmp_path, 10)
    assert (tmp_path / "fold" / "predictions.parquet").exists()


def test_the_evaluation_that_is_timed_is_that_of_the_smoke_study(tmp_path, monkeypatch):
    monkeypatch.setattr(startup, "RESULTS", tmp_path)
    with pytest.raises(SystemExit, match="make book STUDY=smoke"):
        startup.copy_run(tmp_path / "copy")
    for name in startup.READ:
        (tmp_path / "smoke" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "smoke" / name).write_text(name)
    startup.copy_run(tmp_path / "copy")
    assert {(tmp_path / "copy" / name).read_text() for name in startup.READ} == {*startup.READ}


def test_what_notebook_04_reads_is_copied():
    cells = json.loads((ROOT / "notebooks/04_evaluation.ipynb").read_text())["cells"]
    source = "".join("".join(cell["source"]) for cell in cells[:4])
    read = set(re.findall(r"\w+\.(?:parquet|csv|json)", source))
    assert read == {name.rpartition("/")[2] for name in startup.READ}


def test_an_edited_plot_makes_the_page_of_its_chapter_stale_and_all_that_a_book_seals_is_copied():
    module = ROOT / rebuilding.PLOTS
    assert module in modules_of("04_evaluation")
    code = module.read_bytes()
    assert code_of(code + rebuilding.EDITED.encode()) != code_of(code)
    assert {*ROOT_FILES} <= {*rebuilding.FILES}
    assert all((ROOT / name).exists() for name in (*rebuilding.FOLDERS, *rebuilding.FILES))
