"""Patches: what the cells of a map show, learnt from the boxes of an intermediate set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from birads_lib import predictions
from birads_lib.cases import Dataset
from birads_lib.errors import UserError
from birads_lib.frozen import features
from birads_lib.frozen.patch_scores import KINDS
from birads_lib.images import regions
from birads_lib.images.chest_wall import box_share
from birads_lib.images.frame import mostly
from birads_lib.task import BIRADS

COMPONENTS = 256  # principal components of cells
STRENGTHS = (0.0001, 0.001, 0.01, 0.1)  # of the regression (C), tried on the intermediate set
STEPS = 500  # most of the solver


def some_patients(data: Dataset, number: int, seed: int = 0) -> Dataset:
    """Return the images of so many patients, drawn at random; 0: of all, in the order of the draw.

    A larger number keeps the patients of a smaller one, and their order. An image whose patient
    isn't known counts as a patient of its own.
    """
    owners = predictions.cluster_ids(data.cases)
    drawn = np.random.default_rng(seed).permutation(sorted(owners.unique()))[: number or None]
    place = pd.Index(drawn).get_indexer(owners)
    order = np.argsort(place, kind="stable")
    cases = data.cases.iloc[order[(place < 0).sum() :]].reset_index(drop=True)
    is_chosen = data.findings["image_id"].isin(cases["image_id"])
    findings = data.findings[is_chosen].reset_index(drop=True)
    return Dataset(data.root, cases, findings, data.notes, data.annotations, data.code)


def shares_of_boxes(data: Dataset, files: list[Path], kind: str = "mass") -> list[np.ndarray]:
    """Return the largest share of each cell that the box of a finding covers, (h, w) per image."""
    boxes = regions.located(data, [kind]).groupby("image_id")[regions.CORNERS]
    boxes = {image: table.to_numpy() for image, table in boxes}
    height, width, cell = features.grid(files)
    return [
        np.max([np.zeros((height // cell, width // cell)), *(
            box_share(box, place, height, width, cell) for box in boxes.get(image, ())
        )], axis=0)
        for image, place in zip(data.cases["image_id"], features.places(files), strict=True)
    ]  # fmt: skip


def kinds_of(cases: pd.DataFrame, by: Literal["malignancy", "birads"]) -> np.ndarray:
    """Return the kind of each image's boxed findings, (n,) places in ``KINDS``; 0: unknown.

    By ``birads``, for a set without histology, BI-RADS 4 or more counts as malignant.
    """
    if by == "malignancy":
        return cases["malignancy"].map({"benign": 1, "malignant": 2}).fillna(0).to_numpy(int)
    suspicious = (cases["birads"] >= BIRADS.act_from).map({True: 2, False: 1})
    return suspicious.where(cases["birads"].notna(), 0).to_numpy(int)


def examples(
    data: Dataset, files: list[Path], kinds: np.ndarray, background: int = 12, *,
    finding: str = "mass", centred: bool = False, seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Return cells to learn from: features (m, channels), places in ``KINDS`` (m,), patients (m,).

    Boxed findings of unknown kind are left out.

    Args:
        data: the intermediate set.
        files: of its features, with cells.
        kinds: (n,) of ``kinds_of``.
        background: cells that no box of a ``finding`` touches, drawn at random from the breast of
            each image.
        finding: whose boxes teach, as the table of findings names its kind.
        centred: whether cells are those less the mean of their breast.
        seed: of the draw.
    """
    rng, parts = np.random.default_rng(seed), []
    owners = predictions.cluster_ids(data.cases)
    facts = zip(
        features.maps(files), shares_of_boxes(data, files, finding), kinds, owners, strict=True
    )
    for (cells, breast), share, kind, owner in facts:
        of_finding = np.argwhere(mostly(share) & (kind > 0))
        drawn = rng.permutation(np.argwhere(breast & (share == 0)))[:background]
        places = np.concatenate([of_finding, drawn])
        values = _shifted(cells, breast, centred)[tuple(places.T)]
        of_cells = np.repeat([kind, 0], [len(of_finding), len(drawn)])
        parts.append((values, of_cells, np.repeat(owner, len(places))))
    x, of_cells, patients = map(np.concatenate, zip(*parts, strict=True))
    return x, of_cells, patients


def _shifted(cells: np.ndarray, breast: np.ndarray, centred: bool) -> np.ndarray:
    """Return the cells (h, w, channels) float32; ``centred``: less the mean of the breast's cells.

    A centred cell says how a place differs from the rest of its breast, whatever the film or the
    detector does to all of it.
    """
    cells = cells.astype(np.float32)
    return cells - cells[breast].mean(axis=0) if centred else cells


@dataclass(frozen=True)
class Teacher:
    """A model that classifies cells, with its scores on patients of its set that it didn't see."""

    model: Pipeline
    centred: bool
    held_out: dict[str, float]  # AUC of finding against none, and of malignant against benign
    strength: float  # of the regression, chosen by these patients' log loss


def learn(
    x: np.ndarray, kinds: np.ndarray, patients: np.ndarray, *, centred: bool = False, seed: int = 0
) -> Teacher:
    """Return a teacher fitted to all cells, its strength chosen on a quarter of the patients.

    Arguments are those that ``examples`` returns. Raises UserError where a kind is missing, among
    all patients or on one side of the split.
    """
    split = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
    training, validation = next(split.split(x, kinds, patients))
    for part in (training, validation):
        missing = [KINDS[k] for k in range(len(KINDS)) if k not in kinds[part]]
        if missing:
            problem = f"too few boxed findings to learn from: no patch is {' or '.join(missing)}"
            raise UserError(
                f"{problem}; give more patients of the intermediate set, or another one"
            )
    reduced = _reduction(x[training], seed)
    inputs = reduced.transform(x)
    tried = {c: _regression(c).fit(inputs[training], kinds[training]) for c in STRENGTHS}
    p = {c: model.predict_proba(inputs[validation]) for c, model in tried.items()}
    best = min(STRENGTHS, key=lambda c: log_loss(kinds[validation], p[c], labels=range(len(KINDS))))
    of_best, truth = p[best], kinds[validation]
    is_finding = truth > 0
    held_out = {
        "finding": roc_auc_score(is_finding, 1 - of_best[:, 0]),
        "malignant": roc_auc_score(
            truth[is_finding] == 2, _malignant_of_found(of_best[is_finding])
        ),
    }
    reduction = _reduction(x, seed)
    model = Pipeline([*reduction.steps, ("regression", _regression(best))])
    model.named_steps["regression"].fit(reduction.transform(x), kinds)
    return Teacher(model, centred, held_out, best)


def _reduction(x: np.ndarray, seed: int) -> Pipeline:
    components = min(COMPONENTS, *x.shape)
    return make_pipeline(StandardScaler(), PCA(components, random_state=seed)).fit(x)


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=STEPS, tol=1e-3)


def _malignant_of_found(p: np.ndarray) -> np.ndarray:
    return p[:, 2] / (p[:, 1] + p[:, 2])


def probability_maps(files: list[Path], teacher: Teacher) -> np.ndarray:
    """Return the probabilities of cells' kinds, (n, h, w, kinds) float32; NaN off the breast."""
    made = []
    for cells, breast in features.maps(files):
        p = np.full((*breast.shape, len(KINDS)), np.nan, np.float32)
        p[breast] = teacher.model.predict_proba(_shifted(cells, breast, teacher.centred)[breast])
        made.append(p)
    return np.stack(made)
