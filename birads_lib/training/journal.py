"""The journal of a training: what each epoch brought, and how to go on from it after a kill."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from birads_lib.errors import UserError
from birads_lib.files import written_whole
from birads_lib.training.cache import Batches
from birads_lib.training.settings import Settings


@dataclass(frozen=True)
class Plan:
    """The plan for a stage's next epoch, from the epochs so far."""

    rate: float  # of the next epoch
    best: int  # the epoch with the lowest val_loss, from 0; -1 before the first
    stop: bool


def schedule(val_losses: list[float], rate: float, settings: Settings) -> Plan:
    """Return early stopping and the falling rate, from the history alone.

    Keras's EarlyStopping and ReduceLROnPlateau count in attributes, which a restart loses.
    """
    best, waited = -1, 0
    for epoch, loss in enumerate(val_losses):
        waited += 1
        if best < 0 or loss < val_losses[best]:
            best, waited = epoch, 0
        elif waited == settings.plateau_patience:
            rate, waited = rate * settings.plateau_factor, 0
    return Plan(rate, best, stop=len(val_losses) - 1 - best >= settings.patience)


class Journal(keras.callbacks.Callback):
    """After each epoch: history, schedule, and all that a restart needs, in one file.

    Args:
        path: the file, .npz; an epoch is done when it is written.
        name: which fold, for messages.
        settings: the stage's rate, epochs and patience.
        stage: 1 or 2.
        history: rows of all epochs of both stages, appended to.
        batches: the training data, told each epoch's number.
        progress: called with one line per epoch.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        settings: Settings,
        stage: int,
        history: list[dict],
        batches: Batches,
        progress: Callable[[str], None] = print,
    ):
        super().__init__()
        self.path, self.name, self.settings, self.stage = path, name, settings, stage
        self.history, self.batches, self.progress = history, batches, progress
        self.first_rate = getattr(settings, f"stage{stage}_rate")
        self.epochs = getattr(settings, f"stage{stage}_epochs")
        self.best: list[
            np.ndarray
        ] = []  # the variables to end with: the best epoch's, or the last's

    @property
    def plan(self) -> Plan:
        """The schedule after this stage's epochs so far."""
        losses = [row["val_loss"] for row in self.history if row["stage"] == self.stage]
        return schedule(losses, self.first_rate, self.settings)

    def on_epoch_begin(self, epoch, logs=None):
        """Set the epoch's rate and draw its data."""
        self.model.optimizer.learning_rate.assign(self.plan.rate)
        self.batches.start_epoch(epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Record the epoch, save everything, and stop if it is time."""
        prefix = f"{self.name} · stage {self.stage} · epoch {epoch + 1}/{self.epochs}"
        if not np.isfinite(list(logs.values())).all():
            current_rate = f"stage{self.stage}_rate (now {self.first_rate:g})"
            raise UserError(f"{prefix}: the loss is not finite; lower {current_rate}")
        rate = self.plan.rate
        logs = {key: float(value) for key, value in logs.items()}
        self.history.append({"stage": self.stage, "epoch": epoch + 1, "rate": rate, **logs})
        if self.plan.best == epoch or not self.settings.restore_best:
            self.best = [np.array(v) for v in self.model.variables]
        self.save()
        self.progress(
            f"{prefix} · loss {logs['loss']:.3f} · val_loss {logs['val_loss']:.3f} · lr {rate:.2g}"
        )
        self.model.stop_training = self.plan.stop

    def save(self) -> None:
        """Write history, variables (dropout's seeds too), optimizer and best variables."""
        optimizer = self.model.optimizer.variables
        groups = {"model": self.model.variables, "optimizer": optimizer, "best": self.best}
        arrays = {f"{g}_{i}": np.array(v) for g, vs in groups.items() for i, v in enumerate(vs)}
        with written_whole(self.path) as temporary:
            np.savez(temporary, stage=self.stage, history=json.dumps(self.history), **arrays)

    def restore(self, model: keras.Model) -> None:
        """Put back the history, and the variables if they are of this stage."""
        if not self.path.exists():
            return
        with np.load(self.path) as state:
            self.history[:] = json.loads(str(state["history"]))
            if state["stage"] == self.stage:
                for group in ("model", "optimizer"):
                    variables = (model if group == "model" else model.optimizer).variables
                    for i, variable in enumerate(variables):
                        variable.assign(state[f"{group}_{i}"])
                self.best = [state[f"best_{i}"] for i in range(len(model.variables))]
