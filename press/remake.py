"""Make one figure again, in a folder of its own, and say what differs.

    python -m press.remake config/phantoms.yaml 04_evaluation-proposed-patient#headline

Where what its notebook read is at hand and intact, that notebook alone is executed; else all
notebooks behind it are. Snakemake runs them, by the rules by which it did the first time.
"""

import io
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import sha256
from press import chapters, external, given, preflight
from press import page as pages
from press.compare import config_of
from press.outputs import digest_of, lasting
from press.page import Exhibit, Page
from press.parameters import images_folder
from press.paths import CONFIG, RESULTS, ROOT, passport_path
from press.stale import changed_sources
from press.study import Study, load

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


# Making again


def at_hand(study: Study, page: Page, exhibit: Exhibit) -> list[Path]:
    """Return what an exhibit's notebook read, with passports, and the images a study made.

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
    asked = page.passport["parameters"]
    if "other_dataset" in asked:
        paths.append(images_folder(asked["other_dataset"], f"results/{asked['other']}"))
    beside = [passport_path(path) for path in paths]
    return [path for path in paths + beside if path.exists()]


def _check_images(study: Study, page: Page, other: str) -> None:
    """Raise UserError where a page, of this study and ``other``, can't begin with images."""
    if other:
        command = f"compare STUDIES={study.name},{other}"
        if page.notebook == external.NOTEBOOK:
            command = f"external STUDY={study.name} OTHER={other}"
        raise UserError(
            f"the page reads results of {study.name} and of {other}, which are not at hand as it "
            f"read them: run both studies, then `make {command}`"
        )
    preflight.check_there(study)


def make_again(study: Study, options: dict[str, str], page: Page, linked: list[Path]) -> Page:
    """Execute a page in the scratch folder and return the page made there.

    Args:
        study: whose page it is, with its folder in the scratch folder.
        options: Snakemake's ``--config``, which says which study.
        page: the page to make again.
        linked: what stands in results/ and is to be read, as it is; [] for all notebooks behind
            the page to be executed as well.
    """
    shutil.rmtree(ROOT / study.folder, ignore_errors=True)
    target = ROOT / SCRATCH / "pages" / study.name / f"{page.name}.ipynb"
    target.unlink(missing_ok=True)
    for path in linked:
        link = ROOT / SCRATCH / path.relative_to(RESULTS)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # of another study's files, which a comparison reads
        link.symlink_to(path)
    rules = ["--allowed-rules", chapters.chapter(page.notebook).rule] if linked else []
    execute(options, [*rules, "--", target.relative_to(ROOT).as_posix()])
    return pages.read(target)


