"""Which notebook reads what which other one wrote, as arcs beside a list."""

from collections.abc import Iterable

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from birads_lib.figures.style import BLUE, MUTED, SCALE, new_figure

STRAIGHT = BLUE


def lineage(notebooks: dict[str, str], reads: Iterable[tuple[str, str]]) -> Figure:
    """Draw the notebooks of a study from top to bottom, and an arc from each writer to its readers.

    Args:
        notebooks: name -> what it writes, in the order of execution; the first may be the images.
        reads: (writer, reader) pairs of these names.
    """
    figure, ax = new_figure(height=0.52 * len(notebooks) + 0.4)
    place = {name: -row for row, name in enumerate(notebooks)}
    for writer, reader in sorted(reads, key=lambda pair: place[pair[1]] - place[pair[0]]):
        _arc(ax, place[writer], place[reader], writer == next(iter(notebooks)))
    for name, y in place.items():
        ax.plot(0, y, "o", color="black", markersize=7, zorder=3)
        ax.text(0.25, y + 0.02, name, va="bottom", fontweight="bold", fontsize=11)
        ax.text(0.25, y - 0.04, notebooks[name], va="top", fontsize=9.5, color=MUTED)
    ax.set(xlim=(-3.4, 6), ylim=(-len(notebooks) + 0.4, 0.7))
    ax.set_axis_off()
    return figure


def _arc(ax, start: float, end: float, of_images: bool) -> None:
    """Draw an arc to the left of the list, wider the farther it goes, with an arrow's head."""
    width = 0.45 + 0.36 * abs(end - start)
    points = [(0, start), (-width, start), (-width, end), (-0.16, end)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    colour = SCALE[3] if of_images else STRAIGHT
    options = {"facecolor": "none", "edgecolor": colour, "linewidth": 1.2, "alpha": 0.75}
    ax.add_patch(PathPatch(Path(points, codes), **options))
    ax.plot(-0.2, end, marker=">", color=colour, markersize=6)
