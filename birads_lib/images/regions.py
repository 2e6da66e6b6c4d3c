"""Regions of interest: square crops around findings, cut from the images themselves.

A network that sees a whole mammogram at 224 pixels sees no microcalcification; one that sees a crop
does. Each located finding of a data set gives one or several crops ("slices"), and an image without
any may give crops of healthy tissue.

The table of regions has a row per crop, in the order of the crops; ``as_cases`` makes of it what
splits, training and predictions take. Coordinates are continuous, in pixels of the image file: x
right, y down, 0 at the outer edge of the first pixel.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from birads_lib import tables
from birads_lib.cases import Dataset, contour_points
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError
from birads_lib.images.breast import breast_mask
from birads_lib.images.decode import read_grey, to_8bit
from birads_lib.images.frame import Geometry, finding_mask, is_located
from birads_lib.parallel import in_parallel
from birads_lib.task import LESION_KINDS

SMALLEST = 8  # side of a square in pixels of its image, however small the finding is
NONE = "none"  # kind of a region without a finding
CORNERS = ["x0", "y0", "x1", "y1"]
_OF_IMAGE = (
    "patient_id", "laterality", "view", "birads", "density", "malignancy", "label", "modality",
)  # fmt: skip
COLUMNS = [
    "roi_id", "image_id", *_OF_IMAGE, "finding", "slice", "kind", LESION_KINDS.name, "descriptors",
    *CORNERS, "left", "top", "side", "height", "width",
]  # fmt: skip
# As the label set of kinds calls them; others, such as asymmetries, have no label there.
_LABELS = dict(zip(LESION_KINDS.labels, LESION_KINDS.labels, strict=True)) | {
    "architectural_distortion": "distortion"
}
Square = tuple[int, int, int]  # left, top, side


class Options(Checked):
    """Options for cutting regions."""

    crop_size: int = Field(64, ge=8)  # side of a crop as the network sees it, in its pixels
    side: int = Field(0, ge=0)  # of the square in the image, in its pixels; 0: as the finding needs
    margin: float = Field(0.25, ge=0, le=4)  # beyond the finding, as a share of its longer side
    jitter: float = Field(0.2, ge=0, le=0.5)  # farthest shift off the centre, a share of the square
    slices: int = Field(1, ge=1)  # crops per finding, each with a shift of its own
    background: int = Field(0, ge=0)  # crops of each image that has no located finding
    seed: int = Field(0, ge=0)  # what all shifts, and the places of healthy tissue, follow from


def label_of(kind: str) -> str | None:
    """Return the label of ``LESION_KINDS`` of a kind of finding; None where it has none."""
    return _LABELS.get(kind)


def located(data: Dataset, kinds: Iterable[str] = ()) -> pd.DataFrame:
    """Return the findings whose place is known, each with the box around it.

    ``finding`` numbers those of an image as the table of findings has them, from 0. A box comes
    from its corners, else from its contour, else from its mask; where it has a contour, of one
    point perhaps, it is at least a pixel wide and high. ``kinds``: only these; none: all.
    """
    findings = data.findings.assign(finding=data.findings.groupby("image_id").cumcount())
    findings = findings[is_located(findings)]
    if kinds := [*kinds]:
        findings = findings[findings["kind"].isin(kinds)]
    boxes = [_box(finding, data.root) for finding in findings.itertuples()]
    return findings.assign(**pd.DataFrame(boxes, findings.index, CORNERS)).reset_index(drop=True)


def _box(finding, root: Path) -> tuple[float, ...]:
    points = contour_points(finding.contour)
    if not pd.isna(finding.x0):
        low, high = np.array([[finding.x0, finding.y0], [finding.x1, finding.y1]], float)
    elif len(points):
        low, high = points.min(axis=0), points.max(axis=0)
    else:
        mask = np.argwhere(read_grey(root / finding.mask_path, finding.mask_sha256) > 0)
        if not len(mask):
            return (np.nan,) * 4
        low, high = mask.min(axis=0)[::-1], mask.max(axis=0)[::-1] + 1
    if len(points):
        flat = 0.5 * (low == high)
        low, high = low - flat, high + flat
    return *low, *high


def square(
    box: Sequence[float], shape: tuple[int, int], options: Options, rng: np.random.Generator
) -> Square:
    """Return the square around a box, shifted at random, as left, top and side in whole pixels.

    A square that reaches beyond the image is moved inside; one larger than the image is made as
    large as its shorter side. The centre of what the image has of the box stays in the square.

    Args:
        box: x0, y0, x1, y1.
        shape: height and width of the image.
        options: side or margin, and jitter.
        rng: of the shift.
    """
    limits = np.array(shape[::-1])
    low, high = np.clip(np.reshape(box, (2, 2)), 0, limits)
    side = options.side or round((high - low).max() * (1 + 2 * options.margin))
    side = int(min(max(side, SMALLEST), *shape))
    centre = (low + high) / 2 + rng.uniform(-options.jitter, options.jitter, 2) * side
    left, top = np.clip(np.rint(centre - side / 2), 0, limits - side).astype(int)
    return int(left), int(top), side


def cut_regions(
    data: Dataset, kinds: Iterable[str] = (), *, workers: int = 2, **options: object
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of regions and their crops, uint8 (n, crop_size, crop_size).

    Each image is decoded once. A region follows from the seed and its finding alone: it is the same
    whatever other images and kinds are cut.

    Args:
        data: images with findings.
        kinds: of the findings to cut; none named: all.
        workers: images cut side by side.
        options: as ``Options`` has them.

    Raises:
        UserError: lists every option that doesn't exist, or is out of range.
        DatasetError: lists every image that can't be read and every box outside its image, or says
            that there is no region at all.
    """
    chosen, findings = Options.of(options), located(data, kinds)
    has_finding = data.findings.loc[is_located(data.findings), "image_id"]
    is_cut = data.cases["image_id"].isin(findings["image_id"])
    if chosen.background:
        is_cut |= ~data.cases["image_id"].isin(has_finding)
    images = data.cases[is_cut].fillna({"frame": ""})
    of_image = dict(list(findings.groupby("image_id")))
    jobs = {
        data.root / image["path"]: (image, of_image.get(image["image_id"]))
        for image in images.to_dict("records")
    }
    cut = partial(_of_image, chosen, _sides(findings, chosen))
    made, problems = [], []
    for of_file, wrong in in_parallel(cut, [*jobs], workers, "regions", jobs.values()):
        made += of_file
        problems += wrong
    if not made and not problems:
        problems = [f"no located finding of the kind {', '.join(kinds) or 'any'} to cut"]
    if problems:
        raise DatasetError(problems, "The regions")
    table = pd.DataFrame([row for row, _ in made], columns=COLUMNS)
    return table, np.stack([crop for _, crop in made])


