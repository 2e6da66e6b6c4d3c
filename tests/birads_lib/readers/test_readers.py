"""The readers, on folders made here and, where it is at hand, on INbreast itself."""

import io
import os
import plistlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pytest
import yaml
from PIL import Image
from pydantic import Field

from birads_lib import cases
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError, UserError
from birads_lib.files import sha256_of
from birads_lib.readers import READERS, Reader, by_name, declared
from birads_lib.readers import inbreast as inbreast_reader
from birads_lib.readers.image_files import fingerprint
from birads_lib.readers.links import files_in
from birads_lib.task import DENSITY
from helpers.dicom_files import mammogram
from helpers.forking.start import RUN_MODULE
from helpers.image_folders import write_images
from helpers.pictures import mammogram as dicom
from press.execution import preflight
from press.paths import ROOT
from press.run import SYNTHETIC, Run
from press.studies import study, study_file
from press.studies.parameters import declared_parameters

PATIENTS = ("6c613a14b80a8591", "0123456789abcdef")


def picture(seed: int, size=(16, 20)) -> bytes:
    """Return the PNG file of a grey image of its own, size (width, height)."""
    pixels = np.random.default_rng(seed).integers(0, 255, size[::-1]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def problems_of(reader: str, folder: Path, **options) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        by_name.read(reader, folder, **options)
    assert str(folder) in str(caught.value)
    return caught.value.problems


# --- class_folders


def class_folders(root: Path) -> Path:
    names = [
        "1/P01_L_CC.png",
        "BI-RADS 2/P02_R_MLO.png",
        "birads_3/P03_L_CC.png",
        "BIRADS-4a/P01_R_CC.png",
        "4c/P04_L_MLO.png",
        "b5/exam 1/P05_L_CC.png",
        "b5/.DS_Store",
        "6/P06_R_CC.png",
        "6/Thumbs.db",
        "6/@eaDir/P06_R_CC.png/SYNOPHOTO_THUMB_XL.png",
        "#recycle/1/old.png",
    ]
    return write(root, {name: picture(seed) for seed, name in enumerate(names)})


def test_class_folders_in_any_usual_naming(tmp_path):
    dataset = by_name.read("class_folders", class_folders(tmp_path))
    table = dataset.cases.set_index("path")
    assert table["birads"].to_dict() == {
        "1/P01_L_CC.png": 1,
        "4c/P04_L_MLO.png": 4,
        "6/P06_R_CC.png": 5,
        "BI-RADS 2/P02_R_MLO.png": 2,
        "BIRADS-4a/P01_R_CC.png": 4,
        "b5/exam 1/P05_L_CC.png": 5,
        "birads_3/P03_L_CC.png": 3,
    }
    assert table["birads_original"]["BIRADS-4a/P01_R_CC.png"] == "4a"
    assert table["birads_original"]["6/P06_R_CC.png"] == "6"
    assert table["patient_id"].isna().all()
    assert len(dataset.findings) == 0
    for path, size in table["size_bytes"].items():
        assert (tmp_path / path).stat().st_size == size
    assert all(path.is_file() for path in dataset.files())


def test_patients_from_a_pattern(tmp_path):
    folder = class_folders(tmp_path)
    plain = by_name.read("class_folders", folder, patient_pattern="(P[0-9]+)_")
    assert plain.cases.set_index("path")["patient_id"]["BIRADS-4a/P01_R_CC.png"] == "P01"
    assert plain.cases["patient_id"].nunique() == 6
    assert plain.cases["patient_id"].notna().all()
    named = "(?P<patient>P[0-9]+)_(?P<laterality>[LR])_(?P<view>[A-Z]+)"
    full = by_name.read("class_folders", folder, patient_pattern=named).cases.set_index("path")
    row = full.loc["BI-RADS 2/P02_R_MLO.png"]
    assert (row["patient_id"], row["laterality"], row["view"]) == ("P02", "R", "MLO")


def test_pattern_does_not_see_the_category(tmp_path):
    folder = write(tmp_path, {"1/77 a.png": picture(1), "2/77 b.png": picture(2)})
    dataset = by_name.read("class_folders", folder, patient_pattern="([0-9]+)")
    assert dataset.cases["patient_id"].tolist() == ["77", "77"]


@pytest.mark.parametrize("pattern", ["P[0-9]+", "(P[0-9]+", "(?P<person>P.)", "(?P<view>CC)"])
def test_bad_patterns_are_refused(tmp_path, pattern):
    with pytest.raises(UserError, match="patient_pattern"):
        by_name.read("class_folders", class_folders(tmp_path), patient_pattern=pattern)


def test_all_problems_of_class_folders_at_once(tmp_path, monkeypatch):
    files = {
        "1/good.png": picture(1),
        "1/twin.png": picture(2),
        "2/other name.png": picture(2),
        "2/empty.png": b"",
        "3/cut.png": picture(3, (90, 90))[:-900],
        "4/notes.tif": b"notes",
        "benign/a.png": picture(4),
        "0/a.png": picture(5),
        "loose.png": picture(6),
    }
    problems = problems_of("class_folders", write(tmp_path, files), patient_pattern="(good)")
    for name, reason in {
        "'2/empty.png'": "is empty",
        "'3/cut.png'": "cannot be decoded",
        "'4/notes.tif'": "not a PNG",
        "'benign'": "is unknown",
        "'0'": "incomplete assessment",
        "'loose.png'": "no category's folder",
        "'1/twin.png' and '2/other name.png'": "are the same image",
        "'1/twin.png' has": "no patient",
    }.items():
        assert any(line.startswith(name) and reason in line for line in problems), (name, problems)
    assert len(problems) == 9  # two images have no patient


@pytest.mark.parametrize("reader", ["class_folders", "inbreast"])
def test_notes_among_the_images_stop_nothing_and_are_named(tmp_path, reader):
    files = {"1/a.png": picture(1), "README.txt": b"text"}
    home = "1"
    if reader == "inbreast":
        files, home = good_images() | {"INbreast.csv": (HEADER + GOOD_ROWS).encode()}, "images"
    folder = write(tmp_path, files | {f"{home}/notes.txt": b"text", f"{home}/list.CSV": b"a;b"})
    dataset = by_name.read(reader, folder)
    assert len(dataset.cases) == (3 if reader == "inbreast" else 1)
    (note,) = dataset.notes
    assert {f"{home}/notes.txt", f"{home}/list.CSV"} <= set(note.names)
    assert "README.txt" in note.names or reader == "inbreast"


def test_an_image_is_read_and_a_strange_file_refused_whatever_their_names(tmp_path):
    files = {"1/really an image.txt": picture(1), "1/no image": b"text", "2/a.nii": b"text"}
    problems = problems_of("class_folders", write(tmp_path, files))
    assert [line.split(" is ")[0] for line in problems] == ["'1/no image'", "'2/a.nii'"]
    for name in ("1/no image", "2/a.nii"):
        (tmp_path / name).unlink()
    assert by_name.read("class_folders", tmp_path).cases["path"].tolist() == [
        "1/really an image.txt"
    ]


@pytest.mark.parametrize("name", ["ACR 2", "acr_b", "ACR3"])
def test_a_folder_of_densities_is_not_taken_for_a_category(tmp_path, name):
    folder = write(tmp_path, {f"{name}/a.png": picture(1)})
    (line,) = (p for p in problems_of("class_folders", folder) if "density" in p)
    assert "may be a breast density by ACR (a study of these has 'task: density')" in line
    assert by_name.read("class_folders", folder, task=DENSITY).cases["density"].isin([*"BC"]).all()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS stores no such names")
@pytest.mark.parametrize("reader", ["class_folders", "inbreast"])
def test_name_that_is_not_utf8(tmp_path, reader):
    home = tmp_path / ("1" if reader == "class_folders" else "images")
    home.mkdir()
    (home / os.fsdecode(b"caf\xe9.png")).write_bytes(picture(1))
    line = problems_of(reader, tmp_path)[0]
    assert line.isascii()
    assert "caf" in line
    assert "isn't UTF-8; rename it" in line


@pytest.mark.parametrize("text", ["-1", "BI-RADS -1", "0.4"])
def test_a_folder_of_a_negative_number_or_a_fraction_is_no_category(tmp_path, text):
    (line,) = problems_of("class_folders", write(tmp_path, {f"{text}/a.png": picture(1)}))
    assert "is a negative number or a fraction; use 1, 2" in line


def exams(root: Path, **header) -> Path:
    """Write two exams of each of three patients, a DICOM image each."""
    files = {}
    for number in range(6):
        person = {"PatientID": f"X{number // 2}", "ImageLaterality": "LR"[number % 2], **header}
        facts = {"ViewPosition": "CC", "Manufacturer": "Maker", "ImagerPixelSpacing": [0.07, 0.07]}
        files[f"{1 + number % 3}/exam{number}.dcm"] = dicom(number, **facts | person)
    return write(root, files)


def test_headers_of_category_folders_are_held_against_the_pattern(tmp_path):
    problems = problems_of("class_folders", exams(tmp_path), patient_pattern="(exam[0-9]+)")
    assert len(problems) == 3
    assert problems[0].startswith("the PatientID 'X0' of the DICOM headers is exam0 and exam1")
    with pytest.raises(DatasetError, match="6 problems"):  # a pattern that finds nobody
        by_name.read("class_folders", tmp_path, patient_pattern="(P[0-9]+)")


def test_headers_of_category_folders_say_what_the_names_do_not(tmp_path):
    cases = by_name.read("class_folders", exams(tmp_path)).cases.sort_values("path")
    assert sorted(cases["patient_id"]) == ["X0", "X0", "X1", "X1", "X2", "X2"]
    assert sorted(cases["laterality"]) == [*"LLLRRR"]
    assert set(cases["view"]) == {"CC"}
    assert set(cases["machine"]) == {"Maker"}
    assert set(cases["spacing_mm"]) == {0.07}
    nobody = exams(tmp_path / "nobody", PatientID="ANON")  # one word for all
    assert by_name.read("class_folders", nobody).cases["patient_id"].isna().all()
    few = exams(tmp_path / "few")  # a header in which nobody stands
    file = next(few.rglob("*.dcm"))
    file.write_bytes(dicom(9, PatientID=""))
    assert by_name.read("class_folders", few).cases["patient_id"].isna().all()
    one_each = by_name.read("class_folders", nobody, patient_pattern="(exam[0-9])").cases
    assert one_each["patient_id"].nunique() == 6


# --- inbreast


def name(number: int, patient=PATIENTS[0], side="R", view="CC", suffix="png") -> str:
    return f"images/{number}_{patient}_MG_{side}_{view}_ANON.{suffix}"


HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads\r\n"
GOOD_ROWS = (
    "removed;removed;R;CC;201001;101;1;2\r\n"
    "removed;removed;L;MLO;201001;102; 4  ;4a\r\n"
    "removed;removed;R;FB;201001;103;      ;6\r\n"
)
SHEET = (
    "Patient ID,Patient age,Laterality,View,Acquisition date,File Name,ACR,Bi-Rads,Mass ,Micros,"
    "Distortion,Asymmetry,Findings Notes (in Portuguese)\n"
    'removed,removed,R,CC,201001.0,101.0,1,2,X,X,, ,"nódulo,\nmicros"\n'
    "removed,removed,L,MLO,201001.0,102.0,4,4a,,,X,,\n"
    "removed,removed,R,FB,201001.0,103.0,,6,,,,X,\n"
)


def good_images(size=(16, 20)) -> dict[str, bytes]:
    return {
        name(101): picture(1, size),
        name(102, side="L", view="ML"): picture(2, size),
        name(103, PATIENTS[1], view="FB"): picture(3, size),
    }


def lesions(*rois: tuple[str, list[tuple[float, float]]]) -> bytes:
    listed = [
        {"Name": kind, "Point_px": [f"({x:.6f}, {y:.6f})" for x, y in points]}
        for kind, points in rois
    ]
    return plistlib.dumps({"Images": [{"ImageIndex": 0, "ROIs": listed}]})


def inbreast(root: Path, extra: dict[str, bytes] | None = None) -> Path:
    return write(
        root, good_images() | {"INbreast.csv": (HEADER + GOOD_ROWS).encode()} | (extra or {})
    )


def test_inbreast_in_small(tmp_path):
    table = by_name.read("inbreast", inbreast(tmp_path)).cases.set_index("image_id")
    assert table.index.tolist() == ["101", "102", "103"]
    assert table["birads"].tolist() == [2, 4, 5]
    assert table["birads_original"].tolist() == ["2", "4a", "6"]
    assert table["patient_id"].tolist() == [PATIENTS[0], PATIENTS[0], PATIENTS[1]]
    assert table["laterality"].tolist() == ["R", "L", "R"]
    assert table["view"].tolist() == ["CC", "MLO", "FB"]
    assert table["density"].fillna("none").tolist() == ["A", "D", "none"]
    assert set(table["modality"]) == {"DM"}


def test_inbreast_leaves_out_what_has_no_density_where_that_is_the_task(tmp_path):
    data = by_name.read("inbreast", inbreast(tmp_path), task=DENSITY)
    assert data.cases["density"].tolist() == ["A", "D"]
    assert set(data.findings["image_id"]) <= {"101", "102"}
    assert "1 of 3 images are left out: the set gives them no Breast density (A, B, C, D)" in [
        note.text for note in data.notes
    ]


def test_inbreast_takes_machine_and_spacing_from_headers(tmp_path):
    tags = {"Manufacturer": "SIEMENS", "ImagerPixelSpacing": [0.07, 0.07], "PatientID": "other"}
    files = {
        path.replace(".png", ".dcm"): dicom(number, **tags)
        for number, path in enumerate(good_images())
    }
    write(tmp_path, files | {"INbreast.csv": (HEADER + GOOD_ROWS).encode()})
    cases = by_name.read("inbreast", tmp_path).cases
    assert cases["machine"].tolist() == 3 * ["SIEMENS"]
    assert cases["spacing_mm"].tolist() == 3 * [0.07]
    assert cases["patient_id"].tolist() == [PATIENTS[0], PATIENTS[0], PATIENTS[1]]
    write(tmp_path, {"INbreast.csv": (HEADER + GOOD_ROWS.replace(";1;2", ";1;-2")).encode()})
    (line,) = problems_of("inbreast", tmp_path)
    assert "the BI-RADS category '-2' is a negative number" in line


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_sheet_alone_gives_labels_and_findings_without_a_place(tmp_path, encoding):
    folder = write(tmp_path, good_images() | {"INbreast_sheet1.csv": SHEET.encode(encoding)})
    dataset = by_name.read("inbreast", folder)
    assert dataset.cases["birads_original"].tolist() == ["2", "4a", "6"]
    pairs = dataset.findings[["image_id", "kind"]].to_records(index=False).tolist()
    assert pairs == [
        ("101", "mass"),
        ("101", "calcification"),
        ("102", "architectural_distortion"),
        ("103", "asymmetry"),
    ]
    assert dataset.findings["x0"].isna().all()


def test_contours_are_scaled_from_the_original_size(tmp_path):
    square = [(0.0, 0.0), (2560.0, 0.0), (2560.0, 3328.0), (0.0, 3328.0)]
    files = good_images(size=(788, 1024)) | {
        "INbreast_sheet1.csv": SHEET.encode(),
        "AllXML/101.xml": lesions(("Mass", square), ("Calcification", [(1280.0, 1664.0)])),
        "AllXML/103.xml": lesions(("Espiculated Region", square[:3])),
        "AllXML/._103.xml": b"",
    }
    dataset = by_name.read("inbreast", write(tmp_path, files))
    mass, spot, *others = dataset.findings.itertuples(index=False)
    assert (mass.kind, mass.x0, mass.y0, mass.x1, mass.y1) == ("mass", 0, 0, 788, 1024)
    assert cases.contour_points(mass.contour)[2].tolist() == [788, 1024]
    assert (spot.kind, spot.x0, spot.x1, spot.y0) == ("calcification", 394, 394, 512)
    # the sheet's marks stand only where no contour says the same
    kinds = [(finding.image_id, finding.kind) for finding in others]
    assert kinds == [
        ("103", "spiculated_region"),
        ("102", "architectural_distortion"),
        ("103", "asymmetry"),
    ]


def test_contours_of_the_larger_format(tmp_path):
    corner = lesions(("Mass", [(3328.0, 4084.0)]))
    files = good_images(size=(834, 1024)) | {
        "INbreast.csv": (HEADER + GOOD_ROWS).encode(),
        "AllXML/101.xml": corner,
    }
    finding = by_name.read("inbreast", write(tmp_path, files)).findings.iloc[0]
    assert (finding["x1"], finding["y1"]) == pytest.approx((834, 1024))


def test_a_table_of_boxes_places_masses_where_none_is_outlined(tmp_path):
    square = [(0.0, 0.0), (2560.0, 0.0), (2560.0, 3328.0)]
    table = "File Name,x0,y0,x1,y1\n101,0.1,0.2,0.3,0.4\n103,0.5,0.5,1.0,0.75\n999,0,0,1,1\n"
    files = good_images(size=(788, 1024)) | {
        "INbreast_sheet1.csv": SHEET.encode(),
        "AllXML/103.xml": lesions(("Mass", square)),
        "mass_boxes.csv": table.encode(),
    }
    data = by_name.read("inbreast", write(tmp_path, files))
    masses = data.findings[data.findings["kind"] == "mass"].set_index("image_id")
    assert masses.index.tolist() == ["103", "101"]  # outlined; then by its box, not marked again
    assert masses.loc["101", ["x0", "y0", "x1", "y1"]].tolist() == pytest.approx(
        [78.8, 204.8, 236.4, 409.6]
    )
    assert "mass_boxes.csv" in {path.name for path in data.annotations}
    assert any("1 findings in mass_boxes.csv are of images" in note.text for note in data.notes)


def test_lesion_files_that_cannot_be_used(tmp_path):
    extra = {
        "AllXML/101.xml": lesions(("Mass", [(1.0, 1.0)])),
        "AllXML/102.xml": b"<plist><dict>",
        "AllXML/103.xml": plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass"}]}]}),
        "AllXML/999.xml": lesions(),
    }
    problems = "\n".join(problems_of("inbreast", inbreast(tmp_path, extra)))
    assert "16 x 20 pixels, the shape of neither" in problems
    assert "'AllXML/102.xml' is no lesion file" in problems
    assert "'AllXML/103.xml' is no lesion file" in problems
    assert "'AllXML/999.xml' is of no image here" in problems


SQUARE = [(1.0, 1.0), (9.0, 1.0), (9.0, 9.0)]


@pytest.mark.parametrize("folder", ["AllXML", "allxml", "ALLXML", "AllXML/AllXML"])
@pytest.mark.parametrize("suffix", ["xml", "XML"])
def test_outlines_are_read_whatever_the_case_of_their_names(tmp_path, folder, suffix):
    files = good_images(size=(788, 1024)) | {
        "INbreast.csv": (HEADER + GOOD_ROWS).encode(),
        f"{folder}/101.{suffix}": lesions(("Mass", SQUARE)),
        f"{folder}/102.{suffix}": lesions(),
        f"{folder}/case 103.{suffix}": lesions(("Mass", SQUARE)),
    }
    dataset = by_name.read("inbreast", write(tmp_path, files))
    assert dataset.findings["kind"].tolist() == ["mass"]
    assert any(path.name == f"101.{suffix}" for path in dataset.annotations)
    notes = {note.text: note.names for note in dataset.notes}
    assert notes["files of AllXML have no finding (1 files)"] == (f"{folder}/102.{suffix}",)
    left_out = "left out, as their names are not <number>.xml (1 files)"
    assert notes[left_out] == (f"{folder}/case 103.{suffix}",)


@pytest.mark.parametrize(
    ("contours", "says"),
    [
        ([("Mass", [])], "a finding 'Mass' without points"),
        ([("Mass", [(float("nan"), 1.0)])], "a finding 'Mass' with a point that is no number"),
        ([("Mass", SQUARE), ("Calcification", [])], "a finding 'Calcification' without points"),
    ],
)
def test_contours_without_points_are_told(tmp_path, contours, says):
    files = good_images(size=(788, 1024)) | {
        "INbreast.csv": (HEADER + GOOD_ROWS).encode(), "allxml/101.XML": lesions(*contours),
    }  # fmt: skip
    (problem,) = problems_of("inbreast", write(tmp_path, files))
    assert problem.startswith("'allxml/101.XML' is no lesion file")
    assert says in problem


def test_two_outlines_of_one_image_are_told(tmp_path):
    files = good_images(size=(788, 1024)) | {
        "INbreast.csv": (HEADER + GOOD_ROWS).encode(),
        "AllXML/101.xml": lesions(("Mass", SQUARE)),
        "allxml/101.xml": lesions(("Mass", SQUARE)),
    }
    (problem,) = problems_of("inbreast", write(tmp_path, files))
    assert problem == "'AllXML/101.xml' and 'allxml/101.xml' are of one image; keep one of them"


def not_permitted(*args, **kwargs):
    raise PermissionError(13, "Permission denied", str(args[0]))


@pytest.mark.parametrize("reader", ["class_folders", "inbreast", "dicom", "table", "mini_mias",
                                    "vindr_mammo", "cbis_ddsm"])  # fmt: skip
def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch, reader):
    monkeypatch.setattr(os, "listdir", not_permitted)
    (problem,) = problems_of(reader, tmp_path)
    assert problem.endswith("cannot be read (Permission denied); allow reading it")
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # it may be listed, no more
    (problem,) = problems_of(reader, tmp_path)
    assert problem.endswith("its files may not be opened); allow reading it")


