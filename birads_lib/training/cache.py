"""The trunk cache: what the frozen layers make of each image, computed once and kept on disk."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from birads_lib.files import new_array, one_at_a_time, sha256, written_whole
from birads_lib.networks.hybrid import build_preparation
from birads_lib.training.settings import Settings

CHUNK = 32  # images per step


def trunk_features(
    images: np.ndarray,
    frozen: keras.Model,
    settings: Settings,
    folder: str | Path,
    progress: Callable[[str], None] = print,
    images_hash: str | None = None,
) -> list[np.ndarray]:
    """Return one memmap (n, views, height, width, channels) per output of the frozen trunk.

    View 0 is the image itself; the others, ``settings.views`` of them where augmentation is on,
    are augmented with seeds of their own. Files in ``folder`` are named after everything they
    depend on, and used again by whoever asks for the same, while they are as they were written.
    ``images_hash`` spares a second hashing to whoever has the images' SHA-256.
    """
    folder = Path(folder)
    views = 1 + settings.views if settings.augment and (settings.flip or settings.rotation) else 1
    images_hash = images_hash or hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
    key = _key(images_hash, frozen, settings, views)
    paths = [folder / f"features_{key}_{i}.npy" for i in range(len(frozen.outputs))]
    with one_at_a_time(folder / f"features_{key}.lock", "waiting for the same trunk features"):
        if not _is_intact(paths):
            _compute(images, frozen, settings, views, paths, progress)
            note_hashes(paths)
    return [np.load(path, mmap_mode="r") for path in paths]


def note_hashes(paths: list[Path]) -> None:
    """Write beside each file of features its SHA-256, ``<name>.sha256``, as ``sha256sum`` does."""
    for path in paths:
        with written_whole(_hash_file(path)) as temporary:
            temporary.write_text(f"{sha256(path)}  {path.name}\n")


def noted_hashes(features: list[np.memmap]) -> dict[str, str]:
    """Return the SHA-256 noted for each file of features, by its name."""
    paths = [Path(array.filename) for array in features]
    return {path.name: _hash_file(path).read_text()[:64] for path in paths}


def _hash_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _is_intact(paths: list[Path]) -> bool:
    """Return whether all files of features are there, with the hashes noted when written."""
    if not all(path.exists() and _hash_file(path).exists() for path in paths):
        return False
    return all(
        _hash_file(path).read_text()[:64] == _hash(path, path.stat().st_mtime_ns) for path in paths
    )


@lru_cache(maxsize=64)  # folds share the features, and hashing them takes a second in all
def _hash(path: Path, time: int) -> str:
    return sha256(path)


def _key(images_hash: str, frozen: keras.Model, settings: Settings, views: int) -> str:
    digest = hashlib.sha256()
    augmentation = (settings.flip, settings.rotation, settings.rotation_fill, settings.seed)
    inputs = (
        settings.backbone,
        settings.precision,
        settings.cache_dtype,
        views,
        augmentation if views > 1 else (),
    )
    layers = [layer.name for layer in frozen.layers]
    digest.update(repr((images_hash, inputs, layers, [o.shape for o in frozen.outputs])).encode())
    for array in frozen.get_weights():
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


def _compute(images, frozen, settings, views: int, paths: list[Path], progress) -> None:
    chunks = [slice(start, start + CHUNK) for start in range(0, len(images), CHUNK)]
    with ExitStack() as stack:
        files = [
            new_array(
                stack.enter_context(written_whole(path)),
                (len(images), views, *output.shape[1:]),
                settings.cache_dtype,
            )
            for path, output in zip(paths, frozen.outputs, strict=True)
        ]
        for view in range(views):
            preparation = build_preparation(settings, draw_seed(settings.seed, view))
            for chunk in chunks:
                x = preparation(images[chunk][..., None], training=view > 0)
                outputs = frozen.predict_on_batch(x)
                for file, output in zip(files, keras.tree.flatten(outputs), strict=True):
                    file[chunk, view] = output
            progress(f"frozen trunk · view {view + 1}/{views} of {len(images)} images")
        for file in files:
            file.flush()


def draw_seed(*numbers: int) -> int:
    """Mix several integers into one seed of 31 bits, which every backend takes."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0] >> 1)


class Batches(keras.utils.PyDataset):
    """Batches of features and labels; in training, in an order drawn from seed and epoch.

    Args:
        features: arrays (images, views, ...); view 0 is not augmented.
        labels: (images,), 0..K-1.
        rows: which image each row is, (m,); copies repeat their image.
        batch_size: rows per batch; the last may be smaller.
        seed: None for the rows' own order and view 0; else integers that fix every epoch.
    """

    def __init__(self, features, labels, rows, batch_size: int, seed: tuple | None = None):
        super().__init__()
        self.features, self.labels, self.rows = features, labels, rows
        self.batch_size, self.seed = batch_size, seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw this epoch's order and views, whatever epochs came before."""
        self.order, self.view = self.rows, np.zeros(len(self.rows), int)
        if self.seed is not None:
            rng = np.random.default_rng([*self.seed, epoch])
            self.order = rng.permutation(self.rows)
            views = self.features[0].shape[1]
            if views > 1:
                # The image itself is among them: turned images are smoother, and tests are not.
                self.view = rng.integers(0, views, len(self.rows))

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int):
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        rows, views = self.order[batch], self.view[batch]
        inputs = tuple(np.asarray(f[rows, views], _network_type(f)) for f in self.features)
        return inputs if len(inputs) > 1 else inputs[0], self.labels[rows]


def _network_type(features: np.ndarray) -> str:
    return "float32" if features.dtype == "float16" else features.dtype.name
