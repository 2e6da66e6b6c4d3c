"""Run a module as `python -m` does, in a fork of the fork server if there is one.

    python -I -S tests/helpers/forking/client.py ipykernel_launcher -f connection.json

It needs only the standard library, and lives as long as the fork: each ends when the other does.
"""

import json
import os
import socket
import sys
import zlib
from collections.abc import Mapping

FOLDER = "FORK_SERVER"  # the environment variable that holds the folder of the servers' sockets


def main(module: str, *arguments: str) -> int:
    """Run ``module`` with ``arguments``; return its exit status."""
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(address(os.environ))
    except (KeyError, OSError):
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
    request = {"module": module, "arguments": arguments, "folder": os.getcwd()}
    content = json.dumps(request | {"environment": dict(os.environ)}).encode()
    socket.send_fds(server, [len(content).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(content)
    return int(server.recv(8) or 1)  # nothing, where the server was killed


def address(environment: Mapping[str, str]) -> str:
    """Return where the server for this Python and number of threads listens.

    A library takes its number of threads when it is imported.
    """
    python = zlib.crc32(os.path.dirname(sys.executable).encode())
    return f"{environment[FOLDER]}/{python}-{environment['OMP_NUM_THREADS']}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
