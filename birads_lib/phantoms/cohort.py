"""A cohort of synthetic patients, written as a data set."""

import hashlib
import itertools
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from birads_lib import cases
from birads_lib.errors import DatasetError
from birads_lib.files import sha256, written_whole
from birads_lib.phantoms.phantom import (
    DISAGREEMENT,
    LATERALITIES,
    PREVALENCE,
    VIEWS,
    check,
    render,
)


def read(
    folder: str | Path,
    *,
    patients: int = 120,
    seed: int = 2026,
    size: int = 256,
    disagreement: float = DISAGREEMENT,
    prevalence: Sequence[float] = PREVALENCE,
    modality: str = "mixed",
    workers: int | None = None,
) -> cases.Dataset:
    """Make a cohort, four views a patient, in ``folder``, or take it from there if it is the same.

    Images go to ``folder/images``, a mask per finding (0 and 255) to ``folder/masks``, the tables
    beside them. ``phantoms.json``, written last, records the parameters and the hash of this
    package: what it doesn't match, or what was changed since, is made again. Boxes in ``findings``
    are those of the masks, x1 and y1 exclusive. ``workers`` is the number of processes (None: one
    per core); the other arguments are those of ``render``.

    Raises:
        UserError: listing every argument that is out of range.
    """
    check(
        patients=patients, seed=seed, size=size, disagreement=disagreement, prevalence=prevalence,
        modality=modality, workers=workers,
    )  # fmt: skip
    folder = Path(folder)
    options = {
        "size": int(size), "disagreement": float(disagreement),
        "prevalence": [float(share) for share in prevalence], "modality": modality,
    }  # fmt: skip
    record = {"patients": int(patients), "seed": int(seed), **options, "generator": _generator()}
    dataset = _stored(folder, record)
    if dataset is not None:
        return dataset
    (folder / "phantoms.json").unlink(missing_ok=True)
    dataset = _make(folder, patients, seed, options, workers)
    with written_whole(folder / "phantoms.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1))
    return dataset


def _generator() -> str:
    """Return a hash of this package's source: another generator makes other images."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _stored(folder: Path, record: dict) -> cases.Dataset | None:
    """Return what a former call with ``record`` wrote, or None if any of it is gone or changed."""
    try:
        if json.loads((folder / "phantoms.json").read_text()) != record:
            return None
        rows, found = (folder / name for name in ("cases.parquet", "findings.parquet"))
        dataset = cases.Dataset(folder, cases.read_cases(rows), cases.read_findings(found))
        same = [sha256(path) for path in dataset.files()] == list(dataset.cases["sha256"])
    except (OSError, ValueError, DatasetError):
        return None
    masks = (folder / path for path in dataset.findings["mask_path"])
    return dataset if same and all(mask.is_file() for mask in masks) else None


def _make(
    folder: Path, patients: int, seed: int, options: dict, workers: int | None
) -> cases.Dataset:
    """Write images, masks and tables; delete those of a former cohort."""
    keys = list(itertools.product(range(patients), LATERALITIES, VIEWS))
    write = partial(_write_view, folder, seed, options)
    made = tqdm(_each(write, keys, workers), "phantoms", len(keys), file=sys.stdout, mininterval=1)
    rows, found = zip(*made, strict=True)
    findings = pd.DataFrame(list(itertools.chain(*found)), columns=list(cases.FINDINGS.columns))
    dataset = cases.Dataset(folder, pd.DataFrame(list(rows)), findings)
    cases.write_cases(dataset.cases, folder / "cases.parquet")
    cases.write_findings(dataset.findings, folder / "findings.parquet")
    wanted = {*dataset.cases["path"], *dataset.findings["mask_path"]}
    for path in [*folder.glob("images/p*.png"), *folder.glob("masks/p*.png")]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    return dataset


def _each(write: partial, keys: list, workers: int | None) -> Iterator:
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(write, keys)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(write, keys, chunksize=8)


def _write_view(folder: Path, seed: int, options: dict, key: tuple[int, str, str]) -> tuple:
    """Write one image with its masks; return its row of cases and its rows of findings."""
    patient, laterality, view = key
    phantom = render(seed, patient, laterality, view, **options)
    patient_id = f"p{patient:04d}"
    image_id = f"{patient_id}_{laterality}_{view}"
    path = f"images/{image_id}.png"
    content = _write_png(folder / path, phantom.image)
    found = []
    for number, finding in enumerate(phantom.findings):
        mask_path = f"masks/{image_id}_{number}.png"
        _write_png(folder / mask_path, 255 * finding.mask.astype(np.uint8))
        x, y, width, height = cv2.boundingRect(finding.mask.astype(np.uint8))
        box = (x, y, x + width, y + height)  # (4,), pixels
        found.append((image_id, finding.kind, finding.descriptors, *box, None, mask_path))
    row = {
        "image_id": image_id, "patient_id": patient_id, "laterality": laterality, "view": view,
        "birads": phantom.birads, "birads_original": str(phantom.birads),
        "density": phantom.density, "modality": phantom.modality, "path": path,
        "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    return row, found


def _write_png(path: Path, image: np.ndarray) -> bytes:
    content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
    return content
