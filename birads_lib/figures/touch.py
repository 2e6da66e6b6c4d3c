"""Pictures in whose place the book's things to touch stand, and images as text for their data."""

import base64
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from birads_lib.figures import style
from birads_lib.figures.exploration import fit_to
from birads_lib.figures.style import INK, MUTED, ORANGE, new_axes, with_legend
from birads_lib.task import BIRADS

LOSSES = {"cross_entropy": "Cross-entropy", "dal": "DAL", "emd": "EMD", "sord": "SORD"}
_POINTS = {"model": (ORANGE, "x", "The map"), "brightest": ("#6ec1ff", "+", "The brightest place")}


def as_text(image: np.ndarray, kind: str = "png") -> str:
    """Return the bytes of an image, uint8 (H, W), as base64: a "png" (exact) or "jpg" (smaller)."""
    done, content = cv2.imencode(f".{kind}", image)
    if not done:
        raise ValueError(f"OpenCV writes no {kind!r}")
    return base64.b64encode(content.tobytes()).decode()


def losses(examples: pd.DataFrame) -> Figure:
    """Draw the probabilities of each example, a row each, and what each of ``LOSSES`` says of it.

    Columns: example, p1..p5, truth (1..5), and the losses.
    """
    axes = new_axes(1, len(examples), height=3.4, sharey=True, squeeze=False)[0]
    for ax, (_, row) in zip(axes, examples.iterrows(), strict=True):
        p = row[BIRADS.probabilities].to_numpy(float)
        bars = ax.bar(BIRADS.numbers, p, color=list(style.colours().values()))
        bars[int(row["truth"]) - 1].set(edgecolor=INK, linewidth=2.5)
        ax.set(title=row["example"], ylim=(0, 1), xticks=BIRADS.numbers)
        loss_texts = "\n".join(f"{name} {row[column]:.2f}" for column, name in LOSSES.items())
        ax.set_xlabel(f"BI-RADS\n{loss_texts}", fontsize=10)
    axes[0].set_ylabel("Probability")
    return axes[0].figure


def copies(scores: Mapping[str, pd.DataFrame], chance: float) -> Figure:
    """Draw the scores of all deals by setting, name -> table of ``scores.copies.deals``."""
    ax = new_axes(height=2.2 + 0.5 * len(scores))
    places = {"test": ("Test part", ORANGE, -0.14), "new": ("New patients", INK, 0.14)}
    for row, table in enumerate(scores.values()):
        for part, (name, colour, aside) in places.items():
            y = np.full(len(table), row + aside)
            look = {"color": colour, "label": name if row == 0 else None}
            ax.plot(table[part], y, "o", alpha=0.35, markersize=6, **look)
            ax.plot(table[part].mean(), row + aside, "|", color=colour, markersize=20)
    ax.axvline(chance, label="Guessing", **style.DOTTED)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set(
        xlim=(0, 1), xlabel="Balanced accuracy, one dot per deal", ylim=(len(scores) - 0.5, -0.5)
    )
    ax.set_title("What copies do to a score")
    return with_legend(ax, columns=3)


def side_by_side(images: Mapping[str, np.ndarray]) -> Figure:
    """Draw square images beside each other, name -> uint8 (size, size), each pixel as a square."""
    axes = new_axes(1, len(images), height=2.7, squeeze=False)[0]
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        fit_to(ax, image)
        ax.imshow(image, "gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title(name, fontsize=11)
    return axes[0].figure


def pointed(
    images: np.ndarray, masks: Sequence[np.ndarray], points: Mapping[str, np.ndarray]
) -> Figure:
    """Draw n images, their findings, and where the ways of ``_POINTS`` point.

    Args:
        images: (n, size, size) uint8.
        masks: (size, size) bool each.
        points: way -> (n, 2) x and y in pixels, NaN for none.
    """
    columns = min(len(images), 3)
    rows = -(-len(images) // columns)
    axes = new_axes(rows, columns, height=0.6 + 2.3 * rows, squeeze=False).ravel()
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    for number, (ax, image, mask) in enumerate(zip(axes, images, masks, strict=False)):
        fit_to(ax, image)
        ax.imshow(image, "gray", vmin=0, vmax=255)
        ax.contour(mask, [0.5], colors=[style.FINDING], linewidths=1.3)
        for way, (colour, marker, name) in _POINTS.items():
            look = {"markersize": 10, "markeredgewidth": 2.5, "linestyle": "none"}
            ax.plot(*points[way][number], marker, color=colour, label=name, **look)
        ax.set_title(f"Image {number + 1}", fontsize=10, color=MUTED)
    return with_legend(axes[0], columns=2)
