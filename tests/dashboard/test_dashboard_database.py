"""The dashboard's database shows the files as they are, and as they change."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from optuna.artifacts import get_all_artifact_meta
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study, StudyDirection, load_study
from optuna.trial import TrialState
from optuna_dashboard import get_note
from ranges_fixture import DRAWN, SPACE, make_ranges
from results_fixture import make_plan, write_attempt, write_run, write_study
from search_fixture import write_search

from leo_bench.dashboard.content import Folders
from leo_bench.dashboard.follow import Follower
from leo_bench.dashboard.optuna_database import OptunaDatabase
from leo_bench.dashboard.study import RunCache
from leo_bench.records import Plan, write_record
from leo_bench.records import load_study as load_view
from leo_bench.records.search import Best, Parameter, Trial


class Watched:
    """Results and reports in a folder of their own, and what a dashboard shows of them."""

    def __init__(self, folder: Path) -> None:
        self.results, self.reports = folder / "results", folder / "reports"
        self.said: list[str] = []
        (folder / "database").mkdir()
        self.database = OptunaDatabase(folder / "database")
        self.follower = Follower(Folders(self.results, self.reports), self.database, self.said.append)

    def study(self, name: str) -> Study:
        """The study as it is after a look at the files."""
        self.follower.look()
        return self.shown(name)

    def shown(self, name: str) -> Study:
        return load_study(study_name=name, storage=self.database.storage)

    def trial_note(self, study: Study, number: int) -> str:
        shown: Any = type("Shown", (), {})()
        shown.storage, shown.study = self.database.storage, study
        shown._trial_id = study.trials[number]._trial_id
        return get_note(shown)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.database.close()


def right(number: int) -> Callable[..., np.ndarray]:
    """Answers of a run: in each of 12 episodes so many are correct, before and after each of 5 steps (10 of the variant
    first_order)."""
    return lambda variant, *_: np.full((12, 11 if variant == "first_order" else 6), number)


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# searches

TRIALS = [
    Trial(
        number=0,
        state="complete",
        parameters={"outer_lr": 0.002, "inner_steps": 3, "relation": "pairwise"},
        run_key="0123456789abcdef",
        values=[0.71, 2_000_000.0],
        curve=[(250, 0.5), (500, 0.71)],
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:14:05+00:00",
    ),
    Trial(number=1, state="failed", parameters=DRAWN, message="the loss became nan", finished="unknown"),
    Trial(number=2, state="pruned", parameters=DRAWN, curve=[(250, 0.3)], message="below the median of others"),
    Trial(number=3, state="running", parameters=DRAWN, curve=[(250, 0.4)], started="2026-01-02T04:00:00+00:00"),
    Trial(number=4, state="waiting", parameters=DRAWN, retry_of=1),
]


def test_search_is_shown_trial_by_trial(watched: Watched) -> None:
    write_search(watched.results, make_ranges(objectives=["accuracy", "multiply_adds"]), TRIALS)
    study = watched.study("ranges-cpu")
    assert study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    assert study.metric_names == ["accuracy", "multiply_adds"]
    shown = study.trials
    assert [trial.number for trial in shown] == [0, 1, 2, 3, 4]
    states = [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING]
    assert [trial.state for trial in shown] == states
    for trial, record in zip(shown, TRIALS, strict=True):
        assert trial.params == record.parameters
        assert trial.values == record.values
        assert trial.intermediate_values == dict(record.curve)
        assert trial.distributions == {
            "outer_lr": FloatDistribution(0.0001, 0.01, log=True),
            "inner_steps": IntDistribution(3, 10),
            "relation": CategoricalDistribution(["pairwise", "none"]),
        }
    assert [trial.user_attrs for trial in shown] == [
        {"run_key": "0123456789abcdef"},
        {"message": "the loss became nan"},
        {"message": "below the median of others"},
        {},
        {"retry_of": 1},
    ]
    assert watched.said == []


def test_times_are_the_records_in_local_time(watched: Watched) -> None:
    write_search(watched.results, make_ranges(objectives=["accuracy", "multiply_adds"]), TRIALS)
    shown = watched.study("ranges-cpu").trials
    began, ended = shown[0].datetime_start, shown[0].datetime_complete
    assert began is not None and began.astimezone(UTC) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert ended is not None and (ended - began).total_seconds() == 600
    assert shown[3].datetime_start is not None and shown[3].datetime_complete is None


def test_search_that_has_only_begun_is_shown_empty(watched: Watched) -> None:
    write_record(watched.results / "ranges-cpu" / "search.json", make_ranges())
    assert watched.study("ranges-cpu").trials == []
    assert watched.said == []


def one(number: int, state: str, **fields: Any) -> Trial:
    return Trial(number=number, state=state, **{"parameters": DRAWN, **fields})  # type: ignore[arg-type]


def test_running_search_is_followed_in_place(watched: Watched) -> None:
    """Its trials keep their ids while they draw parameters, report, end and are joined by others."""
    plan = make_ranges()
    write_search(watched.results, plan, [one(0, "running", parameters={}), one(1, "waiting")])
    before = watched.study("ranges-cpu")
    ids = [trial._trial_id for trial in before.trials]
    assert before.trials[0].params == {}

    write_search(watched.results, plan, [one(0, "running", curve=[(250, 0.4)]), one(1, "running")])
    first = watched.study("ranges-cpu").trials[0]
    assert first.params == DRAWN
    assert first.distributions["inner_steps"] == IntDistribution(3, 10)
    assert first.intermediate_values == {250: 0.4}

    done = one(0, "complete", curve=[(250, 0.4), (500, 0.6)], values=[0.6], run_key="0123456789abcdef")
    pruned = one(1, "pruned", curve=[(250, 0.1)], message="below the median of others")
    write_search(watched.results, plan, [done, pruned, one(2, "running"), one(3, "failed", message="stopped")])
    after = watched.study("ranges-cpu")
    assert after._study_id == before._study_id
    assert [trial._trial_id for trial in after.trials][:2] == ids
    assert [trial.number for trial in after.trials] == [0, 1, 2, 3]
    assert [trial.state.name for trial in after.trials] == ["COMPLETE", "PRUNED", "RUNNING", "FAIL"]
    assert after.trials[0].values == [0.6]
    assert after.trials[0].intermediate_values == {250: 0.4, 500: 0.6}
    assert after.trials[0].user_attrs == {"run_key": "0123456789abcdef"}
    assert after.trials[1].user_attrs == {"message": "below the median of others"}
    assert after.trials[1].values is None
    assert after.user_attrs["trials"] == "6 planned: 1 complete, 1 pruned, 1 running, 1 failed"
    assert watched.said == []


def test_nothing_is_written_where_nothing_changed(watched: Watched) -> None:
    write_search(watched.results, make_ranges(), [one(0, "complete", values=[0.5])])
    study = write_study(watched.results, make_plan({"leo": {}}, [0]))
    watched.follower.look()
    changes: list[bool] = []
    watched.follower.on_change = lambda: changes.append(True)
    watched.follower.look()
    assert changes == []
    write_attempt(watched.results, load_view(study).plan.runs[0], "failed", "no luck")
    watched.follower.look()
    assert changes == [True]


def test_records_that_were_replaced_make_the_study_anew(watched: Watched) -> None:
    """A finished trial cannot change in place; the new study has an id of its own, so that no page mixes the two."""
    plan = make_ranges()
    write_search(watched.results, plan, [one(0, "complete", values=[0.5])])
    before = watched.study("ranges-cpu")
    write_search(watched.results, plan, [one(0, "complete", values=[0.6])])
    after = watched.study("ranges-cpu")
    assert [trial.values for trial in after.trials] == [[0.6]]
    assert after._study_id != before._study_id
    assert [study.study_name for study in watched.database.storage.get_all_studies()] == ["ranges-cpu"]

    wider = [SPACE[0], Parameter(name="inner_steps", low=0, high=20, whole=True), SPACE[2]]
    write_search(watched.results, make_ranges(space=wider), [one(0, "complete", values=[0.6])])
    assert watched.study("ranges-cpu").trials[0].distributions["inner_steps"] == IntDistribution(0, 20)


def test_trial_that_was_ended_by_hand_in_the_dashboard_is_mended(watched: Watched) -> None:
    plan = make_ranges()
    write_search(watched.results, plan, [one(0, "running")])
    study = watched.study("ranges-cpu")
    watched.database.storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.FAIL)
    write_search(watched.results, plan, [one(0, "complete", values=[0.5])])
    assert [trial.values for trial in watched.study("ranges-cpu").trials] == [[0.5]]
    assert watched.said == []


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        (one(3, "running"), "trial 3 stands where trial 0 belongs"),
        (one(0, "running", parameters={"width": 64}), "trial 0: width is not in the space of search.json"),
        (one(0, "complete", values=[0.5, 1.0]), "trial 0: 2 values for 1 objectives"),
        (one(0, "complete"), "trial 0: 0 values for 1 objectives"),
        (one(0, "running", parameters={**DRAWN, "inner_steps": 11}), "trial 0: The value 11 of parameter"),
        (one(0, "running", parameters={**DRAWN, "outer_lr": 0.011}), "trial 0: The value 0.011 of parameter"),
    ],
)
def test_trials_that_do_not_fit_the_plan_are_named(watched: Watched, trial: Trial, message: str) -> None:
    write_search(watched.results, make_ranges(), [trial])
    write_study(watched.results, make_plan({"leo": {}}, [0]))
    watched.follower.look()
    watched.follower.look()
    assert len(watched.said) == 1
    assert watched.said[0].startswith(f"{watched.results / 'ranges-cpu'} is passed over: ")
    assert message in watched.said[0]
    assert [study.study_name for study in watched.database.storage.get_all_studies()] == ["ablations-cpu"]


def test_value_that_rounding_put_beyond_its_range_is_at_its_end(watched: Watched) -> None:
    beyond = {**DRAWN, "outer_lr": 0.010000000000000004}
    write_search(watched.results, make_ranges(), [one(0, "complete", values=[0.5], parameters=beyond)])
    assert watched.study("ranges-cpu").trials[0].params["outer_lr"] == 0.01


# studies


def small_plan(**changes: Any) -> Plan:
    variants = {"leo": {}, "none": {"relation": "none"}, "first_order": {"second_order": False, "inner_steps": 10}}
    return make_plan(variants, [0, 1], base={"test_modes": ("mixed",)}, **changes)


def test_study_is_shown_run_by_run(watched: Watched) -> None:
    """In the plan's order, whatever became of a run; 60 of 75 queries correct is an accuracy of 0.8."""
    plan = small_plan()
    write_study(watched.results, plan)
    counts = right(60)
    for run in plan.runs[:2]:
        write_run(watched.results, plan, run, counts, warnings=["at chance", "again"])
    write_attempt(watched.results, plan.runs[2], "failed", "the loss became nan", episode=300)
    write_attempt(watched.results, plan.runs[3], "running", episode=40)  # nobody holds it: it died
    headline = next((write_run(watched.results, plan, plan.runs[4], counts) / "tests").iterdir())
    (headline / "episodes.npz").unlink()
    study = watched.study("ablations-cpu")
    assert study.direction == StudyDirection.MAXIMIZE
    assert study.metric_names == ["accuracy"]
    shown = study.trials
    assert [trial.number for trial in shown] == list(range(6))
    assert [trial.state.name for trial in shown] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL", "FAIL", "WAITING"]
    assert [trial.user_attrs["run_key"] for trial in shown] == [run.run_key for run in plan.runs]
    assert [trial.user_attrs["status"] for trial in shown] == [
        "done", "done", "failed", "interrupted", "corrupt", "missing",
    ]  # fmt: skip
    assert shown[2].user_attrs["message"] == "the loss became nan"
    assert shown[2].user_attrs["episode"] == 300
    assert "ended without a message after 40 training episodes" in shown[3].user_attrs["message"]
    assert "episodes.npz is missing" in shown[4].user_attrs["message"]

    for trial, run in zip(shown, load_view(watched.results / "ablations-cpu").runs, strict=True):
        settings = run.planned.settings
        assert trial.params == {
            "variant": run.planned.variant,
            "seed": str(run.planned.seed),
            "relation": settings["relation"],
            "inner_steps": str(settings["inner_steps"]),
            "second_order": "true" if settings["second_order"] else "false",
        }
        if trial.state == TrialState.COMPLETE:
            assert run.result is not None
            headline = run.headline
            assert trial.value == 0.8  # the record has 0.7999999999999999
            assert headline.accuracy == pytest.approx(trial.value, abs=1e-12)
            assert trial.intermediate_values == {point.episode: point.accuracy for point in run.result.validation}
            assert trial.user_attrs == {
                "run_key": run.planned.run_key,
                "label": run.planned.variant,
                "status": "done",
                "accuracy_before": headline.accuracy_before,
                "accuracy_ci95": headline.accuracy_ci95,
                "20-way 1-shot mixed on omniglot": pytest.approx(60 / 300),
                "train_seconds": run.result.train_seconds,
                "n_parameters": run.result.n_parameters,
                "warnings": "at chance; again",
                "numerics": run.planned.numerics,
                "commit": "abc123def456",
            }
            assert trial.duration is not None and trial.duration.total_seconds() == 600
        else:
            assert trial.value is None
    assert study.user_attrs["runs"] == "6 planned: 2 done, 1 failed, 1 interrupted, 1 corrupt, 1 missing"


