"""HTML of figures, tables and passports in the rendered book; it needs no script.

It is made from the outputs of executed notebooks while the book is rendered. No notebook imports
this module, so that another look makes no page stale.
"""

import base64
import html
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from press.pages.outputs import ANSWER, LEGEND, PASSPORT, files_of, marks_html
from press.rendering import downloads, pictures
from press.rendering.downloads import Store

LEAKY_CLASS = "leaky-mark"  # the class of the mark that stands at every figure it holds for
KINDS = {  # by suffix; what the system says of them differs from machine to machine
    ".webp": "image/webp", ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml",
    ".csv": "text/csv", ".zip": "application/zip",
}  # fmt: skip
_HEAD, _ROW = re.compile(r"<thead>.*?</thead>", re.S), re.compile(r"<tr.*?</tr>", re.S)
_CELL = re.compile(r"<th>(.*?)</th>")  # of one column
_CHAPTER = re.compile(r"\d+(?=_)")  # how the name of a page begins
_FOLDED = {"parameters": "Parameters", "injected-parameters": "Parameters of this run"}
_ORDER = (  # of facts in a passport and in its parts, as a reader wants them
    "id", "notebook", "protocol", "parameters_changed", "inputs", "name", "file", "sha256",
    "sha256_of_hashes", "made_by", "passport_sha256", "intact", "code", "notebook_sha256",
    "library_sha256", "commit", "environment", "device", "seed", "started", "seconds", "tolerance",
)  # fmt: skip
_AS_THE_PAGE = (  # facts that a passport leaves to that of its page, where they are the same
    "protocol", "parameters_changed", "code", "environment", "device", "seed", "started", "inputs",
    "page", "study",
)  # fmt: skip
_PAGES_OWN = '<a href="#passport">the passport of this page</a>'
_UNSEEN = (  # shown elsewhere, or long
    "alt", "artefact", "caption", "cell", "cell_id", "kind", "links", "marks", "modules",
    "parameters",
)  # fmt: skip


