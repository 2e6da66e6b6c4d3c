"""Texts of a study's YAML and of its data are shown as they are, never run or included.

Each field is given attacks on everything that a page is made with: Jinja, MyST, Markdown, HTML and
Matplotlib's mathtext.
"""

import ast
import html
import json
import re
import shlex
from functools import cache

import cv2
import matplotlib
import nbformat
import numpy as np
import pytest
import yaml
from bs4 import BeautifulSoup
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from papermill.translators import PythonTranslator

from birads_lib.errors import DatasetError, UserError
from birads_lib.figures import exploration
from birads_lib.readers import by_name
from helpers.forking.start import RUN_MODULE
from helpers.project import copy_project, run_in
from press import run as provenance
from press.pages import outputs
from press.paths import CONFIG
from press.rendering import exhibits, staging
from press.rendering.staging import configuration
from press.report import checklists, overview
from press.report.templates import code, literal
from press.studies.parameters import declared_parameters
from press.studies.study import Study, load

matplotlib.use("Agg")

RUN = "{{ cycler.__init__.__globals__.os.popen('echo EXEC''UTED').read() }}"
ATTACKS = [
    RUN, "{{ 6 * 7 }}", "{% include 'x' %}", "{3}", "{note}`x`", "{{ this_title }}",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</figure>", "&lt;b&gt;", "&#60;",
    "\n:::\n```{include} ../secret.txt\n```", "\n# A heading", "(target)=", "% a comment", "1. one",
    "__two__ _one_ a__b", "**x**", "`x`", "[x](y)", "![x](y)", "| a | b |", "~~~", "---", "+++",
    "$x^2$", r"$\frac{$", "$", "\\", "'", '"', "'; touch pwned; '", "<!--", "-->", "]]>", "…λ字🙂",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(ATTACKS) | st.text("a_*`{}<>&$|\\\n #:%=()[]1.", max_size=8))
HOSTILE = HOSTILE.map(" ".join).filter(str.strip)
PATTERN = r"(?P<patient>P[0-9]{3})_(?P<view>[^.]*)|<script>alert(1)</script>|{{ cycler.x }}"
# How Sphinx sets quotes, an ellipsis and dashes.
TYPESET = {"[\u201c\u201d]": '"', "[\u2018\u2019]": "'", "\u2026": "...", "[\u2013\u2014-]+": "-"}
VIEWS = [r"$\frac{$", "<img src=x onerror=alert(1)>", "{{ 6 * 7 }}", "`x` **y**"]
WEIGHTS = "not known: `{{ 6 * 7 }}` <img src=x onerror=alert(1)> _a_.weights.h5"
NOTE = " ".join(ATTACKS)
TITLE = (
    f"{RUN} <script>alert(1)</script> <img src=x onerror=alert(1)> {{3}} {{{{ 6 * 7 }}}} | a | $x$ "
)
TITLE += "```{include} ../secret.txt __two__ _one_ **x** `x` {note}`x` [x](y) &#60; </title> \\ a_"


def plain(text: str) -> str:
    """Return a text on one line, its quotes, dashes and dots as they were before typesetting."""
    for typeset, typed in TYPESET.items():
        text = re.sub(typeset, typed, text)
    return " ".join(text.split())


