"""A figure made again: what differs is found, and said."""

import base64
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from press import outputs, remake
from press.page import Exhibit, Page
from press.study import load

TABLE = pd.DataFrame({"metric": ["a", "b"], "estimate": [0.5, np.nan], "n": [3, 4]})


def exhibit(table=TABLE, png=b"picture", **facts):
    """Return an exhibit as a page holds it."""
    passport = {
        "id": "roc", "caption": "c", "study": "s", "page": "p", "notebook": "04_evaluation",
        "tolerance": 1e-3, "inputs": [],
        "code": {"library_sha256": "f" * 64, "commit": "1"}, "parameters_changed": {},
        "environment": {"numpy": "2.4"}, "device": "CPU",
    } | facts  # fmt: skip
    data = {"image/png": base64.b64encode(png).decode(), outputs.PASSPORT: passport}
    files = {"roc.csv": base64.b64encode(table.to_csv().encode()).decode()}
    return Exhibit(data | {outputs.FILES: files}, "c-1")


@pytest.mark.parametrize(
    ("change", "beyond", "largest"),
    [
        ({}, 0, 0.0),
        ({"estimate": [0.5009, np.nan]}, 0, 0.0009),
        ({"estimate": [0.52, np.nan]}, 1, 0.02),
        ({"estimate": [np.nan, np.nan]}, 1, 0.0),
        ({"estimate": [0.5, 0.5]}, 1, 0.0),
        ({"metric": ["a", "c"]}, 1, 0.0),
        ({"n": [3, 5], "metric": ["x", "b"]}, 2, 1.0),
    ],
)
def test_numbers_are_compared_within_the_tolerance(change, beyond, largest):
    compared = remake.compare_numbers(exhibit(), exhibit(TABLE.assign(**change)))
    assert compared.count == 8  # the index is a column
    assert compared.beyond == beyond
    assert compared.largest == pytest.approx(largest)


def test_a_table_of_another_shape_differs():
    for other in (TABLE[:1], TABLE.rename(columns={"n": "m"}), TABLE.assign(more=1)):
        assert remake.compare_numbers(exhibit(), exhibit(other)).beyond == -1


def test_what_differs_is_told_by_kind(capsys):
    later = exhibit(
        TABLE.assign(n=[3, 9]),
        b"other",
        inputs=[{"name": "predictions", "sha256": "a" * 64}],
        code={"library_sha256": "0" * 64, "commit": "2"},
        environment={"numpy": "2.5"},
        parameters_changed={"resamples": 7, "study_dir": "results/.remade/x"},
    )
    assert not remake.print_comparison(exhibit(), later)
    printed = capsys.readouterr().out
    assert "numbers: 8 compared, largest difference 5, tolerance 0.001: DIFFER in 1" in printed
    assert "picture: not the same bytes" in printed
    assert "predictions: none -> aaaaaaaaaaaa" in printed
    assert "library_sha256: ffffffffffff -> 000000000000" in printed
    assert "numpy: 2.4 -> 2.5" in printed
    assert "resamples: none -> 7" in printed
    assert "study_dir" not in printed  # the scratch folder
    assert "commit" not in printed  # which differs though nothing that matters does
    assert "device: equal" in printed


def test_the_same_is_said_to_be_the_same(capsys):
    assert remake.print_comparison(exhibit(), exhibit())
    printed = capsys.readouterr().out
    assert "8 compared, equal, tolerance 0.001: hold" in printed
    assert "picture: equal byte for byte" in printed
    assert "differs" not in printed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"caption": "Better"}, "caption"),
        ({"marks": {}}, "marks"),
        ({"alt": "Another"}, "alt"),
    ],
)
def test_other_words_of_the_same_numbers_by_the_same_code_do_not_hold(changes, named, capsys):
    marks = {"marks": {"synthetic": "made up"}}
    published, made, forged = exhibit(**marks), exhibit(**marks), exhibit(**marks | changes)
    assert remake.words_hold(published, made, remake.compare_numbers(published, made))
    assert remake.compare_words(forged, made) == [named]
    assert not remake.print_comparison(forged, made)
    assert f"words: another {named}: DIFFER" in capsys.readouterr().out


def test_another_table_of_the_same_numbers_does_not_hold(capsys):
    made = exhibit()
    forged = Exhibit(made.data | {"text/html": "<table><td>0.952</td></table>"})
    assert not remake.print_comparison(forged, made)
    assert "another table" in capsys.readouterr().out


