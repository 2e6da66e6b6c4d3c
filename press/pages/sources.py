"""The code that a notebook's results depend on: all modules that it imports, directly or not.

Docstrings, comments, layout and names of variables don't count (``birads_lib.source_code``), and
neither does how a page looks: that is made while the book is rendered
(``press.rendering.exhibits``), by no module that a notebook imports.
"""

import ast
import json
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import grimp

from birads_lib.files import sha256_of
from birads_lib.source_code import code_of
from press.paths import ROOT, source_notebook

PACKAGES = ("birads_lib", "press")
# (importer, imported): used for messages alone, so that a further chapter doesn't make every page
# stale. Pages that judge claims do import the table, and are stale then.
_IN_MESSAGES = (("press.run", "press.studies.chapters"),)
# What makes these hashes is not among what is hashed: where it makes others, each page is stale.
_HASHING = {"birads_lib.source_code", "press.pages.sources"}


def modules_of(notebook: str) -> list[Path]:
    """Return the files of the library that a source notebook imports, directly or not."""
    return closure(imported_names(notebook) & _graph(PACKAGES).modules)


def imported_names(notebook: str) -> set[str]:
    """Return the names of modules, and of what is in them, that a source notebook imports."""
    cells = json.loads(source_notebook(notebook).read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names = set()
    for node in ast.walk(ast.parse("\n".join(code))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def closure(modules: set[str]) -> list[Path]:
    """Return the files of the named modules and of all that these import, sorted.

    Those that only hash files aren't among them. Raises ValueError for a name that is no module
    of the library.
    """
    graph = _graph(PACKAGES)
    if unknown := sorted(modules - graph.modules):
        raise ValueError(f"no modules of the library: {', '.join(unknown)}")
    needed = modules.union(*(graph.find_upstream_modules(module) for module in modules))
    files = [_file(module) for module in needed - _HASHING]
    sheets = [file.with_suffix(".mplstyle") for file in files]  # a module's, of its name
    return sorted([*files, *(sheet for sheet in sheets if sheet.is_file())])


def fingerprint(*modules: str) -> str:
    """Return one SHA-256 over the code of the named modules and of all that these import."""
    return digest(closure(set(modules)))


def digest(paths: list[Path]) -> str:
    """Return one SHA-256 over the names and the code of several files."""
    return total(hashes(paths))


def total(code_hashes: dict[str, str]) -> str:
    """Return one SHA-256 over names and hashes, as ``hashes`` returns them."""
    lines = [f"{name} {code_hash}\n" for name, code_hash in sorted(code_hashes.items())]
    return sha256_of("".join(lines).encode())


def hashes(paths: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of the code of each file, by its path from the root of the project."""
    contents = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}
    code = {name: code_of(c) if name.endswith(".py") else c for name, c in contents.items()}
    return {name: sha256_of(counted) for name, counted in code.items()}


@cache  # a book asks for each notebook once for each of its pages
def _graph(packages: tuple[str, ...]) -> grimp.ImportGraph:
    """Return the graph of imports, with those that ``grimp`` doesn't see.

    These are the packages around a module, which Python imports first, and modules imported by
    name.
    """
    graph = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=True)
    for module in sorted(graph.modules):
        package = module.rpartition(".")[0]
        if package:
            graph.add_import(importer=module, imported=package)
        file = _file(module)
        within = module if file.name == "__init__.py" else package
        source = file.read_bytes()
        if b"import_" in source:  # else nothing is imported by name; parsing takes its time
            for name in imported_by_name(ast.parse(source), within, graph.modules):
                graph.add_import(importer=module, imported=name)
    for importer, name in _IN_MESSAGES:
        if {importer, name} <= graph.modules:
            graph.remove_import(importer=importer, imported=name)
    return graph


def imported_by_name(tree: ast.AST, package: str, modules: set[str]) -> set[str]:
    """Return those of ``modules`` that code which calls ``import_module`` may import.

    These are all that texts in it name, in a table, say. A text that ends in a dot, as the
    beginning of ``f"birads_lib.readers.{name}"``, stands for all modules below.
    """
    if not any(is_import_by_name(node) for node in ast.walk(tree)):
        return set()
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    names = set()
    for text in (node.value for node in nodes if isinstance(node.value, str)):
        is_beginning = text.endswith(".")
        name = _absolute(text[:-1] if is_beginning else text, package)
        names |= {name} & modules
        if is_beginning:
            names |= {module for module in modules if module.startswith(f"{name}.")}
    return names


def is_import_by_name(node: ast.AST) -> bool:
    """Return whether a node calls ``import_module`` or ``__import__``."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
    name = called.id if isinstance(called, ast.Name) else called
    return name in ("import_module", "__import__")


def _absolute(name: str, package: str) -> str:
    """Return the name of a module that may be named from a package on, as ``.inbreast`` is."""
    try:
        return resolve_name(name or ".", package)
    except ImportError:  # more dots than packages: no name of a module
        return ""


def _file(module: str) -> Path:
    """Return the file of a module or a package."""
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
