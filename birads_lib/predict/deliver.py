"""Files that go back to the archive of the images: pictures of heat maps, DICOM reports."""

from pathlib import Path

import pandas as pd
import pydicom
from tqdm import tqdm

from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from birads_lib.predict import dicom_report, heat_maps
from birads_lib.predict.trained_run import TrainedRun


def write_pictures_and_reports(
    run: TrainedRun, table: pd.DataFrame, pictures: Path | None, reports: Path | None
) -> list[str]:
    """Write a heat map of each image, and a report of each that is DICOM.

    Return which DICOM images can't have a report, and why.

    Args:
        table: of ``graded``, rows without a problem.
        pictures: folder for PNG files, and in ``reports`` the same as secondary captures.
        reports: folder for DICOM files.
    """
    names, bar = _names(table["file"]), {"unit": "image", "total": len(table)}
    usable, problems = _usable(table["file"]) if reports else (set(), [])
    if pictures:
        drawn = zip(table["file"], heat_maps.overlays(run, table), strict=True)
        for file, figure in tqdm(drawn, desc="heat maps", **bar):
            with written_whole(pictures / f"{names[file]}.png") as temporary:
                figure.savefig(temporary)
            if file in usable:
                capture = dicom_report.heat_picture(
                    dicom_report.header(file), heat_maps.pixels(figure)
                )
                _save(capture, reports / f"{names[file]}_heat.dcm")
    if reports:
        models = {"run": sha256(run.folder / "run.json")}
        rows = zip(table["file"], table[run.task.probabilities].to_numpy(), strict=True)
        for file, p in tqdm(rows, desc="reports", **bar):
            if file in usable:
                report = dicom_report.structured_report(
                    dicom_report.header(file), p, run.task, models
                )
                _save(report, reports / f"{names[file]}_grade.dcm")
    return problems


def _usable(files: pd.Series) -> tuple[set[str], list[str]]:
    """Return the DICOM files that a report can refer to, and what the others lack."""
    usable, problems = set(), []
    for file in filter(dicom_report.is_dicom, files):
        try:
            dicom_report.header(file)
            usable.add(file)
        except UserError as error:
            problems.append(str(error))
    return usable, problems


def _names(files: pd.Series) -> dict[str, str]:
    """Return a name for what is made of each file: its own, with a number, as folders repeat it."""
    return {file: f"{number:04}_{Path(file).stem}" for number, file in enumerate(files, 1)}


def _save(dataset: pydicom.Dataset, path: Path) -> None:
    with written_whole(path) as temporary:
        dataset.save_as(temporary)