def test_outlines_and_tables_that_may_not_be_read_are_told(tmp_path, monkeypatch):
    outlines = {"AllXML/101.xml": lesions(("Mass", SQUARE))}
    folder = inbreast(tmp_path, good_images(size=(788, 1024)) | outlines)
    scandir = os.scandir
    is_outlines = lambda path: str(path).endswith("AllXML")  # noqa: E731
    monkeypatch.setattr(
        os, "scandir", lambda path: (not_permitted if is_outlines(path) else scandir)(path)
    )
    said = "cannot be read (Permission denied); allow reading it"
    assert problems_of("inbreast", folder) == [f"'AllXML' {said}"]
    monkeypatch.undo()
    monkeypatch.setattr(inbreast_reader, "open", not_permitted, raising=False)
    assert problems_of("inbreast", folder) == [f"'AllXML/101.xml' {said}"]
    monkeypatch.setattr(inbreast_reader, "csv_cells", not_permitted)
    assert f"'INbreast.csv' {said}" in problems_of("inbreast", folder)


COMPOSED, APART = "M\u00fcller", "Mu\u0308ller"


def test_a_patient_in_two_unicode_forms_is_one(tmp_path):
    names = (f"1/{COMPOSED}_CC.png", f"1/{APART}_MLO.png", "1/B_CC.png", "1/B_MLO.png")
    write(tmp_path, {name: picture(seed) for seed, name in enumerate(names)})
    dataset = by_name.read("class_folders", tmp_path, patient_pattern=r"(\w+)_")
    assert sorted(set(dataset.cases["patient_id"])) == ["B", COMPOSED]


