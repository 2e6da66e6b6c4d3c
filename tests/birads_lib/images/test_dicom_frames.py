"""DICOM files of several frames: the slice, or the projection, that a study asks for."""

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from birads_lib import images
from birads_lib.errors import DatasetError, UserError
from birads_lib.images import looks
from birads_lib.images.decode import decode
from birads_lib.images.dicom_header import read_header
from birads_lib.images.regions import cut_regions
from birads_lib.predict.trained_run import prepared
from birads_lib.readers import by_name
from birads_lib.readers.image_files import inspect_header
from helpers.dicom_files import mammogram
from helpers.pictures import mammogram as one_frame
from helpers.pictures import write

STORED = np.random.default_rng(3).integers(1, 4095, (5, 66, 70)).astype(np.uint16)
ASKED = {
    "1": STORED[0], "4": STORED[3], "middle": STORED[2], "maximum": STORED.max(axis=0),
    "mean": np.rint(STORED.mean(axis=0)),
}  # fmt: skip


def tomosynthesis(stored=STORED, syntax=ExplicitVRLittleEndian, **tags) -> bytes:
    """Return a file of frames (n, H, W) of 12 bits."""
    kind = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": int(stored.dtype.kind == "i")}
    header = mammogram(stored, **kind, Rows=stored.shape[1], Columns=stored.shape[2],
                       NumberOfFrames=len(stored))  # fmt: skip
    if syntax != ExplicitVRLittleEndian:
        header.compress(syntax)
    for name, value in tags.items():
        setattr(header, name, value)
    return saved(header)


def saved(header: pydicom.Dataset) -> bytes:
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("code", "view"),
    [("399368009", "MLO"), ("R-10226", "MLO"), ("399162004", "CC"), ("R-10242", "CC"), ("1", "")],
)
def test_side_and_view_of_tomosynthesis_are_read(code, view):
    group, anatomy, coded = (pydicom.Dataset() for _ in range(3))
    anatomy.FrameLaterality, coded.CodeValue = "R", code
    group.FrameAnatomySequence = [anatomy]
    groups = {"SharedFunctionalGroupsSequence": [group], "ViewCodeSequence": [coded]}
    header = read_header(tomosynthesis(ImageLaterality="", **groups))
    assert (header.laterality, header.view) == ("R", view)
    header = read_header(tomosynthesis(ImageLaterality="L", ViewPosition="ML", **groups))
    assert (header.laterality, header.view) == ("L", "ML")  # what is said of the whole file first
    del group.FrameAnatomySequence
    assert read_header(tomosynthesis(ImageLaterality="", **groups)).laterality == ""


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless])
def test_the_frame_that_is_asked_for_is_read(syntax, asked):
    grey = decode(tomosynthesis(syntax=syntax), asked)
    assert grey.dtype == np.uint16
    np.testing.assert_array_equal(grey, ASKED[asked])


@pytest.mark.parametrize("asked", ["2", "middle", "maximum", "mean"])
def test_what_is_asked_of_several_frames_does_not_matter_to_one(asked):
    np.testing.assert_array_equal(decode(tomosynthesis(STORED[:1]), asked), STORED[0])


def test_no_frame_is_decoded_but_those_that_count():
    header = pydicom.dcmread(io.BytesIO(tomosynthesis(syntax=RLELossless)))
    frames = list(generate_frames(header.PixelData, number_of_frames=len(STORED)))
    frames[1] = frames[1][:70]
    header.PixelData = encapsulate(frames)
    data = saved(header)
    np.testing.assert_array_equal(decode(data, "1"), STORED[0])
    for asked in ("2", "maximum", "mean"):
        with pytest.raises(ValueError, match="cannot be decoded as RLE Lossless"):
            decode(data, asked)