def test_choices_are_labels_in_order(watched: Watched) -> None:
    """True and 1 are equal in Python: as choices they would be one."""
    write_study(watched.results, small_plan())
    space = watched.study("ablations-cpu").trials[0].distributions
    assert space == {
        "variant": CategoricalDistribution(["leo", "none", "first_order"]),
        "seed": CategoricalDistribution(["0", "1"]),
        "relation": CategoricalDistribution(["pairwise", "none"]),
        "inner_steps": CategoricalDistribution(["5", "10"]),
        "second_order": CategoricalDistribution(["false", "true"]),
    }


def test_plan_from_before_a_setting_was_there(watched: Watched) -> None:
    """The setting had its default then: 64 channels."""
    plan = make_plan({"leo": {}, "wide": {"width": 128}}, [0])
    del plan.runs[0].settings["width"]
    write_study(watched.results, plan)
    assert [trial.params["width"] for trial in watched.study("ablations-cpu").trials] == ["64", "128"]


def test_run_of_other_source_counts_only_where_the_plan_accepts_it(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results, plan)
    write_run(watched.results, plan, plan.runs[0], right(60), numerics="ffffffffffff")
    stale = watched.study("ablations-cpu").trials[0]
    assert (stale.state, stale.user_attrs["status"]) == (TrialState.FAIL, "stale")
    assert "made by source with numerics digest ffffffffffff" in stale.user_attrs["message"]
    write_study(watched.results, plan.model_copy(update={"accept_stale": True}))
    again = watched.study("ablations-cpu").trials
    assert again[-1].value == pytest.approx(0.8)
    assert again[-1].user_attrs["retry_of"] == 0


