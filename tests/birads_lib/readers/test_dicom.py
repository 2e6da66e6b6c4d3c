"""A folder of DICOM files with labels from a table or from folders."""

import pytest

from birads_lib.images.dicom_header import BARE, FOR_PROCESSING
from birads_lib.readers import by_name
from birads_lib.task import DENSITY
from helpers.pictures import mammogram, notes_of, picture, problems_of, write


def tags(patient="P1", side="L", view="CC", exam="A1", **more):
    return {
        "PatientID": patient, "ImageLaterality": side, "ViewPosition": view,
        "AccessionNumber": exam, "Manufacturer": "Maker", "PixelSpacing": [0.1, 0.1], **more,
    }  # fmt: skip


def folder(root, table="", **files):
    images = {
        "x/IM1": mammogram(1, **tags()),
        "x/IM2.dcm": mammogram(2, **tags(side="R", view="MLO")),
        "y/IM3.dcm": mammogram(3, **tags("P2", exam="A2")),
    }
    return write(root, images | ({"labels.csv": table} if table else {}) | files)


def test_labels_by_exam_and_side(tmp_path):
    table = "accession,side,birads,density\nA1,L,2,B\nA1,R,4b,B\nA2,,1,\nA9,,1,\n"
    dataset = by_name.read("dicom", folder(tmp_path, table))
    cases = dataset.cases.set_index("image_id")
    assert cases["birads"].to_dict() == {"x/IM1": 2, "x/IM2.dcm": 4, "y/IM3.dcm": 1}
    assert cases["birads_original"].tolist() == ["2", "4b", "1"]
    assert cases["patient_id"].tolist() == ["P1", "P1", "P2"]
    assert cases["laterality"].tolist() == ["L", "R", "L"]
    assert cases["view"].tolist() == ["CC", "MLO", "CC"]
    assert cases["density"].fillna("").tolist() == ["B", "B", ""]
    assert set(cases["machine"]) == {"Maker"}
    assert set(cases["spacing_mm"]) == {0.1}
    assert "1 rows of labels.csv are of no image here" in notes_of(dataset)
    assert "exam is 'accession'" in notes_of(dataset)
    assert [path.name for path in dataset.annotations] == ["labels.csv"]
    headers_only = by_name.read("dicom", tmp_path, pixels=False).cases
    assert headers_only["birads"].tolist() == [2, 4, 1]


@pytest.mark.parametrize(
    "table",
    [
        "file,Result\nIM1,low\nx/IM2.dcm,high\nIM3,low\n",
        "who,Result\nP1,low\nP2,low\n",
    ],
)
def test_labels_by_file_or_patient(tmp_path, table):
    columns = {"label": "Result"} | ({"patient": "who"} if "who" in table else {})
    dataset = by_name.read(
        "dicom", folder(tmp_path, table), columns=columns, labels={"low": 2}, leave_out=["high"]
    )
    expected = [2, 2, 2] if "who" in table else [2, 2]
    assert dataset.cases["birads"].tolist() == expected


def test_labels_by_folders_of_the_tasks_labels(tmp_path):
    files = {"A/1.dcm": mammogram(1, **tags()), "density d/2.dcm": mammogram(2, **tags("P2"))}
    dataset = by_name.read("dicom", write(tmp_path, files), task=DENSITY)
    assert dataset.cases["density"].tolist() == ["A", "D"]


def test_what_headers_and_names_say_is_told(tmp_path):
    raw = mammogram(5, **tags(PresentationIntentType="FOR PROCESSING"))
    table = "file,birads\nP1_R_CC,1\nrmlo,2\n"
    files = {"P1_R_CC.dcm": raw, "rmlo.dcm": mammogram(6, **tags("P2", "R", "MLO"))}
    told = notes_of(by_name.read("dicom", write(tmp_path, files | {"t.csv": table})))
    assert (
        "the DICOM header and the file's name differ in the side: the DICOM header is taken "
        "(1 files): P1_R_CC.dcm" in told
    )
    assert "FOR PROCESSING" in told
    assert "rmlo" not in told


