"""The schema of what a run and a study leave on disk."""

import re
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from leo_bench.config import SCHEMA_VERSION

RUNS = "runs"
RUN_KEY = re.compile(r"[0-9a-f]{16}")
CHARACTERS = "characters"
"""Name in episodes.npz: bytes [n_characters], `Alphabet/character07`; absent from runs made before it was recorded."""
BY_CHARACTER = "{}_by_character"
"""Name in episodes.npz, of a test's array: uint32 [n_characters, 2], queries asked of each character, and those
answered correctly after adaptation."""
Status = Literal["done", "missing", "running", "failed", "interrupted", "pruned", "stale", "corrupt", "duplicate"]


class Record(BaseModel):
    """Base of what is written: no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


RecordT = TypeVar("RecordT", bound=Record)


class TestScore(Record):
    """One trained model on one set of fixed test episodes. Accuracies are fractions."""

    __test__ = False  # not a pytest class

    split: Literal["val", "test"]
    episode_mode: str
    n_way: int
    k_shot: int
    n_query: int
    n_test_episodes: int
    batch_norm: str
    steps: list[int]
    """Inner steps after which the model was scored; 0 is before adaptation."""
    accuracy_by_step: list[float]
    """One mean accuracy per entry of steps."""
    accuracy: float
    accuracy_ci95: float
    """Half width of the 95% interval over this run's test episodes (1.96 standard errors, n - 1)."""
    accuracy_before: float
    episodes_digest: str
    array: str
    """Name in episodes.npz: uint16 [n_test_episodes, len(steps)], correct answers of n_way * n_query."""


class CurvePoint(Record):
    """Means over the training episodes since the previous point."""

    episode: int
    train_loss: float
    train_accuracy: float
    gradient_norm: float


class ValidationPoint(Record):
    episode: int
    accuracy: float
    accuracy_before: float


class Result(Record):
    """result.json: everything that a report needs of one done run."""

    schema_version: int = SCHEMA_VERSION
    run_key: str
    settings: dict[str, Any]
    numerics: str
    """Digest of the parsed source that decides numbers."""
    commit: str
    attempt: int
    started: str
    finished: str
    seeds: dict[str, int]
    data_digest: str
    n_parameters: int
    parameters_by_part: dict[str, int]
    n_generated: int
    n_train_episodes: int
    n_train_images: int
    batch_norm: str
    train_seconds: float
    eval_seconds: float
    adapt_ms: float
    """Time to adapt to one new episode of the headline protocol and answer its queries, milliseconds, median."""
    peak_memory_mb: float
    multiply_adds: int | None = None
    """Counted, from the images of one episode of the headline protocol to its answers; None where it was not
    recorded."""
    weights_digest: str
    curve: list[CurvePoint]
    validation: list[ValidationPoint]
    tests: list[TestScore]
    warnings: list[str] = []
    """What the run found wrong with itself, each with its remedy: accuracy at chance, say."""
    host: dict[str, str]
    versions: dict[str, str]

    @property
    def headline(self) -> TestScore:
        """The test at the run's own ways, mixed alphabets."""
        n_way = self.settings["n_way"]
        return next(test for test in self.tests if test.n_way == n_way and test.episode_mode == "mixed")


class PrunedRun(Record):
    """attempt-<n>/pruned.json: what a run had shown when a search ended it."""

    schema_version: int = SCHEMA_VERSION
    run_key: str
    settings: dict[str, Any]
    numerics: str
    episode: int
    reason: str
    curve: list[CurvePoint]
    validation: list[ValidationPoint]


class AttemptStatus(Record):
    """attempt-<n>/status.json: how an attempt stands, or how it ended."""

    status: Literal["running", "done", "failed", "interrupted", "pruned"]
    started: str
    finished: str | None = None
    message: str = ""
    """One line: why it failed."""
    episode: int = 0
    """Training episodes seen when this was written."""


class PlannedRun(Record):
    variant: str
    seed: int
    run_key: str
    settings: dict[str, Any]


class Plan(Record):
    """study.json: a study file expanded at one profile."""

    schema_version: int = SCHEMA_VERSION
    study: str
    profile: str
    question: str
    baseline: str
    margin: float
    """Difference in accuracy that matters, as a fraction."""
    switches: dict[str, list[str]]
    """Switch -> variants that set it, in the order they are drawn."""
    labels: dict[str, str]
    """Variant -> what a figure calls it."""
    references: list[str]
    """Variants that are not LEO: drawn as lines."""
    numerics: str
    """Digest of the source when the study was last planned."""
    accept_stale: bool = False
    runs: list[PlannedRun]
