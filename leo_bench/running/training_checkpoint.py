"""Training checkpoint: the state of a training that has not ended, from which a later attempt goes on.

It is one safetensors file in the folder of the run: the tensors of a Snapshot, and in its metadata as JSON the other
values, whose training it is, and a digest of all this. It is replaced atomically, removed when the training ends, and
never published.
"""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from leo_bench.config import SCHEMA_VERSION
from leo_bench.errors import LeoBenchError
from leo_bench.records import shortened, write_atomic
from leo_bench.running.attempts import TRAINING_CHECKPOINT
from leo_bench.running.checkpoint import weights_digest
from leo_bench.running.provenance import versions
from leo_bench.training.state import Snapshot, TrainingState

log = logging.getLogger("leo_bench")

SECONDS_BETWEEN = 15.0
"""Least training time between two checkpoints, seconds."""
SHARE = 0.005
"""Largest share of the training time that writing may take. A model that takes long to write is written more rarely."""


def identity(run_key: str, numerics: str, data: str, host: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be the same for a training to go on to the same bits.

    numerics, data: digests of the source and of the drawings; host: description of the machine.
    """
    return {
        "schema": SCHEMA_VERSION,
        "run key": run_key,
        "numerics digest": numerics,
        "data digest": data,
        "processor": host["processor"],
        "instructions": host.get("instructions"),
        "GPU": host.get("gpu"),
        "versions": versions(),
    }


def is_due(waited: float, cost: float) -> bool:
    """Return True if a checkpoint is to be written. waited, cost: seconds since the last one, and that it took."""
    return waited >= max(SECONDS_BETWEEN, cost / SHARE)


class TrainingCheckpoint:
    """Training checkpoint of a run, whose lock this process holds. Counts the seconds of the training, in all parts."""

    def __init__(self, folder: Path, owner: dict[str, Any]) -> None:
        """folder: folder of the run; owner: `identity` of its training."""
        self.path, self.owner = folder / TRAINING_CHECKPOINT, owner
        self.resumed_at: list[int] = []
        """Training episodes at which the training was resumed, this attempt included."""
        self.earlier = 0.0
        self.began = self.written = time.perf_counter()
        self.cost = 0.0
        self.n_timed, self.timed = 0, 0.0
        """Number of updates that were timed, and processor seconds of all of them."""
        self.last_update = time.process_time()

    @property
    def train_seconds(self) -> float:
        """Seconds of training. What a stop has lost does not count, nor does the time between two parts."""
        return self.earlier + time.perf_counter() - self.began

    @property
    def update_seconds(self) -> float | None:
        """Mean processor time of one update, seconds of one core; None if no update was timed.

        Other processes do not change it, as they do the time on the clock. Updates that a validation follows are left
        out, and so is the last one.
        """
        return self.timed / self.n_timed if self.n_timed else None

    def begin(self) -> Snapshot | None:
        """Return the state to go on from, or None to start anew, and count the seconds from here.

        A checkpoint that is damaged or of another training is ignored, and the log says why.
        """
        for left in self.path.parent.glob(f".{self.path.name}.*.tmp"):  # of a process killed while it wrote
            left.unlink(missing_ok=True)
        snapshot = None
        if self.path.exists():
            try:
                snapshot, progress = self._read()
                self.earlier = progress["train_seconds"]
                self.resumed_at = [*progress["resumed_at"], snapshot.episode]
                self.n_timed, self.timed = progress.get("n_timed", 0), progress.get("timed", 0.0)
            except LeoBenchError as error:
                log.warning("%s is ignored and the training starts anew: %s", self.path.name, error)
        self.began = self.written = time.perf_counter()
        self.last_update = time.process_time()
        return snapshot

    def _read(self) -> tuple[Snapshot, dict[str, Any]]:
        """Return snapshot and progress in the file. Raises LeoBenchError if it is damaged or of another training."""
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            owner, values, progress = (json.loads(metadata[name]) for name in ("owner", "values", "progress"))
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise LeoBenchError(f"it is damaged ({type(error).__name__}: {shortened(error)})") from None
        if metadata.get("digest") != _digest(tensors, metadata):
            raise LeoBenchError("it is damaged (its content does not have its digest)")
        others = [name for name in self.owner if owner.get(name) != self.owner[name]]
        if others:
            there, here = (shortened(values.get(others[0])) for values in (owner, self.owner))
            raise LeoBenchError(f"it was made with other {others[0]} ({there}, here {here})")
        return Snapshot(tensors, values), progress

    def after_update(self, state: TrainingState) -> None:
        """Time the update that ended and write the state of the training if that is due."""
        if not state.history.validation or state.history.validation[-1][0] != state.episode:
            self.n_timed += 1
            self.timed += time.process_time() - self.last_update
        self.write_if_due(state)
        self.last_update = time.process_time()

    def write_if_due(self, state: TrainingState) -> None:
        """Write the state of the training, unless that was done a short while ago.

        A checkpoint that cannot be written, as on a full disk, is a warning in the log, since the training needs none.
        """
        begin = time.perf_counter()
        if not is_due(begin - self.written, self.cost):
            return
        seconds, snapshot = self.train_seconds, state.snapshot()
        texts = {
            "owner": self.owner,
            "values": snapshot.values,
            "progress": {
                "train_seconds": seconds,
                "resumed_at": self.resumed_at,
                "n_timed": self.n_timed,
                "timed": self.timed,
            },
        }
        metadata = {name: json.dumps(value, allow_nan=False) for name, value in texts.items()}
        metadata["digest"] = _digest(snapshot.tensors, metadata)
        try:
            write_atomic(self.path, save(snapshot.tensors, metadata))
        except LeoBenchError as error:
            log.warning("the training goes on without a new checkpoint: %s", error)
        self.written = time.perf_counter()
        self.cost = self.written - begin

    def remove(self) -> None:
        """Remove the checkpoint, if there is one."""
        self.path.unlink(missing_ok=True)


def _digest(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Return SHA-256 over the tensors and the JSON texts of a training checkpoint."""
    texts = "\0".join(metadata.get(name, "") for name in ("owner", "values", "progress"))
    return hashlib.sha256(f"{weights_digest(dict(tensors))}\0{texts}".encode()).hexdigest()
