"""The most memory that a process and its children take."""

import threading

import psutil

EVERY = 0.05  # seconds between two looks


class Peak:
    """The most memory that a process and its children hold within a ``with``.

    Counted is what nothing but the processes holds (resident less shared: Linux's anonymous
    memory). Pages of a file that is mapped are the system's to drop, and are left out.
    """

    def __init__(self, pid: int):
        self._process, self._ended = psutil.Process(pid), threading.Event()
        self._most = 0

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        """Return the most there was, in 10**6 bytes."""
        return self._most / 1e6

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._most = max(self._most, self._held())
            self._ended.wait(EVERY)

    def _held(self) -> int:
        held = 0
        try:
            for process in [self._process, *self._process.children(recursive=True)]:
                memory = process.memory_info()
                held += memory.rss - memory.shared
        except psutil.NoSuchProcess:  # a child that has ended meanwhile
            pass
        return held
