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
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of
from press import page as pages
from press import passports
from press.exhibits import data_uri
from press.outputs import as_json
from press.page import COMMITTED, Exhibit, Page
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


@dataclass
class Report:
    """What came out: problems fail, notes do not; ``checked`` counts by kind."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)  # what has changed -> pages
    checked: dict[str, int] = field(default_factory=dict)
    read: dict[str, tuple[str, str]] = field(default_factory=dict)  # file -> first reader, hash

    def equal(self, kind: str, actual: object, expected: object, problem: str) -> None:
        """Count one check, and its problem where the two differ."""
        self.checked[kind] = self.checked.get(kind, 0) + 1
        if actual != expected:
            self.problems.append(problem)


def study(name: str, images: Path | None = None) -> Report:
    """Check all of one study's pages; ``images``: a folder whose files are hashed as well."""
    report = Report()
    folder = BOOK / name
    by_name = {page.name: page for page in _sealed_pages(folder, report)}
    for page in tqdm(
        by_name.values(), desc=f"verifying {name}", unit="page", file=sys.stdout, ncols=80
    ):
        for exhibit in page.exhibits.values():
            _check_exhibit(page, exhibit, report)
        for facts in page.artefacts.values():
            _check_artefact(page, facts, report)
        for facts in page.passports():
            for read in facts["inputs"]:
                _check_input(page, facts, read, by_name, report)
        _check_rendered(page, report)
        for why in changed_sources(page):
            report.stale.setdefault(why, []).append(page.name)
    if images:
        _check_images(by_name, images, report)
    return report


def changed_sources(page: Page) -> list[str]:
    """Return what has changed in notebook and library since a page was executed, a line each."""
    code, now = page.passport["code"], _sources(page.notebook)
    lines = []
    if now["notebook_sha256"] != code["notebook_sha256"]:
        lines.append(f"notebooks/{page.notebook}.ipynb has changed")
    if now["library_sha256"] != code["library_sha256"]:
        after, before = now["modules"], code["modules"]
        changed = sorted(n for n in after.keys() | before.keys() if after.get(n) != before.get(n))
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        lines.append(f"{', '.join(changed[:3])}{more} changed")
    return lines


@cache
def _sources(notebook: str) -> dict:
    """Return the hashes of a notebook and of the modules it uses, as they are now."""
    modules = hashes(modules_of(notebook))
    return {
        "notebook_sha256": sha256(source_notebook(notebook)),
        "library_sha256": total(modules),
        "modules": modules,
    }


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
        report.equal(
            "pages", sha256(there[name]), seals.get(name),
            f"{where}: the executed notebook was changed after it ran",
        )  # fmt: skip
        try:
            page = pages.read(there[name])
            page.passports()
        except UNREADABLE as error:
            report.problems.append(f"{where}: can't be read ({error})")
        else:
            read.append(page)
    return read


def _check_exhibit(page: Page, exhibit: Exhibit, report: Report) -> None:
    """Hold the cell and the files of an exhibit, here and in results/, against its passport."""
    where = f"{page.study}/{page.name}#{exhibit.id}"
    report.equal(
        "cells", exhibit.passport["cell_id"], exhibit.cell_id,
        f"{where}: its passport names cell {exhibit.passport['cell_id']}, which is not where it is",
    )  # fmt: skip
    for name, digest in exhibit.passport["files"].items():
        report.equal(
            "figures' files", sha256_of(exhibit.files.get(name, b"")), digest,
            f"{where}: {name} in the page is not the one that was published",
        )  # fmt: skip
    for name, content in exhibit.files.items():
        copy = figures_folder(results_folder(page.study), page.name) / name
        if copy.exists():
            report.equal(
                "copies in results/", copy.read_bytes(), content,
                f"{where}: {copy.relative_to(ROOT)} is not the one in the page",
            )  # fmt: skip


def _check_artefact(page: Page, facts: dict, report: Report) -> None:
    """Hold a file that a page wrote against its passport, where it is at hand."""
    path, where = ROOT / facts["file"], f"{page.study}/{page.name}: {facts['file']}"
    if not path.exists():
        return
    report.equal("written files", sha256(path), facts["sha256"], f"{where} was changed")
    beside = passport_path(path)
    content = beside.read_bytes() if beside.exists() else b""
    problem = f"{where}: the passport beside it was changed"
    report.equal("passports", content, as_json(facts), problem)


def _check_input(page: Page, facts: dict, read: dict, by_name: dict, report: Report) -> None:
    """Hold an input of a page against what its maker, the repository or the images say."""
    where = f"{page.study}/{page.name}#{facts['id']}: input '{read['name']}'"
    if "sha256_of_hashes" in read:
        listed = image_hashes(by_name)
        expected = passports.hash_of_hashes(listed) if listed else None
        problem = f"{where}: not the images that {IMAGE_LIST[0]} lists"
        report.equal("links to the images", read["sha256_of_hashes"], expected, problem)
    elif "made_by" in read:
        first, digest = report.read.setdefault(read["file"], (where, read["sha256"]))
        problem = f"{where}: {read['file']} was another file when {first} read it"
        report.equal("files that pages read alike", read["sha256"], digest, problem)
        _check_link(where, page, read, report)
    elif (ROOT / read["file"]).exists() and sha256(ROOT / read["file"]) != read["sha256"]:
        report.notes.append(f"{where}: {read['file']} has changed since")


def _check_link(where: str, page: Page, read: dict, report: Report) -> None:
    """Hold an input that another page wrote, and its passport, against that page."""
    maker = None
    with suppress(*UNREADABLE):  # which is a problem of its own, and reported as one
        maker = pages.maker_of(read, page)
    if maker is None:
        report.problems.append(f"{where}: its page {read['made_by']} is not here")
        return
    made = maker.artefacts.get(read["artefact"], {})
    problem = f"{where}: not the file that {read['made_by']} wrote; re-execute {page.name}"
    report.equal("links between pages", made.get("sha256"), read["sha256"], problem)
    problem = f"{where}: its passport is not the one on {read['made_by']}"
    report.equal("passports along", read.get("passport_sha256"), sha256_of(as_json(made)), problem)


def image_hashes(by_name: dict[str, Page]) -> list[str]:
    """Return the SHA-256 of every image of a study, as page 01 lists them; [] where it doesn't."""
    page, identity = IMAGE_LIST
    exhibit = by_name[page].exhibits.get(identity) if page in by_name else None
    if exhibit is None:
        return []
    return pd.read_csv(io.BytesIO(exhibit.files[f"{identity}.csv"]))["sha256"].tolist()


def _check_images(by_name: dict[str, Page], folder: Path, report: Report) -> None:
    """Hash every file below a folder: each image of the list must be there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    there = {sha256(p) for p in tqdm(files, desc="hashing images", unit="file", ncols=80)}
    listed = image_hashes(by_name)
    if not listed:
        report.problems.append(f"page {IMAGE_LIST[0]} lists no hashes to hold {folder} against")
    for digest in listed:
        problem = f"no file below {folder} has the hash {digest}"
        report.equal("images", digest in there, True, problem)


def _check_rendered(page: Page, report: Report) -> None:
    """Look for each file of the exhibits of a page in every rendered book that holds it."""
    for book, html in rendered_pages(page.study, page.name).items():
        text = html.read_text()
        for exhibit in page.exhibits.values():
            shown = [f'"{data_uri(*item)}"' in text for item in exhibit.files.items()]
            problem = (
                f"{page.study}/{page.name}#{exhibit.id}: not so in the rendered book of {book}"
            )
            report.equal("rendered exhibits", all(shown), True, problem)


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
