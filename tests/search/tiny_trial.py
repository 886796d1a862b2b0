"""A trial's process on a tiny bank: all of leo_bench.search.worker, with its data in place of Omniglot.

As the environment says, the process dies (SIGKILL) at a validation of a trial, or waits to be stopped at the first one:
DIE_AT="NUMBER EPISODE"; WAIT_AT=NUMBER, and the file WAITS is made. A training writes a checkpoint after each update.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import optuna
from tiny_bank import tiny_bank

from leo_bench.data.locate import DataSource
from leo_bench.running import training_checkpoint, training_run
from leo_bench.search import worker

BANK = tiny_bank()
training_run.locate = lambda dataset, folder: DataSource("glyphs", "drawn", None)  # type: ignore[assignment]
training_run.load_images = lambda source, image_size: BANK  # type: ignore[assignment]
training_checkpoint.is_due = lambda waited, cost: True

report = optuna.Trial.report


def watched(self: optuna.Trial, value: float, step: int) -> None:
    report(self, value, step)
    if os.environ.get("DIE_AT") == f"{self.number} {step}":
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("WAIT_AT") == str(self.number):
        Path(os.environ["WAITS"]).touch()
        time.sleep(60)


optuna.Trial.report = watched  # type: ignore[method-assign]

if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    sys.exit(worker.main(arguments))
