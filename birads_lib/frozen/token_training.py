"""Train attention over tokens, nested: every choice is made within the training part of a fold.

Each step of a training sees some tokens of an image, drawn anew: it costs less, and no token can be
relied on (Liu et al. 2023, arXiv:2208.07220). The answer of an image is the mean over a few fixed
draws; that of a breast is the mean over its views, as BI-RADS is given for a breast.
"""

import hashlib
import json
import logging
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from birads_lib.cases import label_numbers
from birads_lib.files import written_whole
from birads_lib.frozen import breasts, nested, staircase
from birads_lib.frozen.nested import Answers
from birads_lib.frozen.token_answers import Choice
from birads_lib.frozen.token_recipe import Recipe
from birads_lib.frozen.tokens import Tokens, reduced
from birads_lib.losses.ordinal import LOSSES
from birads_lib.networks.token_attention import build
from birads_lib.task import BIRADS, Task
from birads_lib.training.settings import Settings

CHUNK = 64  # images that are asked at once

# A graph per width and dropout is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


class Learner:
    """A network of one width and one dropout: compiled once, as new before each training.

    Args:
        recipe: how it is trained.
        width: of a token in the encoder.
        dropout: see ``token_attention.build``.
        breast: (n, cells) bool, of all images; breast is drawn before what lies beyond it.
        channels: of a token.
        labels: that are told apart.
    """

    def __init__(
        self, recipe: Recipe, width: int, dropout: float, breast: np.ndarray, channels: int,
        labels: int,
    ):  # fmt: skip
        self.recipe, self.labels = recipe, labels
        self.beyond = ~breast  # (n, cells)
        self.seen = min(recipe.seen, breast.shape[1])
        shape = (self.seen, channels, labels)
        options = {"width": width, "dropout": dropout, "blocks": recipe.encoder_blocks}
        self._new = lambda: build(*shape, **options)
        self.model = self._new()
        optimizer = keras.optimizers.AdamW(recipe.rate, weight_decay=recipe.weight_decay)
        self.model.compile(optimizer, LOSSES[recipe.loss](Settings(loss=recipe.loss)))
        optimizer.build(self.model.trainable_variables)
        # The same cells of an image are asked whatever else is asked with it.
        rng = np.random.default_rng(0)
        self.asked = [self._cells(np.arange(len(breast)), rng) for _ in range(recipe.draws)]

    def epochs(self, x: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> Iterator[int]:
        """Train from the beginning; yield the number of epochs done after each.

        Args:
            x: (n, cells, channels) tokens of all images.
            y: (n,) labels 1..K of all images; all labels weigh alike.
            rows: to train on.
            seed: of the initial values, the order and the tokens.
        """
        self._reset(seed)
        counts = np.bincount(y[rows], minlength=self.labels + 1)
        weights = len(rows) / np.maximum(counts, 1) / np.count_nonzero(counts)
        size = self.recipe.batch_size
        for epoch in range(max(self.recipe.lengths)):
            rng = np.random.default_rng([seed, epoch])
            order = rng.permutation(rows)  # the first ones fill the last batch
            for batch in np.resize(order, (-(-len(rows) // size), size)):
                tokens = x[batch[:, None], self._cells(batch, rng)]
                labels = y[batch] - 1
                self.model.train_on_batch(
                    tokens, labels, sample_weight=weights[y[batch]].astype("float32")
                )
            yield epoch + 1

    def probabilities(self, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the probabilities (m, K) of some rows, averaged over the draws of tokens."""
        chunks = np.resize(rows, (-(-len(rows) // CHUNK), CHUNK))  # all of one size
        outputs = [
            np.concatenate([self.model.predict_on_batch(x[c[:, None], cells[c]]) for c in chunks])
            for cells in self.asked
        ]
        p = np.mean(outputs, axis=0, dtype=float)[: len(rows)]
        return p / p.sum(axis=1, keepdims=True)

    def _cells(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the cells of each image that are seen, (m, seen)."""
        ranks = rng.random((len(rows), self.beyond.shape[1])) + self.beyond[rows]
        return np.argsort(ranks, axis=1)[:, : self.seen]

    def _reset(self, seed: int) -> None:
        """Put back what a new model begins with: weights, dropout's seeds, the optimizer."""
        # Keras's layers take their seeds from here. `keras.utils.set_random_seed` also has
        # TensorFlow forget its kernels, and optimise all graphs once more.
        random.seed(seed)
        for variable, new in zip(self.model.variables, self._new().variables, strict=True):
            variable.assign(new.value)
        optimizer = self.model.optimizer
        for variable in optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        optimizer.learning_rate.assign(self.recipe.rate)


def answered(
    tokens: Tokens,
    cases: pd.DataFrame,
    parts: Mapping[tuple[int, int], pd.DataFrame],
    recipe: Recipe,
    folder: str | Path,
    *,
    task: Task = BIRADS,
    code: str = "",
) -> dict[tuple[int, int], Answers]:
    """Return the nested answers of each outer fold, by (seed, fold), with a progress bar.

    A fold leaves a file that is named after all that it depends on, so that a call that was
    stopped goes on with the next fold, to the same answers.

    Args:
        tokens: of all images.
        cases: the table of images.
        parts: by (seed, fold), as ``splits.deal`` returns them; validation rows are trained on.
        recipe: how it is trained; without a width nothing is, and there are no answers.
        folder: of the folds' files.
        task: what is told apart.
        code: what stands for the code that trains.
    """
    y, made, learners = label_numbers(cases, task), {}, {}
    breast_of = cases[["image_id", "patient_id", "laterality"]].to_csv(index=False)
    dependencies = [recipe.model_dump_json(), tokens.name, y.tolist(), breast_of, code]
    dependencies.append(keras.backend.backend())
    bar = {"desc": "attention over tokens", "unit": "fold", "file": sys.stdout, "mininterval": 1}
    for (seed, fold), part in tqdm(parts.items(), **bar) if recipe.widths else ():
        follows_from = json.dumps([*dependencies, seed, fold, part.to_csv(index=False)])
        digest = hashlib.sha256(follows_from.encode()).hexdigest()
        path = Path(folder) / f"seed{seed}_fold{fold}_{digest[:16]}.npz"
        if not path.exists():
            answers = _nested(tokens, cases, y, part, recipe, learners, (seed, fold), task)
            with written_whole(path) as temporary:
                arrays = {"test": answers.test, "inner": answers.inner}
                np.savez(temporary, chosen=json.dumps(asdict(answers.chosen)), **arrays)
        with np.load(path) as file:
            chosen = Choice(**json.loads(str(file["chosen"])))
            made[seed, fold] = Answers(file["test"], file["inner"], chosen)
    return made


def _nested(
    tokens: Tokens, cases: pd.DataFrame, y: np.ndarray, part: pd.DataFrame, recipe: Recipe,
    learners: dict, key: tuple[int, int], task: Task,
) -> Answers:  # fmt: skip
    """Return the answers of one outer fold: the choice of its inner folds, fitted to all of it."""
    training, tested = staircase.rows_of(part)
    seed = 1000 * key[0] + key[1]  # as the other steps deal their inner folds
    patients = staircase.patients_of(part, len(y))[training]
    dealt = nested.inner_folds(y[training], patients, recipe.inner_folds, seed)
    x = reduced(tokens, training, recipe.token_components, seed)  # (n, cells, channels)
    for design in product(recipe.widths, recipe.dropouts):
        if design not in learners:
            sizes = (tokens.breast, x.shape[-1], len(task.labels))
            learners[design] = Learner(recipe, *design, *sizes)
    tried = [Choice(*values) for values in product(recipe.widths, recipe.dropouts, recipe.lengths)]
    inner = {choice: np.zeros((len(training), len(task.labels))) for choice in tried}
    for number, (design, learner) in product(np.unique(dealt), learners.items()):
        inner_training, held_out = training[dealt != number], training[dealt == number]
        for epoch in learner.epochs(x, y, inner_training, _seed(*key, 1 + number)):
            if epoch in recipe.lengths:
                inner[Choice(*design, epoch)][dealt == number] = learner.probabilities(x, held_out)
    inner = {c: breasts.joined(p, cases.iloc[training]) for c, p in inner.items()}
    chosen = max(inner, key=lambda c: nested.criterion(y[training], inner[c], task))
    learner = learners[chosen.width, chosen.dropout]
    for epoch in learner.epochs(x, y, training, _seed(*key, 0)):
        if epoch == chosen.epochs:
            break
    test = breasts.joined(learner.probabilities(x, tested), cases.iloc[tested])
    return Answers(test, inner[chosen], chosen)


def _seed(*numbers: int) -> int:
    """Mix several integers into one seed of 31 bits."""
    return int(np.random.SeedSequence([int(n) for n in numbers]).generate_state(1)[0] >> 1)
