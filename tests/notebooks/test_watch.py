"""The watch over what a notebook opens: an undeclared file fails its cell, however it is opened."""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.forking.start import RUN_MODULE
from helpers.project import ROOT, run_in

BEGIN = """
from pathlib import Path
import zipfile
import numpy as np, pandas as pd
from press import run as runs
from press.report import claims
from press.studies.parameters import declared_parameters
given = {{"study_dir": {folder!r}, "protocols": []}}
run = runs.Run("05_ablations", declared_parameters("05_ablations") | given, {{"c": claims.CLAIMS}})
"""
DECLARED = [
    "claims.CLAIMS.read_text()",
    "Path('own.txt').write_text('x'); Path('own.txt').read_text()",
]
UNDECLARED = [
    "open('a.csv').close()",
    "pd.read_csv('a.csv')",
    "pd.read_parquet('a.parquet')",
    "np.load('a.npy', mmap_mode='r')",
    "zipfile.ZipFile('a.npz').namelist()",
    "claims.PUBLISHED.read_bytes()",
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """For each cell, whether it passed in a watched kernel."""
    folder = tmp_path_factory.mktemp("watched")
    pd.DataFrame({"x": [1]}).to_parquet(folder / "a.parquet")
    pd.DataFrame({"x": [1]}).to_csv(folder / "a.csv")
    np.save(folder / "a.npy", np.zeros(3))
    np.savez(folder / "a.npz", x=np.zeros(3))
    begin = f"{BEGIN.format(folder=str(folder))}\nimport os; os.chdir({str(folder)!r})"
    cells = [begin, *DECLARED, *UNDECLARED]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, folder / "watched.ipynb")
    plugins = ["-p", "nbval.plugin", "-p", "no:cacheprovider"]  # no other: they take a second
    command = [
        *RUN_MODULE.split(),
        "pytest",
        "-v",
        "--nbval-lax",
        *plugins,
        "--rootdir",
        str(folder),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTHONSTARTUP", str(ROOT / "tests/notebooks/in_kernel.py"))
        done = run_in(ROOT, *command, str(folder / "watched.ipynb"))
    said = re.findall(r"Cell \d+ (PASSED|FAILED)", done.stdout)
    assert len(said) == len(cells), done.stdout
    return dict(zip(cells[1:], said[1:], strict=True))


def test_nothing_reads_by_a_way_that_the_watch_does_not_see():
    unseen = re.compile(r"cv2\.imread|pyarrow\.parquet|h5py\.|read_feather|read_hdf")
    files = [*(ROOT / "birads_lib").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert not [path.name for path in files if unseen.search(path.read_text())]


@pytest.mark.parametrize("code", DECLARED)
def test_a_file_that_a_passport_names_or_the_notebook_wrote_may_be_read(outcomes, code):
    assert outcomes[code] == "PASSED"


@pytest.mark.parametrize("code", UNDECLARED)
def test_a_file_that_no_passport_names_fails_its_cell(outcomes, code):
    assert outcomes[code] == "FAILED"
