"""Are the pages what was executed, and does each chain of hashes reach the images?

    python -m press.verify config/phantoms.yaml

Of every page: its own seal; the PNG and CSV of each exhibit, in the page, in ``results/`` and in
the rendered book, and the cell that its passport names; the files it wrote; each input, against
the passport of the page that wrote it, back to the hashes of the images. What is stale (made by
sources that have changed since) is reported, and is no failure.
"""

import argparse
import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of
from press import page as pages
from press.exhibits import data_uri
from press.outputs import as_json, hash_of_hashes
from press.page import COMMITTED, Page
from press.paths import (
    BOOK,
    ROOT,
    figures_folder,
    passport_path,
    rendered_pages,
    results_folder,
    source_notebook,
)
from press.sources import hashes, modules_of, total
from press.study import load

IMAGE_LIST = ("01_data_exploration", "image-files")  # where each chain ends
UNREADABLE = (UserError, ValueError, KeyError)  # what a page that was tampered with raises
Check = tuple[str, object, object, str]  # its kind, what is, what should be, the problem if not


@dataclass
class Report:
    """What came out: problems fail, notes do not; ``checked`` counts by kind."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)  # what has changed -> pages
    checked: dict[str, int] = field(default_factory=dict)

    def add(self, checks: Iterable[Check]) -> None:
        """Count checks, and the problems of those that fail."""
        for kind, actual, expected, problem in checks:
            self.checked[kind] = self.checked.get(kind, 0) + 1
            if actual != expected:
                self.problems.append(problem)


def study(name: str, images: Path | None = None) -> Report:
    """Check all of one study's pages; ``images``: a folder whose files are hashed as well."""
    report, folder = Report(), BOOK / name
    by_name = {page.name: page for page in _sealed_pages(folder, report)}
    listed = image_hashes(by_name)
    first_read: dict[str, tuple[str, str]] = {}  # file -> who read it first, and its hash
    options = {"desc": f"verifying {name}", "unit": "page", "file": sys.stdout, "ncols": 80}
    for page in tqdm(by_name.values(), **options):
        report.add(_exhibits(page))
        report.add(_artefacts(page))
        for facts in page.passports():
            for read in facts["inputs"]:
                where = f"{name}/{page.name}#{facts['id']}: input '{read['name']}'"
                if "sha256_of_hashes" in read:
                    report.add(_images_link(where, read, listed))
                elif "made_by" in read:
                    first = first_read.setdefault(read["file"], (where, read["sha256"]))
                    report.add(_page_link(where, page, read, *first))
                elif _has_changed(ROOT / read["file"], read["sha256"]):
                    report.notes.append(f"{where}: {read['file']} has changed since")
        report.add(_rendered(page))
        for why in changed_sources(page):
            report.stale.setdefault(why, []).append(page.name)
    if images:
        report.add(_image_files(listed, images))
    return report


def changed_sources(page: Page) -> list[str]:
    """Return what has changed in notebook and library since a page was executed, a line each."""
    code, modules = page.passport["code"], _module_hashes(page.notebook)
    lines = []
    if sha256(source_notebook(page.notebook)) != code["notebook_sha256"]:
        lines.append(f"notebooks/{page.notebook}.ipynb has changed")
    if total(modules) != code["library_sha256"]:
        before = code["modules"]
        names = sorted(before | modules)
        changed = [name for name in names if modules.get(name) != before.get(name)]
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        lines.append(f"{', '.join(changed[:3])}{more} changed")
    return lines


@cache
def _module_hashes(notebook: str) -> dict[str, str]:
    """Return the hashes of the modules that a notebook uses, as they are now."""
    return hashes(modules_of(notebook))


def _sealed_pages(folder: Path, report: Report) -> list[Page]:
    """Return the pages of a study that can be read, each held against its seal."""
    seals, read = pages.seals(folder), []
    if not seals:
        raise UserError(
            f"{folder.relative_to(ROOT)} holds no executed pages with their seals; "
            f"`make book STUDY={folder.name}` makes them"
        )
    there = {path.name: path for path in sorted(folder.glob("*.ipynb"))}
    for name in sorted(seals.keys() | there.keys()):
        where = f"{folder.name}/{name}"
        if name not in there:
            report.problems.append(f"{where}: the page is gone")
            continue
        if name not in seals:
            report.problems.append(f"{where}: executed elsewhere, it has no seal")
            continue
        problem = f"{where}: the executed notebook was changed after it ran"
        report.add([("pages", sha256(there[name]), seals[name], problem)])
        try:
            page = pages.read(there[name])
            page.passports()
        except UNREADABLE as error:
            report.problems.append(f"{where}: can't be read ({error})")
        else:
            read.append(page)
    return read


def _exhibits(page: Page) -> Iterator[Check]:
    """Hold cells and files of a page's exhibits, here and in results/, against their passports."""
    copies = figures_folder(results_folder(page.study), page.name)
    for exhibit in page.exhibits.values():
        where, facts = f"{page.study}/{page.name}#{exhibit.id}", exhibit.passport
        problem = (
            f"{where}: its passport names cell {facts['cell_id']}, but {exhibit.cell_id} has it"
        )
        yield "cells", facts["cell_id"], exhibit.cell_id, problem
        for name, digest in facts["files"].items():
            problem = f"{where}: {name} in the page is not the one that was published"
            yield "figures' files", sha256_of(exhibit.files.get(name, b"")), digest, problem
        for name, content in exhibit.files.items():
            copy = copies / name
            if copy.exists():
                problem = f"{where}: {copy.relative_to(ROOT)} is not the one in the page"
                yield "copies in results/", copy.read_bytes(), content, problem


