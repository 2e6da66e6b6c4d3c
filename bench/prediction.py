"""Grade images that nobody has graded, in batches of 32."""

from functools import cache
from pathlib import Path

import numpy as np

from bench.contest import Contest, Peer
from bench.explaining import model, nothing

IMAGES = 64


def images() -> np.ndarray:
    from bench.training import drawn

    return drawn(IMAGES)


@cache
def compiled():
    from birads_lib.inference import predictor

    return predictor(model())


def ours(folder: Path) -> np.ndarray:
    return compiled()(images())


def with_keras(folder: Path) -> np.ndarray:
    return model().predict(images()[..., None], batch_size=32, verbose=0)


CONTESTS = [
    Contest(
        "prediction",
        f"probabilities of {IMAGES} images of 224 x 224, ResNet-50, batches of 32",
        nothing,
        ours,
        {"keras.predict": Peer(with_keras, 1.6, 2e-3)},
    )
]
