"""A rendered book beside the same one rendered anew: each file that differs is named."""

import pytest

from press.pages.stale import first_of
from press.rendering import manifest, staging
from press.verification import rendered
from press.verification.checks import Report

ROOT_HASH = "7" * 64
FILES = {
    "index.html": "<script>go()</script>",
    "book/intro.html": f'<p>Accuracy 0.81 <b>above</b> its floor.</p><p>{manifest.UNKNOWN}</p>',
    "_static/book.css": ".mark { color: red }",
    "searchindex.js": f"accuracy {manifest.UNKNOWN}",
}  # fmt: skip
STALE = [
    f'<p class="stale-mark">Stale: since this page was executed{text}.</p>\n'
    for text in (
        " on 2026-01-31, birads_lib/losses/ordinal.py changed",
        ", notebooks/13_speed.ipynb is gone",
        ", notebooks/13_speed.ipynb has changed; press/run.py, birads_lib/a.mplstyle, press/b.py "
        "and 12 more changed",
    )
]


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


@pytest.mark.parametrize("mark", STALE)
def test_code_that_changed_since_makes_no_forgery_of_a_page_that_now_is_stale(books, mark):
    for name in ("book/intro.html", "searchindex.js"):
        path = books / "anew" / name
        path.write_text(mark + path.read_text())
    assert problems(books) == []


@pytest.mark.parametrize(
    "forged",
    [
        '<p class="stale-mark">Correction: accuracy is 0.99</p>',
        STALE[0].replace("executed on 2026-01-31", "executed; accuracy is 0.99"),
        STALE[0].replace("birads_lib/losses/ordinal.py", "the accuracy of 0.81"),
        STALE[0].replace("2026-01-31", "<b>2026-01-31</b>"),
        STALE[0] + STALE[1],
        '<span class="stale-count">99</span>',
    ],
)
def test_a_mark_that_no_book_makes_is_a_forgery(books, forged):
    for name in ("book/intro.html", "searchindex.js"):
        path = books / "rendered" / name
        path.write_text(path.read_text() + forged)
    assert "book/intro.html of the rendered book" in "".join(problems(books))


@pytest.mark.parametrize("changed", [[], ["birads_lib/a.py"], list("abcd")])
@pytest.mark.parametrize("notebook", ["", "has changed", "is gone"])
def test_every_mark_that_a_book_makes_is_known_as_one(changed, notebook):
    names = [f"birads_lib/scores/{name}.py" if len(name) == 1 else name for name in changed]
    lines = [f"notebooks/01_data_exploration.ipynb {notebook}"] * bool(notebook)
    lines += [f"{first_of(names)} changed"] * bool(names)
    for when in ("", "2026-02-03"):
        mark = staging._stale_mark(lines, when) if lines else ""
        assert rendered._without_stale(f"a{mark}b") == "ab"