@pytest.mark.parametrize("on_disk", [COMPOSED, APART])
@pytest.mark.parametrize("in_table", [COMPOSED, APART])
@pytest.mark.parametrize("folder", ["", "images/"])
def test_a_table_names_files_in_either_form(tmp_path, on_disk, in_table, folder):
    write(tmp_path, {f"{folder}{on_disk}.png": picture(1), f"{folder}B.png": picture(2)})
    rows = f"path,patient,birads\n{folder}{in_table}.png,{in_table},2\n{folder}B.png,{on_disk},3\n"
    (tmp_path / "list.csv").write_text(rows)
    cases = by_name.read("table", tmp_path, table="list.csv").cases
    assert set(cases["patient_id"]) == {COMPOSED}
    assert len(cases) == 2


def test_a_header_and_a_table_name_one_patient_in_either_form(tmp_path):
    for number, patient in enumerate((COMPOSED, APART)):
        pixels = np.random.default_rng(number).integers(0, 999, (20, 20)).astype(np.uint16)
        image = mammogram(pixels, PatientID=patient, SpecificCharacterSet="ISO_IR 192")
        image.save_as(tmp_path / f"{number}.dcm")
    (tmp_path / "list.csv").write_text(f"PatientID,birads\n{APART},2\n")
    cases = by_name.read("dicom", tmp_path).cases
    assert cases["patient_id"].tolist() == [COMPOSED, COMPOSED]


