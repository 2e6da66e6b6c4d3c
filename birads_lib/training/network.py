"""The network that folds are trained with: built once, and as new before each fold."""

import logging
import random

import keras
import numpy as np

from birads_lib.losses.ordinal import LOSSES
from birads_lib.networks.cut import cut
from birads_lib.networks.hybrid import (
    assemble,
    build_head,
    build_preparation,
    build_trunk,
    set_trainable,
    with_embeddings,
)
from birads_lib.task import Task
from birads_lib.training.settings import Settings

# A new graph per stage is meant; TensorFlow takes it for a mistake in a loop.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


class Network:
    """A model, what is trained of it in each stage, and the way back to its beginning.

    TensorFlow takes longer to build the graphs of a small network than to train it for an epoch.

    Args:
        settings: every hyper-parameter.
        task: what is told apart.
        seed: of the initial values.
    """

    def __init__(self, settings: Settings, task: Task, seed: int):
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        self.settings, self.task = settings, task
        preparation = build_preparation(settings)
        before = random.getstate()
        self.trunk = build_trunk(settings)
        after = random.getstate()
        self.model = assemble(
            settings, preparation, self.trunk, build_head(settings, self.trunk, task)
        )
        seeds = {id(v) for layer in self.trunk.layers for v in _states(layer)}
        self.trunk_is_random = settings.weights == "none" or bool(seeds)
        if not self.trunk_is_random:
            self._trunk_values = [np.array(v) for v in self.trunk.variables]
            self._trunk_draws = _draws_between(before, after)
        self._parts: dict[object, tuple[keras.Model | None, keras.Model]] = {}

    def reset(self, seed: int) -> None:
        """Put back what a new model with this seed begins with.

        That is weights, statistics, and the seeds of dropout and augmentation. A trunk from a
        file is the same in each fold; what Keras would draw for it is only skipped.
        """
        # Keras's layers take their seeds from here. `keras.utils.set_random_seed` also has
        # TensorFlow forget its kernels, and optimise all graphs once more.
        random.seed(seed)
        preparation = build_preparation(self.settings)
        if self.trunk_is_random:
            trunk = build_trunk(self.settings)
            trunk_values = [v.value for v in trunk.variables]
        else:
            trunk, trunk_values = self.trunk, self._trunk_values
            _draw(self._trunk_draws)
        head = build_head(self.settings, trunk, self.task)
        parts = {"preparation": preparation.variables, "head": head.variables}
        for name, variables in parts.items():
            _assign(self.model.get_layer(name).variables, [v.value for v in variables])
        _assign(self.trunk.variables, trunk_values)

    def of_stage(self, stage: int) -> tuple[keras.Model | None, keras.Model]:
        """Return the frozen trunk and the compiled learner of a stage, its optimizer as new."""
        set_trainable(self.model, self.settings, stage)
        if stage not in self._parts:
            frozen, learner = self._cut(self.model)
            rate = getattr(self.settings, f"stage{stage}_rate")
            loss = LOSSES[self.settings.loss](self.settings)
            # Its variables exist from here on: made in the first step, they cost a second tracing.
            accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
            learner.compile(keras.optimizers.Adam(rate), loss, metrics=[accuracy])
            learner.optimizer.build(learner.trainable_variables)
            self._parts[stage] = frozen, learner
        optimizer = self._parts[stage][1].optimizer.variables
        _assign(optimizer, [np.zeros(v.shape) for v in optimizer])  # the journal sets the rate
        return self._parts[stage]

    def of_outputs(self) -> tuple[keras.Model | None, keras.Model]:
        """Return the frozen trunk and a learner that gives embeddings, too."""
        if "outputs" not in self._parts:
            self._parts["outputs"] = self._cut(with_embeddings(self.model))
        return self._parts["outputs"]

    def _cut(self, model: keras.Model) -> tuple[keras.Model | None, keras.Model]:
        """Return the part run once, and that run in each step; None and all without the cache."""
        frozen, tail = cut(model)
        if self.settings.trunk_cache:
            return frozen, tail
        maps = frozen(model.get_layer("preparation")(model.input), training=False)
        return None, keras.Model(model.input, tail(maps))


def _assign(variables: list, values: list) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _states(layer: keras.Layer) -> list:
    """Return the states of a layer's random generators, as dropout has one."""
    return [v for v in layer.variables if "seed_generator" in v.path]


def _draws_between(before: tuple, after: tuple) -> int:
    """Return the number of seeds drawn between two states of Python's generator.

    Keras draws the seeds of initialisers there, one after another.
    """
    end, draws = random.getstate(), 0
    random.setstate(before)
    while random.getstate() != after:
        _draw(1)
        draws += 1
    random.setstate(end)
    return draws


def _draw(draws: int) -> None:
    for _ in range(draws):
        keras.initializers.RandomUniform()  # takes the next seed, as each of Keras's does
