"""Losses; all take integer labels (n,) and probabilities (n, K)."""

from birads_lib.losses.ordinal import (
    LOSSES,
    ClassDistanceLoss,
    DistanceAwareLoss,
    EarthMoversLoss,
    SoftLabelLoss,
    expected_deviation,
)

__all__ = [
    "LOSSES",
    "ClassDistanceLoss",
    "DistanceAwareLoss",
    "EarthMoversLoss",
    "SoftLabelLoss",
    "expected_deviation",
]