def test_all_problems_of_inbreast_at_once(tmp_path):
    rows = GOOD_ROWS + (
        "removed;removed;R;CC;201001;104;1;2\r\n"
        "removed;removed;L;CC;201001;105;9;7\r\n"
        "removed;removed;L;CC;201001;106;1;1\r\n"
        "removed;removed;L;CC;201001;106;1;1\r\n"
        ";;;;;;;\r\n"
    )
    extra = {
        "INbreast.csv": (HEADER + rows).encode(),
        name(104): b"",
        name(105): picture(5),
        name(107): picture(2),
        name(101, suffix="jpg"): picture(8),
        "images/left.png": picture(9),
    }
    problems = problems_of("inbreast", inbreast(tmp_path, extra))
    for start, reason in {
        f"'{name(104)}'": "is empty",
        "row 6 of INbreast.csv (105) says L CC": "the file name R CC",
        "row 6 of INbreast.csv (105): the density '9'": "is unknown",
        "row 6 of INbreast.csv (105): the BI-RADS category '7'": "is unknown",
        "row 8 of INbreast.csv": "is the second of 106",
        "row 8 of INbreast.csv has no image 106_*": "add or remove",
        f"'{name(107)}' has no row": "File Name 107",
        f"'{name(102, side='L', view='ML')}' and '{name(107)}'": "are the same image",
        f"'{name(101, suffix='jpg')}' and": "have the same number",
        "'images/left.png'": "no official name",
    }.items():
        assert any(line.startswith(start) and reason in line for line in problems), (
            start,
            problems,
        )
    assert len(problems) == 10


