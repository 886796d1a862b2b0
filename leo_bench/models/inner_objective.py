"""Objective of the inner loop: the examples on which its loss is computed (the setting inner_examples).

At one shot a good start has a support loss near zero, so gradient steps on it change little. `shifted` and
`leave_one_out` leave the loop more to do.

Letters: E episodes, N classes, K shots, D latent_dim, F length of the features.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

LogitsOn = Callable[[Tensor], Callable[[Tensor], Tensor]]
"""Features [E, M, F] -> the function from class codes [E, N, D] to their logits [E, M, N]."""


class Support(NamedTuple):
    """Features and codes of a support set."""

    features: Tensor
    """[E, N * K, F]"""
    codes: Tensor
    """[E, N * K, D]: codes of single images."""
    copies: Tensor
    """[E, N * K, n_copies, F]: features of each image's copies."""


class Start(NamedTuple):
    """Start of the inner loop, and the functions of the model that it uses."""

    support: Support
    support_y: Tensor
    """int64 [E, N * K]"""
    codes: Tensor
    """Initial class codes [E, N, D]."""
    refine: Callable[[Tensor], Tensor]
    """Class means of image codes [E, N, D] -> class codes."""
    logits_on: LogitsOn


class Objective(NamedTuple):
    """Logits as a function of the class codes, and the labels of their cross-entropy."""

    logits: Callable[[Tensor], Tensor]
    """Class codes [E, N, D] -> [E, M, N]."""
    labels: Tensor
    """int64 [E, M]"""


class OnSupport:
    """The support set (the document, Rusu et al. 2019)."""

    n_copies = 0
    """Copies of each support image whose features are needed."""

    def copies(self, images: Tensor) -> Tensor:
        """Return the n_copies copies of each image, [M, n_copies, 1, H, W]; images: [M, 1, H, W]."""
        return images[:, None][:, :0]

    def objective(self, at: Start) -> Objective:
        """Return the objective of the inner loop."""
        return Objective(at.logits_on(at.support.features), at.support_y)


class Shifted(OnSupport):
    """The support set and four copies of each image, shifted by one pixel left, right, up and down.

    These are five times as many examples, so a summed loss has about five times the gradient.
    """

    n_copies = 4

    def copies(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        framed = F.pad(images, (1, 1, 1, 1))
        corners = ((1, 0), (1, 2), (0, 1), (2, 1))
        return torch.stack([framed[..., y : y + height, x : x + width] for y, x in corners], dim=1)

    def objective(self, at: Start) -> Objective:
        features = torch.cat([at.support.features[:, :, None], at.support.copies], dim=2).flatten(1, 2)
        labels = at.support_y.repeat_interleave(1 + self.n_copies, dim=1)
        return Objective(at.logits_on(features), labels)


class LeaveOneOut(OnSupport):
    """Each support image, classified with the code of its class from the other K - 1 images.

    The change of the class codes so far in the inner loop is added to these codes.
    """

    def objective(self, at: Start) -> Objective:
        support = at.support
        n_episodes, n_support = at.support_y.shape
        member = F.one_hot(at.support_y, at.codes.shape[1]).to(at.codes.dtype)  # [E, N * K, N]
        sums = member.transpose(1, 2) @ support.codes  # [E, N, D]
        k_shot = member.sum(1)[..., None]
        own = member[..., None]  # 1 at the class of each example
        without = torch.where(
            own > 0,
            ((sums[:, None] - support.codes[:, :, None]) / (k_shot[:, None] - 1)),
            (sums / k_shot)[:, None],
        )  # [E, N * K, N, D]
        one_by_one = at.logits_on(support.features.flatten(0, 1)[:, None])
        refined = at.refine(without.flatten(0, 1)).unflatten(0, (n_episodes, n_support))

        def logits(point: Tensor) -> Tensor:
            moved = refined + (point - at.codes)[:, None]
            return one_by_one(moved.flatten(0, 1)).view(n_episodes, n_support, -1)

        return Objective(logits, at.support_y)


INNER_EXAMPLES = {"support": OnSupport, "shifted": Shifted, "leave_one_out": LeaveOneOut}
