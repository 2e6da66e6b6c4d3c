"""Properties of image files that aren't findings: size, bits, border; and the odd files.

They reveal images that were exported wrongly, and facts that a network may learn in place of a
lesion (``scores.shortcuts``).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.cases import Dataset, Note
from birads_lib.errors import DatasetError
from birads_lib.files import sha256_of
from birads_lib.images import dicom_file
from birads_lib.images.decode import decode, has_dicom_head
from birads_lib.parallel import WORKERS, in_parallel

BORDER = 0.03  # of each side, at its ends: the frame in which the border is measured
BLACK = 0.02  # of the range of grey levels: what lies below it counts as black
WHITE_AIR = 0.75  # of that range: a border above it, and above the middle, is air shown white
FAR = 10  # times more or fewer pixels than the median image has
_SEEN: dict[tuple[Path, str, str], dict[str, object]] = {}  # by path, SHA-256 and frame


def looks(dataset: Dataset) -> pd.DataFrame:
    """Return the properties of every image, a row each, by image_id.

    Columns: format ("DICOM" or a picture's suffix), photometric (of DICOM; else None), bits (as
    stored), kilobytes, height and width (pixels), flat (whether all pixels are equal), and of the
    range of grey levels, 0..1, border and middle (means) and air (median of the border); black is
    the share of pixels at its lower end. Of a flat image these four are NaN.

    Images that a reader decoded in this process aren't decoded again.

    Raises:
        DatasetError: a file was changed since it was listed.
    """
    listed = dataset.listed()
    new = [path for path in listed if (path, *listed[path]) not in _SEEN]
    new_rows = in_parallel(_look, new, WORKERS, "looking", [listed[path] for path in new])
    for path, row in zip(new, new_rows, strict=True):
        keep(path, *listed[path], row)
    rows = [_SEEN[path, *listed[path]] for path in listed]
    return pd.DataFrame(rows, index=pd.Index(dataset.cases["image_id"], name="image_id"))


def keep(path: Path, sha256: str, frame: str, row: dict[str, object]) -> None:
    """Keep the row that ``look_at`` returned for a file of this hash, for ``looks``."""
    _SEEN[path, sha256, frame] = row


def _look(path: Path, listed: tuple[str, str]) -> dict[str, object]:
    data, (sha256, frame) = path.read_bytes(), listed
    if sha256_of(data) != sha256:
        raise DatasetError("has changed while it was read; run this again", repr(path.name))
    return look_at(path, data, decode(data, frame))


def look_at(path: Path, data: bytes, image: np.ndarray) -> dict[str, object]:
    """Return the row of ``looks`` of a file, of its bytes and the image (H, W) in it."""
    kind = {"format": path.suffix.lower().lstrip(".").replace("jpeg", "jpg"), "photometric": None}
    kind["bits"] = 8 * image.dtype.itemsize
    if has_dicom_head(data):
        tags = ["PhotometricInterpretation", "BitsStored"]
        header = dicom_file.opened(data, stop_before_pixels=True, specific_tags=tags)
        kind = {
            "format": "DICOM", "photometric": str(header.get(tags[0]) or "not stated"),
            "bits": int(header.get(tags[1]) or kind["bits"]),
        }  # fmt: skip
    shape = {"kilobytes": len(data) / 1000, "height": image.shape[0], "width": image.shape[1]}
    return kind | shape | _grey(image)


def _grey(image: np.ndarray) -> dict[str, object]:
    """Return the grey levels of parts of an image (H, W), see ``looks``."""
    low, high = int(image.min()), int(image.max())
    if low == high:
        return {"flat": True} | dict.fromkeys(("border", "air", "middle", "black"), np.nan)
    height, width = image.shape
    y, x = (max(1, round(BORDER * side)) for side in image.shape)
    sides = (image[:y], image[-y:], image[y:-y, :x], image[y:-y, -x:])
    frame = np.concatenate([side.ravel() for side in sides])
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    levels = {"border": frame.mean(), "air": np.median(frame), "middle": middle.mean()}
    scaled = {name: float(level - low) / (high - low) for name, level in levels.items()}
    black = np.count_nonzero(image <= low + BLACK * (high - low)) / image.size
    return {"flat": False} | scaled | {"black": black}


def odd(table: pd.DataFrame) -> list[Note]:
    """Return notes on odd images among ``looks``: flat, inverted, or of another size."""
    pixels = table["height"] * table["width"]
    ratio = pixels / pixels.median()
    kinds = {
        "flat, all their pixels are equal: export them again or remove them": table["flat"],
        "inverted, as their air is white: export them with black air, or networks learn this":
            (table["air"] > WHITE_AIR) & (table["air"] > table["middle"]),
        f"of another size, {FAR} times more or fewer pixels than most have: are they mammograms?":
            (ratio >= FAR) | (ratio <= 1 / FAR),
    }  # fmt: skip
    return [
        Note(f"{are.sum()} of {len(table)} images seem {words}", tuple(table.index[are]))
        for words, are in kinds.items()
        if are.any()
    ]


def overview(cases: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the formats of files: a row per fact and value, with its number of images.

    Args:
        cases: the table of images.
        table: their ``looks``.
    """
    size = table["width"].astype(str) + " x " + table["height"].astype(str)
    facts = {
        "format": table["format"], "bits": table["bits"], "photometric": table["photometric"],
        "width x height": size, "spacing (mm)": cases["spacing_mm"], "machine": cases["machine"],
    }  # fmt: skip
    rows = [(name, *row) for name, values in facts.items() for row in _counted(values)]
    return pd.DataFrame(rows, columns=["fact", "value", "images"]).set_index(["fact", "value"])


def _counted(values: pd.Series, most: int = 5) -> list[tuple[str, int]]:
    """Return the most frequent values and their counts, and how many further ones there are."""
    counts = values.map(lambda value: "unknown" if pd.isna(value) else str(value)).value_counts()
    listed = list(counts.head(most).items())
    if other_counts := counts.iloc[most:].tolist():
        listed.append((f"{len(other_counts)} other values", sum(other_counts)))
    return listed
