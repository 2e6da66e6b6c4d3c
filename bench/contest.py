"""One contest: the same work done by several programs, turn by turn, on one machine.

Each contender has a process of its own, which keeps what it has loaded. First all do the work once,
untimed, for their results to be compared; then they take turns for some rounds, so that whatever
else slows the machine slows all of them. Ours has the environment in which notebooks run
(`press.execution.execute`), by which glibc keeps memory that it else gives back and asks for in
each step.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import numpy as np

from bench.memory import Peak
from press.execution.execute import KEEP_MEMORY

OURS = "this project"


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference of two arrays, NaN equal to NaN; ValueError by other shapes."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape or not ours.size:
        raise ValueError(f"results of shapes {ours.shape} and {theirs.shape} can't be compared")
    if (np.isnan(ours) != np.isnan(theirs)).any():
        return float("inf")
    return float(np.nanmax(np.abs(ours - theirs)))


@dataclass(frozen=True)
class Peer:
    """A tool that a user would use instead.

    Attributes:
        work: does it in a folder of inputs; returns its result, an array or numbers.
        at_least: the least ratio of its time to ours, or None.
        tolerance: how far its result may be from ours, as ``Contest.compare`` says; None where
            it has no result to compare.
        why: a sentence on how it differs from ours.
        share: the part of the work that it is timed on, 0..1; its seconds are divided by it.
    """

    work: Callable[[Path], object]
    at_least: float | None
    tolerance: float | None
    why: str = ""
    share: float = 1.0


@dataclass(frozen=True)
class Contest:
    """Some work, how we do it, and who else does it."""

    name: str
    work: str
    ours: Callable[[Path], object]
    peers: dict[str, Peer]
    prepare: Callable[[Path], None] | None = None  # writes what all read
    rounds: int = 5
    compare: Callable[[object, object], float] = largest_difference
    unit: str = "largest difference"  # what ``compare`` returns
    warm: bool = True  # whether all do the work once before it is timed


def hold(contest: Contest, folder: Path, say: Callable[[str], None] = print) -> dict:
    """Run a contest; return the seconds of each round, memory and difference of each contender."""
    folder.mkdir(parents=True, exist_ok=True)
    if contest.prepare:
        contest.prepare(folder)
    works = {OURS: contest.ours} | {name: peer.work for name, peer in contest.peers.items()}
    pools = {name: _process(KEEP_MEMORY if name == OURS else {}) for name in works}
    try:
        results, peaks = {}, dict.fromkeys(works)
        for name, work in works.items() if contest.warm else ():
            pid = pools[name].submit(os.getpid).result()
            with Peak(pid) as peak:
                _, results[name] = pools[name].submit(_timed, work, folder).result()
            peaks[name] = peak.megabytes
        seconds = {name: [] for name in works}
        for number in range(contest.rounds):
            for name, work in works.items():
                taken, _ = pools[name].submit(_timed, work, folder).result()
                seconds[name].append(taken)
            latest = ", ".join(f"{name} {taken[-1]:.3g} s" for name, taken in seconds.items())
            say(f"{contest.name} · round {number + 1}/{contest.rounds}: {latest}")
    finally:
        for pool in pools.values():
            pool.shutdown(cancel_futures=True)
    rows = [{"name": name, "seconds": seconds[name], "peak_mb": peaks[name]} for name in works]
    for row, (name, peer) in zip(rows[1:], contest.peers.items(), strict=True):
        alike = peer.tolerance is not None
        row["seconds"] = [taken / peer.share for taken in seconds[name]]
        row["difference"] = contest.compare(results[OURS], results[name]) if alike else None
        row |= {key: getattr(peer, key) for key in ("at_least", "tolerance", "why", "share")}
    facts = {"name": contest.name, "work": contest.work, "unit": contest.unit}
    return facts | {"contenders": rows}


def _process(environment: dict[str, str]) -> ProcessPoolExecutor:
    """Start a process that has some variables beside those of this one."""
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    with mock.patch.dict(os.environ, environment):
        pool.submit(os.getpid).result()
    return pool


def _timed(work: Callable[[Path], object], folder: Path) -> tuple[float, object]:
    start = time.perf_counter()
    result = work(folder)
    return time.perf_counter() - start, result
