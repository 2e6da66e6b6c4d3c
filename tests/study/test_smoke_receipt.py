"""A check of the smoke study, whose pages are there already: a forged number is found, and said."""

import base64
import copy
from dataclasses import replace

from helpers.codecheck import broken
from press.pages import outputs
from press.pages import page as pages
from press.report import receipts
from press.verification import receipt, recheck

PAGE, FIGURE = "04_evaluation-proposed-patient", "headline"


def forged(page):
    """Return a page in which a number of a figure is another, with all hashes right."""
    data = copy.deepcopy(page.exhibits[FIGURE].data)
    text = page.exhibits[FIGURE].files[f"{FIGURE}.csv"].decode()
    head, first, *rows = text.splitlines()
    name, _, *others = first.split(",")
    content = "\n".join([head, ",".join([name, "0.99", *others]), *rows]).encode()
    data[outputs.FILES][f"{FIGURE}.csv"] = base64.b64encode(content).decode()
    data[outputs.PASSPORT]["files"][f"{FIGURE}.csv"] = outputs.sha256_of(content)
    exhibits = page.exhibits | {FIGURE: replace(page.exhibits[FIGURE], data=data)}
    return replace(page, exhibits=exhibits)


def test_a_forged_number_is_different_when_the_study_is_made_again(
    smoke_pages, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(
        recheck, "make_all_again", lambda *_: {p.name: p for p in pages.of_study("smoke")}
    )
    for module in (receipt, receipts):
        monkeypatch.setattr(module, "RECEIPTS", tmp_path)
    monkeypatch.setattr(receipt, "ROOT", tmp_path)
    assert receipt.main("config/smoke.yaml", "", "", "Ada Lovelace") == 0
    folder = tmp_path / "smoke-ada-lovelace"
    assert set(receipts.read(folder).exhibits["verdict"]) == {"equal"}
    assert broken(folder) == {"CC-CFG-020", "CC-CFG-025"}
    published = [forged(p) if p.name == PAGE else p for p in pages.of_study("smoke")]
    monkeypatch.setattr(recheck.pages, "executed", lambda *_: published)
    assert receipt.main("config/smoke.yaml", "", "", "Ada Lovelace") == 1
    assert f"different: {PAGE}#{FIGURE}" in capsys.readouterr().out
    exhibits = receipts.read(folder).exhibits.set_index(["page", "exhibit"])
    assert exhibits.loc[(PAGE, FIGURE), "verdict"] == "different"
    assert f"{PAGE}#{FIGURE}" in (folder / "report.md").read_text()
