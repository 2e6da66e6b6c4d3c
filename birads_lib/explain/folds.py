"""Maps of images of several folds, each made by the model of the fold that tests on the image."""

from collections.abc import Callable, Mapping

import keras
import numpy as np

from birads_lib.explain.grad_cam import Maps, attention, grad_cam, taps_by_size
from birads_lib.networks.backbones import LAST_STAGE

Models = Mapping[int, keras.Model]  # fold -> its model


def grad_cam_by_fold(
    models: Models, images: np.ndarray, folds: np.ndarray, tap: str = LAST_STAGE
) -> Maps:
    """Return ``grad_cam`` of the predicted labels.

    Args:
        models: fold -> its model.
        images: (n, size, size) uint8.
        folds: (n,) whose model explains each image.
        tap: as in ``grad_cam``.
    """
    maps = _of_each(models, images, folds, lambda model, part: grad_cam(model, part, tap=tap))
    names = ("values", "grades", "probabilities")
    return Maps(*(_in_order(folds, [getattr(part, name) for part in maps]) for name in names))


def attention_by_fold(models: Models, images: np.ndarray, folds: np.ndarray) -> np.ndarray | None:
    """Return ``attention``, (n, h, w), or None where models have no encoder; arguments as above."""
    maps = _of_each(models, images, folds, attention)
    return None if maps[0] is None else _in_order(folds, maps)


def grad_cam_by_tap(
    model: keras.Model, image: np.ndarray, most_cells: int
) -> dict[str, np.ndarray]:
    """Return an image's map (h, w) at the deepest layer of each size, from fine to coarse.

    Args:
        model: as in ``grad_cam``.
        image: (size, size) uint8.
        most_cells: on a side; layers of finer maps are left out.
    """
    taps = [name for name, cells in taps_by_size(model).items() if cells <= most_cells]
    return {name: grad_cam(model, image[None], tap=name).values[0] for name in taps}


def _of_each(models: Models, images: np.ndarray, folds: np.ndarray, explain: Callable) -> list:
    """Return explanations of the images of each fold, by rising fold."""
    return [explain(models[fold], images[folds == fold]) for fold in np.unique(folds)]


def _in_order(folds: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
    """Return what was made by rising fold in the order of the images."""
    rows = np.argsort(folds, kind="stable")  # of the images, as the parts have them
    return np.concatenate(parts)[np.argsort(rows)]
