"""Can predicted probabilities be made to agree with observed frequencies?

Truth is y (n,), predictions are p (n, K), as in ``bootstrap``; priors and shares are (K,). Nothing
learns from a true label of the test part: a temperature is fitted on validation images, priors
come from the training part, or from test probabilities without a label.

A temperature is sought within ``TEMPERATURES``; one that lies on a bound says that the validation
images could not tell.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from birads_lib.errors import UserError
from birads_lib.predictions import MODEL, out_of_fold, probabilities
from birads_lib.protocol import PARTS
from birads_lib.scores.calibration import SMALLEST, error_if_calibrated, every_score, of_truth
from birads_lib.scores.metrics import checked, ratio
from birads_lib.task import BIRADS, Task

CORRECTIONS = {
    "uncorrected": "As predicted",
    "temperature_scaled": "Temperature scaling",
    "prior_corrected": "Prior correction",
    "saerens": "Saerens EM",
}
TEMPERATURES = (0.05, 20.0)
BASE_RATES = "Frequencies of the test part, for every image"
TOLERANCE, MOST_ITERATIONS = 1e-6, 1000  # of Saerens EM: the change of a prior that ends it


def fitted_temperature(y: np.ndarray, p: np.ndarray) -> float:
    """Return the temperature with the least log loss (Guo et al. 2017).

    It equals scikit-learn's ``CalibratedClassifierCV(method="temperature")``, which can't be fitted
    where a label has fewer images than its cross-validation has folds.
    """
    y, p = checked(y, p)
    optimum = minimize_scalar(
        lambda log_t: -np.log(np.maximum(of_truth(y, tempered(p, np.exp(log_t))), SMALLEST)).mean(),
        bounds=np.log(TEMPERATURES),
        options={"xatol": 1e-8},
    )
    return float(np.exp(optimum.x))


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(log p / temperature), (n, K): above 1 less extreme, below 1 more so.

    The order of a row's probabilities, and so the predicted label, stays.
    """
    return softmax(np.log(np.maximum(p, SMALLEST)) / temperature, axis=1)


def shares(y: np.ndarray, task: Task = BIRADS) -> np.ndarray:
    """Return the share of each label."""
    return np.bincount(y, minlength=len(task.labels) + 1)[1:] / len(y)


def reweighted(p: np.ndarray, priors_before: np.ndarray, priors_after: np.ndarray) -> np.ndarray:
    """Return p (n, K) for other priors: p_j after_j / before_j, each row summing to 1 again.

    Saerens, Latinne and Decaestecker 2002, eq. 2.4. A label without a prior before (training had
    none of it) gets probability 0; a row that has nothing else stays as it is.
    """
    before, after = np.asarray(priors_before, float), np.asarray(priors_after, float)
    raised = p * ratio(after, before, 0)
    total = raised.sum(1, keepdims=True)
    return np.divide(raised, total, out=np.array(p, dtype=float), where=total > 0)


