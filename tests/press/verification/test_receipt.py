"""Receipts: valid, whole, of one person, and data wherever they are shown."""

import base64
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from birads_lib.errors import UserError
from helpers.codecheck import broken
from helpers.forking.start import RUN_MODULE
from helpers.project import ROOT
from press.pages import outputs
from press.pages import page as pages
from press.report import receipts
from press.studies.study import load
from press.verification import receipt, recheck

# What only CODECHECK's register gives, and what CITATION.cff doesn't tell of its authors.
OPEN = {"CC-CFG-020", "CC-CFG-025"}
ROOT_HASH = "5" * 64
ADA = {"name": "Ada Lovelace", "ORCID": "0000-0002-1825-0097"}
HOSTILE = "Eve | <b>x</b> {{ 7 * 7 }} `a` $x$ [y](z)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of receipts, empty."""
    for module in (receipt, receipts):
        monkeypatch.setattr(module, "RECEIPTS", tmp_path / "receipts")
    return tmp_path / "receipts"


@pytest.fixture(scope="module")
def checked():
    """A check of the frozen study that gave what is published."""
    study, published = load("config/inbreast.yaml"), pages.of_study("inbreast")[-3:]
    outcomes = list(recheck.compare(published, {page.name: page for page in published}))
    stale, left_out, unasked = [published[0].name], ["12_comparison-b"], ["04_evaluation-b-image"]
    return recheck.Check(study, published, outcomes, stale, left_out, unasked, ROOT_HASH)


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Ada Lovelace", {"name": "Ada Lovelace"}),
        (" Ada  Lovelace 0000-0002-1825-0097", ADA),
        ("Ada Lovelace, https://orcid.org/0000-0002-1825-0097", ADA),
        ("Ada Lovelace (0000-0002-1825-0097)", ADA),
        ("李小龙 0000-0002-1694-233X", {"name": "李小龙", "ORCID": "0000-0002-1694-233X"}),
        (HOSTILE, {"name": HOSTILE}),
    ],
)
def test_a_person_has_a_name_and_may_have_an_orcid(text, person):
    assert receipt.checker(text) == person


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("../..", "expected the name of who checks, such as 'Ada Lovelace'"),
        ("0000-0002-1825-0097", "expected the name"),
        ("Ada 0000-0002-1825-0098", "check digit is wrong; copy it anew from orcid.org"),
        ("A" * 101, "at most 100; shorten it"),
        ("Ada\u202eecalevoL", r"U\+202E; remove it"),
    ],
)
def test_what_is_no_name_is_refused_before_anything_runs(text, message, monkeypatch):
    monkeypatch.setattr(receipt, "check", lambda *_: pytest.fail("it ran"))
    with pytest.raises(UserError, match=message):
        receipt.main("config/smoke.yaml", "", "", text)


def test_a_receipt_keeps_the_rules_of_codecheck(folder, checked):
    written = receipt.write(checked, ADA)
    assert broken(written) == OPEN
    path = written / "codecheck.yml"
    content = yaml.safe_load(path.read_text())
    assert content["codechecker"] == [ADA]
    content["certificate"] = "2026-001"
    content["paper"]["authors"] = [ADA]
    path.write_text(yaml.safe_dump(content, explicit_start=True))
    assert broken(written) == set()
    for name in ("paper", "manifest", "codechecker", "report", "summary"):
        less = {key: value for key, value in content.items() if key != name}
        path.write_text(yaml.safe_dump(less, explicit_start=True))
        assert broken(written), name
    (written / content["manifest"][-1]["file"]).unlink()
    path.write_text(yaml.safe_dump(content, explicit_start=True))
    assert broken(written) == {"CC-BUN-001"}


def test_a_receipt_says_who_where_and_what_and_names_no_machine(folder, checked):
    written = receipt.write(checked, ADA)
    content = yaml.safe_load((written / "codecheck.yml").read_text())
    assert content["execution"]["study"] == "inbreast"
    assert content["execution"]["device"]
    assert content["summary"] == recheck.summary(checked.outcomes)
    exhibits = receipts.read(written).exhibits
    assert len(exhibits) == sum(len(page.exhibits) for page in checked.made)
    assert set(exhibits["verdict"]) == {"equal"}
    report = (written / "report.md").read_text()
    assert ROOT_HASH in report
    assert "not made again: 12_comparison-b" in report
    assert "not made again: 04_evaluation-b-image" in report
    for path in written.rglob("*.*"):
        assert str(Path.home()) not in path.read_text()
        assert socket.gethostname() not in path.read_text()


