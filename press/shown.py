"""Does a rendered page show what it was rendered from? Held by content, without any hash.

What a notebook published is in its page as ``press.exhibits`` makes it, byte by byte: pictures,
tables, captions, passports. Each other number that a reader sees stands, in the same order, in the
text that the page was rendered from.
"""

import json
import posixpath
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from fnmatch import fnmatch
from html import unescape

import yaml

from press import exhibits
from press.outputs import PASSPORT

Files = Mapping[str, bytes]  # of the staged book, by their paths from its root
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ARTICLE = re.compile(r'<article class="bd-article".*</article>', re.DOTALL)
# Equations, which are MathML of their own, what Sphinx numbers itself, and what says which pages
# are stale, as verifying does.
_UNHELD = re.compile(
    r"<(script|style|math)\b.*?</\1>"
    r'|<(span|a|p)\b[^>]*class="(?:section-number|caption-number|eqno|headerlink|stale-mark'
    r'|stale-count|std std-numref)"[^>]*>.*?</\2>'
    r'|<a class="reference internal" href="#equation-[^"]*">.*?</a>',
    re.S,
)
_TAG = re.compile(r"<[^>]*>")
_BLOCK = re.compile(
    r"^```\{(raw\} html|include\}|exhibit\}|math\}) ?(\S*)\n(.*?)^```$", re.M | re.S
)
_CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_YEAR = re.compile(r"@\w+\{(\w+),(?:(?!^@).)*?year\s*=\s*\{?(\d{4})", re.M | re.S)
_SUBSTITUTION = re.compile(r"\{\{ *(\w+) *\}\}")
# Options of directives, labels, targets of links.
_NOT_SHOWN = re.compile(r"^:\w+:.*$|^\([\w-]+\)=$|\]\([^)\s]*\)|<[^>\s]*>`", re.M)
_MATH = re.compile(r"\$[^$\n]+\$")
_SHOWN_EXHIBIT = re.compile(
    r'<figure class="exhibit" id="([^"]*)">.*?</figure><details class="passport">.*?</details>',
    re.S,
)
_WAY = re.compile(r'href="([^"#]*)#[^"]*">To its chapter\.')


def differences(path: str, html: str, files: Files) -> list[str]:
    """Return how the rendered page of a staged file differs from it, a line each."""
    article = _ARTICLE.search(html)
    if not article:
        return ["it has no text"]
    article = article[0]
    if path.endswith(".ipynb"):
        html, text, lines = _of_notebook(article, files[path])
    else:
        html, text, lines = _of_prose(article, path, files)
    bibliography = files.get("book/references.bib", b"").decode()
    also = _of_references(files[path].decode(), bibliography)
    if unexplained := _unexplained(visible(html), text, also):
        lines.append(f"numbers that are not in {path}: {', '.join(unexplained[:5])}")
    return lines


def visible(html: str) -> str:
    """Return the text that a reader of some HTML sees, of what is held against sources."""
    return unescape(_TAG.sub(" ", _UNHELD.sub(" ", html)))


def _unexplained(shown: str, text: str, also: set[str]) -> list[str]:
    """Return the numbers of a shown text that don't stand, in their order, in another."""
    seen, there = NUMBER.findall(shown), NUMBER.findall(text)
    matcher = SequenceMatcher(None, seen, there, autojunk=False)
    alone = [seen[a:b] for kind, a, b, *_ in matcher.get_opcodes() if kind in ("replace", "delete")]
    return [number for numbers in alone for number in numbers if number not in also]


def _of_notebook(html: str, notebook: bytes) -> tuple[str, str, list[str]]:
    """Return a page without what its notebook published, and the text that the rest is made of."""
    texts, lines = [], []
    for cell in json.loads(exhibits.rendered_notebook(notebook.decode()))["cells"]:
        if cell.get("id") == "stale":
            continue
        texts.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                published = "".join(data["text/html"])
                if published not in html:
                    lines.append(f"what cell {cell.get('id')} published is not on it as it was")
                html = html.replace(published, "", 1)
            else:
                shown = data.get("text/markdown") or data.get("text/plain") or output.get("text")
                texts.append("".join(shown or ""))
    return html, "\n".join(texts), lines


def _of_prose(html: str, path: str, files: Files) -> tuple[str, str, list[str]]:
    """Return a page without raw HTML and exhibits, and the text that the rest is made of."""
    lines, wanted = [], []

    def block(match: re.Match) -> str:
        kind, name, content = match[1], match[2], match[3]
        if kind == "include}":
            return filled(files[posixpath.normpath(posixpath.join(folder, name))].decode())
        if kind == "raw} html":
            if content.strip() not in html_of["page"]:
                lines.append("a table is not on it as it was made")
            html_of["page"] = html_of["page"].replace(content.strip(), "", 1)
        if kind == "exhibit}":
            wanted.append(name)
        return ""

    def filled(text: str) -> str:
        return _SUBSTITUTION.sub(lambda match: values.get(match[1], ""), _BLOCK.sub(block, text))

    folder, html_of = posixpath.dirname(path), {"page": html}
    values = yaml.safe_load(files["_config.yml"])["parse"]["myst_substitutions"]
    text = _NOT_SHOWN.sub(" ", _MATH.sub(" ", filled(files[path].decode())))
    text = unescape(text)
    html, problems = _without_exhibits(html_of["page"], wanted, folder, files)
    return html, text, lines + problems


def _without_exhibits(
    html: str, wanted: list[str], folder: str, files: Files
) -> tuple[str, list[str]]:
    """Return a page without the exhibits that it ``wanted`` of notebooks, and which differ."""
    lines, found = [], list(_SHOWN_EXHIBIT.finditer(html))
    for name, match in zip(wanted, found, strict=False):
        page, _, identity = name.partition("#")
        way = _WAY.search(match[0])
        path = posixpath.normpath(posixpath.join(folder, way[1] if way else ""))
        path = path.removesuffix(".html") + ".ipynb"
        pattern = f"book/{page if '/' in page else f'*/{page}'}.ipynb"
        data = _published(files[path], identity) if path in files else None
        is_of = fnmatch(path, pattern) and data is not None
        if not is_of or exhibits.exhibit(data, match[1], way[1]) != match[0]:
            lines.append(f"its exhibit {name} is not the one that was published")
        html = html.replace(match[0], "", 1)
    return html, lines


def _published(notebook: bytes, identity: str) -> dict | None:
    """Return the output of a notebook that published an exhibit."""
    cells = json.loads(notebook)["cells"]
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return next((d for d in shown if d.get(PASSPORT, {}).get("id") == identity), None)


def _of_references(text: str, bibliography: str) -> set[str]:
    """Return the numbers that a page shows of the bibliography.

    These are the years of what it cites; all where it lists the references, whose labels end in the
    last two digits of the year.
    """
    if "```{bibliography}" in text:
        numbers = set(NUMBER.findall(bibliography))
        return numbers | {number[-2:] for number in numbers if len(number) == 4}
    cited = {key.strip() for keys in _CITATION.findall(text) for key in keys.split(",")}
    return {year for key, year in _YEAR.findall(bibliography) if key in cited}
