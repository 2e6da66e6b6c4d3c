"""The growth of time and memory with the number of images: 400, 4,000 and 40,000."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from bench.memory import Peak
from bench.preprocessing import dataset
from birads_lib.readers import phantoms

SIZES = (400, 4_000, 40_000)
DRAWN = 400  # phantoms; more images are the same files again
SIDE = 224


def preprocessing(folder: Path, n: int) -> None:
    """Preprocess n files of phantoms on two cores."""
    from birads_lib.images import preprocess_all

    drawn = sorted((folder.parent / "drawn/images").glob("*.png"))
    linked = folder / "linked"
    linked.mkdir()
    for number in range(n):
        os.link(drawn[number % len(drawn)], linked / f"{number:05}.png")
    paths = folder / "images.npy", folder / "geometry.parquet"
    preprocess_all(dataset(linked), *paths, workers=2, image_size=SIDE, crop=True)


def evaluation(folder: Path, n: int) -> None:
    """Take all metrics of n images in 2,000 resamples over patients, and their intervals."""
    from bench.evaluation import predictions
    from birads_lib.scores.bootstrap import Resampling, intervals

    y, p, patients = predictions(n)
    intervals(y, p, Resampling(patients))


def training(folder: Path, n: int) -> None:
    """Train one epoch on the cached features of four fifths of n images, and predict all.

    Images and features are zeros, in files with holes: of the right size, and read like others.
    """
    from birads_lib.training.fold import Trainer
    from birads_lib.training.settings import Settings

    images = zeros(folder / "images.npy", (n, SIDE, SIDE), "uint8")
    names = np.arange(n).astype(str)
    cases = pd.DataFrame({"birads": np.arange(n) % 5 + 1, "image_id": names})
    part = np.where(np.arange(n) % 5 < 4, "train", "validation")
    parts = pd.DataFrame({"row": range(n), "copy": 0, "image_id": names, "patient_id": names})
    chosen = Settings(
        backbone="small_resnet", weights="phantoms", image_size=SIDE, augment=False,
        batch_size=32, stage1_epochs=1, stage2_epochs=0,
    )  # fmt: skip
    cache = folder / "cache"
    fill_cache(cache, images, chosen)
    trainer = Trainer(images, cases, chosen, cache=cache)
    trainer.train_fold(parts.assign(part=part), folder / "fold")


def fill_cache(cache: Path, images: np.ndarray, settings) -> None:
    """Leave files under the names by which ``trunk_features`` finds those of these images."""
    import hashlib

    from birads_lib.networks.cut import cut
    from birads_lib.networks.hybrid import build_model, set_trainable
    from birads_lib.training.cache import _key, note_hashes

    model = build_model(settings)
    set_trainable(model, settings, stage=1)
    frozen, _ = cut(model)
    key = _key(hashlib.sha256(images).hexdigest(), frozen, settings, views=1)
    cache.mkdir()
    paths = [cache / f"features_{key}_{place}.npy" for place in range(len(frozen.outputs))]
    for path, output in zip(paths, frozen.outputs, strict=True):
        shape = (len(images), 1, *output.shape[1:])
        zeros(path, shape, settings.cache_dtype)
    note_hashes(paths)


def zeros(path: Path, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape).flush()
    return np.load(path, mmap_mode="r")


WORKS: dict[str, tuple[Callable[[Path, int], None], float | None]] = {
    "preprocessing": (preprocessing, 2000),  # at most so many MB
    "evaluation": (evaluation, None),
    "training": (training, 4000),
}


def measure(folder: Path, say: Callable[[str], None] = print) -> list[dict]:
    """Return seconds and the most memory of each work at each size, in a process of its own."""
    phantoms.read(folder / "drawn", patients=DRAWN // 4, seed=1)
    rows = []
    for name, (work, most) in WORKS.items():
        for n in SIZES:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                row = {"work": name, "images": n, "at_most_mb": most}
                rows.append(row | _alone(work, Path(scratch), n))
            say(f"{name}, {n:,} images: {rows[-1]['seconds']:.1f} s, {rows[-1]['peak_mb']:.0f} MB")
    return rows


def _alone(work: Callable[[Path, int], None], folder: Path, n: int) -> dict:
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    with pool, Peak(pool.submit(os.getpid).result()) as peak:
        start = time.perf_counter()
        pool.submit(work, folder, n).result()
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": peak.megabytes}
