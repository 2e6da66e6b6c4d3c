"""Work on many image files side by side."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing import get_context
from multiprocessing.pool import Pool, ThreadPool
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

MANY_BYTES = 2**25  # of DICOM files; fewer are decoded before worker processes have started
WORKERS = 2  # files worked on side by side where nobody says how many
AHEAD = 64  # files worked on before their results are asked for
# Files whose decoder lets other threads work.
PICTURES = (".png", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff")


def in_parallel(
    function: Callable[..., Any], files: Sequence[Path], workers: int, what: str, *facts: Iterable
) -> Iterator[Any]:
    """Yield ``function(file, ...)`` of each file in order, with a progress bar on standard output.

    However many files there are, at most ``AHEAD`` results wait to be asked for, or two for each
    worker if that is more.

    Args:
        function: of a file and its ``facts``; what it holds (as a ``partial``) may go to another
            process with each file, so it should be small.
        files: what is read; their kind and size choose threads or processes (``pool_for``).
        workers: files worked on side by side.
        what: the name of the bar.
        facts: further arguments of ``function``, one for each file.
    """
    if not files:
        return
    # Where the output is a log, each change of the bar is a line.
    bar = {"desc": what, "unit": "image", "mininterval": 1, "file": sys.stdout}
    with pool_for(files, workers) as pool:
        jobs = zip(files, *facts, strict=True)
        submitted = (pool.apply_async(function, job) for job in jobs)
        waiting = deque(islice(submitted, max(AHEAD, 2 * workers)))
        for _ in tqdm(files, **bar):
            result = waiting.popleft().get()
            waiting.extend(islice(submitted, 1))
            yield result


def pool_for(files: Sequence[Path], workers: int) -> Pool:
    """Return a pool of threads or processes for reading files, to be closed by ``with``.

    Pictures and few bytes go to threads, which start at once; many bytes of DICOM to processes, as
    JPEG 2000 decodes under Python's lock. They are spawned: a forked one hangs in OpenCV if the
    parent has used it. Each keeps OpenCV to one thread, as all cores are busy.
    """
    dicom = [file for file in files if file.suffix.lower() not in PICTURES and file.exists()]
    if sum(file.stat().st_size for file in dicom) < MANY_BYTES:
        return ThreadPool(workers)
    return get_context("spawn").Pool(workers, cv2.setNumThreads, (1,))
