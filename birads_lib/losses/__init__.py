"""Losses; all take integer labels (n,) and probabilities (n, K)."""

from birads_lib.losses.ordinal import LOSSES, DistanceAwareLoss, expected_deviation

__all__ = ["LOSSES", "DistanceAwareLoss", "expected_deviation"]
