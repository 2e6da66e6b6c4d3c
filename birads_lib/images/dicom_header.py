"""Facts about a mammogram from its DICOM header: everything but the pixels."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom

from birads_lib.images import dicom_file
from birads_lib.images.grey import UnfitError, in_a_line

TAGS = [
    "SOPInstanceUID", "StudyInstanceUID", "AccessionNumber", "PatientID", "Manufacturer",
    "ManufacturerModelName", "Laterality", "ImageLaterality", "ViewPosition", "PixelSpacing",
    "ImagerPixelSpacing", "PresentationIntentType", "Modality", "NumberOfFrames",
    "SharedFunctionalGroupsSequence", "ViewCodeSequence",
]  # fmt: skip
# Views as ViewPosition has them, by their codes in SNOMED CT and in SRT before (PS3.16 CID 4014).
_VIEWS = {
    "399260004": "ML", "R-10224": "ML", "399368009": "MLO", "R-10226": "MLO",
    "399352003": "LM", "R-10228": "LM", "399099002": "LMO", "R-10230": "LMO",
    "399162004": "CC", "R-10242": "CC", "399196006": "FB", "R-10244": "FB",
    "399188001": "SIO", "R-102D0": "SIO", "441555000": "ISO", "R-40AAA": "ISO",
    "399192008": "XCCL", "R-1024A": "XCCL", "399101009": "XCCM", "R-1024B": "XCCM",
}  # fmt: skip
FOR_PROCESSING = (
    "DICOM images FOR PROCESSING: their grey values are the detector's, not those that were shown "
    "to readers"
)
BARE = "DICOM files without the preamble that they should begin with are read all the same"
EXPECTED = "MG"  # Modality of mammography; CBIS-DDSM, INbreast, VinDr-Mammo and RSNA have it
# Those that can't be of a mammogram, by PS3.3 C.7.3.1.1.1. All else may be: CR and DX of plates and
# detectors before MG was usual, RG and HC of film, OT and SC of what archives converted, none at
# all of what was anonymised, and whatever an exporting program makes up.
OTHERS = {
    "CT": "computed tomography", "MR": "magnetic resonance", "US": "ultrasound",
    "BMD": "bone densitometry", "IVUS": "intravascular ultrasound", "PT": "positron emission",
    "NM": "nuclear medicine", "XA": "angiography", "RF": "fluoroscopy", "PX": "dental X-ray",
    "IO": "dental X-ray", "ES": "endoscopy", "SM": "slides", "GM": "microscopy", "OP": "the eye",
    "OCT": "the eye", "OPT": "the eye", "XC": "a photograph", "ECG": "a waveform",
    "RTIMAGE": "radiotherapy", "RTDOSE": "radiotherapy", "RTSTRUCT": "radiotherapy",
    "RTPLAN": "radiotherapy", "SR": "a report", "DOC": "a document", "PR": "a display state",
    "KO": "a selection", "SEG": "a segmentation", "REG": "a registration", "TG": "thermography",
    "BI": "biomagnetic imaging", "DG": "diaphanography", "PLAN": "a plan",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The facts; "" and None where the header has none."""

    image: str = ""  # SOPInstanceUID
    exams: tuple[str, ...] = ()  # AccessionNumber and StudyInstanceUID
    patient_id: str = ""
    laterality: str = ""  # L or R; "" for both breasts
    view: str = ""
    machine: str = ""  # manufacturer and model
    spacing_mm: float | None = None  # between rows, at the detector
    for_processing: bool = False  # whether grey values are the detector's, not those to be shown
    is_bare: bool = False  # whether the file lacks its preamble
    modality: str = ""
    frames: int = 1

    @property
    def oddities(self) -> list[str]:
        """Sentences on what is unusual and no error."""
        is_unusual = self.modality not in ("", EXPECTED)
        modality = f"DICOM files say the Modality {self.modality}, where mammography is {EXPECTED}"
        return (
            [FOR_PROCESSING] * self.for_processing + [BARE] * self.is_bare + [modality] * is_unusual
        )


def check_modality(header: pydicom.Dataset) -> None:
    """Raise ``UnfitError`` where a header says that it is of no mammogram."""
    modality = str(header.get("Modality") or "").strip().upper()
    if modality in OTHERS:
        raise UnfitError(
            f"is no mammogram: its Modality is {modality} ({OTHERS[modality]}), expected "
            f"{EXPECTED}; remove it"
        )


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of many kinds, where pydicom reads a value
        problem = f"has a malformed {name} in its header ({in_a_line(error)})"
        raise ValueError(f"{problem}; correct it, or export it again") from None


def read_header(source: bytes | str | Path) -> Header:
    """Return the facts in the header of a DICOM file, or of its bytes (PS3.3 C.8.11.7, C.7.1.1).

    Tomosynthesis has the side among the functional groups of all its frames (C.7.6.16.2.8), and the
    view as a code alone.

    Raises ValueError naming the tag whose value is malformed.
    """
    tags = dicom_file.opened(source, stop_before_pixels=True, specific_tags=TAGS)

    def text(name: str, *within: str) -> str:
        item = tags
        with _naming(name):
            for sequence in within:
                item = (item.get(sequence) or [{}])[0]
            return unicodedata.normalize("NFC", str(item.get(name) or "").strip())

    def first_number(name: str) -> float | None:
        with _naming(name):
            value = tags.get(name) or None
            return float(value[0] if isinstance(value, Sequence) else value) if value else None

    of_frames = ("FrameLaterality", "SharedFunctionalGroupsSequence", "FrameAnatomySequence")
    side = (text("ImageLaterality") or text("Laterality") or text(*of_frames)).upper()
    view = text("ViewPosition").upper() or _VIEWS.get(text("CodeValue", "ViewCodeSequence"), "")
    exams = dict.fromkeys(filter(None, map(text, ("AccessionNumber", "StudyInstanceUID"))))
    return Header(
        image=text("SOPInstanceUID"),
        exams=tuple(exams),
        patient_id=text("PatientID"),
        laterality=side if side in ("L", "R") else "",
        view=view,
        machine=" ".join(filter(None, map(text, ("Manufacturer", "ManufacturerModelName")))),
        spacing_mm=first_number("ImagerPixelSpacing") or first_number("PixelSpacing"),
        for_processing=text("PresentationIntentType").upper() == "FOR PROCESSING",
        is_bare=tags.preamble is None,
        modality=text("Modality").upper(),
        frames=int(first_number("NumberOfFrames") or 1),
    )
