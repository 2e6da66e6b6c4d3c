"""Every exhibit of a study, made again from the images, and how each comes out.

One run of Snakemake executes each page of the study once, in a folder that nothing else writes to.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from birads_lib.errors import UserError
from press import manifest, preflight, remake
from press import page as pages
from press.checks import DIFFERS, EQUAL, MISSING, VERDICTS, WITHIN
from press.outputs import hash_of_hashes
from press.page import Exhibit, Page
from press.paths import ROOT
from press.stale import changed_sources
from press.study import Study, load

# Not that of ``remake``, which links to results there: here, each file is made again.
CHECKED = "results/.checked"


@dataclass(frozen=True)
class Outcome:
    """How one exhibit, made again, compares with the one that is published."""

    page: str
    exhibit: str
    kind: str  # figure or table
    verdict: str  # one of VERDICTS
    numbers: int = 0  # compared
    beyond: int = 0  # of them, further apart than the tolerance; -1: tables of another shape
    largest_difference: float = 0.0  # absolute
    tolerance: float = 0.0  # absolute and relative
    picture: str = ""  # "equal" byte for byte, "other bytes", or "" where there is none
    words: str = ""  # which differ, such as "caption, table"
    files_sha256: str = ""  # over the hashes of the published exhibit's files


@dataclass(frozen=True)
class Check:
    """A study that was made again: its pages as they came out, and how each exhibit compares."""

    study: Study
    made: list[Page]
    outcomes: list[Outcome]
    stale: list[str]  # published pages whose sources have changed since they were executed
    left_out: list[str]  # published pages that also read another study, and so aren't made again
    root_hash: str  # of the published book, before it was checked


def check(config: str, data: str = "", weights: str = "") -> Check:
    """Make a study again and compare; the arguments are those of ``study.load``.

    Raises UserError where the study isn't executed here, its images aren't there, or a page can't
    be executed.
    """
    study = load(config, data, weights, root=CHECKED)
    before = published(study)
    preflight.check(study)
    stale = [page.name for page in before if changed_sources(page)]
    options = {"study": config, "data": data, "weights": weights, "root": CHECKED}
    after = make_all_again(study, options)
    outcomes = list(compare(before, after))
    left_out = sorted({page.name for page in pages.of_study(study.name)} - {*study.pages()})
    root = manifest.noted(study)
    return Check(study, list(after.values()), outcomes, stale, left_out, root)


def published(study: Study) -> list[Page]:
    """Return the executed pages of a study; raises UserError naming those that are missing."""
    there, missing = pages.executed(study.name, study.pages())
    if pages.is_lacking(study.name, there, missing):
        raise UserError(
            f"the study '{study.name}' is not executed here: {len(missing)} of "
            f"{len(study.pages())} pages are missing, such as {missing[0]}; there is nothing to "
            "compare with"
        )
    return there


def make_all_again(study: Study, options: dict[str, str]) -> dict[str, Page]:
    """Execute all pages of a study whose root is ``CHECKED``; return them by name.

    A check that was stopped goes on; one that was not begins with nothing. Raises UserError where
    a page can't be executed.
    """
    folder, made = ROOT / study.folder, ROOT / CHECKED / "pages" / study.name
    unfinished = ROOT / CHECKED / f"{study.name}.unfinished"
    if not unfinished.exists():
        for place in (folder, made):
            shutil.rmtree(place, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
    remake.execute(options)
    unfinished.unlink()
    return {name: pages.read(made / f"{name}.ipynb") for name in study.pages()}


def compare(before: list[Page], after: dict[str, Page]) -> Iterator[Outcome]:
    """Yield how each published exhibit compares with its second making."""
    for page in before:
        for exhibit in page.exhibits.values():
            yield compare_exhibit(page, exhibit, after[page.name].exhibits.get(exhibit.id))


def compare_exhibit(page: Page, before: Exhibit, after: Exhibit | None) -> Outcome:
    """Return how an exhibit of a page compares with its second making; None: there is none."""
    facts = before.passport
    known = {"page": page.name, "exhibit": before.id, "kind": before.kind}
    known |= {"tolerance": facts["tolerance"]}
    known |= {"files_sha256": hash_of_hashes(facts["files"].values())}
    if after is None:
        return Outcome(**known, verdict=MISSING)
    numbers, name = remake.compare_numbers(before, after), f"{before.id}.png"
    if name in before.files:
        is_equal = before.files[name] == after.files.get(name)
        known["picture"] = "equal" if is_equal else "other bytes"
    known["words"] = ", ".join(remake.compare_words(before, after))
    if not remake.words_hold(before, after, numbers):
        return Outcome(**known, verdict=DIFFERS)
    if numbers is None:
        return Outcome(**known, verdict=EQUAL if known.get("picture") == "equal" else DIFFERS)
    known |= {"numbers": numbers.count, "beyond": numbers.beyond}
    known |= {"largest_difference": float(numbers.largest)}
    close = WITHIN if numbers.largest else EQUAL
    return Outcome(**known, verdict=DIFFERS if numbers.beyond else close)


def print_table(checked: Check) -> None:
    """Print how many exhibits of each page came out how, then each that isn't equal."""
    outcomes = checked.outcomes
    names = list(dict.fromkeys(outcome.page for outcome in outcomes))
    width = max(map(len, names))
    print(" ".join([f"\n{'page':{width}}", *(f"{verdict:>16}" for verdict in VERDICTS)]))
    for name in [*names, "all"]:
        counts = Counter(o.verdict for o in outcomes if name in (o.page, "all"))
        print(" ".join([f"{name:{width}}", *(f"{counts[verdict]:16}" for verdict in VERDICTS)]))
    for name in checked.stale:
        print(f"  stale: sources of {name} have changed since it was executed")
    for name in checked.left_out:
        print(f"  not made again, as it reads another study, too: {name}")
    for each in (outcome for outcome in outcomes if outcome.verdict != EQUAL):
        print(f"  {each.verdict}: {each.page}#{each.exhibit}{_by_how_much(each)}")


def _by_how_much(outcome: Outcome) -> str:
    if outcome.words and outcome.verdict == DIFFERS and not outcome.beyond:
        return f", in its {outcome.words}, though code and numbers are equal"
    if outcome.beyond < 0:
        return ", whose table is gone or of another shape"
    if not outcome.numbers:
        return ""
    compared = f"{outcome.numbers} numbers, largest difference {outcome.largest_difference:.3g}"
    return f", {compared}, {outcome.beyond} beyond the tolerance of {outcome.tolerance:g}"


def summary(outcomes: list[Outcome]) -> str:
    """Return how many exhibits came out how, in a sentence."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    pictures = Counter(outcome.picture for outcome in outcomes if outcome.picture)
    drawn = f"{pictures['equal']} of {pictures.total()} pictures equal byte for byte"
    return f"{len(outcomes)} exhibits, their numbers made again: {counts}; {drawn}."
