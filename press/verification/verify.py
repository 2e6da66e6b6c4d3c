"""Are the pages what was executed, and does each chain of hashes reach the images?

    python -m press.verification.verify config/phantoms.yaml [folder of the images] [1: deep]

Of every page: its own seal; the PNG and CSV of each exhibit, in the page and in ``results/``, and
the cell that its passport names; the cells of tables, against their CSV; the numbers that prose
names, against the metrics; its parameters, against the record of its study; the files it wrote;
each input, against the passport of the page that wrote it, back to the hashes of the images. Then
the rendered book (``rendered``). What is stale (made by sources that have changed since) is
reported, and is no failure.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from tqdm import tqdm

from birads_lib.files import sha256, sha256_of
from birads_lib.readers.image_files import existing
from birads_lib.readers.links import files_in
from press import paths
from press.command import run
from press.pages import environment, file_lists
from press.pages import page as pages
from press.pages.file_lists import UNREADABLE, Lists
from press.pages.outputs import as_json, hash_of_hashes
from press.pages.page import COMMITTED, SEALS, Page
from press.pages.stale import changed_sources
from press.studies import chapters
from press.studies.parameters import images_folder
from press.studies.study import Study, load
from press.verification import recorded, rendered, tables
from press.verification.checks import Report, print_report

RECORD = "run.json"  # what a run was given, and what its folds left


def study(
    name: str, images: Path | None = None, follow_links: bool = False, deep: bool = False
) -> Report:
    """Check all of one study's pages; ``images``: a folder whose files are hashed as well.

    ``follow_links``: also those files outside the folder that links in it lead to. ``deep``: the
    saved models predict again.
    """
    report = Report()
    by_name = {page.name: page for page in _sealed_pages(paths.BOOK / name, report)}
    listed = all_lists = {}
    with _readable(f"{name}: what its pages list of images", report):
        listed = file_lists.hashes(by_name)
        all_lists = listed | file_lists.further(by_name)
    options = {"desc": f"verifying {name}", "unit": "page", "file": sys.stdout, "ncols": 80}
    for page in tqdm(by_name.values(), **options):
        with _readable(f"{name}/{page.name}", report):
            _check_page(page, all_lists, report)
    _note_commits(list(by_name.values()), report)
    if images:
        _check_images(listed, files_in(images, follow_links), report)
    if deep:
        from press.verification.deep import check  # imports Keras

        with _readable(f"{name}: what its models predict", report):
            check(list(by_name.values()), report)
    return report


@contextmanager
def _readable(where: str, report: Report) -> Iterator[None]:
    """Make a problem of what can't be read, as in a passport that was tampered with."""
    try:
        yield
    except UNREADABLE as error:
        report.problems.append(f"{where}: can't be read ({error!r})")


def _check_page(page: Page, listed: Lists, report: Report) -> None:
    """Hold all that a page publishes, wrote, read and recorded against its passports."""
    _check_exhibits(page, report)
    _check_artefacts(page, report)
    _check_inputs(page, listed, report)
    numbers_held, contradicted = recorded.contradicted(page)
    report.checked["numbers for prose"] += numbers_held
    report.unheld += len(page.numbers) - numbers_held
    parameters_held, wrong_parameters = recorded.contradicted_parameters(page)
    report.checked["parameters"] += parameters_held
    tables_held, wrong_cells = tables.contradicted(page)
    report.checked["tables"] += tables_held
    contradicted += wrong_parameters + wrong_cells
    report.problems += [f"{page.study}/{page.name}: {line}" for line in contradicted]
    for reason in changed_sources(page):
        report.stale.setdefault(reason, []).append(page.name)


def _note_commits(pages: list[Page], report: Report) -> None:
    """Note commits in the passports of pages that aren't in the history of this repository."""
    commits = Counter(page.passport.get("code", {}).get("commit", "unknown") for page in pages)
    queries = "".join(f"{commit}\n" for commit in commits)
    for line in (environment.git("cat-file", "--batch-check", asked=queries) or "").splitlines():
        if line.endswith(" missing"):
            name = line.removesuffix(" missing")
            where = f"commit {name[:12]}, at which {commits[name]} pages ran"
            report.notes.append(f"{where}, is not in the history of this repository")


