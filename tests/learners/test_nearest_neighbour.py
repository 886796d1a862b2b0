"""Nearest neighbour: by hand, at one shot, and under another order of the support set."""

import torch
import torch.nn.functional as F
from tiny_leo import K_SHOT, N_WAY, random_batch, stirred, tiny

from leo_bench.models.prototypes import nearest_mean_logits, nearest_neighbour_logits


def test_three_support_points_on_a_line_by_hand() -> None:
    # Class 0 at 0 and 10, class 1 at 4. From 9 the nearest points are 10 (distance 1) and 4 (5); from 3 they are 0 (3)
    # and 4 (1). The mean of class 0 is 5, at distance 4 from 9 and 2 from 3.
    support, labels = torch.tensor([[[0.0], [4.0], [10.0]]]), torch.tensor([[0, 1, 0]])
    query = torch.tensor([[[9.0], [3.0]]])
    assert nearest_neighbour_logits(support, labels, query, 2).tolist() == [[[-1, -25], [-9, -1]]]
    assert nearest_mean_logits(support, labels, query, 2).tolist() == [[[-16, -25], [-4, -1]]]


def test_it_differs_from_the_class_mean_where_a_class_has_two_far_points() -> None:
    # Class 0 at 0 and 10 with mean 5, class 1 at 7. A query at 9 is nearest to 10 (1 against 4), but nearer to the mean
    # 7 than to the mean 5 (4 against 16).
    support, labels, query = torch.tensor([[[0.0], [7.0], [10.0]]]), torch.tensor([[0, 1, 0]]), torch.tensor([[[9.0]]])
    assert nearest_neighbour_logits(support, labels, query, 2).argmax() == 0
    assert nearest_mean_logits(support, labels, query, 2).argmax() == 1


def test_at_one_shot_it_is_the_class_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    support, query = (torch.randn(2, n, 7, generator=generator, dtype=torch.float64) for n in (3, 5))
    labels = torch.tensor([[2, 0, 1], [0, 1, 2]])
    nearest, mean = (logits(support, labels, query, 3) for logits in (nearest_neighbour_logits, nearest_mean_logits))
    torch.testing.assert_close(nearest, mean, rtol=1e-10, atol=1e-10)


def test_the_order_of_the_support_set_does_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    support, query = (torch.randn(1, n, 7, generator=generator) for n in (6, 5))
    labels, order = torch.tensor([[0, 1, 2, 0, 1, 2]]), torch.tensor([3, 5, 0, 2, 4, 1])
    first = nearest_neighbour_logits(support, labels, query, 3)
    assert torch.equal(nearest_neighbour_logits(support[:, order], labels[:, order], query, 3), first)


def test_the_learner_answers_with_the_nearest_image_in_features_and_trains_on_class_means() -> None:
    learner, prototypes = (stirred(tiny(learner=name)) for name in ("nearest_neighbour", "protonet"))
    support_x, support_y, query_x, query_y = random_batch()
    with torch.no_grad():
        (logits,) = learner.eval().episode_logits(support_x, support_y, query_x, N_WAY)
        for episode in range(2):
            support, query = (learner.backbone(images[episode]) for images in (support_x, query_x))
            for label in range(N_WAY):
                own = support[support_y[episode] == label]
                assert len(own) == K_SHOT
                expected = -torch.stack([((query - point) ** 2).sum(1) for point in own]).amin(0)
                torch.testing.assert_close(logits[episode, :, label], expected, rtol=1e-3, atol=1e-3)
    losses = [one.train().loss(support_x, support_y, query_x, query_y, N_WAY)[0] for one in (learner, prototypes)]
    assert losses[0] == losses[1]
    (of_means,) = prototypes.episode_logits(support_x, support_y, query_x, N_WAY)
    torch.testing.assert_close(losses[0], F.cross_entropy(of_means.flatten(0, 1), query_y.flatten()))
