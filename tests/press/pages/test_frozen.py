"""The frozen pages: executed to the end, without pixels, machines' paths or silent deviations."""

import json
import re

import pytest

from press.pages import page as pages
from press.pages.page import FROZEN
from press.paths import BOOK
from press.sharing.disclosure import NAMING
from press.verification import verify

PAGES = [page for name in FROZEN for page in sorted((BOOK / name).glob("*.ipynb"))]
ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users|tmp|mnt|data|opt)/\w+")


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def page(request):
    return json.loads(request.param.read_text())


def code(page):
    return [cell for cell in page["cells"] if cell["cell_type"] == "code"]


def injected(page):
    tagged = [c for c in code(page) if "injected-parameters" in c["metadata"].get("tags", [])]
    return "".join(tagged[0]["source"])


def test_every_cell_ran(page):
    assert not page["metadata"]["papermill"]["exception"]
    assert [c["execution_count"] for c in code(page)] == list(range(1, len(code(page)) + 1))


def test_no_page_shows_pixels(page):
    if "show_pixels" in "".join("".join(c["source"]) for c in code(page)[:1]):
        assert "show_pixels = False" in injected(page)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_table_tells_whose_an_image_is(path):
    for exhibit in pages.read(path).exhibits.values():
        tables = [text for name, text in exhibit.files.items() if name.endswith(".csv")]
        heads = {head for text in tables for head in text.decode().partition("\n")[0].split(",")}
        assert not heads & NAMING


@pytest.mark.parametrize("name", FROZEN)
def test_every_chain_holds_back_to_the_images(name):
    report = verify.study(name)
    assert not report.problems
    assert report.checked["pages"] == sum(page.parent.name == name for page in PAGES)
    assert report.checked["links to the images"] > 0
    exhibits = sum(len(page.exhibits) for page in pages.of_study(name))
    assert report.checked["figures' files"] >= report.checked["cells"] == exhibits > 0
    assert report.checked["links between pages"] > exhibits


def test_every_page_says_what_it_lacks(page):
    assert "conv4_block6_out" in injected(page)


def test_no_page_names_a_machines_folders(page):
    texts_of_page = [json.dumps(c["source"]) for c in code(page)]
    for cell in code(page):
        for output in cell["outputs"]:
            texts = [output.get("text", ""), *output.get("data", {}).values()]
            texts_of_page += [json.dumps(text) for text in texts]
    assert not [path for text in texts_of_page for path in ABSOLUTE.findall(text)]


def test_leaky_pages_are_marked(page):
    lines = re.findall(r"protocols? = (.*)", injected(page))
    leaky = any(name in line for line in lines for name in ("image", "oversample_first"))
    shown = json.dumps([cell["outputs"] for cell in code(page)])
    assert ("not an estimate of performance" in shown) == leaky


def test_the_readmes_picture_is_that_of_the_page_on_the_best_grade():
    page = pages.read(BOOK / "inbreast_best" / "14_best_honest.ipynb")
    drawn = page.exhibits["beside-paper"].files["beside-paper.png"]
    assert drawn == (BOOK / "images" / "beside_paper.png").read_bytes()
