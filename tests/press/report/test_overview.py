"""The provenance chapter lists all that the pages hold, each with the address of its place."""

import re

from bs4 import BeautifulSoup

from press.pages import page as pages
from press.report import overview


def test_every_figure_table_and_number_has_its_row():
    read = pages.of_study("inbreast")
    text = overview.chapter([("INbreast", read)])
    rows = BeautifulSoup(text, "html.parser").select("#provenance-table tbody tr")
    by_address = {row.a["href"]: row for row in rows}
    for page in read:
        for exhibit in page.exhibits.values():
            row = by_address[f"inbreast/{page.name}.html#{exhibit.id}"]
            assert exhibit.passport["caption"][:60] in row.td.get_text()
            assert len(row.td.get_text()) <= overview.LONGEST
            assert exhibit.passport["code"]["library_sha256"][:8] in row.get_text()
        for name, number in page.numbers.items():
            row = by_address[f"inbreast/{page.name}.html#cell-{number.cell_id}"]
            assert number.text[:60] in row.get_text() or name in text
    assert len(rows) == sum(len(page.exhibits) + len(page.numbers) for page in read)
    summary = re.search(r"\| INbreast \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", text)
    assert int(summary[1]) == len(read)
    assert sum(map(int, summary.groups()[1:])) == len(rows)
    assert "{{" not in text
