"""Compare two studies that were run: their metrics, and the difference with its interval.

    python -m press.compare phantoms,smoke

The page goes to the book of the first.
"""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from press import book
from press.paths import BOOK, RESULTS, ROOT, figures_folder, page_name, predictions_file
from press.run import SYNTHETIC
from press.study import Study, load

NOTEBOOK = "12_comparison"


def chosen(studies: str) -> dict[str, Study]:
    """Return the two studies that a text such as "phantoms,my/study.yaml" names, checked.

    The keys are what ``make book`` takes to run each. A name stands for ``config/<name>.yaml``.
    Raises UserError for another number of studies, and with all that is wrong with either.
    """
    names = [name.strip() for name in studies.split(",") if name.strip()]
    if len(names) != 2:
        raise UserError(f"expected two studies, STUDIES=a,b; got {', '.join(names) or 'none'}")
    found, problems = {}, []
    for name in names:
        given = Path(name).suffix in (".yaml", ".yml")
        try:
            study = load(name if given else Path("config", f"{name}.yaml"))
            found[f"{'CONFIG' if given else 'STUDY'}={name}"] = study
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    if len({study.name for study in found.values()}) < 2:
        raise UserError(f"both are the study '{next(iter(found.values())).name}'; expected two")
    return found


def arguments(studies: dict[str, Study]) -> dict:
    """Return the parameters of the comparison of two studies, as ``chosen`` returns them.

    Compared is the variant 'proposed' or else the first that both have, under all protocols that
    both have. Raises UserError where there is none, and where a study wasn't run.
    """
    a, b = studies.values()
    variants = [
        name for name in ["proposed", *a.variants] if {name} <= {*a.variants} & {*b.variants}
    ]
    protocols = [protocol for protocol in a.protocols if protocol in b.protocols]
    problems = _nothing_common("variant", variants, a.variants, b.variants)
    problems += _nothing_common("protocol", protocols, a.protocols, b.protocols)
    if problems:
        raise UserError(f"'{a.name}' and '{b.name}' can't be compared: {'; '.join(problems)}")
    _check_run(studies, variants[0], protocols)
    notes = [f"{study.name}: {study.note}" for study in (a, b) if study.note]
    synthetic = {study.name: READERS[study.dataset["reader"]].synthetic for study in (a, b)}
    if synthetic[b.name] and not synthetic[a.name]:  # of the first, the run's own mark says it
        notes.append(f"{b.name}: {SYNTHETIC}")
    own = {"other": b.name, "variant": variants[0], "protocols": protocols}
    return a.parameters(NOTEBOOK) | own | ({"note": "; ".join(notes)} if notes else {})


def _nothing_common(what: str, common: list, first, second) -> list[str]:
    if common:
        return []
    return [f"no {what} in common ({', '.join(first)} and {', '.join(second)})"]


def _check_run(studies: dict[str, Study], variant: str, protocols: list[str]) -> None:
    """Raise UserError naming what of the studies isn't there, and how to make it."""
    problems = []
    for target, study in studies.items():
        folder = RESULTS / study.name
        missing = [q for q in protocols if not predictions_file(folder, variant, q).exists()]
        if missing or not (folder / "cases.parquet").exists():
            of = f"'{variant}' under {', '.join(missing or protocols)}"
            problems.append(
                f"'{study.name}' has no results of {of}: run `make book {target}` first"
            )
    if problems:
        raise UserError("\n".join(problems))


def compare(studies: str) -> Path:
    """Execute the comparison of two studies, print its table and render the first one's book.

    Returns the rendered page. Raises UserError as ``chosen`` and ``arguments`` do, and where the
    notebook failed, which then has said why.
    """
    found = chosen(studies)
    values = arguments(found)
    a, b = found.values()
    page = page_name(NOTEBOOK, b.name)
    command = [sys.executable, "-m", "press.execute", f"notebooks/{NOTEBOOK}.ipynb"]
    command += [f"book/{a.name}/{page}.ipynb", json.dumps(values)]
    (BOOK / a.name).mkdir(exist_ok=True)
    if subprocess.run(command, cwd=ROOT).returncode:
        raise UserError("the comparison stopped: see above")
    table = pd.read_csv(figures_folder(RESULTS / a.name, page) / "comparison-table.csv")
    print(table.round(3).to_string(index=False))
    return book.render(a).parent / "book" / a.name / f"{page}.html"


if __name__ == "__main__":
    try:
        print("The comparison is ready, open", compare(sys.argv[1]).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
