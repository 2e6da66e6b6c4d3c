"""The command ``birads``: what can be done with a trained run from a terminal.

birads predict results/mine/runs/proposed/patient new_images/ --out grades.csv
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from birads_lib.errors import UserError
from birads_lib.files import written_whole
from birads_lib.predict import NATURAL, TrainedRun, graded, joined, patients_and_sides
from birads_lib.predict.grades import check_level
from birads_lib.readers.image_files import Notes, Problems, images_below
from birads_lib.task import Task


def image_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files among ``paths`` and those below its folders, in order.

    Texts, tables and documents in folders are left out, and standard error says so.

    Raises UserError for paths that don't exist, files that can't be read, and where there is none.
    """
    problems = [f"{str(path)!r} does not exist" for path in paths if not path.exists()]
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            unusable, notes = Problems(path), Notes(path)
            files += images_below(path, unusable, notes)
            problems += unusable.lines
            for note in notes.all():
                print(f"{path}: {note.shown(with_names=True)}", file=sys.stderr)
        else:
            files.append(path)
    if problems or not files:
        raise UserError("\n".join(problems) or "there are no images in what was given")
    return list(dict.fromkeys(files))


def shares_given(text: str, task: Task) -> np.ndarray | str | None:
    """Return the prevalence that ``--prevalence`` names; UserError where it can't be one."""
    if text in ("", NATURAL):
        return text or None
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.array([])
    labels = len(task.labels)
    if len(values) != labels or not (values >= 0).all() or abs(values.sum() - 1) > 1e-6:
        label_names = ", ".join(task.labels)
        raise UserError(
            f"--prevalence is {text!r}; expected '{NATURAL}', or {labels} shares that sum to 1, "
            f"of {label_names}, such as {','.join([f'{1 / labels:g}'] * labels)}"
        )
    return values


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command ``birads``."""
    command = argparse.ArgumentParser("birads", description="Research, not a medical device.")
    commands = command.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="grade images with the models of a trained run")
    predict.add_argument("run", type=Path, help="its folder, results/<study>/runs/<run>/<protocol>")
    predict.add_argument("images", type=Path, nargs="+", help="image files, or folders of them")
    predict.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    predict.add_argument(
        "--prevalence", default="", metavar="SHARES",
        help="calibrate for other shares of labels than training saw: 'natural', those of its "
        "distinct images, or one for each label, with commas between",
    )  # fmt: skip
    predict.add_argument("--by", choices=["image", "breast", "patient"], default="image")
    predict.add_argument(
        "--pattern", default="", help="with --by: a regular expression, searched in each path, "
        "with the groups (?P<patient>...) and (?P<laterality>...)",
    )  # fmt: skip
    predict.add_argument(
        "--heat", type=Path, metavar="FOLDER", help="write a picture of each heat map, too"
    )
    predict.add_argument(
        "--dicom", type=Path, metavar="FOLDER", help="write a DICOM Structured Report of each "
        "DICOM image, and with --heat its heat map as a secondary capture",
    )  # fmt: skip
    predict.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return command


def predict_command(arguments: argparse.Namespace) -> int:
    """Grade images and write the table; return 1 where a grade or a report is missing, else 0."""
    for option in ("out", "heat", "dicom"):
        path = getattr(arguments, option)
        if path and path.exists():
            raise UserError(f"{str(path)!r} exists; remove it or give another --{option}")
    files = image_files(arguments.images)
    names = None if arguments.by == "image" else patients_and_sides(files, arguments.pattern)
    run = TrainedRun.load(arguments.run)
    check_level(arguments.by, run.task)
    table = graded(run, files, shares_given(arguments.prevalence, run.task), arguments.workers)
    failed, good = table[table["problem"] != ""], table[table["problem"] == ""]
    if names is not None:
        table = joined(table, names, arguments.by, run.task)
    with written_whole(arguments.out) as temporary:
        table.to_csv(temporary, index=False)
    problems = [f"not graded: {row.file}: {row.problem}" for row in failed.itertuples()]
    if arguments.heat or arguments.dicom:
        from birads_lib.predict.deliver import write_pictures_and_reports  # slow to import

        problems += write_pictures_and_reports(run, good, arguments.heat, arguments.dicom)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(files) - len(failed)} of {len(files)} images graded: {arguments.out}")
    return int(bool(problems))


def main() -> int:
    """Run the command ``birads``; return its exit status: 2 where nothing could be done."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its log would tear the progress bar
    try:
        return predict_command(parser().parse_args())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
