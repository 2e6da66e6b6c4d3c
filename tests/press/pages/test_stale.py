"""Pages whose sources have changed since they were executed."""

from dataclasses import replace
from pathlib import Path

from press.pages import page as pages
from press.pages import stale


def test_a_page_whose_notebook_is_gone_is_stale():
    page = pages.of_study("speed")[0]
    gone = replace(page, path=Path("book/speed/99_gone-a-b.ipynb"))
    assert stale.changed_sources(gone) == ["notebooks/99_gone.ipynb is gone"]