def _sides(findings: pd.DataFrame, options: Options) -> np.ndarray:
    """Return the sides that squares of healthy tissue are drawn from: those around findings."""
    if options.side or findings.empty:
        return np.array([options.side or options.crop_size])
    longer = (findings[["x1", "y1"]].to_numpy() - findings[["x0", "y0"]].to_numpy()).max(axis=1)
    sides = np.rint(longer * (1 + 2 * options.margin))
    return np.maximum(sides[np.isfinite(sides)], SMALLEST).astype(int)


def _of_image(
    options: Options, sides: np.ndarray, path: Path, job: tuple[dict, pd.DataFrame | None]
) -> tuple[list[tuple[dict, np.ndarray]], list[str]]:
    """Return (row, crop) of each region of one file, and what is wrong with it and its boxes.

    ``job`` is the image's row of cases, and its findings, or None where healthy tissue is cut.
    """
    image, findings = job
    try:
        grey = to_8bit(read_grey(path, image["sha256"], image["frame"]))
    except DatasetError as error:
        return [], [str(error)]
    if findings is None:
        rows = _healthy(image, grey, options, sides)
    else:
        problems = _outside(findings, grey.shape)
        if problems:
            return [], problems
        rows = [
            row
            for finding in findings.to_dict("records")
            for row in around(finding, grey.shape, options)
        ]
    image_facts = {name: image[name] for name in _OF_IMAGE} | {"image_id": image["image_id"]}
    image_facts |= dict(zip(("height", "width"), grey.shape, strict=True))
    rows = [image_facts | row for row in rows]
    places = [place_of(row, options.crop_size) for row in rows]
    return [(row, place.fit(place.cut(grey))) for row, place in zip(rows, places, strict=True)], []


def _outside(findings: pd.DataFrame, shape: tuple[int, int]) -> list[str]:
    """Return a line for each box that has no extent, or none of it in its image."""
    problems, (height, width) = [], shape
    for finding in findings.itertuples():
        x0, y0, x1, y1 = (getattr(finding, corner) for corner in CORNERS)
        if x0 < min(x1, width) and y0 < min(y1, height) and x1 > 0 and y1 > 0:
            continue
        corners = ", ".join(f"{corner:g}" for corner in (x0, y0, x1, y1))
        problems.append(
            f"finding {finding.finding} of {finding.image_id}: its box ({corners}) is empty or "
            f"outside the image of {width} x {height} pixels; corners are x0, y0, x1, y1 in pixels "
            "of the image file"
        )
    return problems


