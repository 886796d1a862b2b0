"""One run, from settings to record, on a tiny bank. Only the bit-for-bit checks use other processes."""

import dataclasses
import itertools
import json
import platform
import shutil
import socket
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
from leo_bench.learners.factory import build
from leo_bench.records import (
    AttemptStatus,
    PrunedRun,
    Result,
    RunState,
    attempts_of,
    read_record,
    run_state,
    write_record,
)
from leo_bench.records.quantities import quantity_of
from leo_bench.running import experiment, plan, process, provenance, test_run, training_run, worker
from leo_bench.running.checkpoint import weights_digest
from leo_bench.running.describe_model import describe
from leo_bench.running.numerics import numerics_digest
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
    monkeypatch.setattr(training_run, "locate", lambda dataset, folder: DataSource(dataset, "drawn", None))
    monkeypatch.setattr(training_run, "load_images", lambda source, image_size: bank)


@pytest.fixture(autouse=True)
def torch_state() -> Any:
    """Restore threads and determinism, which a run sets for its process, since all tests share one process."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def settings_of(**changes: Any) -> Settings:
    return make_settings({**TINY, **changes}, "leo")


def run(folder: Path, **changes: Any) -> RunState:
    settings = settings_of(**changes)
    return experiment.execute(folder / settings.run_key, settings)


def trained(state: RunState) -> Result:
    assert state.result is not None
    return state.result


def test_the_record_holds_what_happened(tmp_path: Path) -> None:
    state = run(tmp_path)
    folder, result, settings = state.folder, trained(state), settings_of()
    assert state.status == "done"
    assert read_record(folder / "result.json", Result) == result
    assert result.run_key == settings.run_key == folder.name
    assert result.n_train_images == 12 * 3 * (1 + 4)
    assert [point.episode for point in result.validation] == [8, 12]
    assert [(test.n_way, test.episode_mode) for test in state.tests] == [
        (3, "mixed"),
        (3, "within_alphabet"),
        (4, "mixed"),
        (4, "within_alphabet"),
    ]
    for test in state.tests:
        with np.load(folder / "tests" / test.test_key / "episodes.npz") as arrays:
            counts = arrays["correct"]
            assert counts.shape == (5, 3)  # episodes x (before, after one step, after two)
            shares = counts / (test.n_way * test.n_query)
            assert test.accuracy_by_step == pytest.approx(shares.mean(0).tolist())
            # 95% interval by its definition: 1.96 * s / sqrt(n), s with n - 1
            deviation = np.sqrt(((shares[:, -1] - shares[:, -1].mean()) ** 2).sum() / 4)
            assert test.accuracy_ci95 == pytest.approx(1.96 * deviation / np.sqrt(5))
            assert arrays["by_character"].shape == (len(arrays["characters"]), 2)
            assert arrays["by_character"].sum(0).tolist() == [5 * test.n_way * test.n_query, counts[:, -1].sum()]
            assert all(b"/" in name for name in arrays["characters"])
        assert test.adaptation is not None
        effect = test.adaptation
        assert effect.corrected - effect.spoiled == pytest.approx(test.accuracy - test.accuracy_before)
        assert None not in (effect.loss_before, effect.loss_after, effect.code_move, effect.class_distance)
        assert test.weights_digest == result.weights_digest
        times = (test.adapt_ms, test.adapt_core_ms)
        assert all(times) if test is state.headline else times == (None, None)
    assert weights_digest(load_file(folder / "checkpoint.safetensors")) == result.weights_digest
    assert read_record(folder / "attempt-1" / "status.json", AttemptStatus).status == "done"
    assert "3-way 1-shot mixed on glyphs" in (folder / "attempt-1" / "log.txt").read_text()


def test_time_to_adapt_is_a_median_and_a_share_of_the_processor_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The processor's clock advances by 1.8 s for the nine episodes together: 200 ms each.
    clock = itertools.count(5, 1.8)
    monkeypatch.setattr(test_run.time, "process_time", lambda: next(clock))
    asked: list[int] = []
    monkeypatch.setattr(test_run, "adapt_seconds", lambda *given: asked.append(given[-1]) or 0.3)
    state = run(tmp_path, n_train_episodes=0, test_n_ways=[], test_modes=[])
    assert asked == [9]
    assert (state.headline.adapt_ms, state.headline.adapt_core_ms) == pytest.approx((300, 200))
    assert state.result is not None
    assert quantity_of(state, "adapt_core_ms") == state.headline.adapt_core_ms


def test_time_to_adapt_does_not_depend_on_the_queries_of_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(test_run, "adapt_seconds", lambda *given: asked.append(given[2].spec.n_query) or 0.3)
    state = run(tmp_path, n_train_episodes=0, test_n_ways=[], test_modes=[], n_query=4, test_n_query=1)
    assert (state.headline.n_query, asked) == (1, [4])


def test_queries_are_answered_alone_where_a_test_asks_for_it(tmp_path: Path) -> None:
    kinds = {"learner": "maml", "transductive": True, "test_n_ways": [], "test_modes": []}
    together, alone = (run(tmp_path, **kinds, test_queries=given).headline for given in ("together", "alone"))
    assert (together.batch_norm, together.queries) == ("transductive", None)
    assert (alone.batch_norm, alone.queries) == ("query", "alone")
    assert together.weights_digest == alone.weights_digest
    assert together.accuracy_by_step != alone.accuracy_by_step


def test_a_learner_is_trained_by_the_function_that_it_names(tmp_path: Path) -> None:
    # An untrained classifier of 24 characters in 4 rotations has a loss of about log 96 = 4.6, one of the 3 classes of
    # an episode of about log 3 = 1.1.
    assert trained(run(tmp_path, learner="pretrained")).curve[0].train_loss > 3
    assert trained(run(tmp_path, learner="protonet")).curve[0].train_loss < 3


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "train", lambda *_: pytest.fail("trained"))


def test_another_test_of_a_trained_run_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path)
    records = {test.test_key: (first.folder / "tests" / test.test_key / "result.json").stat() for test in first.tests}
    forbid_training(monkeypatch)
    state = run(tmp_path, test_k_shots=[2], test_n_ways=[], test_inner_steps=4, test_inner_lr=0.5)
    assert state.folder == first.folder
    assert trained(state) == trained(first)
    assert [(test.k_shot, test.inner_steps) for test in state.tests] == [(1, 4), (1, 4), (2, 4), (2, 4)]
    assert all(len(test.steps) == 5 for test in state.tests)
    after = {key: (first.folder / "tests" / key / "result.json").stat() for key in records}
    assert {key: stat.st_mtime_ns for key, stat in after.items()} == {k: v.st_mtime_ns for k, v in records.items()}
    # accuracy before adaptation does not depend on the inner loop at test
    assert state.headline.accuracy_before == first.headline.accuracy_before


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({"test_head": "nearest_neighbour"}, [0]),
        ({"test_head": "logistic_regression"}, [0]),
        ({"test_head": "descended_prototypes", "test_inner_steps": 3, "test_inner_lr": 0.5}, [0, 1, 2, 3]),
    ],
)
def test_another_head_and_wrong_labels_are_tests_of_the_same_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], steps: list[int]
) -> None:
    small: dict[str, Any] = {"test_n_ways": [], "test_modes": [], "test_k_shots": [3]}
    first = run(tmp_path, **small)
    forbid_training(monkeypatch)
    state = run(tmp_path, **small, **asked, test_mislabelled=1)
    assert state.folder == first.folder
    assert [(test.k_shot, test.mislabelled) for test in state.tests] == [(1, None), (3, None), (3, 1)]
    assert {(test.head, test.inner_steps, test.inner_lr) for test in state.tests} == {
        (asked["test_head"], asked.get("test_inner_steps"), asked.get("test_inner_lr"))
    }
    assert all(test.steps == steps for test in state.tests)
    assert [test.adapt_ms is not None for test in state.tests] == [True, False, False]
    right, wrong = state.tests[1:]
    assert right.episodes_digest == first.tests[1].episodes_digest != wrong.episodes_digest
    assert not np.array_equal(state.correct(right), state.correct(wrong))
    assert run(tmp_path, **small).tests == first.tests


def test_a_run_that_has_all_it_was_asked_for_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path)
    forbid_training(monkeypatch)
    again = run(tmp_path, test_n_ways=[3])
    assert again.status == "done"
    assert again.attempts == first.attempts == 1


def assert_same_answers(first: RunState, again: RunState) -> None:
    """Check that tests have the same answers, and the same losses and distances but for rounding.

    A test that is scored alone passes its images through the CNN in other batches, which some processors sum in
    another order.
    """
    for old, new in zip(first.tests, again.tests, strict=True):
        assert np.array_equal(first.correct(old), again.correct(new))
        assert old.adaptation is not None and new.adaptation is not None
        before, now = (one.adaptation.model_dump(exclude_none=True) for one in (old, new))
        assert now == pytest.approx(before, rel=1e-5)


def test_a_test_that_was_lost_is_scored_again_with_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    lost = first.tests[2]
    shutil.rmtree(first.folder / "tests" / lost.test_key)
    assert run_state(first.planned, first.folder).status == "missing"
    assert "1 of 4 tests are not scored" in run_state(first.planned, first.folder).message
    forbid_training(monkeypatch)
    again = run(tmp_path)
    assert_same_answers(first, again)
    assert [test.attempt for test in again.tests] == [1, 1, 2, 1]


def test_a_damaged_test_is_set_aside_alone_and_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path)
    damaged = first.tests[1]
    path = first.folder / "tests" / damaged.test_key / "episodes.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert run_state(first.planned, first.folder).status == "corrupt"
    forbid_training(monkeypatch)
    again = run(tmp_path)
    assert_same_answers(run_state(first.planned, first.folder), again)
    assert trained(again) == trained(first)
    assert [test.attempt for test in again.tests] == [1, 2, 1, 1]
    kept = list(first.folder.glob("attempt-*/tests/*/episodes.npz"))
    assert [(file.parent.name, file.stat().st_size) for file in kept] == [(damaged.test_key, 100)]


def test_where_the_checkpoint_is_gone_it_is_trained_again_bit_for_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(tmp_path)
    weights = (first.folder / "checkpoint.safetensors").read_bytes()
    (first.folder / "checkpoint.safetensors").unlink()
    again = run(tmp_path, test_k_shots=[2])
    assert "the checkpoint of run" in capsys.readouterr().err
    assert (first.folder / "checkpoint.safetensors").read_bytes() == weights
    assert trained(again) == trained(first)  # the record of the first training stays
    assert "bit for bit" in (first.folder / "attempt-2" / "log.txt").read_text()


def test_where_the_weights_come_out_otherwise_every_test_is_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    (first.folder / "checkpoint.safetensors").unlink()
    other = {"weights_digest": "of another machine"}
    write_record(first.folder / "result.json", trained(first).model_copy(update=other))
    for test in first.tests:
        write_record(first.folder / "tests" / test.test_key / "result.json", test.model_copy(update=other))
    again = run(tmp_path, test_k_shots=[2], test_n_ways=[], test_modes=["mixed"])
    assert trained(again).weights_digest == trained(first).weights_digest
    assert [test.k_shot for test in again.tests] == [1, 2]
    every = run_state(first.planned, first.folder)  # those of the first call, which the second did not ask for
    assert every.status == "done"
    assert {test.attempt for test in (*again.tests, *every.tests)} == {2}
    kept = first.folder / "attempt-2"
    assert read_record(kept / "result.json", Result).weights_digest == "of another machine"
    assert {path.name for path in (kept / "tests").iterdir()} == {test.test_key for test in first.tests}


def test_a_run_is_not_scored_on_other_data_than_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    other = dataclasses.replace(tiny_bank(noise=0.5), digest="other drawings")
    monkeypatch.setattr(training_run, "load_images", lambda source, image_size: other)
    forbid_training(monkeypatch)
    with pytest.raises(LeoBenchError, match=r"trained on glyphs with digest tiny, but .* other drawin; .*--data"):
        run(tmp_path, test_k_shots=[2])
    (first.folder / "checkpoint.safetensors").unlink()
    with pytest.raises(LeoBenchError, match="trained on glyphs with digest tiny"):
        run(tmp_path, test_datasets=["digits"])
    assert run_state(first.planned, first.folder).status == "done"


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    state = run(tmp_path)
    path = state.folder / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-8] + b"damaged.")
    with pytest.raises(LeoBenchError, match=r"checkpoint\.safetensors does not hold the weights"):
        run(tmp_path, test_k_shots=[2])


def test_other_data_sets_are_scored_with_their_own_drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = dataclasses.replace(tiny_bank(noise=0.5), name="digits", digest="other drawings")
    own = training_run.load_images
    monkeypatch.setattr(
        training_run, "load_images", lambda source, size: digits if source.name == "digits" else own(source, size)
    )
    state = run(tmp_path, test_datasets=["digits"], test_n_ways=[], test_modes=[])
    assert [(test.dataset, test.n_way, test.data_digest) for test in state.tests] == [
        ("glyphs", 3, "tiny"),
        ("digits", 10, "other drawings"),
    ]


def test_a_stale_run_is_set_aside_and_done_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    write_record(first.folder / "result.json", trained(first).model_copy(update={"numerics": "of before"}))
    again = run(tmp_path)
    assert again.status == "done"
    assert trained(again).numerics == trained(first).numerics
    kept = first.folder / "attempt-1"
    assert read_record(kept / "result.json", Result).numerics == "of before"
    assert len(list((kept / "tests").iterdir())) == 4


def test_a_stale_run_that_is_accepted_is_scored_with_the_weights_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    stale = {"numerics": "of before"}
    write_record(first.folder / "result.json", trained(first).model_copy(update=stale))
    for test in first.tests:
        write_record(first.folder / "tests" / test.test_key / "result.json", test.model_copy(update=stale))
    forbid_training(monkeypatch)
    more = settings_of(test_k_shots=[2], test_modes=["mixed"], test_n_ways=[])
    given = json.dumps(more.canonical())
    assert worker.main([str(first.folder), "--settings", given, "--accept-stale"]) == 0
    state = run_state(plan.planned_run(more, "v"), first.folder, accept_stale=True)
    assert state.status == "done"
    assert trained(state).numerics == "of before"
    # each record names the source that made it
    assert [test.numerics for test in state.tests] == ["of before", trained(first).numerics]
    assert run_state(plan.planned_run(more, "v"), first.folder).status == "stale"
    as_before = plan.planned_run(more, "v").model_copy(update=stale)
    assert run_state(as_before, first.folder).status == "missing"  # no test by another source, unless accepted


def test_the_record_names_the_source_that_the_run_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The files may be edited while a run trains; what runs is what was loaded.
    now = {"commit": "at the start"}
    monkeypatch.setattr(training_run.provenance, "commit", lambda: now["commit"])
    train = training_run.train

    def train_while_files_change(*arguments: Any) -> Any:
        now.update(commit="later")
        monkeypatch.setattr(plan, "numerics_digest", lambda *_: "later")
        return train(*arguments)

    monkeypatch.setattr(plan, "numerics_digest", lambda *_: "at the start")
    monkeypatch.setattr(training_run, "train", train_while_files_change)
    settings = settings_of()
    folder = tmp_path / settings.run_key
    experiment.execute(folder, settings)
    result = read_record(folder / "result.json", Result)
    assert (result.numerics, result.commit) == ("at the start", "at the start")


def test_keeping_memory_asks_only_a_library_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        """Stand-in for the C library, with mallopt of glibc."""

        def mallopt(self, parameter: int, value: int) -> int:
            asked.append((parameter, value))
            return 1

    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: Library())
    process.keep_memory()
    assert asked == [(-4, 0), (-1, -1)]  # M_MMAP_MAX 0: nothing is mapped apart; M_TRIM_THRESHOLD -1: nothing goes back
    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: object())
    process.keep_memory()  # another C library: nothing to ask


def test_sacred_records_the_attempt(tmp_path: Path) -> None:
    state, settings = run(tmp_path), settings_of()
    sacred = state.folder / "attempt-1" / "sacred" / "run"
    assert json.loads((sacred / "run.json").read_text())["status"] == "COMPLETED"
    config = json.loads((sacred / "config.json").read_text())
    assert {name: config[name] for name in settings.canonical()} == settings.canonical()
    metrics = json.loads((sacred / "metrics.json").read_text())
    assert metrics["3-way 1-shot mixed on glyphs: accuracy"]["values"] == [state.headline.accuracy]


def test_the_result_of_a_sacred_run_is_the_headline_accuracy_or_nothing(tmp_path: Path) -> None:
    state = run(tmp_path)
    again = run(tmp_path, test_k_shots=[2])  # a further test, where the headline test is on record
    results = [
        json.loads((state.folder / f"attempt-{number}" / "sacred" / "run" / "run.json").read_text())["result"]
        for number in (1, 2)
    ]
    assert results == [state.headline.accuracy, None]
    assert len(again.tests) > len(state.tests)


def test_no_file_of_a_run_names_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "machine-of-somebody")  # what Sacred asks
    monkeypatch.setattr(socket, "gethostname", lambda: "machine-of-somebody")
    files = [path for path in run(tmp_path).folder.rglob("*") if path.is_file()]
    assert any(path.name == "run.json" for path in files)
    assert not [path for path in files if b"machine-of-somebody" in path.read_bytes()]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    one, same, other = run(tmp_path / "a"), run(tmp_path / "b"), run(tmp_path / "c", seed=1)
    assert differences(one, same) == []
    assert trained(other).weights_digest != trained(one).weights_digest


def test_differences_names_what_changed(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b", outer_lr=0.002)
    assert any(line.startswith("weights_digest") for line in differences(first, second))
    third = run(tmp_path / "c")
    path = third.folder / "tests" / third.headline.test_key / "episodes.npz"
    with np.load(path) as arrays:
        changed = {name: arrays[name].copy() for name in arrays.files}
    changed["correct"][0, 0] += 1
    np.savez_compressed(path, **changed)
    assert differences(first, third) == ["3-way 1-shot mixed on glyphs: answers by episode differ"]


def test_a_record_made_before_runs_warned_is_no_difference(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    warned = trained(second).model_copy(update={"warnings": ["accuracy is at chance"]})
    assert differences(first, dataclasses.replace(second, result=warned)) == []


def test_test_episodes_are_the_same_for_all_variants_and_seeds(tmp_path: Path) -> None:
    digests = set()
    for changes in (
        {},
        {"seed": 5},
        {"relation": "none"},
        {"generated": "full"},
        {"learner": "protonet"},
        {"learner": "nearest_neighbour"},
        {"learner": "pixels"},
    ):
        digests.add(tuple(test.episodes_digest for test in run(tmp_path, **changes).tests))
    assert len(digests) == 1


def test_diverging_training_fails_with_the_settings_to_lower(tmp_path: Path) -> None:
    settings = settings_of(outer_lr=10.0, inner_lr=1000.0, clip_norm=1e9)
    folder = tmp_path / settings.run_key
    with pytest.raises(LeoBenchError, match=r"lower outer_lr .* or inner_lr \(now 1000\)"):
        experiment.execute(folder, settings)
    state = run_state(plan.planned_run(settings, "v"), folder)
    assert state.status == "failed"
    assert "lower outer_lr" in state.message
    assert not (folder / "result.json").exists()
    assert json.loads((folder / "attempt-1" / "sacred" / "run" / "run.json").read_text())["status"] == "FAILED"


def test_an_unexpected_error_leaves_its_trace_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(training_run, "train", broken)
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
        None,  # that of torch, for an exabyte
    ],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_runs_out_names_the_documented_remedies(
    error: Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: Any) -> None:
        if error is not None:
            raise error
        torch.empty(2**58)

    monkeypatch.setattr(training_run, "train", greedy)
    with pytest.raises(LeoBenchError, match=r"out of memory.*JOBS.*meta_batch_size.*latent_dim.*inner_steps"):
        experiment.execute(tmp_path / "x", settings_of())
    status = read_record(tmp_path / "x" / "attempt-1" / "status.json", AttemptStatus)
    assert status.status == "failed"
    assert "lower meta_batch_size" in status.message
    # a failure can be traced to source and machine, as a result can
    assert status.numerics == numerics_digest("leo", "glyphs")
    assert (status.commit, status.host, status.versions) == (
        provenance.commit(),
        provenance.host(),
        provenance.versions(),
    )


def test_an_attempt_names_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "host", lambda device: {"processor": "P", "gpu": f"of {device.type}"})
    run(tmp_path / "a", n_train_episodes=0, test_n_ways=[], test_modes=[])
    (status,) = (tmp_path / "a").rglob("attempt-1/status.json")
    assert read_record(status, AttemptStatus).host == {"processor": "P", "gpu": "of cpu"}


def test_a_run_that_learnt_nothing_says_so_in_its_record(tmp_path: Path) -> None:
    state = run(tmp_path, decode="task", n_way=3, outer_lr=1e-6, n_val_episodes=50)
    folder, result = state.folder, trained(state)
    assert len(result.warnings) == 1
    assert "at chance" in result.warnings[0]
    assert "set decode to class" in result.warnings[0]
    assert "at chance" in (folder / "attempt-1" / "log.txt").read_text()


def test_a_run_is_pruned_by_whoever_watches_it_and_can_be_done_later(tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []

    def watch(episode: int, accuracy: float) -> None:
        seen.append((episode, accuracy))
        raise training_run.RunPruned("seen enough")

    settings = settings_of()
    folder = tmp_path / settings.run_key
    with pytest.raises(training_run.RunPruned, match="seen enough"):
        experiment.execute(folder, settings, None, watch)
    record = read_record(folder / "attempt-1" / "pruned.json", PrunedRun)
    assert [(point.episode, point.accuracy) for point in record.validation] == seen
    assert seen[0][0] == record.episode == 8
    assert (record.run_key, record.settings) == (settings.run_key, settings.canonical())
    status = read_record(folder / "attempt-1" / "status.json", AttemptStatus)
    assert (status.status, status.message) == ("pruned", "seen enough")
    assert json.loads((folder / "attempt-1" / "sacred" / "run" / "run.json").read_text())["status"] == "COMPLETED"
    planned = plan.planned_run(settings, "x")
    state = run_state(planned, folder)
    assert (state.status, state.message) == ("pruned", "seen enough")
    assert record.numerics == planned.numerics

    seen.clear()
    done = experiment.execute(folder, settings, None, lambda episode, accuracy: seen.append((episode, accuracy)))
    result = trained(done)
    assert [(point.episode, point.accuracy) for point in result.validation] == seen
    assert result.attempt == 2
    assert run_state(planned, folder).status == "done"


def test_watching_changes_no_bit(tmp_path: Path) -> None:
    alone = run(tmp_path)
    watched = experiment.execute(tmp_path / "watched", settings_of(), None, lambda *_: None)
    assert trained(watched).weights_digest == trained(alone).weights_digest


def test_an_interrupt_is_recorded_and_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_run, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiment.execute(tmp_path / "x", settings_of())
    assert read_record(tmp_path / "x" / "attempt-1" / "status.json", AttemptStatus).status == "interrupted"


def test_a_clock_that_goes_back_changes_dates_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path / "a")
    minutes = itertools.count(59, -1)

    def earlier() -> str:
        return f"2026-01-01T00:{next(minutes):02}:00+00:00"

    monkeypatch.setattr("leo_bench.running.provenance.now", earlier)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(training_run, "train", lambda *_: (_ for _ in ()).throw(RuntimeError("out of luck")))
        run(tmp_path / "b")
    state = run(tmp_path / "b")
    assert (state.status, state.attempts) == ("done", 2)
    assert trained(state).finished < trained(state).started
    first, second = (read_record(path / "status.json", AttemptStatus) for path in attempts_of(state.folder))
    assert (first.status, second.status) == ("failed", "done") and second.started < first.started
    assert differences(whole, state) == []
    assert trained(state).train_seconds >= 0 and all(test.eval_seconds >= 0 for test in state.tests)


def test_two_processes_cannot_do_the_same_run(tmp_path: Path) -> None:
    settings = settings_of()
    folder = tmp_path / settings.run_key
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(experiment.RunHeld, match="another process"):
        experiment.execute(folder, settings)
    assert not list(folder.glob("attempt-*"))


def test_more_ways_than_the_split_has_fails_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "train", lambda *_: pytest.fail("trained"))
    with pytest.raises(LeoBenchError, match="n_way is 40"):
        experiment.execute(tmp_path / "x", settings_of(test_n_ways=[40]))


def test_a_disk_that_is_full_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leo_bench.records.files.os.fsync", full)
    with pytest.raises(LeoBenchError, match=r"No space left on device; free disk space"):
        experiment.execute(tmp_path / "x", settings_of())
    assert not (tmp_path / "x" / "result.json").exists()


def test_cuda_without_a_gpu_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(LeoBenchError, match="no CUDA device"):
        experiment.execute(tmp_path / "x", settings_of(device="cuda"))


FROZEN = {"encoder.fc.weight", "decoder.decoder.decoder.fc.weight"}
"""Weights of the preset tuned that training leaves as they are."""


def test_parameters_that_stay_as_they_are_are_not_counted(tmp_path: Path) -> None:
    # width 4: 9 * 4 weights and 4 biases in the first block, 9 * 4 * 4 and 4 in three others, scale and shift of 4
    # channels in each; the factor of the logits
    cnn = (36 + 4) + 3 * (144 + 4) + 4 * (4 + 4)
    few = {name: value for name, value in TINY.items() if name not in ("latent_dim", "inner_steps")}
    settings = make_settings({**few, "width": 4, "train_n_way": 3, "test_n_ways": [], "test_modes": []}, "tuned")
    state = experiment.execute(tmp_path / settings.run_key, settings)
    result = trained(state)
    assert result.n_parameters == cnn + 1
    assert {name: count for name, count in result.parameters_by_part.items() if count} == {
        "classifier": cnn,
        "decoder": 1,
    }
    text = describe(settings)
    assert f"trained parameters: {cnn + 1} (" in text
    assert {line.split()[0] for line in text.splitlines() if line.endswith("  fixed")} == FROZEN
    after = load_file(state.folder / "checkpoint.safetensors")
    before = {name: p for name, p in build(settings).named_parameters() if name in after}
    kept = {name for name, p in before.items() if torch.equal(p, after[name])}
    assert kept - {f"classifier.backbone.blocks.{n}.conv.bias" for n in range(4)} == FROZEN  # norms undo these biases
    assert sum(p.numel() for name, p in before.items() if name not in FROZEN) == result.n_parameters


def test_describe_prints_the_documented_counts() -> None:
    text = describe(make_settings({}))
    assert "generated per 5-way episode: 11,525" in text
    # classifier: 4 blocks of weights and biases (111,424) and their batch norms (512)
    assert "classifier 111,936" in text
    assert "trained parameters: " in text
    assert "latent_dim = 64  # Length of a class code z." in text
