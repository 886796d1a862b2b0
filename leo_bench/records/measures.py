"""Record of the measures of one trained model: measures.json in the folder of the run."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from leo_bench.config import SCHEMA_VERSION
from leo_bench.errors import LeoBenchError
from leo_bench.records.files import read_record
from leo_bench.records.schema import Count, Positive, Record, Result, RunKey

MEASURES = "measures.json"
"""Name of the file in the folder of a run."""
MOST_EPISODES = 200
"""Most episodes of a record, so that published records stay small."""

MeasureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Measure(Record):
    """One measured number."""

    value: float
    per_episode: Annotated[list[float], Field(max_length=MOST_EPISODES)]
    """Part of each episode, rounded to 6 digits. The value is their mean. Empty for a measure of all together."""
    unit: str
    what: str
    """Meaning, in one sentence."""


class Measures(Record):
    """Measures of a trained model on fixed test episodes of the data set it was trained on."""

    sealed = True

    schema_version: int = SCHEMA_VERSION
    run_key: RunKey
    weights_digest: str
    """SHA-256 of the weights that were measured."""
    data_digest: str
    episodes_digest: str
    numerics: str
    """Digest of the source that measures."""
    n_way: Positive
    k_shot: Positive
    n_episodes: Positive
    n_within_alphabet: Count
    """Episodes, the last ones, whose classes come from one alphabet; those before have mixed alphabets."""
    inner_steps: int | None = None
    """Inner steps; as trained if None."""
    inner_lr: float | None = None
    """Inner step size; as trained if None."""
    inner_temperature: float | None = None
    """Temperature of the inner loss; as trained if None."""
    support_copies: str | None = None
    """Copies that enlarge the support set; none if None."""
    commit: str
    versions: dict[str, str]
    measures: dict[MeasureName, Measure]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        """Raise ValueError if a measure has another number of episodes, or another value than its episodes give."""
        for name, measure in self.measures.items():
            parts = measure.per_episode
            if not parts:
                continue
            if len(parts) != self.n_episodes:
                raise ValueError(f"{name} has {len(parts)} episodes, but there are {self.n_episodes}")
            mean, size = sum(parts) / len(parts), sum(map(abs, parts)) / len(parts)
            if abs(mean - measure.value) > 1e-5 * size:  # the parts are rounded
                raise ValueError(f"{name} is {measure.value:g}, but its episodes have the mean {mean:g}")
        return self


def read_measures(folder: Path, trained: Result) -> Measures | None:
    """Return the measures of the run in folder; None if there are none of these weights.

    trained: record of the training. Raises LeoBenchError if the record is damaged or of another run.
    """
    path = folder / MEASURES
    if not path.exists():
        return None
    remedy = f"remove it and measure again: leo-bench measure {trained.run_key}"
    found = read_record(path, Measures, remedy)
    if found.run_key != trained.run_key:
        raise LeoBenchError(f"{path} is the record of another run ({found.run_key}); {remedy}")
    return found if found.weights_digest == trained.weights_digest else None
