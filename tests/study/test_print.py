"""The smoke study's book as one page for a lecture, and two of its pages as a PDF."""

import shutil
import subprocess

import pytest
from bs4 import BeautifulSoup

from birads_lib.errors import UserError
from press.pages.page import read
from press.paths import BOOK
from press.rendering import contents, manifest, one_page, pdf
from press.studies.study import load

AUDIT = "inbreast/10_leakage_audit"


@pytest.fixture(scope="module")
def smoke(smoke_book):
    return load("config/smoke.yaml")


def test_the_page_for_a_lecture_holds_the_chapters_that_test_the_paper(smoke):
    page = BeautifulSoup(one_page.joined(smoke, "mini"), "html.parser")
    sections = [section["id"] for section in page.select("section.page")]
    assert (sections[0], sections[-1]) == ("intro", "glossary")
    assert "inbreast-10_leakage_audit" in sections
    assert not [name for name in sections if name.startswith("smoke-")]
    identities = [tag["id"] for tag in page.find_all(id=True)]
    assert len(identities) == len(set(identities))
    links = {a["href"] for a in page("a")}
    assert {link[1:] for link in links if link.startswith("#")} <= set(identities)
    assert not [link for link in links if not link.startswith(("#", "https://", "http://"))]
    assert not page.select("script, link, img:not([src^='data:image/'])")
    assert page.select(".leaky-mark")
    assert all(f.find("img") or f.find("table") for f in page.select("figure.exhibit"))
    assert not [f for f in page.select("figure.exhibit") if not f.figcaption.get_text(strip=True)]


def test_the_printed_book_says_what_its_pages_say(smoke, tmp_path, monkeypatch):
    """Of two pages, as all of them take a minute."""
    try:
        pdf.browser()
    except UserError as error:
        pytest.skip(str(error))
    some = [("", ["book/intro"]), ("Tested", [f"book/{AUDIT}"])]
    monkeypatch.setattr(contents, "reading", lambda study, only_mini: some)
    page, printed = tmp_path / "book.html", tmp_path / "book.pdf"
    page.write_text(one_page.joined(smoke))
    pdf.write(page, printed)
    assert b"file://" not in printed.read_bytes()  # no place of this machine
    if not shutil.which("pdftotext"):
        pytest.skip("needs pdftotext (poppler-utils) to read the PDF")
    text = subprocess.run(["pdftotext", printed, "-"], capture_output=True, text=True).stdout
    words = " ".join(text.split())
    audit = read(BOOK / f"{AUDIT}.ipynb")
    caption = audit.exhibits["three-bars"].passport["caption"]
    number = read(BOOK / "inbreast/04_evaluation-proposed-patient.ipynb").numbers
    for said in (
        smoke.title, manifest.noted_root(smoke), caption, audit.title,
        number["inbreast_patient_accuracy"].text, "leaky protocol, not an estimate of performance",
    ):  # fmt: skip
        assert " ".join(said.split()) in words, said
    assert "Passport of" not in words
