"""External validation: a run on images of another place; prevalence, corrections, groups.

``home`` is where the run was trained; there, an image is graded out of fold, by a model that never
saw its patient. Elsewhere no model saw any image, so every model of the run grades all of them:
``by_model`` (M, n, K) are the probabilities as the M models give them. Truth is y (n,), label
numbers 1..K.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import cluster_ids
from birads_lib.scores import bootstrap
from birads_lib.scores.bootstrap import Resampling
from birads_lib.scores.metrics import every_metric
from birads_lib.scores.recalibration import estimated_priors, reweighted, shares, tempered
from birads_lib.task import BIRADS, Task

CORRECTIONS = {
    "uncorrected": "As the models say",
    "tempered": "Temperature",
    "home": "Temperature, home's shares",
    "estimated": "Temperature, estimated shares",
    "counted": "Temperature, counted shares",
}
GROUPS = {"density": "Density", "machine": "Machine", "modality": "Modality"}
NOT_KNOWN = "not known"
FEW = 10  # patients below which a group has no numbers of its own


def corrected(
    by_model: np.ndarray,
    temperatures: Sequence[float],
    trained: np.ndarray,
    natural: np.ndarray,
    y: np.ndarray,
    task: Task = BIRADS,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the mean over models of their probabilities, under each of ``CORRECTIONS``.

    Each model is corrected for itself. A temperature is that of its validation images at home.
    Shares replace those that its training saw: the natural ones of its training images, those
    estimated from its own answers elsewhere (Saerens et al. 2002), or those counted elsewhere,
    for which alone ``y`` is used.

    Args:
        temperatures: (M,).
        trained, natural: (M, K), shares of labels that training saw, and of its distinct images.

    Returns:
        Correction -> (n, K); and the estimated shares (M, K).
    """
    tempered_p = [tempered(p, t) for p, t in zip(by_model, temperatures, strict=True)]
    estimated = [
        estimated_priors(p, prior)[0] for p, prior in zip(tempered_p, trained, strict=True)
    ]
    target_priors = {"home": natural, "estimated": estimated}
    target_priors["counted"] = np.tile(shares(y, task), (len(tempered_p), 1))
    mean = {"uncorrected": by_model.mean(axis=0), "tempered": np.mean(tempered_p, axis=0)}
    for name, priors in target_priors.items():
        mean[name] = np.mean(list(map(reweighted, tempered_p, trained, priors)), axis=0)
    return mean, np.array(estimated)


def resampling_of(cases: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> Resampling:
    """Return the resampling of images' patients, or of images where their patients aren't known."""
    return Resampling(cluster_ids(cases).to_numpy(), resamples, seed)


def by_single_models(
    by_model: np.ndarray, y: np.ndarray, resampling: Resampling
) -> tuple[np.ndarray, np.ndarray, Resampling]:
    """Return truth, probabilities and resampling of every answer of every model, (M n,) rows.

    So metrics are of single models, as they are at home, where each image is graded by one. Drawn
    are the patients of ``resampling``, each with all answers; the models stay as they were trained.
    """
    models = len(by_model)
    drawn = replace(resampling, clusters=np.tile(resampling.clusters, models))
    return np.tile(y, models), by_model.reshape(-1, by_model.shape[2]), drawn


def prevalence(y: np.ndarray, resampling: Resampling, task: Task = BIRADS) -> pd.DataFrame:
    """Return [metric, estimate, low, high, n]: the share of each label, metric its number."""
    is_label = pd.DataFrame(y[:, None] == np.array(task.numbers), columns=task.numbers)
    return bootstrap.mean_intervals(is_label, resampling, shares=task.numbers)


def standardised(y: np.ndarray, p: np.ndarray, wanted: np.ndarray, task: Task = BIRADS) -> float:
    """Return the accuracy that the recall of each label makes at other shares of labels (K,).

    Direct standardisation (Rothman, Modern Epidemiology, chapter 3). NaN where a label of the
    wanted shares has no image here, so that nobody knows its recall.
    """
    right = pd.Series(p.argmax(1) + 1 == y).groupby(y).mean().reindex(task.numbers).to_numpy(float)
    return float(np.where(wanted > 0, right, 0) @ wanted)


def by_group(
    cases: pd.DataFrame, y: np.ndarray, p: np.ndarray, resampling: Resampling, task: Task = BIRADS
) -> pd.DataFrame:
    """Return metrics with intervals over patients of each group of images.

    Columns: what (a key of ``GROUPS``), group, images, patients, metric, estimate, low, high. A
    group is the images with one value in a column of ``cases`` (n rows); those without any are
    ``NOT_KNOWN``. A column that holds the labels themselves, or no value, makes no groups. A group
    of fewer than ``FEW`` patients has NaN for its numbers.
    """
    known_columns = [
        column for column in GROUPS if column != task.name and cases[column].notna().any()
    ]
    tables = []
    for column in known_columns:
        values = cases[column].fillna(NOT_KNOWN).to_numpy(str)
        for group in sorted(set(values), key=lambda value: (value == NOT_KNOWN, value)):
            in_group = values == group
            images, patients = (
                cases["image_id"][in_group].nunique(),
                cluster_ids(cases[in_group]).nunique(),
            )
            facts = {"what": column, "group": group, "images": images, "patients": patients}
            table = _of_group(
                y[in_group], p[in_group], _drawn(resampling, in_group), patients, task
            )
            tables.append(table.assign(**facts)[[*facts, "metric", "estimate", "low", "high"]])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def not_known(cases: pd.DataFrame) -> list[str]:
    """Return the titles of those ``GROUPS`` that no image has a value for."""
    return [title for column, title in GROUPS.items() if cases[column].isna().all()]


def _of_group(
    y: np.ndarray, p: np.ndarray, resampling: Resampling, patients: int, task: Task
) -> pd.DataFrame:
    """Return [metric, estimate, low, high] of one group."""
    measure = partial(every_metric, task=task)
    if patients >= FEW:
        return bootstrap.intervals(y, p, resampling, measure)
    names = bootstrap.estimates(y, p, measure).index
    return pd.DataFrame({"metric": names}).assign(estimate=np.nan, low=np.nan, high=np.nan)


def _drawn(resampling: Resampling, rows: np.ndarray) -> Resampling:
    """Return the resampling of some of the rows, (n,) bool."""
    seeds = None if resampling.seeds is None else np.asarray(resampling.seeds)[rows]
    return replace(resampling, clusters=np.asarray(resampling.clusters)[rows], seeds=seeds)


def unseen(home: pd.DataFrame, elsewhere: pd.DataFrame) -> pd.DataFrame:
    """Return those cases of elsewhere whose image files are not among those of home.

    Raises:
        UserError: there are none.
    """
    new = elsewhere[~elsewhere["sha256"].isin(home["sha256"])].reset_index(drop=True)
    if new.empty:
        raise UserError(
            "all images of the other study are also images of this one, which the models may have "
            "been trained with: name a study of other images"
        )
    return new