def _sealed_pages(folder: Path, report: Report) -> list[Page]:
    """Return the pages of a study that can be read, each held against its seal."""
    seals: dict[str, str] = {}
    readable = []
    with _readable(f"{folder.name}/{SEALS}", report):
        seals = pages.seals(folder)
    for name in sorted(seals.keys() | {path.name for path in folder.glob("*.ipynb")}):
        where, path = f"{folder.name}/{name}", folder / name
        if not path.exists():
            report.problems.append(f"{where}: the page is gone")
            continue
        if name not in seals:
            report.problems.append(f"{where}: executed elsewhere, it has no seal")
            continue
        problem = f"{where}: the executed notebook was changed after it ran, or {SEALS} was"
        report.check("pages", sha256(path) == seals[name], problem)
        with _readable(where, report):
            page = pages.read(path)
            page.passports()
            readable.append(page)
    return readable


def _check_exhibits(page: Page, report: Report) -> None:
    """Hold a page's exhibits, here and in results/, against their passports."""
    copies = paths.figures_folder(paths.RESULTS / page.study, page.name)
    for exhibit in page.exhibits.values():
        where, facts = f"{page.study}/{page.name}#{exhibit.id}", exhibit.passport
        files: dict[str, bytes] = {}
        with suppress(ValueError):  # what was tampered with may be no base64
            files = exhibit.files
        problem = f"its passport names cell {facts['cell_id']}, but {exhibit.cell_id} has it"
        report.check("cells", facts["cell_id"] == exhibit.cell_id, f"{where}: {problem}")
        for name, digest in facts["files"].items():
            problem = f"{where}: {name} in the page is not the one that was published"
            is_equal = sha256_of(files.get(name, b"")) == digest
            report.check("figures' files", is_equal, problem)
        for name, content in files.items():
            copy = copies / name
            if copy.exists():
                problem = f"{where}: {copy.relative_to(paths.ROOT)} is not the one in the page"
                report.check("copies in results/", copy.read_bytes() == content, problem)


def _check_artefacts(page: Page, report: Report) -> None:
    """Hold the files that a page wrote against their passports, where they are at hand."""
    for facts in page.artefacts.values():
        path, where = paths.ROOT / facts["file"], f"{page.study}/{page.name}: {facts['file']}"
        if not path.exists():
            report.absent += 1
        else:
            is_equal = sha256(path) == facts["sha256"]
            report.check("written files", is_equal, f"{where} was changed")
            passport = paths.passport_path(path)
            is_equal = passport.exists() and passport.read_bytes() == as_json(facts)
            report.check("passports", is_equal, f"{where}: the passport beside it was changed")
            if path.name == RECORD:
                _check_folds(path, where, report)


def _check_folds(record: Path, where: str, report: Report) -> None:
    """Check the files that a run's folds left and read, where at hand, against its record."""
    with suppress(*UNREADABLE):  # a record that was tampered with is a problem already
        for path, digest in listed_files(record).items():
            if path.exists():
                shown = path.relative_to(paths.ROOT)
                report.check("files of folds", sha256(path) == digest, f"{where}: {shown} changed")


def listed_files(record: Path) -> dict[Path, str]:
    """Return the SHA-256 of each file that the record of a run lists, of its folds and the cache.

    Records older than these lists have none.
    """
    facts = json.loads(record.read_text())
    cache = record.parents[3] / "trunk_cache"
    listed = {record.parent / name: sha for name, sha in facts.get("left_by_folds", {}).items()}
    listed |= {cache / name: sha for name, sha in facts.get("features", {}).items()}
    # No name of a record that was tampered with may lead out of the study.
    study = record.parents[3].resolve()
    return {path: sha for path, sha in listed.items() if path.resolve().is_relative_to(study)}


def _check_inputs(page: Page, listed: Lists, report: Report) -> None:
    """Check a page's inputs against the pages that wrote them, images against those listed."""
    for facts in page.passports():
        for read in facts["inputs"]:
            where = f"{page.study}/{page.name}#{facts['id']}: input '{read['name']}'"
            if "sha256_of_hashes" in read:
                _check_list(where, page, read, listed, report)
            elif "made_by" in read:
                _check_link(where, page, read, report)
            elif _is_made(read["file"], page):
                problem = f"{where}: {read['file']} names no page that wrote it"
                report.check("links between pages", False, problem)
            elif (path := paths.ROOT / read["file"]).exists() and sha256(path) != read["sha256"]:
                report.notes.append(f"{where}: {read['file']} has changed since")


