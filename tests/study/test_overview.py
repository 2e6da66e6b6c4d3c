"""The provenance chapter lists all that the pages hold, each with the address of its place."""

import io
import re

from bs4 import BeautifulSoup
from PIL import Image

from press import page as pages
from press.book import TEMPLATES
from press.report import overview


def test_every_figure_table_and_number_has_its_row(smoke_pages):
    read = pages.of_study("smoke")
    template = (TEMPLATES / "provenance.md").read_text()
    made = overview.chapter({"Smoke": read}, template)
    text = made["book/provenance.md"].decode()
    rows = BeautifulSoup(text, "html.parser").select("#provenance-table tbody tr")
    found = {row.a["href"]: row for row in rows}
    for page in read:
        for exhibit in page.exhibits.values():
            row = found[f"smoke/{page.name}.html#{exhibit.id}"].get_text()
            assert exhibit.passport["caption"] in row
            assert exhibit.passport["code"]["library_sha256"][:8] in row
        for name, number in page.numbers.items():
            row = found[f"smoke/{page.name}.html#cell-{number.cell_id}"]
            assert number.text in row.get_text() or name in text
    assert len(rows) == sum(len(page.exhibits) + len(page.numbers) for page in read)
    summary = re.search(r"\| Smoke \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", text)
    assert int(summary[1]) == len(read)
    assert sum(map(int, summary.groups()[1:])) == len(rows)
    assert "[[" not in text


def test_the_picture_is_of_the_notebooks_and_marked_synthetic(smoke_pages):
    read = pages.of_study("smoke")
    with Image.open(io.BytesIO(overview.picture(read))) as picture:
        assert picture.width > 800
        assert picture.height > 500
