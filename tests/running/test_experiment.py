"""One run, from settings to record, on a tiny bank (in this process, but for the bit-for-bit checks)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from tiny_bank import tiny_bank

from leo_bench.config import Settings, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import AttemptStatus, PlannedRun, PrunedRun, Result, read_record, run_state, write_record
from leo_bench.running import experiment
from leo_bench.running.reproduce import differences

TINY: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 4,
    "latent_dim": 8,
    "inner_steps": 2,
    "n_train_episodes": 12,
    "val_every": 8,
    "n_val_episodes": 3,
    "n_test_episodes": 5,
    "test_n_ways": [3, 4],
}


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = tiny_bank()
    monkeypatch.setattr(experiment, "locate", lambda dataset, folder: DataSource("glyphs", "drawn", None))
    monkeypatch.setattr(experiment, "load_images", lambda source, image_size: bank)


@pytest.fixture(autouse=True)
def torch_state() -> Any:
    """A run fixes threads and determinism of its process; tests share one."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def settings_of(**changes: Any) -> Settings:
    return make_settings({**TINY, **changes}, "leo")


def run(folder: Path, **changes: Any) -> tuple[Settings, Path, Result]:
    settings = settings_of(**changes)
    target = folder / settings.run_key
    return settings, target, experiment.execute(target, settings)


def test_the_record_holds_what_happened(tmp_path: Path) -> None:
    settings, folder, result = run(tmp_path)
    assert read_record(folder / "result.json", Result) == result
    assert result.run_key == settings.run_key
    assert result.n_train_images == 12 * 3 * (1 + 4)
    assert [point.episode for point in result.validation] == [8, 12]
    assert [(test.n_way, test.episode_mode) for test in result.tests] == [
        (3, "mixed"),
        (3, "within_alphabet"),
        (4, "mixed"),
        (4, "within_alphabet"),
    ]
    with np.load(folder / "episodes.npz") as arrays:
        for test in result.tests:
            counts = arrays[test.array]
            assert counts.shape == (5, 3)  # episodes x (before, after one step, after two)
            shares = counts / (test.n_way * test.n_query)
            assert test.accuracy_by_step == pytest.approx(shares.mean(0).tolist())
            # 95% interval by its definition: 1.96 * s / sqrt(n), s with n - 1
            deviation = np.sqrt(((shares[:, -1] - shares[:, -1].mean()) ** 2).sum() / 4)
            assert test.accuracy_ci95 == pytest.approx(1.96 * deviation / np.sqrt(5))
            by_character = arrays[f"{test.array}_by_character"]
            assert by_character.shape == (len(arrays["characters"]), 2)
            assert by_character.sum(0).tolist() == [5 * test.n_way * test.n_query, counts[:, -1].sum()]
        assert all(b"/" in name for name in arrays["characters"])
    weights = load_file(folder / "checkpoint.safetensors")
    assert experiment.weights_digest(weights) == result.weights_digest
    status = read_record(folder / "attempt-1" / "status.json", AttemptStatus)
    assert status.status == "done"
    assert "test_mixed_3way" in (folder / "attempt-1" / "log.txt").read_text()


def test_the_record_names_the_source_that_the_run_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The files may be edited while a run trains; what runs is what was loaded.
    now = {"numerics": "at the start", "commit": "at the start"}
    monkeypatch.setattr(experiment.provenance, "numerics_digest", lambda: now["numerics"])
    monkeypatch.setattr(experiment.provenance, "commit", lambda: now["commit"])
    train = experiment.train

    def train_while_files_change(*arguments: Any) -> Any:
        now.update(numerics="later", commit="later")
        return train(*arguments)

    monkeypatch.setattr(experiment, "train", train_while_files_change)
    _, _, result = run(tmp_path)
    assert (result.numerics, result.commit) == ("at the start", "at the start")


