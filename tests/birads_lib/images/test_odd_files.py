"""Odd and broken files, each with the grey values or the message that is right."""

import io

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from birads_lib.images.decode import decode
from birads_lib.images.dicom_header import BARE, read_header
from birads_lib.readers.image_files import inspect_header
from helpers.dicom_files import mammogram

RNG = np.random.default_rng(0)
STORED = RNG.integers(1, 4095, (66, 70)).astype(np.uint16)  # JPEG 2000 needs 64 pixels a side
STORED[0, :3] = 0, 7, 4095
SYNTAXES = (ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless)


def dicom(
    stored: np.ndarray = STORED, syntax=ExplicitVRLittleEndian, without=(), elements=(), **tags
) -> bytes:
    """Return a mammogram's file of 12 bits, with these tags instead of the usual ones."""
    kind = {"BitsAllocated": 8 * stored.dtype.itemsize, "BitsStored": 12, "HighBit": 11}
    kind["PixelRepresentation"] = int(stored.dtype.kind == "i")
    header = mammogram(stored, **kind)
    if syntax != ExplicitVRLittleEndian:
        header.BitsStored, header.HighBit = kind["BitsAllocated"], kind["BitsAllocated"] - 1
        header.compress(syntax)  # of all bits, as an archive compresses them
        header.BitsStored, header.HighBit = 12, 11
    for name, value in tags.items():
        setattr(header, name, value)
    for element in elements:
        header.add(element)
    for name in without:
        delattr(header, name)
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=False)
    return file.getvalue()


def bare(syntax, with_meta: bool, stored: np.ndarray = STORED) -> bytes:
    """Return a file without preamble, its elements written in a transfer syntax."""
    header = pydicom.dcmread(io.BytesIO(dicom(stored)))
    if not syntax.is_little_endian:
        header.PixelData = stored.astype(">u2").tobytes()
    header.file_meta.TransferSyntaxUID = syntax
    header.preamble = None
    file = io.BytesIO()
    how = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    if not with_meta:
        header.file_meta = pydicom.dataset.FileMetaDataset()
    pydicom.dcmwrite(file, header, enforce_file_format=False, **how)
    return file.getvalue()


def problem_of(data: bytes) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is compared by callers)
        decode(data)
    return str(caught.value)


@pytest.mark.parametrize("with_meta", [True, False])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_file_without_preamble_is_read_and_noted(syntax, with_meta, tmp_path):
    data = bare(syntax, with_meta)
    assert data[128:132] != b"DICM"
    np.testing.assert_array_equal(decode(data), STORED)
    (tmp_path / "a.dcm").write_bytes(data)
    by_header = inspect_header(tmp_path / "a.dcm")
    assert (by_header.height, by_header.width, by_header.problem) == (66, 70, "")
    assert read_header(data).patient_id == "p01"
    assert read_header(data).oddities == [BARE]


def test_a_file_without_preamble_that_hides_how_its_pixels_are_compressed_is_refused():
    header = pydicom.dcmread(io.BytesIO(dicom(syntax=RLELossless)))
    header.preamble, header.file_meta = None, pydicom.dataset.FileMetaDataset()
    file = io.BytesIO()
    pydicom.dcmwrite(file, header, enforce_file_format=False, implicit_vr=False, little_endian=True)
    assert "has no TransferSyntaxUID (0002,0010)" in problem_of(file.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        b"Dear colleague,\nhere are the images.\n" * 20, b"\x08\0\x05\0" + b"hello" * 60,
        b"\0\x08\0\x05ab\0\x04" * 40, b"\x08\0" * 300, b"\x02\0\0\0\0\0\0\0" * 40,
    ],
)  # fmt: skip
def test_what_only_begins_like_one_is_no_dicom_file(data):
    assert "is not a PNG, JPEG, PGM, TIFF or DICOM file" in problem_of(data)


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "PT", "NM", "SR", "us"])
def test_what_cannot_be_a_mammogram_is_refused_by_its_modality(modality, tmp_path):
    data = dicom(Modality=modality)
    said = problem_of(data)
    assert f"is no mammogram: its Modality is {modality.upper()} (" in said
    assert "expected MG" in said
    (tmp_path / "a.dcm").write_bytes(data)
    assert inspect_header(tmp_path / "a.dcm").problem == said


