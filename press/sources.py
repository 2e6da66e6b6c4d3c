"""Which source files a notebook's results depend on, found from its imports."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from birads_lib.files import sha256
from press.paths import NOTEBOOKS, ROOT

PACKAGES = ("birads_lib", "press")


def modules_of(notebook: str) -> list[Path]:
    """Return the files of the library that a source notebook imports, directly or not."""
    return _modules_of(NOTEBOOKS / f"{notebook}.ipynb", ROOT)


@cache  # a book asks for each notebook once for each of its pages
def _modules_of(path: Path, root: Path) -> list[Path]:
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return closure(_imports(code))


def closure(names: set[str]) -> list[Path]:
    """Return the files of the named modules and of all that these import, sorted.

    A package stands for all its modules: its readers are imported by name at run time.
    """
    seen: set[Path] = set()
    waiting = list(names)
    while waiting:
        for path in _files(waiting.pop()):
            if path not in seen:
                seen.add(path)
                waiting.extend(_imports(path.read_text()))
    return sorted(seen)


def digest(paths: list[Path]) -> str:
    """Return one SHA-256 over the names and bytes of several files."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def hashes(paths: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path from the root of the project."""
    return {path.relative_to(ROOT).as_posix(): sha256(path) for path in paths}


def _imports(code: str) -> set[str]:
    """Return the dotted names under the library that a piece of code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from birads_lib.figures import decision` needs that module, not all the package.
            found |= below if all(map(_files, below)) else below | {node.module}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def _files(name: str) -> list[Path]:
    base = ROOT.joinpath(*name.split("."))
    if base.is_dir():
        return sorted(base.rglob("*.py"))
    module = base.with_suffix(".py")
    return [module] if module.is_file() else []
