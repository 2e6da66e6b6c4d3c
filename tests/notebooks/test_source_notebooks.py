"""Source notebooks are clean, and take from the library what it has and they may."""

import ast
import importlib
import json

import pytest

from press.pages import sources
from press.paths import NOTEBOOKS
from press.studies import chapters, parameters

ALL = parameters.notebook_names()
NETWORKS = {"training", "networks", "losses", "predict"}  # folders that train networks, or ask them
EXPLAINING = {"grad_cam", "randomisation"}  # the modules that ask them for explanations
EVALUATION = ("04", "05", "06", "07", "09", "10", "11")  # of predictions alone


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
    lines = "".join(tagged[0]["source"]).splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("# ")]  # a heading
    assert len(lines) == len(parameters.declared_parameters(name))  # one a line
    assert not [line for line in lines if "  # " not in line]  # each with its help


@pytest.mark.parametrize("name", [name for name in ALL if name[:2] != "13"])  # of no study's data
def test_each_notebook_takes_from_its_study_what_it_has_by_hand(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    line = f'adopt_study("{name}", globals())\n'
    assert line in code[1]  # before anything is read
    assert code[1].index(line) < code[1].index("Run(")
    assert not [text for text in code if "write(folder" in text or "output(folder" in text]


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


@pytest.mark.parametrize("name", ALL)
def test_what_a_notebook_publishes_has_names_of_its_own(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    published = {}  # id -> numbers of the cells; one cell may publish either of two
    for number, cell in enumerate(cells, 1):
        code = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "publish":
                (identity,) = (word.value for word in node.keywords if word.arg == "id")
                assert isinstance(identity, ast.Constant)
                published.setdefault(identity.value, set()).add(number)
    assert published
    assert not {identity for identity, places in published.items() if len(places) > 1}


@pytest.mark.parametrize("name", ALL)
def test_the_ids_of_cells_are_unique(name):
    ids = [cell["id"] for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]]
    assert sorted(set(ids)) == sorted(ids)


def folders(notebook):
    """Return the folders of the library that a notebook's modules lie in."""
    return {path.parent.name for path in sources.modules_of(notebook)}


def asks_networks(notebook):
    """Return whether a notebook itself trains networks, or asks them."""
    parts = {part for name in sources.imported_names(notebook) for part in name.split(".")}
    return bool(parts & {"keras", *NETWORKS, *EXPLAINING})


@pytest.mark.parametrize("name", [name for name in ALL if not asks_networks(name)])
def test_no_module_brings_keras_to_what_asks_no_network(name):
    assert not folders(name) & NETWORKS
    explaining = {path.stem for path in sources.modules_of(name) if path.parent.name == "explain"}
    assert not explaining & EXPLAINING


def test_what_evaluates_asks_no_network_and_what_needs_a_gpu_does():
    assert not [name for name in ALL if name.startswith(EVALUATION) and asks_networks(name)]
    assert not [r.notebook for r in chapters.CHAPTERS if r.gpu and not asks_networks(r.notebook)]


def test_training_does_not_depend_on_figures():
    assert "training" in folders("03_training")
    assert "figures" not in folders("03_training")
    for name in ("01_data_exploration", "02_preprocessing"):
        drawing = {path.stem for path in sources.modules_of(name) if path.parent.name == "figures"}
        assert drawing <= {"__init__", "exploration", "lesions", "style"}, name


@pytest.mark.parametrize("name", ALL)
def test_one_network_is_explained_by_one_graph_for_all_images(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    code = ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    for loop in [node for node in ast.walk(code) if isinstance(node, ast.For | ast.ListComp)]:
        inside = [*ast.walk(loop)]
        bound = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for call in [node for node in inside if isinstance(node, ast.Call)]:
            if ast.unparse(call.func).split(".")[-1] == "grad_cam":  # each call makes a graph
                assert {n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)} & (
                    bound | {"clone_model", "keras"}  # another network in each turn
                )
