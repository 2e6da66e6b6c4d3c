"""Make one figure again, in a folder of its own, and say what differs.

    python -m press.remake config/phantoms.yaml 04_evaluation-proposed-patient#headline

Where what its notebook read is at hand and intact, that notebook alone is executed; else all
notebooks behind it are. Snakemake runs them, as it did the first time.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import sha256
from birads_lib.readers import READERS
from press import chapters, differences, verify
from press import page as pages
from press.datasets import images_folder
from press.outputs import digest_of
from press.page import Exhibit, Page
from press.paths import RESULTS, ROOT, passport_path, results_folder, source_notebook
from press.study import Study, check_dataset, load

SCRATCH = "results/.remade"  # a study's folder below it holds what was made again


def find(study: str, wanted: str) -> tuple[Page, Exhibit]:
    """Return the exhibit ``page#id`` of a study, or ``id`` alone where one page has it.

    Raises UserError with the nearest names where there is none, or the pages where there are many.
    """
    page_name, _, identity = wanted.rpartition("#")
    by_name = {page.name: page for page in pages.of_study(study)}
    if not by_name:
        raise UserError(f"book/{study} holds no executed pages: make book STUDY={study}")
    if page_name and page_name not in by_name:
        near = did_you_mean(page_name, by_name)
        raise UserError(f"FIG: {study} has no page {page_name!r}; {near}")
    searched = [by_name[page_name]] if page_name else list(by_name.values())
    having = [page for page in searched if identity in page.exhibits]
    if not having:
        near = did_you_mean(identity, {name for page in searched for name in page.exhibits})
        raise UserError(f"FIG: no figure or table {identity!r}; {near}")
    if len(having) > 1:
        listed = "\n".join(f"  {page.name}#{identity}" for page in having)
        raise UserError(f"FIG: {len(having)} pages have {identity!r}; name one of them:\n{listed}")
    return having[0], having[0].exhibits[identity]


def trace(page: Page, exhibit: Exhibit) -> list[str]:
    """Return the chain from an exhibit to the images, a line for each file, indented by depth."""
    head = f"{page.study}/{page.name}#{exhibit.id}"
    return [head, *_trace_inputs(exhibit.passport, page, 1, set())]


def _trace_inputs(facts: dict, page: Page, depth: int, seen: set[str]) -> list[str]:
    lines = []
    for read in facts["inputs"]:
        digest = digest_of(read)
        maker = f", written by {read['made_by']}" if "made_by" in read else ""
        again = " (as above)" if digest in seen and maker else ""
        lines.append(f"{'  ' * depth}read {read['file']}, SHA-256 {digest[:16]}{maker}{again}")
        writer = pages.maker_of(read, page)
        if writer and not again:
            seen.add(digest)
            written = writer.artefacts[read["artefact"]]
            lines += _trace_inputs(written, writer, depth + 1, seen)
    return lines


def input_files(exhibit: Exhibit) -> dict[Path, str]:
    """Return the files that an exhibit's notebook read, but for images, and their SHA-256."""
    inputs = exhibit.passport["inputs"]
    return {ROOT / read["file"]: read["sha256"] for read in inputs if "sha256" in read}


def intact(exhibit: Exhibit) -> bool:
    """Return whether all that an exhibit's notebook read is at hand, as it was."""
    files = input_files(exhibit).items()
    return all(path.exists() and sha256(path) == digest for path, digest in files)


def make_again(study: Study, options: list[str], page: Page, linked: list[Path]) -> Page:
    """Execute a page in the scratch folder and return the page made there.

    Args:
        study: whose page it is, with its folder in the scratch folder.
        options: Snakemake's ``--config`` items that say which study.
        page: the page to make again.
        linked: what stands in results/ and is to be read, as it is; [] for all notebooks behind
            the page to be executed as well.
    """
    shutil.rmtree(ROOT / study.folder, ignore_errors=True)
    target = ROOT / SCRATCH / "pages" / study.name / f"{page.name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    for path in linked:
        link = ROOT / SCRATCH / path.relative_to(RESULTS)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    name = target.relative_to(ROOT).as_posix()
    if page.name in study.pages():
        rules = ["--allowed-rules", chapters.chapter(page.notebook).rule] if linked else []
        command = ["snakemake", "--profile", "profiles/local", "--config", *options]
        command += [f"root={SCRATCH}", *rules, "--", name]
    else:  # a comparison of two studies, which no rule makes
        values = json.dumps(page.passport["parameters"] | {"study_dir": study.folder})
        source = str(source_notebook(page.notebook))
        command = [sys.executable, "-m", "press.execute", source, name, values]
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode or not target.exists():
        raise UserError("it could not be made again; what stopped it stands above")
    return pages.read(target)


def _to_link(study: Study, exhibit: Exhibit) -> list[Path]:
    """Return what an exhibit's notebook read, with passports, and the images a study made."""
    paths = [path for path in input_files(exhibit) if path.is_relative_to(RESULTS)]
    if READERS[study.dataset["reader"]].makes_images and not study.dataset.get("folder"):
        paths.append(images_folder(study.dataset, results_folder(study.name)))
    beside = [passport_path(path) for path in paths]
    return [path for path in paths + beside if path.exists()]


def _check_rules(study: Study, page: Page) -> None:
    """Raise UserError for a page that can't be made from the images by one study's rules."""
    if page.name not in study.pages():
        other = page.passport["parameters"].get("other", "the other")
        raise UserError(
            f"{page.name} reads results of {study.name} and of {other}, which are not at hand as "
            f"it read them: run both studies, then `make compare STUDIES={study.name},{other}`"
        )


def _of_another_study(config: str, figure: str) -> tuple[str, str]:
    """Return the YAML of the study that ``study/page#id`` names, and page#id."""
    study, _, rest = figure.rpartition("/")
    if not study:
        return config, rest
    known = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))
    if study not in known:
        raise UserError(f"FIG: no study {study!r}; {did_you_mean(study, known)}")
    return f"config/{study}.yaml", rest


def main(arguments: list[str]) -> int:
    """Make a figure again and compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="remake")
    parser.add_argument("config")
    parser.add_argument("figure", help="page#id, or id alone; study/page#id of another study")
    parser.add_argument("--data", default="")
    parser.add_argument("--weights", default="")
    given = parser.parse_args(arguments)
    started = time.time()
    config, figure = _of_another_study(given.config, given.figure)
    study = load(config, given.data, given.weights, root=SCRATCH)
    page, exhibit = find(study.name, figure)
    print("\n".join(trace(page, exhibit)))
    for reason in verify.changed_sources(page):
        print(f"stale: {reason} since this page was executed")
    linked = _to_link(study, exhibit) if intact(exhibit) else []
    print(f"\nmaking it again from {'what its notebook read, intact' if linked else 'the images'}")
    if not linked:
        _check_rules(study, page)
        check_dataset(study)
    options = {"study": config, "data": given.data, "weights": given.weights}
    items = [f"{name}={value}" for name, value in options.items() if value]
    made = make_again(study, items, page, linked)
    if exhibit.id not in made.exhibits:
        raise UserError(f"{page.name}, executed now, publishes no {exhibit.id!r}")
    print(f"\n{page.study}/{page.name}#{exhibit.id}, made again in {time.time() - started:.0f} s")
    holds = differences.print_all(exhibit, made.exhibits[exhibit.id])
    print(f"the page made again: {made.path.relative_to(ROOT)}")
    return 0 if holds else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
