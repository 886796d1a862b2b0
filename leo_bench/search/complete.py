"""Complete trials and their accuracy."""

from leo_bench.records.search import Trial, Trials


def complete(trials: Trials) -> list[Trial]:
    """Return the complete trials, in order of number."""
    return [trial for trial in trials.trials if trial.state == "complete"]


def accuracy(trial: Trial) -> float:
    """Return the validation accuracy of a complete trial, its first objective; a fraction."""
    assert trial.values is not None
    return trial.values[0]
