"""Make one figure again, in a folder of its own, and say what differs.

    python -m press.remake config/phantoms.yaml 04_evaluation-proposed-patient#headline

Where what its notebook read is at hand and intact, that notebook alone is executed; else, or with
``--from-images``, all notebooks behind it are. Snakemake runs them, as it did the first time.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import sha256
from birads_lib.readers import READERS
from press import chapters, verify
from press import page as pages
from press.datasets import images_folder
from press.page import Exhibit, Page, digest_of
from press.paths import RESULTS, ROOT, SPEED, passport_path, results_folder
from press.run import steady
from press.study import Study, check_dataset, load

SCRATCH = "results/.remade"  # a study's folder below it holds what was made again


@dataclass(frozen=True)
class Difference:
    """How the numbers of a figure, made again, compare."""

    numbers: int  # compared
    beyond: int  # of them, further apart than the tolerance; -1: tables of another shape
    largest: float  # absolute difference


def find(study: str, wanted: str) -> tuple[Page, Exhibit]:
    """Return the exhibit ``page#id`` of a study, or ``id`` alone where one page has it.

    Raises UserError with the nearest names where there is none, or the pages where there are many.
    """
    page_name, _, identity = wanted.rpartition("#")
    every = pages.of_study(study)
    if not every:
        raise UserError(f"book/{study} holds no executed pages: make book STUDY={study}")
    if page_name and page_name not in [page.name for page in every]:
        names = [page.name for page in every]
        raise UserError(f"FIG: {study} has no page {page_name!r}; {did_you_mean(page_name, names)}")
    looked = [page for page in every if page_name in ("", page.name)]
    found = [(page, page.exhibits[identity]) for page in looked if identity in page.exhibits]
    if not found:
        names = {identity for page in looked for identity in page.exhibits}
        raise UserError(f"FIG: no figure or table {identity!r}; {did_you_mean(identity, names)}")
    if len(found) > 1:
        listed = "\n".join(f"  {page.name}#{identity}" for page, _ in found)
        raise UserError(f"FIG: {len(found)} pages have {identity!r}; name one of them:\n{listed}")
    return found[0]


def trace(page: Page, exhibit: Exhibit) -> list[str]:
    """Return the chain from an exhibit to the images, a line for each file, indented by depth."""
    lines = [f"{page.study}/{page.name}#{exhibit.id}"]
    _trace_inputs(exhibit.passport, page, 1, lines, set())
    return lines


def _trace_inputs(facts: dict, page: Page, depth: int, lines: list[str], seen: set) -> None:
    for one in facts["inputs"]:
        digest = digest_of(one)
        maker = f", written by {one['made_by']}" if "made_by" in one else ""
        again = " (as above)" if digest in seen and "made_by" in one else ""
        lines.append(f"{'  ' * depth}read {one['file']}, SHA-256 {digest[:16]}{maker}{again}")
        writer = pages.maker_of(one, page)
        if writer and not again:
            seen.add(digest)
            _trace_inputs(writer.artefacts[one["artefact"]], writer, depth + 1, lines, seen)


def intact(exhibit: Exhibit) -> bool:
    """Say whether all that an exhibit's notebook read is at hand, as it was."""
    files = [one for one in exhibit.passport["inputs"] if "sha256" in one]
    return all(
        (ROOT / one["file"]).exists() and sha256(ROOT / one["file"]) == one["sha256"]
        for one in files
    )


def again(study: Study, options: list[str], page: Page, exhibit: Exhibit, whole: bool) -> Page:
    """Execute what one page needs in a scratch folder and return the page made there.

    Args:
        study: whose page it is, with its folder in the scratch folder.
        options: Snakemake's ``--config`` items that say which study.
        page: the page to make again.
        exhibit: of it; its inputs are linked into the scratch folder where not ``whole``.
        whole: from the images on, though the inputs may be at hand.
    """
    folder = ROOT / study.folder
    shutil.rmtree(folder, ignore_errors=True)
    target = f"{SCRATCH}/pages/{study.name}/{page.name}.ipynb"
    (ROOT / target).unlink(missing_ok=True)
    if not whole:
        _link_inputs(study, exhibit)
    if page.name in study.pages():
        rules = [] if whole else ["--allowed-rules", chapters.chapter(page.notebook).rule]
        command = ["snakemake", "--profile", "profiles/local", "--config", *options]
        command += [f"root={SCRATCH}", *rules, "--", target]
    else:  # a comparison of two studies, which no rule makes
        (ROOT / target).parent.mkdir(parents=True, exist_ok=True)
        values = json.dumps(page.passport["parameters"] | {"study_dir": study.folder})
        source = f"notebooks/{page.notebook}.ipynb"
        command = [sys.executable, "-m", "press.execute", source, target, values]
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode or not (ROOT / target).exists():
        raise UserError("it could not be made again; what stopped it stands above")
    return pages.read(ROOT / target)


