"""Compare two studies that were run: their metrics, and the difference with its interval.

    python -m press.execution.compare phantoms,smoke

The page goes to the book of the first; Snakemake makes it, by a rule of its own.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from birads_lib.errors import UserError
from press.command import run, snakemake
from press.pages.page import page_file, rendered_page
from press.paths import (
    RESULTS,
    ROOT,
    figures_folder,
    page_name,
    predictions_file,
    record_file,
)  # fmt: skip
from press.problems import noted, refuse
from press.run import SYNTHETIC
from press.studies import chapters
from press.studies.study import Study, load

NOTEBOOK = "12_comparison"


def config_of(name: str) -> str:
    """Return the YAML of a study that is given by its file, or by its name.

    A name is that of a file in config/, or else of a study that was run, which says where its is.
    """
    if Path(name).suffix in (".yaml", ".yml"):
        return name
    path, record = f"config/{name}.yaml", record_file(RESULTS / name)
    is_elsewhere = not Path(path).exists() and record.exists()
    return json.loads(record.read_text())["config"] if is_elsewhere else path


def named(studies: str) -> list[str]:
    """Return the two names or YAMLs of studies in a text such as "phantoms,my/study.yaml".

    Raises UserError for another number of them.
    """
    names = [name.strip() for name in studies.split(",") if name.strip()]
    if len(names) != 2:
        given = ", ".join(names) or "none"
        raise UserError(f"expected two studies, such as STUDIES=phantoms,smoke; got {given}")
    return names


def chosen(names: Sequence[str]) -> dict[str, Study]:
    """Return two studies by the names or YAMLs that they are given by.

    Raises UserError with all that is wrong with either, and where both are the same.
    """
    loaded, problems = {}, []
    for name in names:
        with noted(problems):
            loaded[name] = load(config_of(name))
    refuse(problems)
    if len({study.name for study in loaded.values()}) < 2:
        raise UserError(f"both are the study '{loaded[names[0]].name}'; name another one")
    return loaded


def parameters(first: Study, second: Study) -> dict:
    """Return the parameters of the page that compares two studies.

    Compared is the variant 'proposed' or else the first that both have, under all protocols that
    both have. Raises UserError where there is none.
    """
    names, problems, shared = f"'{first.name}' and '{second.name}'", [], {}
    for kind in ("variant", "protocol"):
        ours, theirs = (list(getattr(study, f"{kind}s")) for study in (first, second))
        shared[kind] = [name for name in ours if name in theirs]
        if not shared[kind]:
            listed = f"{', '.join(ours)} and {', '.join(theirs)}"
            problems.append(f"no {kind} in common ({listed})")
    if problems:
        raise UserError(f"{names} can't be compared: {'; '.join(problems)}")
    variants = shared["variant"]
    variant = "proposed" if "proposed" in variants else variants[0]
    compared = {"other": second.name, "variant": variant, "protocols": shared["protocol"]}
    note = notes(first, second)
    return first.parameters(NOTEBOOK) | compared | ({"note": note} if note else {})


def notes(first: Study, second: Study) -> str:
    """Return the notes that a page of two studies needs beside the marks of the first."""
    noted = [f"{study.name}: {study.note}" for study in (first, second) if study.note]
    synthetic = [study.reader.synthetic for study in (first, second)]
    if synthetic == [False, True]:  # of the first, the page's own mark says it
        noted.append(f"{second.name}: {SYNTHETIC}")
    return "; ".join(noted)


def inputs(study: Study, values: dict) -> list[Path]:
    """Return the files of one of the studies that their comparison reads."""
    folder = RESULTS / study.name
    runs = [predictions_file(folder, values["variant"], q) for q in values["protocols"]]
    return [folder / "cases.parquet", *runs]


def files(first: Study, second: Study, values: dict) -> list[Path]:
    """Return the files of both studies that their comparison reads."""
    return inputs(first, values) + inputs(second, values)


def check_makes(study: Study, files: Sequence[Path]) -> None:
    """Raise UserError where no chapter of a study writes one of these files."""
    names = {path.name for path in files} - chapters.written(study)
    if names:
        raise UserError(
            f"'{study.name}' has the chapters of '{study.chapters}', and none of these writes "
            f"{', '.join(sorted(names))}: name another study, such as one of the paper's network"
        )


def _check_study(study: Study, config: str, values: dict) -> None:
    """Raise UserError where what is compared of a study isn't there, with what makes it."""
    cases, *runs = inputs(study, values)
    check_makes(study, [cases, *runs])
    missing = [path.parent.name for path in runs if not path.exists()]
    if missing or not cases.exists():
        run = f"'{values['variant']}' under {', '.join(missing or values['protocols'])}"
        is_named = config == f"config/{study.name}.yaml"
        target = f"STUDY={study.name}" if is_named else f"CONFIG={config}"
        command = f"run `make book {target}` first"
        raise UserError(f"'{study.name}' has no results of {run}: {command}")


def check_run(studies: dict[str, Study]) -> None:
    """Raise UserError naming what isn't there of the studies, as ``chosen`` returns them."""
    values, problems = parameters(*studies.values()), []
    for name, study in studies.items():
        with noted(problems):
            _check_study(study, config_of(name), values)
    refuse(problems)


def compare(studies: str) -> Path:
    """Compare two studies with Snakemake, print the table and render the first one's book.

    Returns the rendered page. Raises UserError as ``named``, ``chosen``, ``parameters`` and
    ``check_run`` do, and where the notebook failed, which then has said why.
    """
    from press.rendering import sphinx  # slow to import, and no rule needs it

    names = chosen(named(studies))
    check_run(names)
    first, second = names.values()
    page = page_name(NOTEBOOK, second.name)
    options = dict(zip(("study", "other"), map(config_of, names), strict=True))
    rule = ["--allowed-rules", chapters.chapter(NOTEBOOK).rule]  # neither study is run again
    target = page_file(first.name, page).relative_to(ROOT).as_posix()
    snakemake(options, [*rule, "--", target], "the comparison stopped: see above")
    table = figures_folder(RESULTS / first.name, page) / "comparison-table.csv"
    print(pd.read_csv(table).round(3).to_string(index=False))
    sphinx.render(first)
    return rendered_page(first.name, page)


if __name__ == "__main__":
    run(lambda studies: print("The comparison is ready, open", compare(studies).relative_to(ROOT)))
