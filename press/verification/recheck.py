"""Every exhibit of a study, made again from the images, and how each comes out.

One run of Snakemake executes each page of the study once, in a folder that nothing else writes to.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from birads_lib.files import one_at_a_time
from press.command import snakemake
from press.execution import preflight, remake
from press.pages import outcome
from press.pages import page as pages
from press.pages.outcome import EQUAL, VERDICTS, Outcome
from press.pages.page import Page
from press.pages.stale import changed_sources
from press.paths import ROOT
from press.rendering import manifest
from press.studies import chapters
from press.studies.study import Study, load

# Not that of ``remake``, which links to results there: here, each file is made again.
CHECKED = "results/.checked"


@dataclass(frozen=True)
class Check:
    """A study that was made again: its pages as they came out, and how each exhibit compares."""

    study: Study
    made: list[Page]
    outcomes: list[Outcome]
    stale: list[str]  # published pages whose sources have changed since they were executed
    # Published pages that aren't made again: those that also read another study, and those that the
    # study's file no longer asks for, as it doesn't name their variant.
    left_out: list[str]
    unasked: list[str]
    root_hash: str  # of the published book, before it was checked


def check(config: str, data: str = "", weights: str = "") -> Check:
    """Make a study again and compare; the arguments are those of ``study.load``.

    Raises UserError where the study isn't executed here, its images aren't there, or a page can't
    be executed.
    """
    study = load(config, data, weights, root=CHECKED)
    before = pages.executed(study.name, study.pages(), "there is nothing to compare with")
    preflight.check(study)
    stale = [page.name for page in before if changed_sources(page)]
    options = {"study": config, "data": data, "weights": weights, "root": CHECKED}
    after = make_all_again(study, options)
    outcomes = list(compare(before, after))
    root = manifest.noted_root(study)
    return Check(study, list(after.values()), outcomes, stale, *not_made_again(study), root)


def not_made_again(study: Study) -> tuple[list[str], list[str]]:
    """Return the published pages that read another study, too, and others that nothing asks for."""
    extra_pages = [page for page in pages.of_study(study.name) if page.name not in study.pages()]
    of_two = {row.notebook for row in chapters.CHAPTERS if row.pages == "elsewhere"}
    left_out = [page.name for page in extra_pages if page.notebook in of_two]
    return left_out, [page.name for page in extra_pages if page.notebook not in of_two]


def make_all_again(study: Study, options: dict[str, str]) -> dict[str, Page]:
    """Execute all pages of a study whose root is ``CHECKED``; return them by name.

    A check that was stopped goes on; one that was not begins with nothing, and waits for another
    one of the study. Raises UserError where a page can't be executed.
    """
    folder, book = ROOT / study.folder, ROOT / CHECKED / "pages"
    unfinished = ROOT / CHECKED / f"{study.name}.unfinished"
    lock = unfinished.with_suffix(".lock")
    with one_at_a_time(lock, f"waiting for another check of the study '{study.name}'"):
        if not unfinished.exists():
            for place in (folder, book / study.name):
                shutil.rmtree(place, ignore_errors=True)
            unfinished.touch()
        snakemake(options, [], remake.STOPPED)
        unfinished.unlink()
        files = {name: pages.page_file(study.name, name, book) for name in study.pages()}
        return {name: pages.read(file) for name, file in files.items()}


def compare(before: list[Page], after: dict[str, Page]) -> Iterator[Outcome]:
    """Yield the comparison of each published exhibit with its second making."""
    for page in before:
        for exhibit in page.exhibits.values():
            again = after[page.name].exhibits.get(exhibit.id)
            yield outcome.compare(page.name, exhibit, again)


def print_table(checked: Check) -> None:
    """Print the number of exhibits by page and verdict, then each that isn't equal."""
    outcomes = checked.outcomes
    names = list(dict.fromkeys(each.page for each in outcomes))
    width = max(map(len, names))
    print(" ".join([f"\n{'page':{width}}", *(f"{verdict:>16}" for verdict in VERDICTS)]))
    for name in [*names, "all"]:
        counts = Counter(o.verdict for o in outcomes if name in (o.page, "all"))
        print(" ".join([f"{name:{width}}", *(f"{counts[verdict]:16}" for verdict in VERDICTS)]))
    for name in checked.stale:
        print(f"  stale: sources of {name} have changed since it was executed")
    for name in checked.left_out:
        print(f"  not made again, as it reads another study, too: {name}")
    for name in checked.unasked:
        print(f"  not made again, as the study's file doesn't name its variant: {name}")
    for each in (each for each in outcomes if each.verdict != EQUAL):
        print(f"  {each.verdict}: {each.page}#{each.exhibit}{_difference_in_words(each)}")


def _difference_in_words(outcome: Outcome) -> str:
    if outcome.differs_in == "words":
        return f", in its {outcome.words}, though code and numbers are equal"
    if outcome.differs_in == "picture":
        return ", in its picture, which has no numbers"
    if outcome.beyond < 0:
        return ", whose table is gone or of another shape"
    if not outcome.numbers:
        return ""
    compared = f"{outcome.numbers} numbers, largest difference {outcome.largest_difference:.3g}"
    return f", {compared}, {outcome.beyond} beyond the tolerance of {outcome.tolerance:g}"


def summary(outcomes: list[Outcome]) -> str:
    """Return a sentence with the number of exhibits by verdict."""
    verdicts = Counter(each.verdict for each in outcomes)
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    pictures = Counter(each.picture for each in outcomes if each.picture)
    drawn = f"{pictures['equal']} of {pictures.total()} pictures equal byte for byte"
    return f"{len(outcomes)} exhibits, their numbers made again: {counts}; {drawn}."
