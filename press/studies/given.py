"""Inputs of a study from outside the project: its folder of images, files of weights.

A path may tell a machine, a hospital's share or a person, and pages keep their parameters. So these
name the place of a link in the study's results, which never leave; only the link knows the path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from birads_lib.errors import UserError
from press.paths import BY_HAND, ROOT

if TYPE_CHECKING:
    from press.studies.study import Study

LINKS = "given"  # the folder of links, in that of the study


def as_item(name: str, path: str) -> str:
    """Return an item of Snakemake's ``--config`` that keeps a path as it is.

    Snakemake takes ``data=2024`` for a number, and 2023_11 for 202311. make writes the same.
    """
    quoted = path.replace("'", "''")
    return f"{name}=['{quoted}']"


def of_item(config: Mapping[str, object], name: str) -> str | None:
    """Return the path that an item of Snakemake's ``--config`` holds; None without it.

    Raises UserError where Snakemake took it for a number, or anything else.
    """
    value = config.get(name)
    path = value[0] if isinstance(value, list) and len(value) == 1 else value
    if path is not None and not isinstance(path, str):
        raise UserError(
            f"Snakemake took {name} for {value!r}; write the path so: --config \"{name}=['...']\""
        )
    return path


def from_root(path: str) -> Path:
    """Return the place of a given path: "~" is a home, relative ones begin at the root."""
    return ROOT / Path(path).expanduser()


def images_link(study_dir: str | Path) -> Path:
    """Return the path of the link to a study's folder of images, if it was given one."""
    study = Path(study_dir)  # by hand, perhaps that beside it
    return ROOT / study.with_name(study.name.removesuffix(BY_HAND)) / LINKS / "images"


def without_paths(value: object, study_dir: str) -> object:
    """Return parameters as pages may keep them.

    A folder of images is left out; a file of weights outside the project is named by its link, one
    inside from the root. Mappings within mappings are changed alike.
    """
    if not isinstance(value, Mapping):
        return value
    publishable = {
        key: without_paths(part, study_dir)
        for key, part in value.items()
        if key != "folder" or not isinstance(part, str)  # a run may be called so, too
    }
    if isinstance(publishable.get("weights"), str):
        publishable["weights"] = _weights(publishable["weights"], study_dir)
    return publishable


def _weights(given: str, study_dir: str) -> str:
    if not Path(given).suffix:  # a name such as imagenet, and no file
        return given
    path = from_root(given)
    if path.is_relative_to(ROOT) and ".." not in path.parts:
        return path.relative_to(ROOT).as_posix()
    return f"{study_dir}/{LINKS}/weights/{path.name}"


def link(study: Study) -> None:
    """Make the links of a study anew; raise UserError for two files of weights of one name."""
    folders = {study.folder: study.dataset.get("folder")} | dict(_further(study))
    targets = {images_link(folder): from_root(f) for folder, f in folders.items() if f}
    for weights in dict.fromkeys(_all_weights(study)):
        place, path = ROOT / _weights(weights, study.folder), from_root(weights).resolve()
        if place.parent.parent != ROOT / study.folder / LINKS:
            continue  # it is no link
        if targets.setdefault(place, path) != path:
            raise UserError(f"two files of weights are called {place.name!r}; rename one of them")
    links = ROOT / study.folder / LINKS
    further_links = (ROOT / study.folder).glob(f"*/{LINKS}/*")  # of further data sets
    for old in [*links.glob("*"), *links.glob("weights/*"), *further_links]:
        if old.is_symlink():
            old.unlink()
    for place, path in targets.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())


def _further(study: Study) -> Iterator[tuple[str, str | None]]:
    """Yield the folder of each data set that a notebook is given beside the study's own.

    Its link lies as if it were of a study below this one, called as the notebook's parameter.
    """
    for parameters in study.notebooks.values():
        for name, value in parameters.items():
            if isinstance(value, Mapping) and "reader" in value:
                yield f"{study.folder}/{name}", value.get("folder")


def _all_weights(study: Study) -> Iterator[str]:
    """Yield each file of weights that a study names."""
    for parameters in (*study.notebooks.values(), *study.trained.values()):
        if Path(parameters.get("weights", "")).suffix:
            yield parameters["weights"]
