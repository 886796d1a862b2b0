"""leo-bench search: what it says, what it refuses, what it leaves; on a tiny bank in this process."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from search_fixture import write_search, write_trial_run
from small_search import small_plan
from tiny_bank import tiny_bank

from leo_bench.commands import cli, search
from leo_bench.config import make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import load_study, read_record, write_record
from leo_bench.records.search import Best, Trial, find_searches, read_search, trial_runs
from leo_bench.running import experiment, training_run
from leo_bench.running.publish_search import publish_search
from leo_bench.running.reproduce import done_runs, with_key
from leo_bench.running.scheduler import StudyRunner
from leo_bench.search import runner as search_runner
from leo_bench.search import worker
from leo_bench.search.runner import SearchRunner

FILE = """
question = "Which is best?"
[settings]
dataset = "glyphs"
image_size = 16
width = 8
n_way = 3
n_query = 4
n_train_episodes = 8
n_val_episodes = 3
n_test_episodes = 5
test_n_ways = []
test_modes = ["mixed"]
[space]
latent_dim = { low = 4, high = 16 }
inner_steps = { low = 0, high = 2 }
[sampler]
startup_trials = 2
[profiles.smoke]
n_trials = 3
test_seeds = [100, 101]
"""


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Arguments of a small search; trials and runs are done in this process."""
    bank = tiny_bank()
    source = DataSource("glyphs", "drawn", None)
    monkeypatch.setattr(search, "locate", lambda dataset, folder: source)
    monkeypatch.setattr(training_run, "locate", lambda dataset, folder: source)
    monkeypatch.setattr(training_run, "load_images", lambda source, image_size: bank)
    monkeypatch.setattr(search_runner, "POLL_SECONDS", 0.05)

    def start(self: SearchRunner) -> None:
        os.environ[worker.URL] = self.url
        worker.main([str(self.folder)])

    def run_here(self: StudyRunner) -> Any:
        folder = self.results / f"{self.plan.study}-{self.plan.profile}"
        write_record(folder / "study.json", self.view)
        for planned in self.plan.runs:
            target = self.store / planned.run_key
            experiment.execute(target, make_settings(planned.settings))
        return load_study(folder)

    monkeypatch.setattr(SearchRunner, "_start", start)
    monkeypatch.setattr(StudyRunner, "run", run_here)
    monkeypatch.delenv("LEO_BENCH_STORAGE", raising=False)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "tiny.toml").write_text(FILE)
    folders = {name: str(tmp_path / name) for name in ("studies", "results", "reports")}
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    yield [
        *("search", "tiny", "--profile", "smoke", "--jobs", "1"),
        *(part for name, path in folders.items() for part in (f"--{name}", path)),
    ]
    signal.signal(signal.SIGTERM, handler)
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def without(options: list[str], *names: str) -> list[str]:
    """Return the options without these and their values, which would have no effect."""
    left = list(options)
    for name in names:
        del left[left.index(name) : left.index(name) + 2]
    return left


