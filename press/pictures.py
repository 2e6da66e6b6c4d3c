"""Pictures as the rendered book shows them: lossless WebP, each made once for all renderings."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, features

from birads_lib.files import sha256_of, written_whole
from press import paths

_OPTIONS = {"lossless": True, "quality": 75, "method": 3}
_MADE_BY = f"{features.version('webp')} {_OPTIONS}".encode()


def lossless(png: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG as WebP, pixel for pixel the same and a fifth lighter, and (width, height).

    What was made before is taken from ``_build/pictures`` where its pixels are those of the PNG:
    to look is five times as fast as to compress, and nobody can put another picture there.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    kept = paths.BUILD / "pictures" / f"{sha256_of(_MADE_BY + png)}.webp"
    webp = _read(kept, image)
    if webp is None:
        made = io.BytesIO()
        image.save(made, "WEBP", **_OPTIONS)
        webp = made.getvalue()
        with written_whole(kept) as temporary:
            temporary.write_bytes(webp)
    return webp, image.size


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
