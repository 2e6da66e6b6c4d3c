"""These tests look at the executed smoke study, which tests/run.sh makes before it runs them."""

from pathlib import Path

import pytest

from press.paths import BOOK

PAGES = BOOK / "smoke"


@pytest.fixture(scope="session")
def smoke_pages():
    """Return the folder of the executed pages, or skip where the study was not run."""
    if not (PAGES / "11_claims.ipynb").exists():
        pytest.skip("needs the executed smoke study: make book STUDY=smoke")
    return PAGES


def pytest_collection_modifyitems(items):
    """Keep in one process what changes and reads executed pages, in another the rendered book."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            group = "rendered" if item.path.stem == "test_book" else "executed"
            item.add_marker(pytest.mark.xdist_group(group))
