"""A search on a tiny bank. Database, trials.json and the store of runs agree, also after a killed process, a stop, and
the loss of the database."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from small_search import small_plan
from sqlalchemy import text
from tiny_bank import tiny_bank

from leo_bench.data.locate import DataSource
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import AttemptStatus, PrunedRun, Result, read_record, run_state, write_record
from leo_bench.records.search import Sampler, SearchPlan, Trials, planned_trial, read_search
from leo_bench.running import training_run
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.search import runner as search_runner
from leo_bench.search import worker
from leo_bench.search.file import settings_of
from leo_bench.search.runner import SearchRunner
from leo_bench.search.sampler import SeededByTrial, sampler
from leo_bench.search.space import suggest
from leo_bench.search.storage import open_storage, sqlite_url, without_password
from leo_bench.search.study import add_sitting, create_study, fail_dead
from leo_bench.search.trial_states import MAX_RETRIES, counts, queue_again
from leo_bench.search.trials_file import read_database, rebuild_database
from leo_bench.training.outer_loop import TrainingDiverged

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used:UserWarning")

WORKER = (sys.executable, str(Path(__file__).with_name("tiny_trial.py")))


class InThisProcess(SearchRunner):
    """Does the trials in this process, one after another, to save starting processes; the first n_processes trials of
    a call in processes of their own."""

    n_processes = 0

    def _start(self) -> None:
        self.n_processes -= 1
        if self.n_processes >= 0:
            super()._start()
        else:
            worker.main([str(self.folder)])


@pytest.fixture(autouse=True, scope="module")
def tiny_data() -> Iterator[None]:
    """The data of tiny_trial.py. Afterwards the state of the process that runs and trials change is restored."""
    bank = tiny_bank()
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "locate", lambda dataset, folder: DataSource("glyphs", "drawn", None))
        patch.setattr(training_run, "load_images", lambda source, image_size: bank)
        patch.setattr(search_runner, "POLL_SECONDS", 0.05)
        yield
    signal.signal(signal.SIGTERM, handler)
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def runner(results: Path, plan: SearchPlan, n_processes: int = 0, jobs: int = 1, **changes: Any) -> SearchRunner:
    folder = results / "small-smoke"
    fields: dict[str, Any] = {
        "say": lambda _: None,
        "heartbeat": 1,
        "grace": 60,
        "worker": WORKER,
    }
    os.environ[worker.URL] = sqlite_url(folder)
    made = InThisProcess(plan, folder, sqlite_url(folder), LocalProcesses(jobs), **{**fields, **changes})
    made.n_processes = n_processes
    return made


def check_agreement(results: Path, plan: SearchPlan, url: str = "") -> Trials:
    """The database, trials.json and the runs' own records, trial by trial."""
    folder = results / "small-smoke"
    _, trials = read_search(folder)
    storage = open_storage(url or sqlite_url(folder))
    in_database = create_study(plan, storage).trials
    storage.engine.dispose()
    assert [trial.number for trial in trials.trials] == [trial.number for trial in in_database]
    for one, other in zip(trials.trials, in_database, strict=True):
        assert one.parameters == other.params
        assert one.values == (other.values if other.state == TrialState.COMPLETE else None)
        assert dict(one.curve) == other.intermediate_values
        if one.run_key is None:
            continue
        assert one.run_key == settings_of(plan, one.parameters).run_key
        kept = results / "runs" / one.run_key
        if one.state == "complete":
            run = run_state(planned_trial(plan, one), kept)
            assert run.status == "done" and run.result is not None
            assert one.values == [run.headline.accuracy]
            assert run.headline.split == "val"
            assert one.curve == [(point.episode, point.accuracy) for point in run.result.validation]
        if one.state == "pruned":
            (attempt,) = kept.glob("attempt-*")
            record = read_record(attempt / "pruned.json", PrunedRun)
            assert one.curve == [(point.episode, point.accuracy) for point in record.validation]
            assert read_record(attempt / "status.json", AttemptStatus).status == "pruned"
            assert not (kept / "result.json").exists()
    return trials


def ended(trials: Trials) -> list[tuple[Any, ...]]:
    """Return settings, values and curves of the trials that ended by themselves."""
    return [
        (trial.parameters, trial.values, trial.curve)
        for trial in trials.trials
        if trial.state in ("complete", "pruned")
    ]


