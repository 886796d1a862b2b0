"""Changes of answers by adaptation, from before the first step to after the last.

Letters as in leo_bench/learners/base.py; E episodes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leo_bench.learners.inner_loop import LoopStatistics


class Adaptation(NamedTuple):
    """Effect of adaptation on each episode."""

    changed: Tensor
    """Answers that differ before and after adaptation, int64 [E], of N * Q queries each."""
    corrected: Tensor
    """Answers that are wrong before and right after, int64 [E]."""
    spoiled: Tensor
    """Answers that are right before and wrong after, int64 [E]."""
    loop: LoopStatistics | None
    """Losses and distances of the inner loop, if the learner gives them."""


def compare_answers(answers: Tensor, labels: Tensor, loop: LoopStatistics | None) -> Adaptation:
    """Compare the answers at the first scored step with those at the last.

    answers: classes, int64 [E, steps, N * Q]. labels: true classes, int64 [N * Q].
    """
    first, last = answers[:, 0], answers[:, -1]
    was_right, is_right = first == labels, last == labels
    return Adaptation((first != last).sum(-1), (~was_right & is_right).sum(-1), (was_right & ~is_right).sum(-1), loop)


def join(parts: Sequence[Adaptation]) -> Adaptation:
    """Join the parts of a list of episodes, on the CPU. All have the same statistics."""
    return Adaptation(
        torch.cat([part.changed for part in parts]).cpu(),
        torch.cat([part.corrected for part in parts]).cpu(),
        torch.cat([part.spoiled for part in parts]).cpu(),
        _joined([part.loop for part in parts if part.loop is not None]),
    )


def _joined(parts: Sequence[LoopStatistics]) -> LoopStatistics | None:
    if not parts:
        return None
    whole: dict[str, Any] = {
        name: None if getattr(parts[0], name) is None else torch.cat([getattr(part, name) for part in parts]).cpu()
        for name in LoopStatistics._fields
    }
    return LoopStatistics(**whole)
