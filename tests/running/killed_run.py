"""The process of a run on a tiny bank, with a training checkpoint after each update, that kills itself (SIGKILL).

As the environment says: in the middle of update KILL_IN_UPDATE of this process, or halfway through writing checkpoint
KILL_IN_WRITING.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_bank import tiny_bank

from leo_bench.data.locate import DataSource
from leo_bench.running import training_checkpoint, training_run, worker
from leo_bench.training import outer_loop

BANK = tiny_bank()
training_run.locate = lambda dataset, folder: DataSource("glyphs", "drawn", None)  # type: ignore[assignment]
training_run.load_images = lambda source, image_size: BANK  # type: ignore[assignment]
training_checkpoint.is_due = lambda waited, cost: True

clip, write = outer_loop.nn.utils.clip_grad_norm_, training_checkpoint.write_atomic
calls = {"KILL_IN_UPDATE": 0, "KILL_IN_WRITING": 0}


def is_time(name: str) -> bool:
    calls[name] += 1
    return os.environ.get(name) == str(calls[name])


def clipped(*arguments: Any) -> Any:
    """Stands between the gradients of an update and the change of the weights."""
    if is_time("KILL_IN_UPDATE"):
        os.kill(os.getpid(), signal.SIGKILL)
    return clip(*arguments)


def written(path: Path, data: bytes) -> None:
    if is_time("KILL_IN_WRITING"):
        path.with_name(f".{path.name}.{os.getpid()}.tmp").write_bytes(data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, data)


outer_loop.nn.utils.clip_grad_norm_ = clipped
training_checkpoint.write_atomic = written

if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[1:]))
