"""The style of all figures: one colour scale for the labels, one page width, one font size."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from birads_lib.protocol import PROTOCOLS
from birads_lib.task import BIRADS, Task

# Dark to light, cool to warm: ordered by lightness, so that it also reads in grey, and its
# neighbours stay apart under the common colour blindnesses.
SCALE = ("#0f1638", "#32439a", "#b03a78", "#e65a48", "#f59c38")
BLUE, PLUM, AMBER = SCALE[1], SCALE[2], SCALE[4]
ORANGE, MUTED, INK = "#e0662b", "#6b6b6b", "#111111"
FINDING = "#3fe0c5"  # outline of a finding: a green that the colours of maps haven't
TINT = "#d5d9ee"  # of BLUE: what belongs to it and matters less
# Greys beside those, from dark to light
EDGE, GREY, SHADE, RULE, PALE = "#444444", "#9a9a9a", "#c9c9c9", "#cccccc", "#efefef"
SERIES = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (INK, "-.", "^"))  # apart in shape, too
LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))  # of labels; beyond five they come again
MARKERS = ("o", "s", "^", "D", "v")
ANSWERS = {  # colour and marker of what is held against each other on the same test rows
    "model": (INK, "o"),
    "lookup": (ORANGE, "P"),
    "majority": (MUTED, "D"),
    "density_and_view": (AMBER, "v"),
    "logistic_regression": (PLUM, "^"),
}
_OF_PROTOCOLS = ((BLUE, "o"), (PLUM, "^"), (ORANGE, "s"), (INK, "D"), (AMBER, "v"), (MUTED, "P"))
OF_PROTOCOL = dict(zip(PROTOCOLS, _OF_PROTOCOLS, strict=True))  # name -> colour and marker
WIDTH = 7.0  # inches; at 150 dots an inch about the width of the book's column
DOTTED = {"color": MUTED, "linestyle": ":", "linewidth": 1.5}  # a line to hold values against
ZERO = {"color": MUTED, "linewidth": 1, "zorder": 0}  # a line behind differences

_STYLE = Path(__file__).with_suffix(".mplstyle")


def colours(task: Task = BIRADS) -> dict[int, str]:
    """Return the colour of each label, by its number: K even steps along ``SCALE``."""
    scale = LinearSegmentedColormap.from_list("labels", SCALE, len(task.labels))
    return {number: to_hex(scale(number - 1)) for number in task.numbers}


def new_axes(rows: int = 1, columns: int = 1, *, height: float = 4.0, **options):
    """Return axes, as ``Figure.subplots`` gives them, of a new figure of the book's width.

    The figure belongs to no window and no global state: it draws where there is no display.

    Args:
        rows: of axes.
        columns: of axes.
        height: of the figure, inches.
        options: for ``Figure.subplots``, such as ``sharex``.
    """
    mpl.rcParams.update(mpl.rc_params_from_file(_STYLE, use_default_template=False))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure.subplots(rows, columns, **options)


def label_axis(ax: Axes, task: Task = BIRADS, labels: list[str] | None = None) -> None:
    """Put a task's title on the x axis, and its labels (or others in their place)."""
    ax.set_xticks(task.numbers, labels or task.labels)
    ax.set_xlabel(task.title)


def short_title(task: Task) -> str:
    """Return the labels' name beside a word such as "True" or "Predicted": "BI-RADS"."""
    return task.prefix.strip() or task.title


def with_legend(ax: Axes, columns: int = 1, handles: list | None = None, **options) -> Figure:
    """Return the figure of axes with their legend below, where it hides no data.

    Args:
        ax: whose labelled artists are shown.
        columns: of the legend.
        handles: artists to show instead of those of the axes.
        options: for ``Figure.legend``.
    """
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    ax.figure.legend(handles=handles, loc="outside lower center", ncols=columns, **options)
    return ax.figure
