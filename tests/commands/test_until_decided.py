"""`leo-bench study --until-decided`: which seeds are added, and when it stops. No training: a runner writes answers."""

from pathlib import Path

import numpy as np
import pytest
from results_fixture import write_attempt, write_run

from leo_bench.commands import study as command
from leo_bench.commands.cli import main
from leo_bench.data.locate import DataSource
from leo_bench.records import Plan, StudyView, load_study, write_record
from leo_bench.running.plan import study_folder

STUDY = """
question = "Q?"
baseline = "leo"
[settings]
image_size = 28
n_test_episodes = 12
test_n_ways = [5]
test_modes = ["mixed"]
[profiles.cpu]
seeds = [0, 1, 2]
[variants.leo]
[variants.far]
set = { latent_dim = 8 }
[variants.near]
set = { latent_dim = 32 }
"""


def right(variant: str, seed: int) -> int:
    """Correct answers of 75: `far` is 20 points worse, `near` goes up and down."""
    return {"leo": 60, "far": 45, "near": 60 + 9 * (-1) ** seed}[variant] + seed % 2


class Runner:
    """Stands in for StudyRunner: every run is done at once."""

    diverges: tuple[str, int] | None = None
    """Variant and seed whose training ends with a NaN loss."""

    def __init__(self, plan: Plan, view: Plan, results: Path, *_: object) -> None:
        self.plan, self.view, self.results = plan, view, results

    def run(self) -> StudyView:
        folder = study_folder(self.results, self.view)
        for run in self.plan.runs:
            if (run.variant, run.seed) == self.diverges:
                write_attempt(self.results, run, "failed", "the training loss became nan by episode 4")
            elif not (self.results / "runs" / run.run_key / "result.json").exists():
                steps = run.settings["inner_steps"] + 1
                write_run(
                    self.results, self.plan, run, lambda name, seed, *_, n=steps: np.full((12, n), right(name, seed))
                )
        write_record(folder / "study.json", self.view)
        return load_study(folder)


class NoReport:
    """Stands in for BackgroundReport."""

    def __init__(self, *_: object) -> None:
        pass

    def request(self) -> None:
        pass

    def finish(self) -> bool:
        return True


@pytest.fixture
def seeds_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/s.toml").write_text(STUDY)
    monkeypatch.setattr(command, "StudyRunner", Runner)
    monkeypatch.setattr(command, "BackgroundReport", NoReport)
    monkeypatch.setattr(command, "locate", lambda *_: DataSource("omniglot", "zips", None))
    return tmp_path


def run(folder: Path, *options: str) -> int:
    places = [f"--{name}={folder / name}" for name in ("studies", "results", "reports")]
    return main(["study", "s", "--profile", "cpu", *places, *options])


def seeds_of(folder: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in load_study(folder / "results/s-cpu").done:
        found.setdefault(one.planned.variant, []).append(one.planned.seed)
    return {name: sorted(seeds) for name, seeds in found.items()}


def test_seeds_are_added_for_what_is_open_alone(seeds_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seeds_run, "--until-decided", "--max-seeds", "6") == 0
    said = capsys.readouterr().out
    assert "look 1 of 3: 3 seeds; each look spends 5%/3" in said and "look 3 of 3: 6 seeds" in said
    assert "1 comparisons are still open with 6 seeds" in said
    assert seeds_of(seeds_run) == {"leo": [0, 1, 2, 3, 4, 5], "far": [0, 1, 2], "near": [0, 1, 2, 3, 4, 5]}
    assert load_study(seeds_run / "results/s-cpu").plan.n_looks == 3


def test_the_first_look_has_the_seeds_of_the_profile(seeds_run: Path) -> None:
    text = (seeds_run / "studies/s.toml").read_text()
    text = text.replace("seeds = [0, 1, 2]", "seeds = [0, 1, 2]\nfewer_seeds = { far = 2 }")
    (seeds_run / "studies/s.toml").write_text(text)
    assert run(seeds_run, "--until-decided", "--max-seeds", "3") == 0
    assert seeds_of(seeds_run) == {"leo": [0, 1, 2], "far": [0, 1], "near": [0, 1, 2]}


def test_no_seeds_are_added_for_a_variant_that_was_not_asked_for(seeds_run: Path) -> None:
    assert run(seeds_run) == 0
    assert run(seeds_run, "--only", "far", "--until-decided", "--max-seeds", "6") == 0
    assert seeds_of(seeds_run) == {name: [0, 1, 2] for name in ("leo", "far", "near")}


def test_the_share_of_a_look_is_kept_by_a_later_call(seeds_run: Path) -> None:
    assert run(seeds_run, "--until-decided", "--max-seeds", "5") == 0
    assert run(seeds_run) == 0
    assert load_study(seeds_run / "results/s-cpu").plan.n_looks == 2


def test_a_later_call_for_more_seeds_adds_its_looks(seeds_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Looks at 3, 5 and 6 seeds, then at 8 and 12; at 3 and 5 it has looked before."""
    assert run(seeds_run, "--until-decided", "--max-seeds", "6") == 0
    for _ in range(2):
        assert run(seeds_run, "--until-decided", "--max-seeds", "12") == 0
        assert "look 4 of 4: 12 seeds; each look spends 5%/5" in capsys.readouterr().out
        assert load_study(seeds_run / "results/s-cpu").plan.n_looks == 5


def test_a_training_that_diverged_does_not_end_it(seeds_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runner, "diverges", ("near", 0))
    assert run(seeds_run, "--until-decided", "--max-seeds", "6") == 1  # as of any study with a run that is not done
    assert seeds_of(seeds_run)["near"] == [1, 2, 3, 4, 5]


def test_it_stops_when_all_is_decided(seeds_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (seeds_run / "studies/s.toml").read_text()
    (seeds_run / "studies/s.toml").write_text(text.split("[variants.near]")[0])
    assert run(seeds_run, "--until-decided", "--max-seeds", "20") == 0
    assert "every comparison on the headline test has a verdict" in capsys.readouterr().out
    assert seeds_of(seeds_run) == {"leo": [0, 1, 2], "far": [0, 1, 2]}


def test_the_plan_says_how_many_looks_there_are(seeds_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [f"--{name}={seeds_run / name}" for name in ("studies", "results")]
    options = ["--plan", "--until-decided", "--max-seeds", "6"]
    assert main(["study", "s", "--profile", "cpu", *places, *options]) == 0
    assert "look 1 of 3: 3 seeds; each look spends 5%/3" in capsys.readouterr().out
    assert not (seeds_run / "results").exists()
