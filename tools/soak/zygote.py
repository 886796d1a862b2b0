"""Process that has imported everything, and forks runners and runs on request, so that kills fall on their work.

python -m tools.soak.zygote SOCKET PIDS

A client (client.py) sends its role, its arguments and its outputs, and gets the exit code. Each forked process leaves a
file in the folder PIDS, named by its id, with its role and arguments.
"""

import json
import os
import socket
import sys
import traceback
from pathlib import Path
from types import ModuleType

import leo_bench.running.experiment  # noqa: F401 - imported here, so that no run has to
from leo_bench.running import training_checkpoint, worker
from tools.soak import study
from tools.soak.client import MOST_BYTES

ROLES: dict[str, ModuleType] = {"run": worker, "runner": study}
POLL_SECONDS = 0.05


def serve(path: str, pids: Path) -> None:
    """Fork a process for each client, until this process is ended."""
    # short trainings are to be resumed too
    training_checkpoint.SECONDS_BETWEEN, training_checkpoint.SHARE = 0.3, 0.5
    waiting: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        server.settimeout(POLL_SECONDS)
        while True:
            try:
                client, _ = server.accept()
            except TimeoutError:
                pass
            else:
                message, outputs, _, _ = socket.recv_fds(client, MOST_BYTES, 2)
                child = os.fork()
                if not child:
                    server.close()
                    _become(message, outputs, pids)
                for output in outputs:
                    os.close(output)
                waiting[child] = client
            while waiting:
                ended, status = os.waitpid(-1, os.WNOHANG)
                if not ended:
                    break
                (pids / str(ended)).unlink(missing_ok=True)
                with waiting.pop(ended) as client:
                    code = os.waitstatus_to_exitcode(status)
                    try:
                        client.sendall(str(code).encode())
                    except OSError:  # the client was killed with its runner
                        pass


def _become(message: bytes, outputs: list[int], pids: Path) -> None:
    """Do the work of a request in this forked process, and end it."""
    code = 1
    try:
        role, arguments = json.loads(message)
        (pids / str(os.getpid())).write_text(json.dumps([role, *arguments]), encoding="utf-8")
        os.setsid()
        for number, output in enumerate(outputs, 1):
            os.dup2(output, number)
        code = int(ROLES[role].main(arguments))
    except BaseException:  # noqa: BLE001 - nothing may reach the loop of the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