def test_running_study_is_followed_in_place(watched: Watched) -> None:
    """Missing, running (its lock is held), done: one trial, which keeps its number."""
    plan = small_plan()
    write_study(watched.results, plan)
    before = watched.study("ablations-cpu")
    run = plan.runs[4]
    folder = write_attempt(watched.results, run, "running", episode=40)
    with FileLock(folder / ".lock"):
        running = watched.study("ablations-cpu").trials[4]
        assert running.state == TrialState.RUNNING
        assert running.user_attrs["episode"] == 40
        assert running.datetime_start is not None
        write_attempt(watched.results, run, "running", episode=900)
        assert watched.study("ablations-cpu").trials[4].user_attrs["episode"] == 900
        write_run(watched.results, plan, run, right(45))
    after = watched.study("ablations-cpu")
    assert after._study_id == before._study_id
    assert [trial._trial_id for trial in after.trials] == [trial._trial_id for trial in before.trials]
    done = after.trials[4]
    assert done.state == TrialState.COMPLETE
    assert done.value == pytest.approx(45 / 75)
    assert done.user_attrs["status"] == "done"
    view = load_view(watched.results / "ablations-cpu").runs[4]
    assert view.result is not None
    assert done.intermediate_values == {point.episode: point.accuracy for point in view.result.validation}
    assert done.user_attrs["train_seconds"] == view.result.train_seconds
    assert watched.said == []


