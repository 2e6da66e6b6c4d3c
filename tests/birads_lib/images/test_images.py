"""Decoding to grey, and the way from an image to the square a network sees."""

import io

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from birads_lib import images, parallel
from birads_lib.cases import Dataset, no_findings
from birads_lib.errors import DatasetError, UserError
from birads_lib.files import sha256
from birads_lib.images.decode import decode
from birads_lib.images.prepare import Options, placed
from birads_lib.readers.image_files import inspect

RNG = np.random.default_rng(0)


def random_pixels(top: int, shape=(40, 30)) -> np.ndarray:
    kind = np.uint8 if top < 256 else np.uint16
    return RNG.integers(0, top + 1, shape).astype(kind)


def dicom(stored: np.ndarray, *, bits=12, syntax=ExplicitVRLittleEndian, **tags) -> bytes:
    """Return a mammogram's file of ``stored`` values (H, W), as pydicom writes it."""
    header = pydicom.Dataset()
    header.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    header.SOPInstanceUID = generate_uid()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    encode_later = syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if encode_later else syntax
    header.Modality = "MG"
    header.Rows, header.Columns = stored.shape[:2]
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = 8 * stored.dtype.itemsize
    header.BitsStored, header.HighBit = bits, bits - 1
    header.PixelRepresentation = int(stored.dtype.kind == "i")
    header.PixelData = stored.tobytes()
    for name, value in tags.items():
        setattr(header, name, value)
    if encode_later:
        header.compress(syntax)
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


def picture(pixels: np.ndarray, kind="PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("top", [255, 65535])
def test_png_keeps_every_value(top, tmp_path):
    pixels = random_pixels(top)
    (tmp_path / "a.png").write_bytes(picture(pixels))
    grey = images.read_grey(tmp_path / "a.png")
    assert grey.dtype == pixels.dtype
    np.testing.assert_array_equal(grey, pixels)


def pgm(pixels: np.ndarray, white: int | None = None) -> bytes:
    """Return a binary PGM file of grey values (H, W), ``white`` the largest that may be there."""
    white = white or np.iinfo(pixels.dtype).max
    stored = pixels.astype(">u2" if white > 255 else "u1")
    return f"P5 {pixels.shape[1]} {pixels.shape[0]} {white}\n".encode() + stored.tobytes()


@pytest.mark.parametrize("top", [255, 65535])
@pytest.mark.parametrize("kind", ["pgm", "tiff", "lzw"])
def test_pgm_and_tiff_keep_every_value(top, kind):
    pixels = random_pixels(top)
    data = pgm(pixels) if kind == "pgm" else picture(pixels, "TIFF", **{
        "compression": "tiff_lzw" if kind == "lzw" else None
    })  # fmt: skip
    grey = decode(data)
    assert grey.dtype == pixels.dtype
    np.testing.assert_array_equal(grey, pixels)


def test_pgm_of_12_bits_is_spread_to_its_white():
    grey = decode(pgm(np.array([[0, 1, 2048, 4095]], np.uint16), white=4095))
    assert grey.tolist() == [[0, 16, 32776, 65535]]


@pytest.mark.parametrize("top", [255, 65535])
def test_tiff_in_which_zero_is_white_is_inverted(top):
    pixels = random_pixels(top)
    stored = bytearray(picture(pixels, "TIFF"))
    at = stored.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")  # tag 262, one short: 1
    stored[at + 8] = 0
    np.testing.assert_array_equal(decode(bytes(stored)), top - pixels)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_pictures_are_turned_as_exif_says(kind):
    upright = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (40, 1))  # (40, 30)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    turned = picture(np.rot90(upright), kind, exif=exif)
    assert decode(turned).shape == (40, 30)
    assert abs(decode(turned).astype(int) - upright).max() <= 3


def test_jpeg_is_close_to_what_was_saved():
    smooth = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))
    assert abs(decode(picture(smooth, "JPEG", quality=95)).astype(int) - smooth).max() <= 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "LA"])
def test_grey_in_other_clothes_is_grey(mode):
    pixels = np.where(random_pixels(1) > 0, 255, 0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    np.testing.assert_array_equal(decode(file.getvalue()), pixels)


def test_grey_jpeg_saved_in_colour_is_grey():
    pixels = np.repeat(random_pixels(255)[..., None], 3, axis=2)
    assert decode(picture(pixels, "JPEG")).shape == pixels.shape[:2]


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless],
    ids=lambda uid: uid.name,
)
def test_dicom_keeps_every_value_in_lossless_syntaxes(syntax):
    stored = random_pixels(4095, (70, 66))  # JPEG 2000 needs 64 pixels a side
    grey = decode(dicom(stored, syntax=syntax))
    assert grey.dtype == np.uint16
    np.testing.assert_array_equal(grey, stored)


