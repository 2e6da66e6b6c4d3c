"""Validate a study's run on another study's images: what it grades there, held against home.

    python -m press.external config/phantoms.yaml config/phantoms_elsewhere.yaml

Where a study says so by ``external: {study: inbreast}``, ``press.book`` has the page made, too.
The page goes to the book of the first; Snakemake makes it, by a rule of its own.
"""

import subprocess
import sys
from pathlib import Path

from birads_lib.errors import UserError
from press.compare import chosen, config_of, notes
from press.paths import RESULTS, ROOT, page_name, predictions_file, rendered_book
from press.study import Study, load

NOTEBOOK = "15_elsewhere"


def parameters(first: Study, second: Study) -> dict:
    """Return the parameters of the page that validates the first study on the second's images.

    Graded is the first variant, under its first protocol that doesn't leak, if there is one.
    Raises UserError where the two tell different labels apart.
    """
    if first.label_set != second.label_set:
        labels = [", ".join(study.label_set.labels) for study in (first, second)]
        raise UserError(
            f"'{first.name}' tells apart {labels[0]}, and the images of '{second.name}' have the "
            f"labels {labels[1]}: both studies need the same task or target"
        )
    protocol = first.honest if first.honest in first.protocols else first.protocols[0]
    given = {"other": second.name, "protocols": [protocol]}
    given["other_dataset"] = second.parameters(NOTEBOOK)["dataset"]
    note = notes(first, second)
    return first.parameters(NOTEBOOK) | given | ({"note": note} if note else {})


def files(first: Study, second: Study, values: dict) -> list[Path]:
    """Return the files of both studies that the page reads; ``run.json`` stands for the models."""
    home = RESULTS / first.name
    predictions = predictions_file(home, values["variant"], values["protocols"][0])
    tables = [RESULTS / study.name / "cases.parquet" for study in (first, second)]
    return [*tables, predictions, predictions.with_name("run.json")]


def check_other(first: Study, second: Study, config: str) -> None:
    """Raise UserError where the second study's images can't be graded by the first, and why not."""
    parameters(first, second)
    cases = RESULTS / second.name / "cases.parquet"
    if not cases.exists() and not second.reader.makes_images:
        what = f"the images of '{second.name}' are not listed yet"
        raise UserError(f"{what}: run `make book CONFIG={config} DATA=<their folder>` first")


def _check_run(first: Study, second: Study, configs: list[str]) -> None:
    """Raise UserError naming what isn't there of either study, as ``parameters`` has them."""
    cases, _, *of_run = files(first, second, parameters(first, second))
    problems = []
    if missing := [path.name for path in (cases, *of_run) if not path.exists()]:
        what = f"'{first.name}' has no {', '.join(missing)}"
        problems.append(f"{what}: run `make book CONFIG={configs[0]}` first")
    try:
        check_other(first, second, configs[1])
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))


def check_asked(study: Study) -> None:
    """Raise UserError where a study asks for another's images, and they can't be graded."""
    if study.external is None:
        return
    try:
        first, second = chosen(f"{study.config},{study.external.study}").values()
        check_other(first, second, config_of(study.external.study))
    except UserError as error:
        raise UserError(f"external: {error}") from None


def external(first: str, second: str) -> Path:
    """Have Snakemake grade the second study's images by the first one's run; return the page.

    Studies are given as ``compare.config_of`` takes them. Where the second makes its images
    itself, they are made. Raises UserError as ``parameters`` does, where a study wasn't run, and
    where a notebook failed, which then has said why.
    """
    home, other = chosen(f"{first},{second}").values()
    configs = [config_of(name.strip()) for name in (first, second)]
    _check_run(home, other, configs)
    cases = RESULTS / other.name / "cases.parquet"
    if not cases.exists():
        _snakemake([f"study={configs[1]}"], "data_exploration", cases.relative_to(ROOT).as_posix())
    page = f"book/{home.name}/{page_name(NOTEBOOK, other.name)}.ipynb"
    options = [f"study={configs[0]}", f"other={configs[1]}", f"page={NOTEBOOK}"]
    _snakemake(options, "elsewhere", page)
    return ROOT / page


def rendered(first: str, second: str) -> Path:
    """Have the page of ``external`` made and its book rendered; return the rendered page."""
    from press import book  # slow to import, and no rule needs it

    page = external(first, second)
    study = load(config_of(first.strip()))
    book.render(study)
    return rendered_book(study.name) / "book" / study.name / f"{page.stem}.html"


def _snakemake(options: list[str], rule: str, target: str) -> None:
    """Have Snakemake make a file by one rule alone: no study is run again."""
    command = ["snakemake", "--profile", "profiles/local", "--config", *options]
    command += ["--allowed-rules", rule, "--", target]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise UserError("the validation stopped: see above")


if __name__ == "__main__":
    try:
        print("The validation is ready, open", rendered(*sys.argv[1:3]).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
