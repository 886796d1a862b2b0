"""Which recorded runs are done again, and in which order, within a time limit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import RunState, load_study
from leo_bench.running import sample
from leo_bench.running.executor import Task
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.reproduce import Comparison, Steps
from leo_bench.running.sample import START_SECONDS, Candidate, Sample, in_turns, others_of

COUNTS = np.full((12, 6), 5)


def studies(results: Path) -> dict[Path, list[RunState]]:
    """Two studies that share a run: a has 40, 80 and 120 training episodes, b has 80 and 20."""
    done = {}
    for study, episodes in (("a", (80, 40, 120)), ("b", (80, 20))):
        plan = make_plan({f"n{n}": {"n_train_episodes": n} for n in episodes}, [0], study=study)
        for run in plan.runs:
            n = run.settings["n_train_episodes"]
            if not (results / "runs" / run.run_key / "result.json").exists():
                write_run(results, plan, run, lambda *_: COUNTS, train_seconds=float(n))
        folder = write_study(results, plan)
        done[folder] = load_study(folder).done
    return done


def names(candidates: list[Candidate]) -> list[tuple[str, str]]:
    return [(one.folders[0].name, one.run.planned.variant) for one in candidates]


def test_the_cheapest_of_each_study_comes_first_and_a_shared_run_once(tmp_path: Path) -> None:
    done = studies(tmp_path)
    assert names(in_turns(done)) == [("b-cpu", "n20"), ("a-cpu", "n40"), ("a-cpu", "n80"), ("a-cpu", "n120")]
    assert names(in_turns(done, n_turns=1)) == [("b-cpu", "n20"), ("a-cpu", "n40")]


def test_a_shared_run_counts_for_each_of_its_studies(tmp_path: Path) -> None:
    # 600 s, and a process for each test of three shots, for two studies: less for each than 400 s for one of them
    seconds = {40: 400.0, 48: 480.0, 80: 600.0}
    done = {}
    for study, episodes, shots in (("a", (40, 80), [1]), ("b", (48, 80), [1, 3])):
        plan = make_plan(
            {f"{study}{n}": {"n_train_episodes": n, "test_k_shots": shots} for n in episodes}, [0], study=study
        )
        for run in plan.runs:
            write_run(tmp_path, plan, run, lambda *_: COUNTS, train_seconds=seconds[run.settings["n_train_episodes"]])
        folder = write_study(tmp_path, plan)
        done[folder] = load_study(folder).done
    (first,) = in_turns(done, n_turns=1)
    assert [folder.name for folder in first.folders] == ["a-cpu", "b-cpu"] and first.run.planned.variant == "a80"
    # and it is done with the tests that either of them lists
    keys = [test.test_key for test in first.run.tests]
    assert len(set(keys)) == len(keys) and set(keys) == {
        test.test_key for runs in done.values() for run in runs if run.folder == first.run.folder for test in run.tests
    }
    assert {test.k_shot for test in first.run.tests} == {1, 3}
    extra = sum(test.k_shot == 3 for test in first.run.tests)
    scoring = sum(test.eval_seconds for test in first.run.tests)
    assert first.seconds == pytest.approx(600 + (1 + extra) * START_SECONDS + scoring)
    assert names(in_turns(done)) == [("a-cpu", "a80"), ("a-cpu", "a40"), ("b-cpu", "b48")]
    (other,) = (run for run in done[first.folders[1]] if run.folder == first.run.folder)
    assert others_of(first.run, done[first.folders[1]]) == [other.headline.accuracy]  # whatever its variant's name


def test_variants_that_differ_in_their_tests_alone_are_both_tried(tmp_path: Path) -> None:
    plan = make_plan({"one": {"test_k_shots": [1]}, "three": {"test_k_shots": [3]}}, [0])
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: COUNTS)
    folder = write_study(tmp_path, plan)
    assert len({run.run_key for run in plan.runs}) == 1
    assert names(in_turns({folder: load_study(folder).done})) == [("ablations-cpu", "one"), ("ablations-cpu", "three")]


def test_variants_that_differ_in_their_tests_alone_are_never_done_side_by_side(tmp_path: Path) -> None:
    """They share the name of a task and its folder."""
    plan = make_plan({"one": {}, "few": {"test_n_query": 4}, "alone": {"n_train_episodes": 40}}, [0])
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda *_: COUNTS)
    folder = write_study(tmp_path, plan)
    done = load_study(folder).done
    going: set[str] = set()

    def noted(run: RunState) -> Steps:
        assert run.planned.run_key not in going
        going.add(run.planned.run_key)
        yield task(run, tmp_path, "import time; time.sleep(0.5)")
        going.remove(run.planned.run_key)
        return (yield from same(run))

    found = list(Sample(in_turns({folder: done}), noted, LocalProcesses(3)).outcomes())
    assert sorted(one.candidate.run.planned.variant for one in found) == ["alone", "few", "one"]
    # each is set against the seeds of its own test
    assert [others_of(run, done) for run in done] == [[run.headline.accuracy] for run in done]


def test_runs_without_training_are_the_last_of_their_study(tmp_path: Path) -> None:
    plan = make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}, "leo": {}}, [0])
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda variant, *_: COUNTS[:, :1] if variant == "pixels" else COUNTS)
    folder = write_study(tmp_path, plan)
    assert names(in_turns({folder: load_study(folder).done})) == [("ablations-cpu", "leo"), ("ablations-cpu", "pixels")]


def test_the_seconds_of_a_run_are_those_on_record(tmp_path: Path) -> None:
    (first, *_) = in_turns(studies(tmp_path))
    scoring = sum(test.eval_seconds for test in first.run.tests)
    assert first.seconds == pytest.approx(START_SECONDS + 20 + scoring)


def same(run: RunState) -> Steps:
    return Comparison(run.planned.variant, [], "", 0.5)
    yield


def test_only_runs_that_should_end_in_time_are_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(sample.time, "monotonic", lambda: clock[0])

    def twice_as_slow(run: RunState) -> Steps:
        clock[0] += 2 * Candidate((Path(),), run).seconds
        return (yield from same(run))

    candidates = in_turns(studies(tmp_path))
    n20, n40, n80, n120 = (one.seconds for one in candidates)
    whole = Sample(list(candidates), twice_as_slow, LocalProcesses(1), 100 + 2 * (n20 + n40 + n80 + n120))
    assert [one.candidate.run.planned.variant for one in whole.outcomes()] == ["n20", "n40", "n80", "n120"]
    clock[0] = 100.0
    # after the first run the rest is known to take twice as long as on record: there is no time for n80
    short = Sample(list(candidates), twice_as_slow, LocalProcesses(1), 100 + 2 * (n20 + n40 + n80) - 1)
    assert [one.candidate.run.planned.variant for one in short.outcomes()] == ["n20", "n40"]
    assert [one.run.planned.variant for one in short.waiting] == ["n80", "n120"]


def test_a_run_that_fails_is_an_outcome_with_its_reason(tmp_path: Path) -> None:
    def fails(run: RunState) -> Steps:
        raise LeoBenchError("no data")
        yield

    found = list(Sample(in_turns(studies(tmp_path)), fails, LocalProcesses(2)).outcomes())
    assert [(one.comparison, one.reason) for one in found] == [(None, "no data")] * 4


def task(run: RunState, results: Path, code: str) -> Task:
    folder = results / "reproduce" / run.planned.run_key
    program = (sys.executable, "-c", code)
    return Task(folder.name, program, results, folder, make_settings(run.planned.settings), folder / "log.txt")


def test_tasks_of_several_runs_go_on_side_by_side_and_each_gets_its_own_end(tmp_path: Path) -> None:
    placed: list[list[str]] = []
    place = LocalProcesses(2)

    def in_two_steps(run: RunState) -> Steps:
        code = run.planned.settings["n_train_episodes"] % 7
        for _ in range(2):
            ended = yield task(run, tmp_path, f"raise SystemExit({code})")
            placed.append(list(place.placed))
            assert (ended.task.name, ended.code) == (run.planned.run_key, code)
        return (yield from same(run))

    found = list(Sample(in_turns(studies(tmp_path)), in_two_steps, place).outcomes())
    assert [one.reason for one in found] == [""] * 4 and not place.placed
    assert len(placed) == 8 and max(map(len, placed)) <= 1  # beside the one that just ended


def test_a_stop_ends_the_processes(tmp_path: Path) -> None:
    place, started = LocalProcesses(2), []

    def sleeps(run: RunState) -> Steps:
        if run.planned.variant == "n40":
            started.extend(process for _, process in place.placed.values())
            raise KeyboardInterrupt
        yield task(run, tmp_path, "import time; time.sleep(60)")
        raise AssertionError("the process was to be stopped")

    with pytest.raises(KeyboardInterrupt):
        list(Sample(in_turns(studies(tmp_path)), sleeps, place).outcomes())
    assert [process.poll() is not None for process in started] == [True]


def test_the_range_of_other_seeds_is_of_the_same_variant_and_test(tmp_path: Path) -> None:
    plan = make_plan({"a": {}, "b": {"latent_dim": 32}}, [0, 1])
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda variant, seed, *_: COUNTS * (1 + seed))
    write_study(tmp_path, plan)
    done = load_study(tmp_path / "ablations-cpu").done
    own = [run.headline.accuracy for run in done if run.planned.variant == "a"]
    assert len(set(own)) == 2
    assert others_of(done[0], done) == own
