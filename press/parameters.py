"""The parameters that notebooks declare: names and defaults, read from the sources.

A notebook declares its parameters in one cell, as plain ``name = literal  # help`` lines. What may
stand in place of the defaults is known to ``press.values``, which no notebook needs.
"""

import ast
import json
from functools import cache

from press.paths import NOTEBOOKS, source_notebook


@cache
def declared_parameters(notebook: str) -> dict:
    """Return the names and default values in a source notebook's ``parameters`` cell."""
    cells = json.loads(source_notebook(notebook).read_text())["cells"]
    source = "".join(
        "".join(cell["source"]) + "\n"
        for cell in cells
        if "parameters" in cell["metadata"].get("tags", [])
    )
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }


def notebook_names() -> list[str]:
    """Return the names of all source notebooks, in their order."""
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
