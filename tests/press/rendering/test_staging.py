"""The book is staged from prose, pages and numbers, and only what changed is touched."""

import json
import shutil
from functools import cache

import pytest
import yaml

from birads_lib import files
from birads_lib.errors import UserError
from press import paths
from press.pages import outputs
from press.paths import CONFIG
from press.rendering import contents, manifest, sphinx, staging
from press.report import claims, templates
from press.studies.study import Study, load

LOAD, LOAD_LISTS = cache(load), cache(staging.reporting.load)  # of committed files, each read once
ALL = [load(CONFIG / f"{name}.yaml") for name in ("phantoms", "inbreast")]
PHANTOMS = Study(name="phantoms", title="Phantoms", dataset={"reader": "phantoms"})
MINE = Study(name="mine", title="My own", dataset={"reader": "phantoms"})


def executed(*others: dict) -> str:
    """Return an executed notebook of one cell, with the passport of its page."""
    code = {"library_sha256": "f" * 64}
    facts = {
        "id": "page",
        "kind": "page",
        "marks": {},
        "inputs": [],
        "started": "2026-01-01T00:00:00+00:00",
        "code": code,
        "environment": dict.fromkeys(("python", "keras", "keras_backend"), "0"),
        "parameters": {},
        "device": "none",
    }
    shown = [{"data": {outputs.PASSPORT: facts}}, *others]
    return json.dumps({"cells": [{"cell_type": "code", "outputs": shown}]})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A tiny project: one chapter, one default study of two pages, of which one was executed."""
    for module in (staging, contents):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "BOOK", tmp_path / "book")
    for module in (paths, sphinx):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BOOK", tmp_path / "book")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(staging, "load", LOAD)
    monkeypatch.setattr(staging.reporting, "load", LOAD_LISTS)
    (tmp_path / "book/phantoms").mkdir(parents=True)
    (tmp_path / "book/mine").mkdir()
    (tmp_path / "book/intro.md").write_text("# Hello\n")
    glued = {
        "data": {"application/papermill.record/text/plain": "'0.71'"},
        "metadata": {"scrapbook": {"name": "phantoms_patient_qwk"}},
    }
    for module in (staging, staging.overview):  # this 01_data_exploration has no sources
        monkeypatch.setattr(module, "changed_sources", lambda page: [])
    (tmp_path / "book/phantoms/01_data_exploration.ipynb").write_text(executed(glued))
    (tmp_path / "book/mine/01_data_exploration.ipynb").write_text(executed())
    toc = {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [{"study": "this"}],
    }
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    names = {"this_patient_qwk": "", "inbreast_patient_qwk": "", "this_title": ""}
    config = {"title": "T", "parse": {"myst_substitutions": names}}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    return tmp_path


def test_numbers_come_from_executed_pages(project):
    named = staging.configuration(PHANTOMS)["parse"]["myst_substitutions"]
    assert named == {
        "this_patient_qwk": "0.71",
        "inbreast_patient_qwk": staging.MISSING,
        "this_title": "Phantoms",
    }


def test_the_first_page_says_what_the_numbers_of_a_study_are_worth():
    synthetic = "These images are synthetic."
    known = {"this_patient_pretrained": "Pretrained.", "this_patient_floors": "Below its floor."}
    assert staging._reading(PHANTOMS, known) == f"{synthetic} Pretrained. Below its floor."
    known["this_head_start"] = "Pretrained. From random numbers: less."
    said = staging._reading(PHANTOMS, known)
    assert said == f"{synthetic} Pretrained. From random numbers: less. Below its floor."
    assert staging._reading(load(CONFIG / "inbreast.yaml"), {}) == ""  # kept pages are older


def test_the_first_page_shows_that_reading_and_the_floors():
    named = yaml.safe_load((paths.ROOT / "_config.yml").read_text())["parse"]["myst_substitutions"]
    text = (paths.BOOK / "intro.md").read_text()
    for name in ("this_reading", "this_audit_logistic_regression_accuracy_patient"):
        assert name in named
        assert f"{{{{ {name} }}}}" in text


def test_staging_again_changes_nothing_and_an_edit_one_file(project):
    source = project / "_build/phantoms/source"
    assert staging.stage(PHANTOMS, source)
    assert not staging.stage(PHANTOMS, source)
    untouched = (source / "_config.yml").stat().st_mtime_ns
    (project / "book/intro.md").write_text("# Hello again\n")
    assert staging.stage(PHANTOMS, source)
    assert (source / "book/intro.md").read_text() == "# Hello again\n"
    assert (source / "_config.yml").stat().st_mtime_ns == untouched


def test_what_is_gone_leaves_the_staged_book(project):
    source = project / "_build/phantoms/source"
    staging.stage(PHANTOMS, source)
    (project / "book/phantoms/01_data_exploration.ipynb").unlink()
    assert staging.stage(PHANTOMS, source)
    assert not (source / "book/phantoms/01_data_exploration.ipynb").exists()


def test_pages_that_are_made_while_staging_are_there_and_listed(project):
    toc = yaml.safe_load((project / "_toc.yml").read_text())
    cards = [{"file": f"book/phantoms/{name}"} for name in ("model_card", "data_sheet")]
    toc["parts"][0]["chapters"] = [{"file": "book/reporting"}, {"file": "book/nowhere"}]
    (project / "_toc.yml").write_text(yaml.safe_dump(toc))
    source = project / "_build/phantoms/source"
    staging.stage(PHANTOMS, source)
    staged = yaml.safe_load((source / "_toc.yml").read_text())["parts"][0]["chapters"]
    made = [{"file": "book/reporting"}, *cards]
    title = {"title": "01_data_exploration"}  # it asks no question
    assert staged == [made[0], {"file": "book/phantoms/01_data_exploration", **title}, *cards]
    assert all((source / f"{page['file']}.md").is_file() for page in made)
    assert not (source / "book/inbreast").exists()  # it has no page in this project


@pytest.fixture
def rendered(project, monkeypatch):
    """The studies whose book Sphinx was called for, in whose place a page is written."""
    calls = []

    def by_sphinx(study, build):
        with open(build / "lock") as another, pytest.raises(BlockingIOError):
            files.lock(another)
        assert not paths.manifest(study.name).exists()
        calls.append(study.name)
        (build / "_build/html").mkdir(parents=True)
        (build / "_build/html/index.html").write_text("<p>Hello</p>")

    monkeypatch.setattr(sphinx, "_run_sphinx", by_sphinx)
    monkeypatch.setattr(paths, "CONFIG", project / "config")
    return calls


def test_a_book_is_rendered_by_one_alone_and_again_only_where_it_changed(project, rendered):
    for _ in range(2):
        assert sphinx.render(PHANTOMS) == paths.rendered_book("phantoms") / "index.html"
    assert rendered == ["phantoms"]
    assert manifest.is_whole(PHANTOMS)


def killed():
    raise KeyboardInterrupt


def test_what_was_rendered_before_a_kill_is_not_sealed_with_newer_sources(
    project, rendered, monkeypatch
):
    sphinx.render(PHANTOMS)
    (project / "book/intro.md").write_text("# Hello again\n")
    stage = sphinx.stage
    monkeypatch.setattr(sphinx, "stage", lambda *given: stage(*given) and killed())
    with pytest.raises(KeyboardInterrupt):
        sphinx.render(PHANTOMS)
    monkeypatch.setattr(sphinx, "stage", stage)
    sphinx.render(PHANTOMS)
    assert rendered == ["phantoms", "phantoms"]


def test_what_a_page_says_of_its_modules_is_text(project, monkeypatch):
    """Their names come from its passport, which anybody may have written."""
    monkeypatch.setattr(staging, "changed_sources", lambda page: ["<b>press</b>/run.py changed"])
    page = staging.pages.read(project / "book/mine/01_data_exploration.ipynb")
    (mark,) = json.loads(staging.staged_page(page, "T", "", True))["cells"][1]["source"]
    said = "Stale: since this page was executed, &lt;b&gt;press&lt;/b&gt;/run.py changed."
    assert mark == f'<p class="stale-mark">{said}</p>'


@pytest.fixture
def around(tmp_path, monkeypatch):
    """A copy of what stands around a study's pages; of claims and checklists, of a beginning."""
    for name in ("_toc.yml", "_config.yml"):
        shutil.copy(paths.ROOT / name, tmp_path)
    left_out = shutil.ignore_patterns("*.ipynb", "*.png", "*.svg")
    shutil.copytree(paths.BOOK, tmp_path / "book", ignore=left_out)
    for name, entry, kept in ((CLAIMS, "\n  - id: ", 9), (LISTS, "\n        - item: ", 20)):
        beginning = (tmp_path / name).read_text().split(entry)[:kept]
        (tmp_path / name).write_text(entry.join(beginning))
    for name in ("claims", "published"):
        monkeypatch.setattr(claims, name.upper(), tmp_path / f"book/{name}.yml")
    monkeypatch.setattr(staging, "load", LOAD)
    monkeypatch.setattr(staging.reporting, "CHECKLISTS", tmp_path / "book/reporting.yml")
    for module in (templates, staging.reporting):
        monkeypatch.setattr(module, "TEMPLATES", tmp_path / "book/_templates")
    for module in (staging, contents):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BOOK", tmp_path / "book")
    return tmp_path


