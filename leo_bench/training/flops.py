"""Number of multiply-adds, counted instead of timed: the same on every machine."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from leo_bench.config import Settings
from leo_bench.learners.factory import build
from leo_bench.training.answering_once import answering_once


class _Counter(TorchDispatchMode):
    """Counts the floating-point operations of matrix products and convolutions, by torch's own formulas.

    torch's FlopCounterMode also counts them, but fails on gradients that are taken inside, as in the inner loop.
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
    """Return the multiply-adds to adapt to the images of one episode (n_way, k_shot, n_query) and classify its queries.

    The inner loop is that of training, and queries are answered after its last step; a head on features that stay as
    they are is applied after the others too, which costs next to nothing. Convolutions and matrix products are counted,
    in their plain form; the fast convolutions on a CPU need fewer. The tensors have no content, so nothing is computed.
    """
    learner = answering_once(build(settings).to("meta").eval())
    n_support, n_query = settings.n_way * settings.k_shot, settings.n_way * settings.n_query
    size = settings.image_size
    support, query = (torch.empty(n, 1, size, size, device="meta") for n in (n_support, n_query))
    support_y = torch.empty(1, n_support, dtype=torch.int64, device="meta")
    with _Counter() as counter, torch.no_grad():
        learner.logits_from_features(
            tuple(part[None] for part in learner.image_features(support)),
            support_y,
            tuple(part[None] for part in learner.query_features(query)),
            settings.n_way,
        )
    return counter.operations // 2
