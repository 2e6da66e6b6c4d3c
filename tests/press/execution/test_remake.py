"""A figure made again: what differs is found, and said."""

import base64
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.files import lock
from press.execution import remake
from press.pages import outcome, outputs
from press.pages.page import Exhibit, Page
from press.studies.study import load

TABLE = pd.DataFrame({"metric": ["a", "b"], "estimate": [0.5, np.nan], "n": [3, 4]})


def exhibit(table=TABLE, png=b"picture", **facts):
    """Return an exhibit as a page holds it."""
    passport = {
        "id": "roc", "kind": "figure", "files": {}, "caption": "c", "study": "s", "page": "p",
        "notebook": "04_evaluation",
        "tolerance": 1e-3, "inputs": [],
        "code": {"library_sha256": "f" * 64, "commit": "1"}, "parameters_changed": {},
        "environment": {"numpy": "2.4"}, "device": "CPU",
    } | facts  # fmt: skip
    data = {"image/png": base64.b64encode(png).decode(), outputs.PASSPORT: passport}
    files = {} if table is None else {"roc.csv": table.to_csv().encode()}
    texts = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return Exhibit(data | {outputs.FILES: texts}, "c-1")


def printed(before, after, capsys):
    """Return what is printed of two makings of an exhibit."""
    remake.print_comparison(outcome.compare("p", before, after), before, after)
    return capsys.readouterr().out


def test_what_differs_is_told_by_kind(capsys):
    later = exhibit(
        TABLE.assign(n=[3, 9]),
        b"other",
        inputs=[{"name": "predictions", "sha256": "a" * 64}],
        code={"library_sha256": "0" * 64, "commit": "2"},
        environment={"numpy": "2.5"},
        parameters_changed={"resamples": 7, "study_dir": "results/.remade/x"},
    )
    told = printed(exhibit(), later, capsys)
    assert "numbers: 8 compared, largest difference 5, tolerance 0.001: DIFFER in 1" in told
    assert "picture: not the same bytes\n" in told
    assert "predictions: none -> aaaaaaaaaaaa" in told
    assert "library_sha256: ffffffffffff -> 000000000000" in told
    assert "numpy: 2.4 -> 2.5" in told
    assert "resamples: none -> 7" in told
    assert "study_dir" not in told  # the scratch folder
    assert "commit" not in told  # which differs though nothing that matters does
    assert "device: equal" in told


def test_the_same_is_said_to_be_the_same(capsys):
    told = printed(exhibit(), exhibit(), capsys)
    assert "8 compared, equal, tolerance 0.001: hold" in told
    assert "picture: equal byte for byte" in told
    assert "words: equal\n" in told
    assert "differs" not in told


def test_what_does_not_hold_is_said_where_it_stands(capsys):
    assert "words: another caption: DIFFER" in printed(exhibit(), exhibit(caption="B"), capsys)
    told = printed(exhibit(None), exhibit(None, b"other"), capsys)
    assert "numbers: none to download" in told
    assert "picture: not the same bytes: DIFFERS, and has no numbers" in told
    told = printed(exhibit(), exhibit(TABLE[:1]), capsys)
    assert "numbers: DIFFER, the table has other rows or columns" in told


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
    assert remake._config_and_exhibit("config/phantoms.yaml", "a#b") == (
        "config/phantoms.yaml",
        "a#b",
    )
    assert remake._config_and_exhibit("x", "inbreast/a#b") == ("config/inbreast.yaml", "a#b")
    with pytest.raises(UserError, match="did you mean 'inbreast'"):
        remake._config_and_exhibit("x", "inbraest/a#b")
    assert remake._config_and_exhibit("x", "speed/a#b") == ("config/speed.yaml", "a#b")


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


def test_a_page_that_no_longer_has_what_it_wrote_ends_the_chain_and_says_so(tmp_path, makers):
    read = {"name": "cases", "file": "results/b/cases.parquet", "sha256": "2" * 64,
            "made_by": "01_data", "artefact": "cases.parquet"}  # fmt: skip
    makers["a", "01_data"] = Page(tmp_path / "a/01_data.ipynb", "", {}, {}, {}, {}, {})
    page = Page(tmp_path / "a/04_evaluation.ipynb", "", {}, {}, {}, {}, {})
    *_, last = remake.trace(page, exhibit(inputs=[read]))
    assert last.endswith("written by 01_data, which no longer has it")


def test_one_figure_of_a_study_is_made_again_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(remake, "ROOT", tmp_path)
    study = load("config/smoke.yaml", root=remake.SCRATCH)
    page = Page(tmp_path / "smoke/04_evaluation.ipynb", "", {}, {}, {}, {}, {})
    left = tmp_path / study.folder / "of-another-figure"

    def execute(options, arguments, _):
        assert not left.exists()
        with open(tmp_path / remake.SCRATCH / "smoke.lock") as file, pytest.raises(BlockingIOError):
            lock(file)

    monkeypatch.setattr(remake, "snakemake", execute)
    monkeypatch.setattr(remake.pages, "read", lambda path: path.name)
    for _ in range(2):  # the lock was given back
        left.mkdir(parents=True)
        assert remake.make_again(study, {}, page, []) == "04_evaluation.ipynb"


def test_a_figure_that_is_published_no_more_is_told_with_what_to_do():
    made = SimpleNamespace(name="04_evaluation", study="smoke", exhibits={"roc-curve": exhibit()})
    assert remake.of_page(made, "roc-curve") is made.exhibits["roc-curve"]
    with pytest.raises(UserError) as error:
        remake.of_page(made, "roc")
    assert str(error.value) == (
        "FIG: 04_evaluation, executed now, publishes no 'roc'; run the study smoke again, or name "
        "another: did you mean 'roc-curve'?"
    )


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
        remake._check_images(study, page, other_study="b")
    remake._check_images(study, page, other_study="")