@pytest.mark.parametrize("modality", ["MG", "CR", "DX", "OT", "SC", "MAMMO", "", None])
def test_what_may_be_a_mammogram_is_read_and_an_unusual_modality_noted(modality):
    data = dicom(Modality=modality)
    np.testing.assert_array_equal(decode(data), STORED)
    oddities = read_header(data).oddities
    assert [f"the Modality {modality}," in text for text in oddities] == (
        [] if modality in ("MG", "", None) else [True]
    )


EMPTY = (
    "HighBit", "NumberOfFrames", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "PresentationLUTShape", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
    "VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth",
)  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_a_tag_without_a_value_counts_as_absent(name, syntax):
    empty = [] if name.endswith("Sequence") else None
    np.testing.assert_array_equal(decode(dicom(syntax=syntax, **{name: empty})), STORED)


@pytest.mark.parametrize(
    "name",
    ["Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation",
     "PhotometricInterpretation"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["empty", "absent"])
def test_what_every_image_needs_is_named_where_it_is_missing(name, kind):
    data = dicom(**{name: None}) if kind == "empty" else dicom(without=[name])
    said = problem_of(data)
    assert f"without {name} in its header" in said
    assert "cut off" not in said


def test_half_a_rescaling_or_window():
    assert decode(dicom(RescaleSlope=2)).max() == 2 * 4095
    np.testing.assert_array_equal(decode(dicom(RescaleIntercept=5)), STORED + 5)
    np.testing.assert_array_equal(decode(dicom(WindowCenter=9)), STORED)
    np.testing.assert_array_equal(decode(dicom(WindowWidth=9)), STORED)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("bits", [12, 13, 14, 15])
def test_an_overlay_in_unused_bits_is_no_brightness(syntax, bits):
    overlay = (RNG.random(STORED.shape) < 0.1).astype(np.uint16) << bits
    grey = decode(dicom(STORED | overlay, syntax))
    np.testing.assert_array_equal(grey, STORED)


def test_bits_stored_above_the_lowest():
    overlay = (RNG.random(STORED.shape) < 0.1).astype(np.uint16)
    grey = decode(dicom(STORED << 4 | overlay, HighBit=15))
    np.testing.assert_array_equal(grey, STORED)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("first", "last"), [(0, None), (4095, None), (7, None), (0, 7), (7, 0), (4000, 4095)]
)
def test_padding_is_background(syntax, polarity, first, last):
    tags = {"PixelPaddingValue": first, "PhotometricInterpretation": polarity}
    tags |= {} if last is None else {"PixelPaddingRangeLimit": last}
    low, high = sorted([first, first if last is None else last])
    is_padding = np.isin(STORED, range(low, high + 1))
    values = 4095 - STORED if polarity == "MONOCHROME1" else STORED
    grey = decode(dicom(syntax=syntax, **tags))
    np.testing.assert_array_equal(grey, np.where(is_padding, 0, values))


@pytest.mark.parametrize("padding", [-2000, -2048, 2**16 - 2000])
def test_padding_below_zero_shifts_nothing(padding):
    signed = STORED.astype(np.int16) // 4
    signed[:9] = padding if padding < 0 else padding - 2**16  # written with the other sign
    element = pydicom.DataElement("PixelPaddingValue", "SS" if padding < 0 else "US", padding)
    grey = decode(dicom(signed, elements=[element]))
    assert (grey[:9] == 0).all()
    np.testing.assert_array_equal(grey[9:], signed[9:])


@pytest.mark.parametrize("padding", [63536, 32768, 4096])
def test_padding_in_unused_bits_is_no_other_grey(padding):
    stored = STORED.copy()
    stored[:9] = padding
    stored[20] = padding & 4095  # a value of its own
    grey = decode(dicom(stored, PixelPaddingValue=padding))
    assert (grey[:9] == 0).all()
    np.testing.assert_array_equal(grey[9:], stored[9:])


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_picture_is_inverted_once(shape, polarity):
    grey = decode(dicom(PresentationLUTShape=shape, PhotometricInterpretation=polarity))
    is_dark = polarity == "MONOCHROME1" or shape == "INVERSE"
    np.testing.assert_array_equal(grey, 4095 - STORED if is_dark else STORED)


