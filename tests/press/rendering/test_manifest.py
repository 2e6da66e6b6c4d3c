"""The root hash: over every byte of the book and of all that it was made from."""

import shutil
import subprocess

import pytest

from press import paths
from press.rendering import manifest
from press.studies.study import Study

NAMES = {
    "book/s/01_a.ipynb": "{}", "book/intro.md": "# Hello", "book/_static/filter.js": "1",
    "book/other/SHA256SUMS": "of a study that this book doesn't show", "uv.lock": "a",
    "README.md": "b", "s.yaml": "name: s", "_build/s/_build/html/book/search.png": "picture",
    "_build/s/_build/html/book/intro.html": f'<span class="root-hash">{manifest.UNKNOWN}</span>',
}  # fmt: skip
IN_THE_BOOK = [name for name in NAMES if "other" not in name]


@pytest.fixture
def study(tmp_path, monkeypatch):
    for name, folder in (("ROOT", ""), ("BOOK", "book"), ("BUILD", "_build"), ("CONFIG", "config")):
        monkeypatch.setattr(paths, name, tmp_path / folder)
    for name, text in NAMES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Study(
        name="s", title="S", dataset={"reader": "phantoms"}, config=str(tmp_path / "s.yaml")
    )


def test_the_root_hash_stands_in_the_book_and_holds(study, tmp_path):
    root = manifest.seal(study)
    assert root in (tmp_path / "_build/s/_build/html/book/intro.html").read_text()
    assert manifest.root_hash(study, root) == manifest.noted_root(study) == root
    assert manifest.changes(study) == []
    assert manifest.seal(study) == root  # again, from what it wrote itself


@pytest.mark.parametrize("name", IN_THE_BOOK)
def test_another_byte_anywhere_is_another_root_hash(study, tmp_path, name):
    root = manifest.seal(study)
    (tmp_path / name).write_text((tmp_path / name).read_text() + " ")
    (line,) = manifest.changes(study)
    assert f"{name} has changed" in line
    other = manifest.seal(study)
    assert other != root
    page = (tmp_path / "_build/s/_build/html/book/intro.html").read_text()
    assert other in page
    assert root not in page


def test_what_is_packed_says_the_root_hash_once_there_is_one(study):
    before = manifest.statement(study)
    assert "not rendered" in before
    assert manifest.branch(manifest.executed(study)) in before
    assert manifest.seal(study) in manifest.statement(study)


def test_files_that_are_gone_or_new_are_named_and_change_the_root_hash(study, tmp_path):
    root = manifest.seal(study)
    (tmp_path / "book/intro.md").unlink()
    (tmp_path / "_build/s/_build/html/more.html").write_text("")
    said = "; ".join(manifest.changes(study))
    assert "book/intro.md is gone" in said
    assert "more.html was not there when the book was rendered" in said
    assert not manifest.is_whole(study)
    assert manifest.seal(study) != root


@pytest.mark.parametrize("content", [b"\xff", b"half a li"])
def test_a_damaged_list_is_as_good_as_none(study, content):
    manifest.seal(study)
    assert manifest.is_whole(study)
    paths.manifest("s").write_bytes(content)
    assert manifest.listed(study) == {}
    assert not manifest.is_whole(study)  # so the book is rendered anew


def test_the_list_is_what_sha256sum_reads_and_a_branch_is_the_hash_of_its_lines(study, tmp_path):
    if not shutil.which("sha256sum"):
        pytest.skip("needs sha256sum")
    manifest.seal(study)
    lines = paths.manifest("s").read_text().splitlines(keepends=True)
    of_root = [line for line in lines if not line.endswith("  s.yaml\n")]
    done = subprocess.run(["sha256sum", "-c"], input="".join(of_root), text=True, cwd=tmp_path)
    assert done.returncode == 0
    hashes = manifest.executed(study)
    command = ["sha256sum", *hashes]
    printed = subprocess.run(command, capture_output=True, cwd=tmp_path).stdout
    digest = subprocess.run(["sha256sum"], input=printed, capture_output=True).stdout
    assert digest.decode()[:64] == manifest.branch(hashes)
