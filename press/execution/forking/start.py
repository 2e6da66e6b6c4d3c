"""Run a command beside a fork server: what it starts by client.py, and its kernels, are forks.

    python -m press.execution.forking.start snakemake --profile profiles/local

A process that starts alone spends 2 CPU seconds on papermill, pandas, SciPy and scikit-learn, and
6 more on Keras with TensorFlow. A fork has them at once, in memory that all share.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from press.execution.execute import KEEP_MEMORY, SOCKETS
from press.execution.forking.client import FOLDER, address

HERE = Path(__file__).parent


def main(command: list[str]) -> None:
    """Become ``command``, with a fork server beside it."""
    os.execvpe(command[0], command, start_server())


def start_server() -> dict[str, str]:
    """Start a fork server that ends with this process, unless one runs already.

    Returns the environment of processes that fork: their number of threads is ``OMP_NUM_THREADS``,
    or 1. Where the system can't watch processes (macOS), all start alone.
    """
    if FOLDER in os.environ or not hasattr(os, "pidfd_open"):
        return dict(os.environ)
    folder = tempfile.mkdtemp(prefix="forks-", dir=SOCKETS)
    # Jupyter looks there for kernels first, and finds the client under the usual name.
    (Path(folder) / "kernels").mkdir()
    (Path(folder) / "kernels" / "python3").symlink_to(HERE)
    kernels = os.pathsep.join(filter(None, (folder, os.environ.get("JUPYTER_PATH"))))
    environment = {"OMP_NUM_THREADS": "1"} | os.environ
    environment |= {FOLDER: folder, "JUPYTER_PATH": kernels}
    serve = [sys.executable, "-I", str(HERE / "server.py"), address(environment)]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(serve, env=KEEP_MEMORY | environment, start_new_session=True, **silent)
    return environment


if __name__ == "__main__":
    main(sys.argv[1:])
