"""Nearest class means, by hand and image by image."""

import pytest
import torch
from tiny_leo import N_QUERY, N_WAY, random_batch, stirred, tiny

from leo_bench.models.prototypes import nearest_mean_logits


def test_minus_the_squared_distance_to_each_mean_by_hand() -> None:
    # Class 0: mean of (0, 0) and (2, 0) is (1, 0); class 1: mean of (0, 4) and (0, 6) is (0, 5). The query is (1, 2).
    support = torch.tensor([[[0.0, 0.0], [0.0, 4.0], [2.0, 0.0], [0.0, 6.0]]])
    logits = nearest_mean_logits(support, torch.tensor([[0, 1, 0, 1]]), torch.tensor([[[1.0, 2.0]]]), 2)
    assert logits.tolist() == [[[-4.0, -10.0]]]


def test_pixels_take_the_nearest_mean_image() -> None:
    learner = stirred(tiny(learner="pixels"))
    support_x, support_y, query_x, _ = random_batch()
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    for episode in range(2):
        for query in range(N_WAY * N_QUERY):
            for label in range(N_WAY):
                mean = support_x[episode][support_y[episode] == label].mean(0)
                expected = -((query_x[episode, query] - mean) ** 2).sum()
                torch.testing.assert_close(logits[episode, query, label], expected, rtol=1e-4, atol=1e-4)
    assert not list(learner.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_protonet_takes_the_nearest_mean_of_features(training: bool) -> None:
    learner = stirred(tiny(learner="protonet")).train(training)
    support_x, support_y, query_x, _ = random_batch()
    (logits,) = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    for episode in range(2):
        features = learner.backbone(torch.cat([support_x[episode], query_x[episode]]))
        n_support = len(support_x[episode])
        for label in range(N_WAY):
            mean = features[:n_support][support_y[episode] == label].mean(0)
            expected = -((features[n_support:] - mean) ** 2).sum(1)
            torch.testing.assert_close(logits[episode, :, label], expected, rtol=1e-3, atol=1e-3)
