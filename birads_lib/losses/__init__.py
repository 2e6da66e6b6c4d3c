"""Losses; all take integer labels (n,) and probabilities (n, K)."""

from birads_lib.losses.ordinal import (
    LOSSES,
    DistanceAwareLoss,
    category_distance,
    class_distance_loss,
    earth_movers_loss,
    expected_deviation,
    soft_label_loss,
)

__all__ = [
    "LOSSES", "DistanceAwareLoss", "category_distance", "class_distance_loss",
    "earth_movers_loss", "expected_deviation", "soft_label_loss",
]  # fmt: skip