@pytest.fixture(scope="module")
def whole_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the search by one worker in one go."""
    results = tmp_path_factory.mktemp("whole")
    runner(results, small_plan()).run()
    return results


@pytest.fixture
def whole(whole_results: Path) -> Trials:
    """The trials of that search."""
    return read_search(whole_results / "small-smoke")[1]


def test_one_worker_in_one_go(tmp_path: Path, plan: SearchPlan, whole_results: Path, whole: Trials) -> None:
    assert check_agreement(whole_results, plan) == whole
    assert [trial.number for trial in whole.trials] == list(range(6))
    assert {trial.state for trial in whole.trials} == {"complete", "pruned"}
    assert whole.how == "one worker, in one go"
    assert whole.repeatable
    assert runner(whole_results, plan, jobs=2).run() == whole  # a call that finds nothing to do leaves no trace
    assert ended(runner(tmp_path / "again", plan).run()) == ended(whole)


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_is_done_again(
    tmp_path: Path, plan: SearchPlan, whole: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner(tmp_path, small_plan(n_trials=1)).run()
    monkeypatch.setenv("DIE_AT", "1 8")  # its process dies at the second validation
    killed = runner(tmp_path, small_plan(n_trials=2), n_processes=1, grace=3).run()
    check_agreement(tmp_path, plan)
    assert [trial.state for trial in killed.trials][:2] == ["complete", "failed"]
    died, again = killed.trials[1], killed.trials[2]
    assert "done again" in died.message
    assert len(died.curve) == 2
    assert (again.retry_of, again.deaths) == (1, 1)
    assert not killed.repeatable
    assert "1 done again because their process died" in killed.how
    assert ended(killed) == ended(whole)[:2]
    result = read_record(tmp_path / "runs" / str(again.run_key) / "result.json", Result)
    assert result.resumed_at == [4]  # and the pruner saw the validation before it too
    assert [point[0] for point in again.curve] == [4, 8, 12]


@pytest.mark.slow
def test_a_search_that_is_stopped_and_loses_its_database_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, plan: SearchPlan, whole: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner(tmp_path, small_plan(n_trials=2)).run()
    monkeypatch.setenv("WAIT_AT", "2")
    waits = tmp_path / "waits"
    monkeypatch.setenv("WAITS", str(waits))
    stopped = runner(tmp_path, small_plan(n_trials=3), n_processes=1)
    fill = stopped._start_workers

    def stop_when_it_waits(study: Any) -> None:
        if waits.exists():
            raise KeyboardInterrupt
        fill(study)

    monkeypatch.setattr(stopped, "_start_workers", stop_when_it_waits)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    trials = check_agreement(tmp_path, plan).trials
    assert [(trial.state, trial.message) for trial in trials[2:]] == [
        ("failed", "stopped by the user"),
        ("waiting", ""),
    ]
    assert trials[3].retry_of == 2

    (tmp_path / "small-smoke" / "optuna.db").unlink()
    said: list[str] = []
    resumed = runner(tmp_path, plan, say=said.append).run()
    assert "made again from" in said[0]
    check_agreement(tmp_path, plan)
    assert resumed.how == "one worker, resumed 2 times"
    assert ended(resumed) == ended(whole)


def test_settings_that_kill_their_process_each_time_count_in_the_end(tmp_path: Path) -> None:
    plan = small_plan(n_trials=1)
    storage = open_storage(sqlite_url(tmp_path))
    study = create_study(plan, storage)
    for _ in range(3):
        trial = study.ask()
        suggest(trial, plan)
        storage.record_heartbeat(trial._trial_id)
        with storage.engine.begin() as connection:  # and then an hour of silence
            connection.execute(text("UPDATE trial_heartbeats SET heartbeat = datetime(heartbeat, '-1 hour')"))
        fail_dead(study)
    trials = read_database(study).trials
    assert [(one.state, one.counts, one.deaths) for one in trials] == [
        ("failed", False, 0),
        ("failed", False, 1),
        ("failed", True, 2),
    ]
    assert len({str(one.parameters) for one in trials}) == 1
    assert "died 3 times" in trials[2].message


def test_a_database_made_again_is_the_same(tmp_path: Path, plan: SearchPlan) -> None:
    study = create_study(plan, open_storage(sqlite_url(tmp_path)))
    add_sitting(study, "2026-01-02T03:04:05+00:00", 1)
    for kind in ("complete", "fails", "stopped", "pruned", "again"):
        trial = study.ask()
        suggest(trial, plan)
        trial.report(0.25, 4)
        if kind == "stopped":
            queue_again(study, study.trials[trial.number], 1)
            trial.set_user_attr("stopped", True)
        for name, value in {"fails": {"settings_fail": True, "message": "nan"}}.get(kind, {}).items():
            trial.set_user_attr(name, value)
        ends = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "again": TrialState.COMPLETE}
        state = ends.get(kind, TrialState.FAIL)
        study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state=state)
    trials = read_database(study)
    (tmp_path / "again").mkdir()
    again = rebuild_database(plan, trials, open_storage(sqlite_url(tmp_path / "again")))
    assert read_database(again) == trials
    assert [counts(trial) for trial in again.trials] == [counts(trial) for trial in study.trials]
    study.sampler, again.sampler = sampler(plan), sampler(plan)
    assert suggest(study.ask(), plan) == suggest(again.ask(), plan)


def test_trials_of_another_search_are_not_mixed_in(tmp_path: Path, plan: SearchPlan) -> None:
    url = sqlite_url(tmp_path)
    create_study(plan, open_storage(url)).ask()
    other = small_plan(sampler=plan.sampler.model_copy(update={"seed": 5}))
    with pytest.raises(LeoBenchError, match="the database has trials of another search small-smoke"):
        create_study(other, open_storage(url))
    with pytest.raises(LeoBenchError, match=r"the database has trials that .*elsewhere/ does not know"):
        SearchRunner(plan, tmp_path / "elsewhere", url, LocalProcesses(1), say=lambda _: None).run()
    create_study(small_plan(n_trials=50), open_storage(url))  # more of the same


def test_one_call_at_a_time(tmp_path: Path, plan: SearchPlan) -> None:
    folder = tmp_path / "small-smoke"
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(LeoBenchError, match="another call is doing the search"):
        runner(tmp_path, plan).run()
    assert not (folder / "search.json").exists()


def test_a_broken_database_is_told_of_in_one_line(tmp_path: Path, plan: SearchPlan) -> None:
    folder = tmp_path / "small-smoke"
    folder.mkdir()
    (folder / "optuna.db").write_text("no database")
    with pytest.raises(LeoBenchError, match=r"not a database; you can remove its file") as caught:
        runner(tmp_path, plan).run()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:se@cret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=me&password=secret", "postgresql://host/db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("no address:secret@x", "no address:secret@x"),
    ],
)
def test_a_password_is_never_shown(url: str, expected: str) -> None:
    assert without_password(url) == expected


@pytest.mark.slow
def test_two_workers_share_the_trials(tmp_path: Path) -> None:
    trials = runner(tmp_path, small_plan(n_trials=2, pruner=None), n_processes=2, jobs=2).run()
    assert [trial.state for trial in trials.trials] == ["complete"] * 2
    assert trials.trials[0].parameters != trials.trials[1].parameters
    assert trials.how == "2 workers, in one go"
    more_plan = small_plan(n_trials=3, pruner=None)
    more = runner(tmp_path, more_plan).run()
    check_agreement(tmp_path, more_plan)
    assert more.trials[:2] == trials.trials
    assert len(more.trials) == 3
    assert more.how == "2 workers, resumed once"


def test_two_objectives_are_both_recorded_and_nothing_is_pruned(tmp_path: Path) -> None:
    plan = small_plan(objectives=["accuracy", "multiply_adds"], pruner=None, n_trials=3)
    trials = runner(tmp_path, plan).run().trials
    assert [one.state for one in trials] == ["complete"] * 3
    for one in trials:
        run = run_state(planned_trial(plan, one), tmp_path / "runs" / str(one.run_key))
        assert run.result is not None
        assert one.values == [run.headline.accuracy, run.result.multiply_adds]
    assert len({(one.values or [0, 0])[1] for one in trials}) > 1


def test_settings_that_fail_count_and_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverges(*_: Any) -> None:
        raise TrainingDiverged("the training loss became nan; lower inner_lr")

    monkeypatch.setattr(training_run, "train", diverges)
    trials = runner(tmp_path, small_plan(n_trials=2)).run().trials
    assert [(trial.state, trial.message) for trial in trials] == [
        ("failed", "the training loss became nan; lower inner_lr")
    ] * 2


def test_other_trouble_ends_the_process_with_one_line_and_queues_the_trial_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, folder = small_plan(n_trials=1), tmp_path / "small-smoke"
    (tmp_path / "runs").write_text("a file where a folder should be")
    runner(tmp_path, plan)  # names the database to the process
    folder.mkdir()
    study = create_study(plan, open_storage(sqlite_url(folder)))
    write_record(folder / "search.json", plan)
    assert worker.main([str(folder)]) == EXIT_FAILED
    error = capsys.readouterr().err
    assert error.startswith("error: cannot make the")
    assert error.count("\n") == 1
    trials = read_database(study).trials
    assert [(trial.state, trial.counts, trial.retry_of) for trial in trials] == [
        ("failed", False, None),
        ("waiting", False, 0),
    ]


def test_processes_that_end_like_this_stop_the_search(tmp_path: Path) -> None:
    ends = (sys.executable, "-c", "import sys; sys.exit('error: cannot make the folder')")
    with pytest.raises(LeoBenchError, match=r"3 trials failed, and not because of their settings.*cannot make the"):
        runner(tmp_path, small_plan(n_trials=1), n_processes=3, worker=ends).run()


def test_processes_that_are_killed_are_no_crashes_of_the_search(tmp_path: Path) -> None:
    code = "import os, sys; sys.exit(0) if os.path.exists('{0}') else os.kill(os.getpid(), 9)"
    dies = (sys.executable, "-c", code.format(tmp_path / "enough"))
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 4:  # one more than the crashes that end a search
            raise KeyboardInterrupt

    search = runner(tmp_path, small_plan(n_trials=1), n_processes=9, worker=dies, say=say)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert search.crashes == 0
    assert all("was killed by SIGKILL; the trial is done again" in text for text in said)


def test_a_retry_of_a_retry_keeps_its_history(tmp_path: Path, plan: SearchPlan) -> None:
    study = create_study(plan, open_storage(sqlite_url(tmp_path)))
    for deaths in (1, 2):
        trial = study.ask()
        suggest(trial, plan)
        queue_again(study, study.trials[trial.number], deaths)
        study.tell(trial, state=TrialState.FAIL)
    assert [trial.system_attrs.get("retry_history", []) for trial in study.trials] == [[], [0], [0, 1]]
    trials = read_database(study)
    assert [trial.retry_of for trial in trials.trials] == [None, 0, 1]
    (tmp_path / "again").mkdir()
    again = rebuild_database(plan, trials, open_storage(sqlite_url(tmp_path / "again")))
    assert [trial.system_attrs.get("retry_history", []) for trial in again.trials] == [[], [0], [0, 1]]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_last_attempt_counts_after_a_rebuild_if_it_died_and_not_if_it_was_stopped(
    tmp_path: Path, plan: SearchPlan, stopped: bool
) -> None:
    study = create_study(plan, open_storage(sqlite_url(tmp_path)))
    trial = study.ask()
    suggest(trial, plan)
    trial.set_user_attr("deaths", MAX_RETRIES)
    if stopped:
        trial.set_user_attr("stopped", True)
    study.tell(trial, state=TrialState.FAIL)
    (tmp_path / "again").mkdir()
    again = rebuild_database(plan, read_database(study), open_storage(sqlite_url(tmp_path / "again")))
    assert [counts(one.trials[0]) for one in (study, again)] == [not stopped] * 2


def proposed_beside(folder: Path, running: int, other: BaseSampler | None = None) -> dict[str, Any]:
    """Settings proposed after eight complete trials and beside so many running ones; by the plan's sampler or other."""
    plan = small_plan(sampler=Sampler(seed=0, startup_trials=2))
    folder.mkdir()
    study = create_study(plan, open_storage(sqlite_url(folder)))
    for number in range(8):
        trial = study.ask()
        suggest(trial, plan)
        study.tell(trial, 0.5 + 0.01 * number)
    for _ in range(running):
        suggest(study.ask(), plan)
    study.sampler = other or study.sampler
    return suggest(study.ask(), plan)


