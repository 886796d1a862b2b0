"""Scoring a trained learner on fixed episodes.

With running statistics the features of an image do not depend on its episode. Each image therefore passes the CNN once,
however many episodes have it, and an episode is a set of rows of the feature tensors.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, gather
from leo_bench.data.support_copies import shifted
from leo_bench.learners.base import Learner
from leo_bench.training.adaptation import Adaptation, compare_answers, join

Shifts = Sequence[tuple[int, int]]
"""Shifts right and down of the copies of an image, in the steps of `shifted`."""

EPISODES_PER_PASS = 20
"""Episodes that are adapted and classified together."""


@dataclass(frozen=True)
class Scores:
    """Answers of a learner on a list of episodes, counted."""

    episodes: Episodes
    steps: list[int]
    """Inner steps that are scored; 0 is before adaptation."""
    correct: np.ndarray
    """Correct answers, int64 [episodes, len(steps)], of n_way * n_query queries each."""
    correct_by_class: np.ndarray
    """Correct answers after the last step, int64 [episodes, n_way], of n_query queries each."""
    adaptation: Adaptation | None = None
    """Effect of adaptation on each episode; None for a learner that is scored at one step."""

    @property
    def accuracies(self) -> np.ndarray:
        """Fraction correct, float64 [episodes, len(steps)]."""
        return self.correct / (self.episodes.spec.n_way * self.episodes.spec.n_query)

    def by_character(self, characters: np.ndarray) -> np.ndarray:
        """Return the queries of each character and the correct answers after the last step: int64 [characters, 2].

        characters: sorted indices into the bank, which must include all characters of the episodes.
        """
        place = np.searchsorted(characters, self.episodes.characters).ravel()
        queries = np.bincount(place, minlength=len(characters)) * self.episodes.spec.n_query
        correct = np.bincount(place, self.correct_by_class.ravel(), minlength=len(characters)).astype(np.int64)
        return np.stack([queries, correct], axis=1)


def score(learner: Learner, bank: ImageBank, groups: list[Episodes], copies: Shifts = ()) -> list[Scores]:
    """Score a learner, in eval mode, on lists of episodes without rotations.

    The images of the bank must be on the device of the learner. copies: shifts of the copies that enlarge each support
    set. Returns one Scores for each list.
    """
    learner.eval()
    used = np.unique(np.concatenate([episodes.characters.ravel() for episodes in groups]))
    row_of = np.zeros(len(bank.alphabets), dtype=np.int64)
    row_of[used] = np.arange(len(used))
    n_drawers = bank.images.shape[1]
    images = bank.images[torch.from_numpy(used)].flatten(0, 1)[:, None].float().div_(255)
    with torch.no_grad():
        versions = [images, *(shifted(images, *shift) for shift in copies)]
        features = tuple(torch.cat(parts) for parts in zip(*map(learner.image_features, versions), strict=True))
        return [_score(learner, features, episodes, row_of * n_drawers, len(images)) for episodes in groups]


def _score(
    learner: Learner, features: tuple[Tensor, ...], episodes: Episodes, first_row: np.ndarray, n_images: int
) -> Scores:
    """Score one list of episodes.

    features: image_features of n_images drawings, then of their copies with each shift, in the same order. first_row:
    int64 [characters], row of the first drawing of each character.
    """
    spec, device = episodes.spec, features[0].device
    rows = torch.from_numpy(first_row[episodes.characters][..., None] + episodes.drawers).to(device)  # [E, N, K + Q]
    support_rows, query_rows = rows[..., : spec.k_shot].flatten(1), rows[..., spec.k_shot :].flatten(1)
    first_copies = range(0, len(features[0]), n_images)  # rows of the drawings themselves and of each set of copies
    support_rows = torch.cat([support_rows + first for first in first_copies], dim=1)
    support_y = spec.support_labels().to(device).repeat(len(first_copies))
    query_y = torch.arange(spec.n_way, device=device).repeat_interleave(spec.n_query)
    correct, by_class, adaptation = [], [], []
    for support, query in zip(support_rows.split(EPISODES_PER_PASS), query_rows.split(EPISODES_PER_PASS), strict=True):
        logits, loop = learner.answers_from_features(
            tuple(part[support] for part in features),
            support_y.expand(len(support), -1),
            tuple(part[query] for part in features),
            spec.n_way,
        )
        answers = torch.stack([step.argmax(-1) for step in logits], dim=1)  # [E, steps, N * Q]
        hits = answers == query_y
        adaptation.append(compare_answers(answers, query_y, loop))
        correct.append(hits.sum(-1))
        by_class.append(hits[:, -1].unflatten(-1, (spec.n_way, spec.n_query)).sum(-1))
    steps = learner.scored_steps
    total, total_by_class = (torch.cat(parts).cpu().numpy() for parts in (correct, by_class))
    return Scores(episodes, steps, total, total_by_class, join(adaptation) if len(steps) > 1 else None)


def adapt_seconds(learner: Learner, images: Tensor, episodes: Episodes, copies: Shifts = (), repeats: int = 9) -> float:
    """Return the median time, in seconds, to adapt to the images of one new episode and classify its queries.

    copies: shifts of the copies that enlarge the support set. repeats: number of episodes timed, one at a time, in eval
    mode.
    """
    learner.eval()
    times = []
    for index in range(repeats):
        support_x, support_y, query_x, _ = gather(images, episodes[index % len(episodes) : index % len(episodes) + 1])
        begin = time.perf_counter()
        with torch.no_grad():
            versions = [support_x[0], *(shifted(support_x[0], *shift) for shift in copies)]
            support = tuple(part[None] for part in learner.image_features(torch.cat(versions)))
            query = tuple(part[None] for part in learner.query_features(query_x[0]))
            labels = support_y.repeat(1, len(versions))
            logits = learner.logits_from_features(support, labels, query, episodes.spec.n_way)
        logits[-1].argmax(-1).cpu()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))
