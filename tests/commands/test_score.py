"""`leo-bench score` on a tiny run: what is scored, what is refused, and what is said before a training."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_bank import runs_on, tiny_bank

from leo_bench.commands.cli import main
from leo_bench.config import make_settings
from leo_bench.records import Result, RunState, TestResult, read_record, run_state, write_record, write_settings
from leo_bench.running import experiment, training_run
from leo_bench.running.plan import planned_run

TINY: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 4,
    "latent_dim": 8,
    "inner_steps": 1,
    "n_train_episodes": 4,
    "val_every": 4,
    "n_val_episodes": 3,
}
SMALL_TESTS: dict[str, Any] = {"n_test_episodes": 5, "test_n_ways": [], "test_modes": []}
SETTINGS = make_settings({**TINY, **SMALL_TESTS}, "leo")
KEY = SETTINGS.run_key


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Give every run the tiny bank."""
    monkeypatch.chdir(tmp_path)
    with runs_on(tiny_bank()):
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunState:
    """A done run, trained once for all tests."""
    with runs_on(tiny_bank()):
        return experiment.execute(tmp_path_factory.mktemp("runs") / KEY, SETTINGS)


@pytest.fixture
def done(trained: RunState) -> RunState:
    """A copy of the done run in the results of the test."""
    return run_state(trained.planned, Path(shutil.copytree(trained.folder, Path("results/runs") / KEY)))


def score(*pairs: str, key: str = KEY) -> int:
    given = ("n_test_episodes=5", *pairs)
    return main(["score", key, *(word for pair in given for word in ("--set", pair))])


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "train", lambda *_: pytest.fail("trained"))


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"}


def test_a_trained_run_is_scored_on_the_tests_asked_for(
    done: RunState, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forbid_training(monkeypatch)
    assert score("test_n_ways=[4]", 'test_modes=["mixed"]') == 0
    captured = capsys.readouterr()
    assert "4-way 1-shot mixed on glyphs" in captured.out
    assert captured.err == ""
    assert len(list(done.folder.glob("tests/*"))) == 2


def test_another_head_and_wrong_labels_are_scored_and_named(
    done: RunState, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forbid_training(monkeypatch)
    asked = ["test_head=nearest_neighbour", "test_k_shots=[3]", "test_mislabelled=1"]
    assert score("test_n_ways=[]", "test_modes=[]", *asked) == 0
    lines = capsys.readouterr().out.splitlines()[:3]
    for line, words in zip(lines, ["1-shot mixed", "3-shot mixed", "3-shot mixed, 1 of 3 mislabelled"], strict=True):
        assert line.startswith(f"3-way {words}, nearest neighbour on glyphs")


def test_support_copies_and_a_temperature_are_scored_and_named(
    done: RunState, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forbid_training(monkeypatch)
    asked = ["test_n_ways=[]", "test_modes=[]", "test_inner_steps=20", "test_inner_lr=1.0"]
    for more in ([], ["test_support_copies=shifted", "test_inner_temperature=4"]):
        assert score(*asked, *more) == 0
        words = "temperature 4, shifted copies" if more else "rate 1"
        assert f"{words} on glyphs" in capsys.readouterr().out.splitlines()[0]
    found = {
        test.support_copies: test
        for path in done.folder.glob("tests/*/result.json")
        if (test := read_record(path, TestResult)).inner_steps == 20
    }
    assert {copies: test.inner_temperature for copies, test in found.items()} == {None: None, "shifted": 4.0}
    plain, shifted = found[None], found["shifted"]
    assert plain.episodes_digest == shifted.episodes_digest  # the same episodes, answered in another way
    assert plain.adaptation is not None and shifted.adaptation is not None
    assert plain.adaptation.loss_before != shifted.adaptation.loss_before


def test_settings_of_tests_that_are_left_out_are_at_their_default(
    done: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_training(monkeypatch)
    write_settings(
        done.folder, make_settings({**TINY, **SMALL_TESTS, "test_inner_steps": 7, "test_n_ways": [3, 4]}, "leo")
    )
    assert score("test_n_ways=[]", "test_modes=[]", "test_k_shots=[2]") == 0
    written = [json.loads(path.read_text()) for path in done.folder.glob("tests/*/result.json")]
    assert sorted((test["k_shot"], test["n_way"], test["inner_steps"]) for test in written) == [
        (1, 3, None),
        (2, 3, None),
    ]


def test_a_setting_of_training_is_refused(done: RunState, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("latent_dim=32") == 2
    assert "--set latent_dim: training reads this setting" in capsys.readouterr().err


def test_a_test_that_cannot_be_made_is_refused_before_an_attempt(
    done: RunState, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(done.folder)
    assert score("test_n_ways=[40]") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "n_way is 40" in line
    assert files(done.folder) == before


@pytest.mark.parametrize("damage", ["stale", "corrupt"])
def test_a_stale_or_damaged_training_is_refused_and_nothing_is_moved(
    done: RunState, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = done.folder / "result.json"
    if damage == "stale":
        write_record(path, read_record(path, Result).model_copy(update={"numerics": "of before"}))
    else:
        path.write_bytes(path.read_bytes()[:100])
    before = files(done.folder)
    assert score("test_k_shots=[2]") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: the training of run {KEY} is {damage}")
    assert line.endswith(f"leo-bench run --key {KEY}")
    assert files(done.folder) == before


def test_the_remedy_for_a_stale_training_works(done: RunState) -> None:
    path = done.folder / "result.json"
    write_record(path, read_record(path, Result).model_copy(update={"numerics": "of before"}))
    assert main(["run", "--key", KEY]) == 0
    assert run_state(planned_run(SETTINGS, "run"), done.folder).status == "done"
    assert score("test_n_ways=[]", "test_modes=[]", "test_k_shots=[2]") == 0


def test_a_published_run_is_trained_first_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_settings(Path("results/official/runs") / KEY, SETTINGS)
    assert score("test_n_ways=[]", "test_modes=[]") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"run {KEY} is not trained in results/runs/{KEY}: it is trained first, under the same key"
    assert (Path("results/runs") / KEY / "result.json").exists()


def test_a_run_with_a_key_of_schema_1_is_trained_first_under_its_key_of_today(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_settings(Path("results/official/ablations-cpu/runs/0123456789abcdef"), SETTINGS)
    assert score("test_n_ways=[]", "test_modes=[]", key="0123456789abcdef") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("run 0123456789abcdef has a key of schema 1: it is trained first")
    assert f"under its key of today, {KEY}," in line
