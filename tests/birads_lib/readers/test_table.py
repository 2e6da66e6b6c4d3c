"""Tables of images, of the kinds that laboratories have."""

import io
import re

import openpyxl
import pandas as pd
import pyarrow
import pytest
from pyarrow.parquet import write_table

from birads_lib.errors import DatasetError, UserError
from birads_lib.readers import by_name, spreadsheet
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY, TASKS, label_set_of
from helpers.pictures import mammogram, notes_of, picture, problems_of, write
from press.paths import ROOT
from press.studies.study import load

ROWS = [
    ("image", "patient_id", "side", "view", "birads", "breast density"),
    ("a.png", "P1", "left", "cc", "BI-RADS 1", "2"),
    ("b.png", "P1", "R", "MLO", "4a", "B"),
    ("sub/c.png", "P2", "Right", "CC", "6", ""),
]
IMAGES = {"a.png": picture(1), "b.png": picture(2), "sub/c.png": picture(3)}


def csv(rows, delimiter=",") -> str:
    return "".join(delimiter.join(row) + "\r\n" for row in rows)


def excel(*sheets) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        page = book.create_sheet(f"sheet{number}")
        for row in rows:
            page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def parquet(rows) -> bytes:
    return pd.DataFrame(rows[1:], columns=rows[0]).to_parquet(index=False)


