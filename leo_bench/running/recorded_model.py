"""The weights and the data of a recorded training, or one line that says why they are not at hand."""

from pathlib import Path
from shlex import quote

import torch

from leo_bench.data.bank import ImageBank
from leo_bench.errors import LeoBenchError
from leo_bench.records import Result
from leo_bench.running.checkpoint import CHECKPOINT, load_weights


def recorded_weights(folder: Path, result: Result) -> dict[str, torch.Tensor]:
    """Return the trained weights of the run in folder; none for a learner without parameters.

    Raises LeoBenchError if its checkpoint is missing, or is not that of its record.
    """
    if result.n_parameters and not (folder / CHECKPOINT).exists():
        results = folder.absolute().parents[1]
        first = "train it here"
        if results.name == "official":
            results = results.parent
        elif (folder / "result.json").exists():
            first = f"remove {folder}/result.json, by which it counts as done, and train it again"
        option = "" if results == Path("results").absolute() else f" --results {quote(str(results))}"
        raise LeoBenchError(
            f"run {result.run_key} has no weights here ({folder / CHECKPOINT}; they are not published); {first}: "
            f"leo-bench run --key {result.run_key}{option}"
        )
    return load_weights(folder, result.weights_digest)


def check_data(bank: ImageBank, result: Result) -> None:
    """Raise LeoBenchError if the data at hand is not that of a recorded training."""
    if bank.digest != result.data_digest:
        raise LeoBenchError(
            f"run {result.run_key} was trained on {bank.name} with digest {result.data_digest[:12]}, but the data here "
            f"has digest {bank.digest[:12]}; name the folder of the recorded data with --data"
        )
