"""The parameters of notebooks: names and defaults, and the folder that ``dataset`` means.

A notebook declares its parameters in one cell, as plain ``name = literal  # help`` lines. What may
stand in place of the defaults is known to ``press.studies.study_file``, which no notebook needs.
"""

import ast
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from press.paths import NOTEBOOKS, ROOT, source_notebook
from press.studies.given import from_root, images_link


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


def images_folder(dataset: Mapping[str, object], study_dir: str) -> Path:
    """Return the folder of a study's images; relative ones count from the project's root.

    What a study passes to its notebooks doesn't name it: they reach it by a link. A reader that
    makes its images has them in the study's own folder unless another is given.
    """
    folder, reader = dataset.get("folder"), dataset["reader"]
    if folder:
        return from_root(str(folder)).resolve()
    if (link := images_link(study_dir)).exists():
        return link
    if READERS[reader].makes_images:
        return ROOT / study_dir / reader
    raise UserError(
        f"the reader '{reader}' needs the folder of the images: "
        "make book STUDY=... DATA=<folder>, or 'folder:' under 'dataset:' in the study's YAML"
    )
