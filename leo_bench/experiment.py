"""One run, from its settings to its record. The only module that knows Sacred.

Sacred records each attempt (settings, host, metrics, outcome) in the attempt's folder, as a recorder only: what makes
a run done is our own result.json, written last and whole. One process runs one run, holding the run's lock for as
long as it lives.
"""

import argparse
import ctypes
import hashlib
import io
import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save

from leo_bench import provenance
from leo_bench.config import Settings
from leo_bench.counting import multiply_adds
from leo_bench.data import ImageBank, load_images, locate
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.evaluate import Scores, adapt_seconds, score, test_episodes
from leo_bench.learners import Learner, build
from leo_bench.processes import sigterm_interrupts
from leo_bench.records import (
    AttemptStatus,
    CurvePoint,
    PrunedRun,
    Result,
    TestScore,
    ValidationPoint,
    attempts_of,
    make_folder,
    read_settings,
    write_atomic,
    write_record,
    write_settings,
)
from leo_bench.remedies import diverged, out_of_memory, stalled
from leo_bench.seeding import EPISODE_ROOT, derive_seed
from leo_bench.train import History, TrainingDiverged, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # sacred imports pkg_resources, which says that it is deprecated
    from sacred import Experiment
    from sacred.observers import FileStorageObserver

log = logging.getLogger("leo_bench")


def describe(settings: Settings) -> str:
    """Layers, shapes and parameter counts of the settings' model, and what it generates per episode."""
    learner = build(settings)
    lines = [f"{name:45} {'x'.join(map(str, p.shape)):>16} {p.numel():>10,}" for name, p in learner.named_parameters()]
    total = sum(parameter.numel() for parameter in learner.parameters())
    parts = ", ".join(f"{name} {count:,}" for name, count in _by_part(learner).items())
    lines += [f"parameters: {total:,} ({parts})"]
    generated = learner.n_generated(settings.n_way)
    lines += [f"generated per {settings.n_way}-way episode: {generated:,}"]
    return "\n".join(lines)


def _by_part(learner: Learner) -> dict[str, int]:
    return {name: sum(p.numel() for p in module.parameters()) for name, module in learner.named_children()}


def new_attempt(folder: Path) -> tuple[Path, int]:
    """Folder and number of the run's next attempt."""
    number = 1 + max((int(path.name.removeprefix("attempt-")) for path in attempts_of(folder)), default=0)
    attempt = folder / f"attempt-{number}"
    make_folder(attempt)
    return attempt, number


Watch = Callable[[int, float], None]
"""Told training episode and validation accuracy as a run trains; may raise RunPruned."""


def execute(folder: Path, settings: Settings, data: Path | None = None, watch: Watch | None = None) -> Result:
    """Do the run in folder, which it locks: a new attempt, then result.json.

    Raises LeoBenchError when another process holds the run, when data or settings do not fit, or when training
    diverges, and RunPruned where watch did; whatever ends the attempt is in its status.json.
    """
    make_folder(folder)
    try:
        with FileLock(folder / ".lock").acquire(timeout=LOCK_SECONDS):
            return _attempt(folder, settings, data, watch)
    except Timeout:
        raise RunHeld(f"run {settings.run_key} is being done by another process; wait for it, or stop it") from None


LOCK_SECONDS = 2
"""Patience for the run's lock: whoever asks whether it is held takes it for a moment."""


class RunHeld(LeoBenchError):
    """Another process does this run."""


class OutOfMemory(LeoBenchError):
    """A run wanted more memory than there is."""


class RunPruned(Exception):
    """Whoever watches the run has seen enough of it: it is worse than others."""


