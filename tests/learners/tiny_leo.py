"""Tiny settings and random episodes for the learners' tests: 3-way 2-shot with 2 queries, 16x16, labels in no order."""

from typing import Any

import torch
from torch import Tensor

from leo_bench.config import Settings, TestSettings, make_settings
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build

N_WAY, K_SHOT, N_QUERY, SIZE = 3, 2, 2, 16

VARIANTS: dict[str, dict[str, Any]] = {
    "leo": {"decode": "class"},
    "documented": {},
    "no relation": {"decode": "class", "relation": "none"},
    "shared encoder": {"decode": "class", "encoder": "shared"},
    "shared encoder, no relation": {"decode": "class", "encoder": "shared", "relation": "none"},
    "documented, shared encoder": {"encoder": "shared"},
    "first order": {"decode": "class", "second_order": False},
    "no inner steps": {"decode": "class", "inner_steps": 0},
    "full": {"decode": "class", "generated": "full"},
    "full, shared encoder": {"decode": "class", "generated": "full", "encoder": "shared"},
    "full, first order, no relation": {
        "decode": "class",
        "generated": "full",
        "second_order": False,
        "relation": "none",
    },
    "attention in two rounds": {"decode": "class", "relation": "attention", "relation_rounds": 2},
    "relation to itself": {"decode": "class", "relation": "own", "relation_residual": True},
    "shuffled neighbours": {"decode": "class", "relation": "shuffled", "relation_rounds": 2},
    "two conditioned decoders": {"decode": "class", "n_decoders": 2, "task_conditioned": True},
    "linear decoder, rates per step": {"decode": "class", "decoder": "linear", "inner_lr_mode": "per_step"},
    "narrow": {"decode": "class", "width": 8},
    "full and narrow": {"decode": "class", "generated": "full", "width": 8},
    "fine-tuning": {"decode": "class", "finetune_steps": 2, "finetune_lr": 0.3},
    "shifted copies": {"decode": "class", "inner_examples": "shifted"},
    "leave one out": {"decode": "class", "inner_examples": "leave_one_out"},
    "drawn codes and weights": {"decode": "class", "latent": "gaussian", "decoded_weights": "gaussian"},
    "learned rate": {"decode": "class", "inner_lr_mode": "learned"},
    "learned rate, no inner steps": {
        "decode": "class",
        "inner_lr_mode": "learned",
        "inner_steps": 0,
        "finetune_steps": 1,
    },
    "started as prototypes": {
        "decode": "class",
        "encoder": "shared",
        "decoder": "linear",
        "decoder_start": "encoder",
        "relation_residual": True,
        "head_bias": "distance",
        "logit_scale": "learned",
    },
    "prototypes plus a decoded part": {"decode": "class", "head_start": "prototype", "head_bias": "distance"},
    "no encoder": {"decode": "class", "encoder": "none", "relation": "none"},
    "full, fine-tuning, linear": {"decode": "class", "generated": "full", "finetune_steps": 1, "decoder": "linear"},
}
"""Variants of LEO: settings of each besides the tiny ones."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def tiny(**changes: Any) -> Settings:
    sizes = {"image_size": SIZE, "n_way": N_WAY, "k_shot": K_SHOT, "n_query": N_QUERY}
    return make_settings({**sizes, "width": 16, "latent_dim": 5, "inner_steps": 2, "inner_lr": 0.5, **changes})


def random_batch(n_episodes: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32, size: int = SIZE) -> Batch:
    """A meta-batch of noise images; each episode's labels in another order."""
    generator = torch.Generator().manual_seed(seed)
    sets: list[Tensor] = []
    for n_images in (K_SHOT, N_QUERY):
        labels = torch.arange(N_WAY).repeat(n_images)
        orders = [torch.randperm(len(labels), generator=generator) for _ in range(n_episodes)]
        sets.append(torch.rand(n_episodes, len(labels), 1, size, size, generator=generator, dtype=dtype))
        sets.append(torch.stack([labels[order] for order in orders]))
    support_x, support_y, query_x, query_y = sets
    return support_x, support_y, query_x, query_y


def stirred(settings: Settings, dtype: torch.dtype = torch.float32) -> Learner:
    """Build a learner and move all parameters and running statistics off their start; some scales become negative."""
    learner = build(settings).to(dtype)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in learner.named_parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator, dtype=dtype)
            if name.endswith("norm.weight"):
                parameter[::5] *= -1
        for name, buffer in learner.named_buffers():
            if "running" in name:
                buffer += 0.3 * torch.rand(buffer.shape, generator=generator, dtype=dtype)
    return learner


def copy_of_state(learner: Learner) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in learner.state_dict().items()}


def at_test(**method: Any) -> TestSettings:
    """A test with this classifier and inner loop; its episodes do not matter."""
    episodes = {"dataset": "glyphs", "split": "test", "episode_mode": "mixed", "n_test_episodes": 2}
    return TestSettings(**episodes, n_way=N_WAY, k_shot=K_SHOT, n_query=N_QUERY, **method)
