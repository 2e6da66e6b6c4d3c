"""Start a kernel as a fork of the fork server, or alone where there is none.

Jupyter starts this in a kernel's place. It needs only the standard library, and lives as long as
the kernel: each ends when the other does.
"""

import json
import os
import socket
import sys


def main(arguments: list[str]) -> int:
    """Start a kernel with ``arguments`` of ipykernel_launcher; return its exit status."""
    connection = socket.socket(socket.AF_UNIX)
    # A library takes its number of threads when it is imported: there is a server for one number.
    address = f"{os.environ.get('KERNEL_SERVERS')}/{os.environ.get('OMP_NUM_THREADS')}"
    try:
        connection.connect(address)
    except OSError:
        alone = [sys.executable, "-m", "ipykernel_launcher", *arguments]
        os.execv(sys.executable, alone)
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    content = json.dumps(request).encode()
    socket.send_fds(connection, [len(content).to_bytes(8, "big")], [0, 1, 2])
    connection.sendall(content)
    return int(connection.recv(8) or 1)  # nothing, where the server ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
