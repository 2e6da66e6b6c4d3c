"""These tests look at the executed smoke study, which tests/run.sh makes before it runs them."""

import pytest

from birads_lib.paths import BOOK

PAGES = BOOK / "smoke"


@pytest.fixture(scope="session")
def smoke_pages():
    """Return the folder of the executed pages, or skip where the study was not run."""
    if not (PAGES / "11_claims.ipynb").exists():
        pytest.skip("needs the executed smoke study: make book STUDY=smoke")
    return PAGES
