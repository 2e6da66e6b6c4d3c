"""Forgeries of the smoke study and its book: verifying finds them, or they change the root hash."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from birads_lib.files import sha256
from helpers.project import run_in
from press.pages import page as pages

HTML = Path("_build/smoke/_build/html/book")
PAGE = "04_evaluation-proposed-patient"
VERIFY = """  # without the studies of which tests/press/pages/test_frozen.py says that they hold
from press.pages.page import FROZEN
from press.verification import verify
verify.COMMITTED = [name for name in verify.COMMITTED if name not in FROZEN]
verify.main("config/smoke.yaml")
"""
SEAL = """
from press.rendering import manifest
from press.studies import study
print(manifest.seal(study.load("config/smoke.yaml")))
"""


def verified(root: Path) -> list[str]:
    """Verify the smoke study of a copy of the project; return the lines of the report."""
    done = run_in(root, sys.executable, "-c", VERIFY)
    assert done.stderr == ""
    return done.stdout.splitlines()


def sealed(root: Path) -> str:
    """Note all hashes of a copy anew, as a forger does; return the root hash."""
    done = run_in(root, sys.executable, "-c", SEAL)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def exchange(path: Path, pattern: str, other: str) -> None:
    """Replace the first match of a pattern in a file."""
    text, count = re.subn(pattern, other, path.read_text(), count=1)
    assert count, f"{path.name} has no {pattern}"
    path.write_text(text)


def append(path: Path, content: bytes = b"\n") -> None:
    path.write_bytes(path.read_bytes() + content)


def new_seal(page: Path) -> None:
    """Note the hash of an executed page anew, as a forger does."""
    seals = page.with_name(pages.SEALS)
    before = pages.seals(page.parent)[page.name]
    seals.write_text(seals.read_text().replace(before, sha256(page)))


RENDERED = {  # page of the rendered book -> a forgery of what it shows, and what is said of it
    "smoke/02_preprocessing.html": (r"96, 64, 64\)", "96, 64, 65)", "it says .* 65"),
    "smoke/03_training-proposed-patient.html": (r"<td>(\d+)</td>", r"<td>\g<1>7</td>", "it says"),
    f"smoke/{PAGE}.html": (r"(_exhibits/\w+)-headline", r"\g<1>-curves", "links or looks"),
    "smoke/05_ablations.html": ('<figure class="exhibit"', "<figure hidden", "links or looks"),
    "intro.html": (r"<p>0\.(\d\d) \(", r"<p>0.9\g<1> (", "it says"),
    "provenance.html": (r"<td>0\.(\d)", r"<td>0.9\g<1>", "it says"),
    "smoke/model_card.html": (r"<figcaption>", "<figcaption>Not ", "it says .*Not"),
    "method.html": (r"10 degrees", "ten per cent", "it says .*ten per cent"),
    "smoke/11_claims.html": (r"(?s)^.*$", "", "it says"),
}  # fmt: skip
# Files that are part of the book, or that it was rendered from; of a folder, the first.
FILES = {
    "_build/smoke/_build/html/_static/filter.js": "has changed since the book was rendered",
    "_build/smoke/_build/html/_exhibits": "_exhibits/.* it is not what its sources say",
    "_build/smoke/_build/html/book/birads.html": "is gone",
    "book/intro.md": "has changed since the book was rendered",
    "book/images/book.png": "has changed since the book was rendered",
    "uv.lock": "has changed since the book was rendered",
    "smoke.yaml": "has changed since the book was rendered",
    "results/smoke/runs/proposed/patient/seed0/fold0/predictions.parquet": "changed",
    "results/smoke/phantoms/masks": "has the hash .* of the kind mask",
}
# What else is said of these: nothing but them is a problem.
FOLLOWING = (
    "filter.js", "_exhibits/", "birads.html", "of the kind mask", "searchindex.js", "the root hash",
    "reporting.html",  # has the number that was exchanged on PAGE
)  # fmt: skip


@dataclass(frozen=True)
class Forged:
    """A copy with every forgery, and the root hashes that its front page was given."""

    root: Path
    published: str  # when the book was made
    unchanged: str  # noted anew, before anything was changed
    anew: str  # noted anew, after pages were


@pytest.fixture(scope="module")
def forged(rendered_copy):
    """Forge all at once, as rendering the book anew to compare takes long."""
    root = rendered_copy
    published = (root / "_build/smoke/root-hash").read_text().strip()
    assert published in (root / HTML / "intro.html").read_text()
    unchanged = sealed(root)
    for name, (pattern, other, _) in RENDERED.items():
        exchange(root / HTML / name, pattern, other)
    glued = root / f"book/smoke/{PAGE}.ipynb"
    exchange(glued, r"'(\d)\.(\d\d \()", r"'\g<1>.9\g<2>")
    new_seal(glued)
    anew = sealed(root)
    for name in FILES:
        path = root / ("config/smoke.yaml" if name == "smoke.yaml" else name)
        if path.name == "birads.html":
            path.unlink()
        elif path.is_dir():
            append(sorted(path.iterdir())[0])
        else:
            append(path)
    return Forged(root, published, unchanged, anew)


def test_forgeries_are_found_though_the_hashes_of_the_book_are_noted_anew(forged):
    problems = [line for line in verified(forged.root) if "PROBLEM: " in line]
    for name, (_, _, said) in RENDERED.items():
        pattern = rf"book/{re.escape(name)} of the rendered book: .*({said})"
        assert any(re.search(pattern, line) for line in problems), (name, problems)
    for name, said in FILES.items():
        named = "" if (forged.root / name).is_dir() else re.escape(name)
        assert any(re.search(f"{named}.*{said}", line) for line in problems), (name, problems)
    said = "was recorded as something else"
    assert any(PAGE in line and said in line for line in problems), problems
    named = [*RENDERED, *FILES, PAGE, *FOLLOWING]
    assert [line for line in problems if not any(name in line for name in named)] == []


def test_a_forger_who_notes_every_hash_anew_ends_with_another_root_hash(forged):
    assert forged.unchanged == forged.published
    assert forged.anew != forged.published
