"""One notebook alone, in JupyterLab or by papermill: what it says, takes and leaves."""

import json
import re
from fnmatch import fnmatch
from functools import partial

import papermill
import pytest

from birads_lib.errors import UserError
from birads_lib.files import sha256
from birads_lib.readers import by_name
from helpers.forking.start import RUN_MODULE
from helpers.image_folders import category_folders
from helpers.made_up import made_up_run
from helpers.project import copy_project, run_in
from press import by_hand
from press.paths import METRICS
from press.run import SYNTHETIC, Run
from press.studies import chapters, parameters, study

ALL = [row.notebook for row in chapters.CHAPTERS]
RUN_FIRST_CELLS = """
import contextlib, gc, io, json, pathlib, sys
from IPython.core.interactiveshell import InteractiveShell

shell, outputs = InteractiveShell.instance(colors="nocolor"), {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("[0-9]*.ipynb")):
    code = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    gc.freeze()  # else each reset looks through all that is imported, longer than all else takes
    shell.reset()
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        done = [shell.run_cell("".join(cell["source"])).success for cell in code[:2]]
    outputs[path.stem] = [all(done), shown.getvalue()]
pathlib.Path(sys.argv[2]).write_text(json.dumps(outputs))
"""


@pytest.fixture(scope="module", autouse=True)
def by_nobody():
    """No page of a study is executed in this module's tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(by_hand.MARK)
        yield


@pytest.fixture(scope="module")
def first_cells(tmp_path_factory):
    """Return the outputs of every notebook's parameters and set-up, run from another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    project = copy_project(tmp_path_factory.mktemp("clean") / "project")
    (project / "first_cells.py").write_text(RUN_FIRST_CELLS)
    answer = tmp_path_factory.mktemp("answer") / "outputs.json"
    command = [*RUN_MODULE.split(), "first_cells", str(project / "notebooks"), str(answer)]
    done = run_in(project, *command, folder=folder)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())  # paths count from the project's root
    return json.loads(answer.read_text())


def test_every_notebook_is_tried(first_cells):
    assert list(first_cells) == ALL


def read_by_hand(row):
    """Return patterns of the files that a notebook reads by hand, as the table of chapters says.

    A page that no rule of a study alone makes has no files in the table: it reads those of others.
    """
    of_set = [other for other in chapters.CHAPTERS if {*other.sets} & {*row.sets}]
    reads = [*row.reads] if row.pages != "elsewhere" else [f for o in of_set for f in o.files]
    if f"*{METRICS}" in reads:
        reads += [other.metrics_file for other in of_set if other.metrics and other is not row]
        reads.remove(f"*{METRICS}")
    homes = [by_hand.beside(parameters.declared_parameters(row.notebook)["study_dir"])]
    homes += ["results/*"] * (row.pages == "elsewhere")
    files = [name.format(run="runs/*/*", first="runs/*/*", suffix="") for name in reads]
    return [*row.sources, *(f"{home}/{name}" for home in homes for name in files)]


@pytest.mark.parametrize("row", chapters.CHAPTERS, ids=ALL)
def test_what_is_missing_and_what_to_run_first(first_cells, row):
    """All files that are missing are in the table; where it lists none, none is missing."""
    worked, text = first_cells[row.notebook]
    patterns = read_by_hand(row)
    assert worked == (not patterns)
    if not worked:
        missing = re.findall(r"\bresults/[^\s,:/]+/[^\s,:]+\w", text)
        assert missing
        for name in missing:
            assert any(map(partial(fnmatch, name), patterns)), name
        assert "make book" in text or "make bench" in text or "run 03_training" in text
        assert "Traceback" not in text
        assert "Error" not in text
        assert len(text.splitlines()) <= 3


def test_papermill_says_it_too(clean_copy, tmp_path):
    notebook = clean_copy / "notebooks" / "05_sweep.ipynb"  # which imports little
    papermill = [*RUN_MODULE.split(), "papermill"]
    done = run_in(clean_copy, *papermill, str(notebook), "out.ipynb", folder=tmp_path)
    assert done.returncode == 1
    assert "results/phantoms.byhand/runs/proposed/patient/04_evaluation" in done.stderr
    assert not (clean_copy / "results").exists()


REAL = """name: mine
note: of one hospital
dataset: {{reader: class_folders, folder: {}, patient_pattern: '(P[0-9]+)_'}}
protocols: [image, patient]
notebooks: {{07_decision_curves: {{resamples: 20}}, 04_evaluation: {{resamples: 30}}}}
"""


