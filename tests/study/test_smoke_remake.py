"""Pages of the smoke study, made again: from intact inputs, and from the images.

That is also what nbval does with the other pages, so tests/run.sh leaves these two out: what a cell
marked for it prints is the same, and a file is opened only if a passport names it.
"""

import json
import shutil

import pytest

from helpers.project import ROOT, run_module
from press.execution import remake
from press.studies.study import load

WATCHED = ("tests/helpers", "tests/notebooks")  # what has kernels watch what they open
MARK = "# NBVAL_CHECK_OUTPUT"


def watch(root, monkeypatch):
    """Make the kernels of a copy fail at a cell that opens a file which no passport names."""
    for name in WATCHED:
        shutil.copytree(ROOT / name, root / name)
    monkeypatch.setenv("PYTHONSTARTUP", str(root / "tests/notebooks/in_kernel.py"))


def checked_outputs(page):
    """Return what the cells of a page print that nbval would hold against a second execution."""
    cells = json.loads(page.read_text())["cells"]
    return [
        [output.get("text") for output in cell["outputs"] if output["output_type"] == "stream"]
        for cell in cells
        if "".join(cell["source"]).startswith(MARK)
    ]


@pytest.mark.parametrize(
    ("pages", "gone"),
    [
        (["02_preprocessing"], ""),
        (["01_data_exploration", "02_preprocessing"], "results/smoke/cases.parquet"),
    ],
)
def test_a_figure_made_again_is_the_same(executed_copy, monkeypatch, pages, gone):
    if gone:
        (executed_copy / gone).unlink()
        watch(executed_copy, monkeypatch)  # what is at hand is linked, and read elsewhere
    figure = f"{pages[-1]}#steps"
    done = run_module(executed_copy, "press.execution.remake", "config/smoke.yaml", figure)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "compared, equal" in done.stdout
    assert "picture: equal byte for byte" in done.stdout
    assert "differs" not in done.stdout
    assert "image files, SHA-256" in done.stdout
    assert ("from the images" in done.stdout) == bool(gone)
    made = executed_copy / remake.SCRATCH / "pages" / "smoke"
    assert sorted(page.stem for page in made.glob("*.ipynb")) == pages
    for name in pages:
        printed = checked_outputs(ROOT / f"book/smoke/{name}.ipynb")
        assert printed
        assert checked_outputs(made / f"{name}.ipynb") == printed


def test_a_figure_whose_input_was_exchanged_is_made_from_the_images(smoke_pages, monkeypatch):
    page, exhibit = remake.find("smoke", "02_preprocessing#steps")
    study = load("config/smoke.yaml")
    assert remake.at_hand(study, page, exhibit)
    monkeypatch.setattr(remake, "ROOT", ROOT / "results")  # where these files are not
    assert remake.at_hand(study, page, exhibit) == []
