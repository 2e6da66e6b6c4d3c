"""The smoke study of breast density: executed to the end, each file with its passport."""

import pytest

from helpers.project import ROOT
from press import verify
from press.study import load

STUDY = load(ROOT / "config" / "smoke_density.yaml")


def test_every_page_was_executed_and_holds():
    folder = ROOT / "book" / STUDY.name
    if not folder.exists():
        pytest.skip("needs the executed study: make book STUDY=smoke_density")
    assert sorted(path.stem for path in folder.glob("*.ipynb")) == sorted(STUDY.pages())
    report = verify.study(STUDY.name)
    assert not report.problems
    assert report.checked["links between pages"] > 0
