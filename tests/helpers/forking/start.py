"""Run a command beside a fork server: the pages and kernels of its studies are forks.

    python -m helpers.forking.start bash tests/run.sh

A page of a smoke study spends 3 CPU seconds on importing papermill, pandas, SciPy and scikit-learn,
and 6 more on Keras with TensorFlow. A fork has them at once.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.forking.client import FOLDER, address
from press.execution.execute import KEEP_MEMORY, SOCKETS

HERE = Path(__file__).resolve().parent
RUN_MODULE = f"{sys.executable} -I -S {HERE / 'client.py'}"  # in place of `python -m`


def main(command: list[str]) -> None:
    """Become ``command``, with a fork server beside it."""
    os.execvpe(command[0], command, start_server())


def start_server() -> dict[str, str]:
    """Start a fork server that ends with this process.

    Returns the environment of processes that fork: their number of threads is ``OMP_NUM_THREADS``,
    or 1. Where the system can't watch processes (macOS), all start alone.
    """
    if not hasattr(os, "pidfd_open"):
        return dict(os.environ)
    folder = tempfile.mkdtemp(prefix="forks-", dir=SOCKETS)
    # Jupyter looks there for kernels first, and finds the client under the usual name.
    (Path(folder) / "kernels").mkdir()
    (Path(folder) / "kernels" / "python3").symlink_to(HERE)
    kernels = os.pathsep.join(filter(None, (folder, os.environ.get("JUPYTER_PATH"))))
    environment = {"OMP_NUM_THREADS": "1"} | os.environ
    environment |= {FOLDER: folder, "JUPYTER_PATH": kernels, "RUN_MODULE": RUN_MODULE}
    serve = [sys.executable, "-I", str(HERE / "server.py"), address(environment)]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(serve, env=KEEP_MEMORY | environment, start_new_session=True, **silent)
    return environment


if __name__ == "__main__":
    main(sys.argv[1:])