def test_other_code_or_numbers_within_the_tolerance_may_choose_other_words(capsys):
    made = exhibit(code={"library_sha256": "0" * 64}, caption="Clearer")
    assert remake.print_comparison(exhibit(), made)
    assert "words: another caption\n" in capsys.readouterr().out


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two pages, each with an exhibit "roc"; one also has "only"."""
    made = [
        Page(tmp_path / "s" / f"{name}.ipynb", name, {}, exhibits_, {}, {}, {})
        for name, exhibits_ in (
            ("04_evaluation-proposed-patient", {"roc": exhibit(), "only": exhibit()}),
            ("04_evaluation-proposed-image", {"roc": exhibit()}),
        )
    ]
    monkeypatch.setattr(remake.pages, "of_study", lambda name: made if name == "s" else [])
    return made


def test_a_figure_is_found_by_page_and_name_or_by_a_name_of_its_own(study):
    assert remake.find("s", "04_evaluation-proposed-image#roc")[0] is study[1]
    assert remake.find("s", "only") == (study[0], study[0].exhibits["only"])


@pytest.mark.parametrize(
    ("name", "wanted", "message"),
    [
        ("s", "roc", "2 pages have 'roc'; name one of them:\n  04_evaluation-proposed-patient#roc"),
        ("s", "onyl", "no figure or table 'onyl'; did you mean 'only'?"),
        ("s", "04_evaluation-proposed-imag#roc", "did you mean '04_evaluation-proposed-image'?"),
        ("none", "roc", "make book STUDY=none"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(study, name, wanted, message):
    with pytest.raises(UserError) as error:
        remake.find(name, wanted)
    assert message in str(error.value)


def test_the_figure_of_another_study(monkeypatch):
    assert remake._of_another_study("config/phantoms.yaml", "a#b") == (
        "config/phantoms.yaml",
        "a#b",
    )
    assert remake._of_another_study("x", "inbreast/a#b") == ("config/inbreast.yaml", "a#b")
    with pytest.raises(UserError, match="did you mean 'inbreast'"):
        remake._of_another_study("x", "inbraest/a#b")
    assert remake._of_another_study("x", "speed/a#b") == ("config/speed.yaml", "a#b")


@pytest.fixture
def makers(monkeypatch):
    """Return an empty {(study, page): Page} where the chain looks for who wrote an input."""
    made = {}

    def maker_of(facts, page):
        return made.get((facts.get("study", page.study), facts.get("made_by")))

    monkeypatch.setattr(remake.pages, "maker_of", maker_of)
    return made


def test_the_chain_of_a_comparison_goes_through_both_studies(tmp_path, makers):
    cases = {"name": "cases", "file": "results/b/cases.parquet", "sha256": "2" * 64,
             "made_by": "01_data", "artefact": "cases.parquet", "study": "b"}  # fmt: skip
    wrote = {
        name: {"cases.parquet": {"inputs": [{"name": "images", "file": f"those of {name}",
                                             "sha256_of_hashes": "1" * 64}]}}
        for name in "ab"
    }  # fmt: skip
    for name, files in wrote.items():
        path = tmp_path / name / "01_data.ipynb"
        makers[name, path.stem] = Page(path, "", {}, {}, files, {}, {})
    page = Page(tmp_path / "a" / "12_comparison-b.ipynb", "", {}, {}, {}, {}, {})
    assert remake.trace(page, exhibit(inputs=[cases])) == [
        "a/12_comparison-b#roc",
        "  read results/b/cases.parquet, SHA-256 2222222222222222, written by 01_data",
        "    read those of b, SHA-256 1111111111111111",
    ]


def test_the_chain_names_each_file_once_and_ends_in_the_images(tmp_path, makers):
    images = {"name": "images", "file": "9 image files", "sha256_of_hashes": "1" * 64}
    cases = {"name": "cases", "file": "cases.parquet", "sha256": "2" * 64, "made_by": "01_data",
             "artefact": "cases.parquet"}  # fmt: skip
    grades = {"name": "predictions", "file": "p.parquet", "sha256": "3" * 64, "made_by": "03_train",
              "artefact": "p.parquet"}  # fmt: skip
    wrote = {
        "01_data": {"cases.parquet": {"inputs": [images]}},
        "03_train": {"p.parquet": {"inputs": [cases]}},
        "10_audit": {},
    }
    last = exhibit(inputs=[grades, cases])
    for name, files in wrote.items():
        path = tmp_path / "s" / f"{name}.ipynb"
        makers["s", name] = Page(path, name, {}, {"roc": last}, files, {}, {})
    assert remake.trace(makers["s", "10_audit"], last) == [
        "s/10_audit#roc",
        "  read p.parquet, SHA-256 3333333333333333, written by 03_train",
        "    read cases.parquet, SHA-256 2222222222222222, written by 01_data",
        "      read 9 image files, SHA-256 1111111111111111",
        "  read cases.parquet, SHA-256 2222222222222222, written by 01_data (as above)",
    ]


@pytest.mark.parametrize(
    ("notebook", "command"),
    [
        ("12_comparison", "make compare STUDIES=smoke,b"),
        ("15_elsewhere", "make external STUDY=smoke OTHER=b"),
    ],
)
def test_a_page_of_two_studies_without_what_it_read_says_what_to_run(notebook, command):
    study, page = load("config/smoke.yaml"), SimpleNamespace(notebook=notebook)
    with pytest.raises(UserError, match=command):
        remake._check_images(study, page, other="b")
    remake._check_images(study, page, other="")
