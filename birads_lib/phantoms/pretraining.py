"""Make the small ResNet's weights: pretrained on phantoms of other seeds than any study's.

    python -m birads_lib.phantoms.pretraining          (make weights; half an hour on two cores)

The trunk learns where findings are and what they suggest: each cell of its last feature map is
to name the BI-RADS category of the most suspicious finding in it (1 where there is none), from
the phantoms' true masks. The file stands where the paper has ImageNet's weights, and knows far more
of its task than they do: a result on phantoms says little about the method.
"""

import sys
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np
from tqdm import tqdm

from birads_lib import images, phantoms
from birads_lib.files import written_whole
from birads_lib.networks import backbones
from birads_lib.pretrained import PHANTOMS
from birads_lib.pretrained import PHANTOMS_SEED as SEED

PATIENTS = PHANTOMS // 4  # four images each
IMAGE_SIZE = 224
CELLS = 7  # of the last feature map, on each side
EPOCHS = 8
RATE = 2e-3
BATCH = 32
WEIGHT_OF_FINDINGS = 6.0  # of a cell with a finding in the loss; most cells have none


def cell_categories(phantom: phantoms.Phantom) -> np.ndarray:
    """Return the most suspicious category in each cell, 0 (none) or 2..5: (7, 7) uint8."""
    size = len(phantom.image)
    edges = np.linspace(0, size, CELLS + 1).astype(int)[:-1]
    grid = np.zeros((CELLS, CELLS), np.uint8)
    for finding in phantom.findings:
        share = np.add.reduceat(np.add.reduceat(finding.mask, edges, 0), edges, 1)  # pixels in cell
        inside = share >= 0.25 * min(share.max(), (size / CELLS) ** 2)
        grid = np.maximum(grid, np.where(inside, finding.category, 0).astype(np.uint8))
    return grid


def example(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the preprocessed image and the cells of the ``index``-th pretraining phantom."""
    patient, view = divmod(index, 4)
    phantom = phantoms.render(SEED, patient, "LR"[view % 2], ("CC", "MLO")[view // 2])
    return images.preprocess(phantom.image, image_size=IMAGE_SIZE), cell_categories(phantom)


def dataset() -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 224, 224) and cells (n, 7, 7), each uint8."""
    n = 4 * PATIENTS
    pixels = np.zeros((n, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    grids = np.zeros((n, CELLS, CELLS), np.uint8)
    with ProcessPoolExecutor() as pool:
        made = pool.map(example, range(n), chunksize=50)
        for i, (image, grid) in enumerate(tqdm(made, "phantoms", n, file=sys.stdout)):
            pixels[i], grids[i] = image, grid
    return pixels, grids


def model() -> tuple[keras.Model, keras.Model]:
    """Return the trunk and a model with a 1x1 classifier of its cells: (b, 7, 7, 5) logits."""
    trunk = backbones.build("small_resnet", IMAGE_SIZE, "none")
    grey = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="grey")
    x = keras.layers.Concatenate()([grey, grey, grey])
    x = backbones.normalisation("small_resnet")(x)
    x = keras.layers.Dropout(0.2)(trunk(x))
    logits = keras.layers.Conv2D(5, 1, dtype="float32", name="category")(x)
    return trunk, keras.Model(grey, logits)


class Batches(keras.utils.PyDataset):
    """Shuffled, randomly flipped batches with weights per cell.

    Each is images (b, 224, 224, 1) in 0..255, labels (b, 7, 7) in 0..4 and weights (b, 7, 7).
    """

    def __init__(self, pixels: np.ndarray, grids: np.ndarray):
        super().__init__()
        self.pixels, self.grids = pixels, grids
        self.rng = np.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self):
        return len(self.pixels) // BATCH

    def __getitem__(self, step):
        rows = np.sort(self.order[step * BATCH : (step + 1) * BATCH])
        x, y = self.pixels[rows], self.grids[rows]
        if self.rng.random() < 0.5:
            x, y = x[:, :, ::-1], y[:, :, ::-1]
        if self.rng.random() < 0.5:
            x, y = x[:, ::-1], y[:, ::-1]
        labels = np.maximum(y, 1).astype(np.int32) - 1  # (b, 7, 7), 0 is "none"
        weight = np.where(y > 0, WEIGHT_OF_FINDINGS, 1.0).astype(np.float32)
        return x[..., None].astype(np.float32), labels, weight

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.pixels))


def train() -> None:
    """Make the data, train, and write the weight file."""
    keras.utils.set_random_seed(SEED)
    batches = Batches(*dataset())
    trunk, classifier = model()
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(batches))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(rate), loss, weighted_metrics=["accuracy"])
    classifier.fit(batches, epochs=EPOCHS, verbose=2)
    with written_whole(backbones.PHANTOM_WEIGHTS) as temporary:
        trunk.save_weights(temporary)


if __name__ == "__main__":
    train()
