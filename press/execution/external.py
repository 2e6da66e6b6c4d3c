"""Validate a study's run on another study's images: what it grades there, held against home.

    python -m press.execution.external config/phantoms.yaml config/phantoms_elsewhere.yaml

Where a study says so by ``external: {study: inbreast}``, ``press.book`` has the page made, too.
The page goes to the book of the first; Snakemake makes it, by a rule of its own.
"""

from pathlib import Path

from birads_lib.errors import UserError
from press.command import run, snakemake
from press.execution.compare import check_makes, chosen, config_of, notes
from press.pages.page import page_file, rendered_page
from press.paths import RESULTS, ROOT, page_name, predictions_file
from press.problems import noted, refuse
from press.studies import chapters
from press.studies.study import Study, load

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
    of_page = {"other": second.name, "protocols": [protocol]}
    of_page["other_dataset"] = second.parameters(NOTEBOOK)["dataset"]
    note = notes(first, second)
    return first.parameters(NOTEBOOK) | of_page | ({"note": note} if note else {})


def files(first: Study, second: Study, values: dict) -> list[Path]:
    """Return the files of both studies that the page reads; ``run.json`` stands for the models."""
    return [*_home_files(first, values), RESULTS / second.name / "cases.parquet"]


def _home_files(study: Study, values: dict) -> list[Path]:
    home = RESULTS / study.name
    predictions = predictions_file(home, values["variant"], values["protocols"][0])
    return [home / "cases.parquet", predictions, predictions.with_name("run.json")]


def _check_home(study: Study, values: dict, config: str) -> None:
    """Raise UserError naming what isn't there of the study that grades, with what makes it."""
    home_files = _home_files(study, values)
    check_makes(study, home_files)
    if missing := [path.name for path in home_files if not path.exists()]:
        problem = f"'{study.name}' has no {', '.join(missing)}"
        raise UserError(f"{problem}: run `make book CONFIG={config}` first")


def _check_images(study: Study, config: str) -> None:
    """Raise UserError where nobody knows where the images are that are to be graded."""
    cases = RESULTS / study.name / "cases.parquet"
    if not cases.exists() and not study.reader.makes_images:
        problem = f"the images of '{study.name}' are not listed yet"
        raise UserError(f"{problem}: run `make book CONFIG={config} DATA=<their folder>` first")


def check_external(study: Study) -> None:
    """Raise UserError where a study asks for another's images, and they can't be graded."""
    if study.external is None:
        return
    other_name = study.external.study
    try:
        first, second = chosen([study.config, other_name]).values()
        check_makes(first, _home_files(first, parameters(first, second)))
        _check_images(second, config_of(other_name))
    except UserError as error:
        raise UserError(f"external: {error}") from None


def external(first: str, second: str) -> Path:
    """Grade the second study's images by the first one's run, with Snakemake; return the page.

    Studies are given as ``compare.config_of`` takes them. Where the second makes its images
    itself, they are made. Raises UserError as ``parameters`` does, where a study wasn't run, and
    where a notebook failed, which then has said why.
    """
    if not second:
        raise UserError("expected another study, OTHER=name or OTHER=its.yaml; got none")
    home, away = chosen([first, second]).values()
    configs, problems = [config_of(first), config_of(second)], []
    values = parameters(home, away)
    with noted(problems):
        _check_home(home, values, configs[0])
    with noted(problems):
        _check_images(away, configs[1])
    refuse(problems)
    cases = RESULTS / away.name / "cases.parquet"
    if not cases.exists():
        target = cases.relative_to(ROOT).as_posix()
        _make({"study": configs[1]}, "01_data_exploration", target)
    page = page_file(home.name, page_name(NOTEBOOK, away.name))
    options = {"study": configs[0], "other": configs[1], "page": NOTEBOOK}
    _make(options, NOTEBOOK, page.relative_to(ROOT).as_posix())
    return page


def _make(options: dict[str, str], notebook: str, target: str) -> None:
    """Make a file with Snakemake by the rule of one notebook alone: no study is run again."""
    rule = ["--allowed-rules", chapters.chapter(notebook).rule]
    snakemake(options, [*rule, "--", target], "the validation stopped: see above")


def rendered(first: str, second: str) -> Path:
    """Make the page of ``external`` and render its book; return the rendered page."""
    from press.rendering import sphinx  # slow to import, and no rule needs it

    page = external(first, second)
    study = load(config_of(first))
    sphinx.render(study)
    return rendered_page(study.name, page.stem)


if __name__ == "__main__":
    run(lambda *both: print("The validation is ready, open", rendered(*both).relative_to(ROOT)))
