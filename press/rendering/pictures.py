"""Pictures as the rendered book shows them, as WebP, lighter and nearly the same."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, features

from birads_lib.files import sha256_of, written_whole
from press import paths

_LOSSLESS = {"lossless": True, "quality": 100, "method": 4}
_LOSSY = {"quality": 75, "method": 6}
STEP = 4  # grey levels between those that a drawing keeps
_MADE_BY = f"{features.version('webp')} {_LOSSLESS} {STEP}".encode()
GRAINY = 0.875  # share of pixels that equal the one to their left, below which it's a photograph


def as_webp(png: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG as WebP, and (width, height).

    A drawing changes by at most two of 255 levels of a colour and is a quarter lighter. One that
    was made before is taken from ``_build/pictures`` where its pixels are those that it should
    have: to look is five times as fast as to compress, and nobody can put another picture there. A
    picture of images, such as mammograms, changes by about one grey level on average and is two
    thirds lighter; it is quick to make anew.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    if _is_photograph(image):
        return _encoded(image, _LOSSY), image.size
    image = _rounded(image)
    cached = paths.BUILD / "pictures" / f"{sha256_of(_MADE_BY + png)}.webp"
    webp = _read(cached, image)
    if webp is None:
        webp = _encoded(image, _LOSSLESS)
        with written_whole(cached) as temporary:
            temporary.write_bytes(webp)
    return webp, image.size


def _is_photograph(image: Image.Image) -> bool:
    pixels = np.asarray(image.convert("RGBX")).view(np.uint32)  # (h, w, 1): one number a colour
    return bool((pixels[:, 1:] == pixels[:, :-1]).mean() < GRAINY)


def _rounded(image: Image.Image) -> Image.Image:
    """Return an image whose levels are multiples of ``STEP``, or 255, so that white stays white."""
    levels = np.minimum((np.arange(256) + STEP // 2) // STEP * STEP, 255)
    return image.point(levels.tolist() * 3)


def _encoded(image: Image.Image, options: dict) -> bytes:
    made = io.BytesIO()
    image.save(made, "WEBP", **options)
    return made.getvalue()


def _read(path: Path, image: Image.Image) -> bytes | None:
    """Return the bytes of a kept picture; None where there is none, or it shows another image."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        is_same = np.array_equal(Image.open(io.BytesIO(content)).convert("RGB"), image)
    except OSError:  # no picture, or half of one
        return None
    return content if is_same else None
