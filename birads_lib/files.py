"""Files that appear whole or not at all, and their hashes."""

import fcntl
import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    A reader sees the old file or the new one, never half of it, whatever kills the writer.
    The suffixes are kept, as many writers choose their format by them.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    _sweep(path, host)
    temporary = path.with_name(f".{host}.{os.getpid()}.{path.name}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # else a power cut may leave the name without the bytes
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(path: Path, host: str) -> None:
    """Remove files that killed processes of this machine left of ``path``; they may be large."""
    for leftover in path.parent.glob(f".{host}.*.{path.name}"):
        process = leftover.name.removeprefix(f".{host}.").removesuffix(f".{path.name}")
        if process.isdigit() and not _is_alive(int(process)):
            leftover.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def new_array(path: Path, shape: tuple[int, ...], dtype: str | type) -> np.ndarray:
    """Return a writable memory map of a new .npy file, its room on the disk taken at once.

    Raises OSError where the room is not there; a write to a map without it would kill the process.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


@contextmanager
def one_at_a_time(path: str | Path, waiting: str) -> Iterator[None]:
    """Hold the lock file ``path``; say ``waiting`` if another process holds it, and wait."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        lock(file, waiting)
        yield


def lock(file: IO, waiting: str = "") -> None:
    """Lock an open file for this process, and for those that inherit it, until all closed it.

    The system gives the lock back when they end, however they end. Where another process holds
    it, ``waiting`` is said and this one waits; without it, BlockingIOError is raised.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not waiting:
            raise
        print(waiting, file=sys.stderr, flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