def test_a_window_of_signed_values_has_its_own_black():
    signed = STORED.astype(np.int16) - 2048
    grey = decode(dicom(signed, WindowCenter=0.5, WindowWidth=4096))
    assert abs(grey.astype(int) - STORED).max() <= 1
    shifted = np.maximum(signed, -1000)  # the darkest there is is above the window's black
    assert decode(dicom(shifted, WindowCenter=0.5, WindowWidth=4096)).min() in (1047, 1048)


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": 9000, "WindowWidth": 10},
        {"WindowCenter": -9000, "WindowWidth": 10},
        {"RescaleSlope": 0, "RescaleIntercept": 3},
        {"RescaleSlope": 1, "RescaleIntercept": -9000, "WindowCenter": 2000, "WindowWidth": 100},
    ],
)
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_that_leaves_one_grey_value_is_refused_with_its_numbers(tags, polarity):
    said = problem_of(dicom(PhotometricInterpretation=polarity, **tags))
    assert "has one grey value after its look-up tables or window" in said
    assert all(f"{name} {value}" in said for name, value in tags.items())


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"WindowCenter": 100, "WindowWidth": 0}, "can't be applied"),
        ({"WindowCenter": 100, "WindowWidth": -5}, "can't be applied"),
        ({"WindowCenter": 100, "WindowWidth": 9, "VOILUTFunction": "CUBE"}, "can't be applied"),
        ({"HighBit": 10}, "BitsAllocated 16, BitsStored 12, HighBit 10, which can't be"),
        ({"HighBit": 16}, "HighBit 16, which can't be"),
        ({"BitsStored": 17}, "BitsStored 17"),
        ({"BitsStored": 0, "HighBit": 0}, "BitsStored 0"),
        ({"NumberOfFrames": 2}, "several frames (2), such as tomosynthesis"),
        ({"SamplesPerPixel": 2}, "MONOCHROME2 with SamplesPerPixel 2"),
        ({"SamplesPerPixel": 3}, "MONOCHROME2 with SamplesPerPixel 3"),
        ({"PhotometricInterpretation": "HSV"}, "PhotometricInterpretation HSV"),
        ({"PhotometricInterpretation": "ARGB"}, "PhotometricInterpretation ARGB"),
        ({"PhotometricInterpretation": "CMYK"}, "PhotometricInterpretation CMYK"),
        ({"PhotometricInterpretation": "RGB"}, "RGB with SamplesPerPixel 1"),
        ({"PhotometricInterpretation": "YBR_FULL"}, "YBR_FULL with SamplesPerPixel 1"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "has look-up tables, a window or padding"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_followed_are_refused_by_name(tags, says):
    said = problem_of(dicom(**tags))
    assert says in said
    assert "cut off" not in said


@pytest.mark.parametrize(
    "tags", [{"NumberOfFrames": 2}, {"BitsStored": 17}, {"SamplesPerPixel": 2}]
)
def test_the_header_alone_tells_what_cannot_be_followed(tags, tmp_path):
    data = dicom(**tags)
    (tmp_path / "a.dcm").write_bytes(data)
    assert inspect_header(tmp_path / "a.dcm").problem == problem_of(data)


def rewritten(data: bytes, syntax: str | None) -> bytes:
    """Return a file with another TransferSyntaxUID, or none, its other bytes unchanged."""
    header = pydicom.dcmread(io.BytesIO(data))
    if syntax is None:
        del header.file_meta.TransferSyntaxUID
    else:
        header.file_meta.TransferSyntaxUID = syntax
        header.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
        header["PixelData"].VR = "OB"
    file = io.BytesIO()
    pydicom.filewriter.dcmwrite(
        file, header, implicit_vr=False, little_endian=True, enforce_file_format=False
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (None, "has no TransferSyntaxUID (0002,0010)"),
        ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC"),
        ("1.2.840.10008.1.2.4.107", "HEVC"),
        ("1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.4.52"),
        ("1.2.3.4.5", "TransferSyntaxUID 1.2.3.4.5, which isn't read"),
    ],
)
def test_a_way_of_writing_pixels_that_is_not_read_is_said_by_name(syntax, name):
    said = problem_of(rewritten(dicom(), syntax))
    assert name in said
    assert "export it again" in said
    assert "cut off" not in said


def of_colour(kind: str, pixels: np.ndarray) -> bytes:
    """Return a file of 8 bits with three samples (H, W, 3) a pixel."""
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 3}
    return dicom(pixels, PlanarConfiguration=0, PhotometricInterpretation=kind, **tags)


def test_grey_in_three_samples_is_grey():
    grey = (STORED >> 4).astype(np.uint8)
    neutral = np.full_like(grey, 128)
    for kind, samples in (("RGB", [grey] * 3), ("YBR_FULL", [grey, neutral, neutral])):
        np.testing.assert_array_equal(decode(of_colour(kind, np.stack(samples, -1))), grey)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
