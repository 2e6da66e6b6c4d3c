"""Make one figure again, in a folder of its own, and say what differs.

    python -m press.execution.remake config/phantoms.yaml 04_evaluation-proposed-patient#headline

Where what its notebook read is at hand and intact, that notebook alone is executed; else all
notebooks behind it are. Snakemake runs them, by the rules by which it did the first time.
"""

import shutil
import time
from pathlib import Path

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import one_at_a_time, sha256
from press.command import run, snakemake
from press.execution import external, preflight
from press.execution.compare import config_of
from press.pages import page as pages
from press.pages.outcome import Outcome, compare
from press.pages.outputs import digest_of, lasting
from press.pages.page import Exhibit, Page
from press.pages.stale import changed_sources
from press.paths import CONFIG, RESULTS, ROOT, passport_path
from press.studies import chapters
from press.studies.parameters import images_folder
from press.studies.study import Study, load

SCRATCH = "results/.remade"  # a study's folder below it holds what was made again
STOPPED = "it could not be made again; what stopped it stands above"


def find(study: str, reference: str) -> tuple[Page, Exhibit]:
    """Return the exhibit ``page#id`` of a study, or ``id`` alone where one page has it.

    Raises UserError with the nearest names where there is none, or the pages where there are many.
    """
    page_name, _, identity = reference.rpartition("#")
    by_name = {page.name: page for page in pages.of_study(study)}
    if not by_name:
        raise UserError(f"book/{study} holds no executed pages: make book STUDY={study}")
    if page_name and page_name not in by_name:
        suggestion = did_you_mean(page_name, by_name)
        raise UserError(f"FIG: {study} has no page {page_name!r}; {suggestion}")
    searched = [by_name[page_name]] if page_name else list(by_name.values())
    having = [page for page in searched if identity in page.exhibits]
    if not having:
        suggestion = did_you_mean(identity, {name for page in searched for name in page.exhibits})
        raise UserError(f"FIG: no figure or table {identity!r}; {suggestion}")
    if len(having) > 1:
        listed = "\n".join(f"  {page.name}#{identity}" for page in having)
        raise UserError(f"FIG: {len(having)} pages have {identity!r}; name one of them:\n{listed}")
    return having[0], having[0].exhibits[identity]


def trace(page: Page, exhibit: Exhibit) -> list[str]:
    """Return the chain from an exhibit to the images, a line for each file, indented by depth."""
    head = f"{page.study}/{page.name}#{exhibit.id}"
    return [head, *_trace_inputs(exhibit.passport, page, 1, set())]


def _trace_inputs(facts: dict, page: Page, depth: int, traced: set[str]) -> list[str]:
    lines = []
    for read in facts["inputs"]:
        digest = digest_of(read)
        maker = f", written by {read['made_by']}" if "made_by" in read else ""
        again = " (as above)" if digest in traced and maker else ""
        lines.append(f"{'  ' * depth}read {read['file']}, SHA-256 {digest[:16]}{maker}{again}")
        writer = pages.maker_of(read, page)
        if writer and not again:
            traced.add(digest)
            if written := writer.artefacts.get(read["artefact"]):
                lines += _trace_inputs(written, writer, depth + 1, traced)
            else:
                lines[-1] += ", which no longer has it"
    return lines


# Making again


def at_hand(study: Study, page: Page, exhibit: Exhibit) -> list[Path]:
    """Return the files that an exhibit's notebook read, their passports, and images a study made.

    Those of another study that it graded are among them. [] where that is not all at hand, as it
    was.
    """
    inputs = exhibit.passport["inputs"]
    files = {ROOT / read["file"]: read["sha256"] for read in inputs if "sha256" in read}
    if not all(path.exists() and sha256(path) == digest for path, digest in files.items()):
        return []
    paths = [path for path in files if path.is_relative_to(RESULTS)]
    if study.reader.makes_images and not study.dataset.get("folder"):
        paths.append(images_folder(study.dataset, f"results/{study.name}"))
    parameters = page.passport["parameters"]
    if "other_dataset" in parameters:
        paths.append(images_folder(parameters["other_dataset"], f"results/{parameters['other']}"))
    passports = [passport_path(path) for path in paths]
    return [path for path in paths + passports if path.exists()]


def _check_images(study: Study, page: Page, other_study: str) -> None:
    """Raise UserError where a page, of this study and ``other_study``, can't begin with images."""
    if other_study:
        command = f"compare STUDIES={study.name},{other_study}"
        if page.notebook == external.NOTEBOOK:
            command = f"external STUDY={study.name} OTHER={other_study}"
        raise UserError(
            f"the page reads results of {study.name} and of {other_study}, which are not at "
            f"hand as it read them: run both studies, then `make {command}`"
        )
    preflight.check_there(study)


