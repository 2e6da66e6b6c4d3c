"""Answers of the chapters on images and training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from birads_lib import texts
from birads_lib.images.frame import Geometry

FAR_ABOVE = 1.25  # kept over best validation loss, above which the difference is told


def data(summary: Mapping[str, str], shortcuts: pd.DataFrame) -> str:
    """Answer chapter 01: how much there is of each category, and what else predicts it.

    Args:
        summary: of ``cases.summary``.
        shortcuts: of ``shortcuts.strengths``, by what its facts are called.
    """
    predictive = [name for name, row in shortcuts.iterrows() if row["tells"]]
    is_known = summary["patients"].isdigit()
    of_patients = f" of {summary['patients']} patients" if is_known else ", of unknown patients"
    shortcut_sentence = "No single fact about the files predicts the category better than chance."
    if predictive:
        several = len(predictive) > 1
        shortcut_sentence = (
            f"Beware of {'shortcuts' if several else 'a shortcut'}: "
            f"{texts.listing(predictive).lower()} {'each go' if several else 'goes'} with the "
            "category."
        )
    return (
        f"There are {summary['images']} images{of_patients}. The rarest category is "
        f"{summary['rarest']}; always answering {summary['most_frequent']} would be right for "
        f"{float(summary['always_accuracy']):.0%} of the images. {shortcut_sentence}"
    )


def seen_of_findings(
    findings: pd.DataFrame, geometries: Mapping[str, Geometry]
) -> tuple[float, np.ndarray]:
    """Return the scale of images, and the size of findings, in the square that a network sees.

    Args:
        findings: with boxes x0, y0, x1, y1 in pixels of the files, where these are known.
        geometries: of each image, by its id.

    Returns:
        How many pixels of the median file go into one that is seen, and (n,) the shorter side of
        each finding with a known box, in pixels that are seen. A point marks a place, not a size.
    """
    scale = {
        image_id: (
            (place.inner[2] - place.inner[0]) / (place.box[2] - place.box[0]),
            (place.inner[3] - place.inner[1]) / (place.box[3] - place.box[1]),
        )
        for image_id, place in geometries.items()
    }  # across and down
    # NaN compares false: a place that isn't known goes, and a point, which tells no size.
    boxed = findings[(findings["x1"] > findings["x0"]) & (findings["y1"] > findings["y0"])]
    sides = [
        min((row.x1 - row.x0) * scale[row.image_id][0], (row.y1 - row.y0) * scale[row.image_id][1])
        for row in boxed.itertuples()
    ]
    shrunk = np.median([1 / (x_scale * y_scale) for x_scale, y_scale in scale.values()])
    return float(shrunk), np.array(sides, float)


def preprocessing(shrunk: float, widths: np.ndarray, size: int) -> str:
    """Answer chapter 02: how much of an image, and of its findings, is left.

    ``shrunk`` and ``widths`` are of ``seen_of_findings``; ``size`` is the side of the square.
    """
    resolution = f"one of them stands for {shrunk:.1f} pixels of the file"
    if shrunk <= 1:
        resolution = "the file has no more"
    first = f"The model sees {size} x {size} pixels; {resolution}."
    if not len(widths):
        return f"{first} The sizes of the findings are not known, so nobody can say what is left."
    narrow = int((widths < 2).sum())
    return (
        f"{first} Across its shorter side, the median of the {len(widths)} findings of known size "
        f"is {np.median(widths):.1f} pixels wide there, and {narrow or 'none'} of them "
        f"{'are' if narrow > 1 else 'is'} narrower than two pixels."
    )


def training(losses: pd.DataFrame, met: int, tested: int) -> str:
    """Answer chapter 03: whether the loss fell, and what training met of the test part.

    Args: as of ``losses_fell`` and ``met_in_training``.
    """
    return f"{losses_fell(losses)} {met_in_training(met, tested)}"


def losses_fell(losses: pd.DataFrame) -> str:
    """Return a sentence on the number of trainings in which the loss fell.

    Args:
        losses: a row a training: loss and val_loss of its ``first`` and ``last`` epoch, as columns
            "loss_first", "loss_last", "val_loss_first" and "val_loss_last".
    """
    if (losses["loss_last"] == losses["loss_first"]).all():  # the same epoch
        return "Each training had one epoch, which doesn't show whether the loss falls."
    training_fell = int((losses["loss_last"] < losses["loss_first"]).sum())
    validation_fell = int((losses["val_loss_last"] < losses["val_loss_first"]).sum())
    return (
        f"From the first epoch to the last, the training loss fell in {training_fell} of "
        f"{len(losses)} trainings, and the loss on unseen validation images in {validation_fell}."
    )


def kept_losses(history: pd.DataFrame, restore_best: bool) -> pd.DataFrame:
    """Return the losses of each training at its best epoch and at the one that it keeps.

    Args:
        history: a row an epoch, in order: seed, fold, stage, loss and val_loss.
        restore_best: whether the last stage's best epoch by val_loss is kept; else its last one.

    Returns:
        By seed and fold: "loss_best" and "val_loss_best", "loss_kept" and "val_loss_kept".
    """
    keys = ["seed", "fold"]
    ends = history[history["stage"] == history.groupby(keys)["stage"].transform("max")]
    best, kept = (rows.loc[rows.groupby(keys)["val_loss"].idxmin()] for rows in (history, ends))
    if not restore_best:
        kept = ends.groupby(keys).tail(1)
    best, kept = (rows.set_index(keys)[["loss", "val_loss"]] for rows in (best, kept))
    return best.add_suffix("_best").join(kept.add_suffix("_kept"))


def kept_epochs(losses: pd.DataFrame) -> str:
    """Return a sentence on kept epochs whose loss is well above the best; see ``kept_losses``."""
    is_far_above = losses["val_loss_kept"] > FAR_ABOVE * losses["val_loss_best"]
    comparison = f"more than {FAR_ABOVE - 1:.0%} above that of the best"
    if not is_far_above.any():
        return f"In no training is the validation loss of the kept epoch {comparison}."
    sentence = (
        f"In {is_far_above.sum()} of {len(is_far_above)} trainings, the validation loss of the "
        f"kept epoch is {comparison}."
    )
    if not (losses["loss_kept"] < losses["loss_best"])[is_far_above].all():
        return sentence
    return (
        f"{sentence} The training loss had fallen further by then: the network overfits, as it "
        "became better at its training images and worse at others."
    )


def met_in_training(met: int, tested: int, image: str = "image") -> str:
    """Return a sentence on the test images that training met, or whose patients it met.

    Args:
        met: test images of which training met the image itself or another one of its patient.
        tested: all test images.
        image: what one is called, such as "slice".
    """
    if not met:
        return f"Training met no test {image}, and no other {image} of a test patient."
    return (
        f"Training met {met} of the {tested} test {image}s, either the {image} itself or another "
        "one of the same patient."
    )
