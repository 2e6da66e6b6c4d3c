"""What the outputs of a notebook hold: what Jupyter shows, and for programs what is behind it.

A published figure is an ``image/png``, a table a ``text/html``; with it go its passport and its
other files. How the book shows them is made from these while it is rendered (``press.exhibits``).
"""

import base64
import html
import io
import json
from collections.abc import Iterable

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

PASSPORT = "application/vnd.birads.passport+json"
FILES = "application/vnd.birads.files+json"  # {name: base64}, but for a figure's PNG
FACTS = "application/vnd.birads.facts+json"  # {name: text}, alone
LEGEND = "application/vnd.birads.legend+json"  # on what says below an exhibit whose legend it is


def show(data: dict[str, object], metadata: dict | None = None) -> None:
    """Display {MIME type: content} in a notebook."""
    from IPython.display import display

    display(data, raw=True, metadata=metadata)


def files_of(data: dict, identity: str) -> dict[str, bytes]:
    """Return the files in an output's data, the PNG of a figure and the passport among them."""
    texts = data.get(FILES, {})
    if "image/png" in data:
        texts = {f"{identity}.png": "".join(data["image/png"])} | texts
    files = {name: base64.b64decode(text) for name, text in texts.items()}
    return files | {f"{identity}.json": as_json(data[PASSPORT])}


def as_json(facts: dict) -> bytes:
    """Return a passport as its file holds it."""
    # Sorted, as nbformat sorts what it writes: file and page hold the same bytes.
    return json.dumps(facts, indent=1, sort_keys=True).encode()


def png(figure: Figure, marks: Iterable[str] = ()) -> bytes:
    """Draw a figure, opaque, without a time stamp (equal figures give equal bytes), and marked.

    The marks are in the picture too: it may be copied without the page. A palette of 256 colours
    makes the file a third as large; no eye sees the difference.
    """
    if marks:
        figure.suptitle("\n".join(marks), fontsize=9, color="#8a1c1c", wrap=True)
    buffer = io.BytesIO()
    options = {"dpi": 150, "bbox_inches": "tight", "facecolor": "white"}
    figure.savefig(buffer, format="png", metadata={"Software": None}, **options)
    drawn = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    palette = drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()


def table_html(data: pd.DataFrame) -> str:
    """Return the HTML of a table."""
    return data.to_html(border=0, float_format="{:.3f}".format)


def marks_html(marks: dict[str, str]) -> str:
    """Return what must be said of a figure's data, {CSS class: text}."""
    return "".join(f'<p class="{kind}">{html.escape(text)}</p>' for kind, text in marks.items())
