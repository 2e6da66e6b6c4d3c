"""The contents list main pages; every other page is reached by a selector and the archive."""

import json

import pytest
import yaml
from bs4 import BeautifulSoup

from birads_lib.errors import UserError
from press import paths
from press.pages import outputs
from press.pages.page import COMMITTED
from press.paths import CONFIG
from press.rendering import contents, staging
from press.studies.study import Study, load

MOST = 38  # pages that a reader can overlook
MINE = Study(name="mine", title="The study on <my> images", dataset={"reader": "phantoms"})
SEVERAL = MINE.model_copy(
    update={"variants": {"proposed": {}, "deep": {}}, "protocols": ["patient", "image"]}
)
PAGES = (
    "01_data_exploration", "04_evaluation-proposed-patient", "04_evaluation-proposed-image",
    "04_evaluation-deep-patient",
)  # fmt: skip


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A project with four executed pages of a study, and a page of prose."""
    for name in ("ROOT", "BOOK"):
        place = tmp_path if name == "ROOT" else tmp_path / "book"
        monkeypatch.setattr(contents, name, place)
        monkeypatch.setattr(staging, name, place)
    facts = {"data": {outputs.PASSPORT: {"kind": "page", "id": "page", "inputs": []}}}
    (tmp_path / "book/mine").mkdir(parents=True)
    for name in PAGES:
        cells = [{"source": [f"# Is {name[:2]} right?\n", "Text"], "outputs": [facts]}]
        (tmp_path / f"book/mine/{name}.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "book/prose.md").write_text("# Prose")
    return tmp_path


def toc(project, *parts):
    text = yaml.safe_dump({"format": "jb-book", "root": "book/intro", "parts": list(parts)})
    (project / "_toc.yml").write_text(text)
    return contents.contents(SEVERAL, {"mine": SEVERAL})["parts"]


def test_a_chapter_stands_once_in_the_contents_by_its_run_by_patient(made):
    (part,) = toc(made, {"caption": "Mine", "study": "this"})
    assert part["caption"] == SEVERAL.title
    assert part["chapters"] == [
        {"file": "book/mine/01_data_exploration", "title": "Is 01 right?"},
        {"file": "book/mine/04_evaluation-proposed-patient", "title": "Is 04 right?"},
    ]


def test_what_another_part_lists_is_not_listed_twice(made):
    first = {"caption": "I", "chapters": [{"notebook": "this/01_data_exploration"}]}
    parts = toc(made, first, {"caption": "Mine", "study": "this"})
    assert [[c["file"][10:12] for c in part["chapters"]] for part in parts] == [["01"], ["04"]]


def test_a_part_may_be_left_out_for_a_study(made):
    assert toc(made, {"caption": "Mine", "study": "this", "unless": ["mine"]}) == []


def test_pages_that_are_not_there_are_left_out_and_take_nothing_with_them(made):
    below = [{"file": "book/prose"}, {"notebook": "mine/05_ablations"}]
    (part,) = toc(made, {"caption": "A", "chapters": [{"file": "book/gone", "sections": below}]})
    assert part["chapters"] == [{"file": "book/prose"}]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"study": "thsi"}, r"_toc\.yml, line 3: 'study' is 'thsi'; did you mean 'this'"),
        ({"chapters": [{"fiel": "book/a"}]}, "line 4: unknown 'fiel'; did you mean 'file'"),
        ({"chapters": [{}]}, "needs either 'file' or 'notebook'"),
        ({"chapters": [{"file": "a", "notebook": "this/b"}]}, "needs either 'file' or 'notebook'"),
        ({"chapters": ["book/a"]}, "'chapters' has 'book/a', expected a mapping"),
        ({"chapters": [{"file": "a", "sections": [{"file": 1}]}]}, "'file' is 1, expected a text"),
        ({"chapters": [{"notebook": "mien/01_data"}]}, "unknown study 'mien'"),
        ({"chapters": [{"notebook": "mine/01_data"}]}, "unknown notebook '01_data'; did you mean"),
    ],
)
def test_what_is_wrong_in_the_contents_is_named(made, part, says):
    with pytest.raises(UserError, match=says):
        toc(made, part)


def run(page):
    return contents.Run(SEVERAL, page)


@pytest.mark.parametrize(
    ("page", "label"),
    [
        ("01_data_exploration", "mine"),
        ("04_evaluation-proposed-patient", "mine, by patient"),
        ("04_evaluation-deep-patient", "mine, deep, by patient"),
        ("04_evaluation-proposed-image", "mine, by image (leaky)"),
        ("02_preprocessing-no_clahe", "mine, no clahe"),
    ],
)
def test_titles_tell_runs_apart_and_mark_leaky_ones(made, page, label):
    assert run(page).label == label


def test_a_title_is_the_question_and_the_run_and_nothing_that_a_user_wrote(made):
    assert contents.title(run("01_data_exploration")) == "Is 01 right? · mine"
    inbreast = contents.Run(load(CONFIG / "inbreast.yaml"), "01_data_exploration")
    assert inbreast.label == "INbreast"


def test_a_selector_leads_to_the_other_runs_of_a_chapter_by_plain_links(made):
    every = contents.runs(SEVERAL)
    shown = BeautifulSoup(contents.selector(every[1], every), "html.parser")
    assert shown.strong.get_text() == "mine, by patient"
    links = {a["href"]: a.get_text() for a in shown.select("a")}
    assert links == {
        "../mine/04_evaluation-proposed-image.html": "mine, by image (leaky)",
        "../mine/04_evaluation-deep-patient.html": "mine, deep, by patient",
    }
    assert "\n" not in contents.selector(every[1], every)
    assert not BeautifulSoup(contents.selector(every[0], every), "html.parser").select("a")


def test_a_selector_of_many_runs_unfolds_without_a_script(made):
    many = [run(f"04_evaluation-v{number}-patient") for number in range(9)]
    shown = BeautifulSoup(contents.selector(many[0], many), "html.parser")
    assert shown.details.summary.get_text().endswith("8 other runs of this chapter")
    assert len(shown.select("details a")) == 8


def test_the_archive_leads_to_every_page(made):
    shown = contents.archive([SEVERAL], ["book/mine/model_card.md"])
    links = [a["href"] for a in BeautifulSoup(shown, "html.parser").select("a")]
    assert sorted(links) == sorted(f"mine/{name}.html" for name in (*PAGES, "model_card"))


def test_pages_beyond_the_contents_are_passed_over_by_a_search(made, monkeypatch):
    monkeypatch.setattr(staging, "changed_sources", lambda page: [])
    page = staging.pages.read(made / "book/mine/01_data_exploration.ipynb")
    listed, hidden = (
        json.loads(staging.staged_page(page, "T", "<p>s</p>", told)) for told in (1, 0)
    )
    assert listed["cells"][0]["source"].split("\n") == ["# T", "", "<p>s</p>", "Text"]
    assert "nosearch" not in listed.get("metadata", {})
    assert hidden["metadata"].pop("language_info")["pygments_lexer"] == "text"  # no colours
    assert hidden["metadata"] == {"orphan": True, "nosearch": True}


def test_cells_are_folded_in_as_their_source_folds_them_today(made, tmp_path, monkeypatch):
    def cell(source, *tags):
        return {"id": source[0], "source": source, "metadata": {"tags": list(tags)}}

    path = tmp_path / "source.ipynb"
    now = [cell("a = 1", "hide-input"), cell("b = 2"), cell("c = 3", "hide-input")]
    path.write_text(json.dumps({"cells": now}))
    monkeypatch.setattr(staging.paths, "source_notebook", lambda name: path)
    monkeypatch.setattr(staging, "changed_sources", lambda page: [])
    page = staging.pages.read(made / "book/mine/01_data_exploration.ipynb")
    executed = json.loads(page.path.read_text())
    executed["cells"] += [
        cell("a = 1", "remove-output"), cell("b = 2", "hide-cell"), cell("c = 0"),
        cell("d = 4", "hide-input"),
    ]  # fmt: skip
    page.path.write_text(json.dumps(executed))
    cells = json.loads(staging.staged_page(page, "T", "<p>s</p>", True))["cells"][-4:]
    assert [each["metadata"]["tags"] for each in cells] == [
        ["remove-output", "hide-input"], [], [], ["hide-input"],
    ]  # fmt: skip


def test_the_book_is_overlooked_at_a_glance_and_every_page_reached():
    phantoms = load(CONFIG / "phantoms.yaml")
    studies = {name: load(CONFIG / f"{name}.yaml") for name in COMMITTED} | {"phantoms": phantoms}
    generated = ("archive", "companions", "provenance", "receipts", "reporting")
    made = {f"book/{name}.md" for name in generated}
    toc = contents.contents(phantoms, studies, made)
    assert len(contents.listed(toc)) <= MOST
    depth = [c for part in toc["parts"] for c in part["chapters"] if "sections" in c]
    assert not [s for chapter in depth for s in chapter["sections"] if "sections" in s]
    listed = [chapter["file"] for chapter in toc["parts"][2]["chapters"]]
    assert listed[0] == "book/inbreast/10_leakage_audit"  # leakage first
    assert all(f"{name}.md" in made or any(paths.ROOT.glob(f"{name}.*"))
               for name in contents.listed(toc))  # fmt: skip


@pytest.mark.parametrize("name", COMMITTED)
def test_every_kept_page_is_among_the_runs_of_its_study(name):
    kept = {path.stem for path in (paths.BOOK / name).glob("*.ipynb")}
    assert {each.page for each in contents.runs(load(CONFIG / f"{name}.yaml"))} == kept