KINDS = {
    "list.csv": csv(ROWS),
    "semicolons.csv": csv(ROWS, ";"),
    "list.tsv": csv(ROWS, "\t"),
    "bom.csv": b"\xef\xbb\xbf" + csv(ROWS).encode(),
    "utf16.csv": csv(ROWS).encode("utf-16"),
    "list.xlsx": excel(ROWS),
    "list.parquet": parquet(ROWS),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_table_of_any_kind_with_usual_columns(tmp_path, name):
    dataset = by_name.read("table", write(tmp_path, IMAGES | {name: KINDS[name]}))
    assert dataset.annotations == (tmp_path / name,)
    cases = dataset.cases.set_index("image_id")
    assert cases.index.tolist() == ["a.png", "b.png", "sub/c.png"]
    assert cases["birads"].tolist() == [1, 4, 5]
    assert cases["birads_original"].tolist() == ["BI-RADS 1", "4a", "6"]
    assert cases["patient_id"].tolist() == ["P1", "P1", "P2"]
    assert cases["laterality"].tolist() == ["L", "R", "R"]
    assert cases["view"].tolist() == ["CC", "MLO", "CC"]
    assert cases["density"].fillna("?").tolist() == ["B", "B", "?"]
    assert [path.is_file() for path in dataset.files()] == 3 * [True]
    assert "path is 'image', patient is 'patient_id', laterality is 'side'" in notes_of(dataset)


def test_numbers_of_a_spreadsheet_are_texts_without_decimals(tmp_path):
    rows = [("file", "patient", "birads"), ("a.png", 7.0, 2.0), ("b.png", 7, 3)]
    folder = write(tmp_path, IMAGES | {"list.xlsx": excel(rows)})
    cases = by_name.read("table", folder).cases
    assert cases["patient_id"].tolist() == ["7", "7"]
    assert cases["birads"].tolist() == [2, 3]
    headers_only = by_name.read("table", folder, pixels=False).cases
    same = [name for name in cases if name != "sha256"]
    pd.testing.assert_frame_equal(headers_only[same], cases[same])


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    folder = write(tmp_path, IMAGES | {"list.xlsx": excel([("notes",), ("x",)], ROWS)})
    assert len(by_name.read("table", folder, sheet="sheet1").cases) == 3
    (line,) = problems_of("table", folder, sheet="sheet9")
    assert line == "'list.xlsx' has no sheet 'sheet9'; its sheets: sheet0, sheet1"


def test_columns_labels_and_what_is_left_out_are_named_by_the_study(tmp_path):
    rows = [("f", "who", "Result"), ("a.png", "1", "Benign"), ("b.png", "2", "Cancer?")]
    rows += [("sub/c.png", "3", "0")]
    folder = write(tmp_path, IMAGES | {"my list.csv": csv(rows)})
    dataset = by_name.read(
        "table", folder,
        columns={"path": "f", "patient": "who", "label": "Result"},
        labels={"benign": 2, "cancer?": "5"}, leave_out=[0],
    )  # fmt: skip
    assert dataset.cases["birads"].tolist() == [2, 5]
    assert dataset.cases["birads_original"].tolist() == ["Benign", "Cancer?"]
    assert "1 rows of my list.csv are left out, as the study says: birads '0'" in notes_of(dataset)


@pytest.mark.parametrize(
    ("task", "given", "known"),
    [
        (DENSITY, ["A", "BI-RADS density 2", "4"], ["A", "B", "D"]),
        (MALIGNANCY, ["0", "CANCER", "Benign without callback"], ["benign", "malignant", "benign"]),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_task(tmp_path, task, given, known):
    rows = [("path", "patient", "label")]
    rows += [(name, "P", label) for name, label in zip(IMAGES, given, strict=True)]
    dataset = by_name.read("table", write(tmp_path, IMAGES | {"t.csv": csv(rows)}), task=task)
    assert dataset.cases[task.name].tolist() == known
    assert dataset.cases["birads"].isna().all()


NO_LABELS = ("-1", "-1.0", "- 1", ".5", "0.4", "1.5", "2,5")  # such as codes for missing values


@pytest.mark.parametrize("text", NO_LABELS)
@pytest.mark.parametrize("task", [BIRADS, DENSITY, MALIGNANCY, label_set_of({"classes": [*"125"]})])
def test_negative_numbers_and_fractions_are_no_labels(tmp_path, task, text):
    rows = [("path", "label"), ("a.png", "1"), ("b.png", text), ("sub/c.png", "1.0")]
    folder = write(tmp_path, IMAGES | {"t.csv": csv(rows, ";")})
    (line,) = problems_of("table", folder, task=task)
    assert line.startswith("row 3 of t.csv: the " if task.name != "label" else "row 3 of t.csv: ")
    assert line.endswith("say what it means in 'labels', or leave it out by 'leave_out'")
    kept = by_name.read("table", folder, task=task, leave_out=[text])
    assert kept.cases["image_id"].tolist() == ["a.png", "sub/c.png"]


def test_labels_of_ones_own_that_differ_in_a_sign_stay_apart(tmp_path):
    rows = [("path", "label"), ("a.png", "-1"), ("b.png", "1"), ("sub/c.png", "A")]
    folder, of = (
        write(tmp_path, IMAGES | {"t.csv": csv(rows)}),
        lambda *c: label_set_of({"classes": c}),
    )
    labels = by_name.read("table", folder, task=of("-1", "1", "A", "A-")).cases["label"]
    assert labels.tolist() == ["-1", "1", "A"]
    labels = by_name.read("table", folder, task=of("1", "-1", "a")).cases["label"]
    assert labels.tolist() == ["-1", "1", "a"]  # another spelling, of one class alone
    for classes in (("-1", "1", "a", "a-"), ("-1", "1", "1.0", "A")):
        with pytest.raises(UserError, match=r"may be each of the classes '(a', 'a-|1', '1\.0)'"):
            by_name.read("table", folder, task=of(*classes))


def test_every_column_that_a_study_names_is_read(tmp_path):
    rows = [("path", "cancer", "grade", "acr"), ("a.png", "no", "BI-RADS 4A", "2")]
    rows += [("b.png", "yes", "BI-RADS 0", ""), ("sub/c.png", "yes", "5", "-9")]
    folder = write(tmp_path, IMAGES | {"t.csv": csv(rows)})
    columns = {"malignancy": "cancer", "birads": "grade", "density": "acr"}
    (line,) = problems_of("table", folder, task=MALIGNANCY, columns=columns)
    assert line.startswith("row 4 of t.csv: the density '-9' is unknown; use A to D, or 1 to 4; ")
    assert line.endswith("correct or empty the cell")
    write(folder, {"t.csv": csv(rows).replace("-9", "")})
    dataset = by_name.read("table", folder, task=MALIGNANCY, columns=columns)
    assert any("assessed 0, incomplete" in note.text for note in dataset.notes)
    cases = dataset.cases
    assert cases["malignancy"].tolist() == ["benign", "malignant", "malignant"]
    assert cases["birads"].fillna(0).tolist() == [4, 0, 5]
    assert cases["density"].fillna("").tolist() == ["B", "", ""]
    write(folder, {"t.csv": csv(rows[:2])})
    (case,) = by_name.read("table", folder, columns=columns).cases.to_dict("records")
    assert [case[task] for task in ("birads", "malignancy", "density")] == [4, "benign", "B"]


def test_long_numbers_stay_apart_beside_a_missing_one(tmp_path):
    numbers = [12345678901234567, 12345678901234568, None]
    columns = {"patient": numbers, "share": [0.5, None, 2.0], "yes": [True, None, False]}
    write_table(pyarrow.table(columns), tmp_path / "t.parquet")  # as others than pandas do
    rows = [tuple(row.values()) for row in spreadsheet.read(tmp_path / "t.parquet").rows.values()]
    assert rows == [
        ("12345678901234567", "0.5", "True"), ("12345678901234568", "", ""), ("", "2", "False"),
    ]  # fmt: skip


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;;;\n"])
def test_a_first_line_that_tells_the_delimiter_is_no_row(tmp_path, first):
    rows = [("path", "birads", "note"), ("a.png", "1", "x,y,z"), ("b.png", "9", "")]
    (line,) = problems_of("table", write(tmp_path, IMAGES | {"t.csv": first + csv(rows, ";")}))
    assert line.startswith("row 3 of t.csv: the BI-RADS category '9'")  # as Excel counts rows


def test_a_row_per_exam_has_columns_for_sides_and_views(tmp_path):
    rows = [
        ("exam", "patient", "lcc", "rmlo", "left", "right"),
        ("E1", "P1", "a.png", "b.png", "1", "2"),
        ("E2", "P2", "sub/c.png", "", "3", "9"),
    ]
    columns = {
        "path": {"L CC": "lcc", "R-MLO": "rmlo"}, "birads": {"L": "left", "R": "right"},
    }  # fmt: skip
    folder = write(tmp_path, IMAGES | {"exams.csv": csv(rows)})
    cases = by_name.read("table", folder, columns=columns).cases
    assert cases["birads"].tolist() == [1, 2, 3]
    assert cases["laterality"].tolist() == ["L", "R", "L"]
    assert cases["view"].tolist() == ["CC", "MLO", "CC"]


def test_paths_may_be_a_pattern_a_bare_name_or_longer_than_here(tmp_path):
    rows = [("who", "image_id", "birads"), ("P1", "7", "1"), ("P2", "8", "2")]
    files = {"train/P1/7.png": picture(1), "train/P2/8.png": picture(2)}
    columns = {"path": "train/{who}/{image_id}.png", "patient": "who"}
    folder = write(tmp_path / "pattern", files | {"t.csv": csv(rows)})
    assert by_name.read("table", folder, columns=columns).cases["path"].tolist() == list(files)
    folder = write(tmp_path / "bare", files | {"t.csv": csv(rows)})
    dataset = by_name.read("table", folder, columns={"patient": "who"})
    assert dataset.cases["path"].tolist() == list(files)
    assert "2 images were found below the folder by their bare names" in notes_of(dataset)
    rows = [("path", "birads"), (r"D:\export\train\P1\7.png", "1"), ("/x/train/P2/8.png", "2")]
    dataset = by_name.read("table", write(tmp_path / "long", files | {"t.csv": csv(rows)}))
    assert "2 images were found by the ends of their paths" in notes_of(dataset)


def test_a_bare_name_that_two_files_have_is_refused(tmp_path):
    files = {"x/7.png": picture(1), "y/7.png": picture(2), "t.csv": "path,birads\n7,1\nz/7.png,2\n"}
    assert problems_of("table", write(tmp_path, files)) == [
        "row 2 of t.csv: no file '7', but 2 below its folders: say which by its path",
        "row 3 of t.csv: no file 'z/7.png'; there is 'x/7.png'",
    ]


def test_all_problems_of_a_table_at_once(tmp_path):
    rows = [
        *ROWS,
        ("gone.png", "P3", "L", "CC", "2", ""),
        ("a.png", "P9", "L", "CC", "1", "2"),
        ("d.png", "P4", "both", "CC", "0", "9"),
        ("e.png", "", "L", "CC", "", "2"),
        ("", "P5", "L", "CC", "1", "2"),
        ("f.png", "P6", "L", "CC", "3", "2"),
        ("g.png", "P6", "L", "CC", "3", "2"),
    ]
    files = {name: picture(seed) for seed, name in enumerate(("d.png", "e.png", "f.png"), start=4)}
    files |= {"f.png": b"", "g.png": picture(1), "list.csv": csv(rows)}
    problems = problems_of("table", write(tmp_path, IMAGES | files))
    for start, reason in {
        "row 5 of list.csv: no file": "'gone.png'",
        "rows 2, 6 of list.csv are both of 'a.png', and differ in": "patient_id, birads_original",
        "row 7 of list.csv: the BI-RADS category '0' is an incomplete": "by 'leave_out'",
        "row 7 of list.csv: the side 'both'": "use L or R",
        "row 7 of list.csv: the density '9'": "use A to D",
        "row 8 of list.csv: there is no birads": "in 'labels'",
        "row 8 of list.csv: no patient": "where others have one",
        "row 9 of list.csv: no image": "fill in its path",
        "'f.png'": "is empty",
        "'a.png' and 'g.png'": "are the same image",
    }.items():
        assert any(line.startswith(start) and reason in line for line in problems), (
            start,
            problems,
        )
    assert len(problems) == 10


def test_many_missing_files_are_named_by_their_rows(tmp_path):
    rows = [("path", "birads"), *((f"{n}.png", "1") for n in range(30))]
    problems = problems_of("table", write(tmp_path, {"t.csv": csv(rows)}))
    assert problems[0] == "row 2 of t.csv: no file '0.png'"
    assert problems[-1].startswith(
        "rows 12, 13, 14, 15, 16, 17, 18, 19 and 12 more of t.csv: no file"
    )
    assert len(problems) == 11


def test_columns_that_are_missing_or_not_clear(tmp_path):
    folder = write(tmp_path, IMAGES | {"t.csv": "image,file,Result\na.png,a.png,1\n"})
    problems = problems_of("table", folder)
    assert problems == ["'image' and 'file' may each hold the path; say which under 'columns'"]
    problems = problems_of("table", folder, columns={"path": "file", "birads": "resul"})
    assert problems == ["t.csv has no column 'resul' for the birads; did you mean 'Result'?"]
    (line,) = problems_of("table", folder, columns={"path": "file"})
    assert line.startswith(
        "no column of t.csv is known to hold the birads; name it under 'columns'"
    )
    assert "There is 'image', 'file', 'Result'" in line


def test_a_given_split_is_taken_from_its_column(tmp_path):
    rows = "image,patient_id,birads,Set\na.png,P1,1,training\nb.png,P1,4,Val\nsub/c.png,P2,5,\n"
    folder = write(tmp_path, IMAGES | {"t.csv": rows})
    dataset = by_name.read("table", folder, columns={"split": "Set"})
    assert dataset.cases["split"].fillna("").tolist() == ["train", "validation", ""]
    assert by_name.read("table", folder).cases["split"].isna().all()  # not guessed
    (folder / "t.csv").write_text(rows.replace("Val", "fold 3"))
    assert problems_of("table", folder, columns={"split": "Set"}) == [
        "row 3 of t.csv: the part 'fold 3' is unknown; use train, validation, test"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"pat": "x"}}, "'columns' has the unknown 'pat'; did you mean 'path'?"),
        ({"columns": {"path": 3}}, "'columns' has 3 for 'path', expected the name of a column"),
        ({"columns": {"view": ["a", "b"]}}, "only 'path' may have several"),
        ({"columns": "x"}, "'columns' is 'x', expected a mapping"),
        ({"labels": ["x"]}, "'labels' is ['x'], expected a mapping"),
        ({"leave_out": "0"}, "'leave_out' is '0', expected a list"),
    ],
)
def test_options_that_are_wrong(tmp_path, options, message):
    with pytest.raises(UserError) as caught:
        by_name.read("table", tmp_path, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "the option 'table' has to name the table of the images; there: none"),
        ({"a.csv": "x", "b.csv": "x"}, "there: a.csv, b.csv"),
        ({"a.csv": ""}, "'a.csv' is empty"),
        ({"a.csv": "path,birads\n"}, "'a.csv' has no rows below the names"),
        ({"a.csv": "path,path\nx,y\n"}, "'a.csv' has two columns named 'path'"),
        ({"a.csv": "path,birads\nx,1,2\n"}, "'a.csv' has more cells than columns in row 2"),
        ({"a.xlsx": b"PK nothing"}, "'a.xlsx' cannot be read as a table"),
        ({"a.parquet": b"PAR1"}, "'a.parquet' cannot be read as a table"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, files, message):
    assert message in problems_of("table", write(tmp_path, files))[0]


