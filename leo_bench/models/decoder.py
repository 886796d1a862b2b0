"""Decoders: from latent codes to weights."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.errors import LeoBenchError
from leo_bench.models.backbone import BLOCKS, WIDTH

HIDDEN = (256, 512)
"""Widths of the decoder's hidden layers (the document, LEODecoder)."""


class LEODecoder(nn.Module):
    """Head weights from codes: linear layers of 256 and 512 with ReLU, then one to the weights (the document,
    LEODecoder).

    decode="task": the mean of the class codes decodes all rows at once, num_classes * (feature_dim + 1) numbers (the
    document). decode="class": each class's code decodes its own row, feature_dim + 1 numbers (Rusu et al. 2019), for
    any number of classes.
    """

    def __init__(
        self, latent_dim: int = 64, num_classes: int = 5, feature_dim: int = 2304, decode: str = "task"
    ) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.num_classes = num_classes
        self.per_class = decode == "class"
        rows = 1 if self.per_class else num_classes
        self.param_shapes = [("fc.weight", (rows, feature_dim)), ("fc.bias", (rows,))]
        self.total_param_count = sum(math.prod(shape) for _, shape in self.param_shapes)
        self.fc1 = nn.Linear(latent_dim, HIDDEN[0])
        self.fc2 = nn.Linear(*HIDDEN)
        self.fc3 = nn.Linear(HIDDEN[1], self.total_param_count)

    def flat(self, codes: Tensor) -> Tensor:
        """codes: [..., latent_dim]. Returns [..., total_param_count]: the weights as flat vectors, fc.weight before
        fc.bias."""
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(codes)))))

    def head(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Class codes [E, N, latent_dim] -> weight [E, N, feature_dim] and bias [E, N] of each episode's head."""
        if self.per_class:
            rows = self.flat(codes)
            return rows[..., :-1], rows[..., -1]
        if codes.shape[-2] != self.num_classes:
            raise LeoBenchError(
                f"decode=task was built for {self.num_classes} classes, "
                f"the episode has {codes.shape[-2]}; set decode to class"
            )
        flat = self.flat(codes.mean(-2))
        weight, bias = flat.split([self.num_classes * self.feature_dim, self.num_classes], dim=-1)
        return weight.unflatten(-1, (self.num_classes, self.feature_dim)), bias

    def forward(self, codes: Tensor) -> dict[str, Tensor]:
        """One episode's head: codes [N, latent_dim], or one pooled code [latent_dim] or [1, latent_dim] with
        decode="task".

        Returns {"fc.weight": [N, feature_dim], "fc.bias": [N]}.
        """
        if codes.dim() == 1:
            codes = codes[None]
        if not self.per_class and codes.shape[0] == 1:
            codes = codes.expand(self.num_classes, -1)
        weight, bias = self.head(codes[None])
        return {"fc.weight": weight[0], "fc.bias": bias[0]}


class CnnGenerator(nn.Module):
    """Changes to all layers of a Conv-4 from one pooled code: how `generated=full` generates the CNN (our design).

    The kernels of a block, as a matrix [64, n_in * 9], change by U(z) V: V [rank, n_in * 9] is meta-learned, U(z)
    [64, rank] is decoded, so that the decoder stays trainable. Scale and shift of each normalisation change by
    decoded vectors. Convolution biases are left out, since normalisation cancels them. Every change starts at zero,
    and so at the meta-learned weights.
    """

    def __init__(self, latent_dim: int, rank: int = 8) -> None:
        super().__init__()
        self.rank = rank
        self.fc1 = nn.Linear(latent_dim, HIDDEN[0])
        self.fc2 = nn.Linear(*HIDDEN)
        self.fc3 = nn.Linear(HIDDEN[1], BLOCKS * WIDTH * (rank + 2))
        nn.init.zeros_(self.fc3.weight)
        nn.init.zeros_(self.fc3.bias)
        inputs = [9 if block == 0 else 9 * WIDTH for block in range(BLOCKS)]
        self.directions = nn.ParameterList(nn.init.normal_(Tensor(rank, n), std=n**-0.5) for n in inputs)

    @property
    def n_generated(self) -> int:
        """Numbers that the decoder puts out per episode for the CNN (its kernels' coordinates, scales and shifts)."""
        return self.fc3.out_features

    def forward(self, code: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """code: [E, latent_dim]. Per block: change of kernels [E, 64, n_in, 3, 3], of scale [E, 64] and of shift [E,
        64]."""
        flat = self.fc3(F.relu(self.fc2(F.relu(self.fc1(code)))))
        changes = []
        for block, directions in zip(
            flat.unflatten(-1, (BLOCKS, WIDTH, self.rank + 2)).unbind(1), self.directions, strict=True
        ):
            kernels = (block[..., : self.rank] @ directions).unflatten(-1, (-1, 3, 3))
            changes.append((kernels, block[..., self.rank], block[..., self.rank + 1]))
        return changes