def test_a_table_that_names_patients_stays_at_home(folder, checked):
    page = checked.made[0]
    whose = base64.b64encode(b"patient_id\n3\n").decode()
    passport = {"id": "whose", "caption": "c", "inputs": []}
    exhibit = pages.Exhibit({outputs.FILES: {"whose.csv": whose}, outputs.PASSPORT: passport})
    page = replace(page, exhibits=page.exhibits | {"whose": exhibit})
    written = receipt.write(replace(checked, made=[page]), ADA)
    kept = {path.stem for path in (written / "outputs" / page.name).iterdir()}
    assert kept == page.exhibits.keys() - {"whose"}


def test_a_receipt_is_written_whole_or_not_at_all(folder, checked, monkeypatch):
    before = (receipt.write(checked, ADA) / "exhibits.csv").read_bytes()
    monkeypatch.setattr(receipt, "report", lambda _: 1 / 0)
    for person in (ADA, {"name": "Eve"}):
        with pytest.raises(ZeroDivisionError):
            receipt.write(checked, person)
    assert [path.name for path in folder.iterdir()] == ["inbreast-ada-lovelace"]
    assert (folder / "inbreast-ada-lovelace/exhibits.csv").read_bytes() == before


def test_somebody_else_with_the_same_file_name_is_kept(folder, checked):
    receipt.write(checked, ADA)
    receipt.write(checked, ADA)  # checked again
    with pytest.raises(UserError, match="somebody else"):
        receipt.write(checked, {"name": "Ada-Lovelace"})


@pytest.mark.parametrize(
    ("there", "name", "message"),
    [
        ({"name": "Ada-Lovelace"}, "Ada Lovelace", "is of somebody else"),
        ("a file of another kind", "Ada Lovelace", "is no receipt"),
        (None, "Щ" * 100, r"inbreast-щ+, which has \d+ bytes; at most 200: shorten the name"),
    ],
)
def test_a_receipt_that_could_not_be_written_is_refused_before_hours_of_work(
    folder, checked, monkeypatch, there, name, message
):
    monkeypatch.setattr(receipt, "LONGEST_FOLDER", 200)
    monkeypatch.setattr(receipt, "check", lambda *_: pytest.fail("it ran"))
    if isinstance(there, dict):
        receipt.write(checked, there)
    elif there:
        (folder / "inbreast-ada-lovelace").mkdir(parents=True)
    with pytest.raises(UserError, match=message):
        receipt.main("config/inbreast.yaml", "", "", name)


def test_a_receipt_of_before_is_still_one(folder, checked):
    """It doesn't tell of pages that the study's file no longer asked for."""
    path = receipt.write(checked, ADA) / "codecheck.yml"
    content = yaml.safe_load(path.read_text())
    del content["execution"]["unasked"]
    path.write_text(yaml.safe_dump(content))
    assert receipts.read(path.parent).study == "inbreast"
    del content["execution"]["device"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match="is no receipt"):
        receipts.read(path.parent)


def test_the_book_shows_receipts_as_data(folder, checked):
    assert "no receipt yet" in receipts.chapter([])
    written = receipt.write(checked, {"name": HOSTILE})
    text = receipts.chapter([(checked.study, checked.made)])
    assert "{{" not in text
    assert "<b>" not in text
    assert "Eve &#124;" in text
    count = len(checked.outcomes)
    assert f"Of the {count} exhibits that this book shows, {count} are those checked" in text
    shutil.rmtree(written / "outputs")
    (written / "exhibits.csv").write_text("page\n")
    with pytest.raises(UserError, match=f"receipts/{written.name} is no receipt"):
        receipts.chapter([])


def test_the_command_begins_by_itself():
    """No other module has been imported before, whose order could hide a circle."""
    done = subprocess.run(
        [*RUN_MODULE.split(), "press.verification.receipt", "none.yaml", "", "", "Ada"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr.startswith("no study at none.yaml")
