"""Charts of breast density: readers, images and texts, modalities, images from elsewhere."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows
from birads_lib.figures.style import BLUE, INK, MUTED, ORANGE, new_axes, with_legend
from birads_lib.scores.density import MARGIN, READERS_KAPPA
from birads_lib.task import DENSITY

_LOOKS = ((INK, "o"), (BLUE, "s"), (ORANGE, "^"), (style.PLUM, "D"), (style.AMBER, "v"))


def examples(images: Mapping[str, Sequence[np.ndarray]], columns: Sequence[str]) -> Figure:
    """Draw images in a grid: a row for each title, and in it one for each column."""
    axes = new_axes(len(images), len(columns), height=0.4 + 1.9 * len(images), squeeze=False)
    for line, (title, row) in zip(axes, images.items(), strict=True):
        for ax, image in zip(line, row, strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(title)
    for ax, column in zip(axes[0], columns, strict=True):
        ax.set_title(column)
    return axes[0, 0].figure


def readers(table: pd.DataFrame, chosen: float) -> Figure:
    """Draw kappa of two readers, and the best accuracy against one, by how often each errs.

    Args:
        table: disagreement (0..1), kappa and ceiling.
        chosen: the disagreement of this study.
    """
    ax = new_axes(height=3.8)
    ax.plot(table["disagreement"], table["kappa"], color=BLUE, marker="o", label="Kappa, 2 readers")
    ax.plot(
        table["disagreement"], table["ceiling"], color=ORANGE, linestyle="--", marker="s",
        label="Accuracy of one who knows the truth",
    )  # fmt: skip
    ax.axhspan(*READERS_KAPPA[1:], color=MUTED, alpha=0.4, label="Kappa of readers, published")
    ax.axvline(chosen, **style.DOTTED, label="This study")
    ax.set(
        xlabel="How often a reader is one category off", ylabel="Kappa, accuracy", ylim=(0, 1.03)
    )
    ax.grid(axis="y")
    return with_legend(ax, columns=2)


def similarity(matrices: Mapping[str, tuple[np.ndarray, float]], labels: np.ndarray) -> Figure:
    """Draw the similarities of images (rows) and texts (columns), one picture for each network.

    Args:
        matrices: title -> (n, n) similarities, scaled, in the order of ``labels``; and the scale.
        labels: (n,) sorted numbers 0..K-1, of image i and text i.
    """
    axes = np.ravel(new_axes(1, len(matrices), height=3.2, sharey=True))
    borders = np.flatnonzero(np.diff(labels)) + 0.5
    centres = [np.flatnonzero(labels == k).mean() for k in np.unique(labels)]
    names = [DENSITY.labels[k] for k in np.unique(labels)]
    for ax, (title, (matrix, scale)) in zip(axes, matrices.items(), strict=True):
        picture = ax.imshow(matrix, cmap="cividis")
        for border in borders:
            ax.axhline(border, color="white", linewidth=0.8)
            ax.axvline(border, color="white", linewidth=0.8)
        ax.set_xticks(centres, names)
        ax.set_yticks(centres, names)
        ax.set(title=title, xlabel="Text")
        bar = ax.figure.colorbar(picture, ax=ax, shrink=0.7)
        bar.set_label(f"Similarity times inverse\ntemperature ({scale:.1f})", fontsize=9)
    axes[0].set_ylabel("Image")
    return axes[0].figure


def loss_curves(curves: Mapping[str, np.ndarray], floor: float, guess: float) -> Figure:
    """Draw the loss of each epoch by arm, with the floor of plain CLIP and the loss of a guess."""
    ax = new_axes(height=3.8)
    for (title, losses), (colour, marker) in zip(curves.items(), _LOOKS, strict=False):
        epochs = np.arange(1, len(losses) + 1)
        ax.plot(epochs, losses, color=colour, marker=marker, markersize=4, label=title)
    ax.axhline(floor, color=INK, linestyle="--", linewidth=1.5, label="Floor of plain CLIP")
    ax.axhline(guess, **style.DOTTED, label="A guess: ln N")
    ax.set(xlabel="Epoch", ylabel="Mean loss of a pair (nats)", ylim=(0, None))
    return with_legend(ax, columns=3)


def arms(
    table: pd.DataFrame,
    arm_titles: Mapping[str, str],
    titles: Mapping[str, str],
    value: str = "Value",
) -> Figure:
    """Draw metrics with intervals, the arms side by side.

    Args:
        table: arm, metric, estimate, low, high.
        arm_titles, titles: of arms and of metrics, in their order.
        value: what the axis shows, where all rows are of one metric.
    """
    ax = new_axes(height=1.2 + 0.62 * len(titles))
    tables = {
        title: table[table["arm"] == arm].set_index("metric").loc[[*titles]]
        for arm, title in arm_titles.items()
    }
    draw_beside(ax, tables, [*titles], _LOOKS, 0.15, size=26, width=1.8)
    name_rows(ax, list(titles.values()))
    ax.set_xlabel(f"{value}, 95 % interval")
    return with_legend(ax, columns=3)


def differences(table: pd.DataFrame, names: Sequence[str], margin: float | None = MARGIN) -> Figure:
    """Draw differences with intervals, and the margin of equivalence about 0 where there is one.

    Args:
        table: estimate, low, high, a row for each name.
        names: of the rows.
    """
    ax = new_axes(height=1.3 + 0.42 * len(table))
    if margin:
        ax.axvspan(-margin, margin, color=MUTED, alpha=0.25, label=f"Margin of {margin:g}")
    ax.axvline(0, **style.ZERO)
    draw_intervals(ax, table, range(len(table)), marker="D", size=34, width=2.2)
    name_rows(ax, list(names))
    ax.set_xlabel("Difference, 95 % interval")
    return with_legend(ax) if margin else ax.figure


def home_and_away(tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Figure:
    """Draw metrics at home and elsewhere, with the kappa of readers among themselves.

    Args:
        tables: title -> estimate, low, high by metric.
        titles: of the metrics, in their order; "kappa" among them.
    """
    ax = new_axes(height=1.4 + 0.5 * len(titles))
    rows = {title: table.loc[[*titles]] for title, table in tables.items()}
    draw_beside(ax, rows, [*titles], ((BLUE, "o"), (ORANGE, "s")), 0.26, size=34, width=2.2)
    place = [*titles].index("kappa")
    low, high = READERS_KAPPA[1:]
    ax.fill_betweenx(
        [place - 0.45, place + 0.45], low, high, color=MUTED, alpha=0.5,
        label="Readers among themselves",
    )  # fmt: skip
    name_rows(ax, list(titles.values()))
    ax.set_xlabel("Value, 95 % interval")
    return with_legend(ax, columns=3)
