"""A training in a process of its own, killed within an epoch: it ends as if undisturbed."""

import os
import signal
import subprocess
import sys

from helpers.project import ROOT
from helpers.tiny_training import assert_same_training, train, train_to_the_end, trainer

# Dies while it reads a batch of the second epoch of stage 2.
KILLED = """
import os, sys

from birads_lib.training import cache
from helpers import tiny_training

last, read = [""], cache.Batches.__getitem__


def read_or_die(self, index):
    if "stage 2" in last[0] and "epoch 1/2" in last[0] and self.seed and index == 1:
        os.kill(os.getpid(), 9)
    return read(self, index)


def note(line):
    last[0] = line


cache.Batches.__getitem__ = read_or_die
tiny_training.train(sys.argv[1], progress=note, encoder_layers=1)
"""


def test_killed_with_signal_9_within_an_epoch(tmp_path):
    train(tmp_path / "undisturbed", encoder_layers=1)
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert train_to_the_end(trainer(encoder_layers=1), tmp_path / "killed") == 1
    assert_same_training(tmp_path / "killed", tmp_path / "undisturbed")
