"""Runs that are stopped in training and go on from their training checkpoint, on a tiny bank."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_bank import tiny_bank

from leo_bench.config import Settings, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import AttemptStatus, PrunedRun, Result, RunState, read_record, run_state
from leo_bench.running import attempts, experiment, plan, training_checkpoint, training_run
from leo_bench.running.attempts import TRAINING_CHECKPOINT, set_aside
from leo_bench.running.reproduce import differences
from leo_bench.running.training_checkpoint import TrainingCheckpoint, is_due
from leo_bench.running.worker import worker_environment, worker_options
from leo_bench.training import outer_loop

TINY: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 4,
    "latent_dim": 8,
    "inner_steps": 2,
    "feature_dropout": 0.2,
    "schedule": "one_cycle",
    "averaged_share": 0.4,
    "augmentation": "affine",
    "n_train_episodes": 24,
    "val_every": 8,
    "n_val_episodes": 3,
    "n_test_episodes": 5,
    "test_n_ways": [3],
}
"""Six updates of four episodes. Checkpoints are written after the first five."""


def use_tiny_bank(patch: pytest.MonkeyPatch) -> None:
    bank = tiny_bank()
    patch.setattr(training_run, "locate", lambda dataset, folder: DataSource(dataset, "drawn", None))
    patch.setattr(training_run, "load_images", lambda source, image_size: bank)


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_bank(monkeypatch)


@pytest.fixture(autouse=True)
def torch_state() -> Any:
    """Restore threads and determinism, which a run sets for its process, since all tests share one process."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def a_checkpoint_after_each_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_checkpoint, "is_due", lambda waited, cost: True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunState:
    """The run without a stop."""
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_bank(patch)
        return experiment.execute(tmp_path_factory.mktemp("whole") / "run", settings_of())


def settings_of(**changes: Any) -> Settings:
    return make_settings({**TINY, **changes}, "leo")


def trained(state: RunState) -> Result:
    assert state.result is not None
    return state.result


def log_of(folder: Path, attempt: int) -> str:
    return (folder / f"attempt-{attempt}" / "log.txt").read_text()


def stop_in_update(number: int, error: BaseException, patch: pytest.MonkeyPatch) -> None:
    """Raise the error in one update of the next training, after its gradients."""
    clip, calls = torch.nn.utils.clip_grad_norm_, []

    def clipped(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == number:
            raise error
        return clip(*arguments)

    patch.setattr(outer_loop.nn.utils, "clip_grad_norm_", clipped)


def stopped(folder: Path, error: BaseException | None = None, update: int = 4, watch: Any = None) -> Path:
    """Start a run that an error ends in an update. Returns its training checkpoint."""
    error = error or KeyboardInterrupt()
    with pytest.MonkeyPatch.context() as patch, pytest.raises((type(error), LeoBenchError)):
        stop_in_update(update, error, patch)
        experiment.execute(folder, settings_of(), None, watch)
    return folder / TRAINING_CHECKPOINT


@pytest.mark.slow
def test_a_run_killed_in_an_update_and_while_writing_ends_with_the_same_bits(tmp_path: Path, whole: RunState) -> None:
    settings, folder = settings_of(), tmp_path / "run"
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py"))]
    for kill in ({"KILL_IN_UPDATE": "3"}, {"KILL_IN_WRITING": "2"}):
        process = subprocess.run(
            [*command, str(folder), *worker_options(settings)],
            env={**worker_environment(settings), **kill},
            capture_output=True,
            text=True,
        )
        assert process.returncode == -signal.SIGKILL, process.stderr
    half = list(folder.glob(f".{TRAINING_CHECKPOINT}.*.tmp"))
    assert len(half) == 1
    assert read_record(folder / "attempt-2" / "status.json", AttemptStatus).status == "running"
    done = experiment.execute(folder, settings)
    assert differences(whole, done) == []
    # updates 1 and 2 were kept; then 3, while 4 was lost in writing
    assert trained(done).resumed_at == [8, 12]
    assert "resumed at episode 8" in log_of(folder, 2)
    assert "resumed at episode 12" in log_of(folder, 3)
    assert not half[0].exists()
    assert not (folder / TRAINING_CHECKPOINT).exists()


def test_an_interrupted_run_goes_on_and_its_records_are_whole(tmp_path: Path, whole: RunState) -> None:
    folder = tmp_path / "run"
    assert stopped(folder, update=5).exists()
    done = experiment.execute(folder, settings_of())
    assert differences(whole, done) == []
    assert trained(whole).resumed_at == []
    assert trained(done).resumed_at == [16]
    assert trained(done).validation == trained(whole).validation
    assert [point.episode for point in trained(done).validation] == [8, 16, 24]
    metrics = [
        json.loads((state.folder / f"attempt-{state.attempts}" / "sacred" / "run" / "metrics.json").read_text())
        for state in (whole, done)
    ]
    for name in ("train_loss", "train_accuracy", "validation_accuracy"):
        assert metrics[0][name]["steps"] == metrics[1][name]["steps"]
        assert metrics[0][name]["values"] == metrics[1][name]["values"]


def test_a_run_that_ends_soon_writes_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_checkpoint, "is_due", is_due)
    monkeypatch.setattr(training_checkpoint, "save", lambda *_: pytest.fail("written"))
    assert experiment.execute(tmp_path / "run", settings_of()).status == "done"


