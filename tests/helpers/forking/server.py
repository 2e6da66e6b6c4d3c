"""The fork server: one process that has imported the large libraries, and forks for each client.

It knows nothing of any project: a fork imports press and birads_lib itself, from where it runs.
"""

import functools
import gc
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import FileIO
from pathlib import Path

LIBRARIES = (
    "papermill", "nbclient", "ipykernel.kernelapp", "pyarrow.parquet", "scipy.stats", "seaborn",
    "sklearn.linear_model", "pydantic", "pandera.pandas", "cv2",
)  # fmt: skip
# A GPU that is in use can't be inherited.
LIBRARIES += () if shutil.which("nvidia-smi") else ("keras",)


class ForkServer:
    """Forks for each client. A fork ends with its client, the server with its parent."""

    def __init__(self, address: Path):
        self.folder = address.parent
        self.events = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(address))
        self.listener.listen()
        self.when_ready(self.listener, self.accept)
        self.when_ready(process_file(os.getppid()), self.stop)

    def when_ready(self, file: socket.socket | FileIO, action: Callable[[], None]) -> None:
        """Register ``action`` to be called when a file can be read, or its process has ended."""
        self.events.register(file, selectors.EVENT_READ, action)

    def run(self) -> None:
        """Act on what happens, one thing after another."""
        while True:
            for key, _ in self.events.select():
                key.data()

    def accept(self) -> None:
        """Fork for a client."""
        client, _ = self.listener.accept()
        try:
            request, files = receive(client)
        except (OSError, ValueError):  # it was killed before it had asked
            return client.close()
        import_libraries()
        process = os.fork()
        if not process:
            for file in (*(key.fileobj for key in self.events.get_map().values()), client):
                file.close()
            become(files, **request)
        for file in files:
            os.close(file)
        ended = process_file(process)
        self.when_ready(client, functools.partial(kill, process))
        self.when_ready(ended, functools.partial(self.end, process, ended, client))

    def end(self, process: int, ended: FileIO, client: socket.socket) -> None:
        """Send a client the status of its fork, which has ended."""
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        for file in (client, ended):
            self.events.unregister(file)
        with ended, client, suppress(OSError):  # the client may have ended, too
            client.sendall(str(status).encode())

    def stop(self) -> None:
        """End, and leave nothing behind."""
        shutil.rmtree(self.folder)
        sys.exit()


def process_file(process: int) -> FileIO:
    """Return a file that can be read once a process has ended."""
    return FileIO(os.pidfd_open(process))


def kill(process: int) -> None:
    """End a fork and all that it started."""
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process, signal.SIGKILL)


def receive(client: socket.socket) -> tuple[dict, list[int]]:
    """Return what a client asks for, and its standard input, output and error."""
    size, files, *_ = socket.recv_fds(client, 8, 3)
    content = client.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    return json.loads(content), files


@functools.cache  # when the first client comes, and not before
def import_libraries() -> None:
    """Import the libraries, and leave what they made out of the forks' garbage collections."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as in any kernel
    gc.disable()
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()
    gc.enable()


def become(
    files: list[int], module: str, arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    """Turn this process into one that was started by ``python -m``."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    ForkServer(Path(sys.argv[1])).run()
