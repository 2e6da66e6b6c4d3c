"""A plugin of pytest: nbval's kernels listen at sockets of their own, as those of the book do."""

from itertools import count
from tempfile import TemporaryDirectory

import nbval.kernel
from jupyter_client.manager import KernelManager

from press.execution.execute import SOCKETS

_folder = TemporaryDirectory(prefix="kernel-", dir=SOCKETS)
_numbers = count()


def _manager(**options) -> KernelManager:
    return KernelManager(transport="ipc", ip=f"{_folder.name}/{next(_numbers)}", **options)


nbval.kernel.KernelManager = _manager