def test_table_that_lacks_columns(tmp_path):
    table = (HEADER + GOOD_ROWS).replace("ACR", "Density").replace("Bi-Rads", "BiRads")
    problems = problems_of("inbreast", inbreast(tmp_path, {"INbreast.csv": table.encode()}))
    assert problems == [
        "'INbreast.csv' lacks the column 'ACR'; " + problems[0].split("; ")[1],
        "'INbreast.csv' lacks the column 'Bi-Rads'; did you mean 'BiRads'?",
    ]


def test_table_that_is_missing_or_empty(tmp_path):
    folder = write(tmp_path, good_images())
    assert problems_of("inbreast", folder) == [
        "there is no table INbreast.csv or INbreast_sheet1.csv"
    ]
    (folder / "INbreast.xls").write_bytes(b"")
    assert "save the first sheet" in problems_of("inbreast", folder)[0]
    (folder / "INbreast.csv").write_bytes(b"")
    assert len(problems_of("inbreast", folder)) == 5
    assert problems_of("inbreast", folder, table="mine.csv")[0].startswith("there is no table mine")
    (folder / "INbreast.csv").write_text(HEADER)
    assert problems_of("inbreast", folder) == ["'INbreast.csv' has no rows; it needs one per image"]


def test_images_in_two_places_need_a_choice(tmp_path):
    dicoms = {key.replace("images", "AllDICOMs"): data for key, data in good_images().items()}
    folder = inbreast(tmp_path, dicoms)
    assert any(
        "choose one by the option 'images'" in line for line in problems_of("inbreast", folder)
    )
    chosen = by_name.read("inbreast", folder, images="images")
    assert chosen.cases["path"].str.startswith("images/").all()
    (folder / "hollow").mkdir()
    for useless in ("/tmp", "../elsewhere", "images/none", "hollow"):
        with pytest.raises(DatasetError):
            by_name.read("inbreast", folder, images=useless)


