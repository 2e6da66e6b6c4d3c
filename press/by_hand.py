"""A notebook that runs by hand, in JupyterLab or by papermill, and not for a page of a study.

It takes data set, marks and parameters from the study in ``study_dir``, and writes beside it:
what a study's run has left stays as it is.
"""

import ast
import json
import os
from collections.abc import Mapping
from pathlib import Path

from birads_lib.errors import UserError
from press import paths
from press.paths import BY_HAND
from press.studies.parameters import declared_parameters

MARK = "BIRADS_PAGE"  # the environment variable that ``execution.execute`` sets for its kernels
OF_THE_STUDY = ("dataset", "task", "note", "show_pixels")  # what no notebook has otherwise


def is_by_hand() -> bool:
    """Return whether this process executes a notebook for no page of a study."""
    return MARK not in os.environ


def beside(study_dir: str | Path) -> Path:
    """Return the folder where notebooks by hand write, for that of a study: beside it."""
    folder = Path(study_dir)
    return folder if folder.name.endswith(BY_HAND) else folder.with_name(folder.name + BY_HAND)


def adopt_study(notebook: str, values: dict) -> None:
    """Set a notebook's parameters to those of the study in ``study_dir``, where it runs by hand.

    What the caller gave otherwise stays, but for data set and marks. Where no study was run in
    ``study_dir``, the notebook works beside it, with the parameters it has.

    Args:
        notebook: the source notebook's name, such as "04_evaluation".
        values: the notebook's ``globals()``, which are changed.

    Raises:
        UserError: the caller contradicts the study, or it left no record.
    """
    if not is_by_hand():
        return
    folder = paths.ROOT / values["study_dir"]
    record = _record(folder)
    if record is None:
        values["study_dir"] = beside(values["study_dir"]).as_posix()
        print(f"By hand; no study was run in {folder.name}: all lies in {values['study_dir']}.")
        return
    declared, set_by_caller = declared_parameters(notebook), _given(notebook, values)
    names = (values.get("variant"), values.get("protocol"))
    if "protocols" in declared:
        names = (values.get("other"),)
    of_page = record["pages"].get(paths.page_name(notebook, *names), {})
    of_study = {k: v for k, v in (record["study"] | of_page).items() if k in declared}
    problems = [
        f"{name} is {values[name]!r} here, and {of_study[name]!r} in the study {folder.name}: "
        "leave it out, or name another study_dir"
        for name in OF_THE_STUDY
        if name in of_study and name in set_by_caller and values[name] != of_study[name]
    ]
    if problems:
        raise UserError("\n".join(problems))
    of_study.pop("study_dir", None)
    values |= {name: value for name, value in of_study.items() if name not in set_by_caller}
    print(f"By hand, on the study {folder.name}; what is written goes to {beside(folder).name}.")


def _record(folder: Path) -> dict | None:
    """Return the record that the study in a folder, or beside it, has left; None without a run."""
    for home in (folder, folder.with_name(folder.name.removesuffix(BY_HAND))):
        if (path := paths.record_file(home)).exists():
            return json.loads(path.read_text())
    if (folder / "cases.parquet").exists() and not folder.name.endswith(BY_HAND):
        raise UserError(
            f"the study in {folder.name} has left no {paths.record_file(folder).name}: run it once "
            "more by `make book`, which says there what it is of"
        )
    return None


def _given(notebook: str, values: Mapping) -> set[str]:
    """Return the parameters that the caller gave: other than the defaults, or by papermill."""
    defaults = declared_parameters(notebook)
    changed = {name for name, default in defaults.items() if values[name] != default}
    injected = [code for code in values.get("In", ()) if code.startswith("# Parameters\n")]
    nodes = [node for code in injected for node in ast.parse(code).body]
    names = {node.targets[0].id for node in nodes if isinstance(node, ast.Assign)}
    return changed | names & defaults.keys()
