"""Builds a results/ tree by hand: plans, results and episode counts that no training made."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leo_bench.config import Settings, make_settings, training_settings
from leo_bench.records import (
    AttemptStatus,
    CurvePoint,
    Plan,
    PlannedRun,
    Result,
    TestResult,
    ValidationPoint,
    tests_of,
    write_atomic,
    write_record,
    write_settings,
)
from leo_bench.records.files import DIGEST, read_json, record_digest
from leo_bench.running.numerics import numerics_digest

Counts = Callable[[str, int, int, str], np.ndarray]
"""(variant, seed, n_way, episode_mode) -> correct answers, [n_test_episodes, n_steps + 1]."""
Characters = Callable[[str, int, np.ndarray, int], dict[str, tuple[int, int]]]
"""(variant, seed, correct answers as Counts gives them, queries an episode) -> character -> (asked, correct)."""

NUMERICS = "0123456789ab"


def make_plan(
    variants: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    base: Mapping[str, Any] | None = None,
    switches: dict[str, list[str]] | None = None,
    references: Sequence[str] = (),
    study: str = "ablations",
    profile: str = "cpu",
    margin: float = 0.005,
    numerics: str | None = NUMERICS,
) -> Plan:
    """A plan whose first variant is the baseline; each variant is base settings with its own on top.

    numerics: digest of the source; of the source as it is if None.
    """
    shared = {"decode": "class", "image_size": 28, "n_test_episodes": 12, **(base or {})}
    runs = []
    for seed in seeds:
        for name, values in variants.items():
            settings = make_settings({**shared, **values, "seed": seed})
            runs.append(planned(settings, name, numerics or numerics_digest(settings.learner, settings.dataset)))
    return Plan(
        study=study,
        profile=profile,
        question="What is each part of LEO worth?",
        baseline=next(iter(variants)),
        margin=margin,
        switches=switches or {},
        labels={name: name for name in variants},
        references=list(references),
        runs=runs,
    )


def planned(settings: Settings, variant: str, numerics: str = NUMERICS) -> PlannedRun:
    """Settings as a planned run."""
    return PlannedRun(
        variant=variant,
        seed=settings.seed,
        run_key=settings.run_key,
        settings=settings.canonical(),
        numerics=numerics,
    )


def write_study(results: Path, plan: Plan) -> Path:
    folder = results / f"{plan.study}-{plan.profile}"
    write_record(folder / "study.json", plan)
    return folder


def write_run(
    results: Path, plan: Plan, run: PlannedRun, counts: Counts, characters: Characters | None = None, **changes: Any
) -> Path:
    """One done run: its training and its tests. `changes` replace fields of the training's record; `numerics`,
    `data_digest` and `weights_digest` those of the tests too, `steps`, `adapt_ms` and `eval_seconds` those of the tests
    alone; `folder` is where the run goes instead of the store.

    Without `characters` it is a run made before counts by character were recorded.
    """
    settings = make_settings(run.settings)
    folder = changes.pop("folder", results / "runs" / run.run_key)
    steps = changes.pop("steps", list(range(settings.inner_steps + 1)) if settings.learner == "leo" else [0])
    batch_norm = changes.get("batch_norm", "running")
    common = {
        "numerics": run.numerics,
        "data_digest": "5f1c0ffee5f1c0ffee",
        "weights_digest": f"weights of {run.run_key}",
        **{name: changes[name] for name in ("numerics", "data_digest", "weights_digest") if name in changes},
    }
    own = {
        "adapt_ms": changes.pop("adapt_ms", 4.0 + settings.inner_steps),
        "eval_seconds": changes.pop("eval_seconds", 20.0) / len(tests_of(run)),
    }
    made = {
        "commit": "abc123def456",
        "attempt": 1,
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:14:05+00:00",
        "host": {"system": "Linux", "processor": "Some CPU", "cores": "2", "memory_gb": "8"},
        "versions": {"python": "3.11.7", "torch": "2.15.0"},
    }
    final = None
    for key, test in tests_of(run).items():
        correct = counts(run.variant, run.seed, test.n_way, test.episode_mode).astype(np.uint16)
        correct = np.minimum(correct, np.uint16(test.n_way * test.n_query))  # of a variant with fewer queries
        arrays = {"correct": correct}
        if characters is not None:
            found = characters(run.variant, run.seed, correct, test.n_way * test.n_query)
            arrays["characters"] = np.array([character.encode() for character in found])
            arrays["by_character"] = np.array(list(found.values()), np.uint32)
        fractions = correct / (test.n_way * test.n_query)
        means = fractions.mean(axis=0)
        record = TestResult(
            run_key=run.run_key,
            test_key=key,
            **test.model_dump(),
            batch_norm=batch_norm,
            steps=steps,
            accuracy_by_step=means.tolist(),
            accuracy=float(means[-1]),
            accuracy_ci95=float(1.96 * fractions[:, -1].std(ddof=1) / np.sqrt(len(correct))),
            accuracy_before=float(means[0]),
            episodes_digest=f"{test.n_way}{test.episode_mode[0]}{test.k_shot}{settings.image_size}",
            **common,
            **made,
            **(own if final is None else {**own, "adapt_ms": None}),
        )
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        write_atomic(folder / "tests" / key / "episodes.npz", buffer.getvalue())
        write_record(folder / "tests" / key / "result.json", record)
        final = record.accuracy if final is None else final
    assert final is not None
    points = np.linspace(0.1, 1.0, 8) * max(settings.n_train_episodes, 1)
    rise = 1 - np.exp(-4 * points / max(settings.n_train_episodes, 1))
    fields: dict[str, Any] = {
        "run_key": run.run_key,
        "settings": training_settings(run.settings),
        **common,
        **made,
        "seeds": {"root": run.seed, "init": 11 + run.seed},
        "n_parameters": 210_000 + settings.latent_dim * 100,
        "parameters_by_part": {"classifier": 112_000, "decoder": 98_000 + settings.latent_dim * 100},
        "n_generated": 325,
        "n_train_episodes": settings.n_train_episodes,
        "n_train_images": settings.n_train_images,
        "batch_norm": batch_norm,
        "train_seconds": 60.0 + 10 * settings.inner_steps + run.seed,
        "peak_memory_mb": 700.0,
        "curve": [
            CurvePoint(
                episode=int(p), train_loss=2 * (1 - r) + 0.1, train_accuracy=0.2 + (final - 0.2) * r, gradient_norm=1.0
            )
            for p, r in zip(points, rise, strict=True)
        ],
        "validation": [
            ValidationPoint(
                episode=int(p),
                accuracy=max(0.2 + (final - 0.22) * r, 0),
                accuracy_before=max(0.2 + (final - 0.24) * r, 0),
            )
            for p, r in list(zip(points, rise, strict=True))[1::2]
        ],
    }
    write_settings(folder, settings)
    write_record(folder / "result.json", Result(**{**fields, **changes}))
    return folder


def seal(path: Path) -> None:
    """Give a record that a test has edited the digest of its new content, as if it had been written so."""
    values = read_json(path)
    if DIGEST in values:
        path.write_text(json.dumps({**values, DIGEST: record_digest(values)}))


def edit_record(path: Path, **changes: Any) -> None:
    """Change fields of a record on disk, as if it had been written so."""
    path.write_text(json.dumps({**read_json(path), **changes}))
    seal(path)


def write_attempt(results: Path, run: PlannedRun, status: str, message: str = "", episode: int = 0) -> Path:
    """The trace of an attempt that did not end in a result."""
    folder = results / "runs" / run.run_key
    record = AttemptStatus(status=status, started="2026-01-02T03:04:05+00:00", message=message, episode=episode)  # type: ignore[arg-type]
    write_record(folder / "attempt-1" / "status.json", record)
    return folder


def binomial_counts(
    accuracy: Callable[[str, int, int, str], tuple[float, float]], n_episodes: int, steps: Mapping[str, int]
) -> Counts:
    """Plausible counts: accuracy(variant, seed, n_way, mode) -> (before, after); episodes share their difficulty over
    runs.
    """

    def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
        before, after = accuracy(variant, seed, n_way, mode)
        n_steps = steps.get(variant, 5)
        shared = np.random.default_rng([n_way, len(mode)]).normal(0, 0.03, n_episodes)
        rng = np.random.default_rng([n_way, len(mode), seed, *variant.encode()])
        n_queries = n_way * 15
        columns = []
        for step in range(n_steps + 1):
            mean = after if n_steps == 0 else before + (after - before) * (1 - 0.5**step) / (1 - 0.5**n_steps)
            columns.append(rng.binomial(n_queries, np.clip(mean + shared, 0.01, 0.99)))
        return np.stack(columns, axis=1)

    return counts


def plausible_characters(variant: str, seed: int, correct: np.ndarray, n_queries: int) -> dict[str, tuple[int, int]]:
    """60 characters of 6 alphabets, asked about equally often; the same ones are hard for all variants."""
    names = [f"{alphabet}/character{number:02d}" for alphabet in ALPHABETS for number in range(1, 11)]
    total, missed = correct.shape[0] * n_queries, correct.shape[0] * n_queries - int(correct[:, -1].sum())
    asked = np.full(len(names), total // len(names))
    asked[: total % len(names)] += 1
    rng = np.random.default_rng([seed, *variant.encode()])
    hardness = np.random.default_rng(0).gamma(2.0, size=len(names)) * rng.gamma(20.0, size=len(names))
    wrong = np.minimum(rng.multinomial(missed, hardness / hardness.sum()), asked)
    while wrong.sum() < missed:
        wrong[np.argmax(asked - wrong)] += 1
    return {name: (int(n), int(n - k)) for name, n, k in zip(names, asked, wrong, strict=True)}


ALPHABETS = ("Angelic", "Atemayar_Qelisayer", "Gurmukhi", "Keble", "Old_Church_Slavonic_(Cyrillic)", "Tengwar")

BIG_VARIANTS: dict[str, dict[str, Any]] = {
    "leo": {},
    "no_relation": {"relation": "none"},
    "decode_task": {"decode": "task"},
    "encoder_shared": {"encoder": "shared"},
    "latent_8": {"latent_dim": 8},
    "latent_32": {"latent_dim": 32},
    "latent_128": {"latent_dim": 128},
    "steps_0": {"inner_steps": 0},
    "steps_1": {"inner_steps": 1},
    "steps_3": {"inner_steps": 3},
    "steps_7": {"inner_steps": 7},
    "steps_10": {"inner_steps": 10},
    "generated_full": {"generated": "full"},
    "inner_lr_0.005": {"inner_lr": 0.005},
    "inner_lr_0.05": {"inner_lr": 0.05},
    "outer_lr_0.0001": {"outer_lr": 0.0001},
    "outer_lr_0.003": {"outer_lr": 0.003},
    "first_order": {"second_order": False},
    "five_shot": {"k_shot": 5},
    "protonet": {"learner": "protonet"},
    "untrained": {"learner": "protonet", "n_train_episodes": 0},
    "pixels": {"learner": "pixels", "n_train_episodes": 0},
}

BIG_SWITCHES: dict[str, list[str]] = {
    "relation": ["leo", "no_relation"],
    "decode": ["decode_task", "leo"],
    "encoder": ["leo", "encoder_shared"],
    "latent_dim": ["latent_8", "latent_32", "leo", "latent_128"],
    "inner_steps": ["steps_0", "steps_1", "steps_3", "leo", "steps_7", "steps_10"],
    "generated": ["leo", "generated_full"],
    "inner_lr": ["inner_lr_0.005", "leo", "inner_lr_0.05"],
    "outer_lr": ["outer_lr_0.0001", "leo", "outer_lr_0.003"],
    "second_order": ["leo", "first_order"],
    "k_shot": ["leo", "five_shot"],
}


def big_accuracy(variant: str, seed: int, n_way: int, mode: str) -> tuple[float, float]:
    """(before, after) of an invented study that looks like the real one."""
    shift = {
        "decode_task": -0.604, "encoder_shared": 0.035, "latent_8": -0.05, "steps_0": -0.004, "generated_full": -0.03,
        "five_shot": 0.11, "protonet": 0.13, "untrained": -0.25, "pixels": -0.36, "no_relation": 0.002,
        "outer_lr_0.0001": -0.06,
    }  # fmt: skip
    noise = np.random.default_rng([seed, *variant.encode()]).normal(0, 0.006)
    base = 0.805 + shift.get(variant, 0.0) + noise
    if mode == "within_alphabet":
        base -= 0.07
    if n_way == 20:
        base -= 0.2
    after = float(np.clip(base, 1 / n_way + noise / 10, 0.99))
    return max(after - 0.01, 0.01), after


def write_big_study(
    results: Path,
    seeds: Sequence[int] = (0, 1, 2),
    n_episodes: int = 100,
    variants: Sequence[str] = tuple(BIG_VARIANTS),
    **plan_changes: Any,
) -> Path:
    """The baseline and these variants, with some runs missing, failed and stale, and with counts by character."""
    names = list(dict.fromkeys(["leo", *variants]))
    chosen = {name: BIG_VARIANTS[name] for name in names}
    switches = {
        switch: kept
        for switch, members in BIG_SWITCHES.items()
        if len(kept := [name for name in members if name in chosen]) > 1
    }
    references = [name for name in ("protonet", "untrained", "pixels") if name in chosen]
    plan = make_plan(
        chosen, seeds, base={"n_test_episodes": n_episodes}, switches=switches, references=references, **plan_changes
    )
    steps = {run.variant: run.settings["inner_steps"] if run.settings["learner"] == "leo" else 0 for run in plan.runs}
    counts = binomial_counts(big_accuracy, n_episodes, steps)
    for run in plan.runs:
        if (run.variant, run.seed) == ("steps_10", 1):
            continue
        if (run.variant, run.seed) == ("inner_lr_0.05", 2):
            write_attempt(results, run, "failed", "loss became NaN after 412 episodes; lower inner_lr or outer_lr", 412)
            continue
        changes: dict[str, Any] = {"batch_norm": "support"} if run.variant == "generated_full" else {}
        if (run.variant, run.seed) == ("latent_8", 2):
            changes["numerics"] = "ffffffffffff"
        write_run(results, plan, run, counts, plausible_characters, **changes)
    return write_study(results, plan)
