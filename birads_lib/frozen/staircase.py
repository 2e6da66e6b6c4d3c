"""A staircase of models of frozen features: what each step sees, and its predictions."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from birads_lib.frozen import breasts, nested, patch_scores
from birads_lib.frozen.nested import Answers, Blocks, Candidate
from birads_lib.task import BIRADS, Task

FACTS = ("density", "view", "laterality")  # columns of the table of images
PATCHES = "patches"  # how the names of blocks of patch scores begin


def blocks_of(
    by_trunk: Mapping[str, Mapping[str, np.ndarray]],
    maps: Mapping[str, np.ndarray],
    cases: pd.DataFrame,
    components: int = 100,
) -> Blocks:
    """Return all blocks: of images, of breasts (views joined), and of both breasts' difference.

    Names are "facts" (``known_facts``); "<trunk> <size>" and, of the largest size, "<trunk> views"
    and "<trunk> difference"; "patches <teacher>" and the same two.

    Args:
        by_trunk: trunk -> size -> pooled features (n, f), the largest size last.
        maps: teacher -> probability maps (n, h, w, kinds); may be empty.
        cases: the table of images.
        components: most principal components of a block.
    """
    values = {"facts": known_facts(cases)}
    for trunk, sizes in by_trunk.items():
        values |= {f"{trunk} {size}": x for size, x in sizes.items()}
        values[f"{trunk} views"] = breasts.joined([*sizes.values()][-1], cases)
        values[f"{trunk} difference"] = breasts.difference(values[f"{trunk} views"], cases)
    for teacher, of_images in maps.items():
        name, scores = f"{PATCHES} {teacher}", patch_scores.summaries(of_images)
        values[name] = scores
        values[f"{name} views"] = breasts.joined(scores, cases, "max")
        values[f"{name} difference"] = breasts.difference(values[f"{name} views"], cases)
    return Blocks(values, components)


def candidates(
    *designs: Sequence[str],
    strengths: Sequence[float],
    patch_weights: Sequence[float] = (1.0,),
    ordinal: bool = False,
) -> list[Candidate]:
    """Return every combination of a design, a weight of its patch scores, and a strength.

    Args:
        designs: names of blocks that a model sees together.
        strengths: the regression's C.
        patch_weights: of blocks of patch scores, where other blocks weigh 1.
        ordinal: as ``Candidate`` has it.
    """
    combinations = []
    for design, weight, strength in product(designs, patch_weights, strengths):
        weights = tuple((n, weight if n.startswith(PATCHES) else 1.0) for n in design)
        candidate = Candidate(weights, strength, ordinal)
        if candidate not in combinations:
            combinations.append(candidate)
    return combinations


def climbed(
    steps: Mapping[str, Sequence[Candidate]],
    blocks: Blocks,
    y: np.ndarray,
    parts: Mapping[tuple[int, int], pd.DataFrame],
    *,
    folds: int = 4,
    task: Task = BIRADS,
) -> dict[str, dict[tuple[int, int], Answers]]:
    """Return the nested answers of each step in each outer fold, by (seed, fold).

    Each outer fold prints a line.

    Args:
        steps: step -> its candidates.
        blocks: features of all images.
        y: (n,) labels 1..K.
        parts: by (seed, fold), as ``splits.deal`` returns them; validation rows are trained on.
        folds: inner ones.
        task: what is told apart.
    """
    made = {step: {} for step in steps}
    for (seed, fold), part in parts.items():
        training, tested = rows_of(part)
        patients = patients_of(part, len(y))
        for step, tried in steps.items():
            made[step][seed, fold] = nested.answers(
                blocks, tried, y, patients, training, tested,
                folds=folds, seed=1000 * seed + fold, task=task,
            )  # fmt: skip
        blocks.forget()  # what was fitted to parts of this fold's training rows
        print(f"seed {seed}, fold {fold}: {len(steps)} steps")
    return made


def rows_of(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on, those of validation among them, and the rows to test."""
    is_test = part["part"] == "test"
    return part.loc[~is_test, "row"].to_numpy(), part.loc[is_test, "row"].to_numpy()


def patients_of(part: pd.DataFrame, images: int) -> np.ndarray:
    """Return the patient of each of so many images (n,), of those that the part has."""
    owners = part.drop_duplicates("row").set_index("row")["patient_id"]
    return owners.reindex(range(images)).to_numpy(object)


def table(
    step: str,
    predicted: Mapping[tuple[int, int], tuple[np.ndarray, np.ndarray]],
    y: np.ndarray,
    parts: Mapping[tuple[int, int], pd.DataFrame],
) -> pd.DataFrame:
    """Return the rows of one step, as ``scores.steps`` takes them.

    Args:
        step: its name.
        predicted: by (seed, fold): probabilities (m, K) of the test rows, and labels called (m,).
        y: (n,) labels 1..K of all images.
        parts: as for ``climbed``.
    """
    tables = []
    for (seed, fold), (p, called) in predicted.items():
        part = parts[seed, fold]
        rows = part[part["part"] == "test"].reset_index(drop=True)
        facts = rows[["image_id", "patient_id"]].assign(step=step, fold=fold, seed=seed)
        facts["y_true"], facts["called"] = y[rows["row"]], called
        columns = [f"p{k}" for k in range(1, p.shape[1] + 1)]
        tables.append(facts.join(pd.DataFrame(p, columns=columns)))
    return pd.concat(tables, ignore_index=True)


def majority(
    y: np.ndarray, parts: Mapping[tuple[int, int], pd.DataFrame], labels: int
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Return, for ``table``, the label that each training part has most often, as if certain."""
    made = {}
    for key, part in parts.items():
        training, tested = rows_of(part)
        most_frequent = np.bincount(y[training], minlength=labels + 1).argmax()
        called = np.full(len(tested), most_frequent)
        made[key] = np.eye(labels)[called - 1], called
    return made


def known_facts(cases: pd.DataFrame) -> np.ndarray:
    """Return the facts of the table of images, one-hot (n, f): 1 where a fact has a value, else 0.

    What is unknown is a value of its own; a fact that is known of no image is left out.
    """
    columns = [name for name in FACTS if name in cases and cases[name].notna().any()]
    facts = cases[columns].astype(object).fillna("unknown")
    return pd.get_dummies(facts.reset_index(drop=True), dtype=float).to_numpy()