@pytest.mark.parametrize("table", ["/tmp/mine.csv", "../mine.csv"])
def test_a_table_elsewhere_is_refused_as_no_fingerprint_would_see_it_change(tmp_path, table):
    with pytest.raises(UserError, match=f"'table' is '{table}', expected a file in the folder"):
        by_name.read("inbreast", inbreast(tmp_path), table=table)
    before = fingerprint(tmp_path)
    (tmp_path / "INbreast.csv").write_bytes((HEADER + GOOD_ROWS.replace(";4a", ";4b")).encode())
    os.utime(tmp_path / "INbreast.csv", ns=(1, 1))
    assert fingerprint(tmp_path) != before


def test_images_may_lie_beside_the_table(tmp_path):
    flat = {key.removeprefix("images/"): data for key, data in good_images().items()}
    folder = write(tmp_path, flat | {"INbreast.csv": (HEADER + GOOD_ROWS).encode()})
    assert len(by_name.read("inbreast", folder).cases) == 3


# --- any reader


@pytest.mark.parametrize("reader", ["class_folders", "inbreast"])
def test_missing_file_and_empty_folders(tmp_path, reader):
    assert "does not exist" in problems_of(reader, tmp_path / "none")[0]
    (tmp_path / "file").write_text("")
    assert "is a file, not a folder" in problems_of(reader, tmp_path / "file")[0]
    assert any(
        "there are no images" in line for line in problems_of(reader, tmp_path.joinpath("."))
    )


def test_unknown_reader_and_option_name_the_nearest(tmp_path):
    with pytest.raises(UserError, match="'inbrest': did you mean 'inbreast'"):
        by_name.read("inbrest", tmp_path)
    with pytest.raises(UserError, match="'patient_patern'; did you mean 'patient_pattern'"):
        by_name.read("class_folders", tmp_path, patient_patern="(.)")


class MadeUpOptions(Checked):
    shape: Annotated[tuple[int, int], Field(strict=False)] = (8, 8)
    mirrored: bool = False
    workers: int = Field(1, ge=1)


@pytest.fixture
def made_up(monkeypatch) -> Reader:
    """A reader beside the project's own, with options of kinds that these don't have."""
    module = SimpleNamespace(Options=MadeUpOptions)
    monkeypatch.setitem(sys.modules, "birads_lib.readers.made_up", module)
    reader = Reader("made_up", synthetic=True, patients_from="mirrored")
    monkeypatch.setitem(READERS, "made_up", reader)
    return reader


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, {}),
        ({"shape": [4, 4], "mirrored": True, "workers": 3, "folder": "images"}, {}),
        ({"shape": 4}, {"shape": "'shape' is 4, expected a list (default: [8, 8])"}),
        (
            {"shape": [4, "x"]},
            {"shape": "'shape' has 'x', expected a whole number"},
        ),
        ({"mirrored": 1}, {"mirrored": "'mirrored' is 1, expected true or false"}),
        ({"workers": 0}, {"workers": "'workers' is 0, expected at least 1"}),
        ({"sahpe": 4}, {"sahpe": "unknown 'sahpe'; did you mean 'shape'?"}),
    ],
)
def test_options_of_any_kind_are_checked(made_up, options, problem):
    study_keys = {"name": "mine", "dataset": {"reader": "made_up", "mirrored": True, **options}}
    problems = {keys[:2]: what for keys, what in study_file.problems(study_keys)}
    assert problems.keys() == {("dataset", name) for name in problem}
    for name, start in problem.items():
        assert problems["dataset", name].startswith(start)


