"""All exhibits of a study, made again: each verdict, and where a check goes on."""

import base64
import json

import pandas as pd
import pytest

from birads_lib.errors import UserError
from press import outputs, paths, recheck
from press.page import Exhibit, Page
from press.study import Study

TABLE = pd.DataFrame({"metric": ["a", "b"], "estimate": [0.5, 0.25]})
STUDY = Study(name="small", title="Small", dataset={"reader": "phantoms"}, root=recheck.CHECKED)


def exhibit(table=TABLE, png=b"picture"):
    """Return a figure as a page holds it, with its numbers, if it has any."""
    files = {} if table is None else {"roc.csv": table.to_csv().encode()}
    digests = {name: outputs.sha256_of(content) for name, content in files.items()}
    passport = {"id": "roc", "kind": "figure", "tolerance": 1e-3, "files": digests, "caption": "c"}
    texts = {name: base64.b64encode(content).decode() for name, content in files.items()}
    picture = base64.b64encode(png).decode()
    return Exhibit({"image/png": picture, outputs.FILES: texts, outputs.PASSPORT: passport}, "c-1")


def outcome(before, after):
    page = Page(paths.BOOK / "small/04_evaluation.ipynb", "", {}, {"roc": before}, {}, {}, {})
    made = Page(page.path, "", {}, {"roc": after} if after else {}, {}, {}, {})
    (only,) = recheck.compare([page], {page.name: made})
    return only


@pytest.mark.parametrize(
    ("after", "verdict", "beyond", "picture"),
    [
        (exhibit(), "equal", 0, "equal"),
        (exhibit(png=b"other"), "equal", 0, "other bytes"),
        (exhibit(TABLE.assign(estimate=[0.5001, 0.25])), "within tolerance", 0, "equal"),
        (exhibit(TABLE.assign(estimate=[0.6, 0.25])), "different", 1, "equal"),
        (exhibit(TABLE[:1]), "different", -1, "equal"),
        (exhibit(None), "different", -1, "equal"),
        (None, "not made again", 0, ""),
    ],
)
def test_an_exhibit_is_judged_by_its_numbers(after, verdict, beyond, picture):
    judged = outcome(exhibit(), after)
    assert (judged.verdict, judged.beyond, judged.picture) == (verdict, beyond, picture)


def test_an_exhibit_without_numbers_is_judged_by_its_picture():
    assert outcome(exhibit(None), exhibit(None)).verdict == "equal"
    assert outcome(exhibit(None), exhibit(None, b"other")).verdict == "different"


def test_the_table_names_each_exhibit_that_is_not_equal(capsys):
    judged = [outcome(exhibit(), exhibit()), outcome(exhibit(), exhibit(TABLE[:1]))]
    recheck.print_table(
        recheck.Check(STUDY, [], judged, ["04_evaluation"], ["12_comparison-b"], "5" * 64)
    )
    printed = capsys.readouterr().out
    assert "all" in printed
    assert "different: 04_evaluation#roc, whose table is gone or of another shape" in printed
    assert "stale: sources of 04_evaluation have changed" in printed
    assert "as it reads another study, too: 12_comparison-b" in printed
    assert recheck.summary(judged) == (
        "2 exhibits, their numbers made again: 1 equal, 0 within tolerance, 1 different, "
        "0 not made again; 2 of 2 pictures equal byte for byte."
    )


@pytest.fixture
def executions(tmp_path, monkeypatch):
    """Return what was there of a check whenever Snakemake was started."""
    there, page = [], "01_data_exploration"
    monkeypatch.setattr(recheck, "ROOT", tmp_path)
    monkeypatch.setattr(Study, "pages", lambda study: [page])

    def execute(options):
        folder = tmp_path / recheck.CHECKED / "pages/small"
        there.append(sorted(path.name for path in folder.glob("*")))
        folder.mkdir(parents=True, exist_ok=True)
        passport = {outputs.PASSPORT: {"id": "page", "kind": "page"}}
        cell = {"outputs": [{"data": passport}]}
        (folder / f"{page}.ipynb").write_text(json.dumps({"cells": [cell]}))
        if options["study"] == "stops":
            raise UserError("it stopped")

    monkeypatch.setattr(recheck.remake, "execute", execute)
    return there


def test_a_check_begins_with_nothing_but_goes_on_where_one_was_stopped(executions):
    for _ in range(2):
        assert list(recheck.make_all_again(STUDY, {"study": "ends"})) == ["01_data_exploration"]
    with pytest.raises(UserError):
        recheck.make_all_again(STUDY, {"study": "stops"})
    recheck.make_all_again(STUDY, {"study": "ends"})
    assert executions == [[], [], [], ["01_data_exploration.ipynb"]]


def test_a_study_that_was_not_executed_has_nothing_to_compare_with():
    with pytest.raises(UserError, match=r"'nowhere' is not executed here: \d+ of \d+ pages"):
        recheck.published(STUDY.model_copy(update={"name": "nowhere"}))
