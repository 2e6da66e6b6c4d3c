"""Source notebooks are clean, and what they depend on is found."""

import json

import pytest

from birads_lib.networks.backbones import PHANTOM_WEIGHTS
from press import parameters, sources
from press.paths import NOTEBOOKS

ALL = parameters.notebook_names()


@pytest.mark.parametrize("name", ALL)
def test_source_notebooks_carry_no_outputs(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not [c["id"] for c in code if c["outputs"] or c["execution_count"] is not None]


@pytest.mark.parametrize("name", ALL)
def test_each_notebook_has_one_parameters_cell_of_plain_lines(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    lines = [line for line in "".join(tagged[0]["source"]).splitlines() if line.strip()]
    assert len(lines) == len(parameters.declared_parameters(name))  # one a line
    assert not [line for line in lines if "  # " not in line]  # each with its help


def test_evaluation_never_imports_keras_or_training():
    names = {path.stem for path in sources.modules_of("04_evaluation")}
    assert "evaluation" in names
    assert not names & {"training", "model", "losses", "backbones"}


def test_training_does_not_depend_on_plots():
    for name in ("01_data_exploration", "02_preprocessing", "03_training"):
        assert "plots" not in {path.parent.stem for path in sources.modules_of(name)}


def test_closure_follows_imports_and_takes_packages_whole():
    names = {path.stem for path in sources.closure({"birads_lib.predictions"})}
    assert names == {"predictions", "errors", "files"}
    readers = {path.stem for path in sources.closure({"birads_lib.readers"})}
    assert {"inbreast", "class_folders", "cases", "lesions"} <= readers  # phantoms, too


def test_one_module_of_a_package_is_not_all_of_it():
    imported = sources._imports("from birads_lib.figures import evaluation as plots")
    assert [path.stem for path in sources.closure(imported) if path.parent.name == "plots"] == [
        "evaluation"
    ]
    whole = sources.closure(sources._imports("from birads_lib.figures import evaluation, Figure"))
    assert "__init__" in {path.stem for path in whole}


def test_digest_changes_with_any_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    file = tmp_path / "a.py"
    file.write_text("x = 1")
    before = sources.digest([file])
    file.write_text("x = 2")
    assert sources.digest([file]) != before


def test_the_phantoms_weights_are_small():
    assert PHANTOM_WEIGHTS.stat().st_size <= 4 * 2**20
