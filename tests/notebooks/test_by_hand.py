"""One notebook alone, in JupyterLab or by papermill: what it says where nothing ran before."""

import json
import sys

import pytest

from helpers.made_up import made_up_run
from helpers.project import copy_project, run_in
from press import parameters

LACKS = {  # what the first cells of each miss in a project where nothing ran
    "01_data_exploration": None,  # it makes the phantoms
    "02_preprocessing": "results/phantoms/cases.parquet",
    "03_training": "results/phantoms/cases.parquet",
    "03_training_ablations": "results/phantoms/cases.parquet",
    "03_training_floors": "results/phantoms/cases.parquet",
    "04_evaluation": "results/phantoms/runs/proposed/patient/predictions.parquet",
    "05_ablations": "results/phantoms/runs/frozen/patient/predictions.parquet",
    "06_calibration": "results/phantoms/runs/proposed/patient/predictions.parquet",
    "07_decision_curves": "results/phantoms/runs/proposed/patient/predictions.parquet",
    "08_interpretability": "results/phantoms/runs/proposed/patient/predictions.parquet",
    "09_feature_space": "results/phantoms/runs/proposed/patient/predictions.parquet",
    "10_leakage_audit": "results/phantoms/cases.parquet",
    "11_claims": "results/phantoms/runs/proposed/patient/04_evaluation.metrics.json",
    "12_comparison": "results/phantoms/cases.parquet",
    "13_speed": "results/speed/growth.json",
}
RUN_FIRST_CELLS = """
import contextlib, io, json, pathlib, sys
from IPython.core.interactiveshell import InteractiveShell

shell, outputs = InteractiveShell.instance(colors="nocolor"), {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("[0-9]*.ipynb")):
    code = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    shell.reset()
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        done = [shell.run_cell("".join(cell["source"])).success for cell in code[:2]]
    outputs[path.stem] = [all(done), shown.getvalue()]
pathlib.Path(sys.argv[2]).write_text(json.dumps(outputs))
"""


@pytest.fixture(scope="module")
def first_cells(tmp_path_factory):
    """What parameters and set-up of every notebook say, run in a kernel in another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    project = copy_project(tmp_path_factory.mktemp("clean") / "project")
    answer = tmp_path_factory.mktemp("answer") / "outputs.json"
    command = [sys.executable, "-c", RUN_FIRST_CELLS, str(project / "notebooks"), str(answer)]
    done = run_in(project, *command, folder=folder)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())  # paths count from the project's root
    return json.loads(answer.read_text())


def test_every_notebook_is_tried():
    assert list(LACKS) == parameters.notebook_names()


@pytest.mark.parametrize("notebook", LACKS)
def test_what_is_missing_and_what_to_run_first(first_cells, notebook):
    worked, text = first_cells[notebook]
    assert worked == (LACKS[notebook] is None)
    if not worked:
        assert LACKS[notebook] in text
        assert "make book" in text or "make bench" in text or "run 03_training" in text
        assert "Traceback" not in text
        assert "Error" not in text
        assert len(text.splitlines()) <= 3


def test_papermill_says_it_too(clean_copy, tmp_path):
    notebook = clean_copy / "notebooks" / "05_ablations.ipynb"
    done = run_in(clean_copy, "papermill", str(notebook), "out.ipynb", folder=tmp_path)
    assert done.returncode == 1
    assert LACKS["05_ablations"] in done.stderr
    assert not (clean_copy / "results").exists()


def test_papermill_runs_one_alone_and_counts_folders_from_the_root(clean_copy, tmp_path):
    home = clean_copy / "results" / "mine"
    made_up_run(home)
    command = ["papermill", str(clean_copy / "notebooks" / "07_decision_curves.ipynb"), "out.ipynb"]
    command += ["-p", "study_dir", "results/mine", "-p", "resamples", "20"]
    done = run_in(clean_copy, *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (home / "runs" / "proposed" / "patient" / "07_decision_curves.metrics.json").exists()
    assert "40 test rows" in (tmp_path / "out.ipynb").read_text()
