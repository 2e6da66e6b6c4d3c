"""Two studies side by side: which, what of them, and the page; the mistakes one can make."""

import json
import shutil

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from birads_lib import cases
from birads_lib.errors import UserError
from birads_lib.figures import comparison as plots
from birads_lib.scores.metrics import headline_names
from helpers.made_up import made_up_run
from press.execution import compare
from press.pages import outputs
from press.rendering import contents
from press.studies import study
from press.studies.study import Study

TEXT = "name: {0}\ntitle: {0}\ndataset: {{reader: phantoms}}\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of two studies, which each test has a copy of."""
    folder = tmp_path_factory.mktemp("two") / "results"
    for number, name in enumerate("ab"):
        for protocol in ("patient", "image"):
            made_up_run(folder / name, protocol, seed=number)
    return folder


@pytest.fixture
def studies(results, tmp_path, monkeypatch):
    """A folder of two studies that were run, a and b, and one that was not, c."""
    (tmp_path / "config").mkdir()
    for name in "abc":
        text = TEXT.format(name) + "protocols: [patient, image]\n"
        (tmp_path / "config" / f"{name}.yaml").write_text(text)
    shutil.copytree(results, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "RESULTS", tmp_path / "results")
    return tmp_path / "config"


def changed(studies, name, text):
    path = studies / f"{name}.yaml"
    path.write_text(path.read_text() + text)


def values(names):
    studies = compare.chosen(compare.named(names))
    compare.check_run(studies)
    return compare.parameters(*studies.values())


def test_names_and_paths_give_the_same(studies):
    compared = values("a,b")
    assert compared["study_dir"] == "results/a"
    assert (compared["other"], compared["variant"]) == ("b", "proposed")
    assert compared["protocols"] == ["patient", "image"]
    assert compared == values(f" {studies / 'a.yaml'}, config/b.yaml")


def test_a_name_is_also_that_of_a_study_that_was_run_elsewhere(studies, monkeypatch):
    path = studies.with_name("lab") / "mine.yaml"
    path.parent.mkdir()
    path.write_text(TEXT.format("mine"))
    assert "no study at config/mine.yaml" in problem("a,mine")
    monkeypatch.setattr("press.studies.study.ROOT", studies.parent)
    study.write_record(study.load("lab/mine.yaml"))
    assert (
        "'mine' has no results of 'proposed' under patient: run `make book CONFIG=lab/mine.yaml`"
        in (problem("a,mine"))
    )
    made_up_run(studies.parent / "results" / "mine")
    assert values("a,mine")["other"] == "mine"


def problem(names):
    with pytest.raises(UserError) as error:
        values(names)
    return str(error.value)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", "expected two studies, such as STUDIES=phantoms,smoke; got none"),
        ("a", "expected two studies, such as STUDIES=phantoms,smoke; got a"),
        ("a,b,c", "got a, b, c"),
        ("a,d", "no study at config/d.yaml; studies there: a, b, c"),
        ("d,e", "no study at config/d.yaml; studies there: a, b, c\nno study at config/e.yaml"),
        ("a,a", "both are the study 'a'; name another one"),
        ("a,config/a.yaml", "both are the study 'a'"),
        ("a,c", "'c' has no results of 'proposed' under patient, image: run `make book STUDY=c`"),
        ("config/c.yaml,a", "run `make book STUDY=c` first"),
    ],
)
def test_mistakes(studies, names, expected):
    with pytest.raises(UserError) as error:
        values(names)
    assert expected in str(error.value)


@pytest.mark.parametrize("chapter_set", ["density", "images", "transfer"])
def test_a_study_that_never_has_runs_is_not_told_to_make_them(studies, chapter_set):
    changed(studies, "c", f"chapters: {chapter_set}\n")
    said = problem("a,c")
    assert f"'c' has the chapters of '{chapter_set}', and none of these writes predictions" in said
    assert "make book" not in said


