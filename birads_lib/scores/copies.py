"""The effect of copies of rare images on a test score, shown by a nearest neighbour.

Images are a table of n rows: ``patient``, ``grade`` (the label's number), and ``x`` and ``y``, two
measurements of the image.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier

TEST = 0.25  # share of the pool that is tested
NEW = 1 / 3  # share of the patients who never enter the pool
PARTS = ("test", "new")


def deals(images: pd.DataFrame, *, copies_first: bool, seeds: range) -> pd.DataFrame:
    """Return the balanced accuracy, 0..1, of the nearest neighbour on ``PARTS``, a row per seed.

    Each seed sets a third of the patients aside ("new") and deals a quarter of the others' images
    out for testing: images by themselves after rare categories were copied to equal counts
    (``copies_first``), or whole patients, after which only the training part is copied.
    """
    return pd.DataFrame([_deal(images, copies_first, seed) for seed in seeds], columns=PARTS)


def _deal(images: pd.DataFrame, copies_first: bool, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    new = images["patient"].isin(_some(images["patient"].unique(), NEW, rng))
    pool = _copied(images[~new], rng) if copies_first else images[~new]
    if copies_first:
        tested = np.isin(np.arange(len(pool)), _some(np.arange(len(pool)), TEST, rng))
        train = pool[~tested]
    else:
        tested = pool["patient"].isin(_some(pool["patient"].unique(), TEST, rng)).to_numpy()
        train = _copied(pool[~tested], rng)
    nearest = KNeighborsClassifier(1).fit(train[["x", "y"]], train["grade"])
    return [_balanced_accuracy(nearest, part) for part in (pool[tested], images[new])]


def _some(items: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a random share of the items."""
    return rng.permutation(items)[: round(share * len(items))]


def _copied(images: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the images and random repeats of them, each category as frequent as the largest."""
    largest = images["grade"].value_counts().max()
    groups = (group for _, group in images.groupby("grade"))
    repeats = [
        group.sample(largest - len(group), replace=True, random_state=rng) for group in groups
    ]
    return pd.concat([images, *repeats])


def _balanced_accuracy(model: KNeighborsClassifier, images: pd.DataFrame) -> float:
    """Return the mean recall of the categories that the images have."""
    y, answers = images["grade"], model.predict(images[["x", "y"]])
    return recall_score(y, answers, labels=y.unique(), average="macro", zero_division=0)
