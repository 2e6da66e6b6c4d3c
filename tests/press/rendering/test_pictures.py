"""Pictures of the book: drawings all but the same, made once, and never taken on trust."""

import io

import numpy as np
import pytest
from PIL import Image

from press import paths
from press.rendering import pictures


def png(pixels: np.ndarray) -> bytes:
    drawn = io.BytesIO()
    Image.fromarray(pixels).save(drawn, "PNG")
    return drawn.getvalue()


GRAIN = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
PIXELS = np.kron(GRAIN[:2, :3], np.ones((10, 10, 1), np.uint8))  # (20, 30, 3): six flat squares


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    return tmp_path / "pictures"


def pixels_of(webp: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(webp)))


def test_a_drawing_changes_by_two_levels_at_most_and_is_made_once(folder, monkeypatch):
    drawn = png(PIXELS)
    first, size = pictures.as_webp(drawn)
    assert size == (30, 20)
    assert np.abs(pixels_of(first).astype(int) - PIXELS).max() <= 2
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: pytest.fail("made again"))
    assert pictures.as_webp(drawn) == (first, size)


@pytest.mark.parametrize("level", [0, 255])
def test_black_stays_black_and_white_stays_white(folder, level):
    flat = np.full((20, 30, 3), level, np.uint8)
    assert np.array_equal(pixels_of(pictures.as_webp(png(flat))[0]), flat)


@pytest.mark.parametrize("forged", ["another picture", "half of it", "no picture"])
def test_what_lies_in_a_pictures_place_is_not_taken_for_it(folder, forged):
    first, _ = pictures.as_webp(png(PIXELS))
    (kept,) = folder.iterdir()
    other, _ = pictures.as_webp(png(255 - PIXELS))
    kept.write_bytes(
        {"another picture": other, "half of it": first[:40], "no picture": b"x"}[forged]
    )
    assert pictures.as_webp(png(PIXELS))[0] == first
    assert kept.read_bytes() == first


def test_a_photograph_changes_little_and_is_far_lighter(folder):
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:200, :200]
    smooth = 128 + 60 * np.sin(rows / 30) * np.cos(columns / 40)
    grey = np.clip(smooth + rng.normal(0, 2, (200, 200)), 0, 255).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=-1)
    webp, size = pictures.as_webp(png(image))
    assert size == (200, 200)
    assert np.abs(pixels_of(webp).astype(int) - image).mean() < 3
    exact = io.BytesIO()
    Image.fromarray(image).save(exact, "WEBP", lossless=True)
    assert len(webp) < len(exact.getvalue()) / 2
    assert pictures.as_webp(png(image))[0] == webp  # the same each time, so that books compare
    assert not folder.exists()
