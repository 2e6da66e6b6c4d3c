"""Checklists are whole; answers say what the pages of a study say, or that none does."""

import csv
import html
import io
import re
from collections import Counter
from dataclasses import replace

import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from birads_lib.errors import UserError
from birads_lib.readers import READERS, WORDS
from press.pages import page as pages
from press.paths import BOOK, CONFIG, ROOT
from press.report import checklists as reporting
from press.report import facts
from press.studies.study import Study, load

LISTS = reporting.load().checklists
OWN = ("study", "title", "notices", "split")  # names that are neither facts nor words
PHANTOMS, INBREAST = (load(CONFIG / f"{name}.yaml") for name in ("phantoms", "inbreast"))
SMOKE = load(CONFIG / "smoke.yaml")
NOT_RUN = {
    reader: Study(
        name="never_run", title="Never run", dataset={"reader": reader}, protocols=["image"]
    )
    for reader in READERS
}


@pytest.fixture(scope="module")
def inbreast():
    return pages.of_study("inbreast")


# The checklists


@pytest.mark.parametrize(("number", "count", "largest"), [(0, 52, 27), (1, 44, 44), (2, 30, 30)])
def test_every_item_is_there_once(number, count, largest):
    numbered = [item.item for item in LISTS[number].items]
    assert len(numbered) == len(set(numbered)) == count
    assert {int(re.match(r"\d+", name)[0]) for name in numbered} == set(range(1, largest + 1))


def test_lettered_items_are_those_of_the_guideline():
    letters = Counter(re.match(r"\d+", item.item)[0] for item in LISTS[0].items)
    assert {number: n for number, n in letters.items() if n > 1} == {
        "3": 3, "5": 2, "6": 3, "8": 3, "9": 3, "12": 7, "18": 6, "20": 3, "23": 2, "27": 3,
    }  # fmt: skip
    assert [condition["answer"] for condition in LISTS[2].conditions] == [
        "no",
        "no",
        "no",
        "no",
        "yes",
    ]


@pytest.mark.parametrize("reader", READERS)
def test_every_answer_has_a_status_and_what_it_needs(reader):
    for checklist in LISTS:
        for item in checklist.items:
            answer = item.to(reader)
            assert all(getattr(answer, key) for key in reporting.NEEDS[answer.status])
            assert len(answer.text()) > 15, f"{checklist.id} {item.item} says next to nothing"


def test_what_nobody_did_is_not_called_done():
    undone = ["3c", "10", "14", "18a", "18b", "18c", "18d", "19", "27b"]
    for study in ("inbreast", "phantoms", "class_folders"):
        statuses = {item.item: item.to(study).status for item in LISTS[0].items}
        assert all(statuses[number] == "not done" for number in undone)
        assert {i.item: i.to(study).status for i in LISTS[1].items}["33"] == "not done"


def test_every_name_in_answers_and_templates_is_one_that_is_known():
    written = [path.read_text() for path in reporting.TEMPLATES.glob("*card*.md")]
    written += [path.read_text() for path in reporting.TEMPLATES.glob("data*.md")]
    for checklist in LISTS:
        answers = [a for item in checklist.items for a in (item, *map(item.to, READERS))]
        written += [text for a in answers for text in (a.answer, a.missing, a.why)]
    named = {name for text in written for name in re.findall(r"{{ *(\w+)", text)}
    assert len(named) > 40
    recorded = {name for names in facts.FACTS.values() for name in names}
    assert named <= {*recorded, *WORDS, *OWN}
    assert all(reader.words.keys() <= WORDS.keys() for reader in READERS.values())


ITEM = {"item": "1", "topic": "Title", "status": "done", "answer": "It does."}


def written(tmp_path, *items):
    path = tmp_path / "reporting.yml"
    checklist = {"id": "a", "title": "A", "cite": "x", "about": "x", "sections": {"S": list(items)}}
    path.write_text(yaml.safe_dump({"checklists": [checklist]}))
    return path


