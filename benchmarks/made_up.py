"""Made-up study for timing reports: copies of one published run under other settings and seeds."""

import io
from pathlib import Path

import numpy as np

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, PlannedRun, load_study, read_arrays, tests_of, write_record

N_VARIANTS = 20
PUBLISHED = Path("results/official/ablations-cpu")


HEADLINE_ONLY = {"test_n_ways": [], "test_k_shots": [], "test_modes": ["mixed"], "test_datasets": []}
"""Settings of a run with one test."""


def write_study(results: Path, n_runs: int, headline_only: bool = False) -> Path:
    """Write a study with n_runs done runs of 20 variants into results, perhaps with one test each. Returns its
    folder.
    """
    published = load_study(PUBLISHED)
    if not published.done:
        raise LeoBenchError(f"{PUBLISHED} holds no published run to copy; run this in the checkout")
    original = next(run for run in published.done if run.planned.variant == published.plan.baseline)
    assert original.result is not None
    counts = {test.test_key: _packed(read_arrays(original.folder, test)) for test in original.tests}
    runs: list[PlannedRun] = []
    for index in range(n_runs):
        latent_dim, seed = 32 + index % N_VARIANTS, index // N_VARIANTS
        changed = {"latent_dim": latent_dim, "seed": seed, **(HEADLINE_ONLY if headline_only else {})}
        settings = make_settings({**original.planned.settings, **changed})
        own = {"run_key": settings.run_key, "settings": settings.canonical()}
        run = original.planned.model_copy(update={**own, "variant": f"latent_dim_{latent_dim}", "seed": seed})
        folder = results / "runs" / run.run_key
        same = {"run_key": run.run_key, "numerics": run.numerics}
        for key, test in zip(tests_of(run), original.tests, strict=not headline_only):
            _write(folder / "tests" / key / "episodes.npz", counts[test.test_key])
            record = test.model_copy(update={**same, "test_key": key})
            _write(folder / "tests" / key / "result.json", record.model_dump_json().encode())
        result = original.result.model_copy(update={**same, "settings": run.settings})
        _write(folder / "result.json", result.model_dump_json().encode())
        runs.append(run)
    variants = list(dict.fromkeys(run.variant for run in runs))
    plan = Plan(
        study="made-up",
        profile="bench",
        question="How long does a report take?",
        baseline=variants[0],
        margin=0.005,
        switches={"latent_dim": variants},
        labels={name: name for name in variants},
        references=[],
        runs=runs,
    )
    write_record(results / "made-up-bench" / "study.json", plan)
    return results / "made-up-bench"


def _write(path: Path, data: bytes) -> None:
    """Write a file without waiting for the disk: these records may be lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