def _link_inputs(study: Study, exhibit: Exhibit) -> None:
    """Make what a notebook reads, and images made by the study, appear in the scratch folder."""
    read = [ROOT / one["file"] for one in exhibit.passport["inputs"] if "sha256" in one]
    wanted = [path for path in read if path.is_relative_to(RESULTS)]
    if READERS[study.dataset["reader"]].makes_images and not study.dataset.get("folder"):
        wanted.append(images_folder(study.dataset, results_folder(study.name)))
    for file in wanted:
        for path in (file, passport_path(file)):
            link = ROOT / SCRATCH / path.relative_to(RESULTS)
            if path.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.unlink(missing_ok=True)
                os.symlink(path, link)


def compare(before: Exhibit, after: Exhibit) -> Difference | None:
    """Compare the numbers of two makings of an exhibit; None where it has none to download."""
    name = f"{before.id}.csv"
    if name not in before.files:
        return None
    old, new = (pd.read_csv(io.BytesIO(e.files[name])) for e in (before, after))
    if old.shape != new.shape or list(old.columns) != list(new.columns):
        return Difference(old.size, -1, float("nan"))
    tolerance = before.passport.get("tolerance", 0.0)
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
    return Difference(old.size, beyond, largest)


def differences(before: dict, after: dict) -> dict[str, list[str]]:
    """Return what differs between two passports, by kind: inputs, code, parameters, ..."""
    old_inputs, new_inputs = (
        {one["name"]: digest_of(one) for one in f["inputs"]} for f in (before, after)
    )
    skipped = ("study_dir",)  # the scratch folder
    parameters = [
        {k: v for k, v in facts["parameters_changed"].items() if k not in skipped}
        for facts in (before, after)
    ]
    return {
        "input": _changed(old_inputs, new_inputs),
        "code": _changed(*(steady(facts["code"]) for facts in (before, after))),
        "parameters": _changed(*parameters),
        "environment": _changed(before["environment"], after["environment"]),
        "device": []
        if before["device"] == after["device"]
        else [f"{before['device']} -> {after['device']}"],
    }


def _changed(before: dict, after: dict) -> list[str]:
    names = [name for name in before | after if before.get(name) != after.get(name)]
    return [
        f"{n}: {_short(before.get(n))} -> {_short(after.get(n))}" for n in names if n != "modules"
    ]


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text[:12] if len(text) == 64 else text


def tell(before: Exhibit, after: Exhibit) -> bool:
    """Print how an exhibit compares with its second making; return whether its numbers hold."""
    found = compare(before, after)
    tolerance = before.passport.get("tolerance", 0.0)
    holds = found is None or found.beyond == 0
    if found is None:
        print("numbers: none to download")
    elif found.beyond < 0:
        print("numbers: DIFFER, the table has other rows or columns")
    else:
        said = (
            "equal" if found.largest == 0 and holds else f"largest difference {found.largest:.3g}"
        )
        verdict = "hold" if holds else f"DIFFER in {found.beyond} of them"
        print(f"numbers: {found.numbers} compared, {said}, tolerance {tolerance:g}: {verdict}")
    name = f"{before.id}.png"
    if name in before.files:
        same = before.files[name] == after.files.get(name)
        print(f"picture: {'equal byte for byte' if same else 'not the same bytes'}")
    for kind, lines in differences(before.passport, after.passport).items():
        print(f"{kind}: {'equal' if not lines else 'differs'}")
        for line in lines:
            print(f"  {line}")
    return holds


def main(arguments: list[str]) -> int:
    """Make a figure again and compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="remake")
    parser.add_argument("config")
    parser.add_argument("figure", help="page#id, or id alone; study/page#id of another study")
    parser.add_argument("--data", default="")
    parser.add_argument("--weights", default="")
    parser.add_argument("--from-images", action="store_true")
    given = parser.parse_args(arguments)
    started = time.time()
    config, figure = _of_another_study(given.config, given.figure)
    study = load(config, given.data, given.weights, root=SCRATCH)
    page, exhibit = find(study.name, figure)
    print("\n".join(trace(page, exhibit)))
    for why in verify.changed_sources(page):
        print(f"stale: {why} since this page was executed")
    whole = given.from_images or not intact(exhibit)
    print(
        f"\nmaking it again from {'the images' if whole else 'what its notebook read, intact'} ..."
    )
    if whole:
        _check_rules(study, page)
        check_dataset(study)
    options = [f"study={config}"]
    options += [f"{k}={v}" for k, v in (("data", given.data), ("weights", given.weights)) if v]
    made = again(study, options, page, exhibit, whole)
    if exhibit.id not in made.exhibits:
        raise UserError(f"{page.name}, executed now, publishes no {exhibit.id!r}")
    print(f"\n{page.study}/{page.name}#{exhibit.id}, made again in {time.time() - started:.0f} s")
    holds = tell(exhibit, made.exhibits[exhibit.id])
    print(f"the page made again: {made.path.relative_to(ROOT)}")
    return 0 if holds else 1


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
    if SPEED in (study, Path(config).stem):
        raise UserError(f"FIG: {SPEED} holds times, never twice the same: `make bench`")
    if not study:
        return config, rest
    known = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))
    if study not in known:
        raise UserError(f"FIG: no study {study!r}; {did_you_mean(study, known)}")
    return f"config/{study}.yaml", rest


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
