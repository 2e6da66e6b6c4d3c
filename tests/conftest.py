"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from small_study import EVALUATED, TRAINED, Project

from birads_lib.files import one_at_a_time

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of restricted development data, or a skip where it is absent."""
    folder = Path(os.environ.get("BIRADS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the restricted data sets, absent here: {folder} (set BIRADS_SHARED)")
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Project:
    """The tiny study, run without a disturbance; once for all workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, whole = shared / "undisturbed", shared / "undisturbed.whole"
    with one_at_a_time(shared / "undisturbed.lock", "waiting for the undisturbed study"):
        if not whole.exists():
            done = Project.new(folder).run(*TRAINED, EVALUATED, cores=2)
            assert done.returncode == 0, done.stdout
            whole.touch()
    return Project(folder)
