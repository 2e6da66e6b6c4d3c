"""How every figure of the book looks: one palette for the grades, one page width, one font size."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Dark to light, cool to warm: ordered by lightness, so that it also reads in grey, and its
# neighbours stay apart under the common colour blindnesses.
GRADE_COLOURS = {1: "#0f1638", 2: "#32439a", 3: "#b03a78", 4: "#e65a48", 5: "#f59c38"}
GRADE_LINES = {1: "-", 2: "--", 3: "-.", 4: ":", 5: (0, (6, 1, 1, 1, 1, 1))}
TRAINING, VALIDATION, MUTED = "#32439a", "#e0662b", "#6b6b6b"
FADING = ["#e9e9ee", GRADE_COLOURS[2]]  # few to many, for maps of counts
WIDTH = 7.0  # inches; at 150 dots an inch about the width of the book's column

_STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "axes.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 12,  # still readable where a telephone halves the figure
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#dddddd",
    "lines.linewidth": 2,
    "image.cmap": "gray",
}


def use_style() -> None:
    """Set matplotlib's defaults to the book's; ``new_figure`` does so by itself."""
    mpl.rcParams.update(_STYLE)


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 4.0, **options):
    """Return a figure of the book's width and its axes, as ``Figure.subplots`` gives them.

    The figure belongs to no window and no global state: it draws where there is no display.

    Args:
        rows: of axes.
        columns: of axes.
        height: of the figure, inches.
        options: for ``Figure.subplots``, such as ``sharex``.
    """
    use_style()
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def label_grades(axes: Axes, axis: str = "x") -> None:
    """Put the five grades on an axis."""
    grades = list(GRADE_COLOURS)
    axes.set(**{f"{axis}ticks": grades, f"{axis}label": "BI-RADS category"})


def legend_below(axes: Axes, columns: int = 1, **options) -> None:
    """Put the legend under the axes, where it hides no data."""
    axes.figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns, **options
    )
