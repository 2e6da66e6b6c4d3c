"""The form of what notebooks publish: what Jupyter shows, and for programs what is behind it.

A published figure is an ``image/png``, a table a ``text/html``; with it go its passport and its
other files. How the book shows them is made from these while it is rendered
(``press.rendering.exhibits``).
"""

import base64
import html
import io
import json
from collections.abc import Iterable

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from birads_lib.files import sha256_of
from birads_lib.texts import NOT_ESTIMABLE, without_math

PASSPORT = "application/vnd.birads.passport+json"
FILES = "application/vnd.birads.files+json"  # {name: base64}, but for a figure's PNG
FACTS = "application/vnd.birads.facts+json"  # {name: text}, alone
ANSWER = "application/vnd.birads.answer+json"  # {text}: what the page found, for its top
LEGEND = "application/vnd.birads.legend+json"  # on what says below an exhibit whose legend it is
# What changes each time, though the result is the same.
PASSING = ("started", "seconds", "commit", "uncommitted_changes")


def show(data: dict[str, object], metadata: dict | None = None) -> None:
    """Display {MIME type: content} in a notebook."""
    from IPython.display import display

    display(data, raw=True, metadata=metadata)


def exhibit(facts: dict, files: dict[str, bytes], table: str) -> dict:
    """Return the output of a figure, or of a table whose HTML is given, with passport and files."""
    texts = {name: base64.b64encode(content).decode() for name, content in files.items()}
    picture = texts.pop(f"{facts['id']}.png", None)
    body = {"image/png": picture} if picture else {"text/html": table}
    return body | {FILES: texts, PASSPORT: facts}


def files_of(data: dict) -> dict[str, bytes]:
    """Return the files of an exhibit's output: a figure's PNG, the CSV, the passport."""
    identity, texts = data[PASSPORT]["id"], data.get(FILES, {})
    if "image/png" in data:
        texts = {f"{identity}.png": "".join(data["image/png"])} | texts
    files = {name: base64.b64decode(text) for name, text in texts.items()}
    return files | {f"{identity}.json": as_json(data[PASSPORT])}


def as_json(facts: dict) -> bytes:
    """Return a passport as its file holds it."""
    # Sorted, as nbformat sorts what it writes: file and page hold the same bytes.
    return json.dumps(facts, indent=1, sort_keys=True).encode()


def lasting(facts: object) -> object:
    """Return a passport without what differs between two equal executions (``PASSING``)."""
    if isinstance(facts, dict):
        return {name: lasting(value) for name, value in facts.items() if name not in PASSING}
    return [lasting(item) for item in facts] if isinstance(facts, list) else facts


def digest_of(read: dict) -> str:
    """Return the hash of one input in a passport; of images, that over the list of theirs."""
    return read.get("sha256") or read["sha256_of_hashes"]


def hash_of_hashes(hashes: Iterable[str]) -> str:
    """Return one SHA-256 over those of many files, whatever their order and names.

    The same as ``sort hashes.txt | sha256sum``, with one hash a line.
    """
    return sha256_of("".join(f"{digest}\n" for digest in sorted(hashes)).encode())


def png(figure: Figure, marks: Iterable[str] = ()) -> bytes:
    """Draw a figure, opaque, without a time stamp (equal figures give equal bytes), and marked.

    The marks are in the picture too: it may be copied without the page. A palette of 256 colours
    makes the file a third as large; no eye sees the difference.
    """
    if marks:
        figure.suptitle(without_math("\n".join(marks)), fontsize=9, color="#8a1c1c", wrap=True)
    buffer = io.BytesIO()
    options = {"dpi": 150, "bbox_inches": "tight", "facecolor": "white"}
    figure.savefig(buffer, format="png", metadata={"Software": None}, **options)
    drawn = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    palette = drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()


def table_html(data: pd.DataFrame) -> str:
    """Return the HTML of a table; a float that is NaN is one that could not be estimated."""
    shown = data.apply(lambda column: column.map(_cell) if column.dtype.kind == "f" else column)
    return shown.to_html(border=0, float_format="{:.3f}".format)


def _cell(value: float) -> str:
    return NOT_ESTIMABLE if pd.isna(value) else f"{value:.3f}"


def marks_html(marks: dict[str, str]) -> str:
    """Return the HTML of a figure's marks, {CSS class: text}."""
    return "".join(
        f'<p class="{html.escape(kind)}">{html.escape(text)}</p>' for kind, text in marks.items()
    )