def test_a_table_that_is_named_and_is_not_there(tmp_path):
    folder = write(tmp_path, {"list.csv": csv(ROWS), "old.xls": b""})
    (line,) = problems_of("table", folder, table="lst.csv")
    assert line == "there is no table 'lst.csv'; did you mean 'list.csv'?"
    assert "save it as .xlsx" in problems_of("table", folder, table="old.xls")[0]


def test_boxes_of_findings_in_pixels(tmp_path):
    boxes = "file,kind,xmin,ymin,xmax,ymax\na,Mass,2,3,10,12\nb.png,,0,0,16,20\nz.png,x,0,0,1,2\n"
    files = IMAGES | {"t.csv": csv(ROWS), "boxes.csv": boxes}
    dataset = by_name.read("table", write(tmp_path, files), table="t.csv", findings="boxes.csv")
    found = dataset.findings[["image_id", "kind", "x0", "y0", "x1", "y1"]].to_numpy().tolist()
    assert found == [["a.png", "mass", 2, 3, 10, 12], ["b.png", "finding", 0, 0, 16, 20]]
    assert "1 findings in boxes.csv are of images that the study doesn't have" in notes_of(dataset)


def test_boxes_of_findings_in_shares(tmp_path):
    files = IMAGES | {"t.csv": csv(ROWS), "b.csv": "path,x0,y0,x1,y1\na.png,0.25,0.5,1,0.75\n"}
    dataset = by_name.read("table", write(tmp_path, files), table="t.csv", findings="b.csv")
    assert dataset.findings[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[4, 10, 16, 15]]
    assert "corners in b.csv are taken for shares" in notes_of(dataset)


