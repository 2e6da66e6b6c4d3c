"""All exhibits of a study, made again: what is said of each, and where a check goes on."""

import base64
import json

import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.files import lock
from press import paths
from press.pages import outputs
from press.pages.page import Exhibit, Page
from press.studies.study import Study
from press.verification import recheck

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


def test_the_table_names_each_exhibit_that_is_not_equal(capsys):
    judged = [outcome(exhibit(), exhibit()), outcome(exhibit(), exhibit(TABLE[:1]))]
    left_out, unasked = ["12_comparison-b"], ["04_evaluation-no_clahe-patient"]
    recheck.print_table(
        recheck.Check(STUDY, [], judged, ["04_evaluation"], left_out, unasked, "5" * 64)
    )
    printed = capsys.readouterr().out
    assert "all" in printed
    assert "different: 04_evaluation#roc, whose table is gone or of another shape" in printed
    assert "stale: sources of 04_evaluation have changed" in printed
    assert "as it reads another study, too: 12_comparison-b" in printed
    assert "the study's file doesn't name its variant: 04_evaluation-no_clahe-patient" in printed
    assert recheck.summary(judged) == (
        "2 exhibits, their numbers made again: 1 equal, 0 within tolerance, 1 different, "
        "0 not made again; 2 of 2 pictures equal byte for byte."
    )


@pytest.fixture
def executions(tmp_path, monkeypatch):
    """Return what was there of a check whenever Snakemake was started, with its lock held."""
    there, page = [], "01_data_exploration"
    monkeypatch.setattr(recheck, "ROOT", tmp_path)
    monkeypatch.setattr(Study, "pages", lambda study: [page])

    def execute(options, *_):
        with (
            open(tmp_path / recheck.CHECKED / "small.lock") as file,
            pytest.raises(BlockingIOError),
        ):
            lock(file)
        folder = tmp_path / recheck.CHECKED / "pages/small"
        there.append(sorted(path.name for path in folder.glob("*")))
        folder.mkdir(parents=True, exist_ok=True)
        passport = {outputs.PASSPORT: {"id": "page", "kind": "page"}}
        cell = {"outputs": [{"data": passport}]}
        (folder / f"{page}.ipynb").write_text(json.dumps({"cells": [cell]}))
        if options["study"] == "stops":
            raise UserError("it stopped")

    monkeypatch.setattr(recheck, "snakemake", execute)
    return there


def test_a_check_begins_with_nothing_but_goes_on_where_one_was_stopped(executions):
    for _ in range(2):
        assert list(recheck.make_all_again(STUDY, {"study": "ends"})) == ["01_data_exploration"]
    with pytest.raises(UserError):
        recheck.make_all_again(STUDY, {"study": "stops"})
    recheck.make_all_again(STUDY, {"study": "ends"})
    assert executions == [[], [], [], ["01_data_exploration.ipynb"]]


def test_a_study_that_was_not_executed_has_nothing_to_compare_with():
    message = r"'nowhere' is not executed here: \d+ of \d+ pages are missing, such as .*; there is"
    with pytest.raises(UserError, match=message):
        recheck.pages.executed("nowhere", STUDY.pages(), "there is nothing to compare with")


def test_a_page_that_is_not_made_again_is_told_with_its_own_reason(monkeypatch):
    names = ("12_comparison-b", "04_evaluation-no_clahe-patient", "99_gone", STUDY.pages()[0])
    there = [Page(paths.BOOK / f"small/{name}.ipynb", "", {}, {}, {}, {}, {}) for name in names]
    monkeypatch.setattr(recheck.pages, "of_study", lambda _: there)
    assert recheck.not_made_again(STUDY) == (["12_comparison-b"], [*names[1:3]])