def lists_of(path):
    """Read the checklists of a file in place of the book's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "CHECKLISTS", path)
        return reporting.load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topik": "x"}, "line 11: unknown 'topik'; did you mean 'topic'"),
        (
            {"status": "maybe"},
            "line 9: 'status' is 'maybe'; there is 'done', 'not applicable', 'not done', 'partly'",
        ),
        ({"status": "partly"}, "'missing' is missing"),
        ({"status": "not done"}, "'why' is missing"),
        (
            {"why": "x"},
            "'why' has no place under 'done'; remove it, or choose 'not done' or 'not app",
        ),
        ({"answer": " "}, "'answer' is missing, or no text; write it, or choose another status"),
        ({"topic": None}, "'topic' is missing"),
        ({"inbreast": {"status": "done"}}, "line 8: 'answer' is missing"),
        ({"class_folders": "done"}, "line 8: 'class_folders' is 'done', expected a mapping"),
    ],
)
def test_a_wrong_item_is_named_with_its_key(tmp_path, changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        lists_of(written(tmp_path, ITEM | changes))


@pytest.mark.parametrize("text", ["a: [", "[]", "{}", "checklists: {}"])
def test_a_file_of_another_shape_is_refused(tmp_path, text):
    path = tmp_path / "reporting.yml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"reporting\.yml"):
        lists_of(path)
    path.write_text("checklists: [1]")
    with pytest.raises(UserError) as caught:
        lists_of(path)
    assert "reporting.yml, line 1: 'checklists' has 1, expected a mapping" in str(caught.value)
    with pytest.raises(UserError, match=r"nowhere\.yml"):
        lists_of(tmp_path / "nowhere.yml")


def test_all_problems_come_at_once(tmp_path):
    wrong = written(tmp_path, ITEM | {"answer": 3}, ITEM | {"item": "2", "topic": ""}, ITEM)
    with pytest.raises(UserError) as caught:
        lists_of(wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "line 7: 'answer' is 3, expected a text" in lines[0]
    assert "line 14: 'topic' is missing, or no text" in lines[1]
    with pytest.raises(UserError, match="two items of the same number: 1"):
        lists_of(written(tmp_path, ITEM, ITEM))


# Facts


def rows(page, exhibit):
    """Read an exhibit's CSV without the library."""
    text = page.exhibits[exhibit].files[f"{exhibit}.csv"].decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_facts_of_the_data_are_those_of_the_csv(inbreast):
    texts = facts.facts(inbreast)
    data = next(page for page in inbreast if page.name == "01_data_exploration")
    grades = [int(row["images"]) for row in rows(data, "grades")]
    assert texts["images"] == str(sum(grades))
    assert re.findall(r"\d+", texts["images_by_grade"]) == [str(n) for n in grades]
    assert float(texts["always_accuracy"]) == pytest.approx(max(grades) / sum(grades), abs=0.005)
    counts = {int(r["images"]): int(r["count"]) for r in rows(data, "images-per-patient")}
    assert texts["patients"] == str(sum(counts.values()))
    assert sum(n * patients for n, patients in counts.items()) == sum(grades)
    assert texts["images_per_patient"] == f"{min(counts)} to {max(counts)}"
    assert texts["rarest"].split(",")[0] == f"BI-RADS {grades.index(min(grades)) + 1}"


def test_facts_of_the_run_are_those_of_the_csv(inbreast):
    texts, there = facts.facts(inbreast), {page.name: page for page in inbreast}
    training, evaluation = (
        there[f"{name}-proposed-patient"] for name in ("03_training", "04_evaluation")
    )
    parts = rows(training, "parts")
    folds = [name for name in parts[0] if name.isdigit()]
    assert texts["folds"] == str(len(folds))
    tested = [sum(int(row[fold]) for row in parts if row["part"] == "test") for fold in folds]
    assert texts["test_images"] == f"{min(tested)} to {max(tested)}"
    assert sum(tested) == int(texts["images"])
    settings = {row[""]: row["this run"] for row in rows(training, "hyper-parameters")}
    assert texts["batch_size"] == settings["batch_size"]
    assert "/" not in texts["weights"]
    for row in (row for row in rows(evaluation, "headline") if row["answer"] == "model"):
        numbers = [float(row[key]) for key in ("estimate", "low", "high")]
        expected = "{:.2f} ({:.2f} to {:.2f})".format(*numbers)
        assert texts[row["metric"]] == expected


def test_what_no_page_tells_is_said_and_names_the_page():
    texts = facts.facts([])
    assert texts["images"] == "not known: 01_data_exploration was not run"
    assert texts["accuracy"] == "not known: 04_evaluation-proposed-patient was not run"
    assert not any(facts.is_known(text) for text in texts.values())


def test_a_page_that_recorded_nothing_is_named(inbreast):
    texts = facts.facts([replace(page, facts={}, numbers={}) for page in inbreast])
    assert texts["images"] == "not known: 01_data_exploration does not tell it"
    assert facts.facts(inbreast)["disagreement"].startswith(facts.UNKNOWN)  # of phantoms only


def test_a_leaky_run_gives_no_number(inbreast):
    leaky = [page for page in inbreast if re.search("-(image|oversample_first)$", page.name)]
    assert len(leaky) > 10
    assert not any(facts.is_known(text) for text in facts.facts(leaky).values())


# Answers and pages


def test_what_was_not_run_is_not_called_done():
    reported = reporting.report(NOT_RUN["phantoms"])
    by_number = {item.item: item for item in LISTS[0].items}
    measures = reporting.answered(by_number["12e"], reported, "x")
    assert measures.status == "partly"
    assert "`06_calibration-proposed-patient` was not run" in measures.missing
    data = reporting.answered(by_number["11"], reported, "x")
    assert data.status == "partly"
    assert "*not known: 01_data_exploration was not run*" in data.answer
    assert reporting.answered(by_number["19"], reported, "x").status == "not done"