def _attempt(folder: Path, settings: Settings, data: Path | None, watch: Watch | None) -> Result:
    write_settings(folder, settings)
    attempt, number = new_attempt(folder)
    handler = logging.FileHandler(attempt / "log.txt")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    status = _Status(attempt)
    try:
        result = _recorded(folder, attempt, number, settings, data, status, watch)
    except (KeyboardInterrupt, SystemExit):
        log.warning("interrupted")
        status.end("interrupted", "stopped by the user")
        raise
    except RunPruned as reason:
        log.info("pruned: %s", reason)
        status.end("pruned", str(reason))
        raise
    except LeoBenchError as error:
        log.error("%s", error)
        status.end("failed", str(error))
        raise
    except (MemoryError, RuntimeError) as error:
        log.exception("failed")
        if not _is_lack_of_memory(error):
            status.end("failed", _one_line(error))
            raise
        status.end("failed", out_of_memory(settings))
        raise OutOfMemory(out_of_memory(settings)) from error
    except BaseException as error:
        log.exception("failed")
        status.end("failed", _one_line(error))
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
    status.end("done", "")
    return result


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _is_lack_of_memory(error: BaseException) -> bool:
    """Python's own, a GPU's, or the words of torch's allocator in main memory."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "DefaultCPUAllocator: can't allocate memory" in str(error)


@dataclass
class _Status:
    """The attempt's status.json."""

    attempt: Path
    started: str = ""
    episode: int = 0

    def __post_init__(self) -> None:
        self.started = now()
        self.update(0)

    def update(self, episode: int) -> None:
        self.episode = episode
        write_record(
            self.attempt / "status.json", AttemptStatus(status="running", started=self.started, episode=episode)
        )

    def end(self, status: Any, message: str) -> None:
        record = AttemptStatus(
            status=status, started=self.started, finished=now(), message=message, episode=self.episode
        )
        try:
            write_record(self.attempt / "status.json", record)
        except LeoBenchError as error:  # a full disk must not hide why the attempt ended
            print(f"{error} (while recording: {status} {message})", file=sys.stderr)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _recorded(
    folder: Path,
    attempt: Path,
    number: int,
    settings: Settings,
    data: Path | None,
    status: _Status,
    watch: Watch | None,
) -> Result:
    """The run inside a Sacred experiment of its own."""
    experiment = Experiment("leo_bench", save_git_info=False, interactive=True)
    experiment.add_config(settings.canonical())
    experiment.observers.append(FileStorageObserver(attempt / "sacred", copy_sources=False))
    results, pruned = [], []

    @experiment.main
    def main(_run: Any) -> float:
        try:
            result = measure(settings, data, folder, number, status, _run, watch)
        except RunPruned as reason:  # for Sacred a run that was pruned has not failed
            pruned.append(reason)
            return 0.0
        results.append(result)
        return result.headline.accuracy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # sacred's utcnow
        experiment.run(options={"--capture": "no", "--loglevel": "WARNING", "--id": "run"})
    if pruned:
        raise pruned[0]
    return results[0]


def measure(
    settings: Settings,
    data: Path | None,
    folder: Path,
    number: int,
    status: _Status,
    recorder: Any,
    watch: Watch | None = None,
) -> Result:
    """Train, test, and write checkpoint, episodes.npz and at last result.json into folder."""
    started = now()
    numerics, commit = provenance.numerics_digest(), provenance.commit()  # now: the files may change while this runs
    prepare(settings)
    device = torch.device(settings.device)
    source = locate(settings.dataset, data)
    bank = load_images(source, settings.image_size)
    bank = ImageBank(bank.name, bank.digest, bank.images.to(device), bank.alphabets, bank.characters, bank.background)
    log.info("data: %s, %s, digest %s", bank.name, source.form, bank.digest)
    learner = build(settings).to(device)
    groups = test_episodes(
        settings, bank, learner
    )  # before training: a protocol that the data cannot serve fails at once

    def progress(history: History, episode: int) -> None:
        if history.curve and history.curve[-1][0] == episode:
            _, loss, accuracy, norm = history.curve[-1]
            log.info("episode %d: loss %.4f, query accuracy %.3f, gradient norm %.3g", episode, loss, accuracy, norm)
            recorder.log_scalar("train_loss", loss, episode)
            recorder.log_scalar("train_accuracy", accuracy, episode)
        if history.validation and history.validation[-1][0] == episode:
            log.info("episode %d: validation accuracy %.4f", episode, history.validation[-1][1])
            recorder.log_scalar("validation_accuracy", history.validation[-1][1], episode)
        status.update(episode)
        if watch and history.validation and history.validation[-1][0] == episode:
            _watched(watch, history, settings, numerics, status)

    begin = time.perf_counter()
    history = train(learner, bank, settings, progress)
    train_seconds = time.perf_counter() - begin
    if not all(bool(tensor.isfinite().all()) for tensor in learner.state_dict().values()):
        raise TrainingDiverged(diverged("trained weights are NaN or infinite", settings))
    trouble = stalled(history.validation[-1][1], settings) if history.validation else ""
    if trouble:
        log.warning("%s", trouble)

    begin = time.perf_counter()
    scores = dict(zip(groups, score(learner, bank, list(groups.values())), strict=True))
    eval_seconds = time.perf_counter() - begin
    headline = next(iter(groups.values()))
    adapt_ms = 1000 * adapt_seconds(learner, bank.images, headline)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in learner.state_dict().items()}
    result = Result(
        run_key=settings.run_key,
        settings=settings.canonical(),
        numerics=numerics,
        commit=commit,
        attempt=number,
        started=started,
        finished=now(),
        seeds={
            "root": settings.seed,
            "train episodes": derive_seed(settings.seed, "train episodes"),
            "validation and test episodes": EPISODE_ROOT,
        },
        data_digest=bank.digest,
        n_parameters=sum(parameter.numel() for parameter in learner.parameters()),
        parameters_by_part=_by_part(learner),
        n_generated=learner.n_generated(settings.n_way),
        n_train_episodes=settings.n_train_episodes,
        n_train_images=settings.n_train_images,
        batch_norm=learner.batch_norm,
        train_seconds=train_seconds,
        eval_seconds=eval_seconds,
        adapt_ms=adapt_ms,
        peak_memory_mb=peak_memory_mb(device),
        weights_digest=weights_digest(weights),
        multiply_adds=multiply_adds(settings),
        **_points(history),
        tests=[_test_score(name, value, learner, settings.test_split) for name, value in scores.items()],
        warnings=[trouble] if trouble else [],
        host=provenance.host() | ({"gpu": torch.cuda.get_device_name()} if device.type == "cuda" else {}),
        versions=provenance.versions(),
    )
    for test in result.tests:
        recorder.log_scalar(f"{test.array}/accuracy", test.accuracy)
        log.info(
            "%s: %.4f +- %.4f, before adaptation %.4f",
            test.array,
            test.accuracy,
            test.accuracy_ci95,
            test.accuracy_before,
        )
    arrays = io.BytesIO()
    np.savez_compressed(arrays, **episode_arrays(bank, scores))  # type: ignore[arg-type]
    if weights:
        write_atomic(folder / "checkpoint.safetensors", save(weights))
    write_atomic(folder / "episodes.npz", arrays.getvalue())
    write_record(folder / "result.json", result)
    return result