# One book, with all of them at once


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of images whose views are hostile."""
    folder = tmp_path_factory.mktemp("data")
    for number, view in enumerate(VIEWS):
        home = folder / str(number % 5 + 1)
        home.mkdir(exist_ok=True)
        image = np.full((20, 16), 30 + 40 * number, np.uint8)
        (home / f"P{number:03d}_{view}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return folder


def executed(project, study, notebook, make, **of_a_run):
    """Write the page of a notebook that shows what ``make`` has its run publish."""
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "show", lambda data, metadata=None: shown.append((data, metadata)))
        patch.setattr(provenance.paths, "ROOT", project)
        values = declared_parameters(notebook) | study.parameters(notebook, **of_a_run)
        run = provenance.Run(notebook, values)
        make(run)
    cell = nbformat.v4.new_code_cell("pass")
    cell.outputs = [
        nbformat.v4.new_output("display_data", data, metadata=metadata or {})
        for data, metadata in shown
    ]
    cells = [nbformat.v4.new_markdown_cell("# A page"), cell]
    path = project / "book" / study.name / f"{run.page}.ipynb"
    path.parent.mkdir(exist_ok=True)
    language = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), path)


def explored(dataset):
    """Return what the first chapter publishes of a data set."""
    options = {key: value for key, value in dataset.items() if key not in ("reader", "folder")}
    found = by_name.read("class_folders", dataset["folder"], **options)

    def make(run):
        images = [np.zeros((20, 16), np.uint8)] * len(found.cases)
        run.publish(exploration.views_table(found.cases), id="grades", caption="Views.")
        picture = exploration.samples(images, found.cases)
        run.publish(picture, id="samples", caption="Samples.", alt="Images")
        run.facts({"reader_options": ", ".join(f"{k} {v}" for k, v in options.items())})

    return make


@pytest.fixture(scope="module")
def rendered(tmp_path_factory, data):
    """The pages of a book whose study is hostile in every field, by name."""
    project = copy_project(tmp_path_factory.mktemp("hostile") / "project")
    (project / "book/secret.txt").write_text("TOP SECRET")
    dataset = {"reader": "class_folders", "folder": str(data), "patient_pattern": PATTERN}
    keys = {"name": "hostile", "title": TITLE, "note": NOTE, "dataset": dataset}
    keys |= {"show_pixels": True, "notebooks": {"03_training": {"weights": WEIGHTS}}}
    (project / "hostile.yaml").write_text(yaml.safe_dump(keys))
    study = load(project / "hostile.yaml")
    executed(project, study, "01_data_exploration", explored(study.dataset))
    told = {"weights": WEIGHTS, "training_images": "{{ 6 * 7 }}"}
    of_a_run = {"variant": "proposed", "protocol": "patient"}
    executed(project, study, "03_training", lambda run: run.facts(told), **of_a_run)
    done = run_in(project, *RUN_MODULE.split(), "press.book", "hostile.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    pages = project / "_build/hostile/_build/html"
    return {
        path.relative_to(pages).with_suffix("").as_posix(): path.read_text()
        for path in pages.rglob("*.html")
    }


def test_nothing_that_a_study_says_is_run_or_included(rendered):
    for name, text in rendered.items():
        assert "EXECUTED" not in text, name
        assert "TOP SECRET" not in text, name
        soup = BeautifulSoup(text, "html.parser")
        assert not soup.select("[onerror], img[src=x]"), name
        assert not [script for script in soup("script") if "alert(1)" in script.text], name
        assert not soup.find(["h1", "h2", "h3"], string=re.compile("A heading")), name


def test_all_that_a_study_says_is_shown_as_it_was_written(rendered):
    soups = {name: BeautifulSoup(text, "html.parser") for name, text in rendered.items()}
    texts = {name: plain(soup.get_text()) for name, soup in soups.items()}
    for page in ("book/intro", "book/provenance", "book/reporting", "book/hostile/model_card"):
        assert plain(TITLE) in texts[page], page
    cards = ("book/hostile/model_card", "book/hostile/data_sheet")
    pages = ("book/hostile/01_data_exploration", "book/hostile/03_training-proposed-patient")
    for page in (*cards, *pages):
        assert plain(NOTE) in texts[page], page
    assert plain(f"patient_pattern {PATTERN}") in texts["book/hostile/data_sheet"]
    assert WEIGHTS in texts["book/hostile/model_card"]
    for view in VIEWS:
        assert view.upper() in texts["book/hostile/01_data_exploration"]


def test_headings_which_the_search_shows_as_html_hold_nothing_of_a_study(rendered):
    for name, text in rendered.items():
        for heading in BeautifulSoup(text, "html.parser")(["h1", "h2", "h3"]):
            assert "alert(1)" not in heading.get_text(), name


# Each field by itself


LISTS, COMMITTED = cache(checklists.load), cache(load)  # what is the same for each text
PLACES = ("{}", "*{}: what?*", "- {} and more", "| a |\n| --- |\n| {}, x |", ":::{{x}}\n{}\n:::")
MINE = {"name": "mine", "dataset": {"reader": "phantoms"}}


@given(HOSTILE)
@example(" ".join(ATTACKS))
@settings(max_examples=200, deadline=None)
def test_literal_text_is_nothing_but_text_in_markdown(text):
    words, markdown = " ".join(text.split()), MarkdownIt("commonmark").enable("table")
    for form in (
        "{}",
        "*{}: what?*",
        "- {} and more",
        "| a |\n| --- |\n| {}, x |",
        ":::{{x}}\n{}\n:::",
    ):
        shown, blank = (markdown.render(form.format(part)) for part in (literal(text), "blank"))
        assert html.unescape(shown) == html.unescape(blank).replace("blank", words)
        assert sorted(set(re.findall("<[^>]*>", shown))) == sorted(
            set(re.findall("<[^>]*>", blank))
        )
    assert not set("{}<>$`|\\[]*") & set(literal(text))  # what only MyST or Jinja would read
    assert not re.match(r"[(%+:=-]", literal(text))
    shown = markdown.renderInline(f"a {code(literal(text))} b")
    assert html.unescape(shown) == f"a <code>{words}</code> b"


@given(title=HOSTILE, note=HOSTILE)
@example(title=" ".join(ATTACKS), note=" ".join(ATTACKS))
@settings(max_examples=3, deadline=None)  # each makes all pages; `literal` has its own, above
def test_staging_keeps_title_and_note_as_they_are(title, note):
    study = Study(**MINE, title=title, note=note)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checklists, "load", LISTS)
        patch.setattr(staging, "load", COMMITTED)
        substitutions = configuration(study)["parse"]["myst_substitutions"]
        made = checklists.generated([study]) | {"provenance": overview.chapter([(title, [])])}
    assert html.unescape(substitutions["this_title"]) == " ".join(title.split())
    for name, text in made.items():
        assert literal(title) in text, name
        assert name == "provenance" or literal(note) in text, name
        assert "{{" not in text, name


@given(HOSTILE)
@settings(max_examples=50, deadline=None)
def test_parameters_reach_a_notebook_as_literals(text):
    given = {"note": text, "dataset": {text: [text]}}
    cell = ast.parse(PythonTranslator.codify(given))
    assigned = {node.targets[0].id: ast.literal_eval(node.value) for node in cell.body}
    assert assigned == given


@given(HOSTILE)
@settings(max_examples=5, deadline=None)
@example(r"$\frac{$")
@example(r"a \$x$ \\$")
def test_a_picture_draws_any_note(text):
    figure = Figure(figsize=(2, 2))
    picture = outputs.png(figure, [text])
    assert picture.startswith(b"\x89PNG")
    drawn = figure.get_suptitle()
    assert not is_math_text(drawn)
    assert drawn.replace(r"\$", "$") == text


@given(HOSTILE)
@settings(max_examples=20, deadline=None)
def test_a_note_is_text_in_the_html_of_marks_and_passports(text):
    for shown in (outputs.marks_html({"study-note": text}), exhibits._fact({"note": text})):
        soup = BeautifulSoup(shown, "html.parser")
        assert {tag.name for tag in soup.find_all()} <= {"p", "code", "br"}
        assert text in soup.get_text()


LINES = {"title": 2, "note": 3, "folder": 6, "patient_pattern": 7, "weights": 11, "key": 12}


@pytest.mark.parametrize("sign", ["\0", "\a", "\x1b", "\r", "\x85", "\u2028", "\u202e", "\ud800"])
@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("title", 2),
        ("note", 3),
        ("folder", 6),
        ("patient_pattern", 7),
        ("weights", 11),
        ("key", 12),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_line(tmp_path, sign, field, line):
    words = dict.fromkeys(LINES, "x") | {field: f"x{sign}"}
    quoted = {name: json.dumps(text) for name, text in words.items()}
    (tmp_path / "mine.yaml").write_text(f"""name: mine
