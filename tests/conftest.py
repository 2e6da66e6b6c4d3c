"""Fixtures shared by all tests."""

import gc
import os
from pathlib import Path

import pytest

from helpers.project import ROOT, copy_project
from press.by_hand import MARK
from press.execution.execute import collect_seldom

collect_seldom()  # as in a kernel
os.environ[MARK] = "a page"  # as in a study's run; what runs by hand takes it away


def pytest_collection_finish():
    """Leave imported modules out of garbage collections, which libraries call for by themselves."""
    import hypothesis  # noqa: F401  its plugins ask who refers to an object, which freezing hides

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of restricted development data, or a skip where it is absent."""
    folder = Path(os.environ.get("BIRADS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the restricted data sets, absent here: {folder} (set BIRADS_SHARED)")
    return folder


@pytest.fixture
def clean_copy(tmp_path) -> Path:
    """A copy of the project as it is before anything ran."""
    return copy_project(tmp_path / "project")
