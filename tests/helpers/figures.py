"""Texts and pixels of a figure, and a check that it has the style of all figures."""

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def texts(figure: Figure) -> list[str]:
    drawn_texts = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return [text for text in drawn_texts if text]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def drawn(figure: Figure) -> np.ndarray:
    """Draw with the dots of what ``publish`` writes, and return the pixels (H, W, 4)."""
    dots = mpl.rcParams["savefig.dpi"]
    figure.set_dpi(figure.dpi if dots == "figure" else dots)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def check(figure: Figure) -> None:
    assert isinstance(figure, Figure)
    pixels = drawn(figure)
    assert pixels.shape[1] == 1050  # 7 inches at 150 dots
    assert (pixels[..., 3] == 255).all()
    assert (pixels[0, 0] == 255).all()
    shown = [ax for ax in figure.axes if ax.axison]
    assert any(ax.get_title() for ax in figure.axes)
    assert all(ax.get_xlabel() or ax.get_shared_x_axes().get_siblings(ax)[1:] for ax in shown)
