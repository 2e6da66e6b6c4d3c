"""Nested cross-validation: every choice is made within the training part of each outer fold.

The images that a fold trains on are dealt into inner folds by patient. Each candidate is fitted on
all but one inner fold and asked about that one; the candidate with the best answers over all inner
folds is fitted anew on the whole training part, and only this one meets the test part. Its answers
of the inner folds ("inner answers") also serve whatever else has to be chosen: thresholds, weights,
temperatures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.decomposition import KernelPCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from birads_lib.scores.metrics import headline
from birads_lib.scores.recalibration import fitted_temperature, reweighted, tempered
from birads_lib.task import BIRADS, Task

STEPS = 1000  # most of the solver
TOLERANCE = 1e-3  # at which it ends
LEAST = 1e-4  # probability of a label between thresholds that contradict each other
AIMS = ("mean_auc", "qwk", "auc_4_or_5")  # whose mean decides between candidates


@dataclass(frozen=True)
class Candidate:
    """One way to make a model of blocks of features."""

    weights: tuple[tuple[str, float], ...]  # of the blocks that it sees, by their names
    strength: float = 30.0  # the regression's C: the higher, the closer it fits
    ordinal: bool = False  # a regression for each threshold, not one for all labels


@dataclass(frozen=True)
class Answers:
    """The answers of one step in one outer fold."""

    test: np.ndarray  # probabilities (m, K) of the test rows
    inner: np.ndarray  # inner answers (n, K): of the training rows, each by a model without it
    chosen: Candidate


@dataclass
class Blocks:
    """Features by block, with equal weight: standardised, reduced, scaled to total variance 1.

    Scaling and reduction are fitted to the rows that a model trains on, and kept for the next
    candidate.

    Attributes:
        values: block -> (n, f), a row per image.
        components: most principal components of a block.
    """

    values: Mapping[str, np.ndarray]
    components: int = 100
    _made: dict = field(default_factory=dict, repr=False)

    def inputs(self, candidate: Candidate, seen: np.ndarray) -> np.ndarray:
        """Return the inputs (n, d) of all images for a model that trains on the rows ``seen``."""
        parts = [weight * self._reduced(name, seen) for name, weight in candidate.weights]
        return np.concatenate(parts, axis=1)

    def forget(self) -> None:
        """Drop the scaled features of rows that no further model trains on."""
        self._made.clear()

    def _reduced(self, name: str, seen: np.ndarray) -> np.ndarray:
        key = (name, seen.tobytes())
        if key not in self._made:
            x = StandardScaler().fit(self.values[name][seen]).transform(self.values[name])
            if x.shape[1] > self.components:  # the linear kernel is PCA, and fast for few images
                count = min(self.components, len(seen) - 1)
                reduction = KernelPCA(count, eigen_solver="dense").fit(x[seen])
                x = reduction.transform(x)
            spread = np.sqrt(x[seen].var(axis=0).sum())
            self._made[key] = (x / spread if spread > 0 else x).astype(np.float32)
        return self._made[key]


def answers(
    blocks: Blocks,
    candidates: Sequence[Candidate],
    y: np.ndarray,
    patients: np.ndarray,
    training: np.ndarray,
    tested: np.ndarray,
    *,
    folds: int = 4,
    seed: int = 0,
    task: Task = BIRADS,
) -> Answers:
    """Return the answers of the candidate that does best within the training part.

    Args:
        blocks: features of all images.
        candidates: what is tried; of equally good ones the first is taken.
        y: (n,) labels 1..K of all images.
        patients: (n,) whose they are.
        training: rows of the training part.
        tested: rows of the test part.
        folds: inner ones, at most as many as the rarest label of the training part has patients.
        seed: of the inner deal.
        task: what is told apart.
    """
    dealt = inner_folds(y[training], patients[training], folds, seed)
    inner = [inner_answers(blocks, c, y, training, dealt, len(task.labels)) for c in candidates]
    values = [criterion(y[training], p, task) for p in inner]
    best = int(np.argmax(values))
    test = predicted(blocks, candidates[best], y, training, tested, len(task.labels))
    return Answers(test, inner[best], candidates[best])


def inner_folds(y: np.ndarray, patients: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the inner fold (n,) of each row of a training part, by patient."""
    rarest = min(len(np.unique(patients[y == label])) for label in np.unique(y))
    splitter = StratifiedGroupKFold(max(2, min(folds, rarest)), shuffle=True, random_state=seed)
    dealt = np.zeros(len(y), int)
    for number, (_, held_out) in enumerate(splitter.split(y, y, patients)):
        dealt[held_out] = number
    return dealt


