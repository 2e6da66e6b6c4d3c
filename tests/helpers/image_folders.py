"""Small folders of images, as a user has them."""

from pathlib import Path

import cv2
import numpy as np


def write_images(root: Path, names: list[str], size: tuple[int, int] = (20, 16)) -> Path:
    """Write a grey PNG of its own for each path below ``root``, and return ``root``."""
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 255, size).astype(np.uint8)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return root


def category_folders(root: Path, labels: str = "12345", patients: int = 6) -> Path:
    """Write a folder per label, each of so many patients (P10, P11, ...) with two images."""
    names = [
        f"{label}/P{label}{patient}_{view}.png"
        for label in labels
        for patient in range(patients)
        for view in ("CC", "MLO")
    ]
    return write_images(root, names)