def test_colour_is_refused(kind):
    pixels = RNG.integers(0, 256, (20, 22, 3)).astype(np.uint8)
    assert "is a colour image" in problem_of(of_colour(kind, pixels))


@pytest.mark.parametrize("is_grey", [True, False])
def test_a_palette_is_looked_up(is_grey):
    indices = RNG.integers(0, 256, (20, 22)).astype(np.uint8)
    table = np.arange(255, -1, -1, dtype=np.uint16) * 257
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    blue = table if is_grey else table // 2
    for name, values in (("Red", table), ("Green", table), ("Blue", blue)):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{name}PaletteColorLookupTableData"] = values.astype("<u2").tobytes()
    data = dicom(indices, PhotometricInterpretation="PALETTE COLOR", **tags)
    if is_grey:
        np.testing.assert_array_equal(decode(data), table[indices])
    else:
        assert "is a colour image" in problem_of(data)


WORDS = st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "PALETTE COLOR", "X", ""])
NUMBERS = st.one_of(st.none(), st.integers(-(2**15), 2**16 - 1))
SMALL = st.one_of(st.none(), st.integers(0, 70))
FRACTIONS = st.one_of(st.none(), st.floats(-9e4, 9e4).map(lambda x: round(x, 3)))
HEADERS = st.fixed_dictionaries({}, optional={
    "PhotometricInterpretation": WORDS,
    "PresentationLUTShape": st.sampled_from(["IDENTITY", "INVERSE", ""]),
    "BitsStored": SMALL, "HighBit": SMALL, "SamplesPerPixel": st.sampled_from([None, 1, 3, 4]),
    "PixelRepresentation": st.sampled_from([None, 0, 1]), "NumberOfFrames": SMALL,
    "RescaleSlope": FRACTIONS, "RescaleIntercept": FRACTIONS, "WindowCenter": FRACTIONS,
    "WindowWidth": FRACTIONS,
    "VOILUTFunction": st.sampled_from(["LINEAR", "SIGMOID", "LINEAR_EXACT", "X"]),
})  # fmt: skip


def test_a_colour_file_says_how_its_colours_are_stored():
    data = dicom(STORED[:9, :9], PhotometricInterpretation="RGB", SamplesPerPixel=3)
    with pytest.raises(ValueError, match="without PlanarConfiguration in its header"):
        decode(data)


def test_more_pixels_than_the_header_tells_are_no_picture():
    header = pydicom.dcmread(io.BytesIO(dicom(STORED)))
    header.Rows = 1  # as after a damaged byte
    damaged = io.BytesIO()
    header.save_as(damaged)
    with pytest.raises(ValueError, match="more pixels than its header tells, 1 x"):
        decode(damaged.getvalue())


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(tags=HEADERS, padding=NUMBERS, limit=NUMBERS)
def test_any_header_gives_a_picture_with_contrast_or_a_reason(tags, padding, limit):
    kinds = (("PixelPaddingValue", padding), ("PixelPaddingRangeLimit", limit))
    elements = [
        pydicom.DataElement(name, "SS" if value < 0 else "US", value)
        for name, value in kinds
        if value is not None
    ]
    data = dicom(STORED[:9, :9], elements=elements, **tags)
    try:
        grey, reason = decode(data), ""
    except ValueError as error:
        grey, reason = None, str(error)
    if grey is None:
        lacks_samples = tags.get("SamplesPerPixel") == 3 and "less than expected" in reason
        assert "cut off" not in reason or lacks_samples
    else:
        assert grey.shape == (9, 9)
        assert grey.dtype in (np.uint8, np.uint16)
        bits = tags.get("BitsStored", 12)
        assert np.ptp(grey) > 0 or bits < 4 or padding is not None or limit is not None


HEADER_TAGS = ("ImagerPixelSpacing", "PixelSpacing")


@pytest.mark.parametrize("name", HEADER_TAGS)
@pytest.mark.parametrize(
    ("value", "spacing"),
    [(b"0.07\\0.07", 0.07), (b"0.07", 0.07), (b"", None), (b"wide\\0.1", ValueError)],
)
def test_spacing_is_read_or_named(name, value, spacing):
    data = dicom(elements=[pydicom.DataElement(name, "DS", [0.12, 0.13])])
    position = data.index(b"0.12\\0.13 ")
    data = data[:position] + value.ljust(10) + data[position + 10 :]
    if spacing is ValueError:
        with pytest.raises(ValueError, match=f"has a malformed {name} in its header"):
            read_header(data)
    else:
        assert read_header(data).spacing_mm == spacing
