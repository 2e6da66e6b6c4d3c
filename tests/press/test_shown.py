"""What a rendered page shows is held against what it was rendered from, number by number."""

import json

import pytest
import yaml

from press import exhibits, outputs, shown

FACTS = {"kind": "table", "id": "scores", "study": "s", "page": "04_a", "notebook": "04_a",
         "caption": "Scores", "marks": {}, "inputs": []}  # fmt: skip
PUBLISHED = {"text/html": "<table><tr><td>0.81</td></tr></table>", outputs.PASSPORT: FACTS}
CELLS = [
    {"cell_type": "markdown", "id": "a", "source": ["# Twelve of 96\n"]},
    {"cell_type": "code", "id": "b", "source": ["print(0.5)\n"], "outputs": [
        {"output_type": "stream", "text": ["0.5\n"]},
        {"output_type": "display_data", "data": PUBLISHED},
    ]},
]  # fmt: skip
NOTEBOOK = json.dumps({"cells": CELLS}).encode()
PROSE = """# About 12 patients

```{include} _notices/n.md
```

Accuracy {{ accuracy }}, $x = 3$ {cite:p}`he2016`.

```{exhibit} s/04_a#scores
```

```{raw} html
<table id="all"><tr><td>7</td></tr></table>
```
"""
CONFIG = {"parse": {"myst_substitutions": {"accuracy": "0.71 (0.6 to 0.8)"}}}
FILES = {
    "_config.yml": yaml.safe_dump(CONFIG).encode(),
    "book/_notices/n.md": b"Not 4 but 5.\n",
    "book/intro.md": PROSE.encode(),
    "book/references.bib": b"year = {2016}",
    "book/s/04_a.ipynb": NOTEBOOK,
}
CHAPTER = (
    '<article class="bd-article"><h1>Twelve of 96</h1><pre>print(<span>0.5</span>)</pre>'
    f"<pre>0.5</pre>{exhibits.exhibit(PUBLISHED)}</article>"
)
PAGE = (
    '<article class="bd-article"><h1><span class="section-number">3. </span>About 12 patients</h1>'
    "<p>Not 4 but 5.</p><p>Accuracy 0.71 (0.6 to 0.8), <math><mn>3</mn></math> (He 2016).</p>"
    f"{exhibits.exhibit(PUBLISHED, 's-scores', 's/04_a.html')}"
    '<table id="all"><tr><td>7</td></tr></table></article>'
)


def test_pages_that_show_what_they_were_made_from_differ_in_nothing():
    assert shown.differences("book/s/04_a.ipynb", CHAPTER, FILES) == []
    assert shown.differences("book/intro.md", PAGE, FILES) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("of 96", "of 97"), ("<pre>0.5", "<pre>0.6"), ("<span>0.5", "<span>0.6"),
        ("<td>0.81", "<td>0.91"), ("Scores", "Good scores"), ("</h1>", "</h1><p>p = 0.01</p>"),
        ('<article class="bd-article">', "<article>"), ("04_a.ipynb", "04_b.ipynb"),
    ],
)  # fmt: skip
def test_each_change_of_a_chapter_is_seen(old, new):
    assert old in CHAPTER
    assert shown.differences("book/s/04_a.ipynb", CHAPTER.replace(old, new, 1), FILES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("About 12", "About 21"), ("Not 4 but 5", "Not 5 but 4"), ("0.71 (", "0.91 ("),
        ("0.6 to", "0.7 to"), ("<td>0.81", "<td>0.91"), ("Scores", "Good scores"),
        ("<td>7", "<td>8"), ("He 2016", "He 2017"), ("<p>Not", "<p>9 Not"),
        ('<details class="passport">', '<details class="passport" open>'),
    ],
)  # fmt: skip
def test_each_change_of_prose_is_seen(old, new):
    assert old in PAGE
    assert shown.differences("book/intro.md", PAGE.replace(old, new, 1), FILES)


def test_what_sphinx_numbers_and_how_stale_a_page_is_are_left_out():
    more = '<span class="caption-number">Table 5 </span><p class="stale-mark">Stale: 4 more</p>'
    page = PAGE.replace("<p>Not", f"{more}<p>Not")
    assert shown.differences("book/intro.md", page, FILES) == []