def execute(options: dict[str, str], arguments: Sequence[str] = ()) -> None:
    """Have Snakemake execute pages; raise UserError where it stops, which then has said why.

    Args:
        options: Snakemake's ``--config``, which says which study, and where it is made.
        arguments: further ones, the targets last; without any, all pages of the study are made.
    """
    items = [
        given.as_item(name, value) if name in ("data", "weights") else f"{name}={value}"
        for name, value in options.items()
        if value
    ]
    command = ["snakemake", "--profile", "profiles/local", "--config", *items, *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise UserError("it could not be made again; what stopped it stands above")


# Comparing


@dataclass(frozen=True)
class NumbersCompared:
    """How the numbers of a figure, made again, compare."""

    count: int  # compared
    beyond: int  # of them, further apart than the tolerance; -1: no table, or of another shape
    largest: float  # absolute difference


def compare_numbers(before: Exhibit, after: Exhibit) -> NumbersCompared | None:
    """Compare the numbers of two makings of an exhibit; None where it has none to download."""
    name = f"{before.id}.csv"
    if name not in before.files:
        return None
    if name not in after.files:
        return NumbersCompared(0, -1, float("nan"))
    old, new = (pd.read_csv(io.BytesIO(exhibit.files[name])) for exhibit in (before, after))
    if old.shape != new.shape or list(old.columns) != list(new.columns):
        return NumbersCompared(old.size, -1, float("nan"))
    tolerance = before.passport["tolerance"]
    beyond, largest = 0, 0.0
    for column in old:
        a, b = old[column], new[column]
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            a, b = a.to_numpy(float), b.to_numpy(float)
            near = np.isclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
            largest = max(largest, np.nanmax(np.abs(a - b), initial=0.0))
        else:
            near = (a == b) | (a.isna() & b.isna())
        beyond += int((~near).sum())
    return NumbersCompared(old.size, beyond, largest)


def compare_words(before: Exhibit, after: Exhibit) -> list[str]:
    """Return which words around or in an exhibit differ between two makings: "caption", ..."""
    words = [
        {name: exhibit.passport.get(name) for name in ("caption", "marks", "alt")}
        | {"table": "".join(exhibit.data.get("text/html", ""))}
        for exhibit in (before, after)
    ]
    return [name for name, text in words[0].items() if text != words[1][name]]


def words_hold(before: Exhibit, after: Exhibit, numbers: NumbersCompared | None) -> bool:
    """Return whether the words of two makings agree as far as they must.

    The same code makes the same words of the same numbers; other code may choose other words.
    ``numbers``: how theirs compare.
    """
    is_equal = numbers is None or (numbers.beyond == 0 and numbers.largest == 0)
    codes = [lasting(exhibit.passport.get("code", {})) for exhibit in (before, after)]
    return not (is_equal and codes[0] == codes[1] and compare_words(before, after))


def compare_passports(before: dict, after: dict) -> dict[str, list[str]]:
    """Return what differs between two passports, by kind: input, code, parameters, ..."""
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


def print_comparison(before: Exhibit, after: Exhibit) -> bool:
    """Print how an exhibit compares with its second making; return whether it holds."""
    numbers = compare_numbers(before, after)
    holds = numbers is None or numbers.beyond == 0
    if numbers is None:
        print("numbers: none to download")
    elif numbers.beyond < 0:
        print("numbers: DIFFER, the table has other rows or columns")
    else:
        is_equal = holds and numbers.largest == 0
        size = "equal" if is_equal else f"largest difference {numbers.largest:.3g}"
        verdict = "hold" if holds else f"DIFFER in {numbers.beyond} of them"
        tolerance = before.passport["tolerance"]
        print(f"numbers: {numbers.count} compared, {size}, tolerance {tolerance:g}: {verdict}")
    do_words_hold = words_hold(before, after, numbers)
    if words := compare_words(before, after):
        verdict = "" if do_words_hold else ": DIFFER though code and numbers are equal"
        print(f"words: another {', another '.join(words)}{verdict}")
    else:
        print("words: equal")
    picture = f"{before.id}.png"
    if picture in before.files:
        is_equal = before.files[picture] == after.files.get(picture)
        print(f"picture: {'equal byte for byte' if is_equal else 'not the same bytes'}")
    for kind, lines in compare_passports(before.passport, after.passport).items():
        print(f"{kind}: {'differs' if lines else 'equal'}")
        for line in lines:
            print(f"  {line}")
    return holds and do_words_hold


def _of_another_study(config: str, figure: str) -> tuple[str, str]:
    """Return the YAML of the study that ``study/page#id`` names, and page#id."""
    study, _, rest = figure.rpartition("/")
    if not study:
        return config, rest
    run = (record.parent.name for record in RESULTS.glob("[!.]*/study.json"))
    known = sorted({*run, *(path.stem for path in CONFIG.glob("*.yaml"))})
    if study not in known:
        raise UserError(f"FIG: no study {study!r}; {did_you_mean(study, known)}")
    return config_of(study), rest


def main(config: str, figure: str, data: str = "", weights: str = "") -> int:
    """Make a figure again and compare; return the exit status.

    ``figure`` is page#id, or id alone, or study/page#id of another study.
    """
    started = time.time()
    config, figure = _of_another_study(config, figure)
    study = load(config, data, weights, root=SCRATCH)
    page, exhibit = find(study.name, figure)
    print("\n".join(trace(page, exhibit)))
    for reason in changed_sources(page):
        print(f"stale: {reason} since this page was executed")
    linked = at_hand(study, page, exhibit)
    print(f"\nmaking it again from {'what its notebook read, intact' if linked else 'the images'}")
    options = {"study": config, "data": data, "weights": weights, "root": SCRATCH}
    if other := page.passport["parameters"].get("other", ""):  # a comparison
        options |= {"other": config_of(other), "page": page.notebook}
        load(options["other"])
    if not linked:
        _check_images(study, page, other)
    made = make_again(study, options, page, linked)
    if exhibit.id not in made.exhibits:
        raise UserError(f"{page.name}, executed now, publishes no {exhibit.id!r}")
    print(f"\n{page.study}/{page.name}#{exhibit.id}, made again in {time.time() - started:.0f} s")
    holds = print_comparison(exhibit, made.exhibits[exhibit.id])
    print(f"the page made again: {made.path.relative_to(ROOT)}")
    return 0 if holds else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
