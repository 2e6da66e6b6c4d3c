"""Source notebooks are clean, and what they depend on is found."""

import ast
import importlib
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


def imported_modules(code):
    """Return the project's modules that a notebook imports, by the name it gives them."""
    modules = {}
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in sources.PACKAGES:
            package = importlib.import_module(node.module)
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                value = getattr(package, alias.name, None) or importlib.import_module(name)
                modules[alias.asname or alias.name] = value
    return {name: value for name, value in modules.items() if hasattr(value, "__file__")}


@pytest.mark.parametrize("name", ALL)
def test_each_name_that_a_notebook_takes_from_a_module_is_there(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    code = ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    modules = imported_modules(code)
    used = [node for node in ast.walk(code) if isinstance(node, ast.Attribute)]
    used = [node for node in used if isinstance(node.value, ast.Name) and node.value.id in modules]
    assert used
    missing = [node for node in used if not hasattr(modules[node.value.id], node.attr)]
    assert not [f"{node.value.id}.{node.attr}" for node in missing]


def folders(notebook):
    """Return the folders of the library that a notebook's modules lie in."""
    return {path.parent.name for path in sources.modules_of(notebook)}


def test_evaluation_never_imports_keras_or_training():
    assert "scores" in folders("04_evaluation")
    assert not folders("04_evaluation") & {"training", "networks", "losses"}


def test_training_does_not_depend_on_figures():
    assert "training" in folders("03_training")
    assert "figures" not in folders("03_training")
    for name in ("01_data_exploration", "02_preprocessing"):
        drawing = {path.stem for path in sources.modules_of(name) if path.parent.name == "figures"}
        assert drawing <= {"exploration", "style"}, name


def test_closure_follows_imports_and_takes_packages_whole():
    names = {path.stem for path in sources.closure({"birads_lib.predictions"})}
    assert names == {"predictions", "errors", "files"}
    readers = {path.stem for path in sources.closure({"birads_lib.readers"})}
    assert {"inbreast", "class_folders", "cases", "lesions"} <= readers  # phantoms, too


def test_one_module_of_a_package_is_not_all_of_it():
    imported = sources._imports("from birads_lib.figures import evaluation as plots")
    figures = [p.stem for p in sources.closure(imported) if p.parent.name == "figures"]
    assert figures == ["evaluation", "style"]  # which it imports
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
