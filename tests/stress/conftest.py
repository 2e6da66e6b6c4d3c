"""Whole studies that are disturbed, each compared with one that was not."""

import os

import pytest

from birads_lib.files import one_at_a_time
from helpers.small_study import EVALUATED, TRAINED, Project


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
