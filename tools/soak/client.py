"""Stands for a process that the zygote forks: sends it the request, and ends as that process ends.

python client.py SOCKET ROLE ARGUMENT ...

Only the standard library is imported, so that it starts in no time.
"""

import json
import os
import signal
import socket
import sys

MOST_BYTES = 60_000


def main(path: str, role: str, *arguments: str) -> int:
    """Ask for a process and wait for it. Returns its exit code; if a signal has killed it, so is this process."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [json.dumps([role, arguments]).encode()], [1, 2])
        code = int(server.recv(100) or b"1")
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
