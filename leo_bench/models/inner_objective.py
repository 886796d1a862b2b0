"""What an inner loop's loss is measured on.

At one shot a good start leaves the support set's loss near zero, and steps on it change little; the other choices give
the loop something to do. Letters: E episodes, N classes, K shots, D latent_dim, F length of the features.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

HeadLogits = Callable[[Tensor, Tensor], Tensor]
"""Class codes [E, N, D] and features [E, M, F] -> logits [E, M, N]."""


class Support(NamedTuple):
    """A support set as the CNN and the encoder see it."""

    features: Tensor
    """[E, N * K, F]"""
    codes: Tensor
    """[E, N * K, D], of single images."""
    copies: Tensor
    """[E, N * K, n_copies, F]: features of each image's copies."""


class Start(NamedTuple):
    """Where the inner loop starts, and what it may use."""

    support: Support
    support_y: Tensor
    """int64 [E, N * K]"""
    codes: Tensor
    """Of the classes, [E, N, D]."""
    refine: Callable[[Tensor], Tensor]
    """Class means of image codes [E, N, D] -> class codes."""
    head_logits: HeadLogits


class Objective(NamedTuple):
    """What the inner loop minimises: logits of a point, and the classes that they should name."""

    logits: Callable[[Tensor], Tensor]
    """Class codes [E, N, D] -> [E, M, N]."""
    labels: Tensor
    """int64 [E, M]"""


class OnSupport:
    """The support set itself (the document, Rusu et al. 2019)."""

    n_copies = 0
    """Copies of each support image whose features are wanted too."""

    def copies(self, images: Tensor) -> Tensor:
        """images: [M, 1, H, W]. Returns the n_copies of each, [M, n_copies, 1, H, W]: none."""
        return images[:, None][:, :0]

    def objective(self, at: Start) -> Objective:
        """What the inner loop minimises."""
        return Objective(lambda point: at.head_logits(point, at.support.features), at.support_y)


class Shifted(OnSupport):
    """The support set and copies of each image, shifted by one pixel left, right, up and down: five times as many
    examples, so that a summed loss has five times the gradient."""

    n_copies = 4

    def copies(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        framed = F.pad(images, (1, 1, 1, 1))
        corners = ((1, 0), (1, 2), (0, 1), (2, 1))
        return torch.stack([framed[..., y : y + height, x : x + width] for y, x in corners], dim=1)

    def objective(self, at: Start) -> Objective:
        features = torch.cat([at.support.features[:, :, None], at.support.copies], dim=2).flatten(1, 2)
        labels = at.support_y.repeat_interleave(1 + self.n_copies, dim=1)
        return Objective(lambda point: at.head_logits(point, features), labels)


class LeaveOneOut(OnSupport):
    """Each example, answered with its class's code from the other K - 1 examples, moved as far as the inner loop has
    moved the codes of all."""

    def objective(self, at: Start) -> Objective:
        support = at.support
        n_episodes, n_support = at.support_y.shape
        member = F.one_hot(at.support_y, at.codes.shape[1]).to(at.codes.dtype)  # [E, N * K, N]
        sums = member.transpose(1, 2) @ support.codes  # [E, N, D]
        k_shot = member.sum(1)[..., None]
        own = member[..., None]  # for each example: which class is its own
        without = torch.where(
            own > 0,
            ((sums[:, None] - support.codes[:, :, None]) / (k_shot[:, None] - 1)),
            (sums / k_shot)[:, None],
        )  # [E, N * K, N, D]
        refined = at.refine(without.flatten(0, 1)).unflatten(0, (n_episodes, n_support))

        def logits(point: Tensor) -> Tensor:
            moved = refined + (point - at.codes)[:, None]
            each = at.head_logits(moved.flatten(0, 1), support.features.flatten(0, 1)[:, None])
            return each.view(n_episodes, n_support, -1)

        return Objective(logits, at.support_y)


INNER_EXAMPLES = {"support": OnSupport, "shifted": Shifted, "leave_one_out": LeaveOneOut}
