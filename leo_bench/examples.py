"""Example episodes of a trained run, on demand: what it answers, and where its codes go during adaptation.

The one module that needs both the trained model and the pages. It writes a folder that git ignores: the pages show
the data's own drawings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.data import Episodes, ImageBank, gather, load_images, locate
from leo_bench.errors import LeoBenchError
from leo_bench.evaluate import test_episodes
from leo_bench.experiment import prepare, weights_digest
from leo_bench.learners import Learner, Leo, build
from leo_bench.provenance import numerics_digest
from leo_bench.records import PlannedRun, Result, RunState, read_settings, run_state
from leo_bench.report.examples import Example, write_example_page

FIRST = 200
"""Episodes are chosen among this many of a run's headline test, its first."""


def write_examples(run_folder: Path, data: Path | None, reports: Path) -> Path:
    """Write reports/examples-<run_key>/ for the run in run_folder; returns its report.html.

    Raises LeoBenchError when the run is not done, when its checkpoint or data is missing or not those recorded, or
    when the model does not give the recorded counts on the chosen episodes.
    """
    settings = read_settings(run_folder)
    run = _done(run_folder, settings)
    result: Result = run.result  # type: ignore[assignment]
    prepare(settings)
    bank = load_images(locate(settings.dataset, data), settings.image_size)
    if bank.digest != result.data_digest:
        raise LeoBenchError(
            f"run {settings.run_key} was tested on {settings.dataset} with digest {result.data_digest[:12]}, "
            f"here is {bank.digest[:12]}; name the folder of the data it used with --data"
        )
    learner = trained(run_folder, settings, result)
    episodes = test_episodes(settings, bank, learner)[result.headline.array]
    recorded = run.correct(result.headline)
    examples = []
    for which, index in choose(recorded[:FIRST, -1]).items():
        example = answer(learner, bank, episodes[index : index + 1], which, index)
        _check(example, recorded[index], settings, result)
        examples.append(example)
    target = reports / f"examples-{settings.run_key}"
    return write_example_page(target, result, examples, min(FIRST, len(recorded)), numerics_digest())


def _done(folder: Path, settings: Settings) -> RunState:
    """The run's record, checked; runs of other source count too."""
    planned = PlannedRun(variant="run", seed=settings.seed, run_key=settings.run_key, settings=settings.canonical())
    state = run_state(planned, folder, numerics_digest(), accept_stale=True)
    if state.status != "done":
        raise LeoBenchError(f"run {settings.run_key} is {state.status}, not done: {state.message}")
    return state


def trained(folder: Path, settings: Settings, result: Result) -> Learner:
    """The run's learner with its recorded weights, in eval mode on the run's device."""
    learner = build(settings)
    if learner.state_dict():
        path = folder / "checkpoint.safetensors"
        if not path.exists():
            raise LeoBenchError(
                f"{path} is missing (published runs carry no weights); do the run on this machine: "
                f"leo-bench run --key {settings.run_key}, where it counts as done after removing its folder "
                "in the store"
            )
        try:
            weights = load_file(path)
            learner.load_state_dict(weights)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise LeoBenchError(f"{path} does not fit this source ({reason}); {_origin(result)}") from None
        if weights_digest(weights) != result.weights_digest:
            raise LeoBenchError(f"{path} does not hold the weights that result.json records; do the run again")
    return learner.to(settings.device).eval()


def choose(correct: np.ndarray) -> dict[str, int]:
    """The hardest, the median and the easiest of episodes by their correct counts, int [n]; of equals the first.

    Returns name -> index; episodes that play two parts are named once.
    """
    order = np.argsort(correct, kind="stable")
    median = int(np.argmax(correct == correct[order[(len(order) - 1) // 2]]))
    chosen = {int(order[0]): "hardest"}
    for which, index in (("median", median), ("easiest", int(np.argmax(correct)))):
        chosen.setdefault(index, which)
    return {which: index for index, which in chosen.items()}


def answer(learner: Learner, bank: ImageBank, episode: Episodes, which: str, index: int) -> Example:
    """One episode, a list of one, answered as evaluation does it, with the codes on the way."""
    spec = episode.spec
    device = next(iter(learner.state_dict().values()), bank.images).device
    support_x, support_y, query_x, _ = (part.to(device) for part in gather(bank.images, episode))
    with torch.no_grad(), codes_of(learner) as codes:
        support = tuple(table[None] for table in learner.tables(support_x[0]))
        query = tuple(table[None] for table in learner.query_tables(query_x[0]))
        logits = learner.logits_from_tables(support, support_y, query, spec.n_way)
    predicted = torch.stack([step[0].argmax(-1) for step in logits]).cpu().numpy()
    return Example(
        which,
        index,
        [bank.characters[character] for character in episode.characters[0]],
        _pixels(support_x, spec.n_way),
        _pixels(query_x, spec.n_way),
        learner.scored_steps,
        predicted.reshape(len(logits), spec.n_way, spec.n_query),
        np.stack(codes) if codes else None,
    )


@contextmanager
def codes_of(learner: Learner) -> Iterator[list[np.ndarray]]:
    """What `adapt` returns while the learner answers one episode: its class codes before, between and after the inner
    steps, each float64 [N, D]. Stays empty for a learner without codes."""
    seen: list[np.ndarray] = []
    if not isinstance(learner, Leo):
        yield seen
        return
    adapt = learner.adapt

    def watched(*arguments: Any) -> list[Tensor]:
        points = adapt(*arguments)
        seen.extend(point[0].detach().cpu().double().numpy() for point in points)
        return points

    learner.adapt = watched  # type: ignore[assignment, method-assign]
    try:
        yield seen
    finally:
        del learner.adapt


def _pixels(images: Tensor, n_way: int) -> np.ndarray:
    """float [1, N * M, 1, H, W] in [0, 1] -> uint8 [N, M, H, W]."""
    return images[0, :, 0].mul(255).round().to(torch.uint8).cpu().numpy().reshape(n_way, -1, *images.shape[-2:])


def _check(example: Example, recorded: np.ndarray, settings: Settings, result: Result) -> None:
    """recorded: correct counts of the episode at each scored step. Raises LeoBenchError when the model's differ."""
    found = example.correct.tolist()
    if found != recorded.tolist():
        raise LeoBenchError(
            f"run {settings.run_key}, test episode {example.index}: the checkpoint now gives {found} correct answers, "
            f"recorded are {recorded.tolist()}; {_origin(result)}"
        )


def _origin(result: Result) -> str:
    """Why bits may differ from the record's, and what to do."""
    here = numerics_digest()
    if result.numerics != here:
        return (
            f"the run was made by source with numerics digest {result.numerics}, this is {here}: "
            f"check out commit {result.commit}, or do the run again"
        )
    processor, torch_version = result.host.get("processor", "an unknown processor"), result.versions.get("torch")
    return f"the run was made by this source, on {processor} with torch {torch_version}: do it again here"
