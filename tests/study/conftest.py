"""These tests look at the executed smoke study, which tests/run.sh makes before it runs them.

Nothing is changed where it was made: a test that changes or writes anything does so in a copy.
"""

from pathlib import Path

import pytest

from helpers.browser import BOOK as BUILT
from helpers.browser import headless, served
from helpers.project import ROOT, copy_project
from press.pages.page import COMMITTED

BOOK = "_build/smoke/_build/html"


@pytest.fixture(scope="session")
def smoke_pages() -> Path:
    """Return the folder of the executed pages, or skip where the study was not run."""
    if not (ROOT / "book/smoke/11_claims.ipynb").exists():
        pytest.skip("needs the executed smoke study: make book STUDY=smoke")
    return ROOT / "book" / "smoke"


@pytest.fixture(scope="session")
def smoke_book() -> Path:
    """Return the folder of the rendered book, or skip where it was not rendered."""
    if not (ROOT / "_build/smoke/rendered").exists():
        pytest.skip("needs the rendered smoke study: make book STUDY=smoke")
    return ROOT / BOOK


@pytest.fixture
def executed_copy(smoke_pages, tmp_path) -> Path:
    """Return a copy of the project with the executed smoke study, which is not rendered there."""
    return copy_project(tmp_path / "project", "book/smoke", "results/smoke")


@pytest.fixture(scope="module")
def rendered_copy(smoke_pages, smoke_book, tmp_path_factory) -> Path:
    """Return a copy of the project with the executed smoke study and its rendered book.

    The tests of a module share it: one fixture changes it, before all of them.
    """
    made = ["book/smoke", "results/smoke", "_build/smoke"]
    made += ["_build/pictures"] * (ROOT / "_build/pictures").is_dir()  # made once for all copies
    committed = (f"book/{name}" for name in COMMITTED)  # its book shows them, too
    return copy_project(tmp_path_factory.mktemp("rendered") / "project", *made, *committed)


@pytest.fixture(scope="session")
def address():
    """Serve the built book on a free port of this machine."""
    with served(BUILT) as address:
        yield address


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One headless browser for all pages."""
    with headless(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