@pytest.mark.slow
def test_running_trials_count_as_bad_ones_so_that_workers_do_not_propose_alike(tmp_path: Path) -> None:
    no_liar = SeededByTrial(
        lambda seed: TPESampler(n_startup_trials=2, multivariate=True, constant_liar=False, seed=seed), 0
    )
    alone = proposed_beside(tmp_path / "a", running=0)
    assert alone == proposed_beside(tmp_path / "b", running=0, other=no_liar)
    beside = proposed_beside(tmp_path / "c", running=6)
    assert beside != proposed_beside(tmp_path / "d", running=6, other=no_liar)


def test_making_a_database_again_goes_on_where_it_was_stopped(
    tmp_path: Path, plan: SearchPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = runner(tmp_path, plan).run()
    folder = tmp_path / "small-smoke"
    (folder / "optuna.db").unlink()
    add, added = Study.add_trial, []

    def stop_at_the_third(study: Study, trial: FrozenTrial) -> None:
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(trial)
        add(study, trial)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Study, "add_trial", stop_at_the_third)
        runner(tmp_path, plan).run()
    said: list[str] = []
    again = runner(tmp_path, plan, say=said.append).run()
    assert f"has 2 of {len(whole.trials)} trials" in said[0]
    assert again.trials == whole.trials
