"""The two tables: their schemas, their files, and the spelling of BI-RADS categories."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_lib import cases
from birads_lib.cases import Dataset, parse_birads
from birads_lib.errors import DatasetError, UserError, did_you_mean
from birads_lib.files import sha256


def two_cases() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "patient_id": ["p", None],
            "laterality": ["L", None],
            "view": ["CC", None],
            "birads": [1, 4],
            "birads_original": ["1", "4a"],
            "density": ["A", None],
            "modality": ["DM", None],
            "path": ["1/a.png", "4a/b.png"],
            "size_bytes": [10, 20],
            "sha256": ["1" * 64, "f" * 64],
        }
    )


def two_findings() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["a", "a"],
            "kind": ["mass", "calcification"],
            "descriptors": ["round", ""],
            "x0": [1.0, np.nan],
            "y0": [1.0, np.nan],
            "x1": [3.0, np.nan],
            "y1": [4.0, np.nan],
            "contour": [[1.0, 1.0, 3.0, 1.0, 3.0, 4.0], None],
            "mask_path": [None, "masks/a.png"],
            "mask_sha256": [None, "a" * 64],
        }
    )


def test_hashes_of_all_files_by_kind(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"")
    (tmp_path / "reader.py").write_bytes(b"READER = 1")
    also = {"annotations": (tmp_path / "table.csv",), "code": (tmp_path / "reader.py",)}
    dataset = Dataset(tmp_path, two_cases(), two_findings(), **also)
    assert dataset.hashes()[["kind", "sha256"]].to_numpy().tolist() == [
        ["annotation", sha256(tmp_path / "table.csv")],
        ["code", sha256(tmp_path / "reader.py")],
        ["image", "1" * 64],
        ["image", "f" * 64],
        ["mask", "a" * 64],
    ]
    no_mask = Dataset(tmp_path, two_cases(), cases.no_findings()).hashes()
    assert set(no_mask["kind"]) == {"image"}


def test_a_mask_without_its_hash_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="a mask has a path and its hash"):
        Dataset(tmp_path, two_cases(), two_findings().assign(mask_sha256=None))


def test_tables_come_back_as_written(tmp_path):
    dataset = Dataset(tmp_path, two_cases(), two_findings())
    dataset.write(tmp_path)
    pd.testing.assert_frame_equal(cases.read_cases(tmp_path / "cases.parquet"), dataset.cases)
    again = Dataset.read(tmp_path, tmp_path)
    pd.testing.assert_frame_equal(again.cases, dataset.cases)
    findings = again.findings
    pd.testing.assert_frame_equal(
        findings.drop(columns="contour"), dataset.findings.drop(columns="contour")
    )
    points = [cases.contour_points(contour) for contour in findings["contour"]]
    assert points[0].tolist() == [[1, 1], [3, 1], [3, 4]]
    assert points[1].shape == (0, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.parquet", "findings.parquet"]


def test_no_findings_come_back_too(tmp_path):
    Dataset(tmp_path, two_cases(), cases.no_findings()).write(tmp_path)
    assert len(Dataset.read(tmp_path, tmp_path).findings) == 0


def test_what_a_table_of_images_holds():
    table = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "patient_id": ["p", "p", "q", None],
            "birads": [1, 1, 2, 2],
            "density": ["A", None, "B", "B"],
        }
    )
    texts = cases.summary(table.iloc[:3])
    absent = "no image of BI-RADS 3, BI-RADS 4 and BI-RADS 5"
    assert texts["images_by_grade"] == f"2, 1, 0, 0 and 0 ({absent})"
    assert texts["patients_by_grade"] == "1, 1, 0, 0 and 0"
    everything = pd.concat([table, table.assign(birads=[3, 4, 5, 5])])
    assert cases.absent(everything) == ""
    assert cases.summary(everything)["images_by_grade"] == "2, 2, 1, 1 and 2"
    assert texts["images_per_patient"] == "1 to 2"
    assert texts["rarest"] == "BI-RADS 2, with 1 images of 1 patients"
    assert texts["always_accuracy"] == "0.67"
    assert texts["density_known"] == "2 images"
    unknown = cases.summary(table.assign(patient_id=None, density=None))
    assert unknown["patients"] == "unknown numbers"
    assert unknown["rarest"] == "BI-RADS 1, with 2 images"
    assert unknown["images_per_patient"] == "unknown"
    assert unknown["density_known"] == "none of the images"


@pytest.mark.parametrize(
    ("column", "values", "named"),
    [
        ("image_id", ["a", "a"], "image_id"),
        ("birads", [0, 1], "birads"),
        ("birads", [6, 1], "birads"),
        ("laterality", ["left", "R"], "'left'"),
        ("density", ["E", "A"], "'E'"),
        ("modality", ["CT", "DM"], "'CT'"),
        ("size_bytes", [0, 1], "size_bytes"),
        ("sha256", ["abc", "0" * 64], "'abc'"),
        ("path", ["same.png", "same.png"], "path"),
    ],
)
def test_schema_names_the_row_and_the_column(column, values, named):
    with pytest.raises(DatasetError, match=named) as caught:
        Dataset(".", two_cases().assign(**{column: values}), two_findings().head(0))
    assert "row 0" in str(caught.value)


def test_all_problems_of_a_table_are_told_at_once():
    wrong = two_cases().assign(birads=[9, 1], size_bytes=[1, "many"])
    with pytest.raises(DatasetError) as caught:
        Dataset(".", wrong, two_findings())
    assert len(caught.value.problems) == 2


def test_missing_column_and_unknown_image_are_refused():
    with pytest.raises(DatasetError, match="lacks the column 'path'"):
        Dataset(".", two_cases().drop(columns="path"), two_findings())
    with pytest.raises(DatasetError, match="image_id 'z'"):
        Dataset(".", two_cases(), two_findings().assign(image_id="z"))


def test_what_may_be_empty_may_be_left_out(tmp_path):
    bare = two_cases()[["image_id", "path", "size_bytes", "sha256"]]
    Dataset(tmp_path, bare, two_findings().drop(columns=["contour", "x0"])).write(tmp_path)
    again = Dataset.read(tmp_path, tmp_path)
    assert again.cases.drop(columns=bare.columns).isna().all(axis=None)
    assert again.findings["contour"].isna().all()
    with pytest.raises(DatasetError, match="2 images have no birads"):
        cases.label_numbers(again.cases)


def test_grades_that_are_known_in_part_stay_whole_numbers(tmp_path):
    Dataset(tmp_path, two_cases().assign(birads=[4, None]), cases.no_findings()).write(tmp_path)
    table = Dataset.read(tmp_path, tmp_path).cases
    assert cases.label_numbers(table.head(1)).tolist() == [4]
    with pytest.raises(DatasetError, match="1 images have no birads"):
        cases.label_numbers(table)


def test_a_note_names_files_only_where_they_may_be_shown():
    note = cases.Note("3 files are thumbnails", ("a.png", "b.png", "c.png"))
    assert note.shown(with_names=False) == "3 files are thumbnails"
    assert note.shown(with_names=True) == "3 files are thumbnails: a.png, b.png, c.png"
    assert note.shown(with_names=True, most=2) == "3 files are thumbnails: a.png, b.png, ..."


def test_missing_and_damaged_table_files(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        cases.read_cases(tmp_path / "none.parquet")
    (tmp_path / "findings.parquet").write_bytes(b"no table")
    with pytest.raises(DatasetError, match="cannot be read as a table"):
        Dataset.read(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("text", "grade", "category"),
    [
        ("1", 1, "1"),
        ("BI-RADS 1", 1, "1"),
        ("birads_1", 1, "1"),
        ("BIRADS-4a", 4, "4a"),
        ("Bi-Rads 4C", 4, "4c"),
        ("b5", 5, "5"),
        ("6", 5, "6"),
        ("03", 3, "3"),
        (2.0, 2, "2"),
        ("  4 ", 4, "4"),
        ("IV", 4, "4"),
        ("BI_RADS_VI", 5, "6"),
        ("Category 3", 3, "3"),
        ("BI-RADS category 2", 2, "2"),
        ("2_benign", 2, "2"),
        ("5 - highly suggestive of malignancy", 5, "5"),
        ("class_1", 1, "1"),
    ],
)
def test_usual_spellings_of_a_category(text, grade, category):
    assert parse_birads(text) == (grade, category)


@pytest.mark.parametrize("text", ["", "7", "12", "1-2", "5a", "4d", "benign", "b", "masks", "nan"])
def test_unknown_categories_are_refused(text):
    with pytest.raises(ValueError, match="is unknown; use 1, 2, 3, 4, 4a"):
        parse_birads(text)


@pytest.mark.parametrize("text", ["0", "BI-RADS 0"])
def test_incomplete_assessment_is_not_a_grade(text):
    with pytest.raises(ValueError, match="incomplete assessment"):
        parse_birads(text)


@given(st.text())
def test_any_text_is_a_category_or_a_value_error(text):
    try:
        grade, category = parse_birads(text)
    except ValueError:
        return
    assert grade == min(int(category[0]), 5)


def test_dataset_error_lists_its_problems_and_shows_no_traceback():
    error = DatasetError(["'a.png' is empty", "'b.png' is damaged"], "The folder")
    assert isinstance(error, UserError)
    lines = str(error).splitlines()
    assert lines == [
        "The folder has 2 problems:",
        "  1. 'a.png' is empty",
        "  2. 'b.png' is damaged",
    ]
    assert error._render_traceback_() == lines
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # worker processes raise it too
    assert str(DatasetError("is empty", "The folder")) == "The folder: is empty"


def test_nearest_right_name():
    assert did_you_mean("patient_patern", ["patient_pattern", "workers"]) == (
        "did you mean 'patient_pattern'?"
    )
    assert did_you_mean("xyz", ["b", "a"]) == "there is 'a', 'b'"
