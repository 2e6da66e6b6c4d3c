"""The library's own code in prose: shown where it is explained, and never a copy.

    ```{library} birads_lib.losses.ordinal#DistanceAwareLoss.per_image
    ```

While a book is staged, its source comes in the place of such a block, without its docstring.
"""

import ast
import re
import textwrap

from birads_lib.errors import UserError, did_you_mean
from press.pages.sources import PACKAGES
from press.paths import ROOT

_BLOCK = re.compile(r"^```{library} +(\S+)\n```$", re.M)


def with_code(text: str, where: str) -> str:
    """Return prose with the source of what its blocks name; UserError where that isn't there."""
    return _BLOCK.sub(lambda block: _code(block[1], where), text)


def _code(name: str, where: str) -> str:
    module, _, member = name.partition("#")
    path = ROOT / f"{module.replace('.', '/')}.py"
    if not path.is_file():
        raise UserError(f"{where}: there is no module {module}; {did_you_mean(module, _modules())}")
    code = path.read_text()
    lines = source(code, member, f"{where}: {module}")
    return f"```{{code-block}} python\n:caption: {path.relative_to(ROOT)}\n\n{lines}\n```"


def _modules() -> list[str]:
    """Return the names of all modules that prose may show."""
    files = [path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    return [".".join(path.with_suffix("").parts) for path in files]


def source(code: str, member: str, where: str) -> str:
    """Return the lines of a function or class of a module, or of one's method, as they stand.

    Its docstring and what decorates it are left out. ``where`` begins the message of a UserError.
    """
    node = ast.parse(code)
    for part in member.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        inside = {item.name: item for item in node.body if isinstance(item, kinds)}
        if part not in inside:
            raise UserError(f"{where} has no {part!r}; {did_you_mean(part, inside)}")
        node = inside[part]
    lines = code.splitlines()
    first = node.body[0]
    has_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    left_out = range(first.lineno, first.end_lineno + 1) if has_text else ()
    line_numbers = [n for n in range(node.lineno, node.end_lineno + 1) if n not in left_out]
    return textwrap.dedent("\n".join(lines[n - 1] for n in line_numbers))
