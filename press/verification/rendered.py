"""Is the rendered book what its pages and prose say, and all of it? ``make verify`` asks.

The book is rendered anew, from nothing, and each file compared: whatever was changed, added or
taken away afterwards is found by content, and no hash is trusted.
"""

import os
import re
from html import unescape
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from birads_lib.errors import UserError
from press import paths
from press.pages.file_lists import UNREADABLE
from press.rendering import manifest, sphinx
from press.studies.study import Study
from press.verification.checks import Report

FRONT = "book/intro.html"
_ROOT = re.compile(r'class="root-hash"[^>]*>\s*([0-9a-f]{64})')
# What says which pages are stale: that changes with the code, and the rendered book doesn't. A mark
# is one that ``staging.staged_page`` makes, and says nothing but the names of files.
_MODULE = r"(?:birads_lib|press)/[\w/]+\.\w+"
_CHANGED = (
    r"notebooks/\w+\.ipynb (?:has changed|is gone)",
    rf"{_MODULE}(?:, {_MODULE}){{0,2}}(?: and \d+ more)? changed",
)
_MARK = re.compile(
    r'<p class="stale-mark">Stale: since this page was executed(?: on \d{4}-\d\d-\d\d)?, '
    rf"(?:{'|'.join(_CHANGED)})(?:; {_CHANGED[1]})?\.</p>\s*",
    re.ASCII,
)
_COUNT = re.compile(r'(<span class="stale-count">)\d+(?=</span>)')
_INDEX = "searchindex.js"  # of all words, those of the marks of stale pages among them
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.S)
_WORDS = 8  # that are quoted around a difference


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
        report.problems.append("there is no whole list of its hashes; `make book` renders it anew")
    print(f"rendering the book of {study.name} anew, to compare ...", flush=True)
    try:
        with TemporaryDirectory() as anew:
            compare(
                folder, sphinx.render_anew(study, Path(anew)), manifest.noted_root(study), report
            )
    except UserError as error:
        report.problems.append(f"it can't be rendered anew: {error}")
    except UNREADABLE as error:
        report.problems.append(f"its pages can't be read ({error})")
    _check_root(study, folder, report)
    return report


def compare(rendered: Path, anew: Path, root: str, report: Report) -> None:
    """Add to a report how a rendered book differs from the same one that was rendered anew.

    Args:
        rendered: its folder; ``root`` is the root hash that its files tell.
        anew: the folder of the other, whose files tell ``manifest.UNKNOWN``.
        root: see there.
        report: gets a line for each file that differs, with the first words that do.
    """
    present, expected = _files(rendered), _files(anew)
    noted, unknown = root.encode(), manifest.UNKNOWN.encode()
    is_as_stale = all(
        _stale_marks((rendered / name).read_text()) == _stale_marks((anew / name).read_text())
        for name in present & expected
        if name.endswith(".html") and not (rendered / name).is_symlink()
    )
    for name in sorted(present | expected):
        if name == _INDEX and not is_as_stale:
            report.notes.append(f"{name} is not compared, as code has changed since")
            continue
        where = f"{name} of the rendered book"
        if name not in present or name not in expected:
            added = "it is not part of the book" if name in present else "it is gone"
            report.check("rendered files", False, f"{where}: {added}")
        elif (rendered / name).is_symlink():
            report.check("rendered files", False, f"{where}: it is a link to elsewhere")
        else:
            shown = (rendered / name).read_bytes().replace(noted, unknown)
            line = _difference(name, shown, (anew / name).read_bytes())
            report.check("rendered files", not line, f"{where}: {line}")


def _files(folder: Path) -> set[str]:
    """Return the names of all files below a folder, and of all links, which are not followed."""
    names = set()
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        names |= {Path(place, name).relative_to(folder).as_posix() for name in [*files, *links]}
    return names


def _difference(name: str, shown: bytes, expected: bytes) -> str:
    """Return the difference of a rendered file from its sources; "" where there is none."""
    if not name.endswith(".html"):
        return "" if shown == expected else "it is not what its sources say"
    texts = [_without_stale(content.decode(errors="replace")) for content in (shown, expected)]
    if texts[0] == texts[1]:
        return ""
    words = [unescape(_MARKUP.sub(" ", text)).split() for text in texts]
    pairs = enumerate(zip_longest(*words))
    first = next((place for place, pair in pairs if pair[0] != pair[1]), None)
    if first is None:
        return "its words are those of its sources, and its pictures, links or looks are not"
    start = max(first - _WORDS // 2, 0)
    quoted = [" ".join(part[start : start + _WORDS]) for part in words]
    return f"it says {quoted[0]!r}, and its sources {quoted[1]!r}"


def _stale_marks(page: str) -> list[str]:
    """Return the marks of stale pages on a rendered page."""
    return [match[0] for pattern in (_MARK, _COUNT) for match in pattern.finditer(page)]


def _without_stale(page: str) -> str:
    """Return a rendered page without what it says of stale pages, where that stands once."""
    without, marks = _MARK.subn("", page)
    return _COUNT.sub(r"\1", page if marks > 1 else without)


def _check_root(study: Study, folder: Path, report: Report) -> None:
    """Compute the root hash again, and hold it against the one on the front page."""
    noted = manifest.noted_root(study)
    report.root = manifest.root_hash(study, noted)
    front = folder / FRONT
    stated = _ROOT.findall(front.read_text()) if front.exists() else []
    file, on_page = paths.root_file(study.name).relative_to(paths.ROOT), ", ".join(stated) or "none"
    problem = f"the root hash is {report.root}, the front page says {on_page}, and {file} {noted}"
    agrees = report.root == noted and stated == [report.root]
    report.check("root hash", agrees, problem)