def test_a_search_from_plan_to_preset(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only_results = without(options, "--jobs", "--studies", "--reports")
    assert cli.main([*without(options, "--reports"), "--plan"]) == 0
    plan_text = capsys.readouterr().out
    assert "latent_dim 4 to 16, inner_steps 0 to 2" in plan_text
    assert "3, 0 done; sampler tpe with seed 0, no pruner" in plan_text
    assert not (tmp_path / "results").exists()
    assert cli.main([*only_results, "--emit-preset", str(tmp_path / "found.toml")]) == 2
    assert "do the search first" in capsys.readouterr().err

    assert cli.main(options) == 0
    results = tmp_path / "results"
    out = capsys.readouterr().out
    assert "best: trial" in out
    page = tmp_path / "reports" / "tiny-smoke" / "report.html"
    assert str(page) in out
    assert "Which is best?" in page.read_text()
    plan, trials = read_search(results / "tiny-smoke")
    assert [one.state for one in trials.trials] == ["complete"] * 3
    best = read_record(results / "tiny-smoke" / "best.json", Best)
    measured = load_study(results / best.study)
    assert [(run.planned.variant, run.planned.seed, run.status) for run in measured.runs] == [
        ("default", 100, "done"),
        ("best", 100, "done"),
        ("default", 101, "done"),
        ("best", 101, "done"),
    ]

    # Its trials are runs that can be looked up and done again, here and published.
    (chosen,) = best.choices
    key = trials.trials[chosen.number].run_key
    assert key is not None
    folder, found = with_key(find_searches(results), key)
    assert (folder, found.planned.variant) == (results / "tiny-smoke", f"trial {chosen.number}")
    target = publish_search(results, "tiny", "smoke", partial=False)
    assert read_search(target) == (plan, trials)
    assert {run.planned.run_key for run in done_runs(target)} == {one.run_key for one in trials.trials}
    assert all(run.folder.is_relative_to(target.parent) for run in trial_runs(target, plan, trials).values())
    assert not (target / "optuna.db").exists()
    assert str(tmp_path) not in "".join(path.read_text() for path in target.rglob("*.json"))

    monkeypatch.chdir(tmp_path)
    assert cli.main([*only_results, "--emit-preset", "found.toml"]) == 0
    assert f"latent_dim = {chosen.parameters['latent_dim']}" in (tmp_path / "found.toml").read_text()

    # Again: nothing is left to do. The reports that were drawn above are not drawn once more.
    monkeypatch.setattr("leo_bench.report.write_report", lambda *_: page)
    monkeypatch.setattr("leo_bench.report.write_search_report", lambda *_: page)
    capsys.readouterr()
    assert cli.main(options) == 0
    assert "3, 3 done" in capsys.readouterr().out

    # Other ranges cannot be mixed with what is there.
    study = tmp_path / "studies" / "tiny.toml"
    study.write_text(FILE.replace("high = 16", "high = 17"))
    assert cli.main(options) == 2
    assert "was begun with another space" in capsys.readouterr().err
    assert cli.main([*options, "--seed", "1"]) == 2


@pytest.mark.slow  # three publications, each with its reports
def test_the_study_on_test_brings_its_numbers_into_the_published_report(options: list[str], tmp_path: Path) -> None:
    assert cli.main(options) == 0
    shown = tmp_path / "reports" / "official" / "tiny-smoke" / "report.md"
    for name, measured_there in (("tiny", False), ("tiny_best", True)):
        assert cli.main(["publish", name, *without(options[2:], "--jobs", "--studies")]) == 0
        assert ("**On test, best of the search**" in shown.read_text()) is measured_there
    assert cli.main(["publish", "tiny", "tiny_best", *without(options[2:], "--jobs", "--studies")]) == 0


def test_an_unfinished_search_is_published_only_as_such(tmp_path: Path) -> None:
    folder = tmp_path / "small-smoke"
    write_record(folder / "search.json", small_plan())
    with pytest.raises(LeoBenchError, match=r"trials\.json is missing"):
        publish_search(tmp_path, "small", "smoke", partial=True)


def two_trials(results: Path, numerics: str) -> list[Trial]:
    """Write a search with two complete trials and their runs."""
    plan = small_plan(numerics=numerics)
    trials = []
    for number in (0, 1):
        trial = Trial(number=number, state="complete", parameters={"latent_dim": 8 + number}, values=[0.5])
        trials.append(trial.model_copy(update={"run_key": write_trial_run(results, plan, trial)}))
    write_search(results, plan, trials)
    return trials


def test_publishing_fewer_trials_than_before_needs_the_option(tmp_path: Path) -> None:
    trials = two_trials(tmp_path, "feedfeedfeed")
    target = publish_search(tmp_path, "small", "smoke", partial=True)
    write_search(tmp_path, small_plan(numerics="feedfeedfeed"), trials[:1])
    with pytest.raises(LeoBenchError, match=r"has 2 ended trials, but only 1 would remain; .*--replace"):
        publish_search(tmp_path, "small", "smoke", partial=True)
    assert len(read_search(target)[1].trials) == 2
    (target / "best.json").write_text("{}")  # of the two trials; of one, no best has been measured
    publish_search(tmp_path, "small", "smoke", partial=True, replace=True)
    assert len(read_search(target)[1].trials) == 1
    assert not (target / "best.json").exists()
    assert [run.name for run in (tmp_path / "official/runs").iterdir()] == [trials[0].run_key]


def test_publishing_a_search_does_not_make_another_stale_unasked(tmp_path: Path) -> None:
    two_trials(tmp_path, "feedfeedfeed")
    target = publish_search(tmp_path, "small", "smoke", partial=True)
    shutil.copytree(target, target.with_name("other-smoke"))
    shutil.rmtree(tmp_path / "runs")
    two_trials(tmp_path, "of now")
    with pytest.raises(LeoBenchError, match=r"2 runs .* are published for other-smoke with other source"):
        publish_search(tmp_path, "small", "smoke", partial=True)
    assert len(done_runs(target.with_name("other-smoke"))) == 2
    publish_search(tmp_path, "small", "smoke", partial=True, replace=True)
    assert len(done_runs(target)) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--profile", "huge"], "no profile 'huge'"),
        (["--storage", "nonsense"], "'nonsense' is no address of a database; expected sqlite:///FILE or postgresql://"),
        (["--storage", "postgresql://a:secret@b:port/c"], "is no address of a database; expected sqlite:"),
        (
            ["--storage", "mysql://me:secret@host/db"],
            "keeps no trials in mysql (mysql://me:***@host/db); expected sqlite:",
        ),
        (
            ["--storage", "sqlite:///missing/trials.db"],
            "missing/, the folder of sqlite:///missing/trials.db, is missing",
        ),
    ],
    ids=str,
)
def test_wrong_input_gets_one_line(
    options: list[str], more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if more[0] in options:  # an option is given once
        place = options.index(more[0])
        del options[place : place + 2]
    assert cli.main([*options, *more]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert "secret" not in error
