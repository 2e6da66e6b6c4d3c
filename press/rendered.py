"""Is the rendered book what its pages and prose say, and all of it? ``make verify`` asks."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from press import book, manifest, paths, shown
from press.file_lists import UNREADABLE
from press.study import Study
from press.verify import Report

FRONT = "book/intro"
_ROOT = re.compile(r'class="root-hash"[^>]*>\s*([0-9a-f]{64})')


def check(study: Study) -> Report:
    """Hold the rendered book of a study, where there is one, against all that it was made from."""
    report, folder = Report(), paths.rendered_book(study.name)
    if not folder.exists():
        report.notes.append("not rendered here")
        return report
    if listed := manifest.listed(study):
        changed = manifest.changes(study)
        report.checked["files"] = len(listed)
        report.problems += [f"{line}; `make book` renders it anew" for line in changed]
    else:
        report.problems.append("there is no list of its hashes; `make book` renders it anew")
    try:
        _check_content(study, folder, report)
    except UNREADABLE as error:
        report.problems.append(f"its pages can't be read ({error})")
    _check_root(study, folder, report)
    return report


def _check_content(study: Study, folder: Path, report: Report) -> None:
    """Hold what a reader of each page sees against what it is made from."""
    files, root = book.wanted(study), manifest.noted(study)
    for name in pages_of(yaml.safe_load(files["_toc.yml"])):
        path = next(p for p in (f"{name}.ipynb", f"{name}.md") if p in files)
        page = folder / f"{name}.html"
        html = page.read_text().replace(root, manifest.UNKNOWN) if page.exists() else ""
        lines = shown.differences(path, html, files) if html else ["it is gone"]
        report.checked["rendered pages"] += 1
        report.problems += [f"{name}.html of the rendered book: {line}" for line in lines]


def pages_of(toc: dict) -> Iterator[str]:
    """Yield the name of every page that a table of contents lists, without its suffix."""
    for key, value in toc.items():
        if key in ("file", "root"):
            yield value
        elif isinstance(value, list):
            for item in value:
                yield from pages_of(item)


def _check_root(study: Study, folder: Path, report: Report) -> None:
    """Compute the root hash again, and hold it against the one on the front page."""
    noted = manifest.noted(study)
    report.root = manifest.root_hash(study, noted)
    front = folder / f"{FRONT}.html"
    stated = _ROOT.findall(front.read_text()) if front.exists() else []
    problem = f"the root hash is {report.root}, and the front page says {stated or 'none'}"
    report.check("root hash", stated == [report.root] == [noted], problem)
