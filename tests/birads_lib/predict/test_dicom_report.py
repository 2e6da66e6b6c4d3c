"""The DICOM objects that go back: valid by a validator, and true to the image they are about."""

import shutil
import subprocess

import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.predict import dicom_report
from birads_lib.task import BIRADS, DENSITY
from helpers.dicom_files import mammogram

VALIDATOR = shutil.which("dciodvfy")
needs_validator = pytest.mark.skipif(
    not VALIDATOR, reason="dciodvfy isn't installed (Debian's package dicom3tools)"
)
PROBABILITIES = np.array([0.1, 0.2, 0.1, 0.5, 0.1])
KEPT = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "AccessionNumber")


def errors(dataset, folder) -> list[str]:
    """Return the errors that the validator finds."""
    dataset.save_as(folder / "object.dcm")
    said = subprocess.run(
        [VALIDATOR, "-new", folder / "object.dcm"], capture_output=True, text=True
    ).stderr
    assert "Abort" not in said
    return [line for line in said.splitlines() if line.startswith("Error")]


def items(content):
    """All content items of a report, however deep."""
    for item in content:
        yield item
        yield from items(item.get("ContentSequence", []))


@pytest.fixture(scope="module")
def image():
    return mammogram()


@pytest.fixture(scope="module")
def report(image):
    return dicom_report.structured_report(image, PROBABILITIES, BIRADS, {"run": "0a1b"})


@needs_validator
def test_reports_and_pictures_are_valid(report, image, tmp_path):
    picture = np.zeros((40, 50, 3), "uint8")
    no_side = mammogram()
    del no_side.ImageLaterality
    made = [
        report,
        dicom_report.structured_report(image, np.array([0.1, 0.2, 0.3, 0.4]), DENSITY, {}),
        dicom_report.heat_picture(image, picture),
        dicom_report.heat_picture(no_side, picture),
    ]
    assert [errors(dataset, tmp_path) for dataset in made] == [[], [], [], []]
    del report.StudyInstanceUID  # the validator would say
    assert errors(report, tmp_path)
    report.StudyInstanceUID = image.StudyInstanceUID


def test_both_belong_to_the_patient_and_study_of_the_image(report, image):
    picture = dicom_report.heat_picture(image, np.zeros((40, 50, 3), "uint8"))
    for made in (report, picture):
        assert [str(made[name].value) for name in KEPT] == [str(image[name].value) for name in KEPT]
        assert made.SeriesInstanceUID != image.SeriesInstanceUID
        assert made.SOPInstanceUID != image.SOPInstanceUID
        assert made.SeriesDescription == "Research, not a medical device"
    assert report.SeriesInstanceUID != picture.SeriesInstanceUID


def test_a_report_says_the_grade_and_every_probability(report, image):
    found = list(items(report.ContentSequence))
    coded = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.ConceptCodeSequence[0].CodeValue
        for item in found
        if item.ValueType == "CODE"
    }
    assert coded["Assessment Category"] == "397144001"  # SNOMED CT's of BI-RADS 4
    numbers = {
        item.ConceptNameCodeSequence[0].CodeMeaning: float(
            item.MeasuredValueSequence[0].NumericValue
        )
        for item in found
        if item.ValueType == "NUM"
    }
    expected = {f"Probability of BI-RADS {k}": p for k, p in enumerate(PROBABILITIES, 1)}
    assert numbers == pytest.approx(expected)
    texts = [item.TextValue for item in found if item.ValueType == "TEXT"]
    assert "Research, not a medical device" in texts
    assert "run: 0a1b" in texts
    images = [item for item in found if item.ValueType == "IMAGE"]
    named = images[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == image.SOPInstanceUID


def test_the_codes_are_those_of_pydicoms_dictionary():
    from pydicom.sr.codedict import codes

    dictionary = {
        name: getattr(codes.SCT, name)
        for name in dir(codes.SCT)
        if name.startswith("MammographyAssessmentCategory")
    }
    for number, code in enumerate(dicom_report.label_codes(BIRADS), 1):
        same = [c for name, c in dictionary.items() if f"Category{number}" in name]
        assert [c.value for c in same] == [code.value]


def test_a_picture_is_what_was_drawn(image):
    drawn = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype="uint8")
    np.testing.assert_array_equal(dicom_report.heat_picture(image, drawn).pixel_array, drawn)


@needs_validator
def test_a_header_may_lack_what_is_optional_and_not_what_names_the_image(tmp_path):
    bare = mammogram()
    for name in ("PatientName", "PatientBirthDate", "StudyTime", "AccessionNumber", "StudyID"):
        delattr(bare, name)
    bare.save_as(tmp_path / "bare.dcm", enforce_file_format=True)
    header = dicom_report.header(tmp_path / "bare.dcm")
    assert "PixelData" not in header
    made = dicom_report.structured_report(header, PROBABILITIES, BIRADS, {})
    assert errors(made, tmp_path) == []
    del bare.StudyInstanceUID, bare.SeriesInstanceUID
    bare.save_as(tmp_path / "nameless.dcm", enforce_file_format=True)
    with pytest.raises(
        UserError, match=r"no SeriesInstanceUID, StudyInstanceUID .*; export the file again with"
    ):
        dicom_report.header(tmp_path / "nameless.dcm")


def test_a_report_refers_to_a_file_without_preamble(tmp_path):
    mammogram().save_as(tmp_path / "whole.dcm", enforce_file_format=True)
    (tmp_path / "bare.dcm").write_bytes((tmp_path / "whole.dcm").read_bytes()[132:])
    (tmp_path / "letter.txt").write_text("no image" * 40)
    names = ("whole.dcm", "bare.dcm", "letter.txt")
    assert [dicom_report.is_dicom(tmp_path / name) for name in names] == [True, True, False]
    report = dicom_report.structured_report(
        dicom_report.header(tmp_path / "bare.dcm"), PROBABILITIES, BIRADS, {"run": "0a1b"}
    )
    assert report.PatientID == "p01"
