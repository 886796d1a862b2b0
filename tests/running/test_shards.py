"""Shards of a study: every run in exactly one, without a report, and together the whole study."""

from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run

from leo_bench.commands import study as command
from leo_bench.commands.cli import main
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, StudyView, load_study, run_state, write_record
from leo_bench.running import shards
from leo_bench.running.estimate import cost_of_all
from leo_bench.running.plan import make_plan as make_study_plan
from leo_bench.running.plan import study_folder
from leo_bench.running.publish import publish
from leo_bench.running.shards import parse_shard, shard

STUDY = """
question = "Which?"
baseline = "pixels"
[profiles.cpu]
seeds = [0, 1, 2]
settings = { n_test_episodes = 12, n_train_episodes = 0, test_n_ways = [], test_modes = ["mixed"] }
[variants.pixels]
set = { learner = "pixels" }
[variants.five]
set = { learner = "pixels", k_shot = 5 }
"""


def test_every_training_is_in_exactly_one_shard_with_all_its_runs() -> None:
    variants = {"a": {"latent_dim": 8}, "b": {"latent_dim": 8, "test_k_shots": [5]}, "c": {"latent_dim": 9}}
    plan = make_plan(variants, range(4), base={"test_n_ways": []})
    parts = [shard(plan, number, 3) for number in (1, 2, 3)]
    owner = {}
    for number, part in enumerate(parts):
        for run in part.runs:
            owner.setdefault(run.run_key, set()).add(number)
    assert set(map(len, owner.values())) == {1}
    assert sum(len(part.runs) for part in parts) == len(plan.runs) == 12
    assert all(part.runs == [run for run in plan.runs if run in part.runs] for part in parts)


def costs(**seconds: float) -> object:
    """Return a stand-in for cost_of_all: seconds of the runs of each variant, with a random last bit."""
    rng = np.random.default_rng(0)
    return lambda runs: sum(seconds[run.variant] for run in runs) * (1 + rng.choice([-1, 0, 1]) * 2.0**-50)


def names_in(plan: Plan, count: int) -> list[str]:
    return ["".join(run.variant for run in shard(plan, number, count).runs) for number in range(1, count + 1)]


def test_shards_have_about_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, the longest first to the shard with the least: 9 | 7 | 5, 4 to the third (9), 3 to the second (10)."""
    plan = make_plan({name: {"latent_dim": 8 + n} for n, name in enumerate("edcba")}, [0])
    monkeypatch.setattr(shards, "cost_of_all", costs(a=9, b=7, c=5, d=4, e=3))
    assert names_in(plan, 3) == ["a", "eb", "dc"]
    monkeypatch.setattr(shards, "cost_of_all", costs(a=1, b=1, c=1, d=1, e=1))
    assert names_in(plan, 2) == ["eca", "db"]  # all are alike: in turns, in the order of the plan


def test_no_shard_has_the_same_variants_for_all_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 variants in 4 shards: two of them take a hundred times as long as the others, with each of 4 seeds."""
    plan = make_plan({name: {"latent_dim": 8 + n} for n, name in enumerate("abcdefgh")}, range(4))
    monkeypatch.setattr(shards, "cost_of_all", costs(**{name: 100 if name in "ae" else 1 for name in "abcdefgh"}))
    parts = names_in(plan, 4)
    assert [sum(name in "ae" for name in part) for part in parts] == [2, 2, 2, 2]
    assert [len(part) for part in parts] == [8, 8, 8, 8]


def test_shards_of_the_ablations_differ_by_little(tmp_path: Path) -> None:
    """No shard has more than the mean and the longest training, whatever the trainings are."""
    source = DataSource("omniglot", "zips", None)
    plan = make_study_plan(Path(__file__).parents[2] / "studies", "ablations", "official", source)
    each = {
        key: cost_of_all([run for run in plan.runs if run.run_key == key]) for key in {r.run_key for r in plan.runs}
    }
    for count in (2, 7):
        totals = [cost_of_all(shard(plan, number, count).runs) for number in range(1, count + 1)]
        assert max(totals) <= sum(totals) / count + max(each.values())
        assert max(totals) - min(totals) <= max(each.values())


