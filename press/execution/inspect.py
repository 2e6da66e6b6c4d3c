"""One page of what is understood of a study's images, before anything is trained.

    python -m press.execution.inspect my.yaml [folder]

It is the chapter on the data, executed beside the study and rendered as one HTML file. It names
files, and is for the eyes of the images' owner. Without a study, a folder is read as a study of it
would begin.
"""

import html
import io
import json
import warnings
from pathlib import Path

import yaml

from birads_lib.errors import DatasetError, UserError
from birads_lib.files import written_whole
from birads_lib.protocol import IMAGE
from birads_lib.readers import READERS
from birads_lib.readers.image_files import Problems, existing, files_below, is_litter
from birads_lib.readers.spreadsheet import SUFFIXES
from birads_lib.task import BIRADS
from press.command import run
from press.execution import execute, preflight
from press.pages.page import page_file
from press.paths import BOOK, RESULTS, ROOT, source_notebook
from press.rendering import exhibits
from press.studies import chapters, given
from press.studies.study import load

NOTEBOOK = "01_data_exploration"
ENDING = ".inspect"  # of the folder beside a study's
GUESSED = "inspected"  # the study of a folder alone
STYLE = """body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif }
img { max-width: 100% } .jp-OutputArea, .output { overflow-x: auto } .anchor-link { display: none }
pre { white-space: pre-wrap; overflow-wrap: anywhere } td, th { padding: .1rem .7rem }
table { border-collapse: collapse; text-align: left }"""


def inspect(config: str, data: str = "") -> int:
    """Execute and render the page of a study's images, say where it is; return the exit status.

    Raises UserError where there are no images to look at, or a reader can't read them.
    """
    study = load(config, data)
    if data and study.reader.makes_images:  # no study of these images was named
        study = load(_guessed(existing(data)), data)
        print(f"Read as '{study.reader.name}': {study.config} is the beginning of a study.")
    if not any(row.notebook == NOTEBOOK for row in chapters.of_study(study)):
        raise UserError(f"the study '{study.name}' is of no images; name another by CONFIG=")
    try:
        print("\n".join(preflight.check(study)))
    except DatasetError:
        raise
    except UserError as problem:  # such as too few patients for the folds: the page may say why
        print(problem)
    preview = study.model_copy(update={"name": study.name + ENDING})
    folder = ROOT / preview.folder
    folder.mkdir(parents=True, exist_ok=True)
    given.link(preview)
    page = page_file(preview.name, NOTEBOOK, folder.parent)
    values = preview.parameters(NOTEBOOK) | {"show_names": True}
    if status := execute.main(str(source_notebook(NOTEBOOK)), str(page), json.dumps(values)):
        return status
    with written_whole(page.with_suffix(".html")) as temporary:
        temporary.write_text(rendered(page.read_text(), study.title))
    print(f"The page names files: keep it. {page.with_suffix('.html')}")
    return 0


def rendered(page: str, title: str) -> str:
    """Return an executed notebook, as JSON, as one HTML file: prose and outputs without code."""
    from nbconvert import HTMLExporter  # takes a second

    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True)
    notebook = json.loads(exhibits.rendered_notebook(page))
    for cell in notebook["cells"]:
        if {"remove-output", "hide-cell"} & set(cell["metadata"].get("tags", [])):
            cell["outputs"] = []
    body, _ = exporter.from_file(io.StringIO(json.dumps(notebook)))
    style = STYLE + (BOOK / "_static/book.css").read_text()
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n"
        f"<body><h1>{html.escape(title)}: what was understood</h1>\n{body}</body></html>\n"
    )


def _guessed(folder: Path) -> Path:
    """Write the beginning of a study of a folder; where patients aren't known, split by image."""
    dataset = _dataset_in(folder)
    reader = READERS[dataset["reader"]]
    keys = {"name": GUESSED, "title": reader.collection or "A folder of images"}
    keys |= {"task": reader.label} if reader.label != BIRADS.name else {}
    keys |= {} if reader.knows_patients(dataset) else {"protocols": [IMAGE.name]}
    keys["dataset"] = dataset
    path = RESULTS / f"{GUESSED}{ENDING}" / "study.yaml"
    with written_whole(path) as temporary:
        temporary.write_text(yaml.safe_dump(keys, sort_keys=False, allow_unicode=True))
    return path


def _dataset_in(folder: Path) -> dict[str, str]:
    """Return a folder's reader: of a published collection, a table, DICOM files, class folders."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for reader in READERS.values():
        if reader.recognises(files):
            return {"reader": reader.name}
    tables = [
        path.name for path in files if path.suffix.lower() in SUFFIXES and not is_litter(path.name)
    ]
    if tables:
        return {"reader": "table", "table": tables[0]}
    below = files_below(folder, Problems(folder))
    is_dicom = any(path.suffix.lower() in (".dcm", ".dicom") for path in below)
    return {"reader": "dicom" if is_dicom else "class_folders"}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # scikit-learn's, of what is said here in our words
    run(inspect)
