"""A small mammogram as DICOM, made up."""

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation as MAMMOGRAPHY
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def mammogram(pixels: np.ndarray | None = None, **header: object) -> pydicom.Dataset:
    """Return a left view of patient p01; ``pixels`` are uint16 (H, W)."""
    pixels = np.zeros((40, 30), np.uint16) if pixels is None else pixels
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MAMMOGRAPHY, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = MAMMOGRAPHY, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    facts = {
        "Modality": "MG", "PatientID": "p01", "PatientName": "Doe^Jane",
        "PatientBirthDate": "19700101",
        "PatientSex": "F", "StudyDate": "20240102", "StudyTime": "101112", "StudyID": "7",
        "AccessionNumber": "A1", "ReferringPhysicianName": "", "SeriesNumber": 1,
        "InstanceNumber": 1, "ImageLaterality": "L", "PatientOrientation": ["A", "F"],
        "Rows": pixels.shape[0], "Columns": pixels.shape[1], "BitsAllocated": 16,
        "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
    }  # fmt: skip
    for name, value in (facts | header).items():
        setattr(image, name, value)
    image.PixelData = pixels.tobytes()
    return image