def inner_answers(
    blocks: Blocks, candidate: Candidate, y: np.ndarray, training: np.ndarray, dealt: np.ndarray,
    labels: int,
) -> np.ndarray:  # fmt: skip
    """Return a candidate's probabilities (n, K) of each training row, by a model without it."""
    p = np.zeros((len(training), labels))
    for fold in np.unique(dealt):
        inner_training, held_out = training[dealt != fold], training[dealt == fold]
        p[dealt == fold] = predicted(blocks, candidate, y, inner_training, held_out, labels)
    return p


def predicted(
    blocks: Blocks, candidate: Candidate, y: np.ndarray, seen: np.ndarray, tested: np.ndarray,
    labels: int,
) -> np.ndarray:  # fmt: skip
    """Return a candidate's probabilities (m, K) of the tested rows, fitted to the rows seen."""
    x = blocks.inputs(candidate, seen)
    fit = by_threshold if candidate.ordinal else multinomial
    return fit(x[seen], y[seen], x[tested], candidate.strength, labels)


def multinomial(
    x: np.ndarray, y: np.ndarray, tested: np.ndarray, strength: float, labels: int
) -> np.ndarray:
    """Return probabilities (m, K) by one logistic regression, all labels weighted alike."""
    p, present = np.zeros((len(tested), labels)), np.unique(y)
    if len(present) == 1:
        p[:, present[0] - 1] = 1
        return p
    p[:, present - 1] = _regression(x, y, y, strength).predict_proba(tested)
    return p


def by_threshold(
    x: np.ndarray, y: np.ndarray, tested: np.ndarray, strength: float, labels: int
) -> np.ndarray:
    """Return probabilities (m, K) by a binary regression for each threshold of ordered labels.

    Regression k says how probable a label above k is, for k = 1 .. K-1; differences are those of
    the labels (Frank and Hall 2001, doi 10.1007/3-540-44795-4_13). As in ``multinomial`` all labels
    weigh alike, in each regression. Differences below ``LEAST``, as of a threshold that is more
    probable than a lower one, become ``LEAST``, and rows are divided by their sums; a label that
    training lacks has no probability.
    """
    above = np.ones((len(tested), labels + 1))
    above[:, labels] = 0
    for k in range(1, labels):
        is_above = y > k
        if is_above.all() or not is_above.any():
            above[:, k] = float(is_above.all())
        else:
            above[:, k] = _regression(x, is_above, y, strength).predict_proba(tested)[:, 1]
    p = np.maximum(-np.diff(above, axis=1), LEAST) * np.isin(np.arange(1, labels + 1), y)
    return p / p.sum(axis=1, keepdims=True)


def _regression(
    x: np.ndarray, told: np.ndarray, y: np.ndarray, strength: float
) -> LogisticRegression:
    """Return a regression that tells ``told`` (n,) by x (n, d), all labels y weighted alike."""
    model = LogisticRegression(C=strength, max_iter=STEPS, tol=TOLERANCE)
    return model.fit(x, told, compute_sample_weight("balanced", y))


def criterion(y: np.ndarray, p: np.ndarray, task: Task = BIRADS) -> float:
    """Return the mean of what is aimed at and defined: mean AUC, quadratic kappa, AUC of action."""
    values = headline(y, p / p.sum(axis=1, keepdims=True), task)
    defined = [values[name] for name in AIMS if name in values and not np.isnan(values[name])]
    return float(np.mean(defined))


def mean_of(several: Sequence[Answers]) -> tuple[np.ndarray, np.ndarray]:
    """Return test and inner probabilities of an ensemble: the mean over its members."""
    return tuple(np.mean([getattr(a, part) for a in several], axis=0) for part in ("test", "inner"))


def grades(p: np.ndarray) -> np.ndarray:
    """Return the expected label (n,), 1..K."""
    return p @ np.arange(1, p.shape[1] + 1)


def called_alike(inner: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the labels (m,) of test rows so that each is called as often as training has it.

    Thresholds on the expected label are the quantiles of the inner answers at the cumulative
    shares of the training part's labels y (n,).
    """
    labels = test.shape[1]
    below = np.array([(y <= k).mean() for k in range(1, labels)])
    thresholds = np.quantile(grades(inner), below)
    return 1 + np.searchsorted(thresholds, grades(test), side="right")


def calibrated(inner: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return test probabilities (m, K) for the shares and the certainty of the training part.

    Models that weigh all labels alike overrate rare ones: probabilities are given the shares of
    the training part's labels y (n,), then the temperature with the least log loss of its inner
    answers (``scores.recalibration``).
    """
    labels = test.shape[1]
    uniform, shares = np.full(labels, 1 / labels), np.bincount(y, minlength=labels + 1)[1:] / len(y)
    of_inner, of_test = (reweighted(p, uniform, shares) for p in (inner, test))
    return tempered(of_test, fitted_temperature(y, of_inner))
