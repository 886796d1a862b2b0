"""Provenance of a study's numbers in words: source, machine, data, seeds, compute."""

from collections.abc import Iterable

from leo_bench.records import Result, RunState
from leo_bench.report.sentences import distinct, seed_words
from leo_bench.statistics.studies.study import StudyData


def provenance(data: StudyData) -> list[tuple[str, str]]:
    """Return (what, value) pairs over all runs that count; if runs differ, all values are listed."""
    plan = data.plan
    done = [run.result for run in data.view.done if run.result is not None]
    base = data.settings.get(plan.baseline, {})
    pairs = [
        ("study", f"{plan.study}, profile {plan.profile}"),
        ("baseline", data.label(plan.baseline)),
        ("runs", f"{len(done)} of {len(plan.runs)} done"),
        ("seeds", seed_words([run.seed for run in plan.runs])),
        ("test episodes", distinct(_episode_digests(data.view.done))),
        *training_and_machine(done),
        ("total compute", compute_words(data.view.done)),
        ("baseline's settings", ", ".join(f"{name} {value}" for name, value in base.items() if name != "seed")),
    ]
    return [(name, value) for name, value in pairs if value]


def training_and_machine(results: list[Result]) -> list[tuple[str, str]]:
    """Return (what, value) pairs of runs: data, training, source, machine, versions; all values if runs differ."""
    texts = {
        "data": [f"{one.settings['dataset']}, digest {one.data_digest}" for one in results],
        "class split": [
            f"{one.settings['class_split']}, classes of {one.settings['train_classes']}" for one in results
        ],
        "training budget": [f"{one.n_train_episodes:,} episodes, {one.n_train_images:,} images" for one in results],
        "batch norm": [one.batch_norm for one in results],
        "threads per run": [str(one.settings["threads"]) for one in results],
        "precision": [f"{one.settings['precision']} on {one.settings['device']}" for one in results],
        "numerics digest": [one.numerics for one in results],
        "commit": [one.commit for one in results],
        "host": [", ".join(f"{name} {value}" for name, value in sorted(one.host.items())) for one in results],
        "versions": [", ".join(f"{name} {value}" for name, value in one.versions.items()) for one in results],
    }
    return [(name, distinct(values)) for name, values in texts.items()]


def compute_words(runs: list[RunState]) -> str:
    """Return the process time of the runs that count; a training or test that variants share counts once."""
    trainings = {run.planned.run_key: run.result.train_seconds for run in runs if run.result is not None}
    tests = {test.test_key: test.eval_seconds for run in runs for test in run.tests}
    seconds = sum(trainings.values()) + sum(tests.values())
    hours = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    return f"{hours} of one process each, training and testing, in {len(runs)} runs"


def _episode_digests(runs: list[RunState]) -> Iterable[str]:
    for run in runs:
        for test in run.tests:
            where = "" if test.dataset == run.planned.settings["dataset"] else f" on {test.dataset}"
            wrong = f", {test.mislabelled} mislabelled" if test.mislabelled else ""
            yield f"{test.n_way}-way {test.episode_mode} {test.k_shot}-shot{wrong}{where} {test.episodes_digest[:12]}"
