"""The odd and broken files that pydicom ships for its own tests: the picture or the reason."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from birads_lib.images import decode as decoding
from birads_lib.images.decode import decode
from birads_lib.images.dicom_header import OTHERS

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
NO_PIXELS, FRAMES, COLOUR = "without pixels", "several frames", "is a colour image"
REFUSED = {
    NO_PIXELS: (
        "rtplan", "reportsi", "test-SR", "UN_sequence", "no_meta_group_length",
        "reportsi_with_empty_number_tags", "rtplan_truncated", "priv_SQ", "empty_charset_LEI",
        "rtstruct", "ExplVR_LitEndNoMeta", "ExplVR_BigEndNoMeta",  # these without a preamble
    ),
    FRAMES: (
        "rtdose", "rtdose_expb", "rtdose_rle", "SC_rgb_rle_2frame", "SC_rgb_rle_16bit_2frame",
        "SC_rgb_rle_32bit_2frame",
    ),
    COLOUR: (
        "SC_rgb_rle_32bit", "SC_rgb_jpeg_gdcm", "SC_rgb_gdcm_KY", "SC_rgb_dcmtk_+eb+cy+n1",
        "SC_rgb_jpeg", "SC_rgb_dcmtk_+eb+cy+s4", "GDCMJ2K_TextGBR", "SC_rgb_jpeg_dcmtk",
        "SC_rgb_small_odd_big_endian", "SC_rgb_jpeg_app14_dcmd", "SC_rgb_small_odd_jpeg",
        "SC_rgb_jls_lossy_sample", "SC_rgb_rle", "SC_rgb_small_odd", "SC_rgb_jls_lossy_line",
        "ExplVR_BigEnd", "SC_rgb_dcmtk_+eb+cr", "SC_ybr_full_422_uncompressed",
        "SC_jpeg_no_color_transform", "SC_jpeg_no_color_transform_2", "SC_rgb_rle_16bit",
        "SC_rgb_jpeg_lossy_gdcm", "SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_dcmtk_+eb+cy+s2",
        "SC_rgb_dcmtk_+eb+cy+n2",
    ),
    "is not a PNG, JPEG": ("no_meta",),
    "in its header; export it again": ("meta_missing_tsyntax", "nested_priv_SQ"),
    "has a value in its header that can't be read": ("badVR",),
    "cannot be decoded as JPEG Extended (Process 2 and 4)": ("JPEG-lossy",),
    "cannot be decoded as JPEG 2000": ("JPEG2000-embedded-sequence-delimiter",),
    "damaged or cut off; copy it again": ("MR_truncated",),
}  # fmt: skip
READ = {  # shape, darkest and brightest value
    "JPEGLSNearLossless_08": ((45, 10), 0, 255), "JPEGLSNearLossless_16": ((50, 10), 0, 65535),
    "image_dfl": ((512, 512), 0, 255), "JPEG2000": ((1024, 256), 0, 275),
    "JPGExtended": ((1024, 256), 0, 264), "rtdose_1frame": ((10, 10), 12, 19),
    "rtdose_rle_1frame": ((10, 10), 12, 19), "rtdose_expb_1frame": ((10, 10), 12, 19),
    "liver_1frame": ((512, 512), 0, 1), "liver_expb_1frame": ((512, 512), 0, 1),
    "J2K_pixelrep_mismatch": ((512, 512), 0, 8191), "CT_small": ((128, 128), 0, 2063),
    "693_J2KI": ((512, 512), 0, 16383),
}  # fmt: skip
# One picture, written in many ways.
SAME = ("bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded", "RLE")


@pytest.fixture
def of_any_modality(monkeypatch):
    """Few of these files are of mammograms, and their pixels are what is asked here."""
    monkeypatch.setattr(decoding, "check_modality", lambda header: None)


@pytest.mark.usefixtures("of_any_modality")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "says"), [(name, says) for says, names in REFUSED.items() for name in names]
)
def test_what_is_no_grey_image_is_refused_with_the_reason(name, says):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is compared)
        decode((FOLDER / f"{name}.dcm").read_bytes())
    assert says in str(caught.value)
    if says in (COLOUR, FRAMES) or "header" in says:
        assert "cut off" not in str(caught.value)


@pytest.mark.usefixtures("of_any_modality")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READ)
def test_grey_images_are_read(name):
    grey = decode((FOLDER / f"{name}.dcm").read_bytes())
    assert (grey.shape, grey.min(), grey.max()) == READ[name]


@pytest.mark.usefixtures("of_any_modality")
@pytest.mark.parametrize("name", SAME)
def test_one_picture_is_the_same_however_it_is_written(name):
    grey = decode((FOLDER / f"MR_small_{name}.dcm").read_bytes())
    np.testing.assert_array_equal(grey, decode((FOLDER / "MR_small.dcm").read_bytes()))


@pytest.mark.usefixtures("of_any_modality")
def test_a_window_is_that_of_the_standard():
    header = pydicom.dcmread(FOLDER / "MR_small.dcm")
    stored, (centre, width) = header.pixel_array, (header.WindowCenter, header.WindowWidth)
    share = np.clip((stored - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)  # PS3.3 C.11.2.1.2.1
    assert abs(decode((FOLDER / "MR_small.dcm").read_bytes()) - share * 65535).max() <= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.dcm")))
def test_what_says_that_it_is_of_no_mammogram_is_refused_by_its_modality(name):
    data = (FOLDER / f"{name}.dcm").read_bytes()
    modality = pydicom.dcmread(FOLDER / f"{name}.dcm", force=True).get("Modality")
    try:
        decode(data)
        said = ""
    except ValueError as error:
        said = str(error)
    assert (f"is no mammogram: its Modality is {modality} " in said) == (modality in OTHERS)
