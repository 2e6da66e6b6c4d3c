"""Handwritten digits: a set of images that has nothing to do with mammograms.

Where ImageNet's weights can't be had for a network, a chain of trainings can begin here. The images
come with scikit-learn: 1,797 digits of 8 x 8 pixels in 17 grey levels (Alpaydin and Kaynak 1998,
doi 10.24432/C50P49). They are a poor stand-in for photographs, and are called by their name.
"""

import cv2
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from birads_lib.task import Task

DIGITS = Task("digit", "Digit", "digit ", tuple("0123456789"), ordinal=False)


def digits(size: int, most: int | None = None) -> tuple[np.ndarray, pd.DataFrame]:
    """Return images (n, size, size) uint8, enlarged, and a table of them with the column digit.

    ``most``: only the first so many. Who wrote a digit isn't known; each counts as a patient.
    """
    stored = load_digits()
    images = [cv2.resize(i.astype("float32"), (size, size)) * (255 / 16) for i in stored.images]
    names = [f"digit{number:04d}" for number in range(len(images))]
    table = pd.DataFrame({"image_id": names, "patient_id": names})
    table[DIGITS.name] = stored.target.astype(str)
    return np.clip(images, 0, 255).astype(np.uint8)[:most], table[:most]
