"""Pictures of single lesions, large enough to see what is left of them.

A window is x0, y0, x1, y1 in pixels of an image, 0 at the outer edge of its first pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from birads_lib.cases import Dataset, label_numbers
from birads_lib.figures.style import ORANGE, new_axes
from birads_lib.images.frame import is_located
from birads_lib.images.regions import CORNERS, Options, located, square
from birads_lib.task import BIRADS, Task
from birads_lib.texts import without_math

Window = Sequence[float]
MOST = 4  # lesions beside each other
AROUND = Options(jitter=0.0, margin=0.5)  # half the lesion's longer side on every side of it


def one_per_label(data: Dataset, task: Task = BIRADS) -> pd.DataFrame:
    """Return a located finding of each label that has one, at random, in the order of the labels.

    Of more labels than ``MOST`` the last ones are taken.

    Args:
        data: images with findings.
        task: whose labels the images have.

    Returns:
        Rows of ``regions.located`` with the column ``title``: the label, and the finding's kind.
    """
    numbers = dict(zip(data.cases["image_id"], label_numbers(data.cases, task), strict=True))
    findings = data.findings[is_located(data.findings)].sample(frac=1, random_state=0)
    labels = findings["image_id"].map(numbers)
    first = findings[~labels.duplicated()]  # a box may have to be read from a mask: of few
    chosen = located(replace(data, findings=first)).dropna(subset=CORNERS)
    chosen = chosen.assign(label=chosen["image_id"].map(numbers)).sort_values("label").tail(MOST)
    titles = [
        f"{task.named(f.label)}\n{without_math(str(f.kind).replace('_', ' '))}"
        for f in chosen.itertuples()
    ]
    return chosen.assign(title=titles).reset_index(drop=True)


def window(finding: Mapping[str, float], shape: tuple[int, int]) -> Window:
    """Return the square around a finding in an image of a height and width."""
    box = [finding[corner] for corner in CORNERS]
    left, top, side = square(box, shape, AROUND, np.random.default_rng(0))
    return left, top, left + side, top + side


def magnified(
    rows: Mapping[str, Sequence[tuple[np.ndarray, Window]]],
    titles: Sequence[str],
    marked: Sequence[Window] = (),
) -> Figure:
    """Draw the same lesions in some ways, a column for each lesion and a row for each way.

    Args:
        rows: name of a way -> an image (H, W) and the window of it that is drawn, for each lesion.
        titles: of the lesions.
        marked: windows to outline in the first row.
    """
    axes = new_axes(len(rows), len(titles), height=0.7 + 1.75 * len(rows), squeeze=False)
    for line, (name, shown) in zip(axes, rows.items(), strict=True):
        for ax, (image, crop_window) in zip(line, shown, strict=True):
            _draw(ax, image, crop_window)
        line[0].set_ylabel(name, fontsize=11)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=11)
    for ax, (x0, y0, x1, y1) in zip(axes[0], marked, strict=bool(marked)):
        look = {"fill": False, "edgecolor": ORANGE, "linewidth": 1.5}
        ax.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, **look))
    return axes[0, 0].figure


def _draw(ax: Axes, image: np.ndarray, seen: Window) -> None:
    """Draw a window of an image, each pixel a square."""
    x0, y0, x1, y1 = np.asarray(seen) - 0.5  # Matplotlib counts from a pixel's middle
    ax.imshow(image, interpolation="nearest")
    ax.set(xlim=(x0, x1), ylim=(y1, y0), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
