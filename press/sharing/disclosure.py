"""Rules for sharing a study: no image or patient is disclosed where the study forbids it."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import yaml

from birads_lib.files import sha256
from press.pages.page import Page
from press.paths import METRICS, ROOT
from press.studies.given import without_paths
from press.studies.study import Study

LARGEST = 100 * 2**20  # bytes of one file that a page wrote; a larger one is only described
# All else that is made from restricted images (arrays, features, models, tables by image) might
# give an image back or tell whose it is.
OPEN = (METRICS, "history.csv")
NAMING = {"image_id", "patient_id"}  # columns of a table that tell whose an image is
CHANGED = "it has changed since"


def tables_that_name(page: Page, study: Study) -> list[str]:
    """Return the tables of a page that tell patients or images, where none may."""
    if study.show_pixels:
        return []
    files = [item for exhibit in page.exhibits.values() for item in exhibit.files.items()]
    tables = {
        name: pd.read_csv(io.BytesIO(content), nrows=0)
        for name, content in files
        if name.endswith(".csv")
    }
    return [name for name, table in tables.items() if NAMING & set(table.columns)]


def reason_to_leave_out(place: str, digest: str, study: Study) -> str:
    """Return why a file that a page wrote or read is described only; "" where it may be packed."""
    of_the_study, path = place.startswith(f"results/{study.name}/"), ROOT / place
    if not of_the_study and not place.startswith(("book/", "birads_lib/")):
        return "it lies outside the study"
    if of_the_study and not study.show_pixels and not place.endswith(OPEN):
        return "made from images that may not be shown, it might tell images or patients"
    if not path.is_file():
        return "it was not at hand"
    if path.stat().st_size > LARGEST:
        return f"it is larger than {LARGEST >> 20} MiB"
    return "" if sha256(path) == digest else CHANGED


def yaml_without_paths(text: str) -> str:
    """Return the YAML of a study as it may leave: no folder of images, weights by their names.

    Comments are kept, without those paths.
    """
    content = yaml.safe_load(text)
    for path in _paths_in(content):
        text = text.replace(path, Path(path).name if Path(path).suffix else "given/images")
    if set(_paths_in(yaml.safe_load(text))) & set(_paths_in(content)):  # written with escapes
        return yaml.safe_dump(without_paths(content, "results"), sort_keys=False)
    return text


def _paths_in(value: object, key: str = "") -> Iterator[str]:
    """Yield each folder of images and file of weights in a study's YAML that a path leads to."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _paths_in(part, str(name))
    elif isinstance(value, list):
        for part in value:
            yield from _paths_in(part, key)
    elif key in ("folder", "weights") and isinstance(value, str) and Path(value).name != value:
        yield value