def test_a_row_without_any_corner_is_no_finding(tmp_path):
    table = "path,kind,x0,y0,x1,y1\na.png,No finding,,,,\nb.png,mass,2,3,10,12\n"
    folder = write(tmp_path, IMAGES | {"t.csv": csv(ROWS), "b.csv": table})
    dataset = by_name.read("table", folder, table="t.csv", findings="b.csv")
    assert dataset.findings["image_id"].tolist() == ["b.png"]
    assert "1 rows of b.csv have no corners and count as no finding" in notes_of(dataset)
    write(folder, {"b.csv": table.replace(",,,,", ",,,,7")})
    (line,) = problems_of("table", folder, table="t.csv", findings="b.csv")
    assert line == "row 2 of b.csv: a corner is no number"


def test_boxes_that_cannot_be(tmp_path):
    boxes = "path,x0,y0,x1,y1\na.png,1,2,40,5\na.png,5,5,4,9\na.png,a,5,4,9\n"
    files = IMAGES | {"t.csv": csv(ROWS), "b.csv": boxes, "c.csv": "path,x0\na.png,3\n"}
    folder = write(tmp_path, files)
    assert problems_of("table", folder, table="t.csv", findings="b.csv") == [
        "row 4 of b.csv: a corner is no number",
        "row 2 of b.csv: the box ends outside its image",
        "row 3 of b.csv: the box has no width or height, or begins below 0",
    ]
    assert len(problems_of("table", folder, table="t.csv", findings="c.csv")) == 3
    (line,) = problems_of("table", folder, table="t.csv", findings="d.csv")
    assert line.startswith("there is no table 'd.csv'; did you mean")