def data_uri(name: str, content: bytes) -> str:
    """Return a file's bytes as an address, so that a page holds all that it shows."""
    kind = KINDS.get(Path(name).suffix, "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def rendered_notebook(text: str, store: Store = data_uri) -> str:
    """Return an executed notebook, as JSON, with the HTML of all that it published.

    Below its title stand the marks that hold for all of the page, and what it found. ``store``
    keeps its files.
    """
    notebook = json.loads(text)
    shown = [output.get("data", {}) for c in notebook["cells"] for output in c.get("outputs", [])]
    of_page = next((data[PASSPORT] for data in shown if _is_of_page(data)), {"marks": {}})
    published = [data[PASSPORT] for data in shown if PASSPORT in data]
    labels, page_downloads = names(published), downloads.passports(published)
    for cell in notebook["cells"]:
        _cleared(cell)
        if cell.get("outputs"):
            cell["outputs"] = [
                _rendered(o, of_page, labels, page_downloads, store) for o in _shown_outputs(cell)
            ]
    answers = [data[ANSWER]["text"] for data in shown if ANSWER in data]
    top = marks_html(of_page["marks"]) + "".join(map(answer_box, answers[-1:]))
    if top := " ".join(top.split()):  # on one line, as a blank one would end the HTML
        first = notebook["cells"][0]
        title, _, text_below = "".join(first["source"]).partition("\n")
        first["source"] = f"{title}\n\n{top}\n\n{text_below}"
    return json.dumps(notebook)


def names(passports: Iterable[dict]) -> dict[str, str]:
    """Return the names of a page's exhibits, {id: "Figure 4.2"}: the second one of chapter 4.

    Their passports come in the order of the page; "" where the page is of no numbered chapter.
    """
    labels, counts = {}, Counter()
    for facts in passports:
        kind, chapter = facts["kind"], _CHAPTER.match(facts.get("page", ""))
        if kind in ("figure", "table"):
            counts[kind] += 1
            number = f"{kind.capitalize()} {int(chapter[0])}.{counts[kind]}" if chapter else ""
            labels[facts["id"]] = number
    return labels


def _shown_outputs(cell: dict) -> list[dict]:
    """Return the outputs of a cell that its page shows: a passport even of one that hides all."""
    outputs, tags = cell["outputs"], cell.get("metadata", {}).get("tags", [])
    if "remove-output" in tags:
        cell["metadata"]["tags"] = [tag for tag in tags if tag != "remove-output"]
        return [output for output in outputs if PASSPORT in output.get("data", {})]
    # Nothing on the page shows stderr, and it would leave an empty box to unfold.
    outputs = [output for output in outputs if output.get("name") != "stderr"]
    return [output for output in outputs if LEGEND not in output.get("data", {})]


def _cleared(cell: dict) -> None:
    """Fold in what papermill set, name folded cells, and take out marks for tests."""
    tags = cell.get("metadata", {}).get("tags", [])
    if "injected-parameters" in tags:
        cell["metadata"]["tags"] = [*tags, "hide-input"]
    name = next((name for tag, name in _FOLDED.items() if tag in tags), "")
    if cell.get("cell_type") == "code":
        cell["source"] = "".join(cell.get("source", "")).removeprefix("# NBVAL_CHECK_OUTPUT\n")
        name = "Solution" if cell["source"].startswith("# Solution\n") else name
    if name:
        cell["metadata"]["mystnb"] = {"code_prompt_show": name, "code_prompt_hide": name}


def answer_box(text: str) -> str:
    """Return a page's answer as HTML."""
    title = '<p class="admonition-title">Answer</p>'
    return f'<div class="admonition answer">{title}<p>{html.escape(text)}</p></div>'


def _is_of_page(data: dict) -> bool:
    return data.get(PASSPORT, {}).get("kind") == "page"


def _rendered(
    output: dict,
    of_page: dict,
    labels: Mapping[str, str],
    page_downloads: Mapping[str, bytes],
    store: Store,
) -> dict:
    """Return an output as the page shows it.

    ``of_page`` are the facts of the page's passport, ``labels`` the names of its exhibits, and
    ``page_downloads`` what each of them offers for download beside its own files.
    """
    data = output.get("data", {})
    if PASSPORT not in data:
        return output
    facts = data[PASSPORT]
    if facts["kind"] == "page":
        content = _folded("Passport of this page", facts, attribute=' id="passport"')
    elif facts["kind"] == "artefact":
        attribute = f' id="{html.escape(_anchor(facts["id"]))}"'
        title = f"Written: {facts['id']}, and its passport"
        content = _folded(title, facts, attribute=attribute, of_page=of_page)
    else:
        content = exhibit(
            data, labels[facts["id"]], of_page=of_page, page_downloads=page_downloads, store=store
        )
    return output | {"data": {"text/html": content}}


def exhibit(
    data: dict,
    label: str = "",
    identity: str = "",
    page: str = "",
    of_page: Mapping = MappingProxyType({}),
    page_downloads: Mapping[str, bytes] = MappingProxyType({}),
    store: Store = data_uri,
) -> str:
    """Return the HTML of a figure or table: body, caption, marks, and its passport to unfold.

    Args:
        data: {MIME type: content} of the output that published it.
        label: its number, such as "Figure 4.2".
        identity: its id in HTML, on another page than its own.
        page: the address of its own page, from another one, which the caption leads to.
        of_page: the facts of the passport of its page, where it stands there. Of the marks that
            they hold, only that of a leak is said again; of the facts, none.
        page_downloads: offered beside its own files: ``downloads.passports`` of its page.
        store: keeps its files.
    """
    facts, files = data[PASSPORT], files_of(data)
    name = facts["id"]
    body = _body(data, files, page, store)
    marks = _marks(facts["marks"], of_page.get("marks", {}))
    shown = (f"{name}.png", f"{name}.json")
    offered = {file: content for file, content in files.items() if file not in shown}
    below = _offers(facts, offered | dict(page_downloads), store)
    return (
        f'<figure class="exhibit" id="{html.escape(identity or name)}">{body}'
        f"<figcaption>{_caption(facts, label, page)}</figcaption>{marks_html(marks)}</figure>"
        + _folded(f"Passport of “{name}”", facts, below, page=page, of_page=of_page)
    )


def _body(data: dict, files: Mapping[str, bytes], page: str, store: Store) -> str:
    """Return the HTML of a figure's picture, or of a table's rows."""
    facts = data[PASSPORT]
    picture = files.get(f"{facts['id']}.png")
    if picture is None:
        return _table("".join(data["text/html"]), facts.get("links", {}), page)
    return _picture(picture, facts["id"], facts["alt"], store)


def _marks(marks: Mapping[str, str], page_marks: Mapping[str, str]) -> dict[str, str]:
    """Return the marks that stand at an exhibit: of those of its page, that of a leak alone."""
    return {
        kind: text
        for kind, text in marks.items()
        if kind == LEAKY_CLASS or page_marks.get(kind) != text
    }


def _caption(facts: dict, label: str, page: str) -> str:
    """Return the HTML of a caption: number, text, and on another page a link to its own."""
    number = f'<span class="caption-number">{label}</span> ' if label else ""
    address = html.escape(f"{page}#{facts['id']}")
    link = f' <a class="reference internal" href="{address}">To its chapter.</a>' if page else ""
    return f"{number}{html.escape(facts['caption'])}{link}"


def _offers(facts: dict, files: Mapping[str, bytes], store: Store) -> str:
    """Return the HTML of the files to download, and of the command that makes an exhibit again."""
    again = html.escape(f"make verify STUDY={facts['study']} FIG={facts['page']}#{facts['id']}")
    links = downloads.links(files, store)
    return f"<p>Download: {links}</p><p>Make it again: <code>{again}</code></p>"


def _picture(png: bytes, name: str, alt: str, store: Store) -> str:
    """Return the HTML of a figure's picture; where it is a file, a click shows it alone and larger.

    It is shown as ``pictures.as_webp`` makes it.
    """
    webp, (width, height) = pictures.as_webp(png)
    address = store(f"{name}.webp", webp)
    size = f'width="{width}" height="{height}" style="--width: {width}px"'
    is_file = not address.startswith("data:")  # which no browser opens
    address = html.escape(address)
    shown = f'<img src="{address}" alt="{html.escape(alt)}" {size} loading="lazy">'
    if is_file:
        shown = f'<a href="{address}">{shown}</a>'
    return f'<div class="picture">{shown}</div>'


def _anchor(artefact: str) -> str:
    """Return the HTML id under which a page shows the passport of a file that it wrote."""
    return "artefact-" + artefact.replace(".", "-").replace("/", "-")


def _link(text: str, address: str, page: str) -> str:
    """Return a link; where ``page`` is given, the address counts from there."""
    if page and "://" not in address:
        if address.startswith("#"):
            address = page + address
        else:
            address = posixpath.normpath(posixpath.join(posixpath.dirname(page), address))
    return f'<a href="{html.escape(address)}">{text}</a>'


def _table(rows: str, links: dict[str, str], page: str) -> str:
    """Return a table in words, whose rows lead somewhere, {label: address from its own page}."""
    for label, address in links.items():
        text = html.escape(label)
        rows = rows.replace(f"<th>{text}</th>", f"<th>{_link(text, address, page)}</th>")
    rows = _HEAD.sub(lambda head: _one_line(head[0]).replace("_", " "), rows)
    return f'<div class="table-scroll" role="group" tabindex="0" aria-label="Table">{rows}</div>'


def _one_line(head: str) -> str:
    """Return the head of a table in one row where pandas wrote names of the index into a second."""
    lines = [_CELL.findall(row) for row in _ROW.findall(head)]
    if len(lines) != 2 or len(lines[0]) != len(lines[1]) or any(map(all, zip(*lines, strict=True))):
        return head
    cells = "".join(f"<th>{above or below}</th>" for above, below in zip(*lines, strict=True))
    return f"<thead><tr>{cells}</tr></thead>"


def _folded(
    title: str,
    facts: dict,
    below: str = "",
    attribute: str = "",
    page: str = "",
    of_page: Mapping = MappingProxyType({}),
) -> str:
    """Return the HTML of a passport, folded in; what ``of_page`` says, it leaves to that one."""
    rows, visible = [], _visible_facts(facts)
    of_page = _visible_facts(of_page)
    repeated = [
        name
        for name in visible
        if name in _AS_THE_PAGE and name in of_page and _fact(of_page[name]) == _fact(visible[name])
    ]
    for name in repeated:
        del visible[name]
    for name, value in visible.items():
        if name == "inputs":
            shown = _inputs(value, of_page.get("inputs", []), page)
        else:
            shown = _notebook(facts, page) if name == "notebook" else _fact(value)
        rows.append(f"<tr><th>{html.escape(name.replace('_', ' '))}</th><td>{shown}</td></tr>")
    if repeated:
        rows.append(f"<tr><th>further</th><td>as in {_PAGES_OWN}</td></tr>")
    return (
        f'<details class="passport"{attribute}><summary>{html.escape(title)}</summary>'
        f'<div class="table-scroll"><table>{"".join(rows)}</table></div>{below}</details>'
    )


def _visible_facts(facts: dict) -> dict:
    """Return the facts that a reader sees, in their order."""
    names = [name for name in _ORDER if name in facts]
    names += [name for name in facts if name not in (*_ORDER, *_UNSEEN)]
    return {name: facts[name] for name in names if facts[name] not in (None, {}, [])}


def _notebook(facts: dict, page: str) -> str:
    """Return notebook and cell, with a link to the cell on the page that it was executed into."""
    notebook = _fact(f"{facts['notebook']}.ipynb")
    if facts.get("cell") is None:
        return notebook
    link = _link(f"cell {html.escape(str(facts['cell']))}", f"#cell-{facts['cell_id']}", page)
    return f"{notebook}, {link}"


def _inputs(inputs: list[dict], of_page: list[dict], page: str) -> str:
    """Return the inputs as HTML; those that the page's passport has in full, by name alone."""
    names = [html.escape(read["name"]) for read in inputs if read in of_page]
    shown = [_input(read, page) for read in inputs if read not in of_page]
    if names:
        shown.insert(0, f"{', '.join(names)}: as in {_PAGES_OWN}")
    return "<br><br>".join(shown)


def _input(read: dict, page: str) -> str:
    """Return one input as HTML, with a link to its passport on the page that wrote it."""
    items = {name: _fact(value) for name, value in _visible_facts(read).items()}
    if "made_by" in read:
        folder = f"../{read['study']}/" if "study" in read else ""
        address = f"{folder}{read['made_by']}.html#{_anchor(read['artefact'])}"
        items["made_by"] = _link(items["made_by"], address, page)
    return _listed(items)


def _fact(value: object) -> str:
    if isinstance(value, list):
        return "<br><br>".join(_fact(item) for item in value)
    if isinstance(value, dict):
        return _listed({name: _fact(fact) for name, fact in _visible_facts(value).items()})
    return f"<code>{html.escape(str(value))}</code>"


def _listed(items: dict[str, str]) -> str:
    return "<br>".join(f"{html.escape(str(name))}: {shown}" for name, shown in items.items())
