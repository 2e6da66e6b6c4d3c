"""Everything that was changed after it was made is found, one byte at a time."""

import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from birads_lib.files import sha256
from helpers.project import ROOT, run_module
from press import paths
from press.pages import file_lists, outputs
from press.pages import page as pages
from press.rendering import manifest
from press.studies.study import load
from press.verification import deep as deep_check
from press.verification import verify
from press.verification.checks import Report, print_report

PAGE = "04_evaluation-proposed-patient"
BOOK = Path("book/smoke")
RUN = Path("results/smoke/runs/proposed/patient")
FIGURES = Path("results/smoke/figures") / PAGE


def verified(root: Path) -> list[str]:
    """Verify the smoke study of a copy of the project; return the lines of the report."""
    done = run_module(root, "press.verification.verify", "config/smoke.yaml")
    assert done.stderr == ""
    assert done.returncode == int("PROBLEM: " in done.stdout)
    return done.stdout.splitlines()


def problems(root: Path) -> list[str]:
    """Return the problems of the smoke study of a copy of the project."""
    return [line for line in verified(root) if "PROBLEM: " in line]


def change(path: Path, place: int | None = None) -> None:
    """Change one byte of a file: the one at ``place``, or any."""
    content = path.read_bytes()
    place = random.Random(path.name).randrange(len(content)) if place is None else place
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def test_what_was_just_made_holds(smoke_pages):
    report = verify.study("smoke")
    assert report.problems == []
    assert report.stale == {}
    for kind in ("pages", "cells", "figures' files", "copies in results/", "written files",
                 "passports", "links to the images", "links between pages"):  # fmt: skip
        assert report.checked[kind] > 0, kind


def test_a_book_that_was_just_made_is_what_was_rendered(smoke_book):
    """Byte for byte: its pages, those of other studies in it, prose, and all rendered files."""
    assert manifest.changes(load("config/smoke.yaml")) == []


def test_every_image_is_hashed(smoke_pages):
    report = verify.study("smoke", ROOT / "results/smoke/phantoms")
    assert report.problems == []
    listed = file_lists.hashes({page.name: page for page in pages.of_study("smoke")})
    assert listed.keys() == {"image", "mask", "annotation"}
    assert all(report.checked[f"{kind}s"] == len(hashes) for kind, hashes in listed.items())


def test_what_was_changed_is_found_one_byte_at_a_time(executed_copy):
    """All at once, each in a file of its own: none hides another."""
    messages = {
        RUN / "04_evaluation.metrics.json": "04_evaluation.metrics.json was changed",
        RUN / "predictions.parquet": "predictions.parquet was changed",
        RUN / "predictions.parquet.passport.json": "the passport beside it was changed",
        FIGURES / "headline.png": "headline.png is not the one in the page",
        FIGURES / "headline.csv": "headline.csv is not the one in the page",
        FIGURES / "headline.json": "headline.json is not the one in the page",
        Path("results/smoke/images.npy"): "images.npy was changed",
        BOOK / "07_decision_curves-proposed-patient.ipynb": "was changed after it ran",
    }
    for path in messages:
        change(executed_copy / path)
    change_and_seal(executed_copy / BOOK / "10_leakage_audit.ipynb", in_a_table)
    change_and_seal(executed_copy / BOOK / "02_preprocessing.ipynb", in_the_cell)
    record = executed_copy / "results/smoke/study.json"
    record.write_text(record.read_text().replace('"note": "smoke', '"note": "forged', 1))
    (executed_copy / BOOK / "11_claims.ipynb").unlink()
    first = executed_copy / BOOK / "01_data_exploration.ipynb"
    (executed_copy / BOOK / "99_mine.ipynb").write_bytes(first.read_bytes())
    lines = problems(executed_copy)
    messages |= {
        BOOK / "10_leakage_audit.ipynb": ".csv in the page is not the one",
        BOOK / "02_preprocessing.ipynb": "its passport names cell",
        BOOK / "11_claims.ipynb": "11_claims.ipynb: the page is gone",
        BOOK / "99_mine.ipynb": "99_mine.ipynb: executed elsewhere",
        record: "study.json gives note = 'forged",
    }
    for path, message in messages.items():
        assert any(message in line for line in lines), (path, lines)
    assert sum("was changed after it ran" in line for line in lines) == 1


def change_and_seal(page: Path, place_in) -> None:
    """Change a byte of a page and write its seal anew, as a forger does."""
    seals, seal = page.with_name(pages.SEALS), sha256(page)
    change(page, place_in(page))
    assert seal in seals.read_text()
    seals.write_text(seals.read_text().replace(seal, sha256(page)))


def in_a_table(page: Path) -> int:
    """Return a place within the file of a table that a page holds."""
    files = [exhibit.data[outputs.FILES] for exhibit in pages.read(page).exhibits.values()]
    encoded = next(held[name] for held in files for name in held if name.endswith(".csv"))
    return page.read_bytes().index(encoded[:60].encode()) + 40


def in_the_cell(page: Path) -> int:
    """Return the place of the cell's name in a passport of a page."""
    cell = pages.read(page).exhibits["steps"].cell_id
    return page.read_bytes().index(f'"cell_id": "{cell}"'.encode()) + len('"cell_id": "')