def _artefacts(page: Page) -> Iterator[Check]:
    """Hold the files that a page wrote against their passports, where they are at hand."""
    for facts in page.artefacts.values():
        path, where = ROOT / facts["file"], f"{page.study}/{page.name}: {facts['file']}"
        if path.exists():
            yield "written files", sha256(path), facts["sha256"], f"{where} was changed"
            beside = passport_path(path)
            content = beside.read_bytes() if beside.exists() else b""
            problem = f"{where}: the passport beside it was changed"
            yield "passports", content, as_json(facts), problem


def _images_link(where: str, read: dict, listed: list[str]) -> Iterator[Check]:
    """Hold the hash of all images that a page read against those that page 01 lists."""
    expected = hash_of_hashes(listed) if listed else None
    problem = f"{where}: not the images that {IMAGE_LIST[0]} lists"
    yield "links to the images", read["sha256_of_hashes"], expected, problem


def _page_link(where: str, page: Page, read: dict, first: str, digest: str) -> Iterator[Check]:
    """Hold an input that another page wrote, and its passport, against that page.

    ``first`` is who read the file first, ``digest`` its hash then.
    """
    problem = f"{where}: {read['file']} was another file when {first} read it"
    yield "files that pages read alike", read["sha256"], digest, problem
    maker = None
    with suppress(*UNREADABLE):  # which is a problem of its own, and reported as one
        maker = pages.maker_of(read, page)
    if maker is None:
        problem = f"{where}: its page {read['made_by']} is not here"
        yield "links between pages", None, read["made_by"], problem
        return
    made = maker.artefacts.get(read["artefact"], {})
    problem = f"{where}: not the file that {read['made_by']} wrote; re-execute {page.name}"
    yield "links between pages", made.get("sha256"), read["sha256"], problem
    problem = f"{where}: its passport is not the one on {read['made_by']}"
    yield "passports along", read.get("passport_sha256"), sha256_of(as_json(made)), problem


def _has_changed(path: Path, digest: str) -> bool:
    return path.exists() and sha256(path) != digest


def image_hashes(by_name: dict[str, Page]) -> list[str]:
    """Return the SHA-256 of every image of a study, as page 01 lists them; [] where it doesn't."""
    page, identity = IMAGE_LIST
    exhibit = by_name[page].exhibits.get(identity) if page in by_name else None
    with suppress(*UNREADABLE):  # of a table that was tampered with
        if exhibit is not None:
            return pd.read_csv(io.BytesIO(exhibit.files[f"{identity}.csv"]))["sha256"].tolist()
    return []


def _image_files(listed: list[str], folder: Path) -> Iterator[Check]:
    """Hash every file below a folder: each image of the list must be there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    there = {sha256(p) for p in tqdm(files, desc="hashing images", unit="file", ncols=80)}
    problem = f"page {IMAGE_LIST[0]} lists no hashes to hold {folder} against"
    yield "lists of images", bool(listed), True, problem
    for digest in listed:
        yield "images", digest in there, True, f"no file below {folder} has the hash {digest}"


def _rendered(page: Page) -> Iterator[Check]:
    """Look for each file of the exhibits of a page in every rendered book that holds it."""
    for book, html in rendered_pages(page.study, page.name).items():
        text = html.read_text()
        for exhibit in page.exhibits.values():
            shown = all(f'"{data_uri(*item)}"' in text for item in exhibit.files.items())
            problem = (
                f"{page.study}/{page.name}#{exhibit.id}: not so in the rendered book of {book}"
            )
            yield "rendered exhibits", shown, True, problem


def print_report(name: str, report: Report, seconds: float) -> None:
    """Print what came out for a study."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in report.checked.items())
    print(f"{name}: {counts}; {seconds:.1f} s")
    for line in dict.fromkeys(report.notes):
        print(f"  note: {line}")
    for why, names in report.stale.items():
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        print(f"  stale: {why} since {listed} ran")
    for line in dict.fromkeys(report.problems):
        print(f"  PROBLEM: {line}")
    print(f"  {'all hold' if not report.problems else f'{len(report.problems)} problems'}")


def main(arguments: list[str]) -> int:
    """Verify all that the book of a study shows; return the exit status."""
    parser = argparse.ArgumentParser(prog="verify")
    parser.add_argument("config", help="the YAML of the study whose book it is")
    parser.add_argument("--images", type=Path, help="a folder of the study's images, to be hashed")
    given = parser.parse_args(arguments)
    own = load(given.config).name
    failed = False
    for name in dict.fromkeys([own, *COMMITTED]):
        started = time.time()
        try:
            report = study(name, given.images if name == own else None)
        except UserError as error:  # not run here: there is nothing to verify
            print(f"{name}: {error}")
            continue
        print_report(name, report, time.time() - started)
        failed = failed or bool(report.problems)
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
