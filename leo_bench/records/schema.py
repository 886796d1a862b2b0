"""Schema of the records of runs and studies on disk."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from leo_bench.config import SCHEMA_VERSION, TestSettings, default_of, differing, with_defaults
from leo_bench.records.claims import Claims
from leo_bench.records.names import Name, ProfileName

RUNS, TESTS = "runs", "tests"
"""Folder names: the store of runs, and the tests of a run."""
LOCK = ".lock"
"""File in the folder of a run or search; the process that does it holds its lock."""
LOCK_SECONDS = 2
"""Longest wait for the lock of a run. A process that checks the lock (is_held) takes it for a moment."""
RUN_KEY = re.compile(r"[0-9a-f]{16}")
Status = Literal[
    "done", "missing", "running", "failed", "interrupted", "pruned", "stale", "corrupt", "duplicate", "not counted"
]


RERUN = "remove it and run the study again"
"""How to mend a damaged record of a study or a run."""


class Record(BaseModel):
    """Base of all records: no unknown fields, no NaN, no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    sealed: ClassVar[bool] = False
    """True if the file ends with a digest over all fields, so that an edit by hand is seen (files.py)."""
    remedy: ClassVar[str] = RERUN
    """How to mend a damaged file of this kind, as the end of an error."""


Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
RunKey = Annotated[str, Field(pattern=f"^{RUN_KEY.pattern}$")]
"""Key of a run. It names a folder, so that nothing else may stand in its place."""

RecordT = TypeVar("RecordT", bound=Record)


class CurvePoint(Record):
    """Point of a learning curve: means over the training episodes since the previous point."""

    episode: Count
    train_loss: float
    train_accuracy: Share
    gradient_norm: NotNegative


class ValidationPoint(Record):
    """Accuracies (fractions) on the validation episodes, after and before adaptation."""

    episode: Count
    accuracy: Share
    accuracy_before: Share


class TrainingRecord(Record):
    """Fields of the record of a training, whether it ended or was pruned."""

    schema_version: int = SCHEMA_VERSION
    run_key: RunKey
    settings: dict[str, Any]
    """Settings that training reads, as plain JSON values; of a pruned run all settings."""
    numerics: str
    """Digest of the source that decides the numbers of the run."""


class Result(TrainingRecord):
    """Record of a training: result.json in the folder of the run."""

    sealed = True

    commit: str
    attempt: Count
    started: str
    finished: str
    seeds: dict[str, int]
    data_digest: str
    n_parameters: Count
    parameters_by_part: dict[str, Count]
    n_generated: Count
    """Numbers generated per episode of n_way classes."""
    n_train_episodes: Count
    n_train_images: Count
    batch_norm: str
    train_seconds: NotNegative
    """Training time, seconds; of a resumed training that of all parts."""
    update_seconds: NotNegative | None = None
    """Mean processor time of one update without validation, seconds of one core; None in old records."""
    resumed_at: list[int] = []
    """Training episodes at which the training was resumed after a stop."""
    peak_memory_mb: NotNegative
    multiply_adds: Count | None = None
    """Multiply-adds from the images of one n_way episode to its answers after the last step of the inner loop of
    training; None in old records."""
    weights_digest: str
    """SHA-256 of the trained weights."""
    curve: list[CurvePoint]
    validation: list[ValidationPoint]
    warnings: list[str] = []
    """Faults that the run noticed, such as accuracy at chance, each with its remedy."""
    host: dict[str, str]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        """Raise ValueError if a field does not follow from the others from which it can be computed."""
        total = sum(self.parameters_by_part.values())
        if total != self.n_parameters:
            raise ValueError(f"n_parameters is {self.n_parameters}, but its parts sum up to {total}")
        planned = self.settings.get("n_train_episodes", default_of("n_train_episodes"))
        if planned != self.n_train_episodes:
            raise ValueError(f"n_train_episodes is {self.n_train_episodes}, but its settings have {planned}")
        return self


class AdaptationRecord(Record):
    """Effect of adaptation in a test, from before the first step to after the last, of fine-tuning too.

    Losses and lengths are means over the test episodes. They are None if the learner gives none, or if the mean is
    not finite: then the inner loop diverged.
    """

    queries_changed: Share
    """Share of the queries whose answers differ before and after adaptation."""
    episodes_changed: Share
    """Share of the episodes in which at least one answer differs."""
    corrected: Share
    """Share of the queries with a wrong answer before and the right one after."""
    spoiled: Share
    """Share of the queries with the right answer before and a wrong one after."""
    loss_before: NotNegative | None = None
    """Mean cross-entropy of the inner loop's examples, by the codes before the first step."""
    loss_after: NotNegative | None = None
    """The same by the codes after the last step."""
    loss_finetuned: NotNegative | None = None
    """Mean cross-entropy of the support set after the last fine-tuning step; None without fine-tuning."""
    code_move: NotNegative | None = None
    """Distance of a class code after the last step from where it started, mean over the classes."""
    class_distance: NotNegative | None = None
    """Distance between two class codes before the first step, mean over the pairs of classes."""