def test_a_study_on_another_reader_loads_and_is_marked(made_up, tmp_path, monkeypatch):
    written = tmp_path / "mine.yaml"
    written.write_text("name: mine\ndataset: {reader: made_up, shape: [4, 4]}\n")
    with pytest.raises(UserError, match=r"line 2: protocol 'patient' .* 'mirrored' here"):
        study.load(written)
    written.write_text(written.read_text().replace("[4, 4]", "[4, 4], mirrored: true"))
    mine = study.load(written)
    assert mine.show_pixels
    with pytest.raises(UserError, match="'made_up' needs the folder of the images"):
        preflight.check_there(mine)
    monkeypatch.setattr("press.pages.outputs.show", lambda *shown: None)
    values = declared_parameters("01_data_exploration") | mine.parameters("01_data_exploration")
    marks = Run("01_data_exploration", values | {"study_dir": str(tmp_path)}).marks
    assert marks == {"synthetic-mark": SYNTHETIC}


def test_pixels_that_may_not_be_shown_are_not_even_by_request(tmp_path):
    written = tmp_path / "mine.yaml"
    written.write_text("name: mine\ndataset: {reader: inbreast}\nshow_pixels: true\n")
    with pytest.raises(UserError, match="line 3: images that 'inbreast' reads are never shown"):
        study.load(written)
    written.write_text("name: mine\ndataset: {reader: inbreast}\n")
    assert not study.load(written).show_pixels


def test_a_reader_has_the_name_of_its_module():
    package = ROOT / "birads_lib" / "readers"
    for name, reader in READERS.items():
        assert declared(package / f"{name}.py") == reader
        assert by_name.options_of(name).model_fields.keys() >= {"workers"}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A function that installs a package whose module has the given source, as a reader."""

    def install(source: str) -> None:
        write(tmp_path, {
            "lab_images/__init__.py": b"",
            "lab_images/reader.py": source.encode(),
            "lab_images-1.dist-info/METADATA": b"Name: lab_images\nVersion: 1",
            "lab_images-1.dist-info/entry_points.txt":
                b"[birads_lib.readers]\nlab = lab_images.reader\n",
        })  # fmt: skip

    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    return install


@pytest.fixture
def python(elsewhere, tmp_path):
    """A function that runs code where that package is installed, and returns what it prints."""

    def run(code: str) -> str:
        (tmp_path / "asks.py").write_text(code)
        command = [*RUN_MODULE.split(), "asks"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        return done.stdout + done.stderr

    return run


def test_a_reader_of_another_package_is_found_by_its_entry_point(elsewhere, python):
    source = """
from birads_lib.readers import Reader, class_folders
READER = Reader("lab", words={"short": "the lab's"})
Options, read = class_folders.Options, class_folders.read
"""
    elsewhere(source)
    code = "from birads_lib.readers import READERS, by_name as b; print(READERS['lab'].words, "
    told = python(code + "b.options_of('lab').__module__)")
    assert told == "{'short': \"the lab's\"} birads_lib.readers.class_folders\n"


LAB = """
from birads_lib.readers import Reader, class_folders
READER = Reader("lab")
Options, read = class_folders.Options, class_folders.read
"""


def test_the_source_of_another_packages_reader_is_among_the_files_of_the_data(
    elsewhere, python, tmp_path
):
    write_images(tmp_path / "data", ["1/a.png", "2/b.png"])
    code = f"""