def test_the_pages_that_are_there_leave_nothing_open():
    reported = reporting.report(INBREAST)
    made = reporting.generated([INBREAST])
    assert list(made) == [
        "book/reporting.md", "book/inbreast/model_card.md", "book/inbreast/data_sheet.md",
    ]  # fmt: skip
    assert not any("not known: " in text for text in made.values())
    assert not any("{{" in text or "{%" in text for text in made.values())
    assert reported.names["accuracy"] in made["book/inbreast/model_card.md"]


def test_a_card_says_what_the_backbone_knew_and_where_the_floors_are():
    reported = reporting.report(PHANTOMS)
    said = {"pretrained": "It knew phantoms.", "floors": "The network is below its best floor."}
    known = replace(reported, names=reported.names | said)
    made = {name: reporting.card(name, known) for name in reporting.CARDS}
    assert said["floors"] in made["model_card"]
    assert all(said["pretrained"] in card for card in made.values())
    older = replace(known, names=known.names | {"floors": f"*{facts.UNKNOWN}04_evaluation*"})
    assert "This run has no floors" in reporting.card("model_card", older)
    assert "This run has no floors" not in reporting.card("model_card", reporting.report(INBREAST))


@pytest.mark.parametrize("study", NOT_RUN.values(), ids=NOT_RUN)
def test_pages_of_a_study_that_was_not_run_say_so(study):
    made = reporting.generated([study])
    assert "not known: 04_evaluation-proposed-patient was not run" in made["book/reporting.md"]
    synthetic = study.dataset["reader"] == "phantoms"
    cards = [text for name, text in made.items() if "never_run/" in name]
    assert all(("_notices/synthetic.md" in text) == synthetic for text in cards)
    is_the_owners = study.dataset["reader"] not in ("phantoms", "inbreast")
    assert ("the owner of the data has to say" in " ".join(cards).lower()) == is_the_owners


def test_studies_that_say_the_same_share_a_row_and_others_do_not():
    reported = [reporting.report(study) for study in (SMOKE, INBREAST)]
    made = reporting.chapter(LISTS, reported)
    assert made.count("- Involvement of patients and the public") == 1
    assert "Dates of the data (synthetic)" in made
    assert "Dates of the data (INbreast)" in made


def test_two_studies_of_one_kind_are_told_apart_by_their_names():
    reported = [
        reporting.report(NOT_RUN["phantoms"].model_copy(update={"name": name}))
        for name in ("a", "b_")
    ]
    reported.append(reporting.report(NOT_RUN["class_folders"]))
    made = reporting.chapter(LISTS, reporting._with_distinct_names(reported))
    assert "TRIPOD+AI, synthetic (a)<" in made
    assert "TRIPOD+AI, own images<" in made
    joint = reporting.linked(
        "{notebook}`training <03_training>`", reporting._with_distinct_names(reported)[:2]
    )
    page = "03_training-proposed-patient"
    other = f"{{notebook}}`synthetic (b&#95;) <b_/{page}>`"
    assert joint == f"{{notebook}}`training <a/{page}>` / {other}"


def test_the_bars_count_every_item():
    made = reporting.generated([INBREAST])["book/reporting.md"]
    bars = BeautifulSoup(made, "html.parser").select(".bar")
    counts = [[int(part.get_text()) for part in bar("span")] for bar in bars]
    assert [sum(count) for count in counts] == [52, 44, 30]
    labels = [re.findall(r"\d+(?=,|$)", bar["aria-label"].split(":")[1]) for bar in bars]
    assert [sum(map(int, label)) for label in labels] == [52, 44, 30]


def test_an_unknown_name_is_an_error_that_names_the_place():
    reported = reporting.report(NOT_RUN["phantoms"])
    with pytest.raises(UserError, match=r"here: unknown \{imagse\}; did you mean 'images'"):
        reporting.fill("There are {{ imagse }}.", reported.names, "here")
    with pytest.raises(UserError, match=r"here, line 2: .*; expected \{\{ name \}\} for a value"):
        reporting.fill("Two lines\nwith {{ images", reported.names, "here")
    with pytest.raises(
        UserError, match=r"no model_crad\.md in book/_templates; did you mean 'model_card"
    ):
        reporting.filled("model_crad.md", reported.names)
    with pytest.raises(UserError, match="no notebook '04_evalaution'"):
        reporting.linked("{notebook}`x <04_evalaution>`", [reported])


@pytest.mark.parametrize(("count", "words"), [(1, "1 layer"), ("1", "1 layer"), (2, "2 layers")])
def test_a_template_counts_one_thing_in_the_singular(count, words):
    assert reporting.fill("{{ count | plural('layer') }}", {"count": count}, "here") == words


