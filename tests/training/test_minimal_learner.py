"""A learner that defines `episode_logits` alone can be trained and scored."""

from typing import Any

import numpy as np
import torch
from tiny_bank import tiny_bank
from torch import Tensor, nn

from leo_bench.config import make_settings
from leo_bench.data.episodes import EpisodeSpec, fixed_episodes, gather
from leo_bench.learners.base import Learner, initialised
from leo_bench.models.prototypes import nearest_mean_logits
from leo_bench.training.evaluate import adapt_seconds, score
from leo_bench.training.outer_loop import train

SIZES: dict[str, Any] = {"dataset": "glyphs", "image_size": 16, "n_way": 3, "k_shot": 2, "n_query": 3}
BUDGET: dict[str, Any] = {"n_train_episodes": 80, "meta_batch_size": 2, "val_every": 40, "n_val_episodes": 4}


class LinearPrototypes(Learner):
    """Class means of a linear map of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        with initialised(0, "map"):
            self.map = nn.Linear(16 * 16, 8)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        support, query = (self.map(images.flatten(2)) for images in (support_x, query_x))
        return [nearest_mean_logits(support, support_y, query, n_way)]


def test_it_trains_and_is_scored() -> None:
    bank, settings, learner = tiny_bank(), make_settings({**SIZES, **BUDGET, "outer_lr": 0.01}), LinearPrototypes()
    before = learner.map.weight.detach().clone()
    history = train(learner, bank, settings)
    assert [episode for episode, *_ in history.validation] == [40, 80]
    assert np.isfinite([loss for _, loss, *_ in history.curve]).all()
    assert not torch.equal(learner.map.weight, before)

    episodes = fixed_episodes(bank, "lake", "test", EpisodeSpec(4, 1, 3), 6)
    (scores,) = score(learner, bank, [episodes])
    assert scores.steps == [0]
    support_x, support_y, query_x, query_y = gather(bank.images, episodes)
    with torch.no_grad():
        (logits,) = learner.episode_logits(support_x, support_y, query_x, 4)
    assert scores.correct[:, 0].tolist() == (logits.argmax(-1) == query_y).sum(1).tolist()
    assert adapt_seconds(learner, bank.images, episodes, repeats=2) > 0
    assert learner.batch_norm == "none"
