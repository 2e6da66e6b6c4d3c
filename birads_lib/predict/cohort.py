"""Probabilities of every model of a run for each image of another cohort."""

from functools import partial

import numpy as np

from birads_lib.cases import Dataset
from birads_lib.errors import DatasetError
from birads_lib.parallel import WORKERS, in_parallel
from birads_lib.predict.grades import chunks
from birads_lib.predict.trained_run import TrainedRun, prepared


def by_every_model(run: TrainedRun, dataset: Dataset) -> np.ndarray:
    """Return the probabilities of each model for each image, (M, n, K), as the models give them.

    Models are in the order of ``run.members``, images in that of the data set's cases; they are
    prepared as those were that the run was trained with. In memory are ``grades.CHUNK`` of them at
    most, and ``parallel.AHEAD`` that are prepared meanwhile.

    Raises:
        DatasetError: lists every image that can't be read, or isn't the one that was listed.
    """
    prepare = partial(prepared, run.preprocessing)  # a method would take the models along
    files, listed = dataset.cases["path"], dataset.listed()
    made = in_parallel(prepare, [*listed], WORKERS, "grading", listed.values())
    problems, parts = [], []
    for chunk in chunks(zip(files, made, strict=True)):
        problems += [f"{file!r} {result}" for file, result in chunk if isinstance(result, str)]
        if not problems:
            parts.append(_answers(run, [image for _, image in chunk]))
    if problems:
        raise DatasetError(problems, str(dataset.root))
    return np.concatenate(parts, axis=1)


def _answers(run: TrainedRun, images: list[np.ndarray]) -> np.ndarray:
    """Return the probabilities of each model for some prepared images, (M, n, K)."""
    batch = np.stack(images)[..., None]
    return np.stack([member.raw(batch) for member in run.members])
