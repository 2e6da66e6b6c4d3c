"""From a trained run to the grades of other images; ``birads predict`` does so for files.

A run's folder says all that is needed: how images are prepared, what is told apart, which models
there are, and, by their predictions, how their probabilities are calibrated. An image gets the mean
of what all models say of it. This is research, not a medical device.
"""

from birads_lib.predict.cohort import by_every_model
from birads_lib.predict.grades import graded, joined, patients_and_sides
from birads_lib.predict.trained_run import NATURAL, TrainedRun

__all__ = ["NATURAL", "TrainedRun", "by_every_model", "graded", "joined", "patients_and_sides"]
