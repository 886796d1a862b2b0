"""Encoder and decoder that stay an orthogonal map and its transpose (frozen_maps)."""

from typing import Any

import torch
from tiny_leo import K_SHOT, N_WAY, random_batch, tiny
from torch import Tensor

from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo
from leo_bench.models.encoder import SharedEncoder
from leo_bench.models.prototypes import class_means

MAPS: dict[str, Any] = {
    "decode": "class",
    "encoder": "shared",
    "decoder": "linear",
    "decoder_start": "encoder",
    "relation": "none",
    "head_bias": "distance",
    "latent_dim": 16,
    "inner_loss": "class_mean",
    "inner_lr": 0.05,
    "inner_temperature": 2.0,
    "inner_steps": 3,
}
"""Codes as long as the features of 16x16 images."""


def trained(learner: Learner) -> Learner:
    """Take five steps of gradient descent."""
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    for seed in range(5):
        optimizer.zero_grad()
        learner.train().loss(*random_batch(seed=seed), N_WAY)[0].backward()
        optimizer.step()
    return learner.eval()


def maps(learner: Learner) -> tuple[Tensor, Tensor]:
    assert isinstance(learner, Leo)
    assert isinstance(learner.encoder, SharedEncoder)
    decoder = next(part for name, part in learner.decoder.named_parameters() if name.endswith("fc.weight"))
    return learner.encoder.fc.weight.detach(), decoder.detach()


def test_frozen_maps_stay_orthogonal_and_each_others_transpose() -> None:
    for frozen in (True, False):
        encoder, decoder = maps(trained(build(tiny(**MAPS, frozen_maps=frozen))))
        orthogonal = torch.allclose(encoder @ encoder.T, torch.eye(16), atol=1e-5)
        assert orthogonal == torch.equal(decoder[:-1], encoder.T) == frozen


def test_codes_as_long_as_the_features_decode_to_the_prototypes_and_descend_as_weights_do() -> None:
    learner = trained(build(tiny(**MAPS, frozen_maps=True)))
    assert isinstance(learner, Leo)
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        support = learner.image_features(support_x.flatten(0, 1))[0].unflatten(0, support_x.shape[:2])
        query = learner.image_features(query_x.flatten(0, 1))[0].unflatten(0, query_x.shape[:2])
        known = (support, learner.encoder.encode(support_x, support), support[:, :, None][:, :, :0])
        found = learner.logits_from_features(known, support_y, (query,), N_WAY)
    # the same loop on the weights themselves, one episode and one gradient at a time
    for episode in range(len(support)):
        weights = class_means(support[episode][None], support_y[episode][None], N_WAY)[0]
        for step, logits in enumerate(found):
            expected = query[episode] @ weights.T - weights.square().sum(-1) / 2
            torch.testing.assert_close(logits[episode], expected, rtol=1e-3, atol=1e-3, msg=str(step))
            weights = weights.detach().requires_grad_()
            loss = torch.zeros(())
            for own in range(N_WAY):
                images = support[episode][support_y[episode] == own]
                rows = (images @ weights.T - weights.square().sum(-1) / 2) / 2.0
                loss = loss + (rows.logsumexp(-1) - rows[:, own]).sum() / K_SHOT
            weights = (weights - 0.05 * torch.autograd.grad(loss, weights)[0]).detach()
    assert not torch.equal(found[0], found[-1])
