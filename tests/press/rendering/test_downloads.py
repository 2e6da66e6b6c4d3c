"""Downloads of a page: large tables packed, and the passports of its exhibits."""

import io
import json
import zipfile

from bs4 import BeautifulSoup

from press.rendering import downloads


def test_a_large_table_is_packed_and_a_small_one_is_not():
    kept = {}
    files = {"small.csv": b"a\n1\n", "large.csv": b"a\n" + b"1\n" * downloads.LARGE}
    html = downloads.links(files, lambda name, content: kept.update({name: content}) or f"x/{name}")
    links = BeautifulSoup(html, "html.parser")("a")
    assert [(a["download"], a["href"]) for a in links] == [
        ("small.csv", "x/small.csv"), ("large.csv.zip", "x/large.csv.zip"),
    ]  # fmt: skip
    assert kept["small.csv"] == files["small.csv"]
    packed = zipfile.ZipFile(io.BytesIO(kept["large.csv.zip"]))
    assert packed.namelist() == ["large.csv"]
    assert packed.read("large.csv") == files["large.csv"]


def test_the_name_of_a_file_is_no_markup():
    hostile = 'a"><img src=x onerror=1>.csv'
    page = BeautifulSoup(downloads.links({hostile: b""}, lambda name, _: name), "html.parser")
    (link,) = page.find_all()
    assert (link.name, link["download"], link["href"], link.text) == ("a", *[hostile] * 3)


def test_passports_of_a_page_are_one_file_and_equal_ones_equal_bytes():
    facts = [{"id": name, "kind": kind, "marks": {}} for name, kind in
             (("a", "figure"), ("b", "table"), ("p", "page"), ("x.npy", "artefact"))]  # fmt: skip
    (name, content), *_ = downloads.passports(facts).items()
    held = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("passports.json"))
    assert (name, held) == ("passports.zip", {"a": facts[0], "b": facts[1]})
    assert downloads.passports(reversed(facts)) == {name: content}