title: {quoted["title"]}
note: {quoted["note"]}
dataset:
  reader: class_folders
  folder: {quoted["folder"]}
  patient_pattern: {quoted["patient_pattern"]}
protocols: [image]
notebooks:
  03_training:
    weights: {quoted["weights"]}
    {quoted["key"]}: 1
""")
    message = f"mine.yaml, line {line}: the character U+{ord(sign):04X} can't be shown"
    with pytest.raises(UserError, match=re.escape(message)):
        load(tmp_path / "mine.yaml")


@pytest.mark.parametrize(("field", "longest"), [("name", 100), ("title", 300), ("note", 2000)])
def test_what_is_too_long_is_refused_with_its_line(tmp_path, field, longest):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(MINE | {field: "a" * longest}))
    load(path)
    path.write_text(
        yaml.safe_dump({field: ""} | MINE | {field: "a" * (longest + 1)}, sort_keys=False)
    )
    message = f"line 1: {longest + 1} characters, expected at most {longest}"
    with pytest.raises(UserError, match=message):
        load(path)


def test_a_folder_from_the_command_line_is_a_text_as_any(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MINE))
    with pytest.raises(UserError, match=r"DATA: the character U\+001B can't be shown"):
        load(tmp_path / "mine.yaml", data="a\x1b")


def test_an_image_whose_name_cannot_be_shown_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/a\x1b[2J.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"'1/a\\x1b\[2J.png' has U\+001B in its name"):
        by_name.read("class_folders", tmp_path)


def test_a_study_with_the_title_of_another_keeps_its_pages(tmp_path, monkeypatch):
    committed = {name: COMMITTED(CONFIG / f"{name}.yaml") for name in staging.COMMITTED}
    same = committed["inbreast"].model_copy(update={"title": committed["speed"].title})
    others = [study for name, study in committed.items() if name != "inbreast"]
    monkeypatch.setattr(staging, "_studies", lambda study: [same, *others])
    staged = staging.staged_files(same)
    executed = {path.split("/")[1] for path in staged if path.endswith(".ipynb")}
    assert executed == set(staging.COMMITTED)


def test_the_command_that_compares_two_studies_has_their_notes_as_one_argument(clean_copy):
    for name in "ab":
        keys = MINE | {"name": name, "note": NOTE}
        (clean_copy / f"{name}.yaml").write_text(yaml.safe_dump(keys))
        for file in ("cases.parquet", "runs/proposed/patient/predictions.parquet"):
            path = clean_copy / "results" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    command = [*RUN_MODULE.split(), "snakemake", "--profile", "profiles/local"]
    command += ["--dry-run", "--printshellcmds"]
    studies = ["--config", "study=a.yaml", "other=b.yaml", "--allowed-rules", "comparison_12"]
    done = run_in(clean_copy, *command, *studies, "--", "book/a/12_comparison-b.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (done.stdout + done.stderr).splitlines()
    (line,) = [line for line in shown if "press.execution.execute" in line]
    *_, values = shlex.split(line.removeprefix("Shell command: "))
    assert json.loads(values)["note"] == f"a: {NOTE}; b: {NOTE}"