def test_patients_spelled_in_two_unicode_forms_are_one_and_in_two_cases_are_told(tmp_path):
    rows = [
        ("path", "patient", "birads"),
        ("a.png", "Jos\u00e9", "1"),
        ("b.png", "Jose\u0301", "1"),
    ]
    rows += [("sub/c.png", "JOS\u00c9", "1")]
    dataset = by_name.read("table", write(tmp_path, IMAGES | {"t.csv": csv(rows)}))
    assert dataset.cases["patient_id"].nunique() == 2
    assert "1 times patients that differ in spelling alone" in notes_of(dataset)


def test_headers_fill_what_the_table_lacks_and_differences_are_told(tmp_path):
    tags = {
        "PatientID": "X1", "ImageLaterality": "L", "ViewPosition": "CC", "Manufacturer": "Maker",
        "ManufacturerModelName": "M1", "ImagerPixelSpacing": [0.07, 0.07],
        "PresentationIntentType": "FOR PROCESSING",
    }  # fmt: skip
    files = {"a.dcm": mammogram(1, **tags), "b.dcm": mammogram(2, **tags)}
    rows = [("path", "side", "birads"), ("a.dcm", "", "1"), ("b.dcm", "R", "2")]
    dataset = by_name.read("table", write(tmp_path, files | {"t.csv": csv(rows)}))
    cases = dataset.cases
    assert cases["patient_id"].tolist() == ["X1", "X1"]
    assert cases["laterality"].tolist() == ["L", "R"]
    assert cases["machine"].tolist() == 2 * ["Maker M1"]
    assert cases["spacing_mm"].tolist() == [0.07, 0.07]
    told = notes_of(dataset)
    assert "the table and the DICOM header differ in the side: the table is taken (1 files)" in told
    assert "FOR PROCESSING" in told


