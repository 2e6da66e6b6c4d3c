"""A rendered book beside the same one rendered anew: each file that differs is named."""

import pytest

from press import manifest, rendered
from press.checks import Report

ROOT_HASH = "7" * 64
FILES = {
    "index.html": "<script>go()</script>",
    "book/intro.html": f'<p>Accuracy 0.81 <b>above</b> its floor.</p><p>{manifest.UNKNOWN}</p>',
    "_static/book.css": ".mark { color: red }",
    "searchindex.js": f"accuracy {manifest.UNKNOWN}",
}  # fmt: skip
STALE = '<p class="stale-mark">Stale: losses.py changed.</p>\n'


@pytest.fixture
def books(tmp_path):
    """A rendered book and the same rendered anew, which differ in the root hash they tell."""
    for folder, root in (("rendered", ROOT_HASH), ("anew", manifest.UNKNOWN)):
        for name, text in FILES.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(manifest.UNKNOWN, root))
    return tmp_path


def problems(books) -> list[str]:
    report = Report()
    rendered.compare(books / "rendered", books / "anew", ROOT_HASH, report)
    assert report.checked["rendered files"] >= len(FILES) - 1
    return report.problems


def test_the_same_book_differs_in_nothing(books):
    assert problems(books) == []


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("book/intro.html", "0.81", "0.91", "it says 'Accuracy 0.91 above its floor"),
        ("book/intro.html", "above", "below", "and its sources 'Accuracy 0.81 above its floor"),
        ("book/intro.html", "<b>above</b>", "", "it says 'Accuracy 0.81 its floor"),
        ("book/intro.html", "<b>", "<b hidden>", "pictures, links or looks are not"),
        ("index.html", "go()", "elsewhere()", "pictures, links or looks are not"),
        ("_static/book.css", "color: red", "display: none", "is not what its sources say"),
        ("searchindex.js", "accuracy", "precision", "is not what its sources say"),
    ],
)
def test_a_forged_file_is_named_with_what_it_says(books, name, before, after, message):
    path = books / "rendered" / name
    path.write_text(path.read_text().replace(before, after))
    (problem,) = problems(books)
    assert problem.startswith(f"{name} of the rendered book: ")
    assert message in problem


def test_what_was_added_or_taken_away_is_named(books):
    (books / "rendered/certificate.html").write_text("<p>All is well.</p>")
    (books / "rendered/index.html").unlink()
    (books / "rendered/book/results").symlink_to(books / "anew/book")
    assert problems(books) == [
        "book/results of the rendered book: it is not part of the book",
        "certificate.html of the rendered book: it is not part of the book",
        "index.html of the rendered book: it is gone",
    ]


def test_a_link_in_a_files_place_is_named(books):
    (books / "elsewhere.html").write_text(FILES["index.html"])
    (books / "rendered/index.html").unlink()
    (books / "rendered/index.html").symlink_to(books / "elsewhere.html")
    assert problems(books) == ["index.html of the rendered book: it is a link to elsewhere"]


def test_code_that_changed_since_makes_no_forgery_of_a_page_that_now_is_stale(books):
    for name in ("book/intro.html", "searchindex.js"):
        path = books / "anew" / name
        path.write_text(STALE + path.read_text())
    assert problems(books) == []
