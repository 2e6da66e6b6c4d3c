"""Downloads that a page of the book offers beside its figures and tables."""

import html
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping

LARGE = 3_000  # bytes from which on a table is packed, which makes it a third as large
Store = Callable[[str, bytes], str]  # (file name, content) -> its address for the page


def links(files: Mapping[str, bytes], store: Store) -> str:
    """Return the HTML of links to files, {name: content}; a large one is a ZIP file."""
    offered = [_packed(name, content) for name, content in files.items()]
    return " · ".join(_link(html.escape(name), store(name, content)) for name, content in offered)


def _link(name: str, address: str) -> str:
    return f'<a download="{name}" href="{html.escape(address)}">{name}</a>'


def passports(published: Iterable[dict]) -> dict[str, bytes]:
    """Return the passports of a page's exhibits in one file, {name: content}.

    The ZIP file holds one JSON, {id of the exhibit: passport}: much is the same in all of them.
    """
    by_id = {facts["id"]: facts for facts in published if facts["kind"] in ("figure", "table")}
    text = json.dumps(by_id, indent=1, sort_keys=True)
    return {"passports.zip": _zipped("passports.json", text.encode())}


def _packed(name: str, content: bytes) -> tuple[str, bytes]:
    if len(content) < LARGE or name.endswith(".zip"):
        return name, content
    return f"{name}.zip", _zipped(name, content)


def _zipped(name: str, content: bytes) -> bytes:
    """Return a ZIP file of one file; equal contents give equal bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()
