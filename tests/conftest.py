"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of restricted development data, or a skip where it is absent."""
    folder = Path(os.environ.get("BIRADS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the restricted data sets, absent here: {folder} (set BIRADS_SHARED)")
    return folder
