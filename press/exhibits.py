"""How figures, tables and passports look on a page: PNG, and HTML that needs no script."""

import base64
import html
import io

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

# What an output of a notebook carries beside its HTML: the same passport, for programs.
PASSPORT_TYPE = "application/vnd.birads.passport+json"
FACTS_TYPE = "application/vnd.birads.facts+json"  # {name: text}, alone
KINDS = {"png": "image/png", "csv": "text/csv", "json": "application/json"}
_ORDER = (  # of facts in a passport and in its parts, as a reader wants them
    "id", "notebook", "protocol", "parameters_changed", "inputs", "name", "file", "sha256",
    "sha256_of_hashes", "made_by", "passport_sha256", "intact", "code", "notebook_sha256",
    "library_sha256", "commit", "environment", "device", "seed", "started", "seconds", "tolerance",
)  # fmt: skip
_UNSEEN = (
    "caption",
    "modules",
    "kind",
    "cell",
    "cell_id",
    "artefact",
    "marks",
)  # said elsewhere, or long


def show(content: str, passport: dict | None = None) -> None:
    """Display HTML in a notebook, with the passport of what it shows."""
    show_data({"text/html": content} | ({PASSPORT_TYPE: passport} if passport else {}))


def show_data(bundle: dict[str, object]) -> None:
    """Display {MIME type: content} in a notebook."""
    from IPython.display import display

    display(bundle, raw=True)


def png(figure: Figure, marks: list[tuple[str, str]] = ()) -> bytes:
    """Draw a figure, opaque, without a time stamp (equal figures give equal bytes), and marked.

    The marks are in the picture too: it may be copied without the page. A palette of 256 colours
    makes the file a third as large; no eye sees the difference.
    """
    if marks:
        figure.suptitle(
            "\n".join(text for _, text in marks), fontsize=9, color="#8a1c1c", wrap=True
        )
    buffer = io.BytesIO()
    options = {"dpi": 150, "bbox_inches": "tight", "facecolor": "white"}
    figure.savefig(buffer, format="png", metadata={"Software": None}, **options)
    drawn = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    few = drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def data_uri(kind: str, content: bytes) -> str:
    """Return a file's bytes as an address, so that a page holds all that it shows."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def image(content: bytes, alt: str) -> str:
    """Return the HTML of a PNG."""
    return f'<img src="{data_uri("image/png", content)}" alt="{html.escape(alt)}">'


def table(data: pd.DataFrame, links: dict[str, str]) -> str:
    """Return the HTML of a table; ``links`` says where rows lead, {label: address}."""
    rows = data.to_html(border=0, float_format="{:.3f}".format)
    for label, address in links.items():
        text = html.escape(label)
        anchor = f'<a href="{html.escape(address)}">{text}</a>'
        rows = rows.replace(f"<th>{text}</th>", f"<th>{anchor}</th>")
    return f'<div class="table-scroll">{rows}</div>'


def marks_html(marks: list[tuple[str, str]]) -> str:
    """Return what must be said of a figure's data, (CSS class, text) each."""
    return "".join(f'<p class="{kind}">{html.escape(text)}</p>' for kind, text in marks)


def exhibit(identity: str, body: str, marks, facts: dict, files: dict[str, bytes]) -> str:
    """Return the HTML of a figure or table: body, caption, marks, and its passport to unfold."""
    links = " · ".join(
        f'<a download="{name}" href="{data_uri(KINDS[name.split(".")[-1]], content)}">{name}</a>'
        for name, content in files.items()
    )
    again = f"make verify STUDY={facts['study']} FIG={facts['page']}#{identity}"
    more = f"<p>Download: {links}</p><p>Make it again: <code>{html.escape(again)}</code></p>"
    return (
        f'<figure class="exhibit" id="{identity}">{body}'
        f"<figcaption>{html.escape(facts['caption'])}</figcaption>{marks_html(marks)}</figure>"
        + passport(f"Passport of “{identity}”", facts, more)
    )


def artefact(facts: dict) -> str:
    """Return the HTML of a file that a notebook wrote: its passport, to unfold."""
    return passport(f"Written: {facts['id']}, and its passport", facts, id=anchor(facts["id"]))


def anchor(artefact: str) -> str:
    """Return the HTML id under which a page shows the passport of a file that it wrote."""
    return "artefact-" + artefact.replace(".", "-").replace("/", "-")


def passport(title: str, facts: dict, more: str = "", id: str = "") -> str:
    """Return the HTML of a passport, folded in."""
    named = f' id="{id}"' if id else ""
    return (
        f'<details class="passport"{named}><summary>{html.escape(title)}</summary>'
        f"{_facts_table(facts)}{more}</details>"
    )


def _seen(facts: dict) -> dict:
    """Return the facts that a reader sees, in their order."""
    names = [name for name in _ORDER if name in facts]
    names += [name for name in facts if name not in (*_ORDER, *_UNSEEN)]
    return {name: facts[name] for name in names if facts[name] not in (None, {}, [])}


def _facts_table(facts: dict) -> str:
    rows = []
    for name, value in _seen(facts).items():
        shown = {"inputs": _inputs, "notebook": lambda _: _cell(facts)}.get(name, _fact)(value)
        rows.append(f"<tr><th>{name.replace('_', ' ')}</th><td>{shown}</td></tr>")
    return f'<div class="table-scroll"><table>{"".join(rows)}</table></div>'


def _cell(facts: dict) -> str:
    """Name notebook and cell, and lead to the cell on the page that it was executed into."""
    said = f"{facts['notebook']}.ipynb"
    if facts.get("cell") is None:
        return _fact(said)
    return f'{_fact(said)}, <a href="#cell-{facts["cell_id"]}">cell {facts["cell"]}</a>'


def _inputs(inputs: list[dict]) -> str:
    """Name what was read; each leads to the passport of the file, on the page that wrote it."""
    said = []
    for one in inputs:
        items = {name: _fact(value) for name, value in _seen(one).items()}
        if "made_by" in one:
            page = f"{one['made_by']}.html#{anchor(one['artefact'])}"
            address = f"../{one['study']}/{page}" if "study" in one else page
            items["made_by"] = f'<a href="{html.escape(address)}">{items["made_by"]}</a>'
        said.append(_listed(items))
    return "<br><br>".join(said)


def _fact(value: object) -> str:
    if isinstance(value, list):
        return "<br><br>".join(_fact(item) for item in value)
    if isinstance(value, dict):
        return _listed({name: _fact(fact) for name, fact in _seen(value).items()})
    return f"<code>{html.escape(str(value))}</code>"


def _listed(items: dict[str, str]) -> str:
    return "<br>".join(f"{html.escape(str(name))}: {said}" for name, said in items.items())
