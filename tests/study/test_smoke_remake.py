"""Figures of the smoke study, made again: from intact inputs, and from the images."""

import pytest

from press import remake
from press.paths import ROOT


@pytest.mark.parametrize(
    ("figure", "options"),
    [
        ("04_evaluation-proposed-patient#headline", []),
        ("02_preprocessing#steps", ["--from-images"]),
    ],
)
def test_a_figure_made_again_is_the_same(smoke_pages, figure, options, capsys):
    assert remake.main(["config/smoke.yaml", figure, *options]) == 0
    said = capsys.readouterr().out
    assert "compared, equal" in said
    assert "picture: equal byte for byte" in said
    assert "differs" not in said
    assert "image files, SHA-256" in said
    assert ("from the images" in said) == bool(options)


def test_a_figure_whose_input_was_exchanged_is_made_from_the_images(smoke_pages, monkeypatch):
    _, exhibit = remake.find("smoke", "02_preprocessing#steps")
    assert remake.intact(exhibit)
    monkeypatch.setattr(remake, "ROOT", ROOT / "results")  # where these files are not
    assert not remake.intact(exhibit)
