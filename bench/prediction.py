"""Grade images that nobody has graded, in batches of 32: arrays of pixels, and files."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bench.contest import Contest, Peer
from bench.explaining import SIDE, model
from bench.training import drawn

IMAGES = 64
FILES = 75  # of which the last don't fill a batch


@cache
def compiled():
    from bench.inference import predictor

    return predictor(model())


def ours(folder: Path) -> np.ndarray:
    return compiled()(drawn(IMAGES))


def with_keras(folder: Path) -> np.ndarray:
    return model().predict(drawn(IMAGES)[..., None], batch_size=32, verbose=0)


def scans(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def write_scans(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(FILES):
        coarse = rng.integers(0, 256, (40, 32), dtype=np.uint8)
        cv2.imwrite(f"{folder}/{number:03}.png", cv2.resize(coarse, (1024, 1280)))


@cache
def run():
    """Return a run of the one model, as ``birads predict`` loads it; no temperature is fitted."""
    from birads_lib.predict.trained_run import Member, TrainedRun
    from birads_lib.task import BIRADS

    shares = np.full(5, 0.2)
    trained = TrainedRun(Path(), BIRADS, {"image_size": SIDE}, (), balance=True)
    trained.__dict__["members"] = [Member(model(), 1.0, shares, shares)]
    return trained


def graded_files(folder: Path) -> np.ndarray:
    from birads_lib.predict import graded

    return graded(run(), scans(folder))[run().task.probabilities].to_numpy()


def predicted_files(folder: Path) -> np.ndarray:
    from birads_lib.images import preprocess, read_grey

    images = [preprocess(read_grey(path), image_size=SIDE) for path in scans(folder)]
    return model().predict(np.stack(images)[..., None], batch_size=32, verbose=0)


CONTESTS = [
    Contest(
        "grading",
        f"probabilities of {FILES} PNG files of 1024 x 1280, ResNet-50, batches of 32",
        graded_files,
        {
            "keras.predict": Peer(
                predicted_files, 1.0, 2e-3, "It prepares all images first, one by one."
            )
        },
        prepare=write_scans,
    ),
    Contest(
        "prediction",
        f"probabilities of {IMAGES} images of 224 x 224, ResNet-50, batches of 32",
        ours,
        {"keras.predict": Peer(with_keras, 1.6, 2e-3)},
    ),
]
