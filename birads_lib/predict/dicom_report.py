"""The grade of a mammogram as a DICOM Structured Report, and its heat map as a picture.

The report follows TID 1500, Measurement Report (DICOM PS3.16), and codes BI-RADS by SNOMED CT, as
CID 6026, Mammography Assessment, does. Both objects are series of their own in the study of the
image, keep its patient's and study's identifiers, and say that they are not a medical device.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from birads_lib.errors import UserError
from birads_lib.images import dicom_file
from birads_lib.task import BIRADS, Task

NAME = "BI-RADS by the Book"
WARNING = "Research, not a medical device"
_NAMING = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "Modality")
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_PRIVATE = "99BIRADSBOOK"  # the scheme of labels that no dictionary here has
_CATEGORIES = (
    Code("397140005", "SCT", "1 - Negative"),
    Code("397141009", "SCT", "2 - Benign finding"),
    Code("397143007", "SCT", "3 - Probably benign finding, short interval follow-up"),
    Code("397144001", "SCT", "4 - Suspicious abnormality, biopsy should be considered"),
    Code("397145000", "SCT", "5 - Highly suggestive of malignancy"),
)


def structured_report(
    image: pydicom.Dataset, probabilities: np.ndarray, task: Task, parameters: Mapping[str, str]
) -> pydicom.Dataset:
    """Return a report of one image: its most probable label, and the probability of each.

    Args:
        image: its ``header``.
        probabilities: (K,).
        task: what the labels mean.
        parameters: what else a reader should know of the models, such as their hash.
    """
    content = sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=codes.SCT.Mammography,
        imaging_measurements=[_evaluation(image, probabilities, task, parameters)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    report = sr.EnhancedSR(
        evidence=[image],
        content=content[0],
        series_number=9001,
        manufacturer=NAME,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **_identifiers(),
    )
    report.SeriesDescription = WARNING
    return report


def heat_picture(image: pydicom.Dataset, picture: np.ndarray) -> pydicom.Dataset:
    """Return a heat map that lies over an image, (h, w, 3) uint8, as a secondary capture."""
    capture = highdicom.sc.SCImage.from_ref_dataset(
        image,
        picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        laterality=image.get("ImageLaterality") or image.get("Laterality") or None,
        patient_orientation=("A", "F"),  # highdicom asks for it; see below
        series_number=9002,
        manufacturer=NAME,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **_identifiers(),
    )
    capture.SeriesDescription = WARNING
    capture.PatientOrientation = ""  # a figure, with a frame and a legend, has none
    if "Laterality" not in capture:
        capture.Laterality = ""  # not known
    capture.DerivationDescription = "Grad-CAM of the predicted label over the image that was graded"
    capture.BurnedInAnnotation = "YES"
    return capture


def is_dicom(path: str | Path) -> bool:
    """Return whether a file is DICOM, by how it begins."""
    with open(path, "rb") as file:
        return dicom_file.is_dicom(file.read(dicom_file.HEAD))


def header(path: str | Path) -> pydicom.Dataset:
    """Return a DICOM file's header, empty where it lacks what is known to be optional.

    Raises UserError where it lacks what names the image: nothing can then refer to it.
    """
    image = dicom_file.opened(path, stop_before_pixels=True)
    if missing := [name for name in _NAMING if not image.get(name)]:
        raise UserError(
            f"no report: {path}: no {', '.join(missing)} to refer to it by; export the file again "
            "with them, or grade it without --dicom"
        )
    for name in _MAY_BE_EMPTY:
        if name not in image:
            setattr(image, name, None)
    return image


def _identifiers() -> dict[str, object]:
    series, instance = generate_uid(), generate_uid()
    return {"series_instance_uid": series, "sop_instance_uid": instance, "instance_number": 1}


def _observer() -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[NAME]), name=NAME, model_name=WARNING
    )
    context = sr.ObserverContext(codes.DCM.Device, device)
    return sr.ObservationContext(observer_device_context=context)


def _evaluation(
    image: pydicom.Dataset, probabilities: np.ndarray, task: Task, parameters: Mapping[str, str]
) -> sr.MeasurementsAndQualitativeEvaluations:
    algorithm = sr.AlgorithmIdentification(
        name=NAME,
        version=version("birads-by-the-book"),
        parameters=[WARNING, *(f"{name}: {value}" for name, value in parameters.items())],
    )
    coded = label_codes(task)
    name = codes.DCM.AssessmentCategory if task == BIRADS else _private(task.name, task.title)
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier=task.name),
        algorithm_id=algorithm,
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image)],
        measurements=[
            sr.Measurement(
                name=_private(f"P{number}", f"Probability of {task.named(number)}"),
                value=round(float(value), 6),
                unit=codes.UCUM.NoUnits,
            )
            for number, value in zip(task.numbers, probabilities, strict=True)
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name, coded[int(np.argmax(probabilities))])
        ],
    )


def label_codes(task: Task) -> tuple[Code, ...]:
    """Return the code of each label: SNOMED CT's of BI-RADS 1 to 5, else private ones."""
    if task == BIRADS:
        return _CATEGORIES
    return tuple(_private(f"{task.name}{k}", task.named(k)) for k in task.numbers)


def _private(value: str, meaning: str) -> Code:
    return Code(value[:16].upper(), _PRIVATE, meaning)
