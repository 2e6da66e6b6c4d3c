"""What each part of the method contributes: runs of one protocol beside a reference.

All runs graded the same images in the same folds, so that they are compared image by image: what
makes an image hard for all of them cancels out.
"""

from collections.abc import Mapping

import pandas as pd

OTHER = "Other"
PARTS_OF_METHOD = {  # which parameters belong to which part, the first that has one counts
    "Architecture": (
        *("backbone", "weights", "taps", "embed", "encoder_layers", "heads", "feed_forward"),
        *("encoder_dropout", "gelu_approximate", "dense_1", "dropout_1", "dense_2", "dropout_2"),
        *("stage2_epochs", "unfrozen_layers", "unfrozen_unit", "unfreeze_batchnorm"),
    ),
    "Loss": ("loss", "dal_lambda", "dal_stop_gradient", "dal_normalise", "distance_power"),
    "Data": (
        *("image_size", "letterbox", "crop", "clahe", "clahe_before_resize", "clip_limit", "tiles"),
        *("augment", "flip", "rotation", "rotation_fill", "views", "balance"),
        *("folds", "validation_share"),
    ),
    "Training": (
        *("batch_size", "stage1_epochs", "stage1_rate", "stage2_rate", "patience"),
        *("plateau_patience", "plateau_factor", "restore_best", "trunk_cache", "cache_dtype"),
        "seed",
    ),
}


def changed_from(changes: Mapping[str, Mapping], reference: str) -> dict[str, dict]:
    """Return what each variant changes from the reference: {variant: {parameter: value}}.

    Args:
        changes: what each variant changes from the notebooks' defaults. What the reference changes
            and a variant doesn't is "default" there.
        reference: the variant that the others are held against.
    """
    base = changes.get(reference, {})
    return {
        variant: {key: value for key, value in changed.items() if base.get(key) != value}
        | {key: "default" for key in base if key not in changed}
        for variant, changed in changes.items()
    }


def part_of_method(changed: Mapping[str, object]) -> str:
    """Return the part of the method that changed parameters belong to, ``OTHER`` for none."""
    for part, parameters in PARTS_OF_METHOD.items():
        if changed.keys() & set(parameters):
            return part
    return OTHER


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Return whether 0 lies outside each interval (low, high); False for an undefined one."""
    return (table["low"] > 0) | (table["high"] < 0)