def _is_made(file: str, page: Page) -> bool:
    """Return whether a file that a page read is one that chapters write.

    Of another study, whose set of chapters isn't known, that is a file that any chapter writes.
    """
    of_another = file.startswith("results/") and not file.startswith(f"results/{page.study}/")
    rows = [row for row in chapters.CHAPTERS if of_another or row.notebook == page.notebook]
    is_source = any(fnmatch(file, pattern) for row in rows for pattern in row.sources)
    return not is_source and any(chapters.makers(Path(file), row.notebook) for row in rows)


def _check_list(where: str, page: Page, read: dict, listed: Lists, report: Report) -> None:
    """Hold many files of one kind that a page read against the page that lists them."""
    kind, other_study = file_lists.kind_of(read), read.get("study")
    file_hashes, owner = (
        (file_lists.of_study(other_study), f" of {other_study}") if other_study else (listed, "")
    )
    is_equal = read["sha256_of_hashes"] == hash_of_hashes(file_hashes.get(kind, []))
    listing, _ = file_lists.place_of(kind, page.path.parents[1] / (other_study or page.study))
    problem = f"{where}: not the {read['name']} that {listing}{owner} lists"
    report.check("links to the images", is_equal, problem)


def _check_link(where: str, page: Page, read: dict, report: Report) -> None:
    """Hold an input that another page wrote, and its passport, against that page."""
    maker, kind = None, "links between pages"
    with suppress(*UNREADABLE):  # which is a problem of its own, and reported as one
        maker = pages.maker_of(read, page)
    if maker is None:
        report.check(kind, False, f"{where}: its page {read['made_by']} is not here")
        return
    made = maker.artefacts.get(read["artefact"], {})
    problem = f"{where}: not the file that {read['made_by']} wrote; re-execute {page.name}"
    report.check(kind, made.get("sha256") == read["sha256"], problem)
    problem = f"{where}: its passport is not the one on {read['made_by']}"
    is_equal = read.get("passport_sha256") == sha256_of(as_json(made))
    report.check("passports along", is_equal, problem)


def _check_images(listed: Lists, files: Iterable[Path], report: Report) -> None:
    """Hash every file of a folder: each file of the list must be there, but for code."""
    files = sorted(path for path in files if path.is_file())
    options = {"desc": "hashing images", "unit": "file", "file": sys.stdout, "ncols": 80}
    digests = {sha256(path) for path in tqdm(files, **options)}
    problem = f"page {file_lists.FILE_LIST[0]} lists no hashes to hold the images against"
    report.check("lists of images", bool(listed), problem)
    for kind in sorted(listed.keys() - {"code"}):
        for digest in listed[kind]:
            problem = f"no file of the folder of images has the hash {digest}, of the kind {kind}"
            report.check(f"{kind}s", digest in digests, problem)


def _images_at_hand(first: Study, images: str) -> Path | None:
    """Return the folder of images that is given, or that of a study that makes its own.

    Raises UserError where the folder that is given can't be read.
    """
    if images:
        return existing(images)
    if not first.reader.makes_images or first.dataset.get("folder"):
        return None
    folder = images_folder(first.dataset, first.folder)
    return folder if folder.exists() else None


def _is_there(name: str) -> bool:
    """Return whether the book holds pages of a study, or the list of those that it held."""
    folder = paths.BOOK / name
    return (folder / SEALS).exists() or any(folder.glob("*.ipynb"))


def main(config: str, images: str = "", deep: str = "") -> int:
    """Verify all that the book of a study shows, and a folder of its images, if one is given.

    ``deep``: not "" where the study's saved models are to predict again. Returns the exit status.
    """
    first, has_problems = load(config), False
    folder = _images_at_hand(first, images)
    for name in dict.fromkeys([first.name, *COMMITTED]):
        if not _is_there(name):
            print(f"{name}: not executed here; `make book` does it")
            continue
        started, of_first = time.time(), (folder, first.follows_links, bool(deep))
        report = study(name, *(of_first if name == first.name else ()))
        print_report(name, report, time.time() - started)
        has_problems = has_problems or bool(report.problems)
    started, report = time.time(), rendered.check(first)
    print_report(f"the book of {first.name}", report, time.time() - started)
    return int(has_problems or bool(report.problems))


if __name__ == "__main__":
    run(main)
