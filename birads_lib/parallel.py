"""Work on many image files side by side."""

import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.pool import Pool, ThreadPool
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

MANY_BYTES = 2**25  # of DICOM files; fewer are decoded before worker processes have started
# Files whose decoder lets other threads work.
PICTURES = (".png", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff")


def in_parallel(
    function: Callable[[Path], Any], files: Sequence[Path], workers: int, what: str
) -> Iterator[Any]:
    """Yield ``function(file)`` of each file in order, with a progress bar on standard output.

    They are read by ``pool_for`` them.
    """
    if not files:
        return
    with pool_for(files, workers) as pool:
        yield from tqdm(
            pool.imap(function, files, chunksize=4),
            total=len(files),
            desc=what,
            unit="image",
            mininterval=1,  # a line each, where the output is a log
            file=sys.stdout,
        )


def pool_for(files: Sequence[Path], workers: int) -> Pool:
    """Return what reads files side by side, to be closed by ``with``.

    Pictures and few bytes go to threads, which start at once; many bytes of DICOM to processes, as
    JPEG 2000 decodes under Python's lock. They are spawned: a forked one hangs in OpenCV if the
    parent has used it. Each keeps OpenCV to one thread, as all cores are busy.
    """
    dicom = [file for file in files if file.suffix.lower() not in PICTURES and file.exists()]
    if sum(file.stat().st_size for file in dicom) < MANY_BYTES:
        return ThreadPool(workers)
    return get_context("spawn").Pool(workers, cv2.setNumThreads, (1,))