def make_again(study: Study, options: dict[str, str], page: Page, linked: list[Path]) -> Page:
    """Execute a page in the scratch folder and return the page made there.

    Another figure of the study waits until it is done, as all are made in one folder.

    Args:
        study: whose page it is, with its folder in the scratch folder.
        options: Snakemake's ``--config``, which says which study.
        page: the page to make again.
        linked: what stands in results/ and is to be read, as it is; [] for all notebooks behind
            the page to be executed as well.
    """
    target = pages.page_file(study.name, page.name, ROOT / SCRATCH / "pages")
    rules = ["--allowed-rules", chapters.chapter(page.notebook).rule] if linked else []
    lock = ROOT / SCRATCH / f"{study.name}.lock"  # beside the folder, which is removed
    with one_at_a_time(lock, f"waiting for another figure of the study '{study.name}'"):
        shutil.rmtree(ROOT / study.folder, ignore_errors=True)
        target.unlink(missing_ok=True)
        for path in linked:
            link = ROOT / SCRATCH / path.relative_to(RESULTS)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)  # of another study's files, which a comparison reads
            link.symlink_to(path)
        snakemake(options, [*rules, "--", target.relative_to(ROOT).as_posix()], STOPPED)
        return pages.read(target)


def of_page(made: Page, identity: str) -> Exhibit:
    """Return an exhibit of a page that was made again; UserError where it has none of the name."""
    if identity not in made.exhibits:
        raise UserError(
            f"FIG: {made.name}, executed now, publishes no {identity!r}; run the study "
            f"{made.study} again, or name another: {did_you_mean(identity, made.exhibits)}"
        )
    return made.exhibits[identity]


# Comparing


def compare_passports(before: dict, after: dict) -> dict[str, list[str]]:
    """Return the differences between two passports, by kind: input, code, parameters, ..."""
    old, new = _by_kind(before), _by_kind(after)
    return {
        kind: [
            f"{name}: {_short(old[kind].get(name))} -> {_short(new[kind].get(name))}"
            for name in old[kind] | new[kind]
            if old[kind].get(name) != new[kind].get(name)
        ]
        for kind in old
    }


def _by_kind(facts: dict) -> dict[str, dict]:
    changed = facts["parameters_changed"]
    return {
        "input": {read["name"]: digest_of(read) for read in facts["inputs"]},
        "code": lasting(facts["code"]),
        "parameters": {k: v for k, v in changed.items() if k != "study_dir"},  # the scratch folder
        "environment": facts["environment"],
        "device": {"device": facts["device"]},
    }


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text[:12] if len(text) == 64 else text


def print_comparison(outcome: Outcome, before: Exhibit, after: Exhibit) -> None:
    """Print the comparison of an exhibit with its second making, and of their passports."""
    print(f"numbers: {_numbers(outcome)}")
    differing = ", ".join(f"another {name}" for name in outcome.words.split(", ") if name)
    verdict = ": DIFFER though code and numbers are equal" if outcome.differs_in == "words" else ""
    print(f"words: {differing or 'equal'}{verdict}")
    if outcome.picture:
        shown = "equal byte for byte" if outcome.picture == "equal" else "not the same bytes"
        verdict = ": DIFFERS, and has no numbers" if outcome.differs_in == "picture" else ""
        print(f"picture: {shown}{verdict}")
    for kind, lines in compare_passports(before.passport, after.passport).items():
        print(f"{kind}: {'differs' if lines else 'equal'}")
        for line in lines:
            print(f"  {line}")


def _numbers(outcome: Outcome) -> str:
    """Return in words how the numbers of two makings compare."""
    if outcome.beyond < 0:
        return "DIFFER, the table has other rows or columns"
    if not outcome.numbers:
        return "none to download"
    largest = outcome.largest_difference
    size = f"largest difference {largest:.3g}" if largest or outcome.beyond else "equal"
    verdict = f"DIFFER in {outcome.beyond} of them" if outcome.beyond else "hold"
    return f"{outcome.numbers} compared, {size}, tolerance {outcome.tolerance:g}: {verdict}"


def _config_and_exhibit(config: str, figure: str) -> tuple[str, str]:
    """Return the YAML of the study that ``study/page#id`` names, and page#id."""
    study, _, exhibit = figure.rpartition("/")
    if not study:
        return config, exhibit
    run = (record.parent.name for record in RESULTS.glob("[!.]*/study.json"))
    studies = sorted({*run, *(path.stem for path in CONFIG.glob("*.yaml"))})
    if study not in studies:
        raise UserError(f"FIG: no study {study!r}; {did_you_mean(study, studies)}")
    return config_of(study), exhibit


def main(config: str, figure: str, data: str = "", weights: str = "") -> int:
    """Make a figure again and compare; return the exit status.

    ``figure`` is page#id, or id alone, or study/page#id of another study.
    """
    started = time.time()
    config, figure = _config_and_exhibit(config, figure)
    study = load(config, data, weights, root=SCRATCH)
    page, exhibit = find(study.name, figure)
    print("\n".join(trace(page, exhibit)))
    for reason in changed_sources(page):
        print(f"stale: {reason} since this page was executed")
    linked = at_hand(study, page, exhibit)
    print(f"\nmaking it again from {'what its notebook read, intact' if linked else 'the images'}")
    options = {"study": config, "data": data, "weights": weights, "root": SCRATCH}
    if other_study := page.passport["parameters"].get("other", ""):  # a comparison
        options |= {"other": config_of(other_study), "page": page.notebook}
        load(options["other"])
    if not linked:
        _check_images(study, page, other_study)
    made = make_again(study, options, page, linked)
    again = of_page(made, exhibit.id)
    print(f"\n{page.study}/{page.name}#{exhibit.id}, made again in {time.time() - started:.0f} s")
    outcome = compare(page.name, exhibit, again)
    print_comparison(outcome, exhibit, again)
    print(f"the page made again: {made.path.relative_to(ROOT)}")
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    run(main)