def estimated_priors(p: np.ndarray, priors: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the priors of unlabelled images, and the iterations taken from those of training.

    The EM algorithm of Saerens, Latinne and Decaestecker 2002, eq. 2.9: p is reweighted to the
    priors of the last step, and its means are the next. It ends when no prior changes by
    ``TOLERANCE``, or after ``MOST_ITERATIONS``, with the last.
    """
    current, change, iteration = np.asarray(priors, float), np.inf, 0
    while change >= TOLERANCE and iteration < MOST_ITERATIONS:
        last, current = current, reweighted(p, priors, current).mean(0)
        change, iteration = np.abs(current - last).max(), iteration + 1
    return current, iteration


def recalibrated(
    table: pd.DataFrame, balance: bool = True, task: Task = BIRADS
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return the test probabilities under each of ``CORRECTIONS``, and what each fold fitted.

    In each fold (and seed) temperature scaling is fitted on the validation rows; the prior
    correction turns the priors of training into the natural ones, the shares of labels among the
    fold's distinct training images; Saerens EM into priors estimated from the test probabilities.

    Args:
        table: all predictions of one run.
        balance: whether training saw every present label equally often; else as often as it is.

    Returns:
        Correction -> (n, K), rows as in ``predictions.out_of_fold(table)``; and a row per fold:
        fold, seed, temperature, iterations, and ``training_1``.. ``natural_1``.. ``saerens_1``..
        ``observed_1``.., the priors and the shares in the test part.

    Raises:
        UserError: a fold lacks one of the three parts.
    """
    _check_folds(table)
    test = out_of_fold(table)
    corrected = {name: probabilities(test).copy() for name in CORRECTIONS}
    folds = []
    for (fold, seed), rows in table.groupby(MODEL):
        in_fold = ((test["fold"] == fold) & (test["seed"] == seed)).to_numpy()
        p = corrected["uncorrected"][in_fold]
        validation = out_of_fold(rows, "validation")
        temperature = fitted_temperature(validation["y_true"].to_numpy(), probabilities(validation))
        priors, iterations = _priors(rows, p, balance, task)
        corrected["temperature_scaled"][in_fold] = tempered(p, temperature)
        for name, kind in (("prior_corrected", "natural"), ("saerens", "saerens")):
            corrected[name][in_fold] = reweighted(p, priors["training"], priors[kind])
        priors["observed"] = shares(test.loc[in_fold, "y_true"], task)
        fitted = {"fold": fold, "seed": seed, "temperature": temperature, "iterations": iterations}
        prior_columns = {
            f"{kind}_{k}": v[k - 1] for kind, v in priors.items() for k in task.numbers
        }
        folds.append(fitted | prior_columns)
    return corrected, pd.DataFrame(folds)


def _check_folds(table: pd.DataFrame) -> None:
    problems = [
        f"fold {fold}, seed {seed}: no predictions of the {part} part"
        for (fold, seed), rows in table.groupby(MODEL)
        for part in PARTS
        if part not in set(rows["part"])
    ]
    if problems or not len(table):
        listed = "\n".join(problems or ["there are no predictions"])
        raise UserError(f"{listed}\nRecalibration needs all three parts: run 03_training again")


def training_priors(
    rows: pd.DataFrame, balance: bool, task: Task = BIRADS
) -> tuple[np.ndarray, np.ndarray]:
    """Return the priors of one fold: what training saw, and the shares of its distinct images.

    Args:
        rows: all predictions of the fold, with one seed.
        balance: whether training saw every present label equally often; else as often as it is.
    """
    images = out_of_fold(rows, "train").drop_duplicates("image_id")
    natural = shares(images["y_true"], task)
    return (natural > 0) / (natural > 0).sum() if balance else natural, natural


def _priors(
    rows: pd.DataFrame, p: np.ndarray, balance: bool, task: Task
) -> tuple[dict[str, np.ndarray], int]:
    """Return the priors of one fold by kind, and the iterations that Saerens EM took."""
    training, natural = training_priors(rows, balance, task)
    estimated, iterations = estimated_priors(p, training)
    return {"training": training, "natural": natural, "saerens": estimated}, iterations


def references(
    y: np.ndarray,
    p: np.ndarray,
    seed: int = 0,
    task: Task = BIRADS,
    images: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Return reference values for scores: name -> score -> value.

    These are the scores of the test part's frequencies, given to every image, and the mean binned
    error of a calibrated model with as many images, whose labels are drawn by ``seed``;
    ``images`` as there.
    """
    frequencies = np.tile(shares(y, task), (len(y), 1))  # (n, K), the same for every image
    reference_scores = every_score(y, frequencies, np.ones((len(y), 1)), task)
    noise = error_if_calibrated(p, seed=seed, images=images).set_index("metric")["estimate"]
    return {
        BASE_RATES: {
            name: float(reference_scores[name][0])
            for name in ("brier", "rps", "log_loss")
            if name in reference_scores
        },
        "A calibrated model with so few images, on average": {
            "classwise_ece": noise["classwise_ece"]
        },
    }


def records(
    scores: Mapping[str, pd.DataFrame],
    changes: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
    spread: pd.DataFrame,
) -> pd.DataFrame:
    """Return all that is known of calibration in one table: metric, estimate, low and high.

    ``scores`` are ``calibration.intervals`` by correction, ``changes`` their ``differences`` from
    the probabilities as predicted; ``folds`` are of ``recalibrated``.
    """
    single = spread["iqr"].add_prefix("true_class_iqr_")
    single = pd.concat([pd.Series({"temperature": folds["temperature"].mean()}), single])
    single = single.rename_axis("metric").reset_index(name="estimate")
    parts = [scores["uncorrected"], single.assign(low=np.nan, high=np.nan)]
    for name, change in changes.items():
        parts.append(scores[name].assign(metric=f"{name}." + scores[name]["metric"]))
        parts.append(change.assign(metric=f"{name}.difference." + change["metric"]))
    return pd.concat(parts, ignore_index=True)
