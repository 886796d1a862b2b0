"""Shards of a study: every run in exactly one, without a report, and together the whole study."""

from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run

from leo_bench.commands import study as command
from leo_bench.commands.cli import main
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import StudyView, load_study, run_state, write_record
from leo_bench.running.plan import study_folder
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
    assert sorted(len({run.run_key for run in part.runs}) for part in parts) == [2, 3, 3]  # 8 trainings
    assert sum(len(part.runs) for part in parts) == len(plan.runs) == 12


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


def test_shards_of_machines_without_a_common_disk_come_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/s.toml").write_text(STUDY)
    monkeypatch.setattr(command, "StudyRunner", Runner)
    monkeypatch.setattr(command, "locate", lambda *_: DataSource("omniglot", "zips", None))
    common = [
        "study",
        "s",
        "--profile",
        "cpu",
        "--studies",
        str(tmp_path / "studies"),
        "--reports",
        str(tmp_path / "r"),
    ]
    for number in (1, 2):
        here = ["--results", str(tmp_path / f"machine{number}"), "--shard", f"{number}/2"]
        assert main([*common, *here]) == 0
        assert f"shard {number}/2: 3 of 3 runs done" in capsys.readouterr().out
        assert main(["merge", str(tmp_path / f"machine{number}"), "--results", str(tmp_path / "all")]) == 0
    assert not (tmp_path / "r").exists()
    plan = load_study(tmp_path / "machine1/s-cpu").plan
    states = [run_state(run, tmp_path / "all/runs" / run.run_key) for run in plan.runs]
    assert len(states) == 6 and {state.status for state in states} == {"done"}
    assert main([*common, "--shard", "1/2", "--until-decided"]) == 2
    assert "leave one out" in capsys.readouterr().err
