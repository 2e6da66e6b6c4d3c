"""Tokens of an image: the cells of a frozen trunk's map, a vector each.

The tokens of all images lie in one memory-mapped file. For each outer fold they are reduced to few
channels, by what its training part alone says. ``token_training`` trains on them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from birads_lib.files import new_array, one_at_a_time, written_whole
from birads_lib.frozen import features

CELL = 32  # side of a token in pixels; finer maps are averaged to it
SAMPLE = 10_000  # cells that a reduction is fitted to, at most


@dataclass(frozen=True)
class Tokens:
    """The tokens of n images.

    Attributes:
        values: (n, cells, channels) float16, row by row of each image.
        breast: (n, cells) bool, which of them hold breast.
        places: (cells, 2) float32, down and across, -1..1.
        name: stands for all that the values depend on.
    """

    values: np.ndarray
    breast: np.ndarray
    places: np.ndarray
    name: str


def gathered(files: Sequence[Path], folder: str | Path) -> Tokens:
    """Return the tokens of all images, in a memory-mapped file that is made where it isn't there.

    Args:
        files: of ``features.extract``, with cells.
        folder: receives ``tokens_<hash>.npy``.
    """
    files = [*files]
    name = hashlib.sha256("\n".join([str(CELL), *(f.name for f in files)]).encode()).hexdigest()
    path = Path(folder) / f"tokens_{name[:16]}.npy"
    breast_path = path.with_suffix(".breast.npy")
    _, _, side = features.grid(files)
    with one_at_a_time(path.with_suffix(".lock"), "waiting for the same tokens"):
        if not (path.exists() and breast_path.exists()):
            _write(files, max(1, CELL // side), path, breast_path)
    breast = np.load(breast_path)  # (n, h, w)
    axes = [np.linspace(-1, 1, count, dtype=np.float32) for count in breast.shape[1:]]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return Tokens(np.load(path, mmap_mode="r"), breast.reshape(len(breast), -1), places, name)


def _write(files: list[Path], factor: int, path: Path, where: Path) -> None:
    count = len(features.places(files))
    of_breast = []
    with written_whole(path) as temporary:
        for row, (cells, breast) in enumerate(features.maps(files)):
            averaged = _averaged(cells.astype(np.float32), factor)  # (h, w, channels)
            share = _averaged(breast[..., None].astype(np.float32), factor)[..., 0]
            of_breast.append(share >= min(0.5, share.max()))
            if row == 0:
                shape = (count, share.size, cells.shape[-1])
                file = new_array(temporary, shape, np.float16)
            file[row] = averaged.reshape(shape[1:])
        file.flush()
    with written_whole(where) as temporary, open(temporary, "wb") as out:
        np.save(out, np.stack(of_breast))


def _averaged(cells: np.ndarray, factor: int) -> np.ndarray:
    """Return (h, w, c) averaged over squares of so many cells a side."""
    rows, columns, channels = cells.shape
    squares = (rows // factor, factor, columns // factor, factor, channels)
    return cells.reshape(squares).mean(axis=(1, 3))


def reduced(tokens: Tokens, training: np.ndarray, components: int, seed: int = 0) -> np.ndarray:
    """Return the tokens as training sees them, (n, cells, components + 2) float32.

    Principal components of the standardised channels, scaled to a mean variance of 1, then down
    and across; beyond the breast all are 0.

    Args:
        tokens: of all images.
        training: rows whose breasts' cells the components are fitted to.
        components: at most so many.
        seed: of the cells drawn, and of the solver.
    """
    rows, cells = np.nonzero(tokens.breast[training])
    drawn = np.sort(np.random.default_rng(seed).permutation(len(rows))[:SAMPLE])
    sample = tokens.values[training[rows[drawn]], cells[drawn]].astype(np.float32)
    count = min(components, *sample.shape)
    model = make_pipeline(StandardScaler(), PCA(count, random_state=seed)).fit(sample)
    spread = np.sqrt(model.transform(sample).var(axis=0).mean()) or 1
    made = np.zeros((*tokens.breast.shape, count + 2), np.float32)
    for image, breast in enumerate(tokens.breast):
        if breast.any():
            x = model.transform(tokens.values[image][breast].astype(np.float32)) / spread
            made[image, breast] = np.concatenate([x, tokens.places[breast]], axis=1)
    return made