def _watched(watch: Watch, history: History, settings: Settings, numerics: str, status: _Status) -> None:
    """Tell who watches of the last validation; keep what was seen where that ends the run."""
    episode, accuracy, _ = history.validation[-1]
    try:
        watch(episode, accuracy)
    except RunPruned as reason:
        record = PrunedRun(
            run_key=settings.run_key,
            settings=settings.canonical(),
            numerics=numerics,
            episode=episode,
            reason=str(reason),
            **_points(history),
        )
        write_record(status.attempt / "pruned.json", record)
        raise


def _points(history: History) -> dict[str, Any]:
    """Curve and validation of a record."""
    return {
        "curve": [
            CurvePoint(episode=e, train_loss=a, train_accuracy=b, gradient_norm=c) for e, a, b, c in history.curve
        ],
        "validation": [ValidationPoint(episode=e, accuracy=a, accuracy_before=b) for e, a, b in history.validation],
    }


def episode_arrays(bank: ImageBank, scores: dict[str, Scores]) -> dict[str, np.ndarray]:
    """The arrays of episodes.npz (records): of each test its correct answers, by episode and by character."""
    characters = np.unique(np.concatenate([value.episodes.characters.ravel() for value in scores.values()]))
    arrays = {name: value.correct.astype(np.uint16) for name, value in scores.items()}
    arrays["characters"] = np.array([bank.characters[index] for index in characters], dtype=np.bytes_)
    for name, value in scores.items():
        arrays[f"{name}_by_character"] = value.by_character(characters).astype(np.uint32)
    return arrays


def prepare(settings: Settings) -> None:
    """Threads and determinism of this process. Raises LeoBenchError when the device is not there."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise LeoBenchError("device is cuda, but torch sees no CUDA device; use device cpu, or mend the driver")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    keep_memory()
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def keep_memory() -> None:
    """Have the C library keep freed memory instead of giving it back at once, where it can (glibc).

    Every step needs the same large tensors again, and fetching fresh pages for them takes longer than normalising
    them (docs/speed.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def _test_score(name: str, scores: Scores, learner: Learner, split: Literal["test", "val"]) -> TestScore:
    spec, accuracies = scores.episodes.spec, scores.accuracies
    means = [float(mean) for mean in accuracies.mean(0)]
    error = float(accuracies[:, -1].std(ddof=1)) / len(accuracies) ** 0.5
    return TestScore(
        split=split,
        episode_mode=spec.mode,
        n_way=spec.n_way,
        k_shot=spec.k_shot,
        n_query=spec.n_query,
        n_test_episodes=len(accuracies),
        batch_norm=learner.batch_norm,
        steps=scores.steps,
        accuracy_by_step=means,
        accuracy=means[-1],
        accuracy_ci95=1.96 * error,
        accuracy_before=means[0],
        episodes_digest=scores.episodes.digest(),
        array=name,
    )


def weights_digest(weights: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, shapes and bytes of all tensors: equal only for bit-identical models."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name].numpy()
        digest.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def peak_memory_mb(device: torch.device) -> float:
    """Most memory this process has held, MiB: of the GPU where it ran there, else resident in main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main(arguments: list[str] | None = None) -> int:
    """Do one run whose settings.json lies in its folder: what a study starts as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m leo_bench.experiment", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args(arguments)
    try:
        with sigterm_interrupts():
            execute(options.folder, read_settings(options.folder), options.data)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except RunHeld as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BUSY
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