def test_one_person_under_two_patients_is_refused(tmp_path):
    files = {f"{n}.dcm": mammogram(n, PatientID="X1" if n < 2 else "X2") for n in range(3)}
    table = "path,patient,birads\n0.dcm,A,1\n1.dcm,B,1\n2.dcm,C,1\n"
    (line,) = problems_of("table", write(tmp_path, files | {"t.csv": table}))
    assert line.startswith("the PatientID 'X1' of the DICOM headers is A and B elsewhere")


@pytest.mark.parametrize("name", ["../t.csv", "/tmp/t.csv"])
def test_tables_lie_in_the_folder_so_that_a_change_of_them_is_seen(tmp_path, name):
    folder = write(tmp_path / "data", IMAGES | {"t.csv": csv(ROWS)})
    for options in ({"table": name}, {"table": "t.csv", "findings": name}):
        (line,) = problems_of("table", folder, **options)
        assert line == f"{name!r} has to lie in the folder, as all that is read does"


def test_the_five_lines_of_the_readme_are_a_study(tmp_path):
    (text,) = re.findall(r"# my.yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(text.splitlines()) == 5
    write(tmp_path, {"my.yaml": text, "our_images/list.csv": csv(ROWS)})
    mine = load(tmp_path / "my.yaml")
    options = {k: v for k, v in mine.dataset.items() if k not in ("reader", "folder")}
    folder = write(tmp_path / "our_images", IMAGES)
    assert len(by_name.read(mine.reader.name, folder, **options).cases) == 3


def of_the_book(name: str, tmp_path):
    """Return what the reader makes of a study in "Your own images", its folder in ``tmp_path``."""
    page = (ROOT / "book" / "own_data.md").read_text()
    (text,) = re.findall(rf"```yaml\n(name: {name}\n.*?)```", page, re.DOTALL)
    write(tmp_path, {f"{name}.yaml": text.replace(f"/data/{name}", str(tmp_path / "data"))})
    mine = load(tmp_path / f"{name}.yaml")
    options = {k: v for k, v in mine.dataset.items() if k not in ("reader", "folder")}
    folder = mine.dataset["folder"]
    return by_name.read(mine.reader.name, folder, task=TASKS[mine.task], **options)


def test_rsna_as_the_book_has_it(tmp_path):
    rows = "site_id,patient_id,image_id,laterality,view,age,cancer,density,machine_id,BIRADS\n"
    rows += "2,10,77,L,CC,61.0,0,A,49,\n2,11,78,R,MLO,50,1,,49,0\n"
    images = {"train_images/10/77.dcm": mammogram(1), "train_images/11/78.dcm": mammogram(2)}
    write(tmp_path / "data", images | {"train.csv": rows})
    cases = of_the_book("rsna", tmp_path).cases
    assert cases["malignancy"].tolist() == ["benign", "malignant"]
    assert cases["patient_id"].tolist() == ["10", "11"]
    assert cases["density"].fillna("").tolist() == ["A", ""]
    assert cases["machine"].tolist() == ["49", "49"]


def test_embed_as_the_book_has_it(tmp_path, monkeypatch):
    images = "empi_anon,acc_anon,anon_dicom_path,ImageLateralityFinal,ViewPosition,FinalImageType,"
    images += "Manufacturer\n"
    for number, side in enumerate("LRL"):
        kind = "2D" if number < 2 else "3D"
        images += f"7,70,/mnt/x/images/{number}.dcm,{side},CC,{kind},HOLOGIC\n"
    findings = "acc_anon,side,asses,tissueden\n70,L,N,2\n70,L,S,2\n70,B,B,2\n"
    files = {f"images/{number}.dcm": mammogram(number) for number in range(2)}
    files |= {"EMBED_OpenData_metadata_reduced.csv": images}
    files |= {"EMBED_OpenData_clinical_reduced.csv": findings}
    page = (ROOT / "book" / "own_data.md").read_text()
    (code,) = re.findall(r"```python\n([^`]*EMBED_Open.*?)```", page, re.DOTALL)
    monkeypatch.chdir(write(tmp_path / "data", files))
    exec(code, {})
    cases = of_the_book("embed", tmp_path).cases
    assert cases["birads"].tolist() == [4, 2]
    assert cases["laterality"].tolist() == ["L", "R"]
    assert cases["density"].tolist() == ["B", "B"]
    assert cases["patient_id"].tolist() == ["7", "7"]


def test_a_table_outside_of_which_nothing_is_read(tmp_path):
    folder = write(tmp_path / "data", IMAGES | {"t.csv": "path,birads\n../x.png,1\n"})
    write(tmp_path, {"x.png": picture(9)})
    with pytest.raises(DatasetError, match=r"no file '\.\./x\.png'"):
        by_name.read("table", folder)