def test_keeping_memory_asks_only_a_library_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        """glibc's interface."""

        def mallopt(self, parameter: int, value: int) -> int:
            asked.append((parameter, value))
            return 1

    monkeypatch.setattr(experiment.ctypes, "CDLL", lambda name: Library())
    experiment.keep_memory()
    assert asked == [(-4, 0), (-1, -1)]  # M_MMAP_MAX 0: nothing is mapped apart; M_TRIM_THRESHOLD -1: nothing goes back
    monkeypatch.setattr(experiment.ctypes, "CDLL", lambda name: object())
    experiment.keep_memory()  # another C library: nothing to ask


def test_sacred_records_the_attempt(tmp_path: Path) -> None:
    settings, folder, result = run(tmp_path)
    sacred = folder / "attempt-1" / "sacred" / "run"
    assert json.loads((sacred / "run.json").read_text())["status"] == "COMPLETED"
    config = json.loads((sacred / "config.json").read_text())
    assert {name: config[name] for name in settings.canonical()} == settings.canonical()
    metrics = json.loads((sacred / "metrics.json").read_text())
    assert metrics["test_mixed_3way/accuracy"]["values"] == [result.headline.accuracy]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    _, first, one = run(tmp_path / "a")
    _, second, _ = run(tmp_path / "b")
    assert differences(first, second) == []
    _, _, other = run(tmp_path / "c", seed=1)
    assert other.weights_digest != one.weights_digest


def test_differences_names_what_changed(tmp_path: Path) -> None:
    _, first, _ = run(tmp_path / "a")
    _, second, _ = run(tmp_path / "b", outer_lr=0.002)
    assert any(line.startswith("weights_digest") for line in differences(first, second))
    with np.load(first / "episodes.npz") as arrays:
        changed = {name: arrays[name].copy() for name in arrays.files}
    changed["test_mixed_3way"][0, 0] += 1
    _, third, _ = run(tmp_path / "c")
    np.savez_compressed(third / "episodes.npz", **changed)
    assert differences(first, third) == ["episodes.npz: test_mixed_3way differs"]


def test_a_record_made_before_runs_warned_is_no_difference(tmp_path: Path) -> None:
    _, first, result = run(tmp_path / "a")
    _, second, _ = run(tmp_path / "b")
    write_record(second / "result.json", result.model_copy(update={"warnings": ["accuracy is at chance"]}))
    assert differences(first, second) == []


def test_test_episodes_are_the_same_for_all_variants_and_seeds(tmp_path: Path) -> None:
    digests = set()
    for changes in (
        {},
        {"seed": 5},
        {"relation": "none"},
        {"generated": "full"},
        {"learner": "protonet"},
        {"learner": "pixels"},
    ):
        _, _, result = run(tmp_path, **changes)
        digests.add(tuple(test.episodes_digest for test in result.tests))
    assert len(digests) == 1


def test_diverging_training_fails_with_the_settings_to_lower(tmp_path: Path) -> None:
    settings = settings_of(outer_lr=10.0, inner_lr=1000.0, clip_norm=1e9)
    folder = tmp_path / settings.run_key
    with pytest.raises(LeoBenchError, match=r"lower inner_lr \(now 1000\) or outer_lr"):
        experiment.execute(folder, settings)
    planned = PlannedRun(variant="v", seed=0, run_key=settings.run_key, settings=settings.canonical())
    state = run_state(planned, folder, "any")
    assert state.status == "failed"
    assert "lower inner_lr" in state.message
    assert not (folder / "result.json").exists()
    assert json.loads((folder / "attempt-1" / "sacred" / "run" / "run.json").read_text())["status"] == "FAILED"