def test_the_brightest_of_inverted_values_is_the_lowest():
    data = tomosynthesis(PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(decode(data, "maximum"), 4095 - STORED.min(axis=0))
    np.testing.assert_array_equal(decode(data, "mean"), np.rint(4095 - STORED.mean(axis=0)))


def test_frames_of_signed_values_share_their_black():
    stored = (STORED.astype(int) - 2048).astype(np.int16)
    stored[0] = np.clip(stored[0], -5, None)  # its own darkest is another one
    data = tomosynthesis(stored)
    shown = stored.astype(int)
    for asked, of in (("maximum", shown.max(axis=0)), ("mean", shown.mean(axis=0))):
        np.testing.assert_allclose(decode(data, asked), of - min(of.min(), 0), atol=0.51)


def test_padding_is_no_part_of_a_projection():
    stored = STORED.copy()
    stored[:, 0] = 4095
    stored[:3, 1] = 4095
    data = tomosynthesis(stored, PixelPaddingValue=4095)
    seen = np.ma.masked_equal(stored.astype(int), 4095)
    np.testing.assert_array_equal(decode(data, "maximum"), seen.max(axis=0).filled(0))
    np.testing.assert_array_equal(decode(data, "mean"), np.rint(seen.mean(axis=0).filled(0)))


def group(slope: float, intercept: float, window=()) -> pydicom.Dataset:
    """Return the functional group of a frame: how its values are rescaled and shown."""
    values, shown, one = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    values.RescaleSlope, values.RescaleIntercept = slope, intercept
    one.PixelValueTransformationSequence = [values]
    if window:
        shown.WindowCenter, shown.WindowWidth = window
        one.FrameVOILUTSequence = [shown]
    return one


def test_each_frame_is_rescaled_as_its_functional_group_says():
    groups = [group(1, 10 * number) for number in range(5)]
    data = tomosynthesis(STORED // 2, PerFrameFunctionalGroupsSequence=groups)
    rescaled = STORED // 2 + 10 * np.arange(5)[:, None, None]
    np.testing.assert_array_equal(decode(data, "4"), rescaled[3])
    np.testing.assert_array_equal(decode(data, "maximum"), rescaled.max(axis=0))


def test_a_window_of_all_frames_is_applied():
    shared = [group(1, 0, window=(2048, 100))]
    data = tomosynthesis(SharedFunctionalGroupsSequence=shared)
    low, high = STORED[0] < 1998, STORED[0] > 2098
    grey = decode(data, "1")
    assert (set(grey[low]), set(grey[high])) == ({0}, {4095})
    nothing = [group(1, 0, window=(90000, 10))]
    for asked in ("1", "maximum", "mean"):
        with pytest.raises(ValueError, match="has one grey value after its look-up tables"):
            decode(tomosynthesis(SharedFunctionalGroupsSequence=nothing), asked)


@pytest.mark.parametrize(
    ("asked", "says"),
    [("", "as in 'frame: middle'"), ("6", "has 5 frames, and 'frame' is 6; choose one")],
)
def test_a_frame_that_is_not_named_or_not_there_is_told(asked, says, tmp_path):
    data = tomosynthesis()
    with pytest.raises(ValueError, match=says):
        decode(data, asked)
    (tmp_path / "a.dcm").write_bytes(data)
    assert says in inspect_header(tmp_path / "a.dcm", asked).problem


@pytest.mark.parametrize("frame", [0, -1, "first", "1.5", True, 1.0])
def test_what_names_no_frame_is_refused(frame, tmp_path):
    write(tmp_path, {"1/a.dcm": tomosynthesis()})
    with pytest.raises(UserError, match=r"'frame' .* expected .*number of a frame"):
        by_name.read("class_folders", tmp_path, frame=frame)


@pytest.mark.parametrize("frame", [4, "maximum"])
def test_a_study_of_frames_sees_the_same_from_reader_to_prediction(frame, tmp_path):
    home = write(tmp_path / "in", {"1/a.dcm": tomosynthesis(), "2/b.dcm": one_frame(1)})
    expected = images.preprocess(ASKED[str(frame)].astype(np.uint16), image_size=32)
    by_header = by_name.read("class_folders", home, pixels=False, frame=frame)
    dataset = by_name.read("class_folders", home, frame=frame)
    assert dataset.cases["frame"].fillna("").tolist() == [str(frame), ""]
    assert by_header.cases["frame"].fillna("").tolist() == [str(frame), ""]
    dataset.write(tmp_path)
    dataset = dataset.read(home, tmp_path)
    np.testing.assert_array_equal(images.original(dataset, "1/a.dcm"), ASKED[str(frame)])
    assert looks.looks(dataset).loc["1/a.dcm", ["height", "width"]].tolist() == [66, 70]
    options = {"image_size": 32, "frame": str(frame)}
    images.preprocess_all(dataset, tmp_path / "x.npy", tmp_path / "x.parquet", **options)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[0], expected)
    images.write_options(tmp_path / "how.json", **options)
    assert re.search(rf'"frame": ?"{frame}"', (tmp_path / "how.json").read_text())
    path = home / "1/a.dcm"
    np.testing.assert_array_equal(prepared(options, path), expected)
    np.testing.assert_array_equal(
        prepared({"image_size": 32}, path, dataset.listed()[path]), expected
    )


def test_regions_are_cut_from_the_frame(tmp_path):
    home = write(tmp_path, {"1/a.dcm": tomosynthesis(), "2/b.dcm": one_frame(1)})
    dataset = by_name.read("class_folders", home, frame="maximum")
    box = {"x0": 20, "y0": 20, "x1": 52, "y1": 52}
    findings = pd.DataFrame([{"image_id": "1/a.dcm", "kind": "mass", "descriptors": ""} | box])
    dataset = replace(dataset, findings=findings)
    _, crops = cut_regions(dataset, crop_size=32, side=32, jitter=0.0, background=0)
    expected = images.to_8bit(ASKED["maximum"].astype(np.uint16))[20:52, 20:52]
    np.testing.assert_array_equal(crops[0], expected)


def test_without_a_frame_all_files_of_several_are_listed(tmp_path):
    write(tmp_path, {"1/a.dcm": tomosynthesis(), "2/b.dcm": tomosynthesis(STORED[:4])})
    with pytest.raises(DatasetError) as caught:
        by_name.read("class_folders", tmp_path)
    problems = "\n".join(caught.value.problems)
    assert re.findall(r"several frames \((\d)\)", problems) == ["5", "4"]
