"""Multiply-adds, counted and not timed: the same number on any machine."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from leo_bench.config import Settings
from leo_bench.learners.factory import build


class _Counter(TorchDispatchMode):
    """Counts the floating-point operations of matrix products and convolutions, by torch's own formulas.

    torch's FlopCounterMode does the same, and cannot follow gradients that are taken inside (the inner loop's).
    """

    operations = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), options: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*arguments, **(options or {}))
        formula = flop_registry.get(function._overloadpacket)
        if formula:
            self.operations += formula(*arguments, **(options or {}), out_val=result)
        return result


def multiply_adds(settings: Settings) -> int:
    """From the images of one episode (n_way, k_shot, n_query) to the answers for its queries, adaptation included: the
    multiplications of convolutions and matrix products, each with its addition.

    Counted on tensors without content, by the plain form of each operation; a CPU's fast convolutions need fewer.
    """
    learner = build(settings).to("meta").eval()
    n_support, n_query = settings.n_way * settings.k_shot, settings.n_way * settings.n_query
    size = settings.image_size
    support, query = (torch.empty(n, 1, size, size, device="meta") for n in (n_support, n_query))
    support_y = torch.empty(1, n_support, dtype=torch.int64, device="meta")
    with _Counter() as counter, torch.no_grad():
        learner.logits_from_features(
            tuple(table[None] for table in learner.image_features(support)),
            support_y,
            tuple(table[None] for table in learner.query_features(query)),
            settings.n_way,
        )
    return counter.operations // 2
