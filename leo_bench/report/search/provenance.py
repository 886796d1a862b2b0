"""Provenance of a search's numbers, in words."""

from leo_bench.records.search import Parameter, Pruner
from leo_bench.report.search.data import SearchData
from leo_bench.report.study.provenance import training_and_machine


def provenance(data: SearchData) -> list[tuple[str, str]]:
    """Return (what, value) pairs of the search and of its complete trials' runs; if runs differ, all values are
    listed.
    """
    plan, base, found = data.plan, data.plan.base, data.results
    seconds = sum(result.train_seconds for result in found)
    seconds += sum(test.eval_seconds for run in data.runs.values() for test in run.tests)
    seeded, pruner = "reproduces" if data.trials.repeatable else "does not reproduce", plan.pruner or Pruner()
    pruning = f"{pruner.name}, from {pruner.startup_trials} complete trials and {pruner.warmup_episodes:,} episodes on"
    pairs = [
        ("search", f"{plan.search}, profile {plan.profile}"),
        ("preset", plan.preset),
        ("objectives", ", ".join(plan.objectives)),
        ("space", "; ".join(map(_range_words, data.space))),
        ("sampler", f"{plan.sampler.name}, seed {plan.sampler.seed}, {plan.sampler.startup_trials} trials at random"),
        ("pruner", pruning if plan.pruner else "none"),
        ("sequence", f"{data.trials.how}; the seed alone {seeded} it"),
        ("seeds on test", ", ".join(str(seed) for seed in plan.test_seeds)),
        ("study on test", data.best.study if data.best else ""),
        ("records of trials", f"{len(found)} of {len(data.complete)} complete trials' runs are there"),
        ("source of the search", plan.numerics),
        *training_and_machine(found),
        ("compute of complete trials", f"{seconds / 60:,.1f} minutes of one process each" if found else ""),
        ("settings of trials", ", ".join(f"{name} {value}" for name, value in base.items())),
    ]
    return [(name, value) for name, value in pairs if value]


def _range_words(parameter: Parameter) -> str:
    """Return `inner_lr 0.005 to 0.05 (log)`, `encoder separate, shared`."""
    if parameter.choices:
        return f"{parameter.name} {', '.join(str(choice) for choice in parameter.choices)}"
    kind = " (log)" if parameter.log else " (whole)" if parameter.whole else ""
    return f"{parameter.name} {parameter.low:g} to {parameter.high:g}{kind}"
