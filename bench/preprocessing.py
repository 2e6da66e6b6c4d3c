"""Decode, crop, resize and equalise full-size mammograms: 3328 x 2560 pixels of 12 bits."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from bench.contest import Contest, Peer
from birads_lib.cases import Dataset, no_findings
from birads_lib.files import sha256
from birads_lib.images import CROP_MARGIN, preprocess_all
from birads_lib.phantoms import render

IMAGES, HEIGHT, WIDTH, SIDE = 24, 3328, 2560, 224
FEW = 4  # images that the slowest contender is timed on


def write_images(folder: Path, kind: str) -> None:
    """Write generated mammograms of a kind: "png", "dcm" or "jp2" (DICOM with JPEG 2000)."""
    if len(files(folder)) == IMAGES:
        return
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        small = render(0, number, "L", "MLO", size=512, modality="DM").image
        pixels = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        noise = rng.normal(0, 12, pixels.shape) * (pixels > 20)  # a detector's, in the breast
        pixels = np.clip(pixels.astype(np.float32) * 12 + noise, 0, 4095).astype(np.uint16)
        if kind == "png":
            cv2.imwrite(str(folder / f"{number:02d}.png"), pixels)
        else:
            write_dicom(folder / f"{number:02d}.dcm", pixels, compressed=kind == "jp2")


def write_dicom(path: Path, pixels: np.ndarray, compressed: bool) -> None:
    header = pydicom.Dataset()
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"  # digital mammography
    header.SOPInstanceUID = pydicom.uid.generate_uid()
    header.set_pixel_data(pixels, "MONOCHROME2", 12)
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if compressed:
        header.compress(JPEG2000Lossless)
    header.save_as(path, enforce_file_format=True)


def ours(folder: Path) -> np.ndarray:
    out = folder.parent / f"{folder.name}.npy"
    places = out.with_suffix(".parquet")
    preprocess_all(dataset(folder), out, places, workers=2, image_size=SIDE, crop=True)
    return np.load(out)


def dataset(folder: Path) -> Dataset:
    """Return the images of a folder as a data set of which nothing else is known."""
    facts = [(p.stem, p.name, p.stat().st_size, sha256(p)) for p in files(folder)]
    cases = pd.DataFrame(facts, columns=["image_id", "path", "size_bytes", "sha256"])
    return Dataset(folder, cases, no_findings())


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.*"))


def read(path: Path) -> np.ndarray:
    if path.suffix == ".png":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return pydicom.dcmread(path).pixel_array


def opencv_loop(folder: Path) -> np.ndarray:
    return np.stack([with_opencv(read(path)) for path in files(folder)])


def with_opencv(image: np.ndarray) -> np.ndarray:
    """As a user would write it, at full size and step by step."""
    low, high = np.percentile(image, (0, 99.9))
    grey = np.clip((image - low) * (255 / max(high - low, 1)), 0, 255).round().astype(np.uint8)
    blurred = cv2.GaussianBlur(grey, (21, 21), 0)
    _, mask = cv2.threshold(blurred, 0, 1, cv2.THRESH_OTSU)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    x, y, w, h = stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax(), :4]
    m = round(CROP_MARGIN * max(grey.shape))
    kept = grey[max(0, y - m) : y + h + m, max(0, x - m) : x + w + m]
    small = cv2.resize(kept, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.createCLAHE(2.0, (8, 8)).apply(small)


def scikit_image(folder: Path) -> np.ndarray:
    return np.stack([with_scikit_image(path) for path in files(folder)[:FEW]])


def with_scikit_image(path: Path) -> np.ndarray:
    from skimage import exposure, filters, io, measure, transform

    image = io.imread(path) if path.suffix == ".png" else read(path)
    low, high = np.percentile(image, (0, 99.9))
    grey = exposure.rescale_intensity(image, (low, high), (0.0, 1.0))
    blurred = filters.gaussian(grey, 3)
    regions = measure.regionprops(measure.label(blurred > filters.threshold_otsu(blurred)))
    y0, x0, y1, x1 = max(regions, key=lambda region: region.area).bbox
    m = round(CROP_MARGIN * max(grey.shape))
    kept = grey[max(0, y0 - m) : y1 + m, max(0, x0 - m) : x1 + m]
    small = transform.resize(kept, (SIDE, SIDE), anti_aliasing=True)
    # Its limit is a share of the tile; that of OpenCV is 2 times a flat histogram of 256 bins.
    equalised = exposure.equalize_adapthist(small, kernel_size=SIDE // 8, clip_limit=2 / 256)
    return np.round(equalised * 255).astype(np.uint8)


def decoding(folder: Path) -> None:
    """Decode alone, on one core: the least that any pipeline takes."""
    for path in files(folder):
        read(path)


def mean_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the mean difference in grey levels of 0..255, over the images that both have."""
    return float(np.abs(ours[: len(theirs)].astype(float) - theirs).mean())


def contest(kind: str, title: str) -> Contest:
    loop = "one image after the other, each step at full size; finds the breast by other filters"
    peers = {
        "plain OpenCV loop": Peer(opencv_loop, 1.7 if kind != "jp2" else None, 3.0, loop),
        "scikit-image": Peer(
            scikit_image, 12 if kind != "jp2" else None, 8.0,
            f"timed on {FEW} of the {IMAGES} images; its equalisation and smoothing differ",
            share=FEW / IMAGES,
        ),
        "decoding alone": Peer(decoding, None, None, "on one core, nothing but read the pixels"),
    }  # fmt: skip
    return Contest(
        f"preprocessing_{kind}",
        f"{IMAGES} mammograms of {HEIGHT} x {WIDTH} pixels, {title}: decode, crop to the breast, "
        f"resize to {SIDE}, equalise (CLAHE); two cores",
        ours,
        peers,
        prepare=partial(write_images, kind=kind),
        rounds=2 if kind == "jp2" else 3,
        compare=mean_difference,
        unit="mean difference in grey levels of 255",
    )


CONTESTS = [
    contest("png", "16-bit PNG"),
    contest("dcm", "DICOM, uncompressed"),
    contest("jp2", "DICOM, JPEG 2000"),
]
