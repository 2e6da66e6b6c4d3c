"""Facts about image files beside their content, and the files that are odd."""

import dataclasses

import cv2
import numpy as np
import pandas as pd
import pytest

from birads_lib import cases
from birads_lib.errors import DatasetError
from birads_lib.files import sha256
from birads_lib.images import looks
from birads_lib.images.decode import decode
from birads_lib.readers import by_name, image_files
from helpers.pictures import mammogram


def breast(size=(60, 40)):
    image = np.zeros(size, np.uint8)
    cv2.circle(image, (0, size[0] // 2), size[0] // 3, 180, -1)
    image[size[0] // 2, 5] = 250
    return image


def dataset(root, images):
    for name, image in images.items():
        data = image if isinstance(image, bytes) else cv2.imencode(".png", image)[1].tobytes()
        (root / name).write_bytes(data)
    table = pd.DataFrame({"path": list(images), "image_id": list(images), "birads": 1})
    table["sha256"] = [sha256(root / name) for name in images]
    table["size_bytes"] = [(root / name).stat().st_size for name in images]
    return cases.Dataset(root, table, cases.no_findings())


def test_each_image_has_a_row_of_facts(tmp_path):
    dicom = mammogram(1, PhotometricInterpretation="MONOCHROME1")
    pixels = np.uint16(100) * breast()
    data = dataset(tmp_path, {"a.png": breast(), "b.dcm": dicom, "c.png": pixels})
    table = looks.looks(data)
    assert list(table.index) == ["a.png", "b.dcm", "c.png"]
    assert list(table["format"]) == ["png", "DICOM", "png"]
    assert list(table["bits"]) == [8, 12, 16]
    assert table.loc["b.dcm", "photometric"] == "MONOCHROME1"
    assert tuple(table.loc["a.png", ["height", "width"]]) == (60, 40)
    assert table.loc["a.png", "kilobytes"] == (tmp_path / "a.png").stat().st_size / 1000
    assert table.loc["a.png", "black"] == np.mean(breast() == 0)
    levels = ["border", "air", "middle", "black"]
    assert np.allclose(
        table.loc["a.png", levels].astype(float), table.loc["c.png", levels].astype(float)
    )
    overview = looks.overview(data.cases, table)["images"]
    assert overview["format", "png"] == 2
    assert overview["machine", "unknown"] == 3
    assert overview["width x height", "40 x 60"] == 2


def test_what_a_reader_has_decoded_is_not_decoded_again(tmp_path, monkeypatch):
    folder = tmp_path / "2"
    folder.mkdir()
    dicom = mammogram(1, PhotometricInterpretation="MONOCHROME1")
    dataset(folder, {"a.png": breast(), "b.dcm": dicom})
    decoded = []

    def counting(data, frame):
        decoded.append(frame)
        return decode(data, frame)

    for module in (image_files, looks):
        monkeypatch.setattr(module, "decode", counting)
    data = by_name.read("class_folders", tmp_path)
    table = looks.looks(data)
    assert len(decoded) == 2
    monkeypatch.setattr(looks, "_SEEN", {})
    pd.testing.assert_frame_equal(looks.looks(data), table)
    assert len(decoded) == 4


def test_flat_inverted_and_far_smaller_images_are_named_and_no_others(tmp_path):
    images = {f"good{n}.png": np.roll(breast(), n, 0) for n in range(5)}
    assert looks.odd(looks.looks(dataset(tmp_path, images))) == []
    images["dense.png"] = np.full((60, 40), 180, np.uint8)  # the breast fills all of it
    images["dense.png"][20:40, 10:30], images["dense.png"][0, 0] = 240, 0
    images |= {"flat.png": np.full((60, 40), 7, np.uint8), "white.png": 255 - breast()}
    images["thumbnail.png"] = cv2.resize(breast(), (10, 15))
    notes = looks.odd(looks.looks(dataset(tmp_path, images)))
    assert [note.names for note in notes] == [("flat.png",), ("white.png",), ("thumbnail.png",)]
    assert notes[0].text.startswith("1 of 9 images seem flat")


def test_a_file_that_changed_meanwhile_is_named(tmp_path):
    data = dataset(tmp_path, {"a.png": breast()})
    table = data.cases.assign(sha256="0" * 64)
    with pytest.raises(DatasetError, match=r"a\.png.*has changed"):
        looks.looks(dataclasses.replace(data, cases=table))


def test_many_values_are_counted_together():
    table = pd.DataFrame({"width": range(20, 30), "height": 9, "format": "png", "bits": 8})
    table["photometric"] = None
    known = pd.DataFrame({"spacing_mm": [0.07] * 10, "machine": ["A"] * 9 + [None]})
    counts = looks.overview(known, table)["images"]
    assert counts["width x height", "5 other values"] == 5
    assert counts["machine", "unknown"] == 1
    assert counts["spacing (mm)", "0.07"] == 10
