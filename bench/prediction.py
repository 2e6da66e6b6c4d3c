"""Grade images that nobody has graded, in batches of 32."""

from functools import cache
from pathlib import Path

import numpy as np

from bench.contest import Contest, Peer
from bench.explaining import model
from bench.training import drawn

IMAGES = 64


@cache
def compiled():
    from bench.inference import predictor

    return predictor(model())


def ours(folder: Path) -> np.ndarray:
    return compiled()(drawn(IMAGES))


def with_keras(folder: Path) -> np.ndarray:
    return model().predict(drawn(IMAGES)[..., None], batch_size=32, verbose=0)


CONTESTS = [
    Contest(
        "prediction",
        f"probabilities of {IMAGES} images of 224 x 224, ResNet-50, batches of 32",
        ours,
        {"keras.predict": Peer(with_keras, 1.6, 2e-3)},
    )
]
