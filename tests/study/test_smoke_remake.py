"""Figures of the smoke study, made again: from intact inputs, and from the images."""

import pytest

from helpers.project import ROOT, run_module
from press.execution import remake
from press.studies.study import load


@pytest.mark.parametrize(
    ("figure", "gone"),
    [
        ("02_preprocessing#steps", ""),
        ("02_preprocessing#steps", "results/smoke/cases.parquet"),
    ],
)
def test_a_figure_made_again_is_the_same(executed_copy, figure, gone):
    if gone:
        (executed_copy / gone).unlink()
    done = run_module(executed_copy, "press.execution.remake", "config/smoke.yaml", figure)
    assert done.returncode == 0, done.stderr
    assert "compared, equal" in done.stdout
    assert "picture: equal byte for byte" in done.stdout
    assert "differs" not in done.stdout
    assert "image files, SHA-256" in done.stdout
    assert ("from the images" in done.stdout) == bool(gone)


def test_a_figure_whose_input_was_exchanged_is_made_from_the_images(smoke_pages, monkeypatch):
    page, exhibit = remake.find("smoke", "02_preprocessing#steps")
    study = load("config/smoke.yaml")
    assert remake.at_hand(study, page, exhibit)
    monkeypatch.setattr(remake, "ROOT", ROOT / "results")  # where these files are not
    assert remake.at_hand(study, page, exhibit) == []
