"""Which recorded runs are done again, and in which order, within a time limit."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.errors import LeoBenchError
from leo_bench.records import RunState, load_study
from leo_bench.running import sample
from leo_bench.running.reproduce import Comparison, Start
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
    return [(one.folder.name, one.run.planned.variant) for one in candidates]


def test_the_cheapest_of_each_study_comes_first_and_a_shared_run_once(tmp_path: Path) -> None:
    done = studies(tmp_path)
    assert names(in_turns(done)) == [("b-cpu", "n20"), ("a-cpu", "n40"), ("a-cpu", "n80"), ("a-cpu", "n120")]
    assert names(in_turns(done, most=1)) == [("b-cpu", "n20"), ("a-cpu", "n40")]


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


def same(run: RunState, start: Start) -> Comparison:
    return Comparison(run.planned.variant, [], "", 0.5)


def test_only_runs_that_should_end_in_time_are_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(sample.time, "monotonic", lambda: clock[0])

    def twice_as_slow(run: RunState, start: Start) -> Comparison:
        clock[0] += 2 * Candidate(Path(), run).seconds
        return same(run, start)

    candidates = in_turns(studies(tmp_path))
    n20, n40, n80, n120 = (one.seconds for one in candidates)
    whole = Sample(list(candidates), twice_as_slow, 1, 100 + 2 * (n20 + n40 + n80 + n120))
    assert [one.candidate.run.planned.variant for one in whole.outcomes()] == ["n20", "n40", "n80", "n120"]
    clock[0] = 100.0
    # after the first run the rest is known to take twice as long as on record: there is no time for n80
    short = Sample(list(candidates), twice_as_slow, 1, 100 + 2 * (n20 + n40 + n80) - 1)
    assert [one.candidate.run.planned.variant for one in short.outcomes()] == ["n20", "n40"]
    assert [one.run.planned.variant for one in short.waiting] == ["n80", "n120"]


def test_a_run_that_fails_is_an_outcome_with_its_reason(tmp_path: Path) -> None:
    def fails(run: RunState, start: Start) -> Comparison:
        raise LeoBenchError("no data")

    found = list(Sample(in_turns(studies(tmp_path)), fails, 2).outcomes())
    assert [(one.comparison, one.reason) for one in found] == [(None, "no data")] * 4


def test_a_stop_ends_the_processes_and_starts_no_other(tmp_path: Path) -> None:
    started: list[Any] = []

    def sleeps(run: RunState, start: Start) -> Comparison:
        if run.planned.variant == "n20":
            while not started:
                time.sleep(0.01)
            raise KeyboardInterrupt
        process = start([sys.executable, "-c", "import time; time.sleep(60)"], stderr=subprocess.PIPE)
        started.append(process)
        process.communicate()
        return same(run, start)

    doing = Sample(in_turns(studies(tmp_path)), sleeps, 2)
    with pytest.raises(KeyboardInterrupt):
        list(doing.outcomes())
    assert [process.poll() is not None for process in started] == [True]
    with pytest.raises(LeoBenchError, match="stopped"):
        doing._start([sys.executable, "--version"])


def test_the_range_of_other_seeds_is_of_the_same_variant_and_test(tmp_path: Path) -> None:
    plan = make_plan({"a": {}, "b": {"latent_dim": 32}}, [0, 1])
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda variant, seed, *_: COUNTS * (1 + seed))
    write_study(tmp_path, plan)
    done = load_study(tmp_path / "ablations-cpu").done
    own = [run.headline.accuracy for run in done if run.planned.variant == "a"]
    assert len(set(own)) == 2
    assert others_of(done[0], done) == own
