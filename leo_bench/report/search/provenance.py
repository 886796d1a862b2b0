"""Provenance of a search's numbers, in words."""

from collections.abc import Iterable

from leo_bench.report.search.data import SearchData
from leo_bench.report.search.sentences import protocol_words
from leo_bench.report.sentences import distinct


def provenance(data: SearchData) -> list[tuple[str, str]]:
    """Return (what, value) pairs of the search and of its complete trials' runs; if runs differ, all values are
    listed.
    """
    plan, found = data.plan, list(data.results.values())
    seconds = sum(result.train_seconds for result in found)
    seconds += sum(test.eval_seconds for run in data.runs.values() for test in run.tests)
    pairs = [
        ("search", f"{plan.search}, profile {plan.profile}"),
        ("protocol", protocol_words(data)),
        ("preset", plan.preset),
        ("objectives", ", ".join(plan.objectives)),
        ("space", "; ".join(_space_words(data))),
        ("sampler", f"{plan.sampler.name}, seed {plan.sampler.seed}, {plan.sampler.startup_trials} trials at random"),
        (
            "pruner",
            f"{plan.pruner.name}, from {plan.pruner.startup_trials} complete trials and "
            f"{plan.pruner.warmup_episodes:,} episodes on"
            if plan.pruner
            else "none",
        ),
        ("sequence", data.trials.how),
        ("seeds on test", ", ".join(str(seed) for seed in plan.test_seeds)),
        ("study on test", data.best.study if data.best else ""),
        ("records of trials", f"{len(found)} of {len(data.complete)} complete trials' runs are there"),
        ("data", distinct(f"{result.settings['dataset']}, digest {result.data_digest}" for result in found)),
        ("precision", distinct(f"{result.settings['precision']} on {result.settings['device']}" for result in found)),
        ("numerics digest", distinct([plan.numerics, *(result.numerics for result in found)])),
        ("commit", distinct(result.commit for result in found)),
        ("host", distinct(", ".join(f"{k} {v}" for k, v in sorted(result.host.items())) for result in found)),
        ("versions", distinct(", ".join(f"{k} {v}" for k, v in result.versions.items()) for result in found)),
        ("compute of complete trials", f"{seconds / 60:,.1f} minutes of one process each" if found else ""),
        ("settings of trials", ", ".join(f"{name} {value}" for name, value in plan.base.items())),
    ]
    return [(name, value) for name, value in pairs if value]


def _space_words(data: SearchData) -> Iterable[str]:
    for scale in data.scales.values():
        kind = " (log)" if scale.log else " (whole)" if scale.whole else ""
        yield f"{scale.name} " + (
            ", ".join(scale.choices) if scale.choices else f"{scale.low:g} to {scale.high:g}{kind}"
        )
