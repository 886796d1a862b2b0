"""A study of many made-up runs, for timing reports: one published run over and over, under other settings and seeds."""

from pathlib import Path

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, PlannedRun, Result, load_study, write_atomic, write_record, write_settings

N_VARIANTS = 20
PUBLISHED = Path("results/official/ablations-cpu")


def write_study(results: Path, n_runs: int) -> Path:
    """A study's folder with n_runs done runs of 20 variants in results."""
    published = load_study(PUBLISHED)
    if not published.done:
        raise LeoBenchError(f"{PUBLISHED} holds no published run to copy; run this in the checkout")
    original = next(run for run in published.done if run.planned.variant == published.plan.baseline)
    assert original.result is not None
    counts = (original.folder / "episodes.npz").read_bytes()
    runs = []
    for index in range(n_runs):
        latent_dim, seed = 32 + index % N_VARIANTS, index // N_VARIANTS
        settings = make_settings({**original.planned.settings, "latent_dim": latent_dim, "seed": seed})
        run = PlannedRun(
            variant=f"latent_dim_{latent_dim}", seed=seed, run_key=settings.run_key, settings=settings.canonical()
        )
        folder = results / "runs" / run.run_key
        write_settings(folder, settings)
        write_atomic(folder / "episodes.npz", counts)
        values = original.result.model_dump() | {"run_key": run.run_key, "settings": run.settings}
        write_record(folder / "result.json", Result.model_validate(values))
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
        numerics=original.result.numerics,
        runs=runs,
    )
    write_record(results / "made-up-bench" / "study.json", plan)
    return results / "made-up-bench"
