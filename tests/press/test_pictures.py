"""Pictures of the book: pixel for pixel the same, made once, and never taken on trust."""

import io

import numpy as np
import pytest
from PIL import Image

from press import paths, pictures


def png(pixels: np.ndarray) -> bytes:
    drawn = io.BytesIO()
    Image.fromarray(pixels).save(drawn, "PNG")
    return drawn.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    return tmp_path / "pictures"


def pixels_of(webp: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(webp)))


def test_a_picture_keeps_its_pixels_and_is_made_once(folder, monkeypatch):
    drawn = png(PIXELS)
    first, size = pictures.lossless(drawn)
    assert size == (7, 5)
    assert np.array_equal(pixels_of(first), PIXELS)
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: pytest.fail("made again"))
    assert pictures.lossless(drawn) == (first, size)


@pytest.mark.parametrize("forged", ["another picture", "half of it", "no picture"])
def test_what_lies_in_a_pictures_place_is_not_taken_for_it(folder, forged):
    first, _ = pictures.lossless(png(PIXELS))
    (kept,) = folder.iterdir()
    other, _ = pictures.lossless(png(255 - PIXELS))
    kept.write_bytes(
        {"another picture": other, "half of it": first[:40], "no picture": b"x"}[forged]
    )
    assert pictures.lossless(png(PIXELS))[0] == first
    assert kept.read_bytes() == first
