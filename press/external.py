"""Validate a study's run on another study's images: what it grades there, held against home.

    python -m press.external config/phantoms.yaml config/phantoms_elsewhere.yaml

The page goes to the book of the first; Snakemake makes it, by a rule of its own.
"""

import subprocess
import sys
from pathlib import Path

from birads_lib.errors import UserError
from press.compare import chosen, config_of, notes
from press.paths import RESULTS, ROOT, page_name, predictions_file, rendered_book
from press.study import Study

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


def _check_run(first: Study, second: Study, configs: list[str]) -> None:
    """Raise UserError naming what isn't there of either study, as ``parameters`` has them."""
    cases, other_cases, *of_run = files(first, second, parameters(first, second))
    problems = []
    if missing := [path.name for path in (cases, *of_run) if not path.exists()]:
        what = f"'{first.name}' has no {', '.join(missing)}"
        problems.append(f"{what}: run `make book CONFIG={configs[0]}` first")
    if not other_cases.exists() and not second.reader.makes_images:
        what = f"the images of '{second.name}' are not listed yet"
        problems.append(f"{what}: run `make book CONFIG={configs[1]} DATA=<their folder>` first")
    if problems:
        raise UserError("\n".join(problems))


def external(first: str, second: str) -> Path:
    """Have Snakemake grade the second study's images by the first one's run, and render its book.

    Studies are given as ``compare.config_of`` takes them. Where the second makes its images
    itself, they are made. Returns the rendered page. Raises UserError as ``parameters`` does,
    where a study wasn't run, and where a notebook failed, which then has said why.
    """
    from press import book  # slow to import, and no rule needs it

    studies = list(chosen(f"{first},{second}").values())
    configs = [config_of(name.strip()) for name in (first, second)]
    _check_run(*studies, configs)
    home, other = studies
    cases = RESULTS / other.name / "cases.parquet"
    if not cases.exists():
        _snakemake([f"study={configs[1]}"], "data_exploration", cases.relative_to(ROOT).as_posix())
    page = page_name(NOTEBOOK, other.name)
    options = [f"study={configs[0]}", f"other={configs[1]}", f"page={NOTEBOOK}"]
    _snakemake(options, "elsewhere", f"book/{home.name}/{page}.ipynb")
    book.render(home)
    return rendered_book(home.name) / "book" / home.name / f"{page}.html"


def _snakemake(options: list[str], rule: str, target: str) -> None:
    """Have Snakemake make a file by one rule alone: no study is run again."""
    command = ["snakemake", "--profile", "profiles/local", "--config", *options]
    command += ["--allowed-rules", rule, "--", target]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise UserError("the validation stopped: see above")


if __name__ == "__main__":
    try:
        print("The validation is ready, open", external(*sys.argv[1:3]).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
