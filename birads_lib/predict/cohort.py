"""What every model of a run says of another cohort, image by image."""

from functools import partial

import numpy as np

from birads_lib.cases import Dataset
from birads_lib.errors import DatasetError
from birads_lib.parallel import in_parallel
from birads_lib.predict.grades import CHUNK
from birads_lib.predict.trained_run import TrainedRun, prepared


def by_every_model(run: TrainedRun, dataset: Dataset, workers: int = 2) -> np.ndarray:
    """Return the probabilities of each model for each image, (M, n, K), as the models give them.

    Models are in the order of ``run.members``, images in that of the data set's cases; they are
    prepared as those were that the run was trained with. At most ``CHUNK`` are in memory.

    Raises:
        DatasetError: lists every image that can't be read, or isn't the one that was listed.
    """
    files = dataset.files()
    prepare = partial(
        prepared, run.preprocessing, dataset.listed()
    )  # a method would take the models along
    problems, images, parts = [], [], []
    for file, result in zip(files, in_parallel(prepare, files, workers, "grading"), strict=True):
        if isinstance(result, str):
            problems.append(f"{file.relative_to(dataset.root).as_posix()!r} {result}")
        else:
            images.append(result)
        if len(images) == CHUNK:
            parts.append(_answers(run, images))
            images = []
    if problems:
        raise DatasetError(problems, str(dataset.root))
    return np.concatenate([*parts, *([_answers(run, images)] if images else [])], axis=1)


def _answers(run: TrainedRun, images: list[np.ndarray]) -> np.ndarray:
    """Return what each model says of some prepared images, (M, n, K)."""
    batch = np.stack(images)[..., None]
    return np.stack([member.raw(batch) for member in run.members])