def jpeg_lossless(stored: np.ndarray) -> bytes:
    """Return a JPEG lossless stream (ITU-T T.81, process 14, first predictor) of (H, W) values."""
    values = stored.astype(int)
    rows, columns = values.shape
    ahead = np.empty_like(values)
    ahead[:, 1:] = values[:, :-1]
    ahead[1:, 0] = values[:-1, 0]
    ahead[0, 0] = 1 << 11  # half of 12 bits
    bits = []
    for difference in (values - ahead).ravel().tolist():
        size = abs(difference).bit_length()
        extra = difference if difference >= 0 else difference + (1 << size) - 1
        bits.append(f"{size:04b}" + (f"{extra:0{size}b}" if size else ""))
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    body = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
    frame = b"\xff\xc3\x00\x0b\x0c" + rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    # Huffman table: the thirteen sizes 0..12 as codes of four bits each
    table = b"\xff\xc4" + (19 + 13).to_bytes(2, "big") + b"\x00"
    table += bytes([0, 0, 0, 13] + [0] * 12) + bytes(range(13))
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
    return b"\xff\xd8" + frame + b"\x01\x01\x11\x00" + table + scan + body + b"\xff\xd9"


def dicom_of_jpeg_lossless(stored: np.ndarray) -> bytes:
    header = pydicom.dcmread(io.BytesIO(dicom(stored)))
    header.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    header.PixelData = pydicom.encaps.encapsulate([jpeg_lossless(stored)])
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_dicom_in_jpeg_lossless():
    stored = random_pixels(4095)
    np.testing.assert_array_equal(decode(dicom_of_jpeg_lossless(stored)), stored)