def test_run_that_dies_is_seen_without_a_change_of_files(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results, plan)
    folder = write_attempt(watched.results, plan.runs[0], "running", episode=40)
    with FileLock(folder / ".lock"):
        assert watched.study("ablations-cpu").trials[0].state == TrialState.RUNNING
    assert watched.study("ablations-cpu").trials[0].state == TrialState.FAIL


def test_failed_run_that_is_done_again_is_a_new_trial(watched: Watched) -> None:
    """The failed one stays, as it does in Optuna; the new one says whose place it takes."""
    plan = small_plan()
    write_study(watched.results, plan)
    write_attempt(watched.results, plan.runs[1], "failed", "the loss became nan")
    before = watched.study("ablations-cpu")
    write_run(watched.results, plan, plan.runs[1], right(60))
    after = watched.study("ablations-cpu")
    assert after._study_id == before._study_id
    assert [trial.state.name for trial in after.trials] == [
        "WAITING", "FAIL", "WAITING", "WAITING", "WAITING", "WAITING", "COMPLETE",
    ]  # fmt: skip
    assert after.trials[6].user_attrs["retry_of"] == 1
    assert after.trials[6].params == after.trials[1].params
    watched.follower.look()
    assert len(watched.shown("ablations-cpu").trials) == 7


def test_plan_that_grew_or_shrank_is_shown_as_it_is(watched: Watched) -> None:
    write_study(watched.results, small_plan())
    assert len(watched.study("ablations-cpu").trials) == 6
    for seeds in ([0, 1, 2], [0]):
        plan = make_plan({"leo": {}, "none": {"relation": "none"}}, seeds)
        write_study(watched.results, plan)
        shown = watched.study("ablations-cpu").trials
        assert [trial.user_attrs["run_key"] for trial in shown] == [run.run_key for run in plan.runs]


