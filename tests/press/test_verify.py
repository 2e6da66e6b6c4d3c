"""Verification of pages that can't be read: a problem, never a study left out."""

import json
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


def test_a_picture_that_is_no_base64_any_more_is_a_problem(tmp_path, monkeypatch):
    shutil.copytree(BOOK / "inbreast", tmp_path / "inbreast")
    monkeypatch.setattr(verify.paths, "BOOK", tmp_path)
    page = tmp_path / "inbreast" / "10_leakage_audit.ipynb"
    outputs = [o for cell in json.loads(page.read_text())["cells"] for o in cell.get("outputs", [])]
    pictures = (o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {}))
    beginning = "".join(next(pictures))[:60]
    page.write_text(page.read_text().replace(beginning, "*" + beginning[1:]))
    problems = verify.study("inbreast").problems
    assert any(".png in the page is not the one that was published" in line for line in problems)
