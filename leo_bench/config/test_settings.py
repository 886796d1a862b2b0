"""Tests of a trained model, derived from its settings."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from leo_bench.config.settings import SCHEMA_VERSION, Settings
from leo_bench.data import DATASETS

SHIFTED_WAYS = 20
"""Ways of a test on another data set. A data set with fewer classes is tested on all of them."""

METHOD = ("inner_steps", "inner_lr", "inner_temperature", "support_copies", "head", "head_c", "queries")
"""Settings of a test that decide how a trained model answers it."""


class TestSettings(BaseModel):
    """One test of a trained model: its fixed episodes, its classifier and its inner loop."""

    __test__ = False  # not a pytest class
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dataset: str
    split: Literal["test", "val"]
    episode_mode: Literal["mixed", "within_alphabet"]
    n_way: int
    k_shot: int
    n_query: int
    n_test_episodes: int
    inner_steps: int | None = None
    """Inner steps at test; as trained if None."""
    inner_lr: float | None = None
    """Inner step size at test; as trained if None."""
    inner_temperature: float | None = None
    """Temperature of the inner loss at test; as trained if None."""
    support_copies: str | None = None
    """Copies that enlarge the support set; none if None."""
    head: str | None = None
    """Classifier at test; the learner's own if None."""
    head_c: float | None = None
    """Setting test_head_c if the head has such a strength, else None."""
    queries: str | None = None
    """`alone` if each query is answered as if no other were there; together if None."""
    mislabelled: int | None = None
    """Support images of each class that carry the label of the next class; none if None."""

    @property
    def episodes_name(self) -> str:
        """Name of the kind of episodes: `20-way 1-shot mixed`, `10-way 5-shot mixed, 1 of 5 mislabelled`."""
        words = f"{self.n_way}-way {self.k_shot}-shot {self.episode_mode.replace('_', ' ')}"
        return f"{words}, {self.mislabelled} of {self.k_shot} mislabelled" if self.mislabelled else words

    @property
    def method(self) -> tuple[Any, ...]:
        """Values of METHOD: tests with equal values are answered by one classifier."""
        return tuple(getattr(self, name) for name in METHOD)

    def method_settings(self) -> dict[str, Any]:
        """Return the settings of a run that ask for this classifier, inner loop and support copies."""
        return {
            "test_inner_steps": self.inner_steps,
            "test_inner_lr": self.inner_lr,
            "test_inner_temperature": self.inner_temperature,
            "test_support_copies": self.support_copies or "none",
            "test_queries": self.queries or "together",
            "test_head": self.head or "own",
            "test_head_c": Settings.model_fields["test_head_c"].default if self.head_c is None else self.head_c,
        }

    @property
    def name(self) -> str:
        """Name of the test, without its data set: that of its episodes, then its head and its inner loop."""
        words = self.episodes_name
        if self.head is not None:
            words += f", {self.head.replace('_', ' ')}"
        if self.head_c is not None:
            words += f" C {self.head_c:g}"
        if self.inner_steps is not None:
            words += f", {self.inner_steps} steps"
        if self.inner_lr is not None:
            words += f", rate {self.inner_lr:g}"
        if self.inner_temperature is not None:
            words += f", temperature {self.inner_temperature:g}"
        if self.support_copies is not None:
            words += f", {self.support_copies} copies"
        if self.queries is not None:
            words += f", queries {self.queries}"
        return words


def test_key(run_key: str, test: TestSettings) -> str:
    """Return 16 hexadecimal digits of SHA-256 over a run key and the settings of one test.

    Settings at None are left out, so a new setting does not change the keys of old tests.
    """
    values = test.model_dump(mode="json", exclude_none=True)
    text = json.dumps({"schema": SCHEMA_VERSION, "run": run_key, **values}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


test_key.__test__ = False  # type: ignore[attr-defined]  # not a test


def planned_tests(settings: Settings) -> list[TestSettings]:
    """Return the tests that settings ask for. The headline test (own ways and shots, mixed) is first.

    Shots that leave no drawing for a query are left out. If drawings are short, there are fewer queries.
    Tests with wrong labels come last: one beside each test in which most labels of a class stay right.
    """
    ways = dict.fromkeys((settings.n_way, *(settings.test_n_ways if settings.any_way else ())))
    shots = dict.fromkeys((settings.k_shot, *settings.test_k_shots))
    modes = dict.fromkeys(("mixed", *settings.test_modes))
    own = [k_shot for k_shot in shots if k_shot < DATASETS[settings.dataset].n_drawings]
    tests = [
        _test(settings, settings.dataset, mode, n_way, k_shot) for k_shot in own for n_way in ways for mode in modes
    ]
    for dataset in dict.fromkeys(settings.test_datasets):
        if dataset != settings.dataset:
            own_ways = (
                min(SHIFTED_WAYS, DATASETS[dataset].n_classes(settings.test_split)),
                *settings.test_dataset_ways,
            )
            tests += [
                _test(settings, dataset, "mixed", n_way, k_shot)
                for n_way in (dict.fromkeys(own_ways) if settings.any_way else [settings.n_way])
                for k_shot in shots
                if k_shot < DATASETS[dataset].n_drawings
            ]
    m = settings.test_mislabelled
    wrong = [test.model_copy(update={"mislabelled": m}) for test in tests if test.k_shot > 2 * m] if m else []
    return tests + wrong


def _test(settings: Settings, dataset: str, mode: str, n_way: int, k_shot: int) -> TestSettings:
    n_query = settings.n_query if settings.test_n_query is None else settings.test_n_query
    values: Mapping[str, Any] = {
        "dataset": dataset,
        "split": settings.test_split,
        "episode_mode": mode,
        "n_way": n_way,
        "k_shot": k_shot,
        "n_query": min(n_query, DATASETS[dataset].n_drawings - k_shot),
        "n_test_episodes": settings.n_test_episodes,
        "inner_steps": settings.test_inner_steps,
        "inner_lr": settings.test_inner_lr,
        "inner_temperature": settings.test_inner_temperature,
        "support_copies": None if settings.test_support_copies == "none" else settings.test_support_copies,
        "queries": None if settings.test_queries == "together" else settings.test_queries,
        "head": None if settings.test_head == "own" else settings.test_head,
        "head_c": settings.test_head_c if settings.test_head == "logistic_regression" else None,
    }
    return TestSettings(**values)
