"""Run a command whose kernels are forks of one process that has imported the large libraries.

    python -m press.execution.fork_server snakemake --profile profiles/local

A kernel that starts alone spends 2 CPU seconds on pandas, SciPy and scikit-learn, and 6 more on
Keras with TensorFlow. A fork has them at once, in memory that all share.
"""

import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from io import FileIO
from pathlib import Path

from press.execution.execute import KEEP_MEMORY, SOCKETS, collect_seldom

SERVERS = "KERNEL_SERVERS"  # the folder of the server's socket, for kernel/client.py
CLIENT = Path(__file__).with_name("kernel")  # what Jupyter starts as a kernel
LIBRARIES = (
    "ipykernel.kernelapp", "pyarrow.parquet", "scipy.stats", "seaborn", "sklearn.linear_model",
    "pydantic", "pandera.pandas", "cv2",
)  # fmt: skip

# A run of one page may do without Keras; and a GPU that is in use can't be inherited.
WITH_THE_SECOND = () if shutil.which("nvidia-smi") else ("keras",)


def main(command: list[str]) -> None:
    """Become ``command``, with a fork server beside it."""
    os.execvpe(command[0], command, start())


def start() -> dict[str, str]:
    """Start a fork server that ends with this process.

    Returns the environment of processes whose kernels it forks: their number of threads is that of
    ``OMP_NUM_THREADS``, or 1. Where the system can't watch processes (macOS), kernels start alone.
    """
    if not hasattr(os, "pidfd_open"):
        return dict(os.environ)
    environment = KEEP_MEMORY | {"OMP_NUM_THREADS": "1"} | os.environ
    folder = Path(tempfile.mkdtemp(prefix="kernels-", dir=SOCKETS))
    (folder / "kernels").mkdir()
    (folder / "kernels" / "python3").symlink_to(CLIENT)
    kernels = os.pathsep.join(filter(None, (str(folder), os.environ.get("JUPYTER_PATH"))))
    environment |= {SERVERS: str(folder), "JUPYTER_PATH": kernels}
    address = folder / environment["OMP_NUM_THREADS"]
    serve = [sys.executable, "-m", "press.execution.fork_server", "--serve", str(address)]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(serve, env=environment, start_new_session=True, **silent)
    return environment


class ForkServer:
    """Forks a kernel for each client. A kernel ends with its client, the server with its parent."""

    def __init__(self, address: Path):
        self.folder = address.parent
        self.forks = 0
        self.events = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(address))
        self.listener.listen()
        self.when_ready(self.listener, self.accept)
        self.when_ready(process_file(os.getppid()), self.stop)

    def when_ready(self, file: socket.socket | FileIO, action: Callable[[], None]) -> None:
        """Have ``action`` called when a file can be read, or its process has ended."""
        self.events.register(file, selectors.EVENT_READ, action)

    def run(self) -> None:
        """Act on what happens, one thing after another."""
        while True:
            for key, _ in self.events.select():
                key.data()

    def accept(self) -> None:
        """Fork the kernel that a client asks for."""
        client, _ = self.listener.accept()
        try:
            request, files = receive(client)
        except (OSError, ValueError):  # it was killed before it had asked
            return client.close()
        self.forks += 1
        import_libraries(LIBRARIES if self.forks == 1 else WITH_THE_SECOND)
        process = os.fork()
        if not process:
            for file in (*(key.fileobj for key in self.events.get_map().values()), client):
                file.close()
            become_kernel(files, **request)
        for file in files:
            os.close(file)
        self.when_ready(client, partial(kill, process))
        ended = process_file(process)
        self.when_ready(ended, partial(self.end, process, ended, client))

    def end(self, process: int, ended: FileIO, client: socket.socket) -> None:
        """Tell a client that its kernel has ended."""
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
    """End a kernel and all that it started."""
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process, signal.SIGKILL)


def receive(client: socket.socket) -> tuple[dict, list[int]]:
    """Return what a client asks for, and its standard input, output and error."""
    size, files, *_ = socket.recv_fds(client, 8, 3)
    content = client.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    return json.loads(content), files


def import_libraries(names: tuple[str, ...]) -> None:
    """Import libraries, and leave what they made out of the kernels' garbage collections."""
    collect_seldom()
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as in any kernel
    for name in names:
        import_module(name)
    gc.collect()
    gc.freeze()


def become_kernel(
    files: list[int], arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    """Turn this process into the kernel that a client asked for."""
    from ipykernel import kernelapp

    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["ipykernel_launcher", *arguments]
    sys.exit(kernelapp.launch_new_instance())


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        ForkServer(Path(sys.argv[2])).run()
    main(sys.argv[1:])