def test_all_problems_of_a_dicom_folder(tmp_path):
    table = "accession,birads\nA1,1\nA1,2\nA2,7\nA3,1\n"
    files = {
        "z/nobody.dcm": mammogram(4, AccessionNumber="A3"),
        "z/picture.png": picture(5),
        "z/cut.dcm": mammogram(6)[:-300],
    }
    problems = problems_of("dicom", folder(tmp_path, table, **files))
    for line in (
        "'z/cut.dcm' cannot be decoded",
        "'z/picture.png' is no DICOM file; take the reader 'table'",
        "rows 2, 3 of labels.csv are all of 'x/IM1', with the labels 1, 2",
        "rows 2, 3 of labels.csv are all of 'x/IM2.dcm', with the labels 1, 2",
        "row 4 of labels.csv: the BI-RADS category '7' is unknown",
        "'z/nobody.dcm' has no PatientID",
    ):
        assert any(problem.startswith(line) for problem in problems), (line, problems)
    assert len(problems) == 6


def test_a_table_without_what_names_an_image(tmp_path):
    problems = problems_of("dicom", folder(tmp_path, "result,date\n1,2\n"))
    assert problems[0].startswith("no column of labels.csv is known to hold the image")
    assert problems[1].startswith("no column of labels.csv is known to hold the birads")


def test_a_given_split_is_taken_from_a_column_of_the_labels(tmp_path):
    table = "patient,Result,Set\nP1,2,train\nP2,3,test\n"
    columns = {"label": "Result", "split": "Set"}
    cases = by_name.read("dicom", folder(tmp_path, table), columns=columns).cases
    assert cases["split"].tolist() == ["train", "train", "test"]


def test_side_and_view_of_a_row_that_names_an_image_are_taken(tmp_path):
    table = "file,side,view,who,birads\nIM1,L,ML,P1,1\nIM2,right,MLO,P1,2\nIM3,L,CC,P2,3\n"
    of_no_side = mammogram(2, **tags(side="", view=""))
    files = {"x/IM2.dcm": of_no_side, "README.md": "text", "notes.yaml": "text"}
    columns = {"patient": "who", "laterality": "side", "view": "view"}
    dataset = by_name.read("dicom", folder(tmp_path, table, **files), columns=columns)
    assert dataset.cases["laterality"].tolist() == ["L", "R", "L"]
    assert dataset.cases["view"].tolist() == ["ML", "MLO", "CC"]
    told = notes_of(dataset)
    assert "differ in the view: the table is taken (1 files): x/IM1" in told
    assert "left out, as they are no images (2 files): README.md, notes.yaml" in told
    assert "looked up by the image, so these columns have no use: who" in told
    assert "columns of labels.csv taken by their names: image is 'file'" in told
    # Nobody has said what these columns hold: they fill in what a header lacks, and no more.
    table = table.replace("L,ML", "fatty,ML")
    dataset = by_name.read("dicom", folder(tmp_path, table), columns={"patient": "who"})
    assert dataset.cases["laterality"].tolist() == ["L", "R", "L"]
    assert dataset.cases["view"].tolist() == ["CC", "MLO", "CC"]
    assert "image is 'file', laterality is 'side', view is 'view'" in notes_of(dataset)


def test_rows_of_one_image_that_differ_are_refused(tmp_path):
    table = "exam,side,density,birads\nA1,L,A,1\nA1,,B,1\nA1,R,,1\nA2,,,1\n"
    said = {"density": "density"}
    assert problems_of("dicom", folder(tmp_path, table), columns=said) == [
        "rows 2, 3 of labels.csv are all of 'x/IM1', and differ in density; correct them"
    ]
    guessed = by_name.read("dicom", folder(tmp_path, table))  # nobody said what the column holds
    assert "rows of one image differ in density: the first counts" in notes_of(guessed)
    cases = by_name.read("dicom", folder(tmp_path, table.replace(",B,", ",,"))).cases
    assert cases["density"].fillna("").tolist() == ["A", "", ""]


def test_folders_by_category_tell_what_is_unusual_in_headers_too(tmp_path):
    odd = mammogram(1, PresentationIntentType="FOR PROCESSING")
    write(tmp_path, {"1/a.dcm": odd[132:], "2/b.dcm": mammogram(2)})
    for pixels in (True, False):
        dataset = by_name.read("class_folders", tmp_path, pixels=pixels)
        assert {note.text: note.names for note in dataset.notes} == {
            f"{FOR_PROCESSING} (1 files)": ("1/a.dcm",), f"{BARE} (1 files)": ("1/a.dcm",),
        }  # fmt: skip
