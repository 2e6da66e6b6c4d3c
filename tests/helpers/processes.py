"""Processes of other processes, which a test can only watch."""

import time
from pathlib import Path


def wait_until_ended(*processes: int) -> None:
    """Wait until processes have ended, a minute at most."""
    deadline = time.monotonic() + 60
    while any(map(_is_at_work, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_at_work(process: int) -> bool:
    """Return whether a process runs; one that has ended may wait for its parent to ask."""
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