def test_monochrome1_is_inverted():
    stored = random_pixels(4095)
    grey = decode(dicom(stored, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(grey, 4095 - stored)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_window_follows_the_standard(polarity):
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    centre, width = 2000, 1000
    tags = {"WindowCenter": centre, "WindowWidth": width, "PhotometricInterpretation": polarity}
    grey = decode(dicom(stored, **tags))
    # DICOM PS3.3 C.11.2.1.2.1, linear
    share = (stored - (centre - 0.5)) / (width - 1) + 0.5
    wanted = np.clip(share, 0, 1) * 4095
    wanted = 4095 - wanted if polarity == "MONOCHROME1" else wanted
    assert abs(grey - wanted).max() <= 1


def test_voi_lut_sequence_and_negative_rescale():
    lut = pydicom.Dataset()
    lut.LUTDescriptor = [4, 0, 16]
    lut.LUTData = np.array([0, 10, 1000, 60000], "<u2").tobytes()
    stored = np.array([[0, 1], [2, 3]], np.uint16)
    sequence = pydicom.Sequence([lut])
    with_lut = decode(dicom(stored, VOILUTSequence=sequence))
    assert with_lut.tolist() == [[0, 10], [1000, 60000]]
    rescaled = decode(dicom(stored, RescaleSlope=2, RescaleIntercept=-6))
    assert rescaled.tolist() == [[0, 2], [4, 6]]


def test_signed_and_8_bit_dicom():
    stored = random_pixels(255)
    np.testing.assert_array_equal(decode(dicom(stored, bits=8)), stored)
    signed = np.array([[-32768, 0], [1, 32767]], np.int16)
    assert decode(dicom(signed, bits=16)).tolist() == [[0, 32768], [32769, 65535]]


PIXELS = random_pixels(255)


def colourful() -> np.ndarray:
    return RNG.integers(0, 255, (20, 20, 3)).astype(np.uint8)


def without_pixels() -> bytes:
    header = pydicom.dcmread(io.BytesIO(dicom(random_pixels(4095))))
    del header.PixelData
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


def transparent() -> bytes:
    pixels = RNG.integers(0, 255, (20, 20, 4)).astype(np.uint8)
    return picture(pixels)


def deep_colour() -> bytes:
    pixels = RNG.integers(0, 65535, (20, 20, 3)).astype(np.uint16)
    return cv2.imencode(".png", pixels)[1].tobytes()


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"<html>not found</html>", "is not a PNG, JPEG, PGM, TIFF or DICOM file"),
    "bmp": (picture(random_pixels(255), "BMP"), "is a BMP file, not a PNG"),
    "gif": (picture(random_pixels(255), "GIF"), "is a GIF file, not a PNG"),
    "jpeg 2000": (picture(random_pixels(255), "JPEG2000"), "is a JPEG 2000 file, not a PNG"),
    "pgm in text": (b"P2 2 1 255 3 4", "is a PGM file in text, not a PNG"),
    "truncated pgm": (pgm(random_pixels(255))[:-5], "cannot be decoded"),
    "truncated tiff": (picture(random_pixels(65535), "TIFF")[:-5], "cannot be decoded"),
    "float tiff": (picture(np.ones((5, 5), np.float32), "TIFF"), "32 bits a pixel"),
    "colour tiff": (picture(colourful(), "TIFF", compression="tiff_lzw"), "is a colour image"),
    "pages": (
        picture(PIXELS, "TIFF", save_all=True, append_images=[Image.fromarray(PIXELS)]),
        "several pages",
    ),
    "truncated png": (picture(random_pixels(255, (300, 300)))[:-3000], "cannot be decoded"),
    "png's first bytes": (picture(random_pixels(255))[:20], "cannot be decoded"),
    "truncated jpeg": (
        picture(random_pixels(255, (300, 300)), "JPEG")[:-3000],
        "cannot be decoded",
    ),
    "truncated dicom": (dicom(random_pixels(4095))[:-500], "cannot be decoded"),
    "dicom's header": (dicom(random_pixels(4095))[:200], "DICOM"),
    "truncated j2k": (
        dicom(random_pixels(4095, (99, 99)), syntax=JPEG2000Lossless)[:-5000],
        "without pixels, or cut off",
    ),
    "colour png": (picture(colourful()), "is a colour image"),
    "colour jpeg": (picture(colourful(), "JPEG"), "is a colour image"),
    "deep colour": (deep_colour(), "16-bit colour"),
    "transparent": (transparent(), "transparent"),
    "no pixels": (without_pixels(), "without pixels"),
    "frames": (
        dicom(np.stack([random_pixels(4095)] * 2).reshape(80, 30), NumberOfFrames=2, Rows=40),
        "several frames",
    ),
    "colour dicom": (
        dicom(
            colourful(),
            bits=8,
            SamplesPerPixel=3,
            PlanarConfiguration=0,
            PhotometricInterpretation="RGB",
        ),
        "is a colour image",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore")
def test_bad_files_are_refused_with_the_reason(name, tmp_path):
    data, reason = BAD[name]
    path = tmp_path / "image.bin"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=reason) as caught:
        images.read_grey(path)
    assert str(path) in str(caught.value)
    assert inspect(path).problem in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "whole",
    [
        picture(random_pixels(255)),
        picture(random_pixels(255), "JPEG"),
        dicom(random_pixels(4095)),
        dicom(random_pixels(4095, (66, 66)), syntax=JPEG2000Lossless),
        dicom(random_pixels(4095), syntax=RLELossless),
        dicom_of_jpeg_lossless(random_pixels(4095)),
    ],
    ids=["png", "jpeg", "dicom", "jpeg 2000", "rle", "jpeg lossless"],
)
def test_every_cut_of_a_file_is_seen_or_harmless(whole):
    entire = decode(whole)
    for end in range(0, len(whole), len(whole) // 100):
        try:
            seen = decode(whole[:end])
        except ValueError:
            continue
        np.testing.assert_array_equal(seen, entire)  # only what follows the pixels is missing


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(
    whole=st.sampled_from([picture(PIXELS), picture(PIXELS, "JPEG"), dicom(PIXELS, bits=8)]),
    changes=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), min_size=1),
)
def test_damaged_bytes_give_an_image_or_a_value_error(whole, changes):
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    try:
        assert decode(bytes(data)).ndim == 2
    except ValueError:
        return


