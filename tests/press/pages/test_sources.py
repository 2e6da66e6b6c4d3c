"""A result's code is found from imports, and hashed without what can't change the result."""

import ast
from graphlib import TopologicalSorter

import grimp
import pytest

from birads_lib.networks.backbones import PHANTOM_WEIGHTS
from press.pages import sources
from press.paths import ROOT
from press.studies import parameters


def test_closure_follows_imports():
    names = {path.stem for path in sources.closure({"birads_lib.errors", "birads_lib.files"})}
    assert names == {"__init__", "errors", "files"}
    with pytest.raises(ValueError, match=r"no modules of the library: birads_lib\.erors"):
        sources.closure({"birads_lib.erors", "birads_lib.files"})


def test_no_imports_run_in_a_circle():
    graph = grimp.build_graph(*sources.PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    *_, last = TopologicalSorter(imports).static_order()  # raises CycleError for a circle
    assert last in imports


def test_readers_that_are_imported_by_name_are_what_cases_depend_on():
    modules = sources.modules_of("01_data_exploration")
    names = {path.relative_to(ROOT).as_posix() for path in modules}
    readers = {f"birads_lib/readers/{reader}.py" for reader in ("inbreast", "class_folders")}
    assert readers | {"birads_lib/cases.py", "birads_lib/phantoms/lesions.py"} <= names


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A function that writes a package ``made_up``, {module: code}, and gives closures in it."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(sources, "PACKAGES", ("made_up",))
    monkeypatch.syspath_prepend(tmp_path)

    def closure(module, **code):
        for name, text in code.items():
            path = tmp_path / "made_up" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for folder in {path.parent for path in (tmp_path / "made_up").rglob("*.py")}:
            (folder / "__init__.py").touch()
        (tmp_path / "made_up" / "__init__.py").touch()
        sources._graph.cache_clear()
        paths = sources.closure({f"made_up.{module}"})
        names = [path.relative_to(tmp_path / "made_up") for path in paths]
        return {name.with_suffix("").as_posix() for name in names if name.stem != "__init__"}

    yield closure
    sources._graph.cache_clear()


@pytest.mark.parametrize(
    "code",
    [
        "from made_up import b",
        "from made_up.b import x",
        "import made_up.b",
        "from . import b",
        "from .b import x",
        "def later():\n    from .b import x",
        "import importlib\nimportlib.import_module('made_up.b')",
        "import importlib\nimportlib.import_module('.b', __package__)",
        "from importlib import import_module\nT = {'x': 'made_up.b'}\nimport_module(T[name])",
        "__import__('made_up.b')",
    ],
)
def test_each_way_to_import_counts(library, code):
    assert library("a", a=code, b="from .c import y", c="y = 1", d="z = 1") == {"a", "b", "c"}


@pytest.mark.parametrize("name", ["f'made_up.of.{name}'", "f'.of.{name}', __package__"])
def test_the_beginning_of_a_name_stands_for_all_below(library, name):
    code = f"from importlib import import_module\nimport_module({name})"
    assert library("a", a=code, of__b="", of__c="", d="") == {"a", "of/b", "of/c"}
    within = "from importlib import import_module\nimport_module(f'{__package__}.{name}')"
    assert library("of.b", of__b=within) == {"of/b", "of/c"}


def test_a_change_of_the_style_sheet_is_one_of_what_a_figure_depends_on():
    files = sources.closure({"birads_lib.figures.evaluation"})
    sheet = ROOT / "birads_lib" / "figures" / "style.mplstyle"
    assert sheet in files
    assert sources.hashes([sheet])


def test_one_module_of_the_figures_is_not_all_of_them():
    modules = sources.closure({"birads_lib.figures.evaluation"})
    figures = {path.stem for path in modules if path.parent.name == "figures"}
    assert figures == {"__init__", "evaluation", "intervals", "style"}  # which it imports


def test_what_only_makes_messages_or_html_counts_for_no_result():
    for name in parameters.notebook_names():
        names = {path.name for path in sources.modules_of(name) if ROOT / "press" in path.parents}
        assert "run.py" in names
        assert not names & {"exhibits.py", "staging.py", "rendering.py", "page.py"}, name
        assert "claims.py" in names or not names & {"chapters.py", "study.py"}, name


def test_one_module_of_a_package_is_not_all_of_it(library):
    modules = {"of__b": "", "of__c": "", "d": "", "a": "from made_up.of import b"}
    assert library("a", **modules) == {"a", "of/b"}
    assert "made_up/of/__init__.py" in sources.hashes(sources.closure({"made_up.a"}))


def test_what_is_imported_by_name_is_named_in_the_same_module():
    elsewhere = {"birads_lib/explain/grad_cam.py"}  # the backend's library
    modules = sources._graph(sources.PACKAGES).modules
    for path in sorted(p for name in sources.PACKAGES for p in (ROOT / name).rglob("*.py")):
        tree, where = ast.parse(path.read_bytes()), path.relative_to(ROOT)
        package = ".".join(where.parent.parts)
        if any(sources.is_import_by_name(node) for node in ast.walk(tree)):
            named = sources.imported_by_name(tree, package, modules)
            assert named or where.as_posix() in elsewhere, where


def test_a_digest_changes_with_code_and_with_a_name_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    before = sources.digest([file])
    file.write_text('"""More."""\nx = 1  # one\n')
    assert sources.digest([file]) == before
    file.write_text("x = 2")
    assert sources.digest([file]) != before
    file.write_text("x = 1\n")
    assert sources.digest([file.rename(tmp_path / "b.py")]) != before


def test_a_fingerprint_is_of_all_that_modules_import():
    names = ("birads_lib.errors", "birads_lib.files")
    assert sources.fingerprint(*names) == sources.digest(sources.closure(set(names)))
    assert sources.fingerprint(*names) != sources.fingerprint(names[0])


def test_the_phantoms_weights_are_small():
    assert PHANTOM_WEIGHTS.stat().st_size <= 4 * 2**20


def test_a_further_chapter_is_no_reason_to_train_again():
    table = "press/studies/chapters.py"
    assert table not in [p.relative_to(ROOT).as_posix() for p in sources.modules_of("03_training")]
    assert table in [p.relative_to(ROOT).as_posix() for p in sources.modules_of("11_claims")]
