"""Everything that was changed after it was made is found, one byte at a time."""

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from press import page as pages
from press import verify
from press.paths import NOTEBOOKS, ROOT

RUN = ROOT / "results/smoke/runs/proposed/patient"
FIGURES = ROOT / "results/smoke/figures/04_evaluation-proposed-patient"
HTML = ROOT / "_build/smoke/_build/html/book/smoke"


def test_what_was_just_made_holds(smoke_pages):
    report = verify.study("smoke")
    assert report.problems == []
    assert report.stale == {}
    for kind in ("pages", "figures' files", "copies in results/", "written files", "passports",
                 "links to the images", "links between pages"):  # fmt: skip
        assert report.checked[kind] > 0, kind


def test_every_image_is_hashed(smoke_pages):
    report = verify.study("smoke", ROOT / "results/smoke/phantoms")
    assert report.problems == []
    listed = verify.image_hashes({page.name: page for page in pages.of_study("smoke")})
    assert report.checked["images"] == len(listed) > 0


@pytest.fixture
def keep():
    """Return a function that notes a file as it is; put it back afterwards, its time too."""
    kept = {}
    yield lambda path: kept.setdefault(path, (path.read_bytes(), path.stat()))
    for path, (content, stat) in kept.items():
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.fixture
def change(keep):
    """Return a function that changes one byte of a file until the test has ended."""

    def one_byte(path, at=None):
        content, _ = keep(path)
        place = random.Random(path.name).randrange(len(content)) if at is None else at
        changed = bytes([content[place] ^ 1])
        path.write_bytes(content[:place] + changed + content[place + 1 :])

    return one_byte


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (RUN / "04_evaluation.metrics.json", "04_evaluation.metrics.json was changed"),
        (RUN / "predictions.parquet", "predictions.parquet was changed"),
        (RUN / "predictions.parquet.passport.json", "the passport beside it was changed"),
        (FIGURES / "headline.png", "headline.png is not the one in the page"),
        (FIGURES / "headline.csv", "headline.csv is not the one in the page"),
        (FIGURES / "headline.json", "headline.json is not the one in the page"),
        (ROOT / "results/smoke/images.npy", "images.npy was changed"),
        (ROOT / "book/smoke/04_evaluation-proposed-patient.ipynb", "was changed after it ran"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_changed_byte_is_found(smoke_pages, change, path, said):
    change(path)
    problems = verify.study("smoke").problems
    assert any(said in problem for problem in problems), problems


@pytest.fixture
def other_book():
    """A folder of rendered pages beside those that a browser may be looking at."""
    folder = ROOT / "_build" / "changed"
    yield folder / "_build" / "html" / "book" / "smoke"
    shutil.rmtree(folder, ignore_errors=True)


def test_a_changed_byte_of_the_rendered_book_is_found(smoke_pages, other_book, change):
    rendered = HTML / "04_evaluation-proposed-patient.html"
    if not rendered.exists():
        pytest.skip("needs the rendered smoke book: make book STUDY=smoke")
    other_book.mkdir(parents=True)
    page = Path(shutil.copy(rendered, other_book))
    assert verify.study("smoke").problems == []
    change(page, page.read_bytes().index(b"base64,") + 100)
    found = verify.study("smoke").problems
    assert any("not so in the rendered book of changed" in problem for problem in found)


def test_a_number_changed_in_page_and_seal_is_still_found(smoke_pages, keep, change):
    """Whoever also writes a new seal is betrayed by the exhibit's own hashes."""
    page = smoke_pages / "04_evaluation-proposed-patient.ipynb"
    keep(smoke_pages / pages.SEALS)
    exhibit = pages.read(page).exhibits["headline"]
    encoded = exhibit.html.split("data:text/csv;base64,")[1].split('"')[0]
    change(page, page.read_bytes().index(encoded[:60].encode()) + 40)
    pages.seal(page)
    found = verify.study("smoke").problems
    assert any("headline.csv in the page is not the one" in problem for problem in found)


def test_a_page_that_is_gone_and_one_from_elsewhere(smoke_pages, tmp_path):
    gone, other = smoke_pages / "11_claims.ipynb", smoke_pages / "99_mine.ipynb"
    shutil.move(gone, tmp_path)
    shutil.copy(smoke_pages / "01_data_exploration.ipynb", other)
    try:
        found = verify.study("smoke").problems
    finally:
        shutil.move(tmp_path / gone.name, gone)
        other.unlink()
    assert any("11_claims.ipynb: the page is gone" in problem for problem in found)
    assert any("99_mine.ipynb: executed elsewhere" in problem for problem in found)


def test_a_page_whose_input_was_made_anew_is_named(smoke_pages, monkeypatch):
    read = pages.read

    def other_predictions(path):
        page = read(path)
        if page.name != "03_training-proposed-patient":
            return page
        other = page.artefacts["predictions.parquet"] | {"sha256": "0" * 64}
        return replace(page, artefacts=page.artefacts | {"predictions.parquet": other})

    monkeypatch.setattr(pages, "read", other_predictions)
    found = verify.study("smoke").problems
    assert any("not the file that 03_training-proposed-patient wrote" in line for line in found)


def test_a_page_whose_sources_changed_is_stale_and_no_problem(smoke_pages, change):
    verify._sources.cache_clear()
    source = NOTEBOOKS / "04_evaluation.ipynb"
    change(source, source.read_bytes().index(b"How good"))
    report = verify.study("smoke")
    verify._sources.cache_clear()
    assert report.problems == []
    assert any("notebooks/04_evaluation.ipynb" in why for why in report.stale)