def around(finding: Mapping, shape: tuple[int, int], options: Options) -> list[dict]:
    """Return a row for each slice of one finding, as ``located`` has it, in an image (H, W)."""
    rows = []
    for number in range(options.slices):
        name = f"{finding['image_id']}_f{finding['finding']}"
        rng = _rng(options.seed, f"{name}_{number}")
        left, top, side = square([finding[corner] for corner in CORNERS], shape, options, rng)
        shown = {corner: finding[corner] for corner in (*CORNERS, "kind", "descriptors", "finding")}
        rows.append(shown | {
            "roi_id": f"{name}_s{number}", "slice": number, "left": left, "top": top, "side": side,
            LESION_KINDS.name: label_of(finding["kind"]),
        })  # fmt: skip
    return rows


def _healthy(image: dict, grey: np.ndarray, options: Options, sides: np.ndarray) -> list[dict]:
    """Return a row for each region of an image without a finding, centred within the breast."""
    inside = np.argwhere(breast_mask(grey))
    exact = options.model_copy(update={"jitter": 0.0})
    rows = []
    for number in range(options.background):
        rng = _rng(options.seed, f"{image['image_id']}_none_{number}")
        y, x = rng.choice(inside)
        sized = exact.model_copy(update={"side": int(rng.choice(sides))})
        left, top, side = square((x, y, x + 1, y + 1), grey.shape, sized, rng)
        rows.append({
            "roi_id": f"{image['image_id']}_n_s{number}", "finding": -1, "slice": number,
            "kind": NONE, "descriptors": "", LESION_KINDS.name: NONE,
            "left": left, "top": top, "side": side,
        })  # fmt: skip
    return rows


def _rng(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one region, whatever other regions there are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def place_of(roi: Mapping[str, object], crop_size: int) -> Geometry:
    """Return the place of the image in the crop of a row of regions."""
    left, top, side = (int(roi[name]) for name in ("left", "top", "side"))
    shape = (int(roi["height"]), int(roi["width"]))
    box, inner = (left, top, left + side, top + side), (0, 0, crop_size, crop_size)
    return Geometry(shape, box, False, inner, crop_size)


def masks(data: Dataset, rois: pd.DataFrame, crop_size: int) -> list[np.ndarray | None]:
    """Return the mask of the finding in each crop, bool (crop_size, crop_size); None without one.

    A finding is its mask, else its contour, else its box.
    """
    numbered = data.findings.assign(finding=data.findings.groupby("image_id").cumcount())
    by_place = numbered.set_index(["image_id", "finding"])
    crop_masks = []
    for roi in rois.to_dict("records"):
        if roi["finding"] < 0:
            crop_masks.append(None)
            continue
        finding = by_place.loc[(roi["image_id"], roi["finding"])]
        crop_masks.append(finding_mask(finding, data.root, place_of(roi, crop_size)))
    return crop_masks


def contents(rois: pd.DataFrame) -> pd.DataFrame:
    """Return the overlap of squares with their findings' boxes, a row per region.

    Columns: ``inside`` (the share of the box that lies in the square, 0..1), ``fills`` (the share
    of the square that the box takes, 0..1), ``off_centre`` (from the square's centre to the box's,
    in sides of the square). NaN for regions without a finding.
    """
    low, high = rois[["x0", "y0"]].to_numpy(float), rois[["x1", "y1"]].to_numpy(float)  # (n, 2)
    corner = rois[["left", "top"]].to_numpy(float)
    side = rois["side"].to_numpy(float)
    shared = np.clip(np.minimum(high, corner + side[:, None]) - np.maximum(low, corner), 0, None)
    shift = (low + high) / 2 - corner - side[:, None] / 2
    return pd.DataFrame({
        "inside": shared.prod(axis=1) / (high - low).prod(axis=1),
        "fills": shared.prod(axis=1) / side**2,
        "off_centre": np.hypot(*shift.T) / side,
    }, index=rois.index)  # fmt: skip


def as_cases(rois: pd.DataFrame) -> pd.DataFrame:
    """Return regions as a table of images, for splits, training and predictions.

    A crop is then the image: ``image_id`` is the region's, and ``source_id`` the image's that it
    was cut from.
    """
    return rois.assign(source_id=rois["image_id"], image_id=rois["roi_id"])


def write(rois: pd.DataFrame, path: str | Path) -> None:
    """Write a table of regions."""
    tables.write(rois, path)


def read(path: str | Path, notebook: str) -> pd.DataFrame:
    """Read a table of regions; raise DatasetError naming the notebook that makes it."""
    return tables.read(path, notebook)
