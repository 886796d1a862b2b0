"""Generator of changes to all CNN layers from one code (`generated=full`)."""

import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.models.backbone import BLOCKS, WIDTH
from leo_bench.models.decoder import HIDDEN


class CnnGenerator(nn.Module):
    """Decodes the mean class code of an episode into changes of all layers of a Conv-4 (our design).

    The kernels of a block, as a matrix [C, n_in * 9], change by U(z) V: V [rank, n_in * 9] is meta-learned, U(z)
    [C, rank] is decoded, so that the decoder stays trainable. Scale and shift of each normalisation change by
    decoded vectors. There are no convolution biases, since normalisation would cancel them. All changes are zero
    before training.
    """

    def __init__(self, latent_dim: int, rank: int = 8, width: int = WIDTH) -> None:
        super().__init__()
        self.rank, self.width = rank, width
        self.fc1 = nn.Linear(latent_dim, HIDDEN[0])
        self.fc2 = nn.Linear(*HIDDEN)
        self.fc3 = nn.Linear(HIDDEN[1], BLOCKS * width * (rank + 2))
        nn.init.zeros_(self.fc3.weight)
        nn.init.zeros_(self.fc3.bias)
        inputs = [9 if block == 0 else 9 * width for block in range(BLOCKS)]
        self.directions = nn.ParameterList(nn.init.normal_(Tensor(rank, n), std=n**-0.5) for n in inputs)

    @property
    def n_generated(self) -> int:
        """Length of the decoded vector of an episode: coordinates U(z) of the kernels, scales and shifts."""
        return self.fc3.out_features

    def forward(self, code: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return the changes of each block, from code [E, latent_dim].

        They are those of kernels [E, C, n_in, 3, 3], scale [E, C] and shift [E, C].
        """
        flat = self.fc3(F.relu(self.fc2(F.relu(self.fc1(code)))))
        changes = []
        for block, directions in zip(
            flat.unflatten(-1, (BLOCKS, self.width, self.rank + 2)).unbind(1), self.directions, strict=True
        ):
            kernels = (block[..., : self.rank] @ directions).unflatten(-1, (-1, 3, 3))
            changes.append((kernels, block[..., self.rank], block[..., self.rank + 1]))
        return changes