def test_every_passport_names_the_cell_whose_output_holds_it(smoke_pages):
    for path in smoke_pages.glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            for data in (output.get("data", {}) for output in cell.get("outputs", [])):
                if outputs.PASSPORT in data:
                    assert data[outputs.PASSPORT]["cell_id"] == cell["id"], path


def test_a_page_whose_input_was_made_anew_is_named(smoke_pages, monkeypatch):
    read = pages.read

    def other_predictions(path):
        page = read(path)
        if page.name != "03_training-proposed-patient":
            return page
        other = page.artefacts["predictions.parquet"] | {"sha256": "0" * 64}
        return replace(page, artefacts=page.artefacts | {"predictions.parquet": other})

    monkeypatch.setattr(pages, "read", other_predictions)
    problems_of_smoke = verify.study("smoke").problems
    assert any(
        "not the file that 03_training-proposed-patient wrote" in line for line in problems_of_smoke
    )


def test_a_page_whose_sources_changed_is_stale_and_no_problem(
    smoke_pages, tmp_path, monkeypatch, capsys
):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.setattr(paths, "source_notebook", lambda name: tmp_path / f"notebooks/{name}.ipynb")
    source = paths.source_notebook("04_evaluation")
    change(source, source.read_bytes().index(b"How good"))
    report = verify.study("smoke")
    assert report.problems == []
    (stale,) = report.stale.values()  # two pages of one notebook
    assert sorted(stale) == ["04_evaluation-proposed-oversample_first", PAGE]
    print_report("smoke", report, 0.0)
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(r" *stale: .*notebooks/04_evaluation\.ipynb", line) for line in lines)


@pytest.fixture
def deep(monkeypatch, executed_copy):
    """Return what a deep check says of a page after some of its predictions were changed."""
    monkeypatch.setattr(deep_check, "ROOT", executed_copy)

    def checked(page, forge=None) -> verify.Report:
        report, page = verify.Report(), pages.read(ROOT / f"book/smoke/{page}.ipynb")
        if forge:
            path = executed_copy / RUN / "predictions.parquet"
            forge(pd.read_parquet(path)).to_parquet(path)
            # With a consistent hash, as a forger leaves it.
            facts = page.artefacts["predictions.parquet"] | {"sha256": sha256(path)}
            page = replace(page, artefacts=page.artefacts | {"predictions.parquet": facts})
        deep_check.check([page], report)
        return report

    return checked


TRAINED, TOGETHER = "03_training-proposed-patient", "03_training_ablations"


def a_probability(table):
    table.loc[3, ["p1", "p2", "p3", "p4", "p5"]] = [0.0, 0.0, 0.0, 0.0, 1.0]
    return table


def a_label(table):
    table.loc[3, "y_true"] = table.loc[3, "y_true"] % 5 + 1
    return table


def a_part(table):
    of_first = (table["seed"] == 0) & (table["fold"] == 0)
    tested = table[(table["part"] == "test") & of_first]
    same_patient = table["patient_id"] == tested["patient_id"].iloc[0]
    table.loc[same_patient & of_first, "part"] = "train"
    return table


def a_fold(table):
    return table[table["fold"] == 0]


def test_a_probability_that_no_saved_model_predicts_is_found(deep):
    report = deep(TRAINED, a_probability)
    (problem,) = report.problems  # the other model's hold
    assert "fold 0: 1 of 96 rows are not what the model predicts" in problem
    assert report.checked["models' predictions"] == 4  # of two folds, with each of two seeds
    assert "smoke/proposed/patient: 4 models, 384 predictions made again" in report.notes[0]


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (a_label, "y_true is not what the cases say"),
        (a_part, "fold 0: its parts are not those of the protocol"),
        (a_fold, "fold [(0, 0), (1, 0)], but models of [(0, 0), (0, 1), (1, 0), (1, 1)]"),
    ],
)
def test_what_else_is_forged_with_consistent_hashes_is_found(deep, forge, message, monkeypatch):
    monkeypatch.setattr(deep_check, "_differences", lambda run, key, rows, *_: np.zeros(len(rows)))
    assert deep(TRAINED).problems == []
    (problem,) = deep(TRAINED, forge).problems
    assert message in problem


def test_only_who_asks_for_it_waits_for_the_models(smoke_pages, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(verify, "COMMITTED", ("inbreast",))
    monkeypatch.setattr(verify.rendered, "check", lambda study: Report(root="of the book"))
    monkeypatch.setattr(deep_check, "check", lambda checked, _: asked.append(checked[0].study))
    verify.main("config/smoke.yaml")
    assert asked == []
    verify.main("config/smoke.yaml", "", "1")
    assert asked == ["smoke"]


def test_runs_that_can_not_be_predicted_again_are_named(deep, executed_copy):
    (executed_copy / "results/smoke/images.npy").unlink()
    (problem,) = deep(TRAINED).problems  # asked for, and not done
    assert (
        "smoke/proposed/patient: not predicted again, as not at hand: results/smoke/im" in problem
    )
    notes = deep(TOGETHER).notes
    assert {note.partition(":")[0] for note in notes} == {
        "smoke/frozen/patient", "smoke/emd/patient", "smoke/no_clahe/patient",
    }  # fmt: skip
    assert all("models weren't kept" in note for note in notes)