def test_missing_file_is_a_dataset_error(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        images.read_grey(tmp_path / "none.png")


def test_equal_pixels_in_two_formats_have_one_digest(tmp_path):
    pixels = random_pixels(255)
    (tmp_path / "a.png").write_bytes(picture(pixels))
    (tmp_path / "b.dcm").write_bytes(dicom(pixels, bits=8))
    png, dcm = inspect(tmp_path / "a.png"), inspect(tmp_path / "b.dcm")
    assert png.pixels == dcm.pixels
    assert png.sha256 != dcm.sha256
    assert (png.height, png.width) == (40, 30)


def test_16_bits_are_windowed_between_percentiles():
    values = np.arange(10001, dtype=np.uint16)[None]
    grey = images.to_8bit(values, (10, 90))
    assert grey.dtype == np.uint8
    assert grey[0, 1000] == 0
    assert grey[0, 9000] == 255
    assert grey[0, 5000] in (127, 128)
    assert images.to_8bit(np.full((3, 3), 700, np.uint16)).max() == 0  # flat, no division by zero


def synthetic_mammogram(height=300, width=240, left=False) -> np.ndarray:
    """Half an ellipse of tissue at one edge, a label in the far corner, black elsewhere."""
    y, x = np.mgrid[:height, :width]
    grey = np.zeros((height, width), np.uint8)
    grey[((x - width) / 150) ** 2 + ((y - 160) / 100) ** 2 < 1] = 120
    grey[20:35, 10:50] = 255
    return np.ascontiguousarray(grey[:, ::-1]) if left else grey


def test_crop_keeps_the_breast_and_drops_the_label():
    grey = synthetic_mammogram()
    x0, y0, x1, y1 = images.breast_box(grey)
    margin = 2 + images.CROP_MARGIN * 300
    assert abs(np.array([x0, y0, x1, y1]) - (90, 60, 240, 260)).max() <= margin
    assert (grey[y0:y1, x0:x1] == 120).sum() == (grey == 120).sum()
    assert (grey[y0:y1, x0:x1] == 255).sum() == 0


def test_crop_of_nothing_is_the_whole_image():
    assert images.breast_box(np.zeros((30, 20), np.uint8)) == (0, 0, 20, 30)


def test_letterbox_keeps_the_aspect_ratio():
    grey = np.full((300, 150), 200, np.uint8)
    frame = images.preprocess(grey, image_size=64, letterbox=True, clahe=False)
    assert frame.shape == (64, 64)
    assert (frame[:, 16:48] == 200).all()
    assert frame[:, :16].max() == frame[:, 48:].max() == 0
    stretched = images.preprocess(grey, image_size=64, clahe=False)
    assert (stretched == 200).all()


def test_flip_puts_every_breast_on_the_same_side():
    right, left = synthetic_mammogram(), synthetic_mammogram(left=True)
    options = {"image_size": 96, "crop": True, "flip_to_left": True}
    turned, unturned = images.preprocess(right, **options), images.preprocess(left, **options)
    assert turned[:, :48].sum() > turned[:, 48:].sum()
    assert abs(turned.astype(int) - unturned).mean() < 1


def test_steps_come_in_the_order_asked_for():
    image = random_pixels(65535, (120, 90))
    assert list(images.steps(image)) == ["grey", "resized", "clahe"]
    first = images.steps(image, clahe_before_resize=True, crop=True)
    assert list(first) == ["grey", "cropped", "clahe", "resized"]
    assert list(images.steps(image, clahe=False)) == ["grey", "resized"]
    np.testing.assert_array_equal(images.preprocess(image), images.steps(image)["clahe"])


def test_clahe_is_opencvs_on_the_resized_image():
    grey = random_pixels(255, (224, 224))
    wanted = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(grey)
    np.testing.assert_array_equal(images.preprocess(grey, clip_limit=3.0, tiles=4), wanted)


def test_unknown_option_names_the_nearest():
    with pytest.raises(UserError, match="'letter_box'; did you mean 'letterbox'"):
        images.preprocess(random_pixels(255), letter_box=True)


def test_options_out_of_range_are_all_told():
    with pytest.raises(UserError) as caught:
        images.preprocess(PIXELS, image_size=0, clip_limit=0, tiles=0, window_percentiles=(9, 1))
    assert len(str(caught.value).splitlines()) == 4


@settings(max_examples=40, deadline=None)
@given(
    spot=st.tuples(st.integers(100, 230), st.integers(90, 230)),
    letterbox=st.booleans(),
    crop=st.booleans(),
    flip=st.booleans(),
)
def test_points_masks_and_pixels_go_the_same_way(spot, letterbox, crop, flip):
    x, y = spot
    grey = synthetic_mammogram()
    mask = np.zeros(grey.shape, bool)
    mask[y - 3 : y + 4, x - 3 : x + 4] = True
    marked = np.where(mask, 0, grey)
    options = {"image_size": 128, "letterbox": letterbox, "crop": crop, "flip_to_left": flip}
    place = placed(grey, Options(**options))
    x0, y0, x1, y1 = place.box
    left, top, right, bottom = place.inner
    across, down = (x + 0.5 - x0) / (x1 - x0), (y + 0.5 - y0) / (y1 - y0)  # 0..1 in the box
    to_x = left + (right - left) * (1 - across if place.mirrored else across)
    to_y = top + (bottom - top) * down
    rows, columns = np.nonzero(place.mask(mask))
    assert abs(columns.mean() + 0.5 - to_x) < 0.6
    assert abs(rows.mean() + 0.5 - to_y) < 0.6
    if grey[mask].min() == 120:  # all inside the breast: the hole moves with the mask
        hole = place.fit(place.cut(grey)).astype(int) - place.fit(place.cut(marked))
        weights = hole / hole.sum()
        assert abs((weights.sum(axis=0) * (np.arange(128) + 0.5)).sum() - to_x) < 0.6
        assert abs((weights.sum(axis=1) * (np.arange(128) + 0.5)).sum() - to_y) < 0.6


def test_a_single_pixel_of_a_mask_survives_shrinking():
    mask = np.zeros((1000, 1000), bool)
    mask[500, 500] = True
    place = placed(mask.astype(np.uint8), Options(image_size=32))
    assert place.mask(mask).sum() == 1
    assert place.mask(np.zeros_like(mask)).sum() == 0


def folder_of(tmp_path, count) -> Dataset:
    paths = [tmp_path / f"{index}.png" for index in range(count)]
    for path in paths:
        path.write_bytes(picture(random_pixels(255)))
    cases = pd.DataFrame({"image_id": [path.stem for path in paths]})
    cases["path"], cases["size_bytes"] = [path.name for path in paths], 1
    cases["sha256"] = [sha256(path) for path in paths]
    return Dataset(tmp_path, cases, no_findings())


@pytest.mark.parametrize("many_bytes", [parallel.MANY_BYTES, 0], ids=["threads", "processes"])
def test_all_images_in_order_in_one_file(tmp_path, monkeypatch, many_bytes):
    monkeypatch.setattr(parallel, "MANY_BYTES", many_bytes)
    dataset = folder_of(tmp_path, 9)
    paths = tmp_path / "images.npy", tmp_path / "geometry.parquet"
    images.preprocess_all(dataset, *paths, workers=2, image_size=32, crop=True)
    array = np.load(tmp_path / "images.npy", mmap_mode="r")
    wanted = [
        images.preprocess(images.read_grey(path), image_size=32, crop=True)
        for path in dataset.files()
    ]
    np.testing.assert_array_equal(array, wanted)
    assert array.dtype == np.uint8


def test_where_each_image_lies_is_written_with_it(tmp_path):
    dataset = folder_of(tmp_path, 3)
    cv2.imwrite(str(dataset.files()[2]), synthetic_mammogram())
    dataset.cases["sha256"] = [sha256(path) for path in dataset.files()]
    frame = {"image_size": 32, "crop": True, "letterbox": True, "flip_to_left": True}
    paths = tmp_path / "images.npy", tmp_path / "geometry.parquet"
    images.preprocess_all(dataset, *paths, **frame)
    geometries = images.read_geometry(tmp_path / "geometry.parquet")
    assert list(geometries) == ["0", "1", "2"]
    for path, place in zip(dataset.files(), geometries.values(), strict=True):
        assert place == placed(images.read_grey(path), Options(**frame))
    assert geometries["2"].mirrored
    with pytest.raises(DatasetError, match=r"none\.parquet.*run 02_preprocessing again"):
        images.read_geometry(tmp_path / "none.parquet")
    pd.DataFrame({"image_id": ["0"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DatasetError, match=r"(?s)other\.parquet.*run 02_preprocessing again"):
        images.read_geometry(tmp_path / "other.parquet")


def test_images_changed_since_are_all_named_and_nothing_is_written(tmp_path):
    dataset = folder_of(tmp_path, 4)
    dataset.files()[1].write_bytes(b"")
    dataset.files()[2].write_bytes(dataset.files()[0].read_bytes())
    dataset.files()[3].unlink()
    named = r"(?s)1\.png.*has changed since.*2\.png.*has changed since.*3\.png.*No such file"
    with pytest.raises(DatasetError, match=named):
        images.preprocess_all(
            dataset, tmp_path / "images.npy", tmp_path / "geometry.parquet", image_size=32
        )
    assert not [*tmp_path.glob("*.npy"), *tmp_path.glob("*.parquet")]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("seed", range(20))
def test_windows_as_numpy_s_percentiles_and_scaling_pixel_by_pixel(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(1, 65536), (rng.integers(1, 90), 7)).astype(np.uint16)
    low, high = np.percentile(image, window := sorted(rng.uniform(0, 100, 2)))
    scaled = (image.astype(np.float32) - low) * (255 / max(high - low, 1))
    expected = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(images.to_8bit(image, window), expected)