def test_run_that_is_planned_no_more_is_gone(watched: Watched) -> None:
    """Though every variant and seed is still planned with others."""
    plan = small_plan()
    write_study(watched.results, plan)
    watched.follower.look()
    write_study(watched.results, plan.model_copy(update={"runs": plan.runs[:-1]}))
    assert len(watched.study("ablations-cpu").trials) == 5


def test_published_and_later_studies_are_shown_under_their_names(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results / "official", plan)
    watched.follower.look()
    write_study(watched.results, plan)
    write_search(watched.results, make_ranges(), [])
    watched.follower.look()
    names = {study.study_name for study in watched.database.storage.get_all_studies()}
    assert names == {"official/ablations-cpu", "ablations-cpu", "ranges-cpu"}


def test_broken_study_is_named_once_and_shown_when_mended(watched: Watched) -> None:
    plan = small_plan()
    broken = write_study(watched.results, plan) / "study.json"
    write_search(watched.results, make_ranges(), [])
    text = broken.read_text()
    broken.write_text(text[:100])
    watched.follower.look()
    watched.follower.look()
    assert len(watched.said) == 1 and f"{broken} is truncated or not JSON" in watched.said[0]
    assert "\n" not in watched.said[0]
    assert [study.study_name for study in watched.database.storage.get_all_studies()] == ["ranges-cpu"]
    broken.write_text(text)
    assert len(watched.study("ablations-cpu").trials) == 6


