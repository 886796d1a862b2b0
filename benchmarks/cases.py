"""Cases to time: one function for each kind. Arguments are plain values, so that a separate process can call it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leo_bench.config import bfloat16_is_fast

Seconds = Callable[[], float]
"""Function that does the work once and returns its seconds."""


@dataclass(frozen=True)
class Case:
    """One thing to time, in its own process."""

    name: str
    kind: str
    """Name of a function of this module."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings on top of the preset `leo` at 28x28."""
    threads: int = 1
    needs: str = ""
    """Package that the project does not install. Without it the case is left out."""

    def missing(self) -> str:
        """Return what this machine lacks for the case; an empty text if nothing."""
        if self.needs and not find_spec(self.needs):
            return (
                f"the package {self.needs} is not installed; to time this case, install it: "
                f".venv/bin/python -m pip install --no-deps {self.needs}"
            )
        if self.settings.get("precision") == "bfloat16" and not bfloat16_is_fast():
            return "this processor has no instructions for bfloat16"
        return ""

    def plain(self) -> dict[str, Any]:
        """Return the case as plain values."""
        return asdict(self)


def make(case: dict[str, Any]) -> Seconds:
    """Set up the work of a case and return the function that times it."""
    work: Callable[[], object] = globals()[case["kind"]](case["settings"], case["threads"])

    def seconds() -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    return seconds


def _prepared(values: dict[str, Any], threads: int) -> Any:
    """Set up this process like that of a run, and return the settings."""
    from leo_bench.config import make_settings
    from leo_bench.running.process import prepare

    preset = values.get("preset", "leo")
    chosen = {"image_size": 28, "threads": threads, **{name: v for name, v in values.items() if name != "preset"}}
    settings = make_settings(chosen, preset, "benchmark")
    prepare(settings)
    return settings


def _batch(settings: Any) -> tuple[Any, Any, Any, Any]:
    """Return a meta-batch of random images. Their content does not change the time."""
    import torch

    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(settings.n_way)
    sets = []
    for count in (settings.k_shot, settings.n_query):
        shape = (settings.meta_batch_size, settings.n_way * count, 1, settings.image_size, settings.image_size)
        sets += [torch.rand(shape, generator=generator), labels.repeat_interleave(count).expand(shape[:2]).contiguous()]
    support_x, support_y, query_x, query_y = sets
    return support_x, support_y, query_x, query_y


