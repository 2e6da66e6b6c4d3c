"""Steps of a staircase: what each adds to the one before, on the same images.

A table of steps has a row per step, seed and image: ``step``, ``image_id``, ``patient_id``,
``fold``, ``seed``, ``y_true``, the probabilities p1..pK, and ``called``, the label that the step
says, which needn't be the most probable one. AUCs and calibration are of probabilities; accuracy,
F1, Matthews correlation and kappa are of what is called. Of Brier score and calibration error, less
is better.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from birads_lib.errors import UserError
from birads_lib.predictions import probabilities
from birads_lib.scores import bootstrap
from birads_lib.scores.bootstrap import Drawn, Measure, Resampling
from birads_lib.scores.calibration import SCORES, every_score
from birads_lib.scores.comparisons import difference, holm
from birads_lib.scores.metrics import every_metric, headline_names
from birads_lib.task import BIRADS, Task
from birads_lib.texts import interval

_OF_CALLS = ("accuracy", "macro_f1", "mcc", "qwk")
_OF_PROBABILITIES = ("mean_auc", "auc_4_or_5")
_OF_CALIBRATION = ("brier", "classwise_ece")


def names(task: Task = BIRADS) -> dict[str, str]:
    """Return name -> title of the metrics of a step, as far as the task has them."""
    titles = headline_names(task) | SCORES
    ordered = (*_OF_CALLS, *_OF_PROBABILITIES, *_OF_CALIBRATION)
    return {name: titles[name] for name in ordered if name in titles}


def measure(called: np.ndarray) -> Measure:
    """Return the measure of the metrics in ``names``, given the called labels (n,), 1..K."""
    one_hot = np.eye(len(BIRADS.labels))[np.asarray(called) - 1]  # (n, K)

    def metrics(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        of_calls = every_metric(y, one_hot, weights)
        values = every_metric(y, p, weights) | every_score(y, p, weights)
        values |= {name: of_calls[name] for name in _OF_CALLS}
        return {name: values[name] for name in names()}

    return metrics


def of_predictions(predictions: pd.DataFrame, step: str) -> pd.DataFrame:
    """Return test rows of a trained run as a step of this name, which says what is most probable.

    Args:
        predictions: rows of ``predictions.out_of_fold``.
        step: its name.
    """
    return predictions.assign(step=step, called=probabilities(predictions).argmax(axis=1) + 1)


def check_same_images(steps: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> None:
    """Raise UserError where test rows of a run are not of the images that the steps graded."""
    graded_ids = set(steps["image_id"])
    wrong = [name for name, rows in others.items() if set(rows["image_id"]) != graded_ids]
    if wrong:
        raise UserError(
            f"the network's run under {', '.join(wrong)} graded other images than these: name a "
            "study of the same images, and run both anew after the images have changed"
        )


def drawn(steps: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> dict[str, Drawn]:
    """Return the metrics of each step, all in the same resamples of patients and seeds."""
    made = {}
    for step, rows in steps.groupby("step", sort=False):
        rows = rows.sort_values(["seed", "image_id"], ignore_index=True)
        y, p = rows["y_true"].to_numpy(), probabilities(rows)
        resampling = Resampling.of(rows, resamples, seed)
        made[step] = bootstrap.drawn(y, p, resampling, measure(rows["called"].to_numpy()))
    return made


def intervals(made: Mapping[str, Drawn]) -> pd.DataFrame:
    """Return [step, metric, estimate, low, high] of all steps."""
    tables = {step: of_step.intervals() for step, of_step in made.items()}
    table = pd.concat(tables, names=["step"]).reset_index("step").reset_index(drop=True)
    return table.drop(columns="resamples_used")


def gains(
    made: Mapping[str, Drawn], pairs: Sequence[tuple[str, str]], judged: Sequence[str]
) -> pd.DataFrame:
    """Return the paired differences of steps, a row per pair and metric.

    Columns: step, before, metric, estimate, low, high, p_value, holm. The p-value of ``judged``
    metrics is adjusted for all pairs and these metrics (Holm); the others' ``holm`` is NaN.

    Args:
        made: of ``drawn``.
        pairs: (step, the one before).
        judged: metrics that the comparison is about.
    """
    tables = [
        difference(made[step], made[before]).assign(step=step, before=before)
        for step, before in pairs
    ]
    table = pd.concat(tables, ignore_index=True)
    is_judged = table["metric"].isin(judged)
    table["holm"] = holm(table["p_value"].where(is_judged))
    return table[["step", "before", "metric", "estimate", "low", "high", "p_value", "holm"]]


def as_table(
    rows: pd.DataFrame, titles: Mapping[str, str], columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Return intervals as texts, a row per step, a column per metric.

    Args:
        rows: of ``intervals`` or ``gains``.
        titles: step -> what it is called, in order.
        columns: metrics; none: all.
    """
    texts = [interval(*row) for row in rows[["estimate", "low", "high"]].to_numpy(float)]
    table = rows.assign(text=texts).pivot(index="step", columns="metric", values="text")
    shown = {name: title for name, title in names().items() if not columns or name in columns}
    table = table.loc[[step for step in titles if step in table.index], [*shown]]
    return table.rename(index=titles, columns=shown).rename_axis(index="step", columns=None)
