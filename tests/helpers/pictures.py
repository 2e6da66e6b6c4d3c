"""Tiny image files, and folders of files, for tests of what reads them."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from birads_lib.errors import DatasetError
from birads_lib.readers import by_name


def picture(seed: int, size=(16, 20), kind: str = "PNG") -> bytes:
    """Return the file of a grey image of its own, size (width, height)."""
    pixels = np.random.default_rng(seed).integers(0, 255, size[::-1]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def mammogram(seed: int, size=(16, 20), pixels=None, **tags: object) -> bytes:
    """Return a DICOM file of an image of its own, 12 bits, with more tags."""
    random = np.random.default_rng(seed).integers(0, 4095, size[::-1])
    stored = random.astype(np.uint16) if pixels is None else pixels
    header = pydicom.Dataset()
    header.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    header.SOPInstanceUID = generate_uid(entropy_srcs=[str(seed)])
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.Modality, header.SamplesPerPixel, header.PixelRepresentation = "MG", 1, 0
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = stored.shape
    header.BitsAllocated = 8 * stored.dtype.itemsize
    header.BitsStored = 12 if stored.dtype == np.uint16 else 8
    header.HighBit = header.BitsStored - 1
    header.PixelData = stored.tobytes()
    for name, value in tags.items():
        setattr(header, name, value)
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


def write(root: Path, files: dict[str, bytes | str]) -> Path:
    """Write files below a folder, which is returned."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def problems_of(reader: str, folder: Path, **options: object) -> list[str]:
    """Return what a reader finds wrong with a folder."""
    with pytest.raises(DatasetError) as caught:
        by_name.read(reader, folder, **options)
    assert str(folder) in str(caught.value)
    return caught.value.problems


def notes_of(dataset) -> str:
    """Return what a reader wants known, with all names, a line each."""
    return "\n".join(note.shown(with_names=True, most=100) for note in dataset.notes)