@pytest.fixture
def real(tmp_path, monkeypatch):
    """The folder of a study of images in folders, as its run leaves it; nothing was computed."""
    images, path = category_folders(tmp_path / "images"), tmp_path / "mine.yaml"
    path.write_text(REAL.format(images))
    mine = study.load(path, root=str(tmp_path))
    monkeypatch.setattr(study, "ROOT", tmp_path)
    study.write_record(mine)
    return tmp_path / "mine"


def adopted(notebook, home, **given):
    values = parameters.declared_parameters(notebook) | {"study_dir": str(home)} | given
    by_hand.adopt_study(notebook, values)
    return values


def test_the_record_has_the_parameters_of_each_page(real):
    mine = study.load(real.with_name("mine.yaml"), root=str(real.parent))
    record = json.loads((real / "study.json").read_text())
    assert list(record["pages"]) == mine.pages()
    of_page = mine.parameters("04_evaluation", "proposed", "image")
    assert record["pages"]["04_evaluation-proposed-image"] == of_page
    assert record["config"] == str(real.with_name("mine.yaml"))


def test_a_notebook_takes_from_the_study_what_it_was_not_given(real, capsys):
    values = adopted("04_evaluation", real)
    assert values["dataset"]["reader"] == "class_folders"
    assert (values["note"], values["resamples"]) == ("of one hospital", 30)
    assert "on the study mine; what is written goes to mine.byhand" in capsys.readouterr().out
    assert adopted("04_evaluation", real, resamples=7)["resamples"] == 7
    by_papermill = ["", "# Parameters\nresamples = 2000\nprotocol = 'image'\n"]
    assert adopted("04_evaluation", real, In=by_papermill)["resamples"] == 2000  # the default, too
    assert adopted("01_data_exploration", real)["show_pixels"] is False
    assert adopted("04_evaluation", real, variant="another")["note"] == "of one hospital"


def test_data_and_marks_are_the_studys(real):
    with pytest.raises(UserError) as error:
        adopted("04_evaluation", real, dataset={"reader": "inbreast"}, note="x", task="density")
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "note is 'x' here, and 'of one hospital' in the study mine: leave it out" in lines[2]


def test_a_study_without_a_record_is_not_guessed_at(real):
    made_up_run(real)
    (real / "study.json").unlink()
    with pytest.raises(UserError, match=r"mine has left no study\.json: run it once more"):
        adopted("04_evaluation", real)


def test_what_is_written_lies_beside_the_study(real, monkeypatch):
    monkeypatch.setattr("press.pages.outputs.show", lambda *shown: None)
    for home in (real, by_hand.beside(real)):  # the latter, to go on from there
        values = adopted("04_evaluation", home)
        run = Run("04_evaluation", values)
        assert run.home == real.with_name("mine.byhand") / "runs/proposed/patient"
        assert run.marks == {"study-note": "of one hospital"}
    monkeypatch.setenv(by_hand.MARK, "a page")
    assert Run("04_evaluation", values | {"study_dir": str(real)}).folder == real
    assert adopted("04_evaluation", real)["resamples"] == 2000  # a page is given all by its study


def test_where_no_study_ran_all_is_done_beside(tmp_path, capsys):
    values = adopted("02_preprocessing", tmp_path / "none")
    assert values["study_dir"] == str(tmp_path / "none.byhand")
    assert "no study was run in none" in capsys.readouterr().out


def everything(folder):
    return {path: sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("notebook", ["01_data_exploration", "07_decision_curves"])
def test_papermill_leaves_a_study_of_real_images_as_it_was(clean_copy, real, notebook, monkeypatch):
    home = clean_copy / "results" / "mine"
    made_up_run(home)
    (home / "study.json").write_text((real / "study.json").read_text())
    (home / "given").mkdir()
    (home / "given/images").symlink_to(real.parent / "images")
    before = everything(home)
    monkeypatch.setenv("PYTHONPATH", str(clean_copy))  # of the kernel
    source, out = clean_copy / "notebooks" / f"{notebook}.ipynb", real / "out.ipynb"
    given = {"study_dir": "results/mine"}
    papermill.execute_notebook(source, out, given, progress_bar=False, cwd=real)
    assert everything(home) == before
    page = (real / "out.ipynb").read_text()
    assert SYNTHETIC not in page
    assert "of one hospital" in page
    left = clean_copy / "results" / "mine.byhand"
    if notebook[:2] == "07":
        assert "40 test rows" in page
        assert (left / "runs/proposed/patient/07_decision_curves.metrics.json").exists()
    else:
        images = by_name.read("class_folders", real.with_name("images"))
        assert f"{len(images.cases)} images, 30 patients" in page
        assert (left / "cases.parquet").exists()
