"""The companions' smoke studies: executed to the end, each file with its passport."""

import pytest

from helpers.project import ROOT
from press.studies.study import load
from press.verification import verify

SMOKE = ("smoke_backbones", "smoke_transfer", "smoke_density", "smoke_relevance", "smoke_best")


@pytest.mark.parametrize("name", SMOKE)
def test_every_page_was_executed_and_holds(name):
    folder = ROOT / "book" / name
    if not folder.exists():
        pytest.skip(f"needs the executed study: make book STUDY={name}")
    study = load(ROOT / "config" / f"{name}.yaml")
    assert sorted(path.stem for path in folder.glob("*.ipynb")) == sorted(study.pages())
    report = verify.study(name)
    assert not report.problems
    assert report.checked["links between pages"] > 0