def test_shards_are_alike_whatever_is_done_here(tmp_path: Path) -> None:
    plan = make_plan({"a": {"latent_dim": 8}, "b": {"latent_dim": 9, "n_train_episodes": 4000}}, range(3))
    before = names_in(plan, 2)
    for run in plan.runs[:3]:
        write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 40), train_seconds=1e6)
    assert names_in(plan, 2) == before


@pytest.mark.parametrize("text", ["0/5", "6/5", "2", "a/b", "1/0", "-1/5", "1/5/2", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(LeoBenchError, match="expected I/N"):
        parse_shard(text)


def test_more_shards_than_trainings_are_refused() -> None:
    with pytest.raises(LeoBenchError, match="only 1 trainings"):
        shard(make_plan({"a": {}}, [0]), 1, 2)


class Runner:
    """Stands in for StudyRunner: every run is done at once."""

    def __init__(self, plan: object, view: object, results: Path, *_: object, **__: object) -> None:
        self.plan, self.view, self.results = plan, view, results

    def state(self, run: object) -> object:
        return run_state(run, self.results / "runs" / run.run_key)  # type: ignore[attr-defined,arg-type]

    def run(self) -> StudyView:
        for run in self.plan.runs:  # type: ignore[attr-defined]
            write_run(self.results, self.plan, run, lambda *_: np.full((12, 1), 40))  # type: ignore[arg-type]
        folder = study_folder(self.results, self.view)  # type: ignore[arg-type]
        write_record(folder / "study.json", self.view)  # type: ignore[arg-type]
        return load_study(folder)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with the study s, whose runs are done at once, and whose report is not made."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/s.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "StudyRunner", Runner)
    monkeypatch.setattr(command, "locate", lambda *_: DataSource("omniglot", "zips", None))
    return tmp_path


COMMAND = ["study", "s", "--profile", "cpu"]


def test_shards_of_machines_without_a_common_disk_come_together(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        assert main([*COMMAND, "--results", f"machine{number}", "--shard", f"{number}/2"]) == 0
        assert f"shard {number}/2: 3 of 3 runs done" in capsys.readouterr().out
        assert main(["merge", f"machine{number}", "--results", "all"]) == 0
    assert not (place / "reports").exists()
    plan = load_study(place / "machine1/s-cpu").plan
    states = [run_state(run, place / "all/runs" / run.run_key) for run in plan.runs]
    assert len(states) == 6 and {state.status for state in states} == {"done"}
    assert main([*COMMAND, "--shard", "1/2", "--until-decided"]) == 2
    assert "leave one out" in capsys.readouterr().err


def test_a_shard_keeps_the_runs_and_the_looks_of_earlier_calls(place: Path) -> None:
    """n_looks decides how much of the 5% each verdict may spend; a shard must not set it back to 1."""
    assert main([*COMMAND, "--seeds", "0-4", "--shard", "1/1"]) == 0
    folder = place / "results/s-cpu"
    write_record(folder / "study.json", load_study(folder).plan.model_copy(update={"n_looks": 3}))
    assert main([*COMMAND, "--shard", "1/2"]) == 0
    view = load_study(folder)
    assert sorted({run.planned.seed for run in view.done}) == [0, 1, 2, 3, 4] and len(view.runs) == 10
    assert view.plan.n_looks == 3


def test_a_shard_takes_published_runs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--shard", "1/1"]) == 0
    publish(place / "results", "s", "cpu", partial=False)
    (place / "results/runs").rename(place / "gone")
    capsys.readouterr()
    assert main([*COMMAND, "--shard", "2/2", "--use-published"]) == 0
    assert "3 runs taken from results/official/" in capsys.readouterr().out
