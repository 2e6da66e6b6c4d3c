"""Verification of pages that can't be read: a problem, never a study left out."""

import shutil

import pytest

from press import verify
from press.paths import BOOK


@pytest.mark.parametrize("text", ["", "{}", '{"cells": []}'])
def test_a_page_that_others_read_from_and_nobody_can_read_is_a_problem(tmp_path, monkeypatch, text):
    shutil.copytree(BOOK / "inbreast", tmp_path / "inbreast")
    monkeypatch.setattr(verify.paths, "BOOK", tmp_path)
    page = "03_training-proposed-patient"
    (tmp_path / "inbreast" / f"{page}.ipynb").write_text(text)
    problems = verify.study("inbreast").problems
    assert any(f"{page}.ipynb: can't be read" in line for line in problems)
    assert any(f"its page {page} is not here" in line for line in problems)