def step(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return one outer step of a learner, as in training."""
    import torch

    from leo_bench.learners.factory import build
    from leo_bench.training.optimizer import make_optimizer
    from leo_bench.training.outer_loop import outer_step

    settings = _prepared(values, threads)
    learner, batch = build(settings), _batch(settings)
    optimizer = make_optimizer(learner.parameters(), settings, torch.device("cpu"))
    return lambda: float(outer_step(learner, optimizer, batch, settings.n_way, settings.clip_norm)[0])


def two_steps(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return a step in each of two processes at once. values["of"]: kind of the step, `step` (default) or `literal`."""
    from benchmarks.measure import Worker

    kind = values.get("of", "step")
    values = {name: value for name, value in values.items() if name != "of"}
    own, other = globals()[kind](values, threads), Worker(Case("the other process", kind, values, threads))

    def work() -> None:
        other.ask("1")
        own()
        other.answer()

    return work


def bare(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return a forward and backward pass of the Conv-4 alone on the same images, normalised by episode."""
    import torch

    from leo_bench.models.backbone import Conv4

    settings = _prepared({name: value for name, value in values.items() if name != "chunk"}, threads)
    support_x, _, query_x, _ = _batch(settings)
    images = torch.cat([support_x, query_x], dim=1)
    net = Conv4(settings.image_size, settings.precision).train()
    chunk = values.get("chunk", settings.meta_batch_size)  # episodes per pass

    def work() -> None:
        net.zero_grad()
        for part in images.split(chunk):
            net.by_episode(part).sum().backward()

    return work


def stock(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the same pass with a network of torch layers, channels last, one episode per pass."""
    import torch

    from benchmarks.literal import convolutions

    settings = _prepared(values, threads)
    support_x, _, query_x, _ = _batch(settings)
    images = torch.cat([support_x, query_x], dim=1)
    net = convolutions().to(memory_format=torch.channels_last).train()

    def work() -> None:
        net.zero_grad()
        for episode in images:
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
                features = net(episode.contiguous(memory_format=torch.channels_last))
            features.float().sum().backward()

    return work


def literal(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return a step of the literal algorithm (literal.py), in a process without the set-up of a run."""
    import torch

    from benchmarks.literal import LiteralLeo
    from leo_bench.config import make_settings

    torch.set_num_threads(threads)
    settings = make_settings({"image_size": 28, **values}, "leo", "benchmark")
    learner, batch = LiteralLeo(settings.image_size, settings.latent_dim, settings.inner_steps), _batch(settings)
    optimizer = torch.optim.Adam(learner.parameters(), lr=settings.outer_lr)
    return lambda: learner.outer_step(optimizer, batch, settings.n_way)


def literal_maml(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return a step of the literal MAML (literal_maml.py), in a process without the set-up of a run."""
    import torch

    from benchmarks.literal_maml import LiteralMaml
    from leo_bench.config import make_settings

    torch.set_num_threads(threads)
    settings = make_settings({"image_size": 28, **values}, "leo", "benchmark")
    learner, batch = LiteralMaml(settings.image_size, settings.n_way, settings.inner_steps), _batch(settings)
    optimizer = torch.optim.Adam(learner.parameters(), lr=settings.outer_lr)
    return lambda: learner.outer_step(optimizer, batch)


def public_maml(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return a step of second-order MAML on the same network and episodes, by the public package higher."""
    import higher
    import torch
    import torch.nn.functional as F

    from benchmarks.literal import convolutions
    from leo_bench.config import make_settings

    torch.set_num_threads(threads)
    settings = make_settings({"image_size": 28, **values}, "leo", "benchmark")
    batch, length = _batch(settings), 64 * (settings.image_size // 16) ** 2
    net = torch.nn.Sequential(convolutions(), torch.nn.Linear(length, settings.n_way))
    outer = torch.optim.Adam(net.parameters(), lr=settings.outer_lr)
    inner = torch.optim.SGD(net.parameters(), lr=0.1)

    def work() -> None:
        outer.zero_grad()
        for support_x, support_y, query_x, query_y in zip(*batch, strict=True):
            with higher.innerloop_ctx(net, inner, copy_initial_weights=False) as (adapted, steps):
                for _ in range(settings.inner_steps):
                    steps.step(F.cross_entropy(adapted(support_x), support_y))
                F.cross_entropy(adapted(query_x), query_y).backward()
        outer.step()

    return work


def adapt(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the adaptation to one new episode: from its images to the answers to its queries."""
    from leo_bench.data.episodes import EpisodeSpec, fixed_episodes
    from leo_bench.learners.factory import build
    from leo_bench.training.evaluate import adapt_seconds

    settings, bank = _prepared(values, threads), _glyphs(values)
    spec = EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query)
    learner, episodes = build(settings), fixed_episodes(bank, "lake", "test", spec, 5)
    return lambda: adapt_seconds(learner, bank.images, episodes, repeats=1)


def evaluate(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the scoring of 200 fixed test episodes, with the CNN pass of their images."""
    from leo_bench.data.episodes import EpisodeSpec, fixed_episodes
    from leo_bench.learners.factory import build
    from leo_bench.training.evaluate import score

    settings, bank = _prepared(values, threads), _glyphs(values)
    spec = EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query)
    learner, episodes = build(settings), fixed_episodes(bank, "lake", "test", spec, 200)
    return lambda: score(learner, bank, [episodes])


def sample(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the sampling of a meta-batch of episodes with their pixels."""
    from leo_bench.data.episodes import EpisodeSampler, EpisodeSpec, gather
    from leo_bench.data.seeding import stream
    from leo_bench.data.splits import class_split

    settings, bank = _prepared(values, threads), _glyphs(values)
    spec = EpisodeSpec(settings.n_way, settings.k_shot, settings.n_query)
    sampler = EpisodeSampler(bank, class_split(bank, "lake", "train")["train"], spec, rotations=True)
    rng = stream(0, "benchmark")
    return lambda: gather(bank.images, sampler.sample(rng, settings.meta_batch_size))


def _glyphs(values: dict[str, Any]) -> Any:
    """Return the data set glyphs, which every machine has."""
    from leo_bench.data.bank import load_images
    from leo_bench.data.locate import locate

    return load_images(locate("glyphs"), values.get("image_size", 28))


def start(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the start-up of the command line: `leo-bench --help`."""
    command = [sys.executable, "-m", "leo_bench.commands.cli", "--help"]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def report(values: dict[str, Any], threads: int) -> Callable[[], object]:
    """Return the writing of the report of a study of n_runs made-up runs."""
    from benchmarks.made_up import write_study
    from leo_bench.report import write_report

    folder = tempfile.TemporaryDirectory(prefix="leo-bench-report-")  # removed together with the function that uses it
    study = write_study(Path(folder.name) / "results", values["n_runs"])
    return lambda: write_report(study, Path(folder.name) / "report")
