"""CorRELAX of larger and larger images: time on the cores at hand, and the most memory."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.memory import Peak

SMALL = 256  # pixels on a side
AT_MOST = 6  # seconds for an image of so many, on two cores
ROUNDS = {SMALL: 3, 512: 1}
WINDOW, STRIDE, MASKS = 64, 16, 128


@cache
def asker():
    """Return the function that answers for windows, as the study of CorRELAX has it, untrained."""
    import keras

    from birads_lib.networks import local_views
    from birads_lib.training.settings import Settings

    keras.utils.set_random_seed(0)
    settings = Settings(backbone="small_resnet", weights="phantoms", image_size=WINDOW)
    return local_views.asker(local_views.build_windows(settings))


def pictured(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of noise (side, side) and a square breast over five eighths of a side."""
    image = np.random.default_rng(0).integers(0, 256, (side, side)).astype(np.uint8)
    breast = np.zeros(image.shape, bool)
    edge = 3 * side // 16
    breast[edge : side - edge, edge : side - edge] = True
    return image, breast


def explain(side: int) -> dict[str, float]:
    """Explain one image; return its windows, and the seconds by the clock and of all cores."""
    from birads_lib.explain import relevance

    options = relevance.Options(window=WINDOW, stride=STRIDE, masks=MASKS)
    ask, clock, cpu = asker(), time.perf_counter(), time.process_time()
    maps = relevance.correlax(ask, *pictured(side), options)
    taken = {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}
    return {"windows": len(maps.answers)} | taken


def measure(folder: Path, say: Callable[[str], None] = print) -> list[dict]:
    """Return time and memory for an image of each size, each in a new process after a small one."""
    rows = []
    for side, rounds in ROUNDS.items():
        pool = ProcessPoolExecutor(1, get_context("spawn"))
        with pool, Peak(pool.submit(os.getpid).result()) as peak:
            pool.submit(explain, SMALL).result()  # which compiles the network
            taken = [pool.submit(explain, side).result() for _ in range(rounds)]
        row = {name: [times[name] for times in taken] for name in ("seconds", "cpu_seconds")}
        row |= {"side": side, "windows": taken[0]["windows"], "masks": MASKS}
        row |= {"at_most": AT_MOST if side == SMALL else None, "peak_mb": peak.megabytes}
        rows.append(row | {"load": os.getloadavg()[0], "cores": os.cpu_count()})
        say(f"correlax, {side} px: {min(row['seconds']):.1f} s, {row['peak_mb']:.0f} MB")
    return rows