def test_unchanged_runs_are_read_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running study of hundreds of runs is looked at every few seconds, beside the training."""
    plan = small_plan()
    folder = write_study(watched.results, plan)
    for run in plan.runs[:3]:
        write_run(watched.results, plan, run, right(60))
    read: list[str] = []

    def counted(planned: Any, *rest: Any) -> Any:
        read.append(planned.variant)
        return run_state(planned, *rest)

    from leo_bench.records import run_state

    monkeypatch.setattr("leo_bench.dashboard.study.run_state", counted)
    cache = RunCache()
    load_view(folder, cache)
    assert len(read) == 6
    load_view(folder, cache)
    assert len(read) == 6
    write_run(watched.results, plan, plan.runs[3], right(60))
    assert load_view(folder, cache).runs[3].status == "done"
    assert len(read) == 7


def test_studies_that_plan_other_tests_of_one_training_keep_their_own_state(watched: Watched) -> None:
    """Both plan the same training. The first study's tests are scored, one of the second study's is missing."""
    scored, more = (
        make_plan({"leo": {}}, [0], base={"test_modes": modes}, study=name)
        for name, modes in (("scored", ("mixed",)), ("more", ("mixed", "within_alphabet")))
    )
    assert scored.runs[0].run_key == more.runs[0].run_key
    for plan in (scored, more):
        write_study(watched.results, plan)
    write_run(watched.results, scored, scored.runs[0], right(60))
    watched.follower.look()
    assert [watched.shown(f"{name}-cpu").trials[0].state.name for name in ("scored", "more")] == ["COMPLETE", "WAITING"]


# notes, figures, deleting


def test_notes_say_how_complete_it_is_and_what_to_type(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results, plan)
    write_run(watched.results, plan, plan.runs[0], right(60))
    write_attempt(watched.results, plan.runs[1], "failed", "the loss became nan")
    study = watched.study("ablations-cpu")
    note = get_note(study)
    assert "What is each part of LEO worth?" in note
    assert "6 planned: 1 done, 1 failed, 4 missing" in note
    assert "- none seed 0: failed: the loss became nan" in note
    assert "leo-bench study ablations --profile cpu" in note
    assert "Report: none yet" in note
    key = plan.runs[0].run_key
    assert f"leo-bench run --key {key}" in watched.trial_note(study, 0)
    assert f"leo-bench reproduce --key {key}" in watched.trial_note(study, 0)
    assert "the loss became nan" in watched.trial_note(study, 1)

    report = watched.reports / "ablations-cpu" / "report.html"
    report.parent.mkdir(parents=True)
    report.touch()
    write_run(watched.results, plan, plan.runs[2], right(60))
    note = get_note(watched.study("ablations-cpu"))
    assert "(/reports/ablations-cpu/report.html)" in note
    assert "2 done" in note


def test_note_of_a_search(watched: Watched) -> None:
    write_search(watched.results, make_ranges(), [one(0, "complete", values=[0.5], run_key="0123456789abcdef")])
    study = watched.study("ranges-cpu")
    note = get_note(study)
    assert "Which settings are best?" in note
    assert "6 planned: 1 complete (one worker, in one go)" in note
    assert "leo-bench search ranges --profile cpu" in note
    assert "leo-bench reproduce --key 0123456789abcdef" in watched.trial_note(study, 0)


def test_study_of_what_a_search_chose_goes_on_with_the_search(watched: Watched) -> None:
    """There is no study file of it."""
    study = write_study(watched.results, small_plan(study="ranges_best"))
    folder = write_search(watched.results, make_ranges(), [])
    assert "leo-bench study ranges_best" in get_note(watched.study("ranges_best-cpu"))
    write_record(folder / "best.json", Best(study=study.name, choices=[]))
    note = get_note(watched.study("ranges_best-cpu"))
    assert "leo-bench search ranges --profile cpu" in note
    assert "leo-bench study" not in note


def test_commands_name_results_that_lie_elsewhere(tmp_path: Path) -> None:
    assert Folders(Path("results"), Path("reports")).option() == ""
    assert Folders(tmp_path / "my results", Path("reports")).option() == f" --results '{tmp_path}/my results'"


def test_figures_of_the_report_are_served_as_they_are(watched: Watched) -> None:
    figures = watched.reports / "ablations-cpu" / "figures"
    figures.mkdir(parents=True)
    (figures / "effects.png").write_bytes(b"first")
    write_study(watched.results, small_plan())

    def served() -> dict[str, bytes]:
        study = watched.study("ablations-cpu")
        found = {}
        for meta in get_all_artifact_meta(study, storage=watched.database.storage):
            with watched.database.artifacts.open_reader(meta.artifact_id) as file:
                found[meta.filename] = file.read()
        return found

    assert served() == {"effects.png": b"first"}
    (figures / "effects.png").write_bytes(b"drawn again")
    (figures / "curves.png").write_bytes(b"new")
    (figures / "curves.svg").write_bytes(b"the same for papers")
    assert served() == {"effects.png": b"drawn again", "curves.png": b"new"}


def test_what_is_deleted_in_the_dashboard_stays_on_disk_and_deleted(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results, plan)
    write_run(watched.results, plan, plan.runs[0], right(60))
    write_search(watched.results, make_ranges(), [])
    study = watched.study("ablations-cpu")
    before = files_below(watched.results)
    watched.database.storage.delete_study(study._study_id)
    write_run(watched.results, plan, plan.runs[1], right(60))
    watched.follower.look()
    assert [study.study_name for study in watched.database.storage.get_all_studies()] == ["ranges-cpu"]
    assert before.items() <= files_below(watched.results).items()
    assert watched.said == []


def test_files_are_only_read(watched: Watched) -> None:
    plan = small_plan()
    write_study(watched.results, plan)
    write_run(watched.results, plan, plan.runs[0], right(60))
    write_search(watched.results, make_ranges(objectives=["accuracy", "multiply_adds"]), TRIALS)
    before = files_below(watched.results)
    watched.follower.look()
    assert files_below(watched.results) == before