class TestResult(Record):
    """Record of one test of a trained model: tests/<test_key>/result.json. Accuracies are fractions."""

    __test__ = False  # not a pytest class
    sealed = True

    schema_version: int = SCHEMA_VERSION
    run_key: RunKey
    test_key: RunKey
    dataset: str
    split: Literal["val", "test"]
    episode_mode: str
    n_way: Positive
    k_shot: Positive
    n_query: Positive
    n_test_episodes: Positive
    inner_steps: int | None = None
    """Inner steps at test; as trained if None."""
    inner_lr: float | None = None
    """Inner step size at test; as trained if None."""
    head: str | None = None
    """Classifier at test; the learner's own if None."""
    inner_temperature: float | None = None
    """Temperature of the inner loss at test; as trained if None."""
    support_copies: str | None = None
    """Copies that enlarge the support set; none if None."""
    head_c: float | None = None
    """Setting test_head_c if the head has such a strength, else None."""
    queries: str | None = None
    """`alone` if each query is answered as if no other were there; together if None."""
    mislabelled: int | None = None
    """Support images of each class that carry the label of the next class; none if None."""
    batch_norm: str
    steps: Annotated[list[int], Field(min_length=1)]
    """Numbers of inner steps after which the model was scored; 0 is before adaptation."""
    accuracy_by_step: list[Share]
    """One mean accuracy per entry of steps."""
    accuracy: Share
    accuracy_ci95: NotNegative
    """Half width of the 95% confidence interval over the test episodes of this model (1.96 standard errors, n - 1)."""
    accuracy_before: Share
    adaptation: AdaptationRecord | None = None
    """Effect of adaptation; None in old records, and for a model that takes no steps."""
    episodes_digest: Annotated[str, Field(pattern=r"^\w+$")]
    """Digest of the test episodes. It names a file, so that nothing else may stand in its place."""
    weights_digest: str
    """SHA-256 of the weights that were scored."""
    numerics: str
    commit: str
    attempt: Count
    started: str
    finished: str
    data_digest: str
    eval_seconds: NotNegative
    """Scoring time, seconds; tests that are scored together share their time equally."""
    adapt_ms: NotNegative | None = None
    """Median time to adapt to one new episode and answer its queries, milliseconds; headline test only. Records up to
    28 November 2026 of methods with a CNN for each episode have the answers at the other scored steps in it too."""
    adapt_core_ms: NotNegative | None = None
    """Mean processor time of the same episodes, with that of gathering their images, milliseconds of one core; headline
    test only. None in old records, and for a GPU, whose work takes no processor time."""
    host: dict[str, str]
    versions: dict[str, str]

    @field_validator("accuracy_by_step")
    @classmethod
    def _one_each(cls, value: list[float], info: ValidationInfo) -> list[float]:
        """Raise ValueError if there is not one accuracy for each of steps."""
        if len(value) != len(info.data.get("steps", value)):
            raise ValueError(f"there are {len(value)} accuracies, but {len(info.data['steps'])} scored steps")
        return value

    @field_validator("adaptation")
    @classmethod
    def _explains_the_gain(cls, value: AdaptationRecord | None, info: ValidationInfo) -> AdaptationRecord | None:
        """Raise ValueError if the answers that changed do not make up the change of the accuracy."""
        if value and {"accuracy", "accuracy_before"} <= info.data.keys():
            gain, explained = info.data["accuracy"] - info.data["accuracy_before"], value.corrected - value.spoiled
            if abs(gain - explained) > 1e-6:
                raise ValueError(f"corrected - spoiled is {explained:.6f}, but the accuracy changes by {gain:.6f}")
        return value

    @property
    def asked(self) -> TestSettings:
        """Settings of this test."""
        return TestSettings(**{name: getattr(self, name) for name in TestSettings.model_fields})


class PrunedRun(TrainingRecord):
    """Learning curve of a run until a search pruned it: attempt-<n>/pruned.json."""

    episode: int
    reason: str
    curve: list[CurvePoint]
    validation: list[ValidationPoint]


class AttemptStatus(Record):
    """State of an attempt, or how it ended: attempt-<n>/status.json."""

    status: Literal["running", "done", "failed", "interrupted", "pruned"]
    started: str
    finished: str | None = None
    message: str = ""
    """Reason for a failure, one line."""
    episode: int = 0
    """Training episodes done when this was written."""
    numerics: str | None = None
    """Digest of the source that decides the numbers of the run; None in old records, as are the next three."""
    commit: str | None = None
    host: dict[str, str] | None = None
    versions: dict[str, str] | None = None


class PlannedRun(Record):
    """A variant with a seed: one training and its tests."""

    variant: str
    seed: Count
    run_key: RunKey
    """Key of the training. Two planned runs that differ only in their tests share it."""
    settings: Annotated[dict[str, Any], AfterValidator(with_defaults), PlainSerializer(differing)]
    """All settings, as plain JSON values; the file has those that differ from their defaults."""
    numerics: str
    """Digest of the source that decides the numbers of the run, when the study was last planned."""


class Plan(Record):
    """A study file expanded at one profile: study.json."""

    schema_version: int = SCHEMA_VERSION
    study: Name
    profile: ProfileName
    question: str
    baseline: str
    margin: float
    """Difference in accuracy that matters, as a fraction."""
    switches: dict[Name, list[str]]
    """Switch -> variants that set it, in drawing order."""
    labels: dict[str, str]
    """Variant -> its name in figures."""
    references: list[str]
    """Variants that figures draw as reference lines, such as learners other than LEO."""
    against: dict[str, str] = {}
    """Variant -> the variant it is compared with, if not the baseline."""
    equal_time: list[str] = []
    """Variants that have the training time, and not the number of training images, of the variant compared with."""
    n_looks: int = 1
    """How often the verdicts are looked at while seeds are added: planned for a study that runs until it is decided,
    counted for one that is published as its runs arrive."""
    accept_stale: bool = False
    whole: dict[str, list[int]] = {}
    """Variant -> seeds that the profile gives it, whatever the calls asked for. Empty in older records."""
    runs: list[PlannedRun]
    claims: Claims | None = None
    """Statements that the study judges; None for a study that compares variants."""
