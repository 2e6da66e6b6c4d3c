"""Synthetic mammograms: a cohort of patients is drawn into the folder, and read from there."""

import itertools
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from tqdm import tqdm

from birads_lib import cases
from birads_lib.errors import DatasetError
from birads_lib.files import sha256, sha256_of, written_whole
from birads_lib.phantoms import anatomy, lesions, lexicon, phantom
from birads_lib.phantoms.phantom import LATERALITIES, VIEWS
from birads_lib.pretrained import PHANTOMS_SEED
from birads_lib.readers import Reader
from birads_lib.source_code import code_of
from birads_lib.task import BIRADS, Task

READER = Reader(
    "phantoms",
    synthetic=True,
    makes_images=True,
    words={
        "short": "synthetic",
        "images_are": "synthetic mammograms, drawn by a program",
        "sources": "one program, which draws synthetic images",
    },
)
RECORD = "phantoms.json"  # of what a cohort was made with
DRAWING = (anatomy, lesions, lexicon, phantom)  # modules whose code makes the images
View = tuple[int, str, str, str]  # number of the patient, laterality, view, modality
EVERY = "every"  # as modality: each view is drawn in all of them


def _of_no_weights(seed: int) -> int:
    """Raise ValueError for the seed of the pretraining."""
    if seed == PHANTOMS_SEED:
        raise ValueError(
            f"is {seed}, whose phantoms the small ResNet was pretrained on: a study would test it "
            "on its training images; choose another"
        )
    return seed


class Options(phantom.Options):
    """Options for drawing a cohort."""

    patients: int = Field(120, ge=1)  # with four views each
    modality: Literal["mixed", EVERY, *anatomy.MODALITY_SHARES] = "mixed"  # mixed: one per patient
    # What the whole cohort follows from.
    seed: Annotated[int, AfterValidator(_of_no_weights)] = Field(2026, ge=0)
    workers: int | None = Field(None, ge=1)  # processes that draw side by side; None: one per core


def read(
    folder: str | Path, *, pixels: bool = True, task: Task = BIRADS, **options: object
) -> cases.Dataset:
    """Make a cohort, four views a patient, in ``folder``, or take it from there if it is the same.

    Images go to ``folder/images``, a mask per finding (0 and 255) to ``folder/masks``, the tables
    beside them. ``phantoms.json``, written last, records the options and the hash of the code
    that draws: what doesn't match it, or was changed since, is made again. Boxes in ``findings``
    are those of the masks, x1 and y1 exclusive. Without ``pixels`` nothing is drawn.
    """
    folder, chosen = Path(folder), Options.of(options)
    if not pixels:
        rows = [_row(chosen, view) for view in _views(chosen)]
        return cases.Dataset(folder, pd.DataFrame(rows), cases.no_findings())
    record = chosen.model_dump(exclude={"workers"}) | {"generator": _generator()}
    text = json.dumps(record, indent=1)
    return _stored(folder, text) or _make(folder, chosen, text)


def _generator() -> str:
    """Return a hash of the code that draws: another generator makes other images."""
    files = [__file__, *(module.__file__ for module in DRAWING)]
    return sha256_of(b"".join(code_of(Path(file).read_bytes()) for file in files))


def _stored(folder: Path, record: str) -> cases.Dataset | None:
    """Return the result of a former call with ``record``, or None if a file is gone or changed."""
    try:
        if (folder / RECORD).read_text() != record:
            return None
        dataset = cases.Dataset.read(folder, folder)
        listed = dict(zip(dataset.cases["path"], dataset.cases["sha256"], strict=True))
        findings = dataset.findings
        listed |= dict(zip(findings["mask_path"], findings["mask_sha256"], strict=True))
        is_same = all(sha256(folder / path) == digest for path, digest in listed.items())
    except (OSError, ValueError, DatasetError):
        return None
    return replace(dataset, annotations=_annotations(folder)) if is_same else None


def _annotations(folder: Path) -> tuple[Path, ...]:
    """Return the files beside images and masks from which a cohort is taken a second time."""
    return tuple(folder / name for name in (RECORD, "cases.parquet", "findings.parquet"))


def _make(folder: Path, options: Options, record: str) -> cases.Dataset:
    """Write images, masks, tables and the record; delete the images of a former cohort."""
    (folder / RECORD).unlink(missing_ok=True)
    views = _views(options)
    write = partial(_write_view, folder, options)
    with ProcessPoolExecutor(options.workers) as pool:
        made = pool.map(write, views, chunksize=8)
        made = list(tqdm(made, "phantoms", len(views), file=sys.stdout, mininterval=1))
    findings = [finding for _, findings in made for finding in findings]
    table = pd.DataFrame(findings, columns=list(cases.FINDINGS.columns))
    dataset = cases.Dataset(folder, pd.DataFrame([row for row, _ in made]), table)
    dataset.write(folder)
    written = {*dataset.cases["path"], *dataset.findings["mask_path"]}
    for path in [*folder.glob("images/p*.png"), *folder.glob("masks/p*.png")]:
        if path.relative_to(folder).as_posix() not in written:
            path.unlink()
    with written_whole(folder / RECORD) as temporary:
        temporary.write_text(record)
    return replace(dataset, annotations=_annotations(folder))


def _views(options: Options) -> list[View]:
    all_modalities = options.modality == EVERY
    modalities = tuple(anatomy.MODALITY_SHARES) if all_modalities else (options.modality,)
    return list(itertools.product(range(options.patients), LATERALITIES, VIEWS, modalities))


def _drawing(options: Options, view: View) -> dict[str, object]:
    """Return the options for drawing one view, as ``phantom.render`` takes them."""
    return options.model_dump(include=set(phantom.Options.model_fields)) | {"modality": view[3]}


def _row(options: Options, view: View) -> dict[str, object]:
    """Return the row of cases of one view that is not drawn yet."""
    patient, laterality, position, modality = view
    truth = phantom.describe(options.seed, patient, laterality, **_drawing(options, view))
    patient_id = f"p{patient:04d}"
    image_id = f"{patient_id}_{laterality}_{position}"
    image_id += f"_{modality}" * (options.modality == EVERY)
    return {
        "image_id": image_id, "patient_id": patient_id, "laterality": laterality, "view": position,
        "birads": truth.birads, "birads_original": str(truth.birads),
        "density": truth.density, "modality": truth.modality, "path": f"images/{image_id}.png",
        "size_bytes": 1, "sha256": cases.UNREAD,
    }  # fmt: skip


def _write_view(
    folder: Path, options: Options, view: View
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Write one image with its masks; return its row of cases and its rows of findings."""
    drawn = phantom.render(options.seed, *view[:3], **_drawing(options, view))
    row = _row(options, view)
    content = _write_png(folder / row["path"], drawn.image)
    findings = []
    for number, finding in enumerate(drawn.findings):
        mask, mask_path = finding.mask.astype(np.uint8), f"masks/{row['image_id']}_{number}.png"
        written = _write_png(folder / mask_path, 255 * mask)
        x, y, width, height = cv2.boundingRect(mask)  # pixels
        findings.append({
            "image_id": row["image_id"], "kind": finding.kind, "descriptors": finding.descriptors,
            "x0": x, "y0": y, "x1": x + width, "y1": y + height,
            "mask_path": mask_path, "mask_sha256": sha256_of(written),
        })  # fmt: skip
    return row | {"size_bytes": len(content), "sha256": sha256_of(content)}, findings


def _write_png(path: Path, image: np.ndarray) -> bytes:
    content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
    return content
