"""Training steps on a GPU beside the same steps on one core of its machine: python -m benchmarks.gpu FOLDER.

A step is what `train` does for one meta-batch, from drawing the episodes to the optimiser's update. On the GPU it is
timed as it is, replayed as a CUDA graph, and with every operation launched from Python.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch

from leo_bench.config import Settings, make_settings
from leo_bench.data.bank import ImageBank
from leo_bench.errors import LeoBenchError
from leo_bench.learners.factory import build
from leo_bench.records import make_folder, write_atomic
from leo_bench.running import process, provenance
from leo_bench.running.child_processes import exit_code
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.training_run import load_bank
from leo_bench.training import outer_loop
from leo_bench.training.state import TrainingState


@dataclass(frozen=True)
class Step:
    """A training step to time, by a preset and settings on top of it."""

    name: str
    preset: str
    settings: dict[str, Any] = field(default_factory=dict)


ONE_QUERY = {"train_n_query": 1, "meta_batch_size": 32, "transductive": True, "inner_lr": 0.4}
STEPS = (
    Step("leo", "leo"),
    Step("leo, 64 episodes", "leo", {"meta_batch_size": 64}),
    Step("tuned", "tuned"),
    Step("protonet by the recipe of tuned", "tuned", {"learner": "protonet"}),
    Step("maml, 5 inner steps", "documented", {"learner": "maml", "inner_lr": 0.1, "inner_steps": 5}),
    Step("maml as published, 32 episodes", "documented", {"learner": "maml", "inner_steps": 1, **ONE_QUERY}),
    Step("leo at 105x105", "leo", {"image_size": 105}),
    Step("leo at 105x105, 32 episodes", "leo", {"image_size": 105, "meta_batch_size": 32}),
)

BLOCKS = 5
"""Timings of a step, each of several updates."""
WAYS_TO_COMPUTE = (
    ("cuda", "float32", True),
    ("cuda", "float32", False),
    ("cuda", "bfloat16", True),
    ("cpu", "float32", False),
)
"""Device, precision, and True for a CUDA graph."""


def timed(step: Step, bank: ImageBank, settings: Settings, graph: bool) -> list[dict[str, Any]]:
    """Return a row for each timing: seconds of an update, the mean over a block of updates, and peak memory in MiB.

    The first block warms up. The last has no time, because no update follows the last one.
    """
    on_gpu = settings.device == "cuda"
    per_block = 20 if on_gpu else 2
    begin, n_updates, times = 0.0, 0, []

    def after_update(state: TrainingState) -> None:
        nonlocal begin, n_updates
        n_updates += 1
        if n_updates % per_block == 0:
            if on_gpu:
                torch.cuda.synchronize()
            now = time.perf_counter()
            times.append((now - begin) / per_block)
            begin = now

    learner = build(settings).to(bank.images.device)
    if on_gpu:  # what the step before has left must not count as memory of this one
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with patch.object(outer_loop, "graphed_on_gpu", outer_loop.graphed_on_gpu if graph else lambda work, device: work):
        outer_loop.train(learner, bank, settings, after_update=after_update)
    return [
        {
            "step": step.name,
            "episodes": settings.meta_batch_size,
            "device": settings.device,
            "precision": settings.precision,
            "graph": graph,
            "seconds": seconds,
            "peak_mb": round(process.peak_memory_mb(bank.images.device)) if on_gpu else "",
        }
        for seconds in times[1 : BLOCKS + 1]
    ]


def settings_for(step: Step, device: str, precision: str) -> Settings:
    """Return the settings of a training just long enough for the timings."""
    machine = {"device": device, "precision": precision, "threads": 1}
    size = {"image_size": 28} | step.settings
    batch = size.get("meta_batch_size", make_settings({}, step.preset).meta_batch_size)
    n_updates = (BLOCKS + 2) * (20 if device == "cuda" else 2)
    length = {"n_train_episodes": batch * n_updates, "val_every": 10**9, "n_val_episodes": 4}
    return make_settings(size | length | machine, step.preset)


def main(folder: Path) -> None:
    """Write machine.json into folder, time all steps, and write timings.csv after each of them.

    Raises LeoBenchError without a GPU, or if folder is a file.
    """
    if not torch.cuda.is_available():
        raise LeoBenchError("torch finds no CUDA device; these timings need one")
    device = process.prepare(settings_for(STEPS[0], "cuda", "float32"))
    make_folder(folder)
    digests = {name: numerics_digest(name, "omniglot") for name in ("leo", "protonet", "maml")}
    facts = {**process.host(device), **provenance.versions(), "numerics": digests}
    write_atomic(folder / "machine.json", (json.dumps(facts, indent=1) + "\n").encode())
    rows: list[dict[str, Any]] = []
    for step in STEPS:
        for name, precision, graph in WAYS_TO_COMPUTE:
            settings = settings_for(step, name, precision)
            process.prepare(settings)
            bank = load_bank("auto", settings.image_size, None, torch.device(name))
            try:
                rows += timed(step, bank, settings, graph)
            except torch.OutOfMemoryError:
                print(f"{step.name}, {name}, {precision}: out of memory", flush=True)
                continue
            middle = statistics.median(row["seconds"] for row in rows[-BLOCKS:])
            print(f"{step.name}, {name}, {precision}, graph {graph}: {1000 * middle:.2f} ms", flush=True)
            write_atomic(folder / "timings.csv", pd.DataFrame(rows).to_csv(index=False).encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="folder for the timings")
    given = parser.parse_args()
    sys.exit(exit_code(lambda: main(given.folder)))
