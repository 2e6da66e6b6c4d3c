"""Verification of pages that can't be read or were forged: a problem, never a study left out."""

import json
import shutil
from dataclasses import replace

import pytest

from birads_lib.errors import UserError
from birads_lib.files import sha256
from press.pages import environment, outputs
from press.pages import page as pages
from press.paths import BOOK
from press.studies.study import load
from press.verification import deep, recorded, verify
from press.verification.checks import Report

TWO = "transfer_inbreast"  # a study of two pages, of which one reads the other


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return a function that copies a study's committed pages, which are then the book's."""
    monkeypatch.setattr(verify.paths, "BOOK", tmp_path)
    monkeypatch.setattr(pages, "RESULTS", tmp_path / "results")
    return lambda name: shutil.copytree(BOOK / name, tmp_path / name)


@pytest.mark.parametrize("text", ["", "{}", '{"cells": []}'])
def test_a_page_that_others_read_from_and_nobody_can_read_is_a_problem(copied, text):
    page = "03_training-proposed-patient"
    (copied("inbreast") / f"{page}.ipynb").write_text(text)
    problems = verify.study("inbreast").problems
    assert any(f"{page}.ipynb: can't be read" in line for line in problems)
    assert any(f"its page {page} is not here" in line for line in problems)


def test_a_picture_that_is_no_base64_any_more_is_a_problem(copied):
    page = copied("inbreast") / "10_leakage_audit.ipynb"
    outputs = [o for cell in json.loads(page.read_text())["cells"] for o in cell.get("outputs", [])]
    pictures = (o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {}))
    beginning = "".join(next(pictures))[:60]
    page.write_text(page.read_text().replace(beginning, "*" + beginning[1:]))
    problems = verify.study("inbreast").problems
    assert any(".png in the page is not the one that was published" in line for line in problems)


@pytest.mark.parametrize("content", [None, b"", b"\xff\n", b"no hash\n", b"\x00" * 80])
def test_pages_without_their_seals_are_problems(copied, monkeypatch, capsys, content):
    """Also where the list of seals is gone or damaged: nothing is called not run, and left out."""
    seals = copied(TWO) / pages.SEALS
    seals.unlink() if content is None else seals.write_bytes(content)
    monkeypatch.setattr(verify, "COMMITTED", ("speed", TWO))
    monkeypatch.setattr(verify.rendered, "check", lambda study: Report())
    assert verify.main(f"config/{TWO}.yaml") == 1
    printed = capsys.readouterr().out
    assert printed.count("executed elsewhere, it has no seal") == 2
    assert (f"PROBLEM: {TWO}/SHA256SUMS: can't be read" in printed) == bool(content)
    assert "speed: not executed here" in printed


def test_a_chain_that_was_cut_is_a_problem(copied):
    folder = copied(TWO)
    assert verify.study(TWO).problems == []
    page = folder / "35_real_transfer.ipynb"
    notebook = json.loads(page.read_text())
    shown = [output["data"] for cell in notebook["cells"] for output in cell.get("outputs", [])
             if "data" in output]  # fmt: skip
    passports = [data[outputs.PASSPORT] for data in shown if outputs.PASSPORT in data]
    read = [read for facts in passports for read in facts["inputs"] if "made_by" in read]
    for each in read:
        del each["made_by"]
    read[0]["file"] = "results/another/predictions.parquet"  # which no chapter of this study writes
    page.write_text(json.dumps(notebook))
    pages.seal(page)
    problems = verify.study(TWO).problems
    for name in ("cases.parquet", "results/another/predictions.parquet"):
        assert any(f"{name} names no page that wrote it" in line for line in problems), name
    assert sum("names no page that wrote it" in line for line in problems) == len(read)


def test_what_stops_a_deep_check_is_a_problem(copied, monkeypatch):
    copied(TWO)

    def check(*_):
        raise UserError("cases.parquet is damaged")

    monkeypatch.setattr(deep, "check", check)
    (problem,) = verify.study(TWO, deep=True).problems
    assert "what its models predict: can't be read" in problem
    assert "cases.parquet is damaged" in problem


def test_a_folder_of_images_that_is_not_there_is_said_once(tmp_path, monkeypatch):
    study = load("config/inbreast.yaml")
    with pytest.raises(UserError, match="does not exist; give the folder"):
        verify._images_at_hand(study, str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert verify._images_at_hand(study, "~") == tmp_path


def test_images_that_are_gone_are_named_in_the_same_order_each_time(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    kinds = [f"kind {letter}" for letter in "edcba"]
    report = Report()
    listed = {kind: ["0" * 64] for kind in kinds} | {"image": [sha256(tmp_path / "a.png")]}
    verify._check_images(listed, tmp_path.iterdir(), report)
    assert [line[-6:] for line in report.problems] == sorted(kinds)


def test_only_numbers_that_something_is_known_of_are_counted():
    page = pages.read(BOOK / "inbreast/04_evaluation-proposed-patient.ipynb")
    assert recorded.contradicted(page) == (10, [])  # the network's metrics
    assert len(page.numbers) > 10  # floors, and answers in words
    forged = {name: replace(number, text="77") for name, number in page.numbers.items()}
    held, lines = recorded.contradicted(replace(page, numbers=forged))
    assert held == len(lines) == 10
    unknown = replace(page, exhibits={}, artefacts={})
    assert recorded.contradicted(unknown) == (0, [])


def test_a_record_of_a_study_that_gives_a_page_other_parameters_is_a_problem(
    copied, tmp_path, monkeypatch
):
    copied(TWO)
    monkeypatch.setattr(verify.paths, "ROOT", tmp_path)
    monkeypatch.setattr(verify.paths, "RESULTS", tmp_path / "results")
    record = tmp_path / "results" / TWO / "study.json"
    record.parent.mkdir(parents=True)
    page = pages.read(tmp_path / TWO / "35_real_transfer.ipynb")
    executed = page.passport["parameters"]
    given = {"study": {"note": executed["note"]}, "pages": {page.name: {"seed": executed["seed"]}}}
    record.write_text(json.dumps(given))
    assert recorded.contradicted_parameters(page) == (2, [])
    given["pages"][page.name]["seed"] += 1
    given["study"]["note"] = "another"
    record.write_text(json.dumps(given))
    held, lines = recorded.contradicted_parameters(page)
    assert held == len(lines) == 2
    assert "study.json gives note = 'another'" in lines[0]
    record.write_text("{}")
    assert any("35_real_transfer: can't be read" in line for line in verify.study(TWO).problems)


def test_without_git_no_commit_is_known_and_nothing_stops(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    environment.commit.cache_clear()
    assert environment.commit() == {"commit": "unknown", "uncommitted_changes": True}
    environment.commit.cache_clear()
    report = Report()
    verify._note_commits(pages.of_study(TWO), report)
    assert report.notes == []
