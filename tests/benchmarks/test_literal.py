"""Literal algorithm, the reference for speed: it computes the same numbers as the package."""

import torch

from benchmarks.literal import LiteralLeo
from leo_bench.config import make_settings
from leo_bench.learners.factory import build


def test_the_literal_algorithm_and_the_preset_leo_give_the_same_answers() -> None:
    # In eval mode, where normalisation does not depend on which images pass together.
    torch.manual_seed(0)
    literal = LiteralLeo(image_size=16, latent_dim=8, inner_steps=2, inner_lr=0.5).eval()
    settings = make_settings({"image_size": 16, "latent_dim": 8, "inner_steps": 2, "inner_lr": 0.5, "n_way": 3}, "leo")
    learner = build(settings).eval()
    state = {}
    for ours, theirs in (("classifier.backbone", "classifier"), ("encoder.backbone", "encoder.0")):
        for block in range(4):
            for part, index in (("conv", 4 * block), ("norm", 4 * block + 1)):
                for name, value in literal.get_submodule(f"{theirs}.{index}").state_dict().items():
                    state[f"{ours}.blocks.{block}.{part}.{name}"] = value
    for ours, theirs in (
        *(("encoder.fc", "encoder.1"), ("relation_net.fc1", "relation.0"), ("relation_net.fc2", "relation.2")),
        *(("decoder.fc1", "decoder.0"), ("decoder.fc2", "decoder.2"), ("decoder.fc3", "decoder.4")),
    ):
        for name, value in literal.get_submodule(theirs).state_dict().items():
            state[f"{ours}.{name}"] = value
    learner.load_state_dict(state)

    generator = torch.Generator().manual_seed(1)
    support_x, query_x = (torch.rand(n, 1, 16, 16, generator=generator) for n in (6, 5))
    support_y = torch.tensor([0, 0, 1, 1, 2, 2])
    expected = literal.logits(literal.adapt(support_x, support_y, 3), query_x)
    before = literal.logits(literal.encode(support_x, support_y, 3), query_x)
    logits = learner.episode_logits(support_x[None], support_y[None], query_x[None], 3)
    torch.testing.assert_close(logits[-1][0], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits[0][0], before, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(expected, before, rtol=1e-3)


def test_a_literal_step_learns() -> None:
    torch.manual_seed(0)
    literal = LiteralLeo(image_size=16, latent_dim=8, inner_steps=1)
    optimizer = torch.optim.Adam(literal.parameters(), lr=1e-2)
    images = torch.rand(2, 3, 1, 16, 16)
    labels = torch.arange(3).expand(2, 3)
    losses = [literal.outer_step(optimizer, (images, labels, images, labels), 3) for _ in range(15)]
    assert losses[-1] < losses[0] / 2