def test_an_unexpected_error_leaves_its_trace_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(experiment, "train", broken)
    settings = settings_of()
    with pytest.raises(RuntimeError):
        experiment.execute(tmp_path / "x", settings)
    assert "Traceback" in (tmp_path / "x" / "attempt-1" / "log.txt").read_text()
    assert (
        read_record(tmp_path / "x" / "attempt-1" / "status.json", AttemptStatus).message == "RuntimeError: out of luck"
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_runs_out_names_the_documented_remedies(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: Any) -> None:
        raise error

    monkeypatch.setattr(experiment, "train", greedy)
    with pytest.raises(LeoBenchError, match=r"out of memory.*JOBS.*meta_batch_size.*latent_dim.*inner_steps"):
        experiment.execute(tmp_path / "x", settings_of())
    status = read_record(tmp_path / "x" / "attempt-1" / "status.json", AttemptStatus)
    assert status.status == "failed"
    assert "lower meta_batch_size" in status.message


def test_a_run_that_learnt_nothing_says_so_in_its_record(tmp_path: Path) -> None:
    _, folder, result = run(tmp_path, decode="task", n_way=3, outer_lr=1e-6, n_val_episodes=50)
    assert len(result.warnings) == 1
    assert "at chance" in result.warnings[0]
    assert "set decode to class" in result.warnings[0]
    assert "at chance" in (folder / "attempt-1" / "log.txt").read_text()


def test_a_run_is_pruned_by_whoever_watches_it_and_can_be_done_later(tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []

    def watch(episode: int, accuracy: float) -> None:
        seen.append((episode, accuracy))
        raise experiment.RunPruned("seen enough")

    settings = settings_of()
    folder = tmp_path / settings.run_key
    with pytest.raises(experiment.RunPruned, match="seen enough"):
        experiment.execute(folder, settings, None, watch)
    record = read_record(folder / "attempt-1" / "pruned.json", PrunedRun)
    assert [(point.episode, point.accuracy) for point in record.validation] == seen
    assert seen[0][0] == record.episode == 8
    assert (record.run_key, record.settings) == (settings.run_key, settings.canonical())
    status = read_record(folder / "attempt-1" / "status.json", AttemptStatus)
    assert (status.status, status.message) == ("pruned", "seen enough")
    assert json.loads((folder / "attempt-1" / "sacred" / "run" / "run.json").read_text())["status"] == "COMPLETED"
    planned = PlannedRun(variant="x", seed=0, run_key=settings.run_key, settings=settings.canonical())
    state = run_state(planned, folder, record.numerics)
    assert (state.status, state.message) == ("pruned", "seen enough")

    seen.clear()
    result = experiment.execute(folder, settings, None, lambda episode, accuracy: seen.append((episode, accuracy)))
    assert [(point.episode, point.accuracy) for point in result.validation] == seen
    assert result.attempt == 2
    assert run_state(planned, folder, record.numerics).status == "done"


def test_watching_changes_no_bit(tmp_path: Path) -> None:
    _, _, alone = run(tmp_path)
    watched = experiment.execute(tmp_path / "watched", settings_of(), None, lambda *_: None)
    assert watched.weights_digest == alone.weights_digest


def test_an_interrupt_is_recorded_and_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiment.execute(tmp_path / "x", settings_of())
    assert read_record(tmp_path / "x" / "attempt-1" / "status.json", AttemptStatus).status == "interrupted"


def test_two_processes_cannot_do_the_same_run(tmp_path: Path) -> None:
    settings = settings_of()
    folder = tmp_path / settings.run_key
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(experiment.RunHeld, match="another process"):
        experiment.execute(folder, settings)
    assert not list(folder.glob("attempt-*"))


def test_more_ways_than_the_split_has_fails_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "train", lambda *_: pytest.fail("trained"))
    with pytest.raises(LeoBenchError, match="n_way is 40"):
        experiment.execute(tmp_path / "x", settings_of(test_n_ways=[40]))


def test_a_disk_that_is_full_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leo_bench.records.files.os.fsync", full)
    with pytest.raises(LeoBenchError, match=r"No space left on device; free some disk space"):
        experiment.execute(tmp_path / "x", settings_of())
    assert not (tmp_path / "x" / "result.json").exists()


def test_cuda_without_a_gpu_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(LeoBenchError, match="no CUDA device"):
        experiment.execute(tmp_path / "x", settings_of(device="cuda"))


def test_describe_prints_the_documented_counts() -> None:
    text = experiment.describe(make_settings({}))
    assert "generated per 5-way episode: 11,525" in text
    # classifier: 4 blocks of weights and biases (111,424) and their batch norms (512)
    assert "classifier 111,936" in text