from birads_lib.readers import by_name
data = by_name.read('lab', {str(tmp_path / "data")!r})
files = data.hashes()
print(*(path.name for path in data.code), *files[files["kind"] == "code"]["sha256"])
"""
    told = []
    for source in (LAB, LAB + "\n# edited\n"):
        elsewhere(source)
        *_, one, two, first, second = python(code).split()
        names, hashes = [one, two], [first, second]
        assert names == ["__init__.py", "reader.py"]
        assert sha256_of(source.encode()) in hashes
        told.append(hashes)
    assert told[0] != told[1]
    assert all(reader.code() == [] for reader in READERS.values())


def test_a_broken_reader_of_another_package_is_left_out_with_a_warning(elsewhere, python):
    elsewhere("READER = 1 +")
    told = python("from birads_lib.readers import READERS; print('lab' in READERS)")
    assert "the reader 'lab' of lab_images.reader is left out" in told
    assert "False" in told


def test_to_ask_what_a_reader_is_imports_none():
    code = "import sys, birads_lib.readers; print(*{'cv2', 'pydicom', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


# --- INbreast itself


@pytest.fixture(scope="module")
def real_inbreast(shared_data):
    if not (shared_data / "inbreast").is_dir():
        pytest.skip("INbreast is not among the restricted data here")
    return by_name.read("inbreast", shared_data / "inbreast")


def test_real_counts(real_inbreast):
    table = real_inbreast.cases
    assert len(table) == 410
    assert table["birads"].value_counts().sort_index().tolist() == [67, 220, 23, 43, 57]
    original = table["birads_original"].value_counts().to_dict()
    assert original == {"1": 67, "2": 220, "3": 23, "4a": 13, "4b": 8, "4c": 22, "5": 49, "6": 8}
    assert table["patient_id"].nunique() == 108
    per_category = table.assign(digit=table["birads_original"].str[0]).groupby("digit")
    assert per_category["patient_id"].nunique().tolist() == [29, 77, 10, 21, 25, 4]
    assert table["density"].value_counts().to_dict() == {"A": 136, "B": 146, "C": 99, "D": 28}
    assert (table["view"] == "FB").sum() == 1


def test_real_contours_and_boxes_lie_on_their_image(real_inbreast):
    placed = real_inbreast.findings.dropna(subset="x0")
    masses = placed[placed["kind"] == "mass"]
    assert (len(masses), masses["image_id"].nunique()) == (115, 106)
    outlined = sorted(path.stem for path in (real_inbreast.root / "AllXML").glob("[0-9]*.xml"))
    assert {"20586908", "20586934"} <= set(outlined)  # which come with this project's data
    assert placed.dropna(subset="contour")["image_id"].unique().tolist() == outlined
    assert placed[["x0", "y0"]].min().min() >= 0
    assert placed["x1"].max() <= 834
    assert placed["y1"].max() <= 1024


def test_a_fingerprint_sees_changed_added_and_renamed_files(tmp_path):
    def seen():
        return fingerprint(tmp_path)

    file = tmp_path / "1" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"one")
    fingerprints = [seen()]
    assert seen() == fingerprints[0]
    file.write_bytes(b"three")
    fingerprints.append(seen())
    (tmp_path / "1" / "b.png").write_bytes(b"two")
    fingerprints.append(seen())
    file.rename(tmp_path / "1" / "c.png")
    fingerprints.append(seen())
    assert len(set(fingerprints)) == 4


# --- Links


def linked(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder with a linked image and a linked category, and what lies outside it."""
    folder = write(tmp_path / "data", {"1/P01.png": picture(1), "2/P02.png": picture(2)})
    outside = write(tmp_path / "outside", {"secret.png": picture(3), "more/P04.png": picture(4)})
    (folder / "1" / "P03.png").symlink_to(outside / "secret.png")
    (folder / "3").symlink_to(outside / "more")
    return folder, outside


def test_links_that_lead_out_are_refused_by_name_before_a_file_is_opened(tmp_path, monkeypatch):
    folder, _ = linked(tmp_path)
    opened = "birads_lib.readers.image_files.inspect"
    monkeypatch.setattr(opened, lambda path: pytest.fail(f"{path} was opened"))
    problems = problems_of("class_folders", folder)
    assert problems[0] == "'3' is a link that leads out of the folder"
    assert problems[1].startswith("'1/P03.png' is a link that leads out of the folder; remove such")
    assert problems[1].endswith("or write 'follow_links: true' under 'dataset:' to follow them")


def test_links_are_followed_where_a_study_says_so(tmp_path):
    folder, _ = linked(tmp_path)
    (tmp_path / "link").symlink_to(folder)  # the data folder itself may be one
    dataset = by_name.read("class_folders", tmp_path / "link", follow_links=True)
    expected = ["1/P01.png", "1/P03.png", "2/P02.png", "3/P04.png"]
    assert sorted(dataset.cases["path"]) == expected


@pytest.mark.parametrize("name", ["AllDICOMs", "INbreast.csv", "AllXML"])
def test_no_part_of_inbreast_is_read_through_a_link_that_leads_out(tmp_path, name):
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for part in ("AllDICOMs", "AllXML"):
        (folder / part).mkdir(parents=True)
    (folder / "INbreast.csv").write_text("")
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    (problem,) = problems_of("inbreast", folder)
    assert problem.startswith(f"'{name}' is a link that leads out of the folder")


def test_links_within_the_folder_and_loops_end(tmp_path):
    folder = write(tmp_path / "data", {"1/P01.png": picture(1), "2/P02.png": picture(2)})
    (folder / "1" / "round").symlink_to(folder / "1")
    (folder / "1" / "self.png").symlink_to("self.png")
    problems = problems_of("class_folders", folder)
    assert problems == ["'1/self.png' cannot be read (Too many levels of symbolic links)"]
    (folder / "1" / "self.png").unlink()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "back").symlink_to(folder)
    (folder / "store").symlink_to(tmp_path / "store")
    assert len(list(files_in(folder, follow_links=True))) == 2
    assert fingerprint(folder, follow_links=True)


def test_a_fingerprint_follows_links_as_the_reader_does(tmp_path):
    folder, outside = linked(tmp_path)
    without, followed = fingerprint(folder), fingerprint(folder, follow_links=True)
    assert without != followed
    (outside / "more" / "P05.png").write_bytes(picture(5))
    assert fingerprint(folder) == without
    assert fingerprint(folder, follow_links=True) != followed
    moved = folder.rename(tmp_path / "moved")
    assert fingerprint(moved) == without


def test_the_book_names_every_option_of_a_reader_with_its_default():
    lines = (ROOT / "book" / "re_execute.md").read_text().splitlines()
    for reader in READERS:
        assert any(f"| `{reader}` |" in line for line in lines)
        for option, field in by_name.options_of(reader).model_fields.items():
            default = field.default
            row = next(line for line in lines if f"| `{option}` |" in line)
            if default and option != "workers":
                written = yaml.safe_load(row.split("|")[-2].strip(" `"))
                assert written == (list(default) if isinstance(written, list) else default), row
