"""Literal MAML, the reference for speed: it computes the same numbers as the package."""

import torch

from benchmarks.literal_maml import LiteralMaml
from leo_bench.config import make_settings
from leo_bench.learners.factory import build
from leo_bench.learners.maml import Maml

SIZES = {"image_size": 16, "n_way": 3, "inner_steps": 2, "inner_lr": 0.5}


def test_the_literal_loop_and_the_learner_take_the_same_step() -> None:
    torch.manual_seed(0)
    literal = LiteralMaml(16, 3, inner_steps=2, inner_lr=0.5)
    learner = build(make_settings({**SIZES, "learner": "maml", "transductive": True})).train()
    assert isinstance(learner, Maml)
    parts = dict(literal.net.named_parameters())
    with torch.no_grad():
        learner.classifier.fc.weight.copy_(parts["1.weight"])
        learner.classifier.fc.bias.copy_(parts["1.bias"])
        for index, block in enumerate(learner.classifier.backbone.blocks):
            block.conv.weight.copy_(parts[f"0.{4 * index}.weight"])
            block.norm.weight.copy_(parts[f"0.{4 * index + 1}.weight"])
            block.norm.bias.copy_(parts[f"0.{4 * index + 1}.bias"])
    images = torch.rand(2, 9, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(3).expand(2, 3)
    batch = (images[:, :3], labels, images[:, 3:], labels.repeat(1, 2))
    optimizer = torch.optim.SGD(literal.parameters(), lr=0.0)
    expected = literal.outer_step(optimizer, batch)
    loss, _ = learner.loss(*batch, 3)
    assert abs(loss.item() - expected) < 1e-4
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
    torch.testing.assert_close(learner.classifier.fc.weight.grad, parts["1.weight"].grad, rtol=1e-2, atol=1e-4)
    kernel = learner.classifier.backbone.blocks[1].conv.weight
    torch.testing.assert_close(kernel.grad, parts["0.4.weight"].grad, rtol=1e-2, atol=1e-4)


def test_a_literal_step_learns() -> None:
    torch.manual_seed(0)
    literal = LiteralMaml(16, 3, inner_steps=1)
    optimizer = torch.optim.Adam(literal.parameters(), lr=1e-2)
    images = torch.rand(2, 3, 1, 16, 16)
    labels = torch.arange(3).expand(2, 3)
    losses = [literal.outer_step(optimizer, (images, labels, images, labels)) for _ in range(15)]
    assert losses[-1] < losses[0] / 2