def test_what_a_user_wrote_is_shown_as_it_is_and_never_a_template():
    title = "A {{ images }} <b>*bold*</b> {cite}`x` # `y` $z$"
    changes = {"title": title, "note": "::: {{ images }}\n# heading"}
    study = NOT_RUN["phantoms"].model_copy(update=changes)
    made = reporting.generated([study])
    for name, text in made.items():
        assert "{{ images }} <b>*bold*</b>" in html.unescape(text), name
        for active in ("{{", "<b>", "{cite}`x`", "*bold*", "$z$", "\n::: &"):
            assert active not in text, name


def test_a_reader_that_nobody_wrote_words_for_is_as_any_owners(monkeypatch):
    monkeypatch.setitem(READERS, "new", replace(READERS["class_folders"], name="new"))
    made = reporting.generated([Study(name="new_run", title="New", dataset={"reader": "new"})])
    assert "the owner of the data has to say" in made["book/new_run/data_sheet.md"].lower()


CONFIGURATION = """
extensions = ["myst_parser", "sphinxcontrib.bibtex", "exhibit", "notebook_role"]
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["book/_*"]
nitpicky = True
def setup(app):
    app.setup_extension("executed")
    app.config.book_pages = SITE
"""


def stubs(root, made):
    """Write the pages into a book where all else that they may link to is a stub."""
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "book/_notices").symlink_to(BOOK / "_notices")
    (root / "references.bib").write_bytes((BOOK / "references.bib").read_bytes())
    (root / "references.md").write_text("# R\n\n```{bibliography}\n```\n")
    executed = [page for name in ("inbreast", "smoke") for page in (BOOK / name).glob("*.ipynb")]
    for page in executed:
        stub = root / page.relative_to(ROOT)
        stub.parent.mkdir(exist_ok=True)
        stub.symlink_to(page)  # its exhibits are read; as a page, it is a stub, too
    for page in (*executed, *BOOK.glob("*.md")):
        (root / page.relative_to(ROOT)).with_suffix(".md").write_text("# Stub\n")
    site = [page.relative_to(ROOT).with_suffix("").as_posix() for page in executed]
    settings = f'SITE = {site}\nbibtex_bibfiles = ["references.bib"]\n'
    (root / "conf.py").write_text(settings + CONFIGURATION)
    pages = sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.md"))
    (root / "index.md").write_text("\n".join(["# I", "", "```{toctree}", *pages, "```"]))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The folder of one book with the pages of studies that were run and of one that was not."""
    root = tmp_path_factory.mktemp("checklists")
    of_none = reporting.generated([NOT_RUN["class_folders"]])
    of_none["book/not_run.md"] = of_none.pop("book/reporting.md")
    stubs(root, reporting.generated([SMOKE, INBREAST]) | of_none)
    warnings, out = io.StringIO(), [str(root / name) for name in ("_out", "_trees")]
    with pytest.MonkeyPatch.context() as patch, docutils_namespace():
        patch.syspath_prepend(str(BOOK / "_ext"))
        app = Sphinx(str(root), str(root), *out, "html", status=None, warning=warnings)
        app.build()
    assert warnings.getvalue() == ""
    return root / "_out/book"


@pytest.mark.parametrize(
    ("chapter", "study", "exhibits"),
    [("reporting", INBREAST, 3), ("not_run", NOT_RUN["class_folders"], 0)],
    ids=["run", "not run"],
)
def test_the_pages_render_without_a_warning(rendered, chapter, study, exhibits):
    soup = BeautifulSoup((rendered / f"{chapter}.html").read_text(), "html.parser")
    sections = sum(len(checklist.sections) for checklist in LISTS)
    assert len(soup.select("table.checklist")) == sections
    card = (rendered / study.name / "model_card.html").read_text()
    assert len(BeautifulSoup(card, "html.parser").select("figure.exhibit")) == exhibits
    assert card.count("notebook was not run in this build") == 3 - exhibits


# How to cite, and under which licences


def test_the_citation_file_has_what_its_format_needs():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(cited)
    assert cited["type"] == "software"
    assert cited["license"] == "MIT"
    for reference in cited["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert re.fullmatch(r"10\.\d{4,9}/\S+", reference["doi"])
        assert all(
            {"family-names", "given-names"} <= set(author) for author in reference["authors"]
        )


def test_both_licences_are_named_wherever_a_reader_looks():
    for path in ("README.md", "CITATION.cff", "book/intro.md", "book/_templates/model_card.md"):
        text = (ROOT / path).read_text()
        assert "MIT" in text, path
        assert "CC BY 4.0" in text, path
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert "CC BY 4.0" in (ROOT / "LICENSE-text").read_text()
