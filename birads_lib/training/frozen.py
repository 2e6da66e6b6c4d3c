"""A run without training: logistic regression on what a frozen backbone makes of each image.

It takes minutes where training takes hours, so it can see images at a size at which calcifications
are there at all.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib import predictions
from birads_lib.cases import label_numbers
from birads_lib.task import BIRADS, Task
from birads_lib.training.floors import by_regression, frozen_features
from birads_lib.training.settings import Settings


def regress_run(
    images: np.ndarray,
    cases: pd.DataFrame,
    settings: Settings,
    parts: Mapping[tuple[int, int], pd.DataFrame],
    folder: str | Path,
    run: Mapping[str, str],
    *,
    task: Task = BIRADS,
    cache: str | Path,
    progress: Callable[[str], None] = print,
) -> Path:
    """Write the predictions of all rows of all folds and seeds; return their file.

    The model of a fold is that of ``floors``: features averaged over the image, standardised,
    reduced to principal components, and all labels weighted alike. Validation rows aren't used.

    Args:
        images: (n, size, size) uint8, in the order of ``cases``; may be a memmap.
        cases: the table of images, for their labels.
        settings: of the backbone, its weights and taps.
        parts: by (seed, fold), as ``splits.deal`` returns them.
        folder: receives ``predictions.parquet``.
        run: its variant and protocol.
        task: what is told apart.
        cache: folder of trunk features, as of ``fold.Trainer``.
        progress: called with a line once the features are made.
    """
    features = frozen_features(images, settings, cache, progress)
    labels = label_numbers(cases, task)
    rows = pd.concat(
        [part.assign(seed=seed, fold=fold) for (seed, fold), part in parts.items()],
        ignore_index=True,
    )
    rows["y_true"] = labels[rows["row"]]
    # Whatever is to be graded stands as a test row, and what is learned from as a training row.
    train_and_test = pd.concat([rows[rows["part"] == "train"], rows.assign(part="test")])
    rows[task.probabilities] = by_regression(train_and_test, cases, features, task)
    path = Path(folder) / "predictions.parquet"
    predictions.write(rows.drop(columns="row").assign(**run), path, task)
    return path