@pytest.mark.parametrize(
    ("waited", "cost", "due"),
    [(14.9, 0.0, False), (15.0, 0.0, True), (15.0, 0.07, True), (15.0, 0.08, False), (200.0, 1.0, True)],
)
def test_writing_takes_less_than_a_hundredth_of_the_time(waited: float, cost: float, due: bool) -> None:
    assert is_due(waited, cost) is due


def test_the_seconds_of_all_parts_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(training_checkpoint.time, "perf_counter", lambda: now[0])
    first = TrainingCheckpoint(tmp_path, {})
    now[0] = 103.0
    assert first.begin() is None
    now[0] = 110.0
    state = outer_loop.TrainingState(training_run.build(settings_of()), settings_of(), torch.device("cpu"))
    first.write_if_due(state)
    now[0] = 150.0  # of the 47 seconds the last 40 are lost
    assert first.train_seconds == 47.0
    now[0] = 1000.0
    second = TrainingCheckpoint(tmp_path, {})
    assert second.begin() is not None
    now[0] = 1005.0
    assert second.train_seconds == 12.0


def test_updates_are_timed_without_validations_and_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [10.0]
    monkeypatch.setattr(training_checkpoint.time, "process_time", lambda: now[0])
    monkeypatch.setattr(training_checkpoint, "is_due", lambda waited, cost: False)
    state = outer_loop.TrainingState(training_run.build(settings_of()), settings_of(), torch.device("cpu"))
    first = TrainingCheckpoint(tmp_path, {})
    assert first.begin() is None and first.update_seconds is None
    for episode, at in ((4, 12.0), (8, 15.0), (12, 90.0), (16, 91.0)):  # updates of 2, 3, 75 and 1 s
        now[0], state.episode = at, episode
        if episode == 12:  # a validation follows this one
            state.history.validation.append((12, 0.5, 0.5))
        first.after_update(state)
    assert first.update_seconds == (2 + 3 + 1) / 3
    monkeypatch.setattr(training_checkpoint, "is_due", lambda waited, cost: True)
    now[0], state.episode = 95.0, 20
    first.after_update(state)
    second = TrainingCheckpoint(tmp_path, {})
    now[0] = 1000.0
    assert second.begin() is not None
    now[0], state.episode = 1006.0, 24
    second.after_update(state)
    assert second.update_seconds == (2 + 3 + 1 + 4 + 6) / 5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training checkpoint of a run that was stopped."""
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_bank(patch)
        patch.setattr(training_checkpoint, "is_due", lambda waited, cost: True)
        return stopped(tmp_path_factory.mktemp("written") / "run", update=2)


def altered(path: Path, how: str) -> None:
    """Damage a training checkpoint, or make it one of another training, with a digest that fits."""
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "flipped bit":
        path.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    elif how == "other file":
        save_file({"weight": torch.zeros(2)}, path)
    else:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        owner = {**json.loads(metadata["owner"]), how: "another"}
        metadata["owner"] = json.dumps(owner)
        metadata["digest"] = training_checkpoint._digest(load_file(path), metadata)
        save_file(load_file(path), path, metadata)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "it is damaged"),
        ("empty", "it is damaged"),
        ("flipped bit", "it is damaged (its content does not have its digest)"),
        ("other file", "it is damaged (KeyError: 'owner')"),
        ("run key", "it was made with other run key (another, here "),
        ("numerics digest", "it was made with other numerics digest (another, here "),
        ("schema", "it was made with other schema (another, here "),
        ("data digest", "it was made with other data digest (another, here tiny)"),
        ("processor", "it was made with other processor (another, here "),
        ("instructions", "it was made with other instructions (another, here "),
        ("versions", "it was made with other versions (another, here "),
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_ignored(
    how: str, words: str, tmp_path: Path, written: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(shutil.copy(written, tmp_path))
    with safe_open(path, "pt") as file:
        owner = json.loads(file.metadata()["owner"])
    assert TrainingCheckpoint(tmp_path, owner).begin() is not None
    altered(path, how)
    caplog.clear()
    checkpoint = TrainingCheckpoint(tmp_path, owner)
    assert checkpoint.begin() is None
    assert checkpoint.resumed_at == []
    (line,) = caplog.messages
    assert line.startswith(f"{TRAINING_CHECKPOINT} is ignored and the training starts anew: {words}")


@pytest.mark.parametrize("how", ["flipped bit", "numerics digest"])
def test_a_run_with_a_wrong_checkpoint_is_trained_anew(how: str, tmp_path: Path, whole: RunState) -> None:
    altered(stopped(tmp_path / "run"), how)
    done = experiment.execute(tmp_path / "run", settings_of())
    assert differences(whole, done) == []
    assert trained(done).resumed_at == []
    assert log_of(tmp_path / "run", 2).count("is ignored and the training starts anew") == 1
    assert not (tmp_path / "run" / TRAINING_CHECKPOINT).exists()


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (KeyboardInterrupt(), True),
        (MemoryError(), True),
        (LeoBenchError("the disk is full"), True),
        (RuntimeError("out of luck"), True),
        (outer_loop.TrainingDiverged("the loss is NaN"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_training_that_would_end_so_again_loses_its_checkpoint(
    error: BaseException, kept: bool, tmp_path: Path, whole: RunState
) -> None:
    folder = tmp_path / "run"
    assert stopped(folder, error).exists() is kept
    done = experiment.execute(folder, settings_of())
    assert differences(whole, done) == []
    assert trained(done).resumed_at == ([12] if kept else [])


def test_weights_that_are_not_finite_in_the_end_lose_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = training_run.train

    def spoiled(learner: Any, *arguments: Any) -> Any:
        history = train(learner, *arguments)
        with torch.no_grad():
            next(learner.parameters()).fill_(float("nan"))
        return history

    monkeypatch.setattr(training_run, "train", spoiled)
    with pytest.raises(outer_loop.TrainingDiverged):
        experiment.execute(tmp_path / "run", settings_of())
    assert not (tmp_path / "run" / TRAINING_CHECKPOINT).exists()


def test_what_fails_before_the_training_leaves_the_checkpoint_alone(
    tmp_path: Path, whole: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stopped(tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "locate", lambda dataset, folder: json.loads("no data"))
        with pytest.raises(ValueError, match="Expecting value"):
            experiment.execute(tmp_path / "run", settings_of())
    assert path.exists()
    done = experiment.execute(tmp_path / "run", settings_of())
    assert differences(whole, done) == []
    assert trained(done).resumed_at == [12]


def test_a_watcher_sees_every_validation_also_after_a_resume(tmp_path: Path, whole: RunState) -> None:
    folder, before, after = tmp_path / "run", [], []
    stopped(folder, update=5, watch=lambda *point: before.append(point))
    done = experiment.execute(folder, settings_of(), None, lambda *point: after.append(point))
    points = [(point.episode, point.accuracy) for point in trained(whole).validation]
    assert before == points[:2]
    assert after == points
    assert differences(whole, done) == []


@pytest.mark.parametrize("prune_at", [8, 16])
def test_a_resumed_run_can_be_pruned_at_a_validation_that_it_had_before(prune_at: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    path = stopped(folder, update=5)

    def watch(episode: int, accuracy: float) -> None:
        if episode == prune_at:
            raise training_run.RunPruned("enough")

    with pytest.raises(training_run.RunPruned):
        experiment.execute(folder, settings_of(), None, watch)
    assert not path.exists()  # the search is done with it
    record = read_record(folder / "attempt-2" / "pruned.json", PrunedRun)
    assert record.episode == prune_at
    assert [point.episode for point in record.validation] == list(range(8, prune_at + 1, 8))
    assert all(point.episode <= prune_at for point in record.curve)


def test_a_full_disk_does_not_end_a_training_that_needs_no_checkpoint(
    tmp_path: Path, whole: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise LeoBenchError("cannot write: no space")

    monkeypatch.setattr(training_checkpoint, "write_atomic", full)
    done = experiment.execute(tmp_path / "run", settings_of())
    assert differences(whole, done) == []
    assert "the training goes on without a new checkpoint: cannot write: no space" in log_of(done.folder, 1)


def test_a_run_that_is_set_aside_starts_anew(tmp_path: Path) -> None:
    path = stopped(tmp_path / "run")
    set_aside(tmp_path / "run")
    assert not path.exists()


def test_a_resumed_attempt_counts_as_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for number in (1, 2):
        stopped(folder, RuntimeError("out of luck"), update=2)
        assert attempts.counted_attempts(folder) == number
    assert run_state(plan.planned_run(settings_of(), "v"), folder).status == "failed"
    assert read_record(folder / "attempt-2" / "status.json", AttemptStatus).episode == 8


def test_a_checkpoint_lies_in_the_folder_of_its_run_without_pickle(tmp_path: Path) -> None:
    path = stopped(tmp_path / "run")
    assert {file.name for file in path.parent.iterdir() if file.is_file()} == {
        ".lock",
        "settings.json",
        TRAINING_CHECKPOINT,
    }
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["values"])["episode"] == 12
    assert json.loads(metadata["progress"])["resumed_at"] == []
    assert path.stat().st_size < 10 * sum(t.numel() * t.element_size() for t in load_file(path).values())
