"""Example episodes of a trained run: its answers, and its class codes during adaptation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, gather
from leo_bench.data.support_copies import SUPPORT_COPIES, shifted
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.leo import Leo
from leo_bench.records import Result, read_json, read_settings, run_state, schema_1
from leo_bench.records.example import Example
from leo_bench.running.plan import planned_run
from leo_bench.running.process import prepare
from leo_bench.running.recorded_model import check_data, recorded_weights
from leo_bench.running.test_run import episodes_of, tested_learner
from leo_bench.running.training_run import load_bank
from leo_bench.training.evaluate import Shifts

FIRST = 200
"""Number of episodes, the first of the headline test, from which examples are chosen."""


def example_episodes(run_folder: Path, data: Path | None) -> tuple[Result, list[Example], int]:
    """Return the training record of a run, its example episodes, and the number of episodes they were chosen from.

    Raises LeoBenchError if the run is not done, if its checkpoint or data is missing or not those recorded, or if the
    model does not give the recorded counts on the chosen episodes.
    """
    if _has_older_schema(run_folder):
        raise LeoBenchError(
            f"run {run_folder.name} has an older schema, and published runs have no weights to answer with; do it "
            f"again under its new key: leo-bench run --key {run_folder.name}"
        )
    settings = read_settings(run_folder)
    planned = planned_run(settings, "run")
    run = run_state(planned, run_folder, accept_stale=True)
    if run.status != "done" or run.result is None:
        raise LeoBenchError(
            f"run {settings.run_key} is {run.status}, not done: {run.message}; finish it: "
            f"leo-bench run --key {settings.run_key}"
        )
    result, headline = run.result, run.headline
    device = prepare(settings)
    bank = load_bank(settings.dataset, settings.image_size, data, device)
    check_data(bank, result)
    weights = recorded_weights(run_folder, result)
    asked = headline.asked
    learner = tested_learner(settings, weights, asked)
    episodes = episodes_of(asked, bank, settings)
    recorded = run.correct(headline)
    examples = []
    for which, index in choose(recorded[:FIRST, -1]).items():
        copies = SUPPORT_COPIES[asked.support_copies or "none"]
        example = answer(learner, bank, episodes[index : index + 1], which, index, copies)
        _check(example, recorded[index], settings, result, planned.numerics)
        examples.append(example)
    return result, examples, min(FIRST, len(recorded))


def _has_older_schema(run_folder: Path) -> bool:
    """Return True if the record of the run has schema 1; False if it is missing or damaged."""
    try:
        return schema_1.is_old(read_json(run_folder / "result.json"))
    except LeoBenchError:
        return False


def choose(correct: np.ndarray) -> dict[str, int]:
    """Return the hardest, the median and the easiest episode: name -> index.

    correct: correct answers of each episode, int [n]. Of equal episodes the first is taken. An episode that would be
    chosen twice has its first name only.
    """
    order = np.argsort(correct, kind="stable")
    median = int(np.argmax(correct == correct[order[(len(order) - 1) // 2]]))
    chosen = {int(order[0]): "hardest"}
    for which, index in (("median", median), ("easiest", int(np.argmax(correct)))):
        chosen.setdefault(index, which)
    return {which: index for index, which in chosen.items()}


def answer(
    learner: Learner, bank: ImageBank, episode: Episodes, which: str, index: int, copies: Shifts = ()
) -> Example:
    """Answer one episode as evaluation does, and return it with its class codes.

    episode: a list of length 1. copies: shifts of the copies that enlarge the support set.
    """
    spec = episode.spec
    device = next(iter(learner.state_dict().values()), bank.images).device
    support_x, support_y, query_x, _ = (part.to(device) for part in gather(bank.images, episode))
    with torch.no_grad(), codes_of(learner) as codes:
        versions = [support_x[0], *(shifted(support_x[0], *shift) for shift in copies)]
        support = tuple(table[None] for table in learner.image_features(torch.cat(versions)))
        query = tuple(table[None] for table in learner.query_features(query_x[0]))
        logits = learner.logits_from_features(support, support_y.repeat(1, len(versions)), query, spec.n_way)
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
    """Yield a list that collects the class codes while the learner answers one episode.

    It gets the codes before the inner loop and after each step, float64 [N, D]. For a learner without codes it stays
    empty.
    """
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
    """Convert float [1, N * M, 1, H, W] in [0, 1] to uint8 [N, M, H, W]."""
    return images[0, :, 0].mul(255).round().to(torch.uint8).cpu().numpy().reshape(n_way, -1, *images.shape[-2:])


def _check(example: Example, recorded: np.ndarray, settings: Settings, result: Result, numerics: str) -> None:
    """Raise LeoBenchError if the numbers of correct answers differ from the record."""
    found = example.correct.tolist()
    if found == recorded.tolist():
        return
    origin = (
        f"the run was made by source with numerics digest {result.numerics}, but this source has {numerics}: "
        f"check out commit {result.commit}, or do the run again"
        if result.numerics != numerics
        else f"this source made the run, on {result.host.get('processor', 'an unknown processor')} with torch "
        f"{result.versions.get('torch')}: do it again here"
    )
    raise LeoBenchError(
        f"run {settings.run_key}, test episode {example.index}: the checkpoint gives {found} correct answers, but "
        f"{recorded.tolist()} are recorded; {origin}"
    )
