"""The schema of what a run and a study leave on disk."""

import re
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from leo_bench.config import SCHEMA_VERSION, TestSettings

RUNS, TESTS = "runs", "tests"
"""Folders: the store of runs, and the tests of a run."""
RUN_KEY = re.compile(r"[0-9a-f]{16}")
CORRECT = "correct"
"""Name in episodes.npz: uint16 [n_test_episodes, len(steps)], correct answers of n_way * n_query."""
CHARACTERS = "characters"
"""Name in episodes.npz: bytes [n_characters], `Alphabet/character07`; absent from runs made before it was recorded."""
BY_CHARACTER = "by_character"
"""Name in episodes.npz: uint32 [n_characters, 2], queries asked of each character, and correct answers among them
after adaptation."""
Status = Literal[
    "done", "missing", "running", "failed", "interrupted", "pruned", "stale", "corrupt", "duplicate", "not counted"
]


class Record(BaseModel):
    """Base of what is written: no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


RecordT = TypeVar("RecordT", bound=Record)


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
    """result.json of a run's folder: its training, and everything that a report needs of it."""

    schema_version: int = SCHEMA_VERSION
    run_key: str
    settings: dict[str, Any]
    numerics: str
    """Digest of the parsed source that decides the run's numbers."""
    commit: str
    attempt: int
    started: str
    finished: str
    seeds: dict[str, int]
    data_digest: str
    n_parameters: int
    parameters_by_part: dict[str, int]
    n_generated: int
    """Numbers generated per episode of n_way classes."""
    n_train_episodes: int
    n_train_images: int
    batch_norm: str
    train_seconds: float
    peak_memory_mb: float
    multiply_adds: int | None = None
    """Counted, from the images of one episode of n_way classes to its answers; None in records made before it was."""
    weights_digest: str
    """SHA-256 of the trained weights."""
    curve: list[CurvePoint]
    validation: list[ValidationPoint]
    warnings: list[str] = []
    """What the run found wrong with itself, each with its remedy, such as accuracy at chance."""
    host: dict[str, str]
    versions: dict[str, str]


class TestResult(Record):
    """tests/<test_key>/result.json: one trained model on one set of fixed test episodes. Accuracies are fractions."""

    __test__ = False  # not a pytest class

    schema_version: int = SCHEMA_VERSION
    run_key: str
    test_key: str
    dataset: str
    split: Literal["val", "test"]
    episode_mode: str
    n_way: int
    k_shot: int
    n_query: int
    n_test_episodes: int
    inner_steps: int | None = None
    """Inner steps at test; as trained if None."""
    inner_lr: float | None = None
    """Inner step size at test; as trained if None."""
    batch_norm: str
    steps: list[int]
    """Inner steps after which the model was scored; 0 is before adaptation."""
    accuracy_by_step: list[float]
    """One mean accuracy per entry of steps."""
    accuracy: float
    accuracy_ci95: float
    """Half width of the 95% interval over the test episodes of this model (1.96 standard errors, n - 1)."""
    accuracy_before: float
    episodes_digest: str
    weights_digest: str
    """SHA-256 of the weights that were scored: those of the run's training."""
    numerics: str
    commit: str
    attempt: int
    started: str
    finished: str
    data_digest: str
    eval_seconds: float
    """This test's share of the time in which it was scored, together with others on the same data set, seconds."""
    adapt_ms: float | None = None
    """Time to adapt to one new episode and answer its queries, milliseconds, median; of the headline test alone."""
    host: dict[str, str]
    versions: dict[str, str]

    @property
    def asked(self) -> TestSettings:
        """The settings of this test."""
        return TestSettings(**{name: getattr(self, name) for name in TestSettings.model_fields})


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
    """A variant with a seed: one training, and the tests that its settings ask for."""

    variant: str
    seed: int
    run_key: str
    """Key of the training; two planned runs that differ in their tests alone share it."""
    settings: dict[str, Any]
    """All settings, as plain JSON values."""
    numerics: str
    """Digest of the source that decides the run's numbers, when the study was last planned."""


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
    against: dict[str, str] = {}
    """Variant -> the variant that it is compared with, if that is not the baseline."""
    accept_stale: bool = False
    runs: list[PlannedRun]
