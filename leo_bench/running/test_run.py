"""Tests of one trained model: scores on fixed episodes, with one record for each test."""

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from leo_bench.config import Settings, TestSettings
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, EpisodeSpec, fixed_episodes
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.learners.base import Learner
from leo_bench.records import (
    BY_CHARACTER,
    CHARACTERS,
    CORRECT,
    TESTS,
    AdaptationRecord,
    TestResult,
    write_arrays,
    write_record,
)
from leo_bench.running import provenance
from leo_bench.running.checkpoint import trained_learner, weights_digest
from leo_bench.running.process import host
from leo_bench.training.adaptation import Adaptation
from leo_bench.training.answering_alone import answering_alone
from leo_bench.training.answering_once import answering_once
from leo_bench.training.evaluate import Scores, Shifts, adapt_seconds, score

log = logging.getLogger("leo_bench")

TIMED_EPISODES = 9
"""Episodes in which adapting is timed."""


def episodes_of(test: TestSettings, bank: ImageBank, settings: Settings) -> Episodes:
    """Return the fixed episodes of a test, the same for every variant, learner and seed.

    The class split is that of the run, or `lake` for another data set. Raises LeoBenchError if the data has too few
    classes or drawings.
    """
    spec = EpisodeSpec(test.n_way, test.k_shot, test.n_query, test.episode_mode, test.mislabelled or 0)
    class_split = settings.class_split if test.dataset == settings.dataset else "lake"
    return fixed_episodes(bank, class_split, test.split, spec, test.n_test_episodes)


def score_tests(
    folder: Path,
    settings: Settings,
    numerics: str,
    weights: dict[str, torch.Tensor],
    tests: Mapping[str, TestSettings],
    bank: ImageBank,
    attempt: int,
) -> list[TestResult]:
    """Score a trained model on tests of one data set, and write one record for each test.

    folder: folder of the run. numerics: digest of the source that scores. tests: test key -> test. Tests with the
    same head and inner loop are scored together, so that each image passes the CNN once.
    """
    by_method: dict[tuple[object, ...], dict[str, TestSettings]] = {}
    for key, test in tests.items():
        by_method.setdefault(test.method, {})[key] = test
    written = []
    digest = weights_digest(weights)
    for together in by_method.values():
        first = next(iter(together.values()))
        learner, copies = tested_learner(settings, weights, first), SUPPORT_COPIES[first.support_copies or "none"]
        episodes = {key: episodes_of(test, bank, settings) for key, test in together.items()}
        started, begin = provenance.now(), time.perf_counter()
        scores = dict(zip(together, score(learner, bank, list(episodes.values()), copies), strict=True))
        seconds = (time.perf_counter() - begin) / len(together)
        for key, test in together.items():
            headline = (test.n_way, test.k_shot, test.episode_mode, test.dataset, test.mislabelled) == (
                settings.n_way,
                settings.k_shot,
                "mixed",
                settings.dataset,
                None,
            )
            record = TestResult(
                run_key=settings.run_key,
                test_key=key,
                **test.model_dump(),
                **_accuracies(scores[key], learner),
                weights_digest=digest,
                numerics=numerics,
                commit=provenance.commit(),
                attempt=attempt,
                started=started,
                finished=provenance.now(),
                data_digest=bank.digest,
                eval_seconds=seconds,
                **(_adapting_times(learner, bank, _timed_episodes(test, bank, settings), copies) if headline else {}),
                host=host(bank.images.device),
                versions=provenance.versions(),
            )
            write_test(folder, record, scores[key], bank)
            log.info(
                "%s on %s: %.4f +- %.4f, before adaptation %.4f",
                test.name,
                test.dataset,
                record.accuracy,
                record.accuracy_ci95,
                record.accuracy_before,
            )
            written.append(record)
    return written


def tested_learner(settings: Settings, weights: dict[str, torch.Tensor], test: TestSettings) -> Learner:
    """Return the trained learner that answers a test, in eval mode: with its head and inner loop, and its queries
    alone if the test asks for it."""
    learner = trained_learner(settings, weights, test)
    return answering_alone(learner) if test.queries == "alone" else learner


def _timed_episodes(test: TestSettings, bank: ImageBank, settings: Settings) -> Episodes:
    """Return the episodes of a test, with the queries of training, so that times do not depend on test_n_query."""
    n_query = min(settings.n_query, bank.images.shape[1] - test.k_shot)
    return episodes_of(test.model_copy(update={"n_query": n_query}), bank, settings)


def write_test(run: Path, record: TestResult, scores: Scores, bank: ImageBank) -> None:
    """Write counts and record of one test of a run, the record last."""
    characters = np.unique(scores.episodes.characters)
    arrays = {
        CORRECT: scores.correct.astype(np.uint16),
        CHARACTERS: np.array([bank.characters[index] for index in characters], dtype=np.bytes_),
        BY_CHARACTER: scores.by_character(characters).astype(np.uint32),
    }
    write_arrays(run, record, arrays)
    write_record(run / TESTS / record.test_key / "result.json", record)


def _adapting_times(learner: Learner, bank: ImageBank, episodes: Episodes, copies: Shifts) -> dict[str, float | None]:
    """Return the fields of a record with the time to adapt to one new episode and answer its queries, once."""
    begin = time.process_time()
    seconds = adapt_seconds(answering_once(learner), bank.images, episodes, copies, TIMED_EPISODES)
    core_seconds = (time.process_time() - begin) / TIMED_EPISODES
    return {
        "adapt_ms": 1000 * seconds,
        "adapt_core_ms": None if bank.images.is_cuda else 1000 * core_seconds,
    }


def _accuracies(scores: Scores, learner: Learner) -> dict[str, object]:
    """Return the fields of a record that follow from the scores."""
    spec, effect = scores.episodes.spec, scores.adaptation
    means = [float(mean) for mean in scores.accuracies.mean(0)]
    error = float(scores.accuracies[:, -1].std(ddof=1)) / len(scores.accuracies) ** 0.5
    return {
        "batch_norm": learner.batch_norm,
        "steps": scores.steps,
        "accuracy_by_step": means,
        "accuracy": means[-1],
        "accuracy_ci95": 1.96 * error,
        "accuracy_before": means[0],
        "adaptation": None if effect is None else adaptation_record(effect, spec.n_way * spec.n_query),
        "episodes_digest": scores.episodes.digest(),
    }


def adaptation_record(adaptation: Adaptation, n_queries: int) -> AdaptationRecord:
    """Return the means over the episodes. n_queries: queries of an episode."""
    changed, corrected, spoiled, loop = adaptation
    statistics = {} if loop is None else loop._asdict()
    return AdaptationRecord(
        queries_changed=changed.double().mean().item() / n_queries,
        episodes_changed=(changed > 0).double().mean().item(),
        corrected=corrected.double().mean().item() / n_queries,
        spoiled=spoiled.double().mean().item() / n_queries,
        **{name: _finite_mean(values) for name, values in statistics.items()},
    )


def _finite_mean(values: torch.Tensor | None) -> float | None:
    """Return the mean; None if there are no values, or if it is not finite."""
    mean = math.nan if values is None else values.double().mean().item()
    return mean if math.isfinite(mean) else None
