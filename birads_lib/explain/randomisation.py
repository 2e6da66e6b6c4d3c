"""Do heat maps depend on what was learnt? The check of Adebayo et al. 2018 (arXiv:1810.03292)."""

import re

import keras
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from birads_lib.explain.grad_cam import Explainer, Maps, grad_cam
from birads_lib.networks.backbones import LAST_STAGE


def randomisation(
    model: keras.Model, images: np.ndarray, tap: str = LAST_STAGE, seed: int = 0
) -> pd.DataFrame:
    """Return the similarity of maps as a model's layers are made random; see ``grad_cam``.

    From the head down to the first stage, one group of layers after another gets new random
    weights (cascading), drawn by its own initialisers; of BatchNorm also the statistics. At each
    step the gradient is compiled anew, and explains the label that the trained model predicted.

    Returns:
        A row per image and step: step (0 is the trained model), layers (reset last), image (row
        of ``images``), correlation (Spearman's, over the cells of the map, with the trained
        model's; NaN where either is constant) and constant (whether this map is).
    """
    trained = grad_cam(model, images, tap=tap)
    keras.utils.set_random_seed(seed)
    fresh, cascade = keras.models.clone_model(model), keras.models.clone_model(model)
    cascade.set_weights(model.get_weights())
    explainer = Explainer(cascade, tap)
    steps = [_step(0, "none", trained, trained)]
    for number, (stage, places) in enumerate(_stages_from_the_top(model).items(), start=1):
        for part, layer in places:
            weights = fresh.get_layer(part).get_layer(layer).get_weights()
            cascade.get_layer(part).get_layer(layer).set_weights(weights)
        steps.append(_step(number, stage, trained, explainer.explain(images, trained.labels)))
    return pd.concat(steps, ignore_index=True)


def _step(number: int, stage: str, trained: Maps, now: Maps) -> pd.DataFrame:
    columns = {"step": number, "layers": stage, "image": np.arange(len(now.values))}
    columns["correlation"] = rank_correlation(trained.values, now.values)
    return pd.DataFrame(columns | {"constant": now.constant})


def _stages_from_the_top(model: keras.Model) -> dict[str, list[tuple[str, str]]]:
    """Return (part, name) of the layers with weights by their stage, such as conv5 or encoder1."""
    stages: dict[str, list[tuple[str, str]]] = {}
    for part in ("head", "trunk"):
        for layer in reversed(model.get_layer(part).layers):
            if layer.weights:
                stage = re.match(r"[a-z]*\d*", layer.name)[0]
                stages.setdefault(stage, []).append((part, layer.name))
    return stages


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each pair of maps (n, h, w), (n,); NaN if one is constant.

    That is Pearson's correlation of the ranks, ties getting their mean rank.
    """
    a, b = (rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(a), np.nan), where=norm > 0)
