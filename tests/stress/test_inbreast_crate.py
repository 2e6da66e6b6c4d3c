"""The crate of INbreast's study, which is the largest and may show no image."""

from helpers.crate_validator import problems
from helpers.crates import written
from helpers.project import copy_project


def test_it_conforms_to_the_profile(tmp_path):
    folder, _ = written(copy_project(tmp_path / "project", "book/inbreast"), "inbreast")
    assert problems(folder) == []