def test_what_stands_around_the_pages_of_our_studies_is_whole():
    for study in ALL:
        staging.check(study)


MODEL_CARD, CLAIMS = "book/_templates/model_card.md", "book/claims.yml"
PROVENANCE, LISTS = "book/_templates/provenance.md", "book/reporting.yml"
FAULTS = [  # at once: file, what is in it, what is there instead, what is said
    [
        ("_toc.yml", "parts:", "parst:", "unknown 'parst'; did you mean 'parts'?"),
        ("_config.yml", "parse:", "prase:", "'parse' is missing"),
        (CLAIMS, "claims:", "calims:", "unknown 'calims'; did you mean 'claims'?"),
        ("book/published.yml", "system:", "sytsem:", "unknown 'sytsem'; did you mean 'system'?"),
        (MODEL_CARD, "{{ folds }}", "{{ fodls }}", "unknown {fodls}; did you mean 'folds'?"),
        (PROVENANCE, "{% endfor %}", "", "_templates/provenance.md, line"),
    ],
    [
        (
            "_toc.yml",
            "    study: this",
            "    study: thsi",
            "'study' is 'thsi'; did you mean 'this'",
        ),
        ("_config.yml", "this_patient_qwk", "this_qwk", "intro.md: unknown {{ this_patient_qwk }}"),
        (LISTS, "{{ images }}", "{{ image }}", "unknown {image}; did you mean 'images'?"),
    ],
    [
        ("_toc.yml", "root: book/intro", "root: [book", "_toc.yml is not valid YAML"),
        ("_config.yml", "author:", "author: a: b", "_config.yml is not valid YAML"),
        (LISTS, "status: done", "status: dnoe", "'status' is 'dnoe'; did you mean 'done'?"),
        (LISTS, "title: TRIPOD+AI", "tilte: TRIPOD+AI", "'title' is missing"),
    ],
    [
        (LISTS, "{{ images }}", "{{ images", "reporting.yml, "),
        ("book/intro.md", "{{ this_reading }}", "{{ reading }}", "intro.md: unknown {{ reading }}"),
    ],
    [(MODEL_CARD, "{{ folds }}", "{{ folds | cdoe }}", "No filter named 'cdoe'")],
    [("book/_templates/reporting.md", "{% endfor %}", "", "_templates/reporting.md, line")],
    [("book/_templates/data_sheet-phantoms.md", "{{ images }}", "{{ image }}", "unknown {image}")],
]


@pytest.mark.parametrize("faults", FAULTS)
def test_what_would_break_the_book_at_the_end_is_found_before_a_run(around, faults):
    for name, before, after, _ in faults:
        text = (around / name).read_text()
        assert before in text
        (around / name).write_text(text.replace(before, after, 1))
    with pytest.raises(UserError) as error:
        staging.check(ALL[0])
    assert [says in str(error.value) for *_, says in faults] == [True] * len(faults)


@pytest.mark.parametrize("gone", [("_toc.yml", "_config.yml", LISTS, CLAIMS), (MODEL_CARD,)])
def test_files_that_are_gone_are_missed_before_a_run(around, gone):
    for name in gone:
        (around / name).unlink()
    with pytest.raises(UserError) as error:
        staging.check(ALL[0])
    for name in gone:
        assert f"there is no {name.rpartition('/')[2]} in" in str(error.value)
