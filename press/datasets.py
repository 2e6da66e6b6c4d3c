"""The folder of a study's images."""

from collections.abc import Mapping
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.readers import READERS
from press.paths import ROOT


def images_folder(dataset: Mapping[str, object], study_dir: str) -> Path:
    """Return the folder of a study's images; relative ones count from the project's root.

    A reader that makes its images has them in the study's own folder unless another is given.
    """
    folder, reader = dataset.get("folder"), dataset["reader"]
    if folder:
        return (ROOT / Path(str(folder)).expanduser()).resolve()
    if READERS[reader].makes_images:
        return ROOT / study_dir / reader
    raise UserError(
        f"the reader '{reader}' needs the folder of the images: "
        "make book STUDY=... DATA=<folder>, or 'folder:' under 'dataset:' in the study's YAML"
    )