def test_only_what_both_have_is_compared(studies):
    changed(studies, "b", "variants: {plain: {}, proposed: {}}\n")
    path = studies / "a.yaml"
    path.write_text(path.read_text().replace("[patient, image]", "[image]"))
    compared = values("b,a")
    assert (compared["variant"], compared["protocols"]) == ("proposed", ["image"])


def test_nothing_in_common(studies):
    changed(studies, "b", "variants: {plain: {}}\n")
    path = studies / "a.yaml"
    path.write_text(path.read_text().replace("[patient, image]", "[oversample_first]"))
    with pytest.raises(UserError) as error:
        values("a,b")
    assert "no variant in common (proposed and plain)" in str(error.value)
    assert "no protocol in common (oversample_first and patient, image)" in str(error.value)


def test_what_stands_on_either_stands_on_both(studies):
    changed(studies, "b", "note: too few\n")
    path = studies / "a.yaml"
    path.write_text(path.read_text().replace("reader: phantoms", "reader: inbreast"))
    assert values("a,b")["note"] == f"b: too few; b: {compare.SYNTHETIC}"
    assert values("b,a")["note"] == "b: too few"  # the reader of the first marks the rest


def table_of(**changes):
    facts = {"image_id": ["x", "y"], "patient_id": ["p", None], "birads": [1, 2]}
    return pd.DataFrame(facts | {"sha256": ["0", "1"], "path": ["x", "y"]} | changes)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"path": ["elsewhere", "y"]}, True),
        ({"image_id": ["x", "z"]}, False),
        ({"patient_id": ["p", "q"]}, False),
        ({"birads": [1, 3]}, False),
        ({"sha256": ["0", "2"]}, False),  # such as phantoms of another seed
    ],
)
def test_images_are_the_same_by_file_patient_and_grade(changes, same):
    assert cases.same_images(table_of(), table_of(**changes).iloc[::-1]) == same


def test_the_figure_shows_both_and_the_difference():
    rows = pd.DataFrame(
        {"metric": list(headline_names()), "estimate": 0.5, "low": 0.4, "high": 0.6}
    )
    rows.loc[4, ["estimate", "low", "high"]] = np.nan  # undefined
    parts = [rows.assign(protocol=q) for q in ("patient", "image")]
    values = pd.concat(part.assign(study=s) for part in parts for s in ("mine", "yours"))
    figure = plots.side_by_side(values, pd.concat(parts))
    texts = {text.get_text() for text in figure.findobj(mpl.text.Text)}
    assert {"mine", "yours", "mine minus yours", "Protocol patient", "Protocol image"} <= texts
    assert headline_names()["qwk"] in texts
    assert headline_names()["ordinal_mae"] not in texts  # it has another unit
    left, right = figure.axes[:2]
    assert len(left.collections) == 4  # intervals and dots of each
    assert len(right.collections) == 2
    assert len(right.lines) == 1  # 0


def test_a_comparison_stands_in_the_contents_but_is_no_page_of_the_study(tmp_path, monkeypatch):
    mine = Study(name="mine", dataset={"reader": "phantoms"})
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    monkeypatch.setattr(contents, "BOOK", tmp_path / "book")
    toc = json.dumps({"format": "jb-book", "root": "book/intro", "parts": [{"study": "this"}]})
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "book" / "mine").mkdir(parents=True)
    facts = {"data": {outputs.PASSPORT: {"kind": "page", "id": "page", "inputs": []}}}
    cells = [{"source": ["# Do two differ?"], "outputs": [facts]}]
    for name in ("01_data_exploration", "12_comparison-smoke"):
        path = tmp_path / "book" / "mine" / f"{name}.ipynb"
        path.write_text(json.dumps({"cells": cells}))
    *_, last = contents.contents(mine, {"mine": mine})["parts"][0]["chapters"]
    assert last == {"file": "book/mine/12_comparison-smoke", "title": "Do two differ? (smoke)"}
    assert not [page for page in mine.pages() if page.startswith("12")]
